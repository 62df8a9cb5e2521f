/** Pause, resume, stop, kill, force success, run again, and runs of one workflow that meet. */
import { CARRIED_OUT, refused, same, type Case } from './case.ts';

const TWO = "tasks: { a: { run: '{mark a}; {gate}' }, b: { run: '{mark b}', needs: [a] } }";
/** `b` fails until its gate is open. */
const MENDED = `failurePolicy: continue
tasks:
  a: { run: '{mark a}; echo v=7 >> "$PELORUS_OUTPUT"' }
  b: { run: '{mark b}; test -e {dir}/go', needs: [a] }
  c: { run: '{mark c}; echo "v is $v"', needs: [a, b] }
  d: { run: '{mark d}' }
`;
const SERIAL = "tasks: { a: { run: '{mark a}; {gate}' } }";

export const CONTROLS: Case[] = [
  {
    name: 'pause: what runs finishes, nothing new starts; resume goes on',
    yaml: TWO,
    act: async (run) => {
      await run.untilMark('a');
      await run.client.runs.pause(run.id, CARRIED_OUT);
      await run.untilState('pausing');
      run.open();
      same((await run.untilState('paused')).status, 8);
      same(await run.text(), 'paused: a succeeded, b paused');
      await run.client.runs.resume(run.id);
    },
    ends: 'succeeded: a succeeded, b succeeded',
    also: async (run) => same(run.marks(), ['a', 'b']),
  },
  {
    name: 'a run whose last task finishes while it is being paused ends normally',
    yaml: "tasks: { a: { run: '{mark a}; {gate}' } }",
    act: async (run) => {
      await run.untilMark('a');
      await run.client.runs.pause(run.id, CARRIED_OUT);
      run.open();
    },
    ends: 'succeeded: a succeeded',
  },
  {
    name: 'resume before it is at rest takes the pause back',
    yaml: TWO,
    act: async (run) => {
      await run.untilMark('a');
      await run.client.runs.pause(run.id, CARRIED_OUT);
      await run.client.runs.resume(run.id, CARRIED_OUT);
      same((await run.client.runs.get(run.id)).state, 'running');
      run.open();
    },
    ends: 'succeeded: a succeeded, b succeeded',
  },
  {
    name: 'a retry that comes due while the run is paused waits for the resume',
    yaml: "tasks: { a: { run: '{mark a}; test $(grep -c ^a {dir}/marks) -ge 2', retry: { max: 1, interval: 15s } }, b: { run: '{mark b}; {gate}' } }",
    act: async (run) => {
      await run.untilMark('b');
      const { attempts } = await run.untilTask('a', 'retry_wait');
      await run.client.runs.pause(run.id, CARRIED_OUT);
      run.open();
      await run.untilState('paused');
      const dueAt = Date.parse(attempts[0]?.endedAt ?? '') + 15_000;
      // With what chance may add.
      await run.untilRun(run.id, () => Date.now() > dueAt + 2000);
      same(run.marks().filter((mark) => mark === 'a').length, 1);
      await run.client.runs.resume(run.id);
    },
    ends: 'succeeded: a succeeded ×2, b succeeded',
  },
  {
    name: 'pause, then stop',
    yaml: TWO,
    act: async (run) => {
      await run.untilMark('a');
      await run.client.runs.pause(run.id, CARRIED_OUT);
      run.open();
      await run.untilState('paused');
      await run.client.runs.stop(run.id);
    },
    ends: 'stopped/killed_by: a succeeded, b killed/killed_by',
  },
  {
    name: 'stop kills what runs and starts nothing more',
    yaml: "tasks: { a: { run: '{mark a}; {gate never}' }, b: { run: '{mark b}; {gate never}' }, c: { run: 'true', needs: [a] } }",
    act: async (run) => {
      await run.untilMark('a');
      await run.untilMark('b');
      await run.client.runs.stop(run.id);
    },
    ends: 'stopped/killed_by: a killed/killed_by, b killed/killed_by, c killed/killed_by',
  },
  {
    name: 'stop leaves no process behind, whatever the task has started',
    yaml: "tasks: { a: { run: 'sleep 987 & echo $! > {dir}/pid; {mark a}; wait' } }",
    act: async (run) => {
      await run.untilMark('a');
      await run.client.runs.stop(run.id);
    },
    ends: 'stopped/killed_by: a killed/killed_by',
    also: async (run) => same(run.process('pid'), 'gone'),
  },
  {
    name: 'a task that does not listen to SIGTERM is killed after the grace',
    yaml: "tasks:\n  a:\n    run: |\n      trap '' TERM\n      {mark a}\n      {gate never}\n",
    act: async (run) => {
      await run.untilMark('a');
      await run.client.runs.stop(run.id);
      await run.untilTask('a', 'killing');
    },
    ends: 'stopped/killed_by: a killed/killed_by',
  },
  {
    name: 'stop kills what waits for its retry or its delay at once',
    yaml: "tasks: { a: { run: 'false', retry: { max: 1, interval: 1h } }, b: { run: 'true', delay: 1h } }",
    act: async (run) => {
      await run.untilTask('a', 'retry_wait');
      await run.untilTask('b', 'delayed');
      await run.client.runs.stop(run.id);
    },
    ends: 'stopped/killed_by: a killed/killed_by, b killed/killed_by',
  },
  {
    name: 'two stops are one',
    yaml: "tasks: { a: { run: '{mark a}; {gate never}' } }",
    act: async (run) => {
      await run.untilMark('a');
      const answers = await Promise.allSettled([run.client.runs.stop(run.id), run.client.runs.stop(run.id)]);
      same(
        answers.some(({ status }) => status === 'fulfilled'),
        true,
      );
    },
    ends: 'stopped/killed_by: a killed/killed_by',
    also: async (run) => refused(run.client.runs.stop(run.id), /stopped/),
  },
  {
    name: 'what cannot apply is refused with the state, and changes nothing',
    yaml: "tasks: { a: { run: 'true' } }",
    ends: 'succeeded: a succeeded',
    also: async (run) => {
      const { runs } = run.client;
      for (const command of [
        runs.stop(run.id),
        runs.pause(run.id),
        runs.resume(run.id),
        runs.killTask(run.id, 'a'),
        runs.forceSuccess(run.id, 'a'),
      ])
        await refused(command, /succeeded|ended/);
      same(await run.text(), 'succeeded: a succeeded');
    },
  },
  {
    name: 'killing one task under END ends the run as failed',
    yaml: "tasks: { a: { run: '{mark a}; {gate never}' }, b: { run: '{mark b}; {gate never}' } }",
    act: async (run) => {
      await run.untilMark('a');
      await run.untilMark('b');
      await run.client.runs.killTask(run.id, 'a');
    },
    ends: 'failed/killed_by: a killed/killed_by, b killed/fail_fast',
  },
  {
    name: 'a killed task is not retried, and under CONTINUE the rest goes on',
    yaml: "failurePolicy: continue\ntasks: { a: { run: '{mark a}; {gate never}', retry: { max: 3, interval: 0 } }, b: { run: '{gate}' }, c: { run: 'true', needs: [a] } }",
    act: async (run) => {
      await run.untilMark('a');
      await run.client.runs.killTask(run.id, 'a');
      await run.untilTask('a', 'killed');
      run.open();
    },
    ends: 'failed/killed_by: a killed/killed_by, b succeeded, c upstream_failed/upstream',
  },
  {
    name: 'force success of what failed: who still waits behind it runs, and the run succeeds',
    yaml: "failurePolicy: continue\ntasks: { a: { run: 'false' }, b: { run: '{gate}' }, off: { run: 'true', needs: [a, b], disabled: true }, late: { run: '{mark late}', needs: [off] } }",
    act: async (run) => {
      await run.untilTask('a', 'failed');
      await run.client.runs.forceSuccess(run.id, 'a', CARRIED_OUT);
      run.open();
    },
    ends: 'succeeded: a forced_success, b succeeded, off skipped/disabled, late succeeded',
  },
  {
    name: 'force success, then re-run: what could not run any more behind the failure runs then',
    yaml: "failurePolicy: continue\ntasks: { a: { run: '{mark a}; false' }, b: { run: '{mark b}', needs: [a] }, c: { run: '{mark c}; {gate}' } }",
    act: async (run) => {
      await run.untilTask('b', 'upstream_failed');
      await run.untilMark('c');
      await run.client.runs.forceSuccess(run.id, 'a', CARRIED_OUT);
      run.open();
      same(await run.ended(), 'failed/exit: a forced_success, b upstream_failed/upstream, c succeeded');
      const { id } = await run.client.runs.rerun(run.id);
      same(await run.ended(id), 'succeeded: a reused, b succeeded, c reused');
      same([run.marks().slice(0, 2).toSorted(), run.marks().slice(2)], [['a', 'c'], ['b']]);
    },
  },
  {
    name: 'force success of what waits for its retry',
    yaml: "tasks: { a: { run: 'false', retry: { max: 1, interval: 1h } }, b: { run: 'true', needs: [a] } }",
    act: async (run) => {
      await run.untilTask('a', 'retry_wait');
      await run.client.runs.forceSuccess(run.id, 'a');
    },
    ends: 'succeeded: a forced_success, b succeeded',
  },

  // ---- run again
  {
    name: 're-run failed reuses what succeeded and its outputs, and runs the rest',
    yaml: MENDED,
    act: async (run) => {
      same(await run.ended(), 'failed/exit: a succeeded, b failed/exit, c upstream_failed/upstream, d succeeded');
      run.open();
      const { id } = await run.client.runs.rerun(run.id);
      same(await run.ended(id), 'succeeded: a reused, b succeeded, c succeeded, d reused');
      same((await run.client.runs.get(id)).rerunOf, run.id);
      same(await run.log('c', id), ['v is 7']);
      same(
        run
          .marks()
          .filter((mark) => mark === 'a' || mark === 'd')
          .toSorted(),
        ['a', 'd'],
      );
    },
    ends: 'failed/exit: a succeeded, b failed/exit, c upstream_failed/upstream, d succeeded',
  },
  {
    name: 'repeated re-runs converge, and a re-run with nothing left is refused',
    yaml: MENDED,
    act: async (run) => {
      await run.ended();
      const { id: second } = await run.client.runs.rerun(run.id);
      same(await run.ended(second), 'failed/exit: a reused, b failed/exit, c upstream_failed/upstream, d reused');
      run.open();
      const { id: third } = await run.client.runs.rerun(second);
      same(await run.ended(third), 'succeeded: a reused, b succeeded, c succeeded, d reused');
      await refused(run.client.runs.rerun(third), /nothing|succeeded/);
    },
  },
  {
    name: 're-run of a stopped run runs what was killed and what never started',
    yaml: "tasks: { a: { run: '{mark a}' }, b: { run: '{mark b}; {gate}', needs: [a] }, c: { run: '{mark c}', needs: [b] } }",
    act: async (run) => {
      await run.untilMark('b');
      await run.client.runs.stop(run.id);
      same(await run.ended(), 'stopped/killed_by: a succeeded, b killed/killed_by, c killed/killed_by');
      run.open();
      const { id } = await run.client.runs.rerun(run.id);
      same(await run.ended(id), 'succeeded: a reused, b succeeded, c succeeded');
      same(run.marks(), ['a', 'b', 'b', 'c']);
    },
  },
  {
    name: 're-run from a task runs it and all behind it',
    yaml: "tasks: { a: { run: '{mark a}' }, b: { run: '{mark b}', needs: [a] }, c: { run: '{mark c}', needs: [b] }, d: { run: '{mark d}', needs: [a] } }",
    act: async (run) => {
      await run.ended();
      const { id } = await run.client.runs.rerun(run.id, { from: 'b' });
      same(await run.ended(id), 'succeeded: a reused, b succeeded, c succeeded, d reused');
      await refused(run.client.runs.rerun(run.id, { from: 'x' }), /x/);
    },
  },
  {
    name: 'repeat runs everything, with the same parameters and logical date',
    yaml: "params: { who: nobody }\ntasks: { a: { run: 'echo \"$who on $[yyyy-MM-dd]\"' }, b: { run: 'true', needs: [a] } }",
    start: { params: { who: 'ada' }, logicalDate: '2020-02-29T12:00:00Z' },
    act: async (run) => {
      await run.ended();
      const { id } = await run.client.runs.repeat(run.id);
      same(await run.ended(id), 'succeeded: a succeeded, b succeeded');
      same(await run.log('a', id), ['ada on 2020-02-29']);
      const view = await run.client.runs.get(id);
      same(
        [view.rerunOf, view.mode, view.params, view.logicalDate],
        [run.id, 'repeat', { who: 'ada' }, '2020-02-29T12:00:00.000Z'],
      );
    },
    ends: 'succeeded: a succeeded, b succeeded',
  },
  {
    name: 'a re-run of the latest version runs what has changed as well',
    yaml: "failurePolicy: continue\ntasks: { a: { run: 'true' }, b: { run: 'true' }, c: { run: 'false' } }",
    act: async (run) => {
      await run.ended();
      await run.save(
        "failurePolicy: continue\ntasks: { a: { run: 'true' }, b: { run: 'echo changed' }, c: { run: 'true' } }",
      );
      const { id: same_ } = await run.client.runs.rerun(run.id);
      same(await run.ended(same_), 'failed/exit: a reused, b reused, c failed/exit');
      const { id: latest } = await run.client.runs.rerun(run.id, { version: 'latest' });
      same(await run.ended(latest), 'succeeded: a reused, b succeeded, c succeeded');
    },
  },
  {
    name: 're-run of a parent starts its failed child anew',
    yaml: "tasks: { a: { run: 'true' }, sub: { type: sub_workflow, workflow: '{w}-child', needs: [a] } }",
    others: { child: "tasks: { x: { run: '{mark x}' }, y: { run: 'test -e {dir}/go', needs: [x] } }" },
    act: async (run) => {
      same(await run.ended(), 'failed/child: a succeeded, sub failed/child');
      run.open();
      const { id } = await run.client.runs.rerun(run.id);
      same(await run.ended(id), 'succeeded: a reused, sub succeeded');
      same((await run.child('sub', id)) !== (await run.child('sub')), true);
    },
  },
  {
    name: 'a run that goes on cannot be re-run, but repeated',
    yaml: "tasks: { a: { run: '{mark a}; {gate}' } }",
    act: async (run) => {
      await run.untilMark('a');
      await refused(run.client.runs.rerun(run.id), /running/);
      const { id } = await run.client.runs.repeat(run.id);
      run.open();
      same(await run.ended(id), 'succeeded: a succeeded');
    },
    ends: 'succeeded: a succeeded',
  },
  {
    name: 'the same submission sent twice is one run',
    yaml: "tasks: { a: { run: '{mark a}' } }",
    act: async (run) => {
      const request = { project: 'cases', workflow: run.workflow };
      const options = { idempotencyKey: `twice-${run.workflow}` };
      const [first, second] = [
        await run.client.runs.submit(request, options),
        await run.client.runs.submit(request, options),
      ];
      same(first.id, second.id);
      same(await run.ended(first.id), 'succeeded: a succeeded');
    },
    ends: 'succeeded: a succeeded',
    also: async (run) => same(run.marks().length, 2),
  },

  // ---- runs of one workflow that meet
  {
    name: 'parallel: both run',
    yaml: SERIAL,
    act: async (run) => {
      const second = await run.start();
      await run.untilMark('a', 2);
      run.open();
      same(await run.ended(second), 'succeeded: a succeeded');
    },
    ends: 'succeeded: a succeeded',
  },
  {
    name: 'serial_wait: the others wait, and go in their order',
    yaml: `concurrency: serial_wait\n${SERIAL}`,
    act: async (run) => {
      await run.untilMark('a');
      const [second, third] = [await run.start(), await run.start()];
      same(
        await Promise.all(
          [run.untilState('waiting', second), run.untilState('waiting', third)].map(
            async (view) => (await view).status,
          ),
        ),
        [1, 1],
      );
      same(run.marks(), ['a']);
      run.open();
      same([await run.ended(second), await run.ended(third)], ['succeeded: a succeeded', 'succeeded: a succeeded']);
      const [two, three] = await Promise.all([second, third].map(async (id) => run.client.runs.get(id)));
      same(Date.parse(three?.startedAt ?? '') >= Date.parse(two?.endedAt ?? ''), true);
    },
    ends: 'succeeded: a succeeded',
  },
  {
    name: 'serial_wait: one that waits can be stopped, and the next one goes',
    yaml: `concurrency: serial_wait\n${SERIAL}`,
    act: async (run) => {
      await run.untilMark('a');
      const [second, third] = [await run.start(), await run.start()];
      await run.client.runs.stop(second);
      same(await run.ended(second), 'stopped/killed_by: a killed/killed_by');
      run.open();
      same(await run.ended(third), 'succeeded: a succeeded');
    },
    ends: 'succeeded: a succeeded',
  },
  {
    name: 'serial_wait: a run that failed or was stopped lets the next one go',
    yaml: "concurrency: serial_wait\ntasks: { a: { run: '{mark a}; {gate never}' } }",
    act: async (run) => {
      await run.untilMark('a');
      const second = await run.start();
      await run.client.runs.stop(run.id);
      await run.untilMark('a', 2);
      await run.client.runs.stop(second);
      same(await run.ended(second), 'stopped/killed_by: a killed/killed_by');
    },
    ends: 'stopped/killed_by: a killed/killed_by',
  },
  {
    name: 'serial_wait: a paused run holds its turn',
    yaml: "concurrency: serial_wait\ntasks: { a: { run: '{mark a}; {gate}' }, b: { run: 'true', needs: [a] } }",
    act: async (run) => {
      await run.untilMark('a');
      const second = await run.start();
      await run.client.runs.pause(run.id, CARRIED_OUT);
      run.open();
      await run.untilState('paused');
      same((await run.client.runs.get(second)).state, 'waiting');
      await run.client.runs.resume(run.id);
      same(await run.ended(second), 'succeeded: a succeeded, b succeeded');
    },
    ends: 'succeeded: a succeeded, b succeeded',
  },
  {
    name: 'serial_discard: the newcomer ends stopped, and names the run that was there',
    yaml: `concurrency: serial_discard\n${SERIAL}`,
    act: async (run) => {
      await run.untilMark('a');
      const second = await run.start();
      same(await run.ended(second), 'stopped/discarded: a killed/discarded');
      same((await run.client.runs.get(second)).cause, { kind: 'discarded', runId: run.id });
      run.open();
      same(await run.ended(), 'succeeded: a succeeded');
      same(await run.ended(await run.start()), 'succeeded: a succeeded');
    },
    ends: 'succeeded: a succeeded',
  },
  {
    name: 'serial_priority: the newest one runs, those before it are stopped for it',
    yaml: `concurrency: serial_priority\n${SERIAL}`,
    act: async (run) => {
      await run.untilMark('a');
      const second = await run.start();
      const third = await run.start();
      same(await run.ended(), 'stopped/superseded: a killed/superseded');
      same((await run.ended(second)).split('/')[0], 'stopped');
      run.open();
      same(await run.ended(third), 'succeeded: a succeeded');
    },
  },
  {
    name: 'of runs that are ready at once the more urgent one goes first',
    yaml: "tasks: { a: { run: '{mark a}; {gate}', taskGroup: { name: cases-urgent } } }",
    act: async (run) => {
      await run.untilMark('a');
      const low = await run.start({ priority: 'low' });
      await run.untilTask('a', 'queued', low);
      const high = await run.start({ priority: 'highest' });
      await run.untilTask('a', 'queued', high);
      run.open();
      await Promise.all([run.ended(low), run.ended(high)]);
      const [later, sooner] = await Promise.all([run.task('a', low), run.task('a', high)]);
      same(Date.parse(sooner.startedAt ?? '') <= Date.parse(later.startedAt ?? ''), true);
    },
    ends: 'succeeded: a succeeded',
  },
];
