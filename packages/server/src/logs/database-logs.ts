/** Logs as rows of the store, for clusters small enough. */
import { runIdOf, type LogGap, type RunId } from '@pelorus/protocol';
import { StoreError, type LogRows } from '../store/index.ts';
import { LogStoreError, LogWatchers, type LogStore } from './port.ts';

/** Rows deleted in one transaction, about 16 MiB of chunks: what commits runs waits that long. */
const DROPPED_AT_ONCE = 256;
const POLL_MS = 500;

/** Logs in the tables of a store, which stays open when this is closed. */
export function openDatabaseLogs(rows: LogRows): LogStore {
  const watchers = new LogWatchers();

  async function change(attempt: Parameters<LogStore['append']>[0], write: () => Promise<number>): Promise<number> {
    const size = await asTrouble(write);
    watchers.tell(attempt);
    return size;
  }

  async function dropAll(what: { run: RunId } | { attempt: Parameters<LogStore['append']>[0] }): Promise<void> {
    while ((await rows.dropLogChunks({ ...what, limit: DROPPED_AT_ONCE })) >= DROPPED_AT_ONCE);
  }

  return {
    kind: 'database',
    shipped: true,
    pollMs: POLL_MS,
    append: (attempt, offset, bytes) => change(attempt, () => rows.appendLog(attempt, offset, bytes)),
    markGap: (attempt, gap: LogGap) =>
      change(attempt, async () => {
        const size = await rows.markLogGap(attempt, gap);
        if (gap.reason === 'limit') await dropAll({ attempt });
        return size;
      }),
    complete: (attempt, total) => change(attempt, () => rows.completeLog(attempt, total)),
    stat: (attempt) =>
      asTrouble(async () => {
        const found = await rows.statLog(attempt);
        return found && { ...found, generation: '' };
      }),
    read: (attempt, offset, length) => asTrouble(() => rows.readLog(attempt, offset, length)),
    listRuns: (after, limit) => asTrouble(async () => (await rows.listLogRuns(after, limit)).map(runIdOf)),
    deleteRun: (run) => asTrouble(() => dropAll({ run })),
    watch: (attempt, listener) => watchers.watch(attempt, listener),
    close: () => Promise.resolve(),
  };
}

async function asTrouble<Value>(action: () => Promise<Value>): Promise<Value> {
  try {
    return await action();
  } catch (error) {
    if (!(error instanceof StoreError)) throw error;
    throw new LogStoreError(error.message, { cause: error });
  }
}
