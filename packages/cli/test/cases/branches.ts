/** `conditions`, `switch`, `sub_workflow` and `dependent`. */
import { same, type Case } from './case.ts';

/** `x` ends as `how` says; then one of two branches. */
function conditions(when: string, a: string, b = 'true'): string {
  return `tasks:
  a: { run: '${a}' }
  b: { run: '${b}' }
  check: { type: conditions, needs: [a, b], when: ${when}, success: [yes], failure: [no] }
  yes: { run: 'true', needs: [check] }
  no: { run: 'true', needs: [check] }
failurePolicy: continue
`;
}

const ROUTE = `params: { region: { default: cn }, n: { type: integer, default: 5 } }
tasks:
  choose:
    type: switch
    cases:
      - { when: '\${n} > 10 && \${region} == "cn"', goto: many }
      - { when: '\${region} in ["de", "fr"]', goto: [few, europe] }
    default: other
  many: { run: 'true', needs: [choose] }
  few: { run: 'true', needs: [choose] }
  europe: { run: 'true', needs: [choose] }
  other: { run: 'true', needs: [choose] }
  join: { run: 'true', needs: [many, few, europe, other] }
`;

const CHILD =
  "params: { who: nobody }\ntasks: { c: { run: 'echo child $who; {gate child}' }, d: { run: 'true', needs: [c] } }";
const PARENT =
  "tasks: { before: { run: 'true' }, sub: { type: sub_workflow, workflow: '{w}-child', needs: [before] }, after: { run: '{mark after}', needs: [sub] } }";

export const BRANCHES: Case[] = [
  {
    name: 'conditions that hold take the success branch',
    yaml: conditions('{ and: [{ task: a, state: succeeded }, { task: b, state: succeeded }] }', 'true'),
    ends: 'succeeded: a succeeded, b succeeded, check succeeded, yes succeeded, no skipped/branch',
  },
  {
    name: 'conditions handle a failure: the failure branch runs and the run succeeds',
    yaml: conditions('{ and: [{ task: a, state: succeeded }, { task: b, state: succeeded }] }', 'false'),
    ends: 'succeeded: a failed/exit, b succeeded, check succeeded, yes skipped/branch, no succeeded',
  },
  {
    name: 'OR holds when one does',
    yaml: conditions('{ or: [{ task: a, state: succeeded }, { task: b, state: succeeded }] }', 'false'),
    ends: 'succeeded: a failed/exit, b succeeded, check succeeded, yes succeeded, no skipped/branch',
  },
  {
    name: 'a condition may ask for a failure',
    yaml: conditions('{ task: a, state: failed }', 'false'),
    ends: 'succeeded: a failed/exit, b succeeded, check succeeded, yes succeeded, no skipped/branch',
  },
  {
    name: 'AND and OR inside one another',
    yaml: conditions(
      '{ or: [{ and: [{ task: a, state: succeeded }, { task: b, state: failed }] }, { and: [{ task: a, state: failed }, { task: b, state: succeeded }] }] }',
      'false',
      'false',
    ),
    ends: 'succeeded: a failed/exit, b failed/exit, check succeeded, yes skipped/branch, no succeeded',
  },
  {
    name: 'conditions look at a disabled predecessor as at a success',
    yaml: `tasks:
  a: { run: 'false', disabled: true }
  check: { type: conditions, needs: [a], when: { task: a, state: succeeded }, success: [yes], failure: [no] }
  yes: { run: 'true', needs: [check] }
  no: { run: 'true', needs: [check] }
`,
    ends: 'succeeded: a skipped/disabled, check succeeded, yes succeeded, no skipped/branch',
  },
  {
    name: 'a condition over a task that is no predecessor is refused',
    yaml: "tasks: { a: { run: 'true' }, b: { run: 'true' }, check: { type: conditions, needs: [a], when: { task: b, state: succeeded }, success: [c] }, c: { run: 'true', needs: [check] } }",
    refusedSave: /`b`/,
  },
  {
    name: 'the whole branch that is not taken is skipped, and a join of both runs',
    yaml: `tasks:
  a: { run: 'true' }
  check: { type: conditions, needs: [a], when: { task: a, state: succeeded }, success: [yes], failure: [no] }
  yes: { run: 'true', needs: [check] }
  no: { run: 'true', needs: [check] }
  no2: { run: 'true', needs: [no] }
  join: { run: '{mark join}', needs: [yes, no2] }
`,
    ends: 'succeeded: a succeeded, check succeeded, yes succeeded, no skipped/branch, no2 skipped/branch, join succeeded',
    also: async (run) => same(run.marks(), ['join']),
  },
  {
    name: 'a branch within a branch',
    yaml: `params: { n: 1 }
tasks:
  outer: { type: switch, cases: [{ when: '\${n} == 1', goto: inner }], default: [x] }
  inner: { type: switch, needs: [outer], cases: [{ when: '\${n} == 2', goto: y }], default: [z] }
  x: { run: 'true', needs: [outer] }
  y: { run: 'true', needs: [inner] }
  z: { run: 'true', needs: [inner] }
`,
    ends: 'succeeded: outer succeeded, inner succeeded, x skipped/branch, y skipped/branch, z succeeded',
  },
  {
    name: 'switch takes the default',
    yaml: ROUTE,
    ends: 'succeeded: choose succeeded, many skipped/branch, few skipped/branch, europe skipped/branch, other succeeded, join succeeded',
  },
  {
    name: 'switch takes the first case that holds, numbers compared as numbers',
    yaml: ROUTE,
    start: { params: { n: 100 } },
    ends: 'succeeded: choose succeeded, many succeeded, few skipped/branch, europe skipped/branch, other skipped/branch, join succeeded',
  },
  {
    name: 'switch goes to several tasks',
    yaml: ROUTE,
    start: { params: { region: 'fr' } },
    ends: 'succeeded: choose succeeded, many skipped/branch, few succeeded, europe succeeded, other skipped/branch, join succeeded',
  },
  {
    name: 'switch over an output of its predecessor',
    yaml: `tasks:
  count: { run: 'echo n=12 >> "$PELORUS_OUTPUT"' }
  choose: { type: switch, needs: [count], cases: [{ when: '\${n} >= 12', goto: many }], default: [few] }
  many: { run: 'true', needs: [choose] }
  few: { run: 'true', needs: [choose] }
`,
    ends: 'succeeded: count succeeded, choose succeeded, many succeeded, few skipped/branch',
  },
  {
    name: 'switch without a default and without a case that holds skips everything behind it',
    yaml: "params: { n: 1 }\ntasks: { choose: { type: switch, cases: [{ when: '${n} > 5', goto: big }] }, big: { run: 'true', needs: [choose] }, c: { run: 'true', needs: [big] } }",
    ends: 'succeeded: choose succeeded, big skipped/branch, c skipped/branch',
  },
  {
    name: 'no language is evaluated in a condition',
    yaml: "tasks: { choose: { type: switch, cases: [{ when: 'process.exit(1)', goto: a }] }, a: { run: 'true', needs: [choose] } }",
    refusedSave: /when/,
  },

  // ---- sub-workflows
  {
    name: 'a sub-workflow runs as a child of its own, with parameters and the logical date',
    yaml: "params: { who: ada }\ntasks: { sub: { type: sub_workflow, workflow: '{w}-child', params: { who: 'dear ${who}' } } }",
    others: { child: CHILD },
    start: { logicalDate: '2020-02-29T00:00:00Z' },
    act: async (run) => {
      const child = await run.child('sub');
      run.open('child');
      same(await run.ended(child), 'succeeded: c succeeded, d succeeded');
      same(await run.log('c', child), ['child dear ada']);
      const view = await run.client.runs.get(child);
      same([view.parent?.run, view.logicalDate], [run.id, '2020-02-29T00:00:00.000Z']);
    },
    ends: 'succeeded: sub succeeded',
  },
  {
    name: 'a child that fails fails its task, with the child as cause',
    yaml: PARENT,
    others: { child: "tasks: { c: { run: 'exit 9' } }" },
    ends: 'failed/child: before succeeded, sub failed/child, after upstream_failed/upstream',
  },
  {
    name: 'a failing child is handled by conditions',
    yaml: `tasks:
  sub: { type: sub_workflow, workflow: '{w}-child' }
  check: { type: conditions, needs: [sub], when: { task: sub, state: succeeded }, success: [yes], failure: [no] }
  yes: { run: 'true', needs: [check] }
  no: { run: 'true', needs: [check] }
`,
    others: { child: "tasks: { c: { run: 'exit 9' } }" },
    ends: 'succeeded: sub failed/child, check succeeded, yes skipped/branch, no succeeded',
  },
  {
    name: 'sub-workflows three deep',
    yaml: "tasks: { sub: { type: sub_workflow, workflow: '{w}-one' }, z: { run: '{mark z}', needs: [sub] } }",
    others: {
      three: "tasks: { c: { run: '{mark three}' } }",
      two: "tasks: { sub: { type: sub_workflow, workflow: '{w}-three' }, b: { run: '{mark two}', needs: [sub] } }",
      one: "tasks: { sub: { type: sub_workflow, workflow: '{w}-two' }, a: { run: '{mark one}', needs: [sub] } }",
    },
    ends: 'succeeded: sub succeeded, z succeeded',
    also: async (run) => same(run.marks(), ['three', 'two', 'one', 'z']),
  },
  {
    name: 'a stop reaches the child three deep, and all of it is stopped before the parent says so',
    yaml: "tasks: { sub: { type: sub_workflow, workflow: '{w}-one' } }",
    others: {
      three: "tasks: { c: { run: '{mark three}; {gate never}' } }",
      two: "tasks: { sub: { type: sub_workflow, workflow: '{w}-three' } }",
      one: "tasks: { sub: { type: sub_workflow, workflow: '{w}-two' } }",
    },
    act: async (run) => {
      await run.untilMark('three');
      await run.client.runs.stop(run.id);
      same(await run.ended(), 'stopped/killed_by: sub killed/killed_by');
      const one = await run.child('sub');
      const two = await run.child('sub', one);
      const three = await run.child('sub', two);
      same(await Promise.all([one, two, three].map((id) => run.text(id))), [
        'stopped/killed_by: sub killed/killed_by',
        'stopped/killed_by: sub killed/killed_by',
        'stopped/killed_by: c killed/killed_by',
      ]);
    },
  },
  {
    name: 'pause and resume reach the child',
    yaml: PARENT,
    others: { child: CHILD },
    act: async (run) => {
      const child = await run.child('sub');
      await run.untilTask('c', 'running', child);
      await run.client.runs.pause(run.id);
      await run.untilState('pausing', child);
      run.open('child');
      await run.untilState('paused', child);
      await run.untilState('paused');
      same((await run.task('d', child)).state, 'paused');
      await run.client.runs.resume(run.id);
    },
    ends: 'succeeded: before succeeded, sub succeeded, after succeeded',
  },
  {
    name: 'killing the task of a sub-workflow stops the child',
    yaml: `failurePolicy: continue\n${PARENT}`,
    others: { child: CHILD },
    act: async (run) => {
      const child = await run.child('sub');
      await run.untilTask('c', 'running', child);
      await run.client.runs.killTask(run.id, 'sub');
      same(await run.ended(child), 'stopped/killed_by: c killed/killed_by, d killed/killed_by');
    },
    ends: 'failed/killed_by: before succeeded, sub killed/killed_by, after upstream_failed/upstream',
  },
  {
    name: 'a retry of a sub-workflow starts another child',
    yaml: "tasks: { sub: { type: sub_workflow, workflow: '{w}-child', retry: { max: 2, interval: 0 } } }",
    others: { child: "tasks: { c: { run: '{mark c}; test $(wc -l < {dir}/marks) -ge 2' } }" },
    ends: 'succeeded: sub succeeded ×2',
    also: async (run) => {
      const children = new Set((await run.task('sub')).attempts.map(({ childRun }) => childRun));
      same(children.size, 2);
    },
  },
  {
    name: 'a time-out of a sub-workflow stops the child',
    yaml: "tasks: { sub: { type: sub_workflow, workflow: '{w}-child', timeout: 10s } }",
    others: { child: "tasks: { c: { run: '{gate never}' } }" },
    act: async (run) => {
      const child = await run.child('sub');
      same(await run.ended(), 'failed/timeout: sub failed/timeout');
      same((await run.ended(child)).split('/')[0], 'stopped');
    },
  },
  {
    name: 'a disabled sub-workflow starts nothing',
    yaml: "tasks: { sub: { type: sub_workflow, workflow: '{w}-child', disabled: true }, a: { run: 'true', needs: [sub] } }",
    others: { child: "tasks: { c: { run: 'false' } }" },
    ends: 'succeeded: sub skipped/disabled, a succeeded',
    also: async (run) =>
      same((await run.client.runs.list({ project: 'cases', workflow: `${run.workflow}-child` })).items, []),
  },
  {
    name: 'a dry run executes nothing of its children either',
    yaml: "tasks: { sub: { type: sub_workflow, workflow: '{w}-child' }, a: { run: '{mark a}', needs: [sub] } }",
    others: { child: "tasks: { c: { run: '{mark c}; false' } }" },
    start: { dryRun: true },
    ends: 'succeeded: sub succeeded, a succeeded',
    also: async (run) => same(run.marks(), []),
  },
  {
    name: 'a sub-workflow that does not exist fails its task',
    yaml: 'tasks: { sub: { type: sub_workflow, workflow: nothere } }',
    act: async (run) => same((await run.ended()).replaceAll(/\/\w+/g, ''), 'failed: sub failed'),
  },
  {
    name: 'a workflow that runs itself is refused',
    yaml: "tasks: { sub: { type: sub_workflow, workflow: '{w}' } }",
    refusedSave: /never end|itself/,
  },
  {
    name: 'two workflows that run one another are refused',
    yaml: "tasks: { sub: { type: sub_workflow, workflow: '{w}-other' } }",
    others: { other: "tasks: { sub: { type: sub_workflow, workflow: '{w}' } }" },
    refusedSave: /c\d+/,
  },

  // ---- dependents
  {
    name: 'a dependent is satisfied by what has succeeded today',
    yaml: "tasks: { wait: { type: dependent, upstream: { workflow: '{w}-up', window: today } }, a: { run: '{mark a}', needs: [wait] } }",
    others: { up: "tasks: { u: { run: 'true' } }" },
    start: { logicalDate: '2021-05-05T12:00:00Z' },
    act: async (run) => {
      await run.untilTask('wait', 'running');
      const up = await run.start({ workflow: `${run.workflow}-up`, logicalDate: '2021-05-04T23:59:59Z' });
      await run.ended(up);
      const today = await run.start({ workflow: `${run.workflow}-up`, logicalDate: '2021-05-05T00:00:00Z' });
      await run.ended(today);
    },
    ends: 'succeeded: wait succeeded, a succeeded',
  },
  {
    name: 'a dependent waits for one task of a workflow that still runs',
    yaml: "tasks: { wait: { type: dependent, upstream: { workflow: '{w}-up', task: early, window: today }, checkInterval: 1s } }",
    others: { up: "tasks: { early: { run: '{gate}' }, late: { run: '{gate later}', needs: [early] } }" },
    act: async (run) => {
      const up = await run.start({ workflow: `${run.workflow}-up` });
      await run.untilTask('early', 'running', up);
      run.open();
      same(await run.ended(), 'succeeded: wait succeeded');
      same((await run.client.runs.get(up)).state, 'running');
      run.open('later');
      await run.ended(up);
    },
  },
  {
    name: 'a dependent fails with what it waits for',
    yaml: "tasks: { wait: { type: dependent, upstream: { workflow: '{w}-up', window: today }, checkInterval: 1s }, a: { run: 'true', needs: [wait] } }",
    others: { up: "tasks: { u: { run: 'false' } }" },
    act: async (run) => {
      await run.ended(await run.start({ workflow: `${run.workflow}-up` }));
    },
    ends: 'failed/dependency: wait failed/dependency, a upstream_failed/upstream',
  },
  {
    name: 'a dependent that waits on goes on when what failed has been run again',
    yaml: "tasks: { wait: { type: dependent, upstream: { workflow: '{w}-up', window: today }, checkInterval: 1s, onFailure: wait } }",
    others: { up: "tasks: { u: { run: 'test -e {dir}/go' } }" },
    act: async (run) => {
      const up = await run.start({ workflow: `${run.workflow}-up` });
      same(await run.ended(up), 'failed/exit: u failed/exit');
      same((await run.task('wait')).state, 'running');
      run.open();
      const { id } = await run.client.runs.rerun(up);
      same(await run.ended(id), 'succeeded: u succeeded');
    },
    ends: 'succeeded: wait succeeded',
  },
  {
    name: 'a dependent gives up after its longest wait',
    yaml: 'tasks: { wait: { type: dependent, upstream: { workflow: nothere, window: today }, maxWait: 1s } }',
    act: async (run) => same((await run.ended()).split(':')[1], ' wait failed/timeout'),
  },
  {
    name: 'AND waits for both, OR for one',
    yaml: `tasks:
  both: { type: dependent, upstream: { and: [{ workflow: '{w}-x', window: today }, { workflow: '{w}-y', window: today }] }, checkInterval: 1s }
  one: { type: dependent, upstream: { or: [{ workflow: '{w}-x', window: today }, { workflow: '{w}-y', window: today }] }, checkInterval: 1s }
`,
    others: { x: "tasks: { t: { run: 'true' } }", y: "tasks: { t: { run: 'true' } }" },
    act: async (run) => {
      await run.ended(await run.start({ workflow: `${run.workflow}-x` }));
      await run.untilTask('one', 'succeeded');
      same((await run.task('both')).state, 'running');
      await run.ended(await run.start({ workflow: `${run.workflow}-y` }));
    },
    ends: 'succeeded: both succeeded, one succeeded',
  },
  {
    name: 'a dependent that waits is stopped at once',
    yaml: "tasks: { wait: { type: dependent, upstream: { workflow: nothere, window: today } }, a: { run: 'true', needs: [wait] } }",
    act: async (run) => {
      await run.untilTask('wait', 'running');
      await run.client.runs.stop(run.id);
    },
    ends: 'stopped/killed_by: wait killed/killed_by, a killed/killed_by',
  },
  {
    name: 'a window that there is not is refused',
    yaml: 'tasks: { wait: { type: dependent, upstream: { workflow: x, window: lastYear } } }',
    refusedSave: /window/,
  },
];
