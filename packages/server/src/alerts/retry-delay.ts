/** How often and how soon an alert that did not get through is tried again. */

/** Five seconds doubling to an hour: five to seven hours in all. */
export const TRIES_MAX = 15;
const FIRST_MS = 5_000;
const MAX_MS = 3_600_000;

/**
 * Before the next try, after `tries` of them. Up to a fifth more, so that what failed together does not return together;
 * `notBeforeMs` is what the other side asked for, honoured up to the longest delay. `random` in [0, 1).
 */
export function retryDelayMs(tries: number, random: number, notBeforeMs: number): number {
  const backoffMs = Math.min(MAX_MS, FIRST_MS * 2 ** Math.min(tries - 1, 30));
  return Math.round(Math.max(backoffMs, Math.min(notBeforeMs, MAX_MS)) * (1 + random * 0.2));
}
