import { expect, test } from 'vitest';
import type { PlanRequest } from '@pelorus/engine';
import { runIdOf, type WorkflowDefinition } from '@pelorus/protocol';
import { makePlan, planSizes, planView } from '../../src/api/plan.ts';
import { ApiFailure } from '../../src/api/problem.ts';
import { definition, taskDefinition } from '../store/records.ts';

const AT = 1;

function workflow(tasks: Record<string, string[]>, disabled: string[] = []): WorkflowDefinition {
  const named = Object.entries(tasks).map(([name, needs]) =>
    taskDefinition(name, { needs, disabled: disabled.includes(name) }),
  );
  return definition({ tasks: named });
}

const TERMS = { at: AT, suggestsNames: true };
const diamond = workflow({ a: [], b: ['a'], c: ['a'], d: ['b', 'c'], e: [] });

function refusal(request: PlanRequest, of = diamond): string {
  try {
    makePlan(of, request, TERMS);
  } catch (error) {
    if (error instanceof ApiFailure) return `${error.code}: ${error.message}`;
    throw error;
  }
  return 'accepted';
}

test('unknown names are refused, all of them named, with the nearest known one', () => {
  const seattle = workflow({ extract: [], load: ['extract'] });
  const expected =
    'UNKNOWN_TASK: the workflow has no task extrakt; did you mean extract?; the workflow has no task zzzzzz';
  expect(refusal({ kind: 'selected', tasks: ['extrakt', 'load', 'zzzzzz'] }, seattle)).toBe(expected);
  expect(refusal({ kind: 'node', tasks: ['extrakt', 'zzzzzz'], dep: 'NODE_PRE' }, seattle)).toBe(expected);
  const previous = { run: runIdOf(7), definition: seattle, plan: { run: 'all' as const, reuse: [] }, tasks: [] };
  expect(refusal({ kind: 'rerun-from', previous, task: 'lod' }, seattle)).toBe(
    'UNKNOWN_TASK: the workflow has no task lod; did you mean load?',
  );
});

test('no name is suggested to who may not read the workflow', () => {
  const asked = () =>
    makePlan(workflow({ extract: [] }), { kind: 'selected', tasks: ['extrakt'] }, { ...TERMS, suggestsNames: false });
  expect(asked).toThrow(/^the workflow has no task extrakt$/);
});

test('a plan that would execute nothing is refused with the reason', () => {
  const off = workflow({ a: [], b: [] }, ['a']);
  const reason = 'EMPTY_PLAN: nothing would run: every task in question is disabled';
  expect(refusal({ kind: 'node', tasks: ['a'], dep: 'NODE_ONLY' }, off)).toBe(reason);
  expect(refusal({ kind: 'whole' }, workflow({ a: [] }, ['a']))).toBe(reason);
});

test('what a plan says and its sizes agree, also with disabled tasks in it', () => {
  const off = workflow({ a: [], b: [] }, ['a']);
  const { plan, warnings } = makePlan(off, { kind: 'selected', tasks: ['a', 'b'] }, TERMS);
  expect(planSizes(off, plan)).toEqual({ taskCount: 2, skipped: 1, reused: 0 });
  expect(planView(off, plan, warnings)).toEqual({
    tasks: [
      { name: 'a', plan: 'skip', reason: 'disabled', attempt: null },
      { name: 'b', plan: 'run', reason: null, attempt: null },
    ],
    counts: { run: 1, reuse: 0, skip: 1 },
    warnings: ['task a is disabled and will be skipped'],
  });
  const whole = makePlan(off, { kind: 'whole' }, TERMS).plan;
  expect(planSizes(off, whole)).toEqual({ taskCount: 2, skipped: 1, reused: 0 });
});

test('a chain of 100,000 tasks is walked without recursion', () => {
  const chain = workflow(
    Object.fromEntries(
      Array.from({ length: 100_000 }, (_, index) => [`t${index}`, index === 0 ? [] : [`t${index - 1}`]]),
    ),
  );
  expect(makePlan(chain, { kind: 'node', tasks: ['t1'], dep: 'NODE_POST' }, TERMS).plan.run).toHaveLength(99_999);
});
