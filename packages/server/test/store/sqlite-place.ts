/** Where the contract's SQLite stores live: a new directory under the system's temporary one. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { auditInvariants } from '../../src/store/audit-invariants.ts';
import { runAtOnce } from '../../src/store/database.ts';
import { SqliteDatabase } from '../../src/store/sqlite-database.ts';
import { auditSqlite, openSqliteStore } from '../../src/store/index.ts';
import type { Store } from '../../src/store/index.ts';
import type { Place } from './contract.ts';

export async function makeSqlitePlace(): Promise<Place> {
  const directory = await mkdtemp(join(tmpdir(), 'pelorus-store-'));
  return {
    open: (options) => openSqliteStore(directory, options),
    remove: () => rm(directory, { recursive: true }),
    auditDamaged: async (sql) => {
      const db = new SqliteDatabase(join(directory, 'pelorus.db'), { readOnly: false });
      try {
        db.exec(`pragma busy_timeout = 5000; begin; ${sql}`);
        return runAtOnce(auditInvariants(db, { limit: 10 }));
      } finally {
        db.exec('rollback');
        db.close();
      }
    },
    execute: async (sql) => {
      const db = new SqliteDatabase(join(directory, 'pelorus.db'), { readOnly: false });
      try {
        db.exec(`pragma busy_timeout = 5000; ${sql}`);
      } finally {
        db.close();
      }
    },
    audit: (limit) => auditSqlite(directory, limit),
    opener: new URL(import.meta.url),
    reference: directory,
  };
}

/**
 * For the process that the contract kills.
 * @public
 */
export function openPlace(reference: string): Promise<Store> {
  return openSqliteStore(reference);
}
