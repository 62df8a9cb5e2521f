/** Looking at a store beside whoever works on it: nothing is locked and nothing is written. */
import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { auditInvariants, type InvariantReport } from './audit-invariants.ts';
import { runAtOnce, type Database, type Sql } from './database.ts';
import { READER_PRAGMAS } from './dialect.ts';
import { MIGRATIONS } from './migrations.ts';
import { StoreError } from './port.ts';
import { PostgresPool } from './postgres-pool.ts';
import { SqliteDatabase } from './sqlite-database.ts';

/** Findings to each question. */
const LIMIT = 100;
/** Some questions look at every attempt that there ever was. */
const STATEMENT_TIMEOUT_MS = 300_000;

/**
 * Asks the database in a data directory, also while a server works on it. Rejects with `NOT_FOUND` where there is none, and with
 * `SCHEMA_TOO_NEW` or `PRECONDITION` when another version of the program made it.
 */
export async function auditSqlite(directory: string, limit = LIMIT): Promise<InvariantReport> {
  const file = join(resolve(directory), 'pelorus.db');
  if (!existsSync(file)) throw new StoreError('NOT_FOUND', `There is no database in ${directory}.`);
  const db = new SqliteDatabase(file, { readOnly: true });
  try {
    db.exec(READER_PRAGMAS);
    return runAtOnce(db.snapshot(audit(db, limit)));
  } finally {
    db.close();
  }
}

/** The same of a PostgreSQL database; also rejects with `UNAVAILABLE`. */
export async function auditPostgres(url: string, limit = LIMIT): Promise<InvariantReport> {
  const pool = new PostgresPool({ url, size: 1, name: 'pelorus audit', statementTimeoutMs: STATEMENT_TIMEOUT_MS });
  try {
    return await pool.read((db) => audit(db, limit));
  } finally {
    await pool.close();
  }
}

const LATEST = `select coalesce(max(number), 0) as number from migration`;

function* audit(db: Database, limit: number): Sql<InvariantReport> {
  const applied = (yield* db.get(LATEST))?.['number'] as number;
  const known = MIGRATIONS.at(-1)?.number ?? 0;
  const text = `The database has schema ${applied}, this program knows ${known}`;
  if (applied > known) throw new StoreError('SCHEMA_TOO_NEW', `${text}: a newer Pelorus made it.`);
  if (applied < known) throw new StoreError('PRECONDITION', `${text}: start this version on it once.`);
  return yield* auditInvariants(db, { limit });
}
