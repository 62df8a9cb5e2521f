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
} from '@pelorus/protocol';
import { type Graph, graphOf } from './graph.ts';
import type { RunPlan, TaskRunRecord } from './records.ts';

/** What is known of the run that is run again. */
export interface PreviousRun {
  run: RunId;
  /** The definition that it pinned. */
  definition: WorkflowDefinition;
  plan: RunPlan;
  tasks: readonly TaskRunRecord[];
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
      return again(graph, request.previous, changedSince(graph, request.previous), at);
    case 'rerun-from': {
      const index = graph.indexOf.get(request.task);
      if (index === undefined) return { kind: 'refused', problems: [unknownTask(request.task)] };
      const from = new Set(reach(graph, [index], 'NODE_POST'));
      for (const task of changedSince(graph, request.previous)) from.add(task);
      return again(graph, request.previous, from, at, true);
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

function unknownTask(name: string): string {
  return `the workflow has no task ${name}`;
}

function named(graph: Graph, names: string[], select: (starts: number[]) => number[]): PlanResult {
  const problems = names.filter((name) => !graph.indexOf.has(name)).map(unknownTask);
  if (names.length === 0) problems.push('no task is named');
  if (problems.length > 0) return { kind: 'refused', problems };
  const starts = [...new Set(names.map((name) => graph.indexOf.get(name)!))];
  const warnings = starts
    .filter((task) => graph.tasks[task]!.disabled)
    .map((task) => `task ${graph.tasks[task]!.name} is disabled and will be skipped`);
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
  const before = new Map(previous.definition.tasks.map((task) => [task.name, JSON.stringify(task)]));
  const changed = [...graph.tasks.keys()].filter(
    (task) => before.get(graph.tasks[task]!.name) !== JSON.stringify(graph.tasks[task]),
  );
  return new Set(reach(graph, changed, 'NODE_POST'));
}

/** `forced`: run what is in `mustRun` although the previous run had not selected it. */
function again(
  graph: Graph,
  previous: PreviousRun,
  mustRun: ReadonlySet<number>,
  at: number,
  forced = false,
): PlanResult {
  const earlier = earlierByName(previous);
  const run: number[] = [];
  const reuse: RunPlan['reuse'] = [];
  const reused: Omit<TaskRunRecord, 'run'>[] = [];
  for (const [task, definition] of graph.tasks.entries()) {
    const before = earlier.get(definition.name);
    const must = mustRun.has(task);
    if (before?.record && !must && !choosesAnew(definition) && succeeded(before.record)) {
      reuse.push({ task, attempt: before.attempt });
      reused.push(takeOver(before.record, task, previous.run, at));
    } else if ((must && forced) || !before || before.selected) {
      run.push(task);
    }
  }
  if (!run.some((task) => !graph.tasks[task]!.disabled && !choosesAnew(graph.tasks[task]!))) {
    return {
      kind: 'refused',
      problems: [`nothing would run: every task of run ${previous.run} succeeded or was not selected`],
    };
  }
  return { kind: 'plan', plan: { run, reuse }, reused, warnings: [] };
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
    endedAt: at,
    outputs: record.outputs,
  };
}
