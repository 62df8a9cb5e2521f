import { isTerminalRun, type TaskRunState, workerIdOf } from '@pelorus/protocol';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  apply,
  decide,
  describePlan,
  type Event,
  type Progress,
  progressOf,
  type Run,
  type RunPlan,
  type TaskRunRecord,
} from '../src/index.ts';
import { newRun, task, workflow } from './fixtures.ts';

const MINUTE = 60_000;
const NOW = 100 * MINUTE;

/** a → b → d, a → c → d. */
const diamond = workflow([task('a'), task('b', ['a']), task('c', ['a']), task('d', ['b', 'c'])]);
const MEDIANS: Record<string, number> = { a: MINUTE, b: 4 * MINUTE, c: 2 * MINUTE, d: 3 * MINUTE };

function row(index: number, state: TaskRunState, patch: Partial<TaskRunRecord> = {}): TaskRunRecord {
  return {
    run: 1 as never,
    task: index,
    version: 1,
    state,
    cause: null,
    waitReason: null,
    attempts: 1,
    retries: 0,
    wakeAt: null,
    readyAt: null,
    startedAt: null,
    endedAt: null,
    outputs: null,
    ...patch,
  };
}

function progress(
  tasks: TaskRunRecord[],
  options: { medians?: Record<string, number>; plan?: RunPlan; definition?: typeof diamond; now?: number } = {},
): Progress {
  const { medians = MEDIANS, plan = { run: 'all', reuse: [] }, definition = diamond, now = NOW } = options;
  return progressOf({
    definition,
    plan: describePlan(definition, plan),
    tasks,
    medians: (name) => medians[name] ?? null,
    now,
  });
}

describe('progress', () => {
  test('weighs tasks by their median past duration', () => {
    expect(progress([]).done).toBe(0);
    expect(progress([row(0, 'succeeded')]).done).toBe(0.1);
    expect(progress([row(0, 'succeeded'), row(2, 'succeeded')]).done).toBe(0.3);
  });

  test('counts tasks that have ended, however they ended', () => {
    expect(
      progress([row(0, 'failed'), row(1, 'upstream_failed'), row(2, 'killed'), row(3, 'forced_success')]).done,
    ).toBe(1);
  });

  test('counts tasks alike while no duration is known', () => {
    expect(progress([row(1, 'succeeded')], { medians: {} })).toEqual({ done: 0.25, estimatedRemainingMs: null });
  });

  test('a task whose duration is not known weighs like the median of the others', () => {
    expect(progress([row(3, 'succeeded')], { medians: { a: 1000, b: 2000, c: 7000 } }).done).toBe(2000 / 12_000);
  });

  test('skipped and reused tasks are not counted', () => {
    const skipped = progress([row(0, 'succeeded'), row(1, 'skipped')]).done;
    expect(skipped).toBe(1 / 6);
    const reuse: RunPlan = { run: [1, 2, 3], reuse: [{ task: 0, attempt: '9.0.1' as never }] };
    expect(progress([row(0, 'reused')], { plan: reuse }).done).toBe(0);
    expect(progress([row(0, 'reused'), row(1, 'succeeded')], { plan: reuse }).done).toBe(4 / 9);
    expect(progress([row(1, 'succeeded')], { plan: { run: [1, 2], reuse: [] } }).done).toBe(4 / 6);
  });

  test('where nothing is left to count, it is done', () => {
    expect(progress([0, 1, 2, 3].map((index) => row(index, 'skipped')))).toEqual({ done: 1, estimatedRemainingMs: 0 });
  });

  test('a task under way counts its elapsed share, never the whole', () => {
    const since = (minutes: number) =>
      progress([row(0, 'succeeded'), row(1, 'running', { startedAt: NOW - minutes * MINUTE })]).done;
    expect(since(0)).toBe(0.1);
    expect(since(1)).toBe(0.2);
    expect(since(60)).toBeCloseTo(0.1 + 0.4 * 0.95, 12);
  });

  test('a retry does not take back what the first attempt counted', () => {
    const startedAt = NOW - MINUTE;
    const running = progress([row(0, 'running', { startedAt })]).done;
    for (const state of ['retry_wait', 'queued', 'dispatched', 'paused'] as const) {
      expect(progress([row(0, state, { startedAt, attempts: 2 })]).done).toBe(running);
    }
  });

  test('without a known duration of its own, a task under way counts nothing yet', () => {
    expect(progress([row(0, 'running', { startedAt: 0 })], { medians: { b: 5 } }).done).toBe(0);
  });

  test('durations that make no sense are taken as unknown, none is below a millisecond', () => {
    expect(
      progress([row(0, 'succeeded')], { medians: { a: Number.NaN, b: -5, c: 0, d: Number.POSITIVE_INFINITY } }).done,
    ).toBe(0.25);
  });
});

describe('the estimate', () => {
  const remaining = (tasks: TaskRunRecord[], options: Parameters<typeof progress>[1] = {}) =>
    progress(tasks, options).estimatedRemainingMs! / MINUTE;

  test('is the longest path that is left', () => {
    expect(remaining([])).toBe(8);
    expect(remaining([row(0, 'succeeded')])).toBe(7);
    expect(remaining([row(0, 'succeeded'), row(1, 'succeeded')])).toBe(5);
    expect(remaining([row(0, 'succeeded'), row(1, 'succeeded'), row(2, 'succeeded')])).toBe(3);
  });

  test('tasks under way have their elapsed time behind them, and take no negative time', () => {
    expect(remaining([row(0, 'succeeded'), row(1, 'running', { startedAt: NOW - MINUTE })])).toBe(6);
    expect(remaining([row(0, 'succeeded'), row(1, 'running', { startedAt: 0 }), row(2, 'succeeded')])).toBe(3);
    expect(remaining([row(0, 'running', { startedAt: NOW + MINUTE })])).toBe(8);
  });

  test('waits are part of it: delays and retries', () => {
    const delayed = workflow([task('a'), task('b', ['a'], { delayMs: 10 * MINUTE })]);
    expect(remaining([], { definition: delayed })).toBe(15);
    expect(
      remaining([row(0, 'succeeded'), row(1, 'delayed', { wakeAt: NOW + 2 * MINUTE })], { definition: delayed }),
    ).toBe(6);
    expect(remaining([row(0, 'retry_wait', { startedAt: 0, wakeAt: NOW + MINUTE })])).toBe(9);
  });

  test('paths lead through tasks that do not run', () => {
    expect(remaining([], { plan: { run: [0, 3], reuse: [] } })).toBe(4);
  });
});

// ---------------------------------------------------------------------------------------------- over whole runs

interface Story {
  size: number;
  edges: boolean[];
  fails: number[];
  branching: boolean;
  order: number[];
  known: boolean[];
}

const stories: fc.Arbitrary<Story> = fc.record({
  size: fc.integer({ min: 2, max: 7 }),
  edges: fc.array(fc.boolean(), { minLength: 49, maxLength: 49 }),
  fails: fc.array(fc.integer({ min: 0, max: 3 }), { minLength: 7, maxLength: 7 }),
  branching: fc.boolean(),
  order: fc.array(fc.nat(), { minLength: 40, maxLength: 40 }),
  known: fc.array(fc.boolean(), { minLength: 7, maxLength: 7 }),
});

describe('over a whole run', () => {
  test('it begins at 0, never falls, and is 1 exactly when all have ended', () => {
    fc.assert(fc.property(stories, tell), { numRuns: 400 });
  });
});

function tell(story: Story): void {
  const run = newRun(definitionOf(story), { failurePolicy: 'continue' });
  const plan = describePlan(run.definition, run.spec.plan);
  let now = 1;
  let last = 0;
  expect(look()).toBe(0);
  step({ kind: 'command', action: { kind: 'start' }, user: 'ada', at: now });
  for (let turn = 0; !isTerminalRun(run.status.state); turn++) {
    expect(turn).toBeLessThan(200);
    now += story.order[turn % 40]! % 5000;
    move(run, story, turn, now, step);
  }
  expect(last).toBe(1);

  function step(event: Event): void {
    apply(run, decide(run, event).changes);
    const done = look();
    expect(done).toBeGreaterThanOrEqual(last);
    expect(done === 1).toBe(run.unfinished === 0);
    last = done;
  }

  function look(): number {
    const tasks = run.tasks.filter((record): record is TaskRunRecord => record !== undefined);
    const medians = (name: string) => (story.known[Number(name.slice(1))] ? 1000 * (1 + Number(name.slice(1))) : null);
    const { done, estimatedRemainingMs } = progressOf({ definition: run.definition, plan, tasks, medians, now });
    expect(estimatedRemainingMs ?? 0).toBeGreaterThanOrEqual(0);
    return done;
  }
}

/** t0 may be a switch that leaves out t1. */
function definitionOf({ size, edges, branching }: Story) {
  return workflow(
    Array.from({ length: size }, (_, index) => {
      const needs = Array.from({ length: index }, (__, pred) => pred).filter(
        (pred) => edges[index * 7 + pred] || (branching && index === 1),
      );
      const chooses = index === 0 && branching;
      const action = { type: 'switch' as const, cases: [{ when: '1 == 2', goto: ['t1'] }], default: [] };
      const retry = { max: 2, intervalMs: 500, backoff: 'fixed' as const, maxIntervalMs: 500 };
      return task(
        `t${index}`,
        needs.map((pred) => `t${pred}`),
        { retry, ...(chooses ? { action } : {}) },
      );
    }),
  );
}

function move(run: Run, story: Story, turn: number, at: number, step: (event: Event) => void): void {
  const open = run.tasks.flatMap((record) =>
    record && ['queued', 'dispatched', 'running', 'retry_wait'].includes(record.state) ? [record] : [],
  );
  const record = open[story.order[(turn * 7) % 40]! % open.length]!;
  const base = { task: record.task, worker: workerIdOf('w'), at, random: 0 };
  const key = { attempt: '1.0.1' as never, sequence: 1 };
  if (record.state === 'queued') return step({ kind: 'placed', ...base });
  if (record.state === 'retry_wait')
    return step({ kind: 'timer', timer: 'wake', n: record.attempts, ...base, at: Math.max(at, record.wakeAt!) });
  if (record.state === 'dispatched')
    return step({ kind: 'report', n: record.attempts, ...base, report: { kind: 'running', ...key, startedAt: at } });
  if (turn % 5 === 0) return step({ kind: 'worker-lost', n: record.attempts, ...base });
  const state = record.retries < story.fails[record.task]! ? 'failed' : 'succeeded';
  const cause = state === 'failed' ? ({ kind: 'exit', code: 1 } as const) : null;
  const outcome = { state, cause, outputs: {}, outputsTruncated: false, startedAt: at, endedAt: at } as const;
  step({ kind: 'report', n: record.attempts, ...base, report: { kind: 'finished', ...key, outcome } });
}
