/** Where the contract's SQLite stores live: a new directory under the system's temporary one. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openSqliteStore } from '../../src/store/index.ts';
import type { Store } from '../../src/store/index.ts';
import type { Place } from './contract.ts';

export async function makeSqlitePlace(): Promise<Place> {
  const directory = await mkdtemp(join(tmpdir(), 'pelorus-store-'));
  return {
    open: (options) => openSqliteStore(directory, options),
    remove: () => rm(directory, { recursive: true }),
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
