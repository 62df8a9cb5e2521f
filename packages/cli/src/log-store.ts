/** The log store that the settings name, with what goes on around it: taking what workers ship, and deleting what is old. */
import {
  createS3Client,
  openDatabaseLogs,
  openDirectoryLogs,
  openObjectLogs,
  parseLogPlace,
  startLogIntake,
  startLogRetention,
  type LogIntake,
  type LogPlace,
  type LogStore,
} from '@pelorus/server/logs';
import type { Store } from '@pelorus/server/store';
import { join } from 'node:path';
import type { Logger } from 'pino';
import type { DataDirectory } from './data-directory.ts';
import { EXIT } from './exit-codes.ts';
import { Failure } from './failure.ts';

export interface LogSettings {
  /** As `PELORUS_LOG_STORE` has it; null: the data directory's own folder. */
  place: string | null;
  s3: { key: string | null; secret: string | null };
  retentionMs: number;
  /** What a relative folder is below. */
  directory: string;
}

export interface Logs {
  store: LogStore;
  intake: LogIntake;
  /** Where the worker of this process writes, and whether it ships what it writes. */
  worker: { logDir: string; shipsLogs: boolean };
  /** Stores what has been taken. */
  stop(): Promise<void>;
}

/** Throws a `Failure` for a setting that cannot be used. A store that does not answer now is told in the log. */
export function openLogs(settings: LogSettings, data: DataDirectory, store: Store, log: Logger): Logs {
  const place = placeOf(settings, data);
  const isWorkersOwn = place.kind === 'directory' && place.folder === data.logs;
  const logs = storeAt(place, settings, store, isWorkersOwn);
  const intake = startLogIntake({ logs, log });
  const retention = startLogRetention({ logs, runs: store, keepMs: settings.retentionMs, clock: Date.now, log });
  if (!isWorkersOwn) void tryOut(logs, log);
  return {
    store: logs,
    intake,
    worker: { logDir: isWorkersOwn ? data.logs : join(data.worker, 'spool'), shipsLogs: !isWorkersOwn },
    stop: async () => {
      await Promise.all([intake.stop(), retention.stop()]);
      await logs.close();
    },
  };
}

function placeOf({ place, directory }: LogSettings, data: DataDirectory): LogPlace {
  if (place === null) return { kind: 'directory', folder: data.logs };
  const parsed = parseLogPlace(place, directory);
  if (typeof parsed !== 'string') return parsed;
  throw new Failure({ exitCode: EXIT.usage, what: `PELORUS_LOG_STORE cannot be used`, why: parsed });
}

function storeAt(place: LogPlace, { s3 }: LogSettings, store: Store, isWorkersOwn: boolean): LogStore {
  switch (place.kind) {
    case 'directory':
      return openDirectoryLogs({ folder: place.folder, writtenInPlace: isWorkersOwn });
    case 'database':
      return openDatabaseLogs(store);
    case 's3': {
      if (s3.key === null || s3.secret === null)
        throw new Failure({
          exitCode: EXIT.usage,
          what: 'the object store for logs has no keys',
          why: 'PELORUS_LOG_S3_KEY and PELORUS_LOG_S3_SECRET, or files that PELORUS_LOG_S3_KEY_FILE and PELORUS_LOG_S3_SECRET_FILE name, must be set',
        });
      return openObjectLogs(createS3Client({ ...place, accessKeyId: s3.key, secretAccessKey: s3.secret }));
    }
  }
}

async function tryOut(logs: LogStore, log: Logger): Promise<void> {
  try {
    await logs.listRuns(null, 1);
  } catch (err) {
    log.warn({ err, store: logs.kind }, 'the log store does not answer; the worker keeps logs until it does');
  }
}
