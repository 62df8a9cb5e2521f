import { unlessWithin } from '../pace.ts';

/** What the roles of a cluster have in common for the process that is one of them. */
export interface Role {
  /** What listens where, for whoever starts it. */
  listening: Record<string, string>;
  /** Resolves when it ended against its will; the process should end then, and be started again. */
  over: Promise<unknown>;
  /** Ends everything in good order; never rejects. `drainMs`: for what may be waited for. */
  stop: (drainMs: number) => Promise<StopReport>;
}

export interface StopReport {
  /** Attempts that were still running, and go on without this process. */
  leftRunning: number;
}

/** Something that was started and can be ended. */
export interface Started {
  name: string;
  stop: () => Promise<unknown>;
}

/** What a step may take that has no limit of its own; all of them together stay below what a service manager waits before it kills. */
const STEP_MS = 8_000;

/**
 * Ends what was started, the last first; each step happens even when one before failed or did not come to an end: that is an
 * error of its step as well.
 */
export async function stopAll(
  started: readonly Started[],
  onError: (step: string, error: unknown) => void,
  stepMs = STEP_MS,
): Promise<void> {
  for (const { name, stop } of started.toReversed()) {
    try {
      await atMost(stepMs, stop());
    } catch (error) {
      onError(name, error);
    }
  }
}

/** Rejects when it is not done by then; what becomes of it later is nobody's business. */
async function atMost<T>(limitMs: number, done: Promise<T>): Promise<T> {
  const late = Promise.withResolvers<never>();
  const stopWaiting = unlessWithin(limitMs, () => late.reject(new Error(`it has not ended within ${limitMs} ms`)));
  try {
    return await Promise.race([done, late.promise]);
  } finally {
    stopWaiting();
    done.catch(() => undefined);
  }
}
