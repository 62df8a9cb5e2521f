/** Brings a database's schema up to date. */
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
  const applied = db.get(LATEST)?.['number'] as number;
  const known = MIGRATIONS.at(-1)?.number ?? 0;
  if (applied > known) {
    throw new StoreError(
      'SCHEMA_TOO_NEW',
      `The database has schema ${applied}, this program knows ${known}: it was written by a newer Pelorus. Use that one, or restore a backup.`,
    );
  }
  for (const migration of MIGRATIONS) {
    if (migration.number <= applied) continue;
    db.exec('begin immediate');
    try {
      db.exec(migration.sql(dialect));
      db.run(RECORD, migration.number, migration.name, at);
      db.exec('commit');
    } catch (error) {
      if (db.inTransaction) db.exec('rollback');
      throw error;
    }
  }
}
