/**
 * How far a run is and how long it may still take, from past durations. Rules: the execution semantics, section 11.
 *
 * Progress never falls, provided that `medians` answers the same and `now` does not go back while the run lasts (so
 * take the medians once, when the run starts): weights are fixed by the plan and the medians alone; a task counts more
 * the longer it has been under way, less than whole until it has ended, and whole from then on; one that a branch skips
 * leaves the sum, which lets the quotient rise. That is why the share of a task is reckoned from its *first* start,
 * which no retry and no lost worker moves.
 */
import { isTerminalTaskRun, type TaskRunState, type WorkflowDefinition } from '@pelorus/protocol';
import { type Graph, graphOf } from './graph.ts';
import type { PlannedTask } from './plan.ts';
import type { TaskRunRecord } from './records.ts';

export interface ProgressInput {
  definition: WorkflowDefinition;
  /** As `describePlan` gives it: every task, in the definition's order. */
  plan: readonly PlannedTask[];
  /** Rows of the run, in any order; a task without one is pending. */
  tasks: readonly TaskRunRecord[];
  /** Median past duration in ms of the task with that name; null when it is not known. */
  medians: (taskName: string) => number | null;
  /** Epoch ms. */
  now: number;
}

export interface Progress {
  /** From 0 to 1; 1 exactly when every planned task has ended. */
  done: number;
  /** Null when no past duration is known. */
  estimatedRemainingMs: number | null;
}

/** A task that has not ended counts at most this much of its weight. */
const UNFINISHED_SHARE_MAX = 0.95;

/**
 * Weighs planned tasks by their median past duration. One that is not known weighs as the median of those that are, and
 * 1 when none is; no task weighs less than 1 (ms). The estimate is the longest remaining path through the workflow.
 * O(V + E).
 */
export function progressOf(input: ProgressInput): Progress {
  const graph = graphOf(input.definition);
  const weights = weightsOf(input);
  const rows: (TaskRunRecord | undefined)[] = Array.from({ length: graph.tasks.length });
  for (const record of input.tasks) rows[record.task] = record;
  return {
    done: doneOf(input, weights, rows),
    estimatedRemainingMs: weights.anyKnown ? longestRemaining(graph, input, weights, rows) : null,
  };
}

interface Weights {
  /** Milliseconds, once a duration is known; 0 for tasks that are not planned to run. */
  of: Float64Array;
  known: Uint8Array;
  anyKnown: boolean;
}

function weightsOf({ plan, medians }: ProgressInput): Weights {
  const of = new Float64Array(plan.length);
  const known = new Uint8Array(plan.length);
  const durations: number[] = [];
  for (const [task, planned] of plan.entries()) {
    const median = planned.plan === 'RUN' ? medians(planned.task) : null;
    if (median === null || !Number.isFinite(median)) continue;
    of[task] = Math.max(1, median);
    known[task] = 1;
    durations.push(of[task]);
  }
  const unknown = durations.length === 0 ? 1 : durations.sort((a, b) => a - b)[durations.length >> 1]!;
  for (const [task, planned] of plan.entries()) if (planned.plan === 'RUN' && known[task] === 0) of[task] = unknown;
  return { of, known, anyKnown: durations.length > 0 };
}

function doneOf({ plan, now }: ProgressInput, weights: Weights, rows: readonly (TaskRunRecord | undefined)[]): number {
  let done = 0;
  let planned = 0;
  for (const [task, { plan: what }] of plan.entries()) {
    const record = rows[task];
    if (what !== 'RUN' || record?.state === 'skipped' || record?.state === 'reused') continue;
    const weight = weights.of[task]!;
    planned += weight;
    done += weight * shareOf(record, weights.known[task] === 1 ? weight : null, now);
  }
  return planned === 0 ? 1 : done / planned;
}

function shareOf(record: TaskRunRecord | undefined, medianMs: number | null, now: number): number {
  if (!record) return 0;
  if (isTerminalTaskRun(record.state)) return 1;
  if (medianMs === null || record.startedAt === null) return 0;
  return Math.min(UNFINISHED_SHARE_MAX, Math.max(0, now - record.startedAt) / medianMs);
}

/** Reverse topological order; tasks that do not run cost nothing and pass on what is behind them. */
function longestRemaining(
  graph: Graph,
  input: ProgressInput,
  weights: Weights,
  rows: readonly (TaskRunRecord | undefined)[],
): number {
  const behind = new Float64Array(graph.tasks.length);
  let longest = 0;
  for (let position = graph.order.length - 1; position >= 0; position--) {
    const task = graph.order[position]!;
    let after = 0;
    for (let edge = graph.succStart[task]!; edge < graph.succStart[task + 1]!; edge++)
      after = Math.max(after, behind[graph.succs[edge]!]!);
    const own =
      input.plan[task]?.plan === 'RUN'
        ? ownRemaining(rows[task], weights.of[task]!, graph.tasks[task]!.delayMs, input.now)
        : 0;
    behind[task] = own + after;
    longest = Math.max(longest, behind[task]);
  }
  return Math.round(longest);
}

/** An attempt under way has its elapsed time behind it; one that is still to come takes the whole, after its delay. */
function ownRemaining(record: TaskRunRecord | undefined, medianMs: number, delayMs: number, now: number): number {
  const state: TaskRunState = record?.state ?? 'pending';
  if (isTerminalTaskRun(state)) return 0;
  switch (state) {
    case 'pending':
      return delayMs + medianMs;
    case 'delayed':
    case 'retry_wait':
      return Math.max(0, (record?.wakeAt ?? now) - now) + medianMs;
    case 'running':
    case 'killing':
      return Math.max(0, medianMs - Math.max(0, now - (record?.startedAt ?? now)));
    default:
      return medianMs;
  }
}
