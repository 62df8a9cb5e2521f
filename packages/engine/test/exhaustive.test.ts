/**
 * The engine beside a naive scheduler (exhaustive-reference.ts), event by event, over every small DAG. After each event
 * all states must agree; in the end the run has ended, nothing is live, and no recovery half-way has changed anything.
 */
import { isTerminalRun, type TaskAction, TRIGGER_RULES, type WorkflowDefinition, workerIdOf } from '@pelorus/protocol';
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
import { NaiveScheduler, type NaiveState, type Shape } from './exhaustive-reference.ts';
import { newRun, task, workflow } from './fixtures.ts';

/** `killed`: by a person, while it runs. `lost`: with its worker once, then a success. */
const OUTCOMES = ['succeeded', 'failed', 'killed', 'lost'] as const;
type Outcome = (typeof OUTCOMES)[number];
const POLICIES = ['end', 'continue'] as const;

/** In which order things happen, and whether a process that is to be killed ends by itself before. */
const ORDERS = ['first', 'last', 'mixed'] as const;
type Order = (typeof ORDERS)[number];

const WORKER = workerIdOf('w');

describe('every DAG of up to 4 tasks', () => {
  test('× 4 outcomes of each task × both policies × 3 orders of events', () => {
    let cases = 0;
    for (let count = 1; count <= 4; count++) {
      for (const shapes of everyDag(count)) {
        const definition = definitionOf(shapes);
        for (const outcomes of everyChoice(OUTCOMES, count)) {
          for (const policy of POLICIES)
            for (const order of ORDERS) play({ shapes, definition, outcomes, policy, order, seed: cases++ });
        }
      }
    }
    console.log(`${cases} runs: all DAGs of up to 4 tasks`);
    expect(cases).toBe(3 * 2 * (4 + 2 * 16 + 8 * 64 + 64 * 256));
  });
});

describe('every DAG of up to 3 tasks', () => {
  test('× every trigger rule, disabled tasks and outcomes × both policies', () => {
    let cases = 0;
    for (let count = 1; count <= 3; count++) {
      for (const dag of everyDag(count)) {
        for (const kinds of everyChoice(KINDS, count)) {
          const shapes = dag.map((shape, index) => ({ ...shape, ...kinds[index]! }));
          const definition = definitionOf(shapes);
          for (const outcomes of everyOutcomeOf(shapes)) {
            for (const policy of POLICIES)
              play({ shapes, definition, outcomes, policy, order: ORDERS[cases % 3]!, seed: cases++ });
          }
        }
      }
    }
    console.log(`${cases} runs: all DAGs of up to 3 tasks with rules and disabled tasks`);
    expect(cases).toBeGreaterThan(75_000);
  });

  test('× every switch and condition over their successors, all orders of events', () => {
    let cases = 0;
    for (let count = 2; count <= 3; count++) {
      for (const dag of everyDag(count)) {
        for (const shapes of everyBranching(dag)) {
          const definition = definitionOf(shapes);
          for (const outcomes of everyOutcomeOf(shapes, ['succeeded', 'failed'])) {
            for (const policy of POLICIES)
              for (const order of ORDERS) play({ shapes, definition, outcomes, policy, order, seed: cases++ });
          }
        }
      }
    }
    console.log(`${cases} runs: all DAGs of up to 3 tasks with branches`);
    expect(cases).toBeGreaterThan(10_000);
  });
});

describe('sampled', () => {
  test('DAGs of 4 and 5 tasks with rules, disabled tasks, switches and conditions', () => {
    const random = seeded(20_240_315);
    const cases = 12_000;
    for (let index = 0; index < cases; index++) {
      const shapes = randomShapes(4 + (index % 2), random);
      const outcomes = shapes.map(() => pick(OUTCOMES, random));
      play({
        shapes,
        definition: definitionOf(shapes),
        outcomes,
        policy: pick(POLICIES, random),
        order: pick(ORDERS, random),
        seed: index,
      });
    }
    console.log(`${cases} sampled runs`);
  });
});

// ---------------------------------------------------------------------------------------------------- what there is

function* everyDag(count: number): Generator<Shape[]> {
  const pairs = (count * (count - 1)) / 2;
  for (let mask = 0; mask < 1 << pairs; mask++) {
    let bit = 0;
    yield Array.from({ length: count }, (_, index) => ({
      preds: Array.from({ length: index }, (__, pred) => pred).filter(() => ((mask >> bit++) & 1) === 1),
      rule: 'all_success' as const,
      disabled: false,
      chooses: null,
    }));
  }
}

function* everyChoice<Choice>(among: readonly Choice[], count: number): Generator<Choice[]> {
  for (let number = 0; number < among.length ** count; number++) {
    yield Array.from(
      { length: count },
      (_, index) => among[Math.floor(number / among.length ** index) % among.length]!,
    );
  }
}

/** The rule of a disabled task does not matter. */
const KINDS = [
  ...TRIGGER_RULES.map((rule) => ({ rule, disabled: false })),
  { rule: 'all_success' as const, disabled: true },
];

/** Of tasks that run on a worker. */
function everyOutcomeOf(shapes: Shape[], outcomes: readonly Outcome[] = OUTCOMES): Outcome[][] {
  return shapes.reduce<Outcome[][]>(
    (lists, { disabled, chooses }) =>
      lists.flatMap((list) =>
        disabled || chooses ? [[...list, 'succeeded']] : outcomes.map((outcome) => [...list, outcome]),
      ),
    [[]],
  );
}

/** Every task may be ordinary, disabled or one that chooses; at least one chooses. */
function everyBranching(dag: Shape[]): Shape[][] {
  const lists = dag.map((shape, index) => {
    const successors = dag.flatMap(({ preds }, other) => (preds.includes(index) ? [other] : []));
    const rules = ['all_success', 'all_done', 'any_failed'] as const;
    const ordinary: Shape[] = [...rules.map((rule) => ({ ...shape, rule })), { ...shape, disabled: true }];
    if (successors.length === 0) return ordinary;
    const divided = everyDivision(successors).filter(({ yes, no }) => yes.length + no.length > 0);
    const switches: Shape[] = divided.flatMap((parts) =>
      [false, true].map((disabled) => ({ ...shape, disabled, chooses: { kind: 'switch' as const, ...parts } })),
    );
    const conditions: Shape[] =
      shape.preds.length === 0
        ? []
        : divided.map((parts) => ({ ...shape, chooses: { kind: 'conditions' as const, ...parts } }));
    return [...ordinary, ...switches, ...conditions];
  });
  const combined = lists.reduce<Shape[][]>(
    (found, list) => found.flatMap((before) => list.map((shape) => [...before, shape])),
    [[]],
  );
  return combined.filter((shapes) => shapes.some(({ chooses }) => chooses !== null));
}

function everyDivision(among: number[]): { yes: number[]; no: number[] }[] {
  return among.reduce<{ yes: number[]; no: number[] }[]>(
    (found, item) =>
      found.flatMap(({ yes, no }) => [
        { yes, no },
        { yes: [...yes, item], no },
        { yes, no: [...no, item] },
      ]),
    [{ yes: [], no: [] }],
  );
}

function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

function pick<Choice>(among: readonly Choice[], random: () => number): Choice {
  return among[Math.floor(random() * among.length)]!;
}

function randomShapes(count: number, random: () => number): Shape[] {
  const shapes: Shape[] = Array.from({ length: count }, (_, index) => ({
    preds: Array.from({ length: index }, (__, pred) => pred).filter(() => random() < 0.5),
    rule: pick(TRIGGER_RULES, random),
    disabled: random() < 0.2,
    chooses: null,
  }));
  for (const [index, shape] of shapes.entries()) {
    const successors = shapes.flatMap(({ preds }, other) => (preds.includes(index) ? [other] : []));
    if (successors.length === 0 || random() < 0.6) continue;
    const kind = shape.preds.length > 0 && random() < 0.4 ? 'conditions' : 'switch';
    const parts = pick(everyDivision(successors), random);
    if (parts.yes.length + parts.no.length > 0) shape.chooses = { kind, ...parts };
  }
  return shapes;
}

// ----------------------------------------------------------------------------------------------------------- playing

interface Case {
  shapes: Shape[];
  definition: WorkflowDefinition;
  outcomes: Outcome[];
  policy: 'end' | 'continue';
  order: Order;
  seed: number;
}

function definitionOf(shapes: Shape[]): WorkflowDefinition {
  const name = (index: number) => `t${index}`;
  return workflow(
    shapes.map(({ preds, rule, disabled, chooses }, index) =>
      task(name(index), preds.map(name), {
        trigger: rule,
        disabled,
        ...(chooses ? { action: actionOf(chooses, preds) } : {}),
      }),
    ),
  );

  function actionOf({ kind, yes, no }: NonNullable<Shape['chooses']>, preds: number[]): TaskAction {
    if (kind === 'switch')
      return { type: 'switch', cases: [{ when: '1 == 1', goto: yes.map(name) }], default: no.map(name) };
    const when = { and: preds.map((pred) => ({ task: name(pred), state: 'succeeded' as const })) };
    return { type: 'conditions', when, success: yes.map(name), failure: no.map(name) };
  }
}

const EVENTS_MAX = 40;

function play(input: Case): void {
  const { shapes, definition, policy } = input;
  const naive = new NaiveScheduler(shapes, policy);
  const lost = new Set<number>();
  const asked = new Set<number>();
  let run = newRun(definition, { failurePolicy: policy });
  step(run, { kind: 'command', action: { kind: 'start' }, user: 'ada', at: 1 });
  for (let turn = 0; naive.outcome() === 'running'; turn++) {
    compare(run, naive, input, turn);
    if (turn > EVENTS_MAX) throw new Error(`it goes on for ever: ${told(input)}`);
    if (input.order !== 'first' && turn === 1 + (input.seed % 4)) run = recovered(run);
    const open = naive.open();
    if (open.length === 0) throw new Error(`nothing can happen any more: ${told(input)}`);
    const position = { first: 0, last: open.length - 1, mixed: ((input.seed * 31 + turn * 17) >>> 2) % open.length }[
      input.order
    ];
    happen(run, naive, open[position]!, input, turn, { lost, asked });
  }
  compare(run, naive, input, EVENTS_MAX);
  if (run.status.state !== naive.outcome())
    throw new Error(`the run is ${run.status.state}, not ${naive.outcome()}: ${told(input)}`);
  if (!isTerminalRun(run.status.state) || run.live !== 0 || run.unfinished !== 0)
    throw new Error(`something is left: ${told(input)}`);
}

/** The next thing that happens to `task`, told to both. */
function happen(
  run: Run,
  naive: NaiveScheduler,
  index: number,
  input: Case,
  turn: number,
  memory: { lost: Set<number>; asked: Set<number> },
): void {
  const outcome = input.outcomes[index]!;
  const at = turn + 2;
  const base = { task: index, worker: WORKER, at, random: 0 };
  const n = run.tasks[index]!.attempts;
  switch (naive.states[index]) {
    case 'queued':
      step(run, { kind: 'placed', ...base });
      return naive.place(index);
    case 'live':
      if (outcome === 'lost' && !memory.lost.has(index)) {
        memory.lost.add(index);
        step(run, { kind: 'worker-lost', ...base, n });
        return naive.lose(index);
      }
      if (outcome === 'killed' && !memory.asked.has(index)) {
        memory.asked.add(index);
        step(run, { kind: 'command', action: { kind: 'kill-task', task: `t${index}` }, user: 'ada', at });
        return naive.askToKill(index);
      }
      return finish(outcome === 'failed' ? 'failed' : 'succeeded');
    default: {
      const byItself =
        !memory.asked.has(index) &&
        (input.order === 'last' || (input.order === 'mixed' && (input.seed + turn) % 2 === 0));
      return finish(!byItself ? 'killed' : outcome === 'failed' ? 'failed' : 'succeeded');
    }
  }

  function finish(state: 'succeeded' | 'failed' | 'killed'): void {
    const cause = state === 'failed' ? ({ kind: 'exit', code: 1 } as const) : null;
    const result = { state, cause, outputs: {}, outputsTruncated: false, startedAt: at, endedAt: at };
    step(run, {
      kind: 'report',
      n,
      ...base,
      report: { kind: 'finished', attempt: '1.0.1' as never, sequence: 1, outcome: result },
    });
    naive.end(index, state);
  }
}

function step(run: Run, event: Event): void {
  apply(run, decide(run, event).changes);
}

function recovered(run: Run): Run {
  const tasks = run.tasks.filter((record): record is TaskRunRecord => record !== undefined);
  const attempts = run.attempts.filter((record): record is AttemptRecord => record !== undefined);
  return openRun({ spec: run.spec, status: run.status, tasks, attempts }, run.context);
}

function compare(run: Run, naive: NaiveScheduler, input: Case, turn: number): void {
  for (const [index, expected] of naive.states.entries()) {
    const state = stateOf(run, index);
    const alike: NaiveState | string = state === 'dispatched' || state === 'running' ? 'live' : state;
    if (alike !== expected)
      throw new Error(
        `after event ${turn}, t${index} is ${state}, not ${expected}: ${told(input)}; ${naive.states.join(' ')}`,
      );
  }
}

function told({ shapes, outcomes, policy, order, seed }: Case): string {
  const tasks = shapes.map(({ preds, rule, disabled, chooses }, index) => {
    const choice = chooses ? ` ${chooses.kind} yes:${chooses.yes.join()} no:${chooses.no.join()}` : '';
    return `t${index}[${preds.join()}] ${disabled ? 'disabled' : rule}${choice} ${outcomes[index]}`;
  });
  return `${tasks.join('; ')}; ${policy}, order ${order}, seed ${seed}`;
}
