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
  /** As `PELORUS_LOG_STORE` has it; null: the default of the role. */
  place: string | null;
  s3: { key: string | null; secret: string | null };
  retentionMs: number;
  /** What a relative folder is below. */
  directory: string;
}

export interface Logs {
  store: LogStore;
  intake: LogIntake;
  /** Stores what has been taken. */
  stop(): Promise<void>;
}

/** Logs of a process with a worker of its own, which may write to where they are kept. */
export interface DevLogs extends Logs {
  /** Where that worker writes, and whether it ships what it writes. */
  worker: { logDir: string; shipsLogs: boolean };
}

/** Throws a `Failure` for a setting that cannot be used. A store that does not answer now is told in the log. */
export function openDevLogs(settings: LogSettings, data: DataDirectory, store: Store, log: Logger): DevLogs {
  const place = placeOf(settings, { kind: 'directory', folder: data.logs });
  const isWorkersOwn = place.kind === 'directory' && place.folder === data.logs;
  return {
    ...keepLogs(storeAt(place, settings, store, isWorkersOwn), settings, store, log),
    worker: { logDir: isWorkersOwn ? data.logs : spoolOf(data), shipsLogs: !isWorkersOwn },
  };
}

/** Where a worker keeps logs until they are stored elsewhere. */
export function spoolOf(data: DataDirectory): string {
  return join(data.worker, 'spool');
}

/** Of a cluster, where no folder is everybody's unless it is said to be one: by default logs are in the database. */
export function openClusterLogs(settings: LogSettings, store: Store): LogStore {
  return storeAt(placeOf(settings, { kind: 'database' }), settings, store, false);
}

/** Takes what workers ship, and deletes what is old; several processes may do so at the same time. */
export function keepLogs(logs: LogStore, settings: LogSettings, store: Store, log: Logger): Logs {
  const intake = startLogIntake({ logs, log });
  const retention = startLogRetention({ logs, runs: store, keepMs: settings.retentionMs, clock: Date.now, log });
  void tryOut(logs, log);
  return {
    store: logs,
    intake,
    stop: async () => {
      await Promise.all([intake.stop(), retention.stop()]);
      await logs.close();
    },
  };
}

function placeOf({ place, directory }: LogSettings, unset: LogPlace): LogPlace {
  if (place === null) return unset;
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
