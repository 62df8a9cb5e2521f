/** What part of a workflow a run executes (execution semantics, section 6), from what the request names. */
import { graphOf, type Graph, type RunPlan } from '@pelorus/engine';
import type { NodeDep, PlanView, PlannedAs, RequestProblem, WorkflowDefinition } from '@pelorus/protocol';
import { nearestName } from './nearest.ts';
import { API_LIMITS } from './limits.ts';
import { ApiFailure, failureWith, problemAt } from './problem.ts';

export type Selection =
  | { kind: 'whole' }
  | { kind: 'node'; tasks: string[]; dep: NodeDep }
  | { kind: 'selected'; tasks: string[] };

export interface PlannedRun {
  plan: RunPlan;
  /** For people, e.g. `whole`, `node`, `selected`. */
  mode: string;
  warnings: string[];
}

/** Throws `UNKNOWN_TASK` that names every unknown task, and `EMPTY_PLAN`. */
export function planRun(definition: WorkflowDefinition, selection: Selection): PlannedRun {
  const graph = graphOf(definition);
  const starts = selection.kind === 'whole' ? [] : indicesOf(graph, selection.tasks);
  const run =
    selection.kind === 'whole' ? 'all' : reached(graph, starts, selection.kind === 'node' ? selection.dep : 'node');
  const chosen = run === 'all' ? definition.tasks : run.flatMap((index) => definition.tasks[index] ?? []);
  if (!chosen.some((task) => !task.disabled)) throw new ApiFailure('EMPTY_PLAN', emptyReason(chosen.length));
  const warnings = starts.flatMap((index) => {
    const task = definition.tasks[index];
    return task?.disabled === true ? [`task ${task.name} is disabled: it is skipped`] : [];
  });
  return { plan: { run, reuse: [] }, mode: selection.kind, warnings };
}

function emptyReason(chosenCount: number): string {
  return chosenCount === 0
    ? 'the run would execute nothing: no task is chosen'
    : 'the run would execute nothing: every chosen task is disabled';
}

function indicesOf(graph: Graph, names: string[]): number[] {
  const unknown = names.filter((name) => !graph.indexOf.has(name));
  if (unknown.length > 0) throw unknownTasks(graph, unknown);
  return [...new Set(names)].flatMap((name) => graph.indexOf.get(name) ?? []);
}

function unknownTasks(graph: Graph, names: string[]): ApiFailure {
  const errors: RequestProblem[] = names.slice(0, API_LIMITS.problemsShown).map((name, index) => {
    const nearest = index < NAMES_EXPLAINED ? nearestName(name, graph.indexOf.keys()) : null;
    return problemAt('', `the workflow has no task ${name}${nearest === null ? '' : `; did you mean ${nearest}?`}`);
  });
  return failureWith('UNKNOWN_TASK', errors);
}

const NAMES_EXPLAINED = 5;

/** The start tasks and, with `post` or `pre`, all that follow or precede them; in definition order. */
function reached(graph: Graph, starts: number[], dep: NodeDep): number[] {
  const seen = new Uint8Array(graph.tasks.length);
  const open = [...starts];
  for (const index of open) seen[index] = 1;
  for (let at = open.pop(); at !== undefined && dep !== 'node'; at = open.pop()) {
    for (const next of neighbours(graph, at, dep)) {
      if (seen[next] === 1) continue;
      seen[next] = 1;
      open.push(next);
    }
  }
  return [...seen.keys()].filter((index) => seen[index] === 1);
}

function neighbours(graph: Graph, index: number, dep: 'post' | 'pre'): Int32Array {
  if (dep === 'post') return graph.succs.subarray(graph.succStart[index], graph.succStart[index + 1]);
  return graph.preds.subarray(graph.predStart[index], graph.predStart[index + 1]);
}

export interface PlannedTask {
  plan: PlannedAs;
  reason: 'not_selected' | 'disabled' | null;
  attempt: string | null;
}

/** How each task of the definition is planned, by index. */
export function plannedTasks(definition: WorkflowDefinition, plan: RunPlan): PlannedTask[] {
  const chosen = plan.run === 'all' ? null : new Set(plan.run);
  const reused = new Map(plan.reuse.map((entry) => [entry.task, entry.attempt]));
  return definition.tasks.map((task, index) => {
    const attempt = reused.get(index);
    if (attempt !== undefined) return { plan: 'reuse', reason: null, attempt };
    if (chosen !== null && !chosen.has(index)) return { plan: 'skip', reason: 'not_selected', attempt: null };
    return task.disabled
      ? { plan: 'skip', reason: 'disabled', attempt: null }
      : { plan: 'run', reason: null, attempt: null };
  });
}

export interface PlanSizes {
  taskCount: number;
  /** Tasks that the plan leaves out. */
  skipped: number;
  reused: number;
}

export function planSizes(definition: WorkflowDefinition, plan: RunPlan): PlanSizes {
  const taskCount = definition.tasks.length;
  if (plan.run === 'all')
    return { taskCount, skipped: definition.tasks.filter((task) => task.disabled).length, reused: plan.reuse.length };
  const executed = plan.run.filter((index) => definition.tasks[index]?.disabled === false).length;
  return { taskCount, skipped: taskCount - executed - plan.reuse.length, reused: plan.reuse.length };
}

export function planView(definition: WorkflowDefinition, plan: RunPlan, warnings: string[]): PlanView {
  const planned = plannedTasks(definition, plan);
  const counts: Record<PlannedAs, number> = { run: 0, reuse: 0, skip: 0 };
  for (const task of planned) counts[task.plan] += 1;
  return {
    tasks: planned.map((task, index) => ({ name: definition.tasks[index]?.name ?? '', ...task })),
    counts,
    warnings,
  };
}
