/** Where the contract's PostgreSQL stores live: a new database on the test's server. */
import { randomUUID } from 'node:crypto';
import pg from 'pg';
import { openPostgresStore } from '../../src/store/postgres-store.ts';
import type { Store } from '../../src/store/index.ts';
import type { Place } from './contract.ts';

export async function makePostgresPlace(serverUrl: string): Promise<Place> {
  const name = `pelorus_${randomUUID().replaceAll('-', '')}`;
  await administer(serverUrl, `create database ${name}`);
  const url = new URL(serverUrl);
  url.pathname = `/${name}`;
  return {
    open: (options) => openPostgresStore({ url: url.href, ...options }),
    remove: () => administer(serverUrl, `drop database ${name} with (force)`),
    opener: new URL(import.meta.url),
    reference: url.href,
  };
}

async function administer(url: string, statement: string): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  await client.query(statement);
  await client.end();
}

/**
 * For the process that the contract kills.
 * @public
 */
export function openPlace(reference: string): Promise<Store> {
  return openPostgresStore({ url: reference });
}
