/** Where the contract's SQLite stores live: a new directory. */
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { quickFolder } from '../../../worker/test/quick-folder.ts';
import { auditInvariants } from '../../src/store/audit-invariants.ts';
import { runAtOnce } from '../../src/store/database.ts';
import { SqliteDatabase } from '../../src/store/sqlite-database.ts';
import { auditSqlite } from '../../src/store/audit-places.ts';
import { openSqliteStore } from '../../src/store/index.ts';
import type { Store } from '../../src/store/index.ts';
import type { Place } from './contract.ts';
import { LONG_LEASE_MS } from '../wait.ts';

const FILE = 'pelorus.db';

/** `schema`: of a database that has been opened before and is empty, or none yet. */
export async function makeSqlitePlace(schema: 'current' | 'none' = 'current'): Promise<Place> {
  const directory = await mkdtemp(join(quickFolder(), 'pelorus-store-'));
  if (schema === 'current') await makeEmptyDatabase(directory);
  return {
    open: (options) => openSqliteStore(directory, { masterLeaseMs: LONG_LEASE_MS, ...options }),
    remove: () => rm(directory, { recursive: true }),
    auditDamaged: async (sql) => {
      const db = new SqliteDatabase(join(directory, FILE), { readOnly: false });
      try {
        db.exec(`pragma busy_timeout = 5000; begin; ${sql}`);
        return runAtOnce(auditInvariants(db, { limit: 10 }));
      } finally {
        db.exec('rollback');
        db.close();
      }
    },
    execute: async (sql) => {
      const db = new SqliteDatabase(join(directory, FILE), { readOnly: false });
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

let emptyDatabase: Promise<Buffer> | undefined;

/** A copy of what the store makes of an empty directory: making the schema anew takes longer than most tests. */
export async function makeEmptyDatabase(directory: string): Promise<void> {
  emptyDatabase ??= openedOnce();
  await mkdir(directory, { recursive: true, mode: 0o700 });
  await writeFile(join(directory, FILE), await emptyDatabase);
}

async function openedOnce(): Promise<Buffer> {
  const directory = await mkdtemp(join(quickFolder(), 'pelorus-store-'));
  try {
    await (await openSqliteStore(directory)).close();
    return await readFile(join(directory, FILE));
  } finally {
    await rm(directory, { recursive: true });
  }
}

/**
 * For the process that the contract kills.
 * @public
 */
export function openPlace(reference: string): Promise<Store> {
  return openSqliteStore(reference);
}
