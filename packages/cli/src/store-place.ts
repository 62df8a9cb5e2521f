/** Opening the store that the settings name. */
import { openSqliteStore, StoreError, type InvariantReport, type Store } from '@pelorus/server/store';
import type { SchemaStatus } from '@pelorus/server/store/postgres';
import type { Logger } from 'pino';
import type { DataDirectory } from './data-directory.ts';
import { EXIT } from './exit-codes.ts';
import { Failure, type FailureFields } from './failure.ts';
import { sleep } from './pace.ts';

export interface AuditSettings {
  days: number;
  rows: number;
}

/** A `Failure` with exit code 6 when another process has the data directory. */
export async function openFileStore(directory: string, audit?: AuditSettings): Promise<Store> {
  return openSqliteStore(directory, audit === undefined ? {} : auditLimits(audit)).catch((error: unknown) => {
    if (!(error instanceof StoreError)) throw error;
    throw new Failure(storeFailure(error, directory), { cause: error });
  });
}

function auditLimits({ days, rows }: AuditSettings): { auditRetentionMs: number; auditRows: number } {
  return { auditRetentionMs: days * 86_400_000, auditRows: rows };
}

function storeFailure(error: StoreError, directory: string): FailureFields {
  const fields = { exitCode: EXIT.unexpected, what: `the store in ${directory} cannot be opened`, why: error.message };
  if (error.code === 'LOCKED') {
    return {
      exitCode: EXIT.conflict,
      what: `the data directory ${directory} is in use`,
      why: error.message,
      todo: 'use the server that runs there, stop it, or choose another directory with --data',
    };
  }
  return error.code === 'SCHEMA_TOO_NEW'
    ? { ...fields, todo: 'install the newer version of Pelorus that wrote it' }
    : fields;
}

export interface ServerStoreOptions {
  url: string;
  masterLeaseMs: number;
  audit: AuditSettings;
  log: Logger;
  signal: AbortSignal;
  /** How long a server that does not answer is waited for; default a minute. */
  patienceMs?: number;
}

const PATIENCE_MS = 60_000;
const RETRY_MS = 1_000;

/** Connects to PostgreSQL and brings its schema up to date; waits for a server that is still starting. Rejects with a `Failure`. */
export async function openServerStore(options: ServerStoreOptions): Promise<Store> {
  const { url, masterLeaseMs, audit, log, signal } = options;
  const { openPostgresStore } = await postgres();
  for (const endsAt = performance.now() + (options.patienceMs ?? PATIENCE_MS); ;) {
    try {
      return await openPostgresStore({ url, masterLeaseMs, ...auditLimits(audit) });
    } catch (error) {
      const mayCome = error instanceof StoreError && error.code === 'UNAVAILABLE';
      if (!mayCome || performance.now() > endsAt) throw new Failure(serverFailure(error, url), { cause: error });
      log.warn({ store: serverOf(url), error: error.message }, 'the store does not answer yet; trying again');
      await sleep(RETRY_MS, signal);
    }
  }
}

function serverFailure(error: unknown, url: string): FailureFields {
  const why = error instanceof Error ? error.message : String(error);
  const isAway = error instanceof StoreError && error.code === 'UNAVAILABLE';
  return {
    exitCode: isAway ? EXIT.unreachable : EXIT.unexpected,
    what: `the store ${serverOf(url)} cannot be opened`,
    why,
    ...(error instanceof StoreError && error.code === 'SCHEMA_TOO_NEW'
      ? { todo: 'install the newer version of Pelorus that wrote it' }
      : {}),
  };
}

/** Looks at the schema of a server and changes nothing; rejects with a `Failure`. */
export async function schemaOf(url: string): Promise<SchemaStatus> {
  const { postgresSchema } = await postgres();
  return postgresSchema(url).catch((error: unknown) => {
    throw new Failure(serverFailure(error, url), { cause: error });
  });
}

/**
 * Asks the invariants of a store beside whoever works on it, and changes nothing. `folder` null: of the server at `url`. Rejects with
 * a `Failure`.
 */
export async function auditStore(folder: string | null, url: string): Promise<InvariantReport> {
  const { auditPostgres, auditSqlite } = await import('@pelorus/server/store/audit');
  const asked = folder === null ? auditPostgres(url) : auditSqlite(folder);
  return asked.catch((cause: unknown) => {
    const { code } = cause instanceof StoreError ? cause : {};
    const fields = folder === null ? serverFailure(cause, url) : fileFailure(cause, folder);
    const todo =
      code === 'PRECONDITION' ? { todo: 'start this version of Pelorus on it, or use the one that runs' } : {};
    throw new Failure({ ...fields, ...todo }, { cause });
  });
}

function fileFailure(error: unknown, folder: string): FailureFields {
  if (error instanceof StoreError && error.code !== 'NOT_FOUND') return storeFailure(error, folder);
  return {
    exitCode: error instanceof StoreError ? EXIT.notFound : EXIT.unexpected,
    what: `the store in ${folder} cannot be read`,
    why: error instanceof Error ? error.message : String(error),
    todo: 'name the data directory with --data, or the server with PELORUS_STORE',
  };
}

/** Brings the schema of a server up to date; answers with what it was. Rejects with a `Failure`. */
export async function migrateServer(url: string, at: number): Promise<SchemaStatus> {
  const { migratePostgresSchema } = await postgres();
  return migratePostgresSchema(url, at).catch((error: unknown) => {
    throw new Failure(serverFailure(error, url), { cause: error });
  });
}

/** Loaded where there is a server: over SQLite nothing of it is used. */
function postgres(): Promise<typeof import('@pelorus/server/store/postgres')> {
  return import('@pelorus/server/store/postgres');
}

/** Host and database, without who signs in to it. */
export function serverOf(url: string): string {
  const { host, pathname } = new URL(url);
  return `postgres://${host}${pathname}`;
}

/** Where `pelorus dev` keeps everything. */
export function openDevStore({ store: folder }: DataDirectory, options: ServerStoreOptions): Promise<Store> {
  return folder === null ? openServerStore(options) : openFileStore(folder, options.audit);
}
