/**
 * Which tasks a run executes, which results it takes over from an earlier run, and which it skips. Computed before the
 * run exists, stored with it, shown by dry runs. Rules: the execution semantics, section 6.
 */
import {
  type AttemptId,
  formatAttemptId,
  isTerminalTaskRun,
  type RunId,
  type TaskDefinition,
  type WorkflowDefinition,
} from '@pelorus/protocol/vocabulary';
import { type Graph, graphOf } from './graph.ts';
import type { RunPlan, TaskRunRecord } from './records.ts';

/** What is known of the run that is run again. */
export interface PreviousRun {
  run: RunId;
  /** The definition that it pinned. */
  definition: WorkflowDefinition;
  plan: RunPlan;
  tasks: readonly TaskRunRecord[];
  /** Its tasks succeeded without being executed. Absent: no. */
  dryRun?: boolean;
}

export type NodeDep = 'NODE_ONLY' | 'NODE_POST' | 'NODE_PRE';

export type PlanRequest =
  | { kind: 'whole' }
  | { kind: 'node'; tasks: string[]; dep: NodeDep }
  | { kind: 'selected'; tasks: string[] }
  /** Takes over what succeeded, runs the rest. */
  | { kind: 'rerun-failed'; previous: PreviousRun }
  /** Runs the task and all its successors, takes over the rest. */
  | { kind: 'rerun-from'; previous: PreviousRun; task: string };

export type PlanResult =
  | {
      kind: 'plan';
      plan: RunPlan;
      /** Rows that a run with this plan starts with: what it takes over. `run` and `version` are for the store to fill in. */
      reused: Omit<TaskRunRecord, 'run'>[];
      /** For people: what was asked for and will not happen. */
      warnings: string[];
    }
  | { kind: 'refused'; problems: string[] };

export type PlannedTask =
  | { task: string; plan: 'RUN' }
  | { task: string; plan: 'REUSE'; attempt: AttemptId }
  | { task: string; plan: 'SKIP'; reason: 'disabled' | 'not_selected' };

/** Never an empty plan: what would execute nothing is refused with the reason. `at` (epoch ms) stamps what is taken over. */
export function planRun(definition: WorkflowDefinition, request: PlanRequest, at: number): PlanResult {
  const graph = graphOf(definition);
  switch (request.kind) {
    case 'whole':
      return fresh(graph, 'all', []);
    case 'node':
      return named(graph, request.tasks, (starts) => reach(graph, starts, request.dep));
    case 'selected':
      return named(graph, request.tasks, (starts) => starts);
    case 'rerun-failed':
      return again(graph, request.previous, NO_TASKS, at, []);
    case 'rerun-from': {
      const index = graph.indexOf.get(request.task);
      if (index === undefined) return { kind: 'refused', problems: [unknownTask(request.task)] };
      const from = new Set(reach(graph, [index], 'NODE_POST'));
      return again(graph, request.previous, from, at, disabledWarnings(graph, [index]));
    }
  }
}

/** Every task of the definition with what the plan says of it, in the definition's order. */
export function describePlan(definition: WorkflowDefinition, plan: RunPlan): PlannedTask[] {
  const selected = plan.run === 'all' ? null : new Set(plan.run);
  const reused = new Map(plan.reuse.map((entry) => [entry.task, entry.attempt]));
  return definition.tasks.map((task, index) => {
    const attempt = reused.get(index);
    if (task.disabled) return { task: task.name, plan: 'SKIP', reason: 'disabled' };
    if (attempt !== undefined) return { task: task.name, plan: 'REUSE', attempt };
    if (selected && !selected.has(index)) return { task: task.name, plan: 'SKIP', reason: 'not_selected' };
    return { task: task.name, plan: 'RUN' };
  });
}

const NO_TASKS: ReadonlySet<number> = new Set();

function disabledWarnings(graph: Graph, tasks: number[]): string[] {
  return tasks
    .filter((task) => graph.tasks[task]!.disabled)
    .map((task) => `task ${graph.tasks[task]!.name} is disabled and will be skipped`);
}

function unknownTask(name: string): string {
  return `the workflow has no task ${name}`;
}

function named(graph: Graph, names: string[], select: (starts: number[]) => number[]): PlanResult {
  const problems = names.filter((name) => !graph.indexOf.has(name)).map(unknownTask);
  if (names.length === 0) problems.push('no task is named');
  if (problems.length > 0) return { kind: 'refused', problems };
  const starts = [...new Set(names.map((name) => graph.indexOf.get(name)!))];
  const warnings = disabledWarnings(graph, starts);
  return fresh(
    graph,
    select(starts).sort((a, b) => a - b),
    warnings,
  );
}

function fresh(graph: Graph, run: RunPlan['run'], warnings: string[]): PlanResult {
  const indices = run === 'all' ? graph.tasks.keys() : run;
  for (const task of indices)
    if (!graph.tasks[task]!.disabled) return { kind: 'plan', plan: { run, reuse: [] }, reused: [], warnings };
  return { kind: 'refused', problems: ['nothing would run: every task in question is disabled'] };
}

/** The starts and everything before or behind them. Iterative, O(V + E). */
function reach(graph: Graph, starts: number[], dep: NodeDep): number[] {
  if (dep === 'NODE_ONLY') return starts;
  const [offsets, edges] = dep === 'NODE_POST' ? [graph.succStart, graph.succs] : [graph.predStart, graph.preds];
  const seen = new Set(starts);
  for (const task of seen) for (let edge = offsets[task]!; edge < offsets[task + 1]!; edge++) seen.add(edges[edge]!);
  return [...seen];
}

/** Tasks that are new or read otherwise than in the previous run's version, with everything behind them. */
function changedSince(graph: Graph, previous: PreviousRun): Set<number> {
  if (graph === graphOf(previous.definition)) return new Set();
  const before = new Map(previous.definition.tasks.map((task) => [task.name, task]));
  const changed = [...graph.tasks.keys()].filter(
    (task) => !readsAlike(before.get(graph.tasks[task]!.name), graph.tasks[task]),
  );
  return new Set(reach(graph, changed, 'NODE_POST'));
}

/** The same JSON, in whatever order its keys stand. */
function readsAlike(one: unknown, other: unknown): boolean {
  if (typeof one !== 'object' || one === null || typeof other !== 'object' || other === null)
    return Object.is(one, other);
  const keys = Object.keys(one);
  return (
    Array.isArray(one) === Array.isArray(other) &&
    keys.length === Object.keys(other).length &&
    keys.every((key) => Object.hasOwn(other, key) && readsAlike(Reflect.get(one, key), Reflect.get(other, key)))
  );
}

/**
 * What succeeded is taken over, the rest of what the previous run had selected runs; `from` runs in any case. Tasks that
 * are new run too, unless the previous run had left some out.
 */
function again(
  graph: Graph,
  previous: PreviousRun,
  from: ReadonlySet<number>,
  at: number,
  warnings: string[],
): PlanResult {
  if (previous.dryRun === true) {
    return { kind: 'refused', problems: [`run ${previous.run} was a dry run: it has no results to take over`] };
  }
  const earlier = earlierByName(previous);
  const changed = changedSince(graph, previous);
  const wholeBefore = [...earlier.values()].every(({ selected }) => selected);
  let works = false;
  const besides: string[] = [];
  const run: number[] = [];
  const reuse: RunPlan['reuse'] = [];
  const reused: Omit<TaskRunRecord, 'run'>[] = [];
  for (const [task, definition] of graph.tasks.entries()) {
    const before = earlier.get(definition.name);
    const must = from.has(task) || changed.has(task);
    if (before?.record && !must && !choosesAnew(definition) && succeeded(before.record)) {
      reuse.push({ task, attempt: before.attempt });
      reused.push(takeOver(before.record, task, previous.run, at));
    } else if (from.has(task) || (before ? before.selected : wholeBefore)) {
      run.push(task);
      const due = !definition.disabled && (must || !before || isDue(before.record));
      works ||= due;
      if (due && !must) besides.push(definition.name);
    }
  }
  if (!works) {
    return {
      kind: 'refused',
      problems: [`nothing would run: every task of run ${previous.run} succeeded, was skipped or was not selected`],
    };
  }
  if (from.size > 0 && besides.length > 0) warnings.push(besidesWarning(previous.run, besides));
  return { kind: 'plan', plan: { run, reuse }, reused, warnings };
}

/** Not what a branch or a trigger rule had skipped: with everything else taken over, that would be skipped again. */
function isDue(record: TaskRunRecord | null): boolean {
  return record === null || !(succeeded(record) || record.state === 'skipped');
}

/** Names that one warning lists. */
const NAMES_SHOWN = 5;

function besidesWarning(run: RunId, names: string[]): string {
  const shown = names.slice(0, NAMES_SHOWN).join(', ');
  const more = names.length > NAMES_SHOWN ? ` and ${names.length - NAMES_SHOWN} more` : '';
  return `run ${run} has no success of ${shown}${more} to take over: they run too`;
}

interface Earlier {
  selected: boolean;
  record: TaskRunRecord | null;
  attempt: AttemptId;
}

function earlierByName(previous: PreviousRun): Map<string, Earlier> {
  const records = new Map(previous.tasks.map((record) => [record.task, record]));
  const selected = previous.plan.run === 'all' ? null : new Set(previous.plan.run);
  const reused = new Map(previous.plan.reuse.map((entry) => [entry.task, entry.attempt]));
  return new Map(
    previous.definition.tasks.map((task, index) => {
      const record = records.get(index) ?? null;
      const attempt =
        reused.get(index) ?? formatAttemptId({ run: previous.run, task: index, n: Math.max(1, record?.attempts ?? 1) });
      return [task.name, { record, attempt, selected: selected === null || selected.has(index) || reused.has(index) }];
    }),
  );
}

/** Cheap and dependent on what is run again: logic tasks that choose a branch choose anew. */
function choosesAnew(task: TaskDefinition): boolean {
  return task.action.type === 'conditions' || task.action.type === 'switch';
}

function succeeded(record: TaskRunRecord): boolean {
  return (
    isTerminalTaskRun(record.state) &&
    (record.state === 'succeeded' || record.state === 'forced_success' || record.state === 'reused')
  );
}

function takeOver(record: TaskRunRecord, task: number, run: RunId, at: number): Omit<TaskRunRecord, 'run'> {
  const origin = record.cause?.kind === 'reused' ? record.cause.runId : run;
  return {
    task,
    version: 0,
    state: 'reused',
    cause: { kind: 'reused', runId: origin },
    waitReason: null,
    attempts: 0,
    retries: 0,
    wakeAt: null,
    readyAt: null,
    startedAt: record.startedAt,
    endedAt: record.endedAt ?? at,
    outputs: record.outputs,
  };
}
