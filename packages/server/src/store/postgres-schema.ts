/** The schema of a PostgreSQL database as people look after it: by a command, apart from any service. */
import type { Sql } from './database.ts';
import { migratePostgres } from './migrate.ts';
import { MIGRATIONS } from './migrations.ts';
import type { PostgresDatabase } from './postgres-database.ts';
import { PostgresPool } from './postgres-pool.ts';

export interface SchemaStatus {
  /** Number of the last migration that has been applied; 0: none, the database is empty. */
  applied: number;
  /** The last one that this program knows; lower than `applied` when a newer program made the schema. */
  known: number;
  /** Names of those still to be applied. */
  missing: string[];
}

/** Looks, and changes nothing. Rejects with `UNAVAILABLE`, or with what PostgreSQL says. */
export function postgresSchema(url: string): Promise<SchemaStatus> {
  return withPool(url, 'status', STATUS_TIMEOUT_MS, async (pool) => statusOf(await pool.read(lastApplied)));
}

/** Applies what is missing, however long it takes; answers with the state before. Rejects with `SCHEMA_TOO_NEW` too. */
export function migratePostgresSchema(url: string, at: number): Promise<SchemaStatus> {
  return withPool(url, 'migrate', NO_TIMEOUT, async (pool) => {
    const before = statusOf(await pool.read(lastApplied));
    await pool.write((db) => migratePostgres(db, at));
    return before;
  });
}

const STATUS_TIMEOUT_MS = 10_000;
const NO_TIMEOUT = 0;

async function withPool<T>(
  url: string,
  name: string,
  statementTimeoutMs: number,
  use: (pool: PostgresPool) => Promise<T>,
): Promise<T> {
  const pool = new PostgresPool({ url, size: 1, name: `pelorus ${name}`, statementTimeoutMs });
  try {
    return await use(pool);
  } finally {
    await pool.close();
  }
}

const HAS_TABLE = `select case when to_regclass('migration') is null then 0 else 1 end as there`;
const LATEST = `select coalesce(max(number), 0) as number from migration`;

function* lastApplied(db: PostgresDatabase): Sql<number> {
  if ((yield* db.get(HAS_TABLE))?.['there'] !== 1) return 0;
  return (yield* db.get(LATEST))?.['number'] as number;
}

function statusOf(applied: number): SchemaStatus {
  const missing = MIGRATIONS.filter(({ number }) => number > applied).map(({ name }) => name);
  return { applied, known: MIGRATIONS.at(-1)?.number ?? 0, missing };
}
