/** Retries, time-outs, delays, priorities, worker groups and task groups. */
import { same, type Case, type CaseRun } from './case.ts';

const spanOf = async (run: CaseRun, task: string, id = run.id): Promise<[number, number]> => {
  const { startedAt, endedAt } = await run.task(task, id);
  return [Date.parse(startedAt ?? ''), Date.parse(endedAt ?? '')];
};

async function never(run: CaseRun, first: [string, number?], second: [string, number?]): Promise<void> {
  const [a, b] = await Promise.all([spanOf(run, first[0], first[1]), spanOf(run, second[0], second[1])]);
  if (a[0] < b[1] && b[0] < a[1])
    throw new Error(`${first[0]} ${String(a)} and ${second[0]} ${String(b)} ran at the same time`);
}

export const POLICIES: Case[] = [
  {
    name: 'a retry that succeeds',
    yaml: "tasks: { a: { run: '{mark a}; test $(wc -l < {dir}/marks) -ge 2', retry: { max: 3, interval: 0 } }, b: { run: 'true', needs: [a] } }",
    ends: 'succeeded: a succeeded ×2, b succeeded',
  },
  {
    name: 'retries that are used up',
    yaml: "tasks: { a: { run: '{mark a}; exit 4', retry: { max: 2, interval: 0 } }, b: { run: 'true', needs: [a] } }",
    ends: 'failed/exit: a failed/exit ×3, b upstream_failed/upstream',
    also: async (run) => same(run.marks().length, 3),
  },
  {
    name: 'between attempts a task waits for its retry, and END has not begun',
    yaml: "tasks: { a: { run: 'test -e {dir}/go', retry: { max: 1, interval: 15s } }, b: { run: '{gate}' } }",
    act: async (run) => {
      await run.untilTask('a', 'retry_wait');
      same((await run.client.runs.get(run.id)).state, 'running');
      run.open();
    },
    ends: 'succeeded: a succeeded ×2, b succeeded',
  },
  {
    name: 'exponential backoff doubles the interval',
    yaml: "tasks: { a: { run: 'false', retry: { max: 2, interval: 300ms, backoff: exponential } } }",
    ends: 'failed/exit: a failed/exit ×3',
    also: async (run) => {
      const { attempts } = await run.task('a');
      const [first, second, third] = attempts.map(
        ({ dispatchedAt, endedAt }) => [Date.parse(dispatchedAt), Date.parse(endedAt ?? '')] as const,
      );
      const waited = [second![0] - first![1], third![0] - second![1]];
      // Jitter takes at most half away.
      if (waited[0]! < 140 || waited[1]! < 290) throw new Error(`waited ${waited.join(' and ')} ms`);
    },
  },
  {
    name: 'timing out is a failure',
    yaml: "tasks: { a: { run: '{gate never}', timeout: 500ms }, b: { run: 'true', needs: [a] } }",
    ends: 'failed/timeout: a failed/timeout, b upstream_failed/upstream',
  },
  {
    name: 'timing out is retried like any failure',
    yaml: "tasks: { a: { run: 'test -e {dir}/marks || { {mark a}; {gate never}; }', timeout: 10s, retry: { max: 1, interval: 0 } } }",
    ends: 'succeeded: a succeeded ×2',
  },
  {
    name: 'a time-out that only warns',
    yaml: "tasks: { a: { run: '{gate}', timeout: { after: 200ms, action: warn } } }",
    act: async (run) => {
      await run.untilTask('a', 'running');
      const { startedAt } = await run.task('a');
      await run.untilRun(run.id, () => Date.now() - Date.parse(startedAt ?? '') > 400);
      run.open();
    },
    ends: 'succeeded: a succeeded',
  },
  {
    name: 'a time-out that warns and fails',
    yaml: "tasks: { a: { run: '{gate never}', timeout: { after: 300ms, action: warn_and_fail } } }",
    ends: 'failed/timeout: a failed/timeout',
  },
  {
    name: 'a run that takes too long fails, and what runs is killed',
    yaml: "timeout: 10s\ntasks: { a: { run: '{gate never}' }, b: { run: 'true', needs: [a] } }",
    ends: 'failed/timeout: a failed/timeout, b killed/timeout',
  },
  {
    name: 'a run that takes too long and only warns',
    yaml: "timeout: { after: 200ms, action: warn }\ntasks: { a: { run: '{gate}' } }",
    act: async (run) => {
      const { startedAt } = await run.untilRun(run.id, (view) => view.startedAt !== null);
      await run.untilRun(run.id, () => Date.now() - Date.parse(startedAt ?? '') > 400);
      run.open();
    },
    ends: 'succeeded: a succeeded',
  },
  {
    name: 'a delay holds a task back from when it is ready',
    yaml: "tasks: { a: { run: 'true' }, b: { run: 'true', needs: [a], delay: 3s } }",
    act: async (run) => {
      await run.untilTask('b', 'delayed');
    },
    ends: 'succeeded: a succeeded, b succeeded',
    also: async (run) => {
      const waited = (await spanOf(run, 'b'))[0] - (await spanOf(run, 'a'))[1];
      if (waited < 2990) throw new Error(`it began after ${waited} ms`);
    },
  },
  {
    name: 'a worker group that is absent delays nobody else',
    yaml: "tasks: { far: { run: 'true', workerGroup: nowhere }, near: { run: 'true' } }",
    act: async (run) => {
      await run.untilTask('near', 'succeeded');
      same((await run.untilReason('far', /nowhere/)).state, 'queued');
      await run.client.runs.stop(run.id);
    },
    ends: 'stopped/killed_by: far killed/killed_by, near succeeded',
  },
  {
    name: 'no worker in time is a failure',
    yaml: "tasks: { a: { run: 'true', workerGroup: nowhere, dispatchTimeout: 500ms } }",
    ends: 'failed/dispatch_timeout: a failed/dispatch_timeout',
  },
  {
    name: 'two tasks of a group of one never run together',
    yaml: "tasks: { a: { run: 'sleep 0.3', taskGroup: { name: cases-one } }, b: { run: 'sleep 0.3', taskGroup: { name: cases-one } } }",
    ends: 'succeeded: a succeeded, b succeeded',
    also: async (run) => never(run, ['a'], ['b']),
  },
  {
    name: 'the group holds across runs, and says who waits',
    yaml: "tasks: { a: { run: '{mark a}; {gate}', taskGroup: { name: cases-across } } }",
    act: async (run) => {
      await run.untilMark('a');
      const second = await run.start();
      same((await run.untilReason('a', /cases-across/, second)).state, 'queued');
      const { held, waitingTasks } = await run.client.taskGroups.get('cases-across');
      same([held, waitingTasks], [1, 1]);
      run.open();
      same(await run.ended(second), 'succeeded: a succeeded');
      await never(run, ['a'], ['a', second]);
    },
    ends: 'succeeded: a succeeded',
  },
  {
    name: 'a weight takes that many slots',
    yaml: `tasks:
  heavy: { run: 'sleep 0.3', taskGroup: { name: cases-three, weight: 2 } }
  other: { run: 'sleep 0.3', taskGroup: { name: cases-three, weight: 2 } }
`,
    ends: 'succeeded: heavy succeeded, other succeeded',
    also: async (run) => never(run, ['heavy'], ['other']),
  },
  {
    name: 'of those that wait for a group, the higher priority goes first',
    yaml: `tasks:
  hold: { run: '{mark hold}; {gate}', taskGroup: { name: cases-order, priority: 99 } }
  low: { run: '{mark low}', taskGroup: { name: cases-order, priority: 1 } }
  high: { run: '{mark high}', taskGroup: { name: cases-order, priority: 9 } }
`,
    act: async (run) => {
      await run.untilMark('hold');
      await run.untilTask('low', 'queued');
      await run.untilTask('high', 'queued');
      run.open();
    },
    ends: 'succeeded: hold succeeded, low succeeded, high succeeded',
    also: async (run) => same(run.marks(), ['hold', 'high', 'low']),
  },
  {
    name: 'a killed task gives its slot back',
    yaml: "failurePolicy: continue\ntasks: { a: { run: '{mark a}; {gate never}', taskGroup: { name: cases-kill } } }",
    act: async (run) => {
      await run.untilMark('a');
      await run.client.runs.killTask(run.id, 'a');
      same(await run.ended(), 'failed/killed_by: a killed/killed_by');
      same((await run.client.taskGroups.get('cases-kill')).held, 0);
    },
  },
  {
    name: 'a task that fails before it does anything has a cause that says so',
    yaml: "tasks: { a: { run: 'true', shell: /nowhere/bash } }",
    act: async (run) => {
      same((await run.ended()).replace(/\/\w+/g, ''), 'failed: a failed');
    },
  },
  {
    name: 'a signal is told as one',
    yaml: "tasks: { a: { run: 'kill -SEGV $$' } }",
    ends: 'failed/signal: a failed/signal',
    also: async (run) => same((await run.task('a')).cause, { kind: 'signal', name: 'SIGSEGV' }),
  },
];
