/** How far a run is by the states of its tasks alone. */
import type { TaskRunRecord } from '@pelorus/engine';
import type { TaskRunState } from '@pelorus/protocol';
import type { PlanSizes } from './plan.ts';

export type TaskCounts = Partial<Record<TaskRunState, number>>;

export interface CountedTasks {
  counts: TaskCounts;
  taskCount: number;
  /** 0 to 1. */
  progress: number;
}

export function countsOf(records: readonly TaskRunRecord[]): TaskCounts {
  const counts: TaskCounts = {};
  for (const { state } of records) counts[state] = (counts[state] ?? 0) + 1;
  return counts;
}

/** Tasks by state, those without a row included, and finished of planned ones. Skipped and reused ones count on neither side. */
export function countTasks(stored: TaskCounts, size: PlanSizes): CountedTasks {
  const skipped = Math.max(stored.skipped ?? 0, size.skipped);
  const withRow = Object.values(stored).reduce((sum, count) => sum + count, 0) - (stored.skipped ?? 0);
  const withoutRow = Math.max(0, size.taskCount - withRow - skipped);
  const counts = presentOnly({ ...stored, skipped, pending: (stored.pending ?? 0) + withoutRow });
  const planned = size.taskCount - skipped - Math.max(stored.reused ?? 0, size.reused);
  const finished = FINISHED.reduce((sum, state) => sum + (stored[state] ?? 0), 0);
  return { counts, taskCount: size.taskCount, progress: planned <= 0 ? 1 : finished / planned };
}

const FINISHED: readonly TaskRunState[] = ['succeeded', 'forced_success', 'failed', 'killed', 'upstream_failed'];

function presentOnly(counts: TaskCounts): TaskCounts {
  return Object.fromEntries(Object.entries(counts).filter(([, count]) => count > 0));
}
