/** Brings a database's schema up to date. */
import type { Database, Sql } from './database.ts';
import type { Dialect } from './dialect.ts';
import { MIGRATIONS } from './migrations.ts';
import { StoreError } from './port.ts';
import type { SqliteDatabase } from './sqlite-database.ts';

const CREATE_TABLE = `
  create table if not exists migration (number integer primary key, name text not null, applied_at integer not null)`;
const LATEST = `select coalesce(max(number), 0) as number from migration`;
const RECORD = `insert into migration (number, name, applied_at) values (?, ?, ?)`;

/** Applies what is missing, each migration in its own transaction. Throws `SCHEMA_TOO_NEW` for a database made by a newer program. */
export function migrate(db: SqliteDatabase, dialect: Dialect, at: number): void {
  db.exec(CREATE_TABLE);
  const applied = db.statement(LATEST).get()?.['number'] as number;
  refuseNewer(applied);
  for (const migration of MIGRATIONS) {
    if (migration.number <= applied) continue;
    db.exec('begin immediate');
    try {
      db.exec(migration.sql(dialect));
      db.statement(RECORD).run(migration.number, migration.name, at);
      db.exec('commit');
    } catch (error) {
      if (db.inTransaction) db.exec('rollback');
      throw error;
    }
  }
}

/** Any number, the same for every process: only one at a time looks after the schema. */
const SCHEMA_LOCK = 0x70656c;
const LOCK_SCHEMA = `select pg_advisory_xact_lock(${SCHEMA_LOCK})`;
const CREATE_TABLE_POSTGRES = CREATE_TABLE.replace('applied_at integer', 'applied_at bigint');

/** The same on PostgreSQL: everything that is missing in one transaction. */
export function* migratePostgres(db: Database, at: number): Sql<void> {
  yield* db.get(LOCK_SCHEMA);
  yield* db.run(CREATE_TABLE_POSTGRES);
  const applied = (yield* db.get(LATEST))?.['number'] as number;
  refuseNewer(applied);
  for (const migration of MIGRATIONS) {
    if (migration.number <= applied) continue;
    yield { text: migration.sql(db.dialect), shape: 'script', values: [] };
    yield* db.run(RECORD, migration.number, migration.name, at);
  }
}

function refuseNewer(applied: number): void {
  const known = MIGRATIONS.at(-1)?.number ?? 0;
  if (applied <= known) return;
  throw new StoreError(
    'SCHEMA_TOO_NEW',
    `The database has schema ${applied}, this program knows ${known}: it was written by a newer Pelorus. Use that one, or restore a backup.`,
  );
}
