/** Workflows of many tasks, and what is done with them: for tests of scale and for the bench. */
import { runIdOf, type TaskAction, type TaskDefinition, type WorkflowDefinition, workerIdOf } from '@pelorus/protocol';
import {
  apply,
  type AttemptRecord,
  decide,
  describePlan,
  type Event,
  graphOf,
  openRun,
  planRun,
  type PreviousRun,
  progressOf,
  type Run,
  type RunSpec,
  type TaskRunRecord,
} from '../src/index.ts';
import { newRun, task, workflow } from './fixtures.ts';

const name = (index: number) => `t${index}`;
const WORKER = workerIdOf('w');

/** t0 → t1 → … */
function chain(count: number, patch: (index: number) => Partial<TaskDefinition> = () => ({})): TaskDefinition[] {
  return Array.from({ length: count }, (_, index) =>
    task(name(index), index === 0 ? [] : [name(index - 1)], patch(index)),
  );
}

/** first → t0 … tn → last */
function fan(count: number, first: Partial<TaskDefinition> = {}, last: Partial<TaskDefinition> = {}): TaskDefinition[] {
  const middle = Array.from({ length: count }, (_, index) => task(name(index), ['first']));
  return [
    task('first', [], first),
    ...middle,
    task(
      'last',
      middle.map((one) => one.name),
      last,
    ),
  ];
}

const switchTo = (taken: string[], others: string[]): TaskAction => ({
  type: 'switch',
  cases: [{ when: '1 == 1', goto: taken }],
  default: others,
});

function started(definition: WorkflowDefinition, patch: Partial<RunSpec> = {}): Run {
  const run = newRun(definition, patch);
  step(run, { kind: 'command', action: { kind: 'start' }, user: 'ada', at: 1 });
  return run;
}

function step(run: Run, event: Event): void {
  apply(run, decide(run, event).changes);
}

function place(run: Run, index: number): void {
  step(run, { kind: 'placed', task: index, worker: WORKER, at: 2, random: 0 });
}

function finish(run: Run, index: number, state: 'succeeded' | 'failed', outputs: Record<string, string> = {}): void {
  const cause = state === 'failed' ? ({ kind: 'exit', code: 1 } as const) : null;
  const outcome = { state, cause, outputs, outputsTruncated: false, startedAt: 2, endedAt: 3 };
  const report = { kind: 'finished', attempt: '1.0.1' as never, sequence: 1, outcome } as const;
  step(run, { kind: 'report', task: index, n: 1, worker: WORKER, at: 3, random: 0, report });
}

function reopened(run: Run): Run {
  const tasks = run.tasks.filter((record): record is TaskRunRecord => record !== undefined);
  const attempts = run.attempts.filter((record): record is AttemptRecord => record !== undefined);
  return openRun({ spec: run.spec, status: run.status, tasks, attempts }, run.context);
}

function previousOf(run: Run): PreviousRun {
  const tasks = run.tasks.filter((record): record is TaskRunRecord => record !== undefined);
  return { run: runIdOf(1), definition: run.definition, plan: run.spec.plan, tasks };
}

/** What is measured, after a preparation that is not: the state of the run in the end, or what was planned. */
export interface LargeCase {
  title: string;
  count: number;
  prepare: (count: number) => () => string;
}

export const LARGE_CASES: LargeCase[] = [
  {
    title: 'a chain of skipped tasks before one that runs',
    count: 100_000,
    prepare(count) {
      const definition = workflow(chain(count));
      graphOf(definition);
      return () => {
        const run = started(definition, { plan: { run: [count - 1], reuse: [] } });
        place(run, count - 1);
        finish(run, count - 1, 'succeeded');
        return `${run.status.state}, ${countOf(run, 'skipped')} skipped`;
      };
    },
  },
  {
    title: 'a chain of disabled tasks in an untaken branch',
    count: 100_000,
    prepare(count) {
      const tasks = chain(count, (index) => (index === 0 || index === count - 1 ? {} : { disabled: true }));
      tasks[0] = { ...tasks[0]!, action: switchTo([], [name(1)]) };
      const definition = workflow(tasks);
      graphOf(definition);
      return () => {
        const run = started(definition);
        return `${run.status.state}, ${countOf(run, 'skipped')} skipped`;
      };
    },
  },
  {
    title: 'a chain behind a failure',
    count: 100_000,
    prepare(count) {
      const definition = workflow(chain(count));
      graphOf(definition);
      return () => {
        const run = started(definition, { failurePolicy: 'continue' });
        place(run, 0);
        finish(run, 0, 'failed');
        return `${run.status.state}, ${countOf(run, 'upstream_failed')} upstream_failed`;
      };
    },
  },
  {
    title: 'a fan of one to many to one, every task placed and finished',
    count: 50_000,
    prepare(count) {
      const definition = workflow(fan(count));
      graphOf(definition);
      return () => {
        const run = started(definition);
        for (let index = 0; index < count + 2; index++) {
          place(run, index);
          finish(run, index, 'succeeded');
        }
        return `${run.status.state}, ${countOf(run, 'succeeded')} succeeded`;
      };
    },
  },
  {
    title: 'a chain in which each task gives the same outputs',
    count: 20_000,
    prepare(count) {
      const definition = workflow(chain(count));
      graphOf(definition);
      return () => {
        const run = started(definition);
        for (let index = 0; index < count; index++) {
          place(run, index);
          finish(run, index, 'succeeded', { rows: String(index), file: 'out' });
        }
        return `${run.status.state}, ${countOf(run, 'succeeded')} succeeded`;
      };
    },
  },
  {
    title: 'a switch that leaves out many tasks, and their join',
    count: 50_000,
    prepare(count) {
      const names = Array.from({ length: count }, (_, index) => name(index));
      const definition = workflow(fan(count, { action: switchTo([], names) }));
      graphOf(definition);
      return () => {
        const run = started(definition);
        return `${run.status.state}, ${countOf(run, 'skipped')} skipped`;
      };
    },
  },
  {
    title: 'a switch that leaves out a long branch',
    count: 50_000,
    prepare(count) {
      const definition = workflow(chain(count, (index) => (index === 0 ? { action: switchTo([], [name(1)]) } : {})));
      graphOf(definition);
      return () => {
        const run = started(definition);
        return `${run.status.state}, ${countOf(run, 'skipped')} skipped`;
      };
    },
  },
  {
    title: 'conditions over many predecessors',
    count: 50_000,
    prepare(count) {
      const when = {
        and: Array.from({ length: count }, (_, index) => ({ task: name(index), state: 'succeeded' as const })),
      };
      const virtual = { action: { type: 'virtual' as const } };
      const definition = workflow(
        fan(count, virtual, { action: { type: 'conditions', when, success: [], failure: [] } }).map((one) =>
          one.name === 'last' ? one : { ...one, ...virtual },
        ),
      );
      graphOf(definition);
      return () => started(definition).status.state;
    },
  },
  {
    title: 'fail-fast with many tasks queued',
    count: 50_000,
    prepare(count) {
      const definition = workflow(fan(count));
      graphOf(definition);
      return () => {
        const run = started(definition);
        place(run, 0);
        finish(run, 0, 'succeeded');
        place(run, 1);
        finish(run, 1, 'failed');
        return `${run.status.state}, ${countOf(run, 'killed')} killed`;
      };
    },
  },
  {
    title: 'force success of a failure with a long chain of disabled tasks behind it',
    count: 100_000,
    prepare(count) {
      const tasks = chain(count, (index) => (index === 0 || index === count - 1 ? {} : { disabled: true }));
      const definition = workflow([...tasks, task('other')], { failurePolicy: 'continue' });
      graphOf(definition);
      return () => {
        const run = started(definition);
        place(run, 0);
        finish(run, 0, 'failed');
        step(run, { kind: 'command', action: { kind: 'force-success', task: name(0) }, user: 'ada', at: 4 });
        place(run, count);
        finish(run, count, 'succeeded');
        return `${run.status.state}, ${run.failed.filter((failed) => failed > 0).length} behind a failure`;
      };
    },
  },
  {
    title: 'recovery of a run half-way',
    count: 100_000,
    prepare(count) {
      const definition = workflow(fan(count));
      const run = started(definition);
      place(run, 0);
      finish(run, 0, 'succeeded');
      for (let index = 1; index < count / 2; index++) place(run, index);
      return () => {
        const again = reopened(run);
        return `${again.status.state}, ${again.live} live`;
      };
    },
  },
  {
    title: 'plans: node and all behind it, re-run of what failed, re-run from a task, their description',
    count: 100_000,
    prepare(count) {
      const definition = workflow(fan(count));
      const run = started(definition, { failurePolicy: 'continue' });
      for (let index = 0; index < count + 1; index++) {
        place(run, index);
        finish(run, index, index === 7 ? 'failed' : 'succeeded');
      }
      const previous = previousOf(run);
      return () => {
        const plans = [
          planRun(definition, { kind: 'node', tasks: ['first'], dep: 'NODE_POST' }, 5),
          planRun(definition, { kind: 'rerun-failed', previous }, 5),
          planRun(definition, { kind: 'rerun-from', previous, task: name(0) }, 5),
        ];
        return plans
          .map((made) =>
            made.kind === 'plan'
              ? describePlan(definition, made.plan).filter((one) => one.plan === 'RUN').length
              : 'refused',
          )
          .join(', ');
      };
    },
  },
  {
    title: 'progress and the remaining time',
    count: 100_000,
    prepare(count) {
      const definition = workflow(chain(count));
      const plan = describePlan(definition, { run: 'all', reuse: [] });
      graphOf(definition);
      return () => {
        const input = {
          definition,
          plan,
          tasks: [],
          medians: (one: string) => (one.endsWith('7') ? 100 : null),
          now: 0,
        };
        return String(progressOf(input).estimatedRemainingMs);
      };
    },
  },
];

function countOf(run: Run, state: string): number {
  return run.tasks.filter((record) => record?.state === state).length;
}

/** Long enough for clocks of processor time that go forward by ticks of 4 or 10 ms. */
const LEAST_MS = 100;

/** Milliseconds of processor time of one run, of as many as take long enough to be told apart, and what the last one answered. */
export function timed(work: () => string): { ms: number; answer: string } {
  const before = processorMs();
  for (let runs = 1; ; runs++) {
    const answer = work();
    const ms = processorMs() - before;
    if (ms >= LEAST_MS) return { ms: ms / runs, answer };
  }
}

/** Of this thread: what else the machine does costs it nothing. */
function processorMs(): number {
  const { user, system } = process.threadCpuUsage();
  return (user + system) / 1000;
}
