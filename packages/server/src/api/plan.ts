/** What part of a workflow a run executes (execution semantics, section 6): the engine plans, this says it to clients. */
import { describePlan, graphOf, planRun, type PlanRequest, type RunPlan, type TaskRunRecord } from '@pelorus/engine';
import type { PlanView, PlannedAs, RequestProblem, WorkflowDefinition } from '@pelorus/protocol';
import { API_LIMITS } from './limits.ts';
import { nearestName } from './nearest.ts';
import { ApiFailure, failureWith, problemAt } from './problem.ts';

export interface PlannedRun {
  plan: RunPlan;
  /** What the run takes over; run and version are for the store to fill in. */
  reused: Omit<TaskRunRecord, 'run'>[];
  warnings: string[];
}

export interface PlanTerms {
  /** Stamps what is taken over; epoch ms. */
  at: number;
  /** Whether a refusal may suggest names of tasks. */
  suggestsNames: boolean;
}

/** Throws `UNKNOWN_TASK` that names every unknown task, and `EMPTY_PLAN`. */
export function makePlan(definition: WorkflowDefinition, request: PlanRequest, terms: PlanTerms): PlannedRun {
  refuseUnknownTasks(definition, namesIn(request), terms.suggestsNames ? NAMES_EXPLAINED : 0);
  const result = planRun(definition, request, terms.at);
  if (result.kind === 'refused') throw new ApiFailure('EMPTY_PLAN', result.problems.join('; '));
  return { plan: result.plan, reused: result.reused, warnings: result.warnings };
}

function namesIn(request: PlanRequest): string[] {
  switch (request.kind) {
    case 'node':
    case 'selected':
      return request.tasks;
    case 'rerun-from':
      return [request.task];
    case 'whole':
    case 'rerun-failed':
      return [];
  }
}

function refuseUnknownTasks(definition: WorkflowDefinition, names: string[], explained: number): void {
  const known = graphOf(definition).indexOf;
  const unknown = names.filter((name) => !known.has(name));
  if (unknown.length === 0) return;
  const errors: RequestProblem[] = unknown.slice(0, API_LIMITS.problemsShown).map((name, index) => {
    const nearest = index < explained ? nearestName(name, known.keys()) : null;
    return problemAt('', `the workflow has no task ${name}${nearest === null ? '' : `; did you mean ${nearest}?`}`);
  });
  throw failureWith('UNKNOWN_TASK', errors);
}

const NAMES_EXPLAINED = 5;

export interface PlannedTask {
  plan: PlannedAs;
  reason: 'not_selected' | 'disabled' | null;
  attempt: string | null;
}

const PLANNED_AS = { RUN: 'run', REUSE: 'reuse', SKIP: 'skip' } as const;

/** How each task of the definition is planned, by index. */
export function plannedTasks(definition: WorkflowDefinition, plan: RunPlan): PlannedTask[] {
  return describePlan(definition, plan).map((task) => ({
    plan: PLANNED_AS[task.plan],
    reason: task.plan === 'SKIP' ? task.reason : null,
    attempt: task.plan === 'REUSE' ? task.attempt : null,
  }));
}

export interface PlanSizes {
  taskCount: number;
  /** Tasks that the plan leaves out. */
  skipped: number;
  reused: number;
}

/** Without a look at each planned task where the whole workflow runs: lists need it for every row. */
export function planSizes(definition: WorkflowDefinition, plan: RunPlan): PlanSizes {
  const taskCount = definition.tasks.length;
  if (plan.run === 'all' && plan.reuse.length === 0)
    return { taskCount, skipped: definition.tasks.filter((task) => task.disabled).length, reused: 0 };
  const counts = countsOf(plannedTasks(definition, plan));
  return { taskCount, skipped: counts.skip, reused: counts.reuse };
}

export function planView(definition: WorkflowDefinition, plan: RunPlan, warnings: string[]): PlanView {
  const planned = plannedTasks(definition, plan);
  return {
    tasks: planned.map((task, index) => ({ name: definition.tasks[index]?.name ?? '', ...task })),
    counts: countsOf(planned),
    warnings,
  };
}

function countsOf(planned: PlannedTask[]): Record<PlannedAs, number> {
  const counts: Record<PlannedAs, number> = { run: 0, reuse: 0, skip: 0 };
  for (const task of planned) counts[task.plan] += 1;
  return counts;
}
