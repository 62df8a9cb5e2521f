/** Starting: whole workflows, parts of them, disabled tasks, mixed predecessors, trigger rules. */
import { refused, same, type Case } from './case.ts';

const CHAIN = `tasks:
  a: { run: '{mark a}' }
  b: { run: '{mark b}', needs: [a] }
  c: { run: '{mark c}', needs: [b] }
  d: { run: '{mark d}', needs: [c] }
`;
const DIAMOND = `tasks:
  a: { run: '{mark a}' }
  b: { run: '{mark b}', needs: [a] }
  c: { run: '{mark c}', needs: [a] }
  d: { run: '{mark d}', needs: [b, c] }
`;

export const STARTS: Case[] = [
  { name: 'one task that succeeds', yaml: "tasks: { a: { run: 'true' } }", ends: 'succeeded: a succeeded' },
  { name: 'one task that fails', yaml: "tasks: { a: { run: 'exit 3' } }", ends: 'failed/exit: a failed/exit' },
  {
    name: 'a chain runs in its order',
    yaml: CHAIN,
    ends: 'succeeded: a succeeded, b succeeded, c succeeded, d succeeded',
    also: async (run) => same(run.marks(), ['a', 'b', 'c', 'd']),
  },
  {
    name: 'behind a failure nothing runs, and it is named',
    yaml: "tasks: { a: { run: 'true' }, b: { run: 'false', needs: [a] }, c: { run: 'true', needs: [b] }, d: { run: 'true', needs: [c] } }",
    ends: 'failed/exit: a succeeded, b failed/exit, c upstream_failed/upstream, d upstream_failed/upstream',
    also: async (run) => same((await run.task('d')).cause, { kind: 'upstream', task: 'b' }),
  },
  {
    name: 'a diamond joins',
    yaml: DIAMOND,
    ends: 'succeeded: a succeeded, b succeeded, c succeeded, d succeeded',
    also: async (run) => same([run.marks()[0], run.marks()[3]], ['a', 'd']),
  },
  {
    name: 'END kills what runs beside a failure',
    yaml: "tasks: { a: { run: '{gate}; false' }, b: { run: '{mark b}; {gate never}' }, c: { run: 'true', needs: [b] } }",
    act: async (run) => {
      await run.untilMark('b');
      run.open();
    },
    ends: 'failed/exit: a failed/exit, b killed/fail_fast, c killed/fail_fast',
  },
  {
    name: 'CONTINUE lets it run to its end',
    yaml: "failurePolicy: continue\ntasks: { a: { run: 'false' }, b: { run: '{gate}' }, c: { run: 'true', needs: [b] }, d: { run: 'true', needs: [a] } }",
    act: async (run) => {
      await run.untilTask('a', 'failed');
      run.open();
    },
    ends: 'failed/exit: a failed/exit, b succeeded, c succeeded, d upstream_failed/upstream',
  },
  {
    name: 'the failure policy of the start wins over the definition',
    yaml: "tasks: { a: { run: 'false' }, b: { run: '{gate}' } }",
    start: { failurePolicy: 'continue' },
    act: async (run) => {
      await run.untilTask('a', 'failed');
      run.open();
    },
    ends: 'failed/exit: a failed/exit, b succeeded',
  },
  {
    name: 'the first of a chain is disabled: passed through',
    yaml: "tasks: { a: { run: 'false', disabled: true }, b: { run: 'true', needs: [a] } }",
    ends: 'succeeded: a skipped/disabled, b succeeded',
  },
  {
    name: 'the last of a chain is disabled',
    yaml: "tasks: { a: { run: 'true' }, b: { run: 'false', needs: [a], disabled: true } }",
    ends: 'succeeded: a succeeded, b skipped/disabled',
  },
  {
    name: 'a disabled task between two is a barrier: the second waits for the first',
    yaml: "tasks: { a: { run: '{gate}; {mark a}' }, x: { run: 'false', needs: [a], disabled: true }, c: { run: '{mark c}', needs: [x] } }",
    act: async (run) => {
      await run.untilTask('a', 'running');
      same((await run.task('c')).state, 'pending');
      run.open();
    },
    ends: 'succeeded: a succeeded, x skipped/disabled, c succeeded',
    also: async (run) => same(run.marks(), ['a', 'c']),
  },
  {
    name: 'a failure goes through a disabled task',
    yaml: "tasks: { a: { run: 'false' }, x: { run: 'true', needs: [a], disabled: true }, c: { run: 'true', needs: [x] } }",
    ends: 'failed/exit: a failed/exit, x skipped/disabled, c upstream_failed/upstream',
  },
  {
    name: 'a whole chain is disabled: what stands beside it runs',
    yaml: "tasks: { a: { run: 'false', disabled: true }, b: { run: 'false', needs: [a], disabled: true }, c: { run: 'true' } }",
    ends: 'succeeded: a skipped/disabled, b skipped/disabled, c succeeded',
  },
  {
    name: 'nothing that could run is refused',
    yaml: "tasks: { a: { run: 'true', disabled: true } }",
    refusedStart: /disabled/,
  },
  {
    name: 'mixed predecessors: one succeeded, one disabled',
    yaml: "tasks: { a: { run: 'true' }, b: { run: 'true', disabled: true }, c: { run: 'true', needs: [a, b] } }",
    ends: 'succeeded: a succeeded, b skipped/disabled, c succeeded',
  },
  {
    name: 'mixed predecessors: one succeeded, one failed',
    yaml: "failurePolicy: continue\ntasks: { a: { run: 'true' }, b: { run: 'false' }, c: { run: 'true', needs: [a, b] } }",
    ends: 'failed/exit: a succeeded, b failed/exit, c upstream_failed/upstream',
  },
  {
    name: 'mixed predecessors: one disabled, one failed',
    yaml: "tasks: { a: { run: 'true', disabled: true }, b: { run: 'false' }, c: { run: 'true', needs: [a, b] } }",
    ends: 'failed/exit: a skipped/disabled, b failed/exit, c upstream_failed/upstream',
  },
  {
    name: 'mixed predecessors: three, the disabled one behind a chain',
    yaml: "tasks: { a: { run: 'true' }, b: { run: 'true', needs: [a], disabled: true }, c: { run: 'true' }, d: { type: virtual }, e: { run: 'true', needs: [b, c, d] } }",
    ends: 'succeeded: a succeeded, b skipped/disabled, c succeeded, d succeeded, e succeeded',
  },
  {
    name: 'NODE_ONLY runs that task alone',
    yaml: CHAIN,
    start: { from: { task: 'b' } },
    ends: 'succeeded: a skipped/not_selected, b succeeded, c skipped/not_selected, d skipped/not_selected',
  },
  {
    name: 'NODE_POST runs it and all behind it',
    yaml: CHAIN,
    start: { from: { task: 'b', dep: 'post' } },
    ends: 'succeeded: a skipped/not_selected, b succeeded, c succeeded, d succeeded',
    also: async (run) => same(run.marks(), ['b', 'c', 'd']),
  },
  {
    name: 'NODE_PRE runs it and all before it',
    yaml: CHAIN,
    start: { from: { task: 'c', dep: 'pre' } },
    ends: 'succeeded: a succeeded, b succeeded, c succeeded, d skipped/not_selected',
    also: async (run) => same(run.marks(), ['a', 'b', 'c']),
  },
  {
    name: 'several start tasks, each alone',
    yaml: DIAMOND,
    start: { from: { task: ['b', 'c'], dep: 'node' } },
    ends: 'succeeded: a skipped/not_selected, b succeeded, c succeeded, d skipped/not_selected',
  },
  {
    name: 'several start tasks and all behind them',
    yaml: DIAMOND,
    start: { from: { task: ['b', 'c'], dep: 'post' } },
    ends: 'succeeded: a skipped/not_selected, b succeeded, c succeeded, d succeeded',
  },
  {
    name: 'selected tasks keep their order across what is left out',
    yaml: "tasks: { a: { run: '{gate}; {mark a}' }, b: { run: '{mark b}', needs: [a] }, c: { run: '{mark c}', needs: [b] } }",
    start: { select: ['a', 'c'] },
    act: async (run) => {
      await run.untilTask('a', 'running');
      run.open();
    },
    ends: 'succeeded: a succeeded, b skipped/not_selected, c succeeded',
    also: async (run) => same(run.marks(), ['a', 'c']),
  },
  {
    name: 'a failure reaches a selected task across what is left out',
    yaml: "tasks: { a: { run: 'false' }, b: { run: 'true', needs: [a] }, c: { run: 'true', needs: [b] } }",
    start: { select: ['a', 'c'] },
    ends: 'failed/exit: a failed/exit, b skipped/not_selected, c upstream_failed/upstream',
  },
  {
    name: 'a disabled task stays skipped when it is selected, and the answer warns',
    yaml: "tasks: { a: { run: 'true' }, b: { run: 'true', disabled: true } }",
    start: { select: ['a', 'b'] },
    act: async (run) => {
      const { plan } = await run.client.runs.preview({ project: 'cases', workflow: run.workflow, select: ['a', 'b'] });
      same([plan.counts, plan.warnings.length], [{ run: 1, reuse: 0, skip: 1 }, 1]);
    },
    ends: 'succeeded: a succeeded, b skipped/disabled',
  },
  {
    name: 'a start task that does not exist is refused',
    yaml: CHAIN,
    start: { from: { task: 'bb' } },
    refusedStart: /bb/,
  },
  {
    name: 'a selected task that does not exist is refused',
    yaml: CHAIN,
    start: { select: ['a', 'nobody'] },
    refusedStart: /nobody/,
  },
  {
    name: 'a disabled start task alone is refused',
    yaml: "tasks: { a: { run: 'true', disabled: true }, b: { run: 'true' } }",
    start: { from: { task: 'a' } },
    refusedStart: /disabled/,
  },
  {
    name: 'an unknown type of task is refused when it is saved',
    yaml: 'tasks: { a: { type: flink_stream } }',
    refusedSave: /unknown task type `flink_stream`/,
  },
  {
    name: 'a cycle is refused, and printed',
    yaml: "tasks: { a: { run: 'true', needs: [c] }, b: { run: 'true', needs: [a] }, c: { run: 'true', needs: [b] } }",
    refusedSave: /a → b → c → a|b → c → a → b|c → a → b → c|a → c → b → a|c → b → a → c|b → a → c → b/,
  },
  {
    name: 'an unknown predecessor is refused',
    yaml: "tasks: { a: { run: 'true', needs: [nobody] } }",
    refusedSave: /unknown predecessor `nobody`/,
  },
  {
    name: 'all_done runs whatever happened, and makes the failure a handled one',
    yaml: "tasks: { a: { run: 'false' }, b: { run: '{mark b}', needs: [a], trigger: all_done } }",
    ends: 'succeeded: a failed/exit, b succeeded',
    also: async (run) => same(run.marks(), ['b']),
  },
  {
    name: 'any_failed runs after a failure',
    yaml: "tasks: { a: { run: 'false' }, b: { run: 'true' }, alarm: { run: '{mark alarm}', needs: [a, b], trigger: any_failed } }",
    ends: 'succeeded: a failed/exit, b succeeded, alarm succeeded',
  },
  {
    name: 'any_failed is skipped when nothing failed',
    yaml: "tasks: { a: { run: 'true' }, alarm: { run: 'true', needs: [a], trigger: any_failed }, c: { run: 'true', needs: [alarm] } }",
    ends: 'succeeded: a succeeded, alarm skipped/not_triggered, c succeeded',
  },
  {
    name: 'none_failed runs after what was skipped, and not after a failure',
    yaml: `failurePolicy: continue
tasks:
  a: { run: 'true' }
  x: { run: 'true', disabled: true }
  f: { run: 'false' }
  good: { run: 'true', needs: [a, x], trigger: none_failed }
  bad: { run: 'true', needs: [a, f], trigger: none_failed }
`,
    ends: 'failed/exit: a succeeded, x skipped/disabled, f failed/exit, good succeeded, bad upstream_failed/upstream',
  },
  {
    name: 'a failure is handled only when every successor accepts it',
    yaml: "failurePolicy: continue\ntasks: { a: { run: 'false' }, b: { run: 'true', needs: [a], trigger: all_done }, c: { run: 'true', needs: [a] } }",
    ends: 'failed/exit: a failed/exit, b succeeded, c upstream_failed/upstream',
  },
  {
    name: 'a handled failure does not trigger END',
    yaml: "tasks: { a: { run: 'false' }, b: { run: 'true', needs: [a], trigger: all_done }, c: { run: '{gate}' } }",
    act: async (run) => {
      await run.untilTask('b', 'succeeded');
      run.open();
    },
    ends: 'succeeded: a failed/exit, b succeeded, c succeeded',
  },
  {
    name: 'dry run: everything succeeds and nothing is executed',
    yaml: "tasks: { a: { run: '{mark a}; false' }, b: { run: '{mark b}', needs: [a] }, x: { run: 'true', disabled: true } }",
    start: { dryRun: true },
    ends: 'succeeded: a succeeded, b succeeded, x skipped/disabled',
    also: async (run) => same(run.marks(), []),
  },
  {
    name: 'a preview shows the plan and starts nothing',
    yaml: CHAIN,
    start: { from: { task: 'c', dep: 'post' } },
    act: async (run) => {
      const request = { project: 'cases', workflow: run.workflow, from: { task: 'c', dep: 'post' as const } };
      const { plan } = await run.client.runs.preview(request);
      same(
        plan.tasks.map((task) => `${task.name} ${task.plan}`),
        ['a skip', 'b skip', 'c run', 'd run'],
      );
      same((await run.client.runs.list({ project: 'cases', workflow: run.workflow })).items.length, 1);
    },
    ends: 'succeeded: a skipped/not_selected, b skipped/not_selected, c succeeded, d succeeded',
  },
  {
    name: 'virtual tasks succeed at once, without an attempt on a worker',
    yaml: 'tasks: { a: { type: virtual }, b: { type: virtual, needs: [a] } }',
    ends: 'succeeded: a succeeded, b succeeded',
  },
  {
    name: 'a workflow that does not exist cannot be started',
    yaml: "tasks: { a: { run: 'true' } }",
    act: async (run) => refused(run.start({ workflow: 'nothere' }), /nothere/),
    ends: 'succeeded: a succeeded',
  },
  {
    name: 'the /executors contract: start, status codes, kill',
    yaml: "tasks: { a: { run: '{gate never}' }, b: { run: 'true', needs: [a] } }",
    act: async (run) => {
      await run.untilTask('a', 'running');
      const [before] = await run.client.executors.get(run.id);
      same([before.status, before.data.nodes.map((node) => node.status)], [3, [3, 1]]);
      await run.client.executors.kill(run.id);
    },
    ends: 'stopped/killed_by: a killed/killed_by, b killed/killed_by',
    also: async (run) => {
      const [after] = await run.client.executors.get(run.id);
      same([after.status, after.data.nodes.map((node) => node.status)], [5, [5, 5]]);
      await refused(run.client.executors.kill(run.id), /stopped/);
    },
  },
];
