/**
 * Owns: how long the tasks of each workflow usually take, as read from the store, for a minute.
 * Invariants: 1. one read at a time per workflow; 2. a failed read is not kept; 3. the oldest go when all of them together have too
 * many tasks.
 */
import type { ApiStore } from '../store/port.ts';
import { API_LIMITS } from './limits.ts';

/** Median duration in ms by task name. */
export type Medians = ReadonlyMap<string, number>;

export interface PastDurations {
  of(workflowId: number): Promise<Medians>;
}

export function createPastDurations(store: Pick<ApiStore, 'taskDurations'>, clock: () => number): PastDurations {
  const entries = new Map<number, { medians: Promise<Medians>; readAt: number; taskCount: number }>();

  async function read(workflowId: number): Promise<Medians> {
    const medians = await store.taskDurations(workflowId, API_LIMITS.durationRuns);
    const entry = entries.get(workflowId);
    if (entry !== undefined) entry.taskCount = medians.size;
    evict();
    return medians;
  }

  function evict(): void {
    let taskCount = [...entries.values()].reduce((sum, entry) => sum + entry.taskCount, 0);
    for (const [workflowId, entry] of entries) {
      if (taskCount <= API_LIMITS.cachedDurationTasks) return;
      entries.delete(workflowId);
      taskCount -= entry.taskCount;
    }
  }

  function of(workflowId: number): Promise<Medians> {
    const known = entries.get(workflowId);
    if (known !== undefined && Math.abs(clock() - known.readAt) < API_LIMITS.durationsMs) return known.medians;
    const medians = read(workflowId);
    entries.delete(workflowId);
    entries.set(workflowId, { medians, readAt: clock(), taskCount: 1 });
    medians.catch(() => entries.delete(workflowId));
    return medians;
  }

  return { of };
}
