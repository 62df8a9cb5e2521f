/** Runs by the hour in which they were submitted. Pure. */
import type { RunView } from '@pelorus/protocol';

export const HOUR_MS = 3_600_000;

export interface Hour {
  /** Epoch ms. */
  startsAt: number;
  succeeded: number;
  failed: number;
  /** In progress, or stopped. */
  others: number;
  /** Of all of them. */
  taskCount: number;
}

/** So many hours, the last of which is that of `now`. */
export function hoursOf(runs: readonly RunView[], now: number, count: number): Hour[] {
  const last = Math.floor(now / HOUR_MS) * HOUR_MS;
  const hours = Array.from({ length: count }, (_, index): Hour => {
    const startsAt = last - (count - 1 - index) * HOUR_MS;
    return { startsAt, succeeded: 0, failed: 0, others: 0, taskCount: 0 };
  });
  for (const { submittedAt, state, taskCount } of runs) {
    const hour = hours[Math.floor((Date.parse(submittedAt) - last) / HOUR_MS) + count - 1];
    if (hour === undefined) continue;
    hour.taskCount += taskCount;
    if (state === 'succeeded') hour.succeeded += 1;
    else if (state === 'failed' || state === 'dependency_failed') hour.failed += 1;
    else hour.others += 1;
  }
  return hours;
}
