/** Plans by the table of section 6, and what runs make of them: the engine plays each plan to its end. */
import {
  isTerminalRun,
  runIdOf,
  type TaskAction,
  type TaskDefinition,
  type WorkflowDefinition,
  workerIdOf,
} from '@pelorus/protocol';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  apply,
  decide,
  describePlan,
  type Event,
  openRun,
  planRun,
  type PlanRequest,
  type PlanResult,
  type PreviousRun,
  type Run,
  type RunPlan,
  stateOf,
  type TaskRunRecord,
} from '../src/index.ts';
import { specOf, task, workflow } from './fixtures.ts';

const AT = 5_000;

/** a → b → d, a → c → d, and e alone. */
const diamond = workflow([task('a'), task('b', ['a']), task('c', ['a']), task('d', ['b', 'c']), task('e')]);

/** `a=RUN b=SKIP(disabled) c=REUSE(7.2.1)`; or `refused: …`. */
function shown(definition: WorkflowDefinition, result: PlanResult): string {
  if (result.kind === 'refused') return `refused: ${result.problems.join('; ')}`;
  return describePlan(definition, result.plan)
    .map((planned) => {
      const more =
        planned.plan === 'REUSE' ? `(${planned.attempt})` : planned.plan === 'SKIP' ? `(${planned.reason})` : '';
      return `${planned.task}=${planned.plan}${more}`;
    })
    .join(' ');
}

function plan(definition: WorkflowDefinition, request: PlanRequest): string {
  return shown(definition, planRun(definition, request, AT));
}

function warningsOf(definition: WorkflowDefinition, request: PlanRequest): string[] {
  const result = planRun(definition, request, AT);
  return result.kind === 'plan' ? result.warnings : ['refused'];
}

const without = (definition: WorkflowDefinition, ...names: string[]): WorkflowDefinition => ({
  ...definition,
  tasks: definition.tasks.map((one) => (names.includes(one.name) ? { ...one, disabled: true } : one)),
});

const NS = '(not_selected)';

describe('a new run', () => {
  test('of the whole workflow runs all that is enabled', () => {
    expect(plan(diamond, { kind: 'whole' })).toBe('a=RUN b=RUN c=RUN d=RUN e=RUN');
    expect(plan(without(diamond, 'b'), { kind: 'whole' })).toBe('a=RUN b=SKIP(disabled) c=RUN d=RUN e=RUN');
  });

  test.each([
    ['NODE_ONLY', ['b'], `a=SKIP${NS} b=RUN c=SKIP${NS} d=SKIP${NS} e=SKIP${NS}`],
    ['NODE_POST', ['b'], `a=SKIP${NS} b=RUN c=SKIP${NS} d=RUN e=SKIP${NS}`],
    ['NODE_PRE', ['b'], `a=RUN b=RUN c=SKIP${NS} d=SKIP${NS} e=SKIP${NS}`],
    ['NODE_POST', ['a'], `a=RUN b=RUN c=RUN d=RUN e=SKIP${NS}`],
    ['NODE_PRE', ['d'], `a=RUN b=RUN c=RUN d=RUN e=SKIP${NS}`],
    ['NODE_PRE', ['b', 'e'], `a=RUN b=RUN c=SKIP${NS} d=SKIP${NS} e=RUN`],
    ['NODE_ONLY', ['d', 'a', 'd'], `a=RUN b=SKIP${NS} c=SKIP${NS} d=RUN e=SKIP${NS}`],
  ] as const)('%s of %j', (dep, tasks, expected) => {
    expect(plan(diamond, { kind: 'node', tasks: [...tasks], dep })).toBe(expected);
  });

  test('of selected tasks runs exactly these', () => {
    expect(plan(diamond, { kind: 'selected', tasks: ['d', 'a'] })).toBe(
      `a=RUN b=SKIP${NS} c=SKIP${NS} d=RUN e=SKIP${NS}`,
    );
  });

  test('a disabled task that was selected is warned of and skipped', () => {
    const definition = without(diamond, 'b');
    expect(plan(definition, { kind: 'selected', tasks: ['a', 'b'] })).toBe(
      `a=RUN b=SKIP(disabled) c=SKIP${NS} d=SKIP${NS} e=SKIP${NS}`,
    );
    expect(warningsOf(definition, { kind: 'selected', tasks: ['a', 'b'] })).toEqual([
      'task b is disabled and will be skipped',
    ]);
    expect(warningsOf(definition, { kind: 'node', tasks: ['b'], dep: 'NODE_POST' })).toEqual([
      'task b is disabled and will be skipped',
    ]);
    // Disabled tasks in the reach of the named ones are no surprise.
    expect(warningsOf(definition, { kind: 'node', tasks: ['a'], dep: 'NODE_POST' })).toEqual([]);
  });

  test('every unknown name is refused', () => {
    expect(plan(diamond, { kind: 'selected', tasks: ['a', 'x', 'y'] })).toBe(
      'refused: the workflow has no task x; the workflow has no task y',
    );
    expect(plan(diamond, { kind: 'node', tasks: ['toString'], dep: 'NODE_PRE' })).toBe(
      'refused: the workflow has no task toString',
    );
  });

  test('a plan that would execute nothing is refused with the reason', () => {
    const nothing = 'refused: nothing would run: every task in question is disabled';
    expect(plan(diamond, { kind: 'selected', tasks: [] })).toBe('refused: no task is named');
    expect(plan(without(diamond, 'e'), { kind: 'node', tasks: ['e'], dep: 'NODE_POST' })).toBe(nothing);
    expect(plan(without(diamond, 'a', 'b', 'c', 'd', 'e'), { kind: 'whole' })).toBe(nothing);
    expect(plan(workflow([]), { kind: 'whole' })).toBe(nothing);
  });
});

// ------------------------------------------------------------------------------------------------ playing a plan

type Ends = Record<string, 'succeeded' | 'failed'>;

/** Runs the plan to its end; tasks succeed unless `ends` says otherwise, and give their name as output. */
function playPlan(
  definition: WorkflowDefinition,
  id: number,
  plan: RunPlan,
  reused: Omit<TaskRunRecord, 'run'>[],
  ends: Ends = {},
): Run {
  const run = openPlan(definition, id, plan, reused);
  step(run, { kind: 'command', action: { kind: 'start' }, user: 'ada', at: AT });
  while (!isTerminalRun(run.status.state)) {
    const open = run.tasks.find(
      (record) => record?.state === 'queued' || record?.state === 'dispatched' || record?.state === 'killing',
    );
    if (!open) throw new Error(`stuck: ${states(run)}`);
    const base = { task: open.task, worker: workerIdOf('w'), at: AT + 1, random: 0 };
    if (open.state === 'queued') step(run, { kind: 'placed', ...base });
    else
      finish(run, open, open.state === 'killing' ? 'killed' : (ends[definition.tasks[open.task]!.name] ?? 'succeeded'));
  }
  return run;
}

function openPlan(
  definition: WorkflowDefinition,
  id: number,
  plan: RunPlan,
  reused: Omit<TaskRunRecord, 'run'>[],
): Run {
  const spec = specOf(definition, { id: runIdOf(id), plan, failurePolicy: 'continue' });
  const status = {
    run: spec.id,
    version: 0,
    state: 'queued' as const,
    cause: null,
    firstFailure: null,
    waitReason: null,
    owner: null,
    startedAt: null,
    endedAt: null,
  };
  const tasks = reused.map((record) => ({ ...record, run: spec.id }));
  return openRun(
    { spec, status, tasks, attempts: [] },
    { workflow: { workflowId: 1, version: 1, definition, files: [] }, projectParams: {} },
  );
}

function finish(run: Run, record: TaskRunRecord, state: 'succeeded' | 'failed' | 'killed'): void {
  const cause = state === 'failed' ? ({ kind: 'exit', code: 1 } as const) : null;
  const outputs =
    state === 'succeeded' ? { [`from_${run.definition.tasks[record.task]!.name}`]: `run ${run.spec.id}` } : {};
  const outcome = { state, cause, outputs, outputsTruncated: false, startedAt: AT, endedAt: AT };
  step(run, {
    kind: 'report',
    task: record.task,
    n: record.attempts,
    worker: workerIdOf('w'),
    at: AT + 2,
    random: 0,
    report: { kind: 'finished', attempt: '1.0.1' as never, sequence: 1, outcome },
  });
}

function step(run: Run, event: Event): void {
  apply(run, decide(run, event).changes);
}

function states(run: Run): string {
  return `${run.status.state}: ${run.definition.tasks.map(({ name }, index) => `${name}=${stateOf(run, index)}`).join(' ')}`;
}

function previousOf(run: Run): PreviousRun {
  const tasks = run.tasks.filter((record): record is TaskRunRecord => record !== undefined);
  return { run: run.spec.id, definition: run.definition, plan: run.spec.plan, tasks };
}

function firstRun(definition: WorkflowDefinition, ends: Ends, request: PlanRequest = { kind: 'whole' }): Run {
  return follow(definition, 1, request, ends);
}

/** Plans and plays; throws what the plan was refused for. */
function follow(definition: WorkflowDefinition, id: number, request: PlanRequest, ends: Ends = {}): Run {
  const result = planRun(definition, request, AT);
  if (result.kind === 'refused') throw new Error(result.problems.join('; '));
  return playPlan(definition, id, result.plan, result.reused, ends);
}

const rerunFailed = (run: Run): PlanRequest => ({ kind: 'rerun-failed', previous: previousOf(run) });
const rerunFrom = (run: Run, from: string): PlanRequest => ({
  kind: 'rerun-from',
  previous: previousOf(run),
  task: from,
});

describe('selected tasks', () => {
  test('keep their order across those that were not selected', () => {
    const run = firstRun(diamond, {}, { kind: 'selected', tasks: ['a', 'd'] });
    expect(states(run)).toBe('succeeded: a=succeeded b=skipped c=skipped d=succeeded e=skipped');
    expect(states(firstRun(diamond, { a: 'failed' }, { kind: 'selected', tasks: ['a', 'd'] }))).toBe(
      'failed: a=failed b=skipped c=skipped d=upstream_failed e=skipped',
    );
  });
});

describe('re-run of what failed', () => {
  test('takes over what succeeded, runs what failed and what never started', () => {
    const first = firstRun(diamond, { b: 'failed' });
    expect(states(first)).toBe('failed: a=succeeded b=failed c=succeeded d=upstream_failed e=succeeded');
    expect(plan(diamond, rerunFailed(first))).toBe('a=REUSE(1.0.1) b=RUN c=REUSE(1.2.1) d=RUN e=REUSE(1.4.1)');
    expect(states(follow(diamond, 2, rerunFailed(first)))).toBe(
      'succeeded: a=reused b=succeeded c=reused d=succeeded e=reused',
    );
  });

  test('takes over outputs and times, and says from which run', () => {
    const first = firstRun(diamond, { b: 'failed' });
    const result = planRun(diamond, rerunFailed(first), 9_000);
    expect(result.kind === 'plan' && result.reused[0]).toEqual({
      task: 0,
      version: 0,
      state: 'reused',
      cause: { kind: 'reused', runId: 1 },
      waitReason: null,
      attempts: 0,
      retries: 0,
      wakeAt: null,
      readyAt: null,
      startedAt: first.tasks[0]!.startedAt,
      endedAt: 5_002,
      outputs: { from_a: 'run 1' },
    });
  });

  test('repeated, converges: each run adds its successes, and the origin of a result stays the run that had it', () => {
    const first = firstRun(diamond, { b: 'failed', c: 'failed' });
    const second = follow(diamond, 2, rerunFailed(first), { c: 'failed' });
    expect(states(second)).toBe('failed: a=reused b=succeeded c=failed d=upstream_failed e=reused');
    const third = follow(diamond, 3, rerunFailed(second));
    expect(states(third)).toBe('succeeded: a=reused b=reused c=succeeded d=succeeded e=reused');
    expect(plan(diamond, rerunFailed(second))).toBe('a=REUSE(1.0.1) b=REUSE(2.1.1) c=RUN d=RUN e=REUSE(1.4.1)');
    expect(third.tasks[0]!.cause).toEqual({ kind: 'reused', runId: 1 });
    expect(third.tasks[0]!.outputs).toEqual({ from_a: 'run 1' });
    expect(plan(diamond, rerunFailed(third))).toBe(
      'refused: nothing would run: every task of run 3 succeeded, was skipped or was not selected',
    );
  });

  test('reuses the latest attempt', () => {
    const first = firstRun(diamond, { b: 'failed' });
    first.tasks[0] = { ...first.tasks[0]!, attempts: 4 };
    expect(plan(diamond, rerunFailed(first))).toContain('a=REUSE(1.0.4)');
  });

  test('what had not been selected stays out, however often', () => {
    const first = firstRun(diamond, { b: 'failed' }, { kind: 'selected', tasks: ['a', 'b'] });
    const second = follow(diamond, 2, rerunFailed(first), { b: 'failed' });
    expect(states(second)).toBe('failed: a=reused b=failed c=skipped d=skipped e=skipped');
    expect(states(follow(diamond, 3, rerunFailed(second)))).toBe(
      'succeeded: a=reused b=succeeded c=skipped d=skipped e=skipped',
    );
  });

  test('a run stopped half-way goes on with what it had not done', () => {
    const run = openPlan(diamond, 1, { run: 'all', reuse: [] }, []);
    step(run, { kind: 'command', action: { kind: 'start' }, user: 'ada', at: AT });
    step(run, { kind: 'placed', task: 0, worker: workerIdOf('w'), at: AT, random: 0 });
    finish(run, run.tasks[0]!, 'succeeded');
    step(run, { kind: 'command', action: { kind: 'stop' }, user: 'ada', at: AT });
    expect(states(run)).toBe('stopped: a=succeeded b=killed c=killed d=killed e=killed');
    expect(plan(diamond, rerunFailed(run))).toBe('a=REUSE(1.0.1) b=RUN c=RUN d=RUN e=RUN');
  });

  test('forced success is taken over', () => {
    const run = openPlan(diamond, 1, { run: 'all', reuse: [] }, []);
    step(run, { kind: 'command', action: { kind: 'start' }, user: 'ada', at: AT });
    step(run, { kind: 'command', action: { kind: 'force-success', task: 'a' }, user: 'ada', at: AT });
    step(run, { kind: 'command', action: { kind: 'stop' }, user: 'ada', at: AT });
    expect(plan(diamond, rerunFailed(run))).toMatch(/^a=REUSE\(1\.0\.1\) b=RUN/);
  });

  test('of a run that succeeded, with a branch not taken or an alarm not triggered, is refused', () => {
    const choosing = workflow([
      task('s', [], { action: { type: 'switch', cases: [{ when: '1 == 1', goto: ['yes'] }], default: ['no'] } }),
      task('yes', ['s']),
      task('no', ['s']),
      task('alarm', ['yes'], { trigger: 'any_failed' }),
    ]);
    const run = firstRun(choosing, {});
    expect(states(run)).toBe('succeeded: s=succeeded yes=succeeded no=skipped alarm=skipped');
    expect(plan(choosing, rerunFailed(run))).toMatch(/^refused: nothing would run/);
  });

  test('of a dry run is refused: it has no results', () => {
    const run = firstRun(diamond, { b: 'failed' });
    expect(plan(diamond, { kind: 'rerun-failed', previous: { ...previousOf(run), dryRun: true } })).toBe(
      'refused: run 1 was a dry run: it has no results to take over',
    );
  });

  test('a switch that could not choose is run again', () => {
    const choosing = workflow([
      task('s', [], { action: { type: 'switch', cases: [{ when: '${x} == 1', goto: ['t'] }], default: [] } }),
      task('t', ['s'], { trigger: 'all_done' }),
    ]);
    const first = firstRun(choosing, {});
    expect(states(first)).toBe('succeeded: s=failed t=succeeded');
    expect(plan(choosing, rerunFailed(first))).toBe('s=RUN t=REUSE(1.1.1)');
  });
});

describe('conditions in a re-run', () => {
  const when = { task: 'a', state: 'succeeded' } as const;
  const action: TaskAction = { type: 'conditions', when, success: ['yes'], failure: ['no'] };
  const branching = workflow([
    task('a'),
    task('c', ['a'], { action }),
    task('yes', ['c']),
    task('no', ['c']),
    task('join', ['yes', 'no']),
  ]);

  test('choose anew: the other branch runs once the predecessor succeeds', () => {
    const first = firstRun(branching, { a: 'failed' });
    expect(states(first)).toBe('succeeded: a=failed c=succeeded yes=skipped no=succeeded join=succeeded');
    expect(plan(branching, rerunFailed(first))).toBe('a=RUN c=RUN yes=RUN no=REUSE(1.3.1) join=REUSE(1.4.1)');
    expect(states(follow(branching, 2, rerunFailed(first)))).toBe(
      'succeeded: a=succeeded c=succeeded yes=succeeded no=reused join=reused',
    );
  });

  test('choose the same again where nothing before them changed', () => {
    const first = firstRun(branching, { yes: 'failed' });
    expect(states(first)).toBe('failed: a=succeeded c=succeeded yes=failed no=skipped join=upstream_failed');
    const second = follow(branching, 2, rerunFailed(first));
    expect(states(second)).toBe('succeeded: a=reused c=succeeded yes=succeeded no=skipped join=succeeded');
  });
});

describe('re-run from a task', () => {
  test('runs it and all behind it, takes over the rest', () => {
    const first = firstRun(diamond, {});
    expect(plan(diamond, rerunFrom(first, 'b'))).toBe('a=REUSE(1.0.1) b=RUN c=REUSE(1.2.1) d=RUN e=REUSE(1.4.1)');
    expect(plan(diamond, rerunFrom(first, 'a'))).toBe('a=RUN b=RUN c=RUN d=RUN e=REUSE(1.4.1)');
    expect(states(follow(diamond, 2, rerunFrom(first, 'b')))).toBe(
      'succeeded: a=reused b=succeeded c=reused d=succeeded e=reused',
    );
  });

  test('what has no success to take over runs too, and the answer says so', () => {
    const first = firstRun(diamond, { c: 'failed', e: 'failed' });
    expect(plan(diamond, rerunFrom(first, 'b'))).toBe('a=REUSE(1.0.1) b=RUN c=RUN d=RUN e=RUN');
    expect(warningsOf(diamond, rerunFrom(first, 'b'))).toEqual([
      'run 1 has no success of c, e to take over: they run too',
    ]);
  });

  test('names what was not selected in: it and what is behind it run, the rest stays out', () => {
    const first = firstRun(diamond, {}, { kind: 'selected', tasks: ['a'] });
    expect(plan(diamond, rerunFrom(first, 'b'))).toBe(`a=REUSE(1.0.1) b=RUN c=SKIP${NS} d=RUN e=SKIP${NS}`);
  });

  test('an unknown task is refused, a disabled one warned of', () => {
    const definition = without(diamond, 'b');
    const first = firstRun(definition, {});
    expect(plan(definition, rerunFrom(first, 'x'))).toBe('refused: the workflow has no task x');
    expect(plan(definition, rerunFrom(first, 'b'))).toBe(
      'a=REUSE(1.0.1) b=SKIP(disabled) c=REUSE(1.2.1) d=RUN e=REUSE(1.4.1)',
    );
    expect(warningsOf(definition, rerunFrom(first, 'b'))).toEqual(['task b is disabled and will be skipped']);
  });
});

describe('re-run with a newer version of the workflow', () => {
  const changed = (name: string, patch: Partial<TaskDefinition>, definition = diamond): WorkflowDefinition => ({
    ...definition,
    tasks: definition.tasks.map((one) => (one.name === name ? { ...one, ...patch } : one)),
  });

  test('a task that reads otherwise runs again, with all behind it', () => {
    const first = firstRun(diamond, {});
    expect(plan(changed('b', { env: { A: '1' } }), rerunFailed(first))).toBe(
      'a=REUSE(1.0.1) b=RUN c=REUSE(1.2.1) d=RUN e=REUSE(1.4.1)',
    );
  });

  test('the same definition read again has not changed, in whatever order its keys stand', () => {
    const first = firstRun(diamond, { e: 'failed' });
    const reversed = (value: unknown): unknown => {
      if (Array.isArray(value)) return value.map(reversed);
      if (typeof value !== 'object' || value === null) return value;
      return Object.fromEntries(
        Object.entries(value)
          .reverse()
          .map(([key, item]) => [key, reversed(item)]),
      );
    };
    const again = reversed(diamond) as WorkflowDefinition;
    expect(plan(again, rerunFailed(first))).toBe('a=REUSE(1.0.1) b=REUSE(1.1.1) c=REUSE(1.2.1) d=REUSE(1.3.1) e=RUN');
  });

  test('tasks are known by their names: order, additions and removals do not confuse them', () => {
    const first = firstRun(diamond, { b: 'failed' });
    const newer = workflow([task('new', ['a']), task('e'), task('c', ['a']), task('a')]);
    expect(plan(newer, rerunFailed(first))).toBe('new=RUN e=REUSE(1.4.1) c=REUSE(1.2.1) a=REUSE(1.0.1)');
  });

  test('what had been left out stays out, though it is new or reads otherwise', () => {
    const first = firstRun(diamond, { b: 'failed' }, { kind: 'selected', tasks: ['a', 'b'] });
    const newer = changed('e', { env: { A: '1' } });
    const larger = { ...newer, tasks: [...newer.tasks, task('new')] };
    expect(plan(larger, rerunFailed(first))).toBe(
      `a=REUSE(1.0.1) b=RUN c=SKIP${NS} d=SKIP${NS} e=SKIP${NS} new=SKIP${NS}`,
    );
    expect(plan(larger, rerunFrom(first, 'new'))).toBe(
      `a=REUSE(1.0.1) b=RUN c=SKIP${NS} d=SKIP${NS} e=SKIP${NS} new=RUN`,
    );
  });
});

describe('any workflow, any failures', () => {
  test('re-running what failed ends in success after at most as many runs as there are failures', () => {
    const cases = fc.record({
      size: fc.integer({ min: 1, max: 7 }),
      edges: fc.array(fc.boolean(), { minLength: 49, maxLength: 49 }),
      failures: fc.array(fc.integer({ min: 0, max: 3 }), { minLength: 7, maxLength: 7 }),
    });
    fc.assert(
      fc.property(cases, ({ size, edges, failures }) => {
        const definition = workflow(
          Array.from({ length: size }, (_, index) =>
            task(
              `t${index}`,
              Array.from({ length: index }, (__, pred) => pred)
                .filter((pred) => edges[index * 7 + pred])
                .map((pred) => `t${pred}`),
            ),
          ),
        );
        const left = new Map(failures.slice(0, size).map((count, index) => [`t${index}`, count]));
        const succeeded = new Map<string, number>();
        let run = endingBy(left, (ends) => firstRun(definition, ends));
        for (let id = 2; run.status.state !== 'succeeded'; id++) {
          expect(id).toBeLessThan(2 + failures.reduce((sum, count) => sum + count, 0));
          for (const record of run.tasks)
            if (record?.state === 'succeeded') count(succeeded, definition.tasks[record.task]!.name);
          run = endingBy(left, (ends) => follow(definition, id, rerunFailed(run), ends));
        }
        for (const record of run.tasks)
          if (record?.state === 'succeeded') count(succeeded, definition.tasks[record.task]!.name);
        expect([...succeeded.values()].every((times) => times === 1)).toBe(true);
        expect(succeeded.size).toBe(size);
      }),
      { numRuns: 300 },
    );

    function endingBy(left: Map<string, number>, play: (ends: Ends) => Run): Run {
      const run = play(
        Object.fromEntries([...left].map(([name, times]) => [name, times > 0 ? 'failed' : 'succeeded'])),
      );
      for (const record of run.tasks) {
        const { name } = run.definition.tasks[record!.task]!;
        if (record?.state === 'failed') left.set(name, left.get(name)! - 1);
      }
      return run;
    }

    function count(counts: Map<string, number>, name: string): void {
      counts.set(name, (counts.get(name) ?? 0) + 1);
    }
  });
});
