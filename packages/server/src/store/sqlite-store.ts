/**
 * The store on one SQLite file. This end runs on the main thread and only packs and unpacks: SQL happens in three
 * threads, one that writes, one that reads for people and one that reads for the master, so that a long list delays neither.
 */
import { mkdir } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { AUDIT_LIMITS } from './audit.ts';
import { Contact } from './contact.ts';
import type { Store } from './port.ts';
import type { ReadVerbs } from './read-verbs.ts';
import type { WriterData } from './sqlite-writer.ts';
import { ThreadChannel } from './thread-channel.ts';
import { createVerbStore } from './verb-store.ts';
import type { WriteVerbs } from './write-verbs.ts';

export interface SqliteOptions {
  /** How long a master may stay silent before another may take its runs. Default 15 s. */
  masterLeaseMs?: number;
  /** What the database file may grow to; writes beyond fail as `UNAVAILABLE`. Default: as far as the disk goes. */
  maxBytes?: number;
  /** How long rows of the audit are kept, and how many at most. Default 400 days, 10,000,000. */
  auditRetentionMs?: number;
  auditRows?: number;
}

const MASTER_LEASE_MS = 15_000;

/**
 * Opens the store in a data directory, which is made when it is missing; the database is `pelorus.db` in it.
 * Rejects with `LOCKED` when it is in use and with `SCHEMA_TOO_NEW` when a newer program wrote it.
 */
export async function openSqliteStore(directory: string, options: SqliteOptions = {}): Promise<Store> {
  const path = resolve(directory);
  // Connections hold passwords: a new directory is its owner's alone.
  await mkdir(path, { recursive: true, mode: 0o700 });
  const file = join(path, 'pelorus.db');
  const writerData: WriterData = {
    directory: path,
    file,
    masterLeaseMs: options.masterLeaseMs ?? MASTER_LEASE_MS,
    maxBytes: options.maxBytes ?? null,
    audit: {
      retentionMs: options.auditRetentionMs ?? AUDIT_LIMITS.retentionMs,
      rows: options.auditRows ?? AUDIT_LIMITS.rows,
    },
  };
  const writer = new ThreadChannel<WriteVerbs>(script('sqlite-writer'), writerData, 'UNKNOWN_OUTCOME');
  const people = new ThreadChannel<ReadVerbs>(script('sqlite-reader'), { file }, 'UNAVAILABLE');
  const master = new ThreadChannel<ReadVerbs>(script('sqlite-reader'), { file }, 'UNAVAILABLE');
  // Loads its modules while the writer brings the schema up to date; a master's reader starts when there is a master.
  people.start();
  const close = async (): Promise<void> => {
    writer.refuse();
    // Readers first: the last connection to close folds the log into the database.
    await Promise.all([people.close(), master.close()]);
    await writer.close();
  };
  const contact = new Contact();
  const store = createVerbStore({
    writer: contact.over(writer),
    people: contact.over(people),
    master: contact.over(master),
    contact,
    close,
  });
  try {
    await writer.call('open', null);
  } catch (error) {
    await store.close();
    throw error;
  }
  return store;
}

/** Run from the sources this file ends in `.ts`, from the published package in `.js`. */
function script(name: string): URL {
  return new URL(`./${name}${import.meta.url.endsWith('.ts') ? '.ts' : '.js'}`, import.meta.url);
}
