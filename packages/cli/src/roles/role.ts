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

/** Ends what was started, the last first; each step happens even when one before failed. */
export async function stopAll(
  started: readonly Started[],
  onError: (step: string, error: unknown) => void,
): Promise<void> {
  for (const { name, stop } of started.toReversed()) {
    try {
      await stop();
    } catch (error) {
      onError(name, error);
    }
  }
}
