/** The only file of the command line that waits for time. Everything else asks it how long, and gets an abort's reason when interrupted. */
import { setTimeout as wait } from 'node:timers/promises';

const FIRST_MS = 100;
const LONGEST_MS = 2_000;

/** Rejects with the signal's reason when it is aborted first. */
export async function sleep(durationMs: number, signal: AbortSignal): Promise<void> {
  signal.throwIfAborted();
  await wait(durationMs, undefined, { signal }).catch(() => signal.throwIfAborted());
}

/**
 * How long to wait before asking about a run again: short for a young run, a twentieth of its age for an older one, and
 * never so short that asking takes more than a fifth of the server's time.
 */
export function pollIntervalMs(watchedMs: number, lastAnswerMs: number): number {
  return Math.max(Math.min(LONGEST_MS, Math.max(FIRST_MS, watchedMs / 20)), 4 * lastAnswerMs);
}

/** Calls `tick` every `intervalMs` until the returned function is called. */
export function every(intervalMs: number, tick: () => void): () => void {
  const timer = setInterval(tick, intervalMs);
  timer.unref();
  return () => clearInterval(timer);
}

/** Waits without keeping the process alive for it. */
export async function pause(durationMs: number): Promise<void> {
  await wait(durationMs, undefined, { ref: false });
}

/** Calls `action` once, `quietMs` after the last call of the returned function. */
export function afterQuiet(quietMs: number, action: () => void): () => void {
  let timer: NodeJS.Timeout | null = null;
  return () => {
    if (timer !== null) clearTimeout(timer);
    timer = setTimeout(action, quietMs);
  };
}

/** Calls `action` once after `durationMs`, unless the returned function has been called by then. */
export function unlessWithin(durationMs: number, action: () => void): () => void {
  const timer = setTimeout(action, durationMs);
  return () => clearTimeout(timer);
}
