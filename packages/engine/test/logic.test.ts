/**
 * Runs of every kind of task under any order of events, commands and answers, late and stale ones among them: what holds
 * after each event, and that every run can be brought to its end.
 */
import {
  ATTEMPT_RANK,
  isTerminalRun,
  isTerminalTaskRun,
  type RunState,
  runIdOf,
  type TaskAction,
  type TaskDefinition,
  TRIGGER_RULES,
  type WorkflowDefinition,
  workerIdOf,
} from '@pelorus/protocol';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  apply,
  type AttemptRecord,
  type Change,
  type ChildWorkflow,
  type CommandAction,
  type Decision,
  decide,
  type Effect,
  type Event,
  LOGIC_WORKER,
  openRun,
  resolveParameters,
  type Run,
  stateOf,
  type TaskRunRecord,
} from '../src/index.ts';
import { newRun, task, workflow } from './fixtures.ts';

const KINDS = ['shell', 'shell', 'shell', 'virtual', 'switch', 'conditions', 'sub_workflow', 'dependent'] as const;
type Kind = (typeof KINDS)[number];

interface TaskPlan {
  kind: Kind;
  edges: boolean[];
  taken: boolean[];
  trigger: TaskDefinition['trigger'];
  disabled: boolean;
  retries: number;
  delayed: boolean;
  timeout: boolean;
  onWorkerLost: TaskDefinition['onWorkerLost'];
  wait: boolean;
}

const MAX_TASKS = 7;

const taskPlans: fc.Arbitrary<TaskPlan> = fc.record({
  kind: fc.constantFrom(...KINDS),
  edges: fc.array(fc.boolean(), { minLength: MAX_TASKS, maxLength: MAX_TASKS }),
  taken: fc.array(fc.boolean(), { minLength: MAX_TASKS, maxLength: MAX_TASKS }),
  trigger: fc.constantFrom('all_success', ...TRIGGER_RULES),
  disabled: fc.nat({ max: 5 }).map((roll) => roll === 0),
  retries: fc.nat({ max: 2 }),
  delayed: fc.nat({ max: 4 }).map((roll) => roll === 0),
  timeout: fc.nat({ max: 3 }).map((roll) => roll === 0),
  onWorkerLost: fc.constantFrom('rerun', 'rerun', 'fail', 'wait'),
  wait: fc.boolean(),
});

interface Move {
  what: number;
  who: number;
  how: number;
}

const stories = fc.record({
  tasks: fc.array(taskPlans, { minLength: 1, maxLength: MAX_TASKS }),
  policy: fc.constantFrom('end' as const, 'continue' as const),
  moves: fc.array(fc.record({ what: fc.nat({ max: 99 }), who: fc.nat({ max: 999 }), how: fc.nat({ max: 999 }) }), {
    maxLength: 60,
  }),
});

describe('any workflow, any order of events', () => {
  test('recovery sees what memory sees, ends are final, nothing starts where it must not, and every run ends', () => {
    fc.assert(fc.property(stories, play), { numRuns: 1200 });
  });
});

function definitionOf(plans: TaskPlan[], policy: 'end' | 'continue'): WorkflowDefinition {
  const needs = plans.map(({ edges }, index) => edges.slice(0, index).flatMap((edge, pred) => (edge ? [pred] : [])));
  return workflow(
    plans.map((plan, index) => {
      const behind = plans.flatMap((_, other) => (needs[other]!.includes(index) ? [other] : []));
      return task(
        `t${index}`,
        needs[index]!.map((pred) => `t${pred}`),
        {
          trigger: plan.trigger,
          disabled: plan.disabled,
          retry: { max: plan.retries, intervalMs: 1000, backoff: 'fixed', maxIntervalMs: 1000 },
          delayMs: plan.delayed ? 500 : 0,
          timeout: plan.timeout ? { afterMs: 3000, action: 'fail' } : null,
          onWorkerLost: plan.onWorkerLost,
          action: actionOf(plan, needs[index]!, behind),
        },
      );
    }),
    { failurePolicy: policy },
  );
}

function actionOf(plan: TaskPlan, needs: number[], behind: number[]): TaskAction {
  const name = (index: number) => `t${index}`;
  const yes = behind.filter((index) => plan.taken[index]).map(name);
  const no = behind.filter((index) => !plan.taken[index]).map(name);
  switch (plan.kind) {
    case 'virtual':
      return { type: 'virtual' };
    case 'switch':
      return { type: 'switch', cases: [{ when: plan.wait ? '${n} == 1' : '1 == 1', goto: yes }], default: no };
    case 'conditions':
      return {
        type: 'conditions',
        when: { and: needs.map((pred) => ({ task: name(pred), state: 'succeeded' as const })) },
        success: yes,
        failure: no,
      };
    case 'sub_workflow':
      return { type: 'sub_workflow', workflow: 'child', params: {}, version: 'latest' };
    case 'dependent':
      return {
        type: 'dependent',
        upstream: { workflow: 'w', task: null, window: 'today' },
        checkIntervalMs: 700,
        maxWaitMs: plan.wait ? 4000 : null,
        onFailure: plan.wait ? 'wait' : 'fail',
      };
    default:
      return { type: 'shell', run: 'true', file: null, shell: 'sh', substitution: 'env' };
  }
}

/** The run and what the world outside owes it. */
interface Scene {
  run: Run;
  now: number;
  timers: Extract<Effect, { kind: 'timer' }>[];
  /** Children that have been started and have not ended, by task and attempt. */
  children: Map<string, { task: number; n: number }>;
  /** Attempts of the past and of other runs' making, to be sent again. */
  told: Event[];
}

function play({ tasks, policy, moves }: { tasks: TaskPlan[]; policy: 'end' | 'continue'; moves: Move[] }): void {
  const run = newRun(definitionOf(tasks, policy));
  const scene: Scene = { run, now: 1, timers: [], children: new Map(), told: [] };
  command(scene, { kind: 'start' });
  for (const move of moves) {
    scene.now += move.how;
    happen(scene, move);
  }
  bringToItsEnd(scene);
  expect(run.graph.tasks.every((_, index) => isTerminalTaskRun(stateOf(run, index)))).toBe(true);
  expect([run.unfinished, run.live, run.liveLogic]).toEqual([0, 0, 0]);
  expect(run.attempts.every((attempt) => !attempt || ATTEMPT_RANK[attempt.state] === ATTEMPT_RANK.succeeded)).toBe(
    true,
  );
  expect(scene.children.size).toBe(0);
}

// ------------------------------------------------------------------------------------------------------ what happens

function command(scene: Scene, action: CommandAction): void {
  send(scene, { kind: 'command', action, user: 'ada', at: scene.now });
}

function happen(scene: Scene, { what, who, how }: Move): void {
  const { run } = scene;
  const index = who % run.graph.tasks.length;
  const name = `t${index}`;
  if (what < 3) return command(scene, { kind: 'stop' });
  if (what < 10) return command(scene, { kind: 'pause' });
  if (what < 18) return command(scene, { kind: 'resume' });
  if (what < 23) return command(scene, { kind: 'kill-task', task: name });
  if (what < 30) return command(scene, { kind: 'force-success', task: name });
  if (what < 38) return scene.told.length > 0 ? send(scene, scene.told[who % scene.told.length]!) : undefined;
  if (what < 44) return fire(scene, who);
  return advance(scene, index, how);
}

/** The first timer that is due, or one that is not: the clock goes on. */
function fire(scene: Scene, who: number): void {
  const [timer] = scene.timers.splice(who % Math.max(1, scene.timers.length), 1);
  if (!timer) return;
  scene.now = Math.max(scene.now, timer.at);
  send(scene, { ...timer, at: scene.now, random: 0 });
}

/** What a worker, a child run or the store says next of a task. */
function advance(scene: Scene, index: number, how: number): void {
  const { run } = scene;
  const base = { task: index, at: scene.now, random: 0 };
  const n = run.attempts[index]?.n ?? 0;
  const { type } = run.graph.tasks[index]!.action;
  const state = stateOf(run, index);
  if (state === 'queued' && type === 'sub_workflow')
    return send(scene, { kind: 'child-resolved', child: how % 4 === 0 ? MISSING : FOUND, ...base });
  if (state === 'queued') return send(scene, { kind: 'placed', worker: WORKER, ...base });
  if (type === 'sub_workflow') return endChild(scene, index, how);
  if (type === 'dependent') {
    const kind = (['satisfied', 'failed', 'waiting'] as const)[how % 3]!;
    return send(scene, { kind: 'upstream-checked', n, verdict: { kind, detail: 'as told' }, ...base });
  }
  if (n === 0) return;
  const outputs = how % 2 === 0 ? { n: String(how % 3) } : {};
  const key = { attempt: '1.0.1' as never, sequence: 1 };
  const finished = (end: 'succeeded' | 'failed' | 'killed') =>
    ({
      kind: 'finished',
      ...key,
      outcome: {
        state: end,
        cause: end === 'failed' ? ({ kind: 'exit', code: 1 } as const) : null,
        outputs,
        outputsTruncated: false,
        startedAt: 1,
        endedAt: 2,
      },
    }) as const;
  const says = [
    { kind: 'running', ...key, startedAt: scene.now },
    finished('succeeded'),
    finished('failed'),
    finished('killed'),
    { kind: 'lost', ...key, detail: 'gone' },
    { kind: 'no_capacity', ...key, reason: 'full' },
    { kind: 'tombstoned', ...key },
    { kind: 'never_seen', ...key },
    { kind: 'accepted', ...key },
  ] as const;
  if (how % 11 === 9) return send(scene, { kind: 'worker-lost', n, worker: WORKER, ...base });
  send(scene, { kind: 'report', n, worker: WORKER, ...base, report: says[how % says.length]! });
}

const WORKER = workerIdOf('w1');
const MISSING: ChildWorkflow = { kind: 'missing', detail: 'there is no such workflow' };
const FOUND: ChildWorkflow = {
  kind: 'found',
  projectId: 1,
  project: 'p',
  workflowId: 2,
  workflow: 'child',
  version: 1,
  definition: workflow([task('x')]),
};

function endChild(scene: Scene, index: number, how: number): void {
  const child = [...scene.children.values()].find((one) => one.task === index);
  if (!child) return;
  const states: RunState[] = ['succeeded', 'failed', 'stopped', 'dependency_failed'];
  scene.children.delete(`${child.task}#${child.n}`);
  command(scene, {
    kind: 'child-finished',
    task: child.task,
    attempt: child.n,
    child: runIdOf(99),
    state: states[how % states.length]!,
  });
}

function bringToItsEnd(scene: Scene): void {
  const { run } = scene;
  for (let turn = 0; !isTerminalRun(run.status.state); turn++) {
    if (turn > 400) throw new Error(`the run does not end: ${states(run)}`);
    if (run.status.state === 'paused' || run.status.state === 'pausing') command(scene, { kind: 'resume' });
    for (let index = 0; index < run.graph.tasks.length; index++) finishOff(scene, index);
    fire(scene, 0);
  }
}

function finishOff(scene: Scene, index: number): void {
  const { run } = scene;
  const state = stateOf(run, index);
  if (isTerminalTaskRun(state) || state === 'pending') return;
  const { type } = run.graph.tasks[index]!.action;
  if (state === 'queued') return advance(scene, index, 1);
  if (type === 'sub_workflow') return endChild(scene, index, state === 'killing' ? 2 : 0);
  if (type === 'dependent') return advance(scene, index, 0);
  advance(scene, index, state === 'killing' ? 3 : 1);
}

// ------------------------------------------------------------------------------------------------- what always holds

function send(scene: Scene, event: Event): void {
  const { run } = scene;
  const before = run.graph.tasks.map((_, index) => stateOf(run, index));
  const { state } = run.status;
  const { version } = run;
  const ended = run.attempts.filter((attempt) => attempt && ATTEMPT_RANK[attempt.state] === ATTEMPT_RANK.succeeded);
  const decision = decide(run, event);
  nothingOutOfPlace(decision, event, state, version);
  apply(run, decision.changes);
  for (const [index, was] of before.entries()) {
    const is = stateOf(run, index);
    if (isTerminalTaskRun(was) && is !== was && is !== 'forced_success')
      throw new Error(`t${index} was ${was} and is ${is}: ${JSON.stringify(event)}`);
  }
  for (const attempt of ended) {
    const now = run.attempts[attempt!.task]!;
    // Only a result that came too late is noted with what has ended, once.
    if (now !== attempt && now.n === attempt!.n) expect(now).toEqual({ ...now, ...attempt });
  }
  expect(countersOf(reopened(run))).toEqual(countersOf(run));
  for (const effect of decision.effects) if (effect.kind === 'timer') scene.timers.push(effect);
  for (const change of decision.changes)
    if (change.kind === 'start-child')
      scene.children.set(`${change.parent.task}#${change.parent.attempt}`, {
        task: change.parent.task,
        n: change.parent.attempt,
      });
  scene.told.push(event);
}

function nothingOutOfPlace(decision: Decision, event: Event, state: RunState, version: number): void {
  const { changes, effects, refusal } = decision;
  const starts = effects.some(({ kind }) => kind === 'dispatch') || changes.some(({ kind }) => kind === 'start-child');
  if (effects.some((effect) => effect.kind === 'kill' && effect.worker === LOGIC_WORKER))
    throw new Error('a kill is sent to no worker');
  const resent = event.kind === 'report' && event.report.kind === 'never_seen';
  if (starts && state !== 'running' && !(resent && state === 'pausing'))
    throw new Error(`something starts while the run is ${state}: ${JSON.stringify(event)}`);
  const moves = changes.filter(({ kind }) => kind !== 'late-result').length + effects.length;
  if (isTerminalRun(state) && moves > 0) throw new Error(`a run that has ended changes: ${JSON.stringify(event)}`);
  if (refusal !== null) expect([changes, effects]).toEqual([[], []]);
  const versions = changes.flatMap(versionOf);
  expect(versions).toEqual(versions.map((_, index) => version + 1 + index));
  const ends = changes.flatMap((change) =>
    change.kind === 'run' && isTerminalRun(change.status.state) ? [change] : [],
  );
  if (ends.length > 0) expect(changes.at(-1)).toBe(ends[0]);
}

function versionOf(change: Change): number[] {
  if (change.kind === 'run') return [change.status.version];
  return change.kind === 'task-run' || change.kind === 'attempt' ? [change.record.version] : [];
}

function reopened(run: Run): Run {
  const tasks = run.tasks.filter((record): record is TaskRunRecord => record !== undefined);
  const attempts = run.attempts.filter((record): record is AttemptRecord => record !== undefined);
  return openRun({ spec: run.spec, status: run.status, tasks, attempts }, run.context);
}

function countersOf(run: Run) {
  const { open, failed, branched, unchosen, unfinished, live, liveLogic, bad, killed, withOutputs, version } = run;
  const arrays = [open, failed, branched, unchosen].map((counts) => [...counts]);
  return { arrays, unfinished, live, liveLogic, bad, killed, withOutputs, version, names: [...run.outputNames].sort() };
}

function states(run: Run): string {
  return `${run.status.state}: ${run.graph.tasks.map(({ name, action }, index) => `${name}(${action.type})=${stateOf(run, index)}`).join(' ')}`;
}

// ------------------------------------------------------------------------------------------------------------ outputs

describe('outputs of predecessors', () => {
  test('looking only as far as there are names to find gives what looking everywhere gives', () => {
    const cases = fc.record({
      size: fc.integer({ min: 2, max: 8 }),
      edges: fc.array(fc.boolean(), { minLength: 64, maxLength: 64 }),
      outputs: fc.array(fc.dictionary(fc.constantFrom('a', 'b', 'c'), fc.constantFrom('', '1', '2', '3')), {
        minLength: 8,
        maxLength: 8,
      }),
    });
    fc.assert(
      fc.property(cases, ({ size, edges, outputs }) => {
        const run = newRun(
          workflow(
            Array.from({ length: size }, (_, index) =>
              task(
                `t${index}`,
                Array.from({ length: index }, (__, pred) => pred)
                  .filter((pred) => edges[index * 8 + pred])
                  .map((pred) => `t${pred}`),
              ),
            ),
          ),
        );
        send1({ kind: 'command', action: { kind: 'start' }, user: 'ada', at: 1 });
        for (let index = 0; index < size; index++) {
          const near = resolveParameters(run, index, '1.0.1');
          expect(near).toEqual(resolveParameters(run, index, '1.0.1', (at) => run.tasks[at]));
          const base = { task: index, worker: WORKER, at: index + 2, random: 0 };
          const outcome = {
            state: 'succeeded',
            cause: null,
            outputs: outputs[index]!,
            outputsTruncated: false,
            startedAt: 1,
            endedAt: 2,
          } as const;
          send1({ kind: 'placed', ...base });
          send1({
            kind: 'report',
            n: 1,
            ...base,
            report: { kind: 'finished', attempt: '1.0.1' as never, sequence: 1, outcome },
          });
        }

        function send1(event: Event): void {
          apply(run, decide(run, event).changes);
        }
      }),
      { numRuns: 500 },
    );
  });
});
