/** Runs by the hour in which they were submitted. Pure. */
import type { RunStats } from '@pelorus/protocol';

export const HOUR_MS = 3_600_000;

export interface Hour {
  /** Epoch ms. */
  startsAt: number;
  succeeded: number;
  failed: number;
  /** In progress, or stopped. */
  others: number;
  /** Of all of them; null: too many to be counted. */
  taskCount: number | null;
}

/** When the first of so many hours begins, the last of which is that of `now`; epoch ms. */
export function firstHour(now: number, count: number): number {
  return (Math.floor(now / HOUR_MS) - (count - 1)) * HOUR_MS;
}

export function hoursOf({ buckets }: Pick<RunStats, 'buckets'>): Hour[] {
  return buckets.map(({ at, runs, tasks }) => {
    const { succeeded = 0, failed = 0, dependency_failed: dependencyFailed = 0 } = runs;
    const bad = failed + dependencyFailed;
    const others = sumOf(runs) - succeeded - bad;
    return { startsAt: Date.parse(at), succeeded, failed: bad, others, taskCount: tasks && sumOf(tasks) };
  });
}

function sumOf(counts: Partial<Record<string, number>>): number {
  return Object.values(counts).reduce<number>((sum, count) => sum + (count ?? 0), 0);
}
