/**
 * Deletes the logs of runs that ended long ago. Each sweep looks at a bounded number of runs and deletes a bounded number; the
 * next one goes on where it was. Runs that the store does not know, or that have not ended, keep their logs.
 */
import type { RunId } from '@pelorus/protocol';
import type { EndedRuns } from '../store/index.ts';
import type { LogsLog } from './intake.ts';
import type { LogStore } from './port.ts';

export interface LogRetentionOptions {
  logs: LogStore;
  runs: EndedRuns;
  /** Since the end of the run, ms. */
  keepMs: number;
  /** Epoch ms. */
  clock: () => number;
  log: LogsLog;
  /** Between sweeps that found nothing more to do, ms; default 10 minutes. */
  everyMs?: number;
}

export interface LogRetention {
  /** Looks at the next runs; answers of how many logs were deleted. */
  sweep(): Promise<number>;
  /** Resolves when a sweep under way has ended. */
  stop(): Promise<void>;
}

export const RETENTION_LIMITS = { runsPerSweep: 500, deletionsPerSweep: 50 } as const;

const EVERY_MS = 600_000;
/** While there is more to delete or to look at. */
const SOON_MS = 5_000;

export function startLogRetention(options: LogRetentionOptions): LogRetention {
  const { logs, runs, keepMs, clock, log } = options;
  let after: RunId | null = null;
  let stopped = false;
  let timer: NodeJS.Timeout | null = null;
  let underWay: Promise<unknown> = Promise.resolve();

  async function sweep(): Promise<number> {
    const page = await logs.listRuns(after, RETENTION_LIMITS.runsPerSweep);
    const ended = await runs.runsEndedBefore(page, clock() - keepMs);
    let deleted = 0;
    for (const run of ended.slice(0, RETENTION_LIMITS.deletionsPerSweep)) {
      if (stopped) return deleted;
      await logs.deleteRun(run);
      deleted += 1;
    }
    if (deleted > 0) log.info({ runs: deleted, store: logs.kind }, 'logs of old runs deleted');
    // What was not deleted is looked at again.
    if (deleted === ended.length) after = page.length < RETENTION_LIMITS.runsPerSweep ? null : (page.at(-1) ?? null);
    return deleted;
  }

  function arm(waitMs: number): void {
    if (stopped) return;
    timer = setTimeout(() => {
      underWay = sweep().then(
        (deleted) => arm(after !== null || deleted > 0 ? SOON_MS : (options.everyMs ?? EVERY_MS)),
        (err: unknown) => {
          log.warn({ err, store: logs.kind }, 'logs of old runs could not be deleted; later again');
          arm(options.everyMs ?? EVERY_MS);
        },
      );
    }, waitMs);
    timer.unref();
  }

  arm(Math.min(SOON_MS, options.everyMs ?? EVERY_MS));
  return {
    sweep,
    stop: async () => {
      stopped = true;
      if (timer !== null) clearTimeout(timer);
      await underWay;
    },
  };
}
