import { expect, test } from 'vitest';
import type { TaskDefinition, WorkflowDefinition } from '@pelorus/protocol';
import { planRun, planSizes, type Selection } from '../../src/api/plan.ts';
import { ApiFailure } from '../../src/api/problem.ts';

function workflow(tasks: Record<string, string[]>, disabled: string[] = []): WorkflowDefinition {
  const base: Omit<TaskDefinition, 'name' | 'needs' | 'disabled'> = {
    description: '',
    trigger: 'all_success',
    params: {},
    env: {},
    retry: { max: 0, intervalMs: 0, backoff: 'fixed', maxIntervalMs: 0 },
    timeout: null,
    delayMs: 0,
    priority: null,
    workerGroup: null,
    environment: null,
    runAs: null,
    taskGroup: null,
    onWorkerLost: 'rerun',
    dispatchTimeoutMs: null,
    files: [],
    outputs: {},
    extras: null,
    action: { type: 'virtual' },
  };
  return {
    name: 'w',
    project: null,
    description: '',
    labels: {},
    params: {},
    failurePolicy: 'end',
    concurrency: 'parallel',
    timeout: { afterMs: 1, action: 'fail' },
    priority: 'medium',
    parameterMode: 'strict',
    schedule: null,
    notify: { on: 'none', to: [] },
    tasks: Object.entries(tasks).map(([name, needs]) => ({ ...base, name, needs, disabled: disabled.includes(name) })),
  };
}

const diamond = workflow({ a: [], b: ['a'], c: ['a'], d: ['b', 'c'], e: [] });
const chosen = (selection: Selection, of = diamond) => {
  const { run } = planRun(of, selection).plan;
  return run === 'all' ? 'all' : run.map((index) => of.tasks[index]?.name).join('');
};

test.each<[string, Selection, string]>([
  ['the whole workflow', { kind: 'whole' }, 'all'],
  ['one task only', { kind: 'node', tasks: ['b'], dep: 'node' }, 'b'],
  ['a task and all its successors', { kind: 'node', tasks: ['b'], dep: 'post' }, 'bd'],
  ['a task and all its predecessors', { kind: 'node', tasks: ['d'], dep: 'pre' }, 'abcd'],
  ['several start tasks', { kind: 'node', tasks: ['c', 'e', 'c'], dep: 'post' }, 'cde'],
  ['selected tasks in the order of the definition', { kind: 'selected', tasks: ['d', 'a'] }, 'ad'],
])('%s', (_name, selection, names) => {
  expect(chosen(selection)).toBe(names);
});

function refusal(selection: Selection, of = diamond): string {
  try {
    planRun(of, selection);
  } catch (error) {
    if (error instanceof ApiFailure) return `${error.code}: ${error.message}`;
    throw error;
  }
  return 'accepted';
}

test('unknown names are refused, all of them named, with the nearest known one', () => {
  const seattle = workflow({ extract: [], load: ['extract'] });
  expect(refusal({ kind: 'selected', tasks: ['extrakt', 'load', 'zzzzzz'] }, seattle)).toBe(
    'UNKNOWN_TASK: the workflow has no task extrakt; did you mean extract?; the workflow has no task zzzzzz',
  );
});

test('a plan that would execute nothing is refused with the reason', () => {
  const off = workflow({ a: [], b: [] }, ['a']);
  expect(refusal({ kind: 'node', tasks: ['a'], dep: 'node' }, off)).toBe(
    'EMPTY_PLAN: the run would execute nothing: every chosen task is disabled',
  );
  expect(refusal({ kind: 'selected', tasks: [] }, off)).toBe(
    'EMPTY_PLAN: the run would execute nothing: no task is chosen',
  );
  expect(refusal({ kind: 'whole' }, workflow({ a: [] }, ['a']))).toBe(
    'EMPTY_PLAN: the run would execute nothing: every chosen task is disabled',
  );
});

test('a disabled task that was selected is warned about', () => {
  const off = workflow({ a: [], b: [] }, ['a']);
  const { plan, warnings } = planRun(off, { kind: 'selected', tasks: ['a', 'b'] });
  expect(warnings).toEqual(['task a is disabled: it is skipped']);
  expect(planSizes(off, plan)).toEqual({ taskCount: 2, skipped: 1, reused: 0 });
});

test('a chain of 100,000 tasks is walked without recursion', () => {
  const chain = workflow(
    Object.fromEntries(
      Array.from({ length: 100_000 }, (_, index) => [`t${index}`, index === 0 ? [] : [`t${index - 1}`]]),
    ),
  );
  expect(planRun(chain, { kind: 'node', tasks: ['t1'], dep: 'post' }).plan.run).toHaveLength(99_999);
});
