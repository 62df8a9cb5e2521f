/**
 * The engine against a naive reference: random DAGs, random outcomes, random order of events. Under `continue` the
 * final states must be what a slow, obvious evaluation gives; under `end` nothing may start after the first unhandled
 * failure. After every event the counters must equal those that recovery would compute from the records.
 */
import { isTerminalRun, isTerminalTaskRun, TRIGGER_RULES, type TriggerRule, workerIdOf } from '@pelorus/protocol';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  apply,
  type AttemptRecord,
  decide,
  type Event,
  openRun,
  type Run,
  stateOf,
  type TaskRunRecord,
} from '../src/index.ts';
import { newRun, task, workflow } from './fixtures.ts';

interface Case {
  size: number;
  edges: boolean[];
  triggers: TriggerRule[];
  disabled: boolean[];
  fails: boolean[];
  policy: 'end' | 'continue';
  order: number[];
}

const cases: fc.Arbitrary<Case> = fc.integer({ min: 1, max: 8 }).chain((size) =>
  fc.record({
    size: fc.constant(size),
    edges: fc.array(fc.boolean(), { minLength: size * size, maxLength: size * size }),
    triggers: fc.array(fc.constantFrom(...TRIGGER_RULES), { minLength: size, maxLength: size }),
    disabled: fc.array(
      fc.integer({ min: 0, max: 4 }).map((roll) => roll === 0),
      { minLength: size, maxLength: size },
    ),
    fails: fc.array(fc.boolean(), { minLength: size, maxLength: size }),
    policy: fc.constantFrom('end' as const, 'continue' as const),
    order: fc.array(fc.nat(), { minLength: 60, maxLength: 60 }),
  }),
);

describe('random DAGs', () => {
  test('end in the states of a naive evaluation', () => {
    fc.assert(fc.property(cases, check), { numRuns: 1500 });
  });
});

function check(input: Case): void {
  const run = newRun(definitionOf(input), {});
  step(run, { kind: 'command', action: { kind: 'start' }, user: 'ada', at: 1 });
  let failedUnhandled = false;
  for (let turn = 0; !isTerminalRun(run.status.state); turn++) {
    expect(turn).toBeLessThan(200);
    const attemptsBefore = run.attempts.filter(Boolean).length;
    move(run, input, turn);
    if (failedUnhandled && input.policy === 'end') expect(run.attempts.filter(Boolean).length).toBe(attemptsBefore);
    failedUnhandled ||= run.status.firstFailure !== null;
  }
  const states = run.graph.tasks.map((_task, index) => stateOf(run, index));
  expect(states.every(isTerminalTaskRun)).toBe(true);
  expect(run.unfinished).toBe(0);
  expect(run.live).toBe(0);
  const expected = reference(input);
  if (input.policy === 'continue' || !expected.fails) expect(states).toEqual(expected.states);
  expect(run.status.state).toBe(expected.fails ? 'failed' : 'succeeded');
}

function definitionOf(input: Case) {
  const tasks = Array.from({ length: input.size }, (_, index) =>
    task(
      `t${index}`,
      needsOf(input, index).map((pred) => `t${pred}`),
      { trigger: input.triggers[index]!, disabled: input.disabled[index]! },
    ),
  );
  return workflow(tasks, { failurePolicy: input.policy });
}

function needsOf(input: Case, index: number): number[] {
  return Array.from({ length: index }, (_, pred) => pred).filter((pred) => input.edges[index * input.size + pred]);
}

/** Places or finishes one task, chosen by the case. */
function move(run: Run, input: Case, turn: number): void {
  const open = run.tasks.flatMap((record) =>
    record && ['queued', 'dispatched', 'killing'].includes(record.state) ? [record] : [],
  );
  expect(open.length).toBeGreaterThan(0);
  const record = open[input.order[turn % input.order.length]! % open.length]!;
  step(run, eventFor(record, input, turn));
}

function eventFor(record: TaskRunRecord, input: Case, turn: number): Event {
  const base = { task: record.task, worker: workerIdOf('w'), at: turn + 2, random: 0 };
  if (record.state === 'queued') return { kind: 'placed', ...base };
  const state = record.state === 'killing' ? 'killed' : input.fails[record.task] ? 'failed' : 'succeeded';
  const cause = state === 'failed' ? ({ kind: 'exit', code: 1 } as const) : null;
  const outcome = { state, cause, outputs: {}, outputsTruncated: false, startedAt: 0, endedAt: 0 } as const;
  return {
    kind: 'report',
    n: record.attempts,
    ...base,
    report: { kind: 'finished', attempt: '1.0.1' as never, sequence: 1, outcome },
  };
}

function step(run: Run, event: Event): void {
  const frozen = JSON.stringify([run.status, run.tasks, run.attempts, [...run.open], run.unfinished]);
  const decision = decide(run, event);
  expect(JSON.stringify([run.status, run.tasks, run.attempts, [...run.open], run.unfinished])).toBe(frozen);
  apply(run, decision.changes);
  expect(countersOf(recovered(run))).toEqual(countersOf(run));
}

function recovered(run: Run): Run {
  const tasks = run.tasks.filter((record): record is TaskRunRecord => record !== undefined);
  const attempts = run.attempts.filter((record): record is AttemptRecord => record !== undefined);
  return openRun({ spec: run.spec, status: run.status, tasks, attempts }, run.context);
}

function countersOf(run: Run) {
  const { open, failed, branched, unfinished, live, bad, killed, version } = run;
  return { open: [...open], failed: [...failed], branched: [...branched], unfinished, live, bad, killed, version };
}

/** Slow and obvious: tasks in order, each looking at its predecessors through skipped ones. */
function reference(input: Case): { states: string[]; fails: boolean } {
  const states: string[] = [];
  const failure: boolean[] = [];
  for (let index = 0; index < input.size; index++) {
    const predFailed = needsOf(input, index).some((pred) => failure[pred]);
    const rule = input.triggers[index]!;
    if (input.disabled[index]) states.push('skipped');
    else if (predFailed && (rule === 'all_success' || rule === 'none_failed')) states.push('upstream_failed');
    else if (!predFailed && rule === 'any_failed') states.push('skipped');
    else states.push(input.fails[index] ? 'failed' : 'succeeded');
    failure.push(states[index] === 'skipped' ? input.disabled[index]! && predFailed : states[index] !== 'succeeded');
  }
  return {
    states,
    fails: states.some(
      (state, index) => state === 'upstream_failed' || (state === 'failed' && !isHandled(input, index)),
    ),
  };
}

function isHandled(input: Case, index: number): boolean {
  const behind = effectiveSuccessors(input, index);
  return (
    behind.length > 0 && behind.every((successor) => ['all_done', 'any_failed'].includes(input.triggers[successor]!))
  );
}

function effectiveSuccessors(input: Case, index: number): number[] {
  const found: number[] = [];
  for (let later = index + 1; later < input.size; later++) {
    if (!needsOf(input, later).includes(index)) continue;
    if (input.disabled[later]) found.push(...effectiveSuccessors(input, later));
    else found.push(later);
  }
  return found;
}
