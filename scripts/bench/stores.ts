/** The stores that are measured: SQLite in a directory, or a database on a PostgreSQL server of the benchmark's own, with fsync. */
import { openSqliteStore, type Store } from '@pelorus/server/store';
import { openPostgresStore } from '@pelorus/server/store/postgres';
import { randomUUID } from 'node:crypto';
import pg from 'pg';
import { startServer, type TestServer } from '../../packages/worker/test/database-servers.ts';

export const STORES = ['sqlite', 'postgres'] as const;
export type StoreKind = (typeof STORES)[number];

/** Somewhere a store can be opened any number of times, one after the other. */
export type OpenStore = () => Promise<Store>;

let server: Promise<TestServer | null> | null = null;

/** A new and empty store; one of SQLite lives in `directory`. */
export async function newStore(kind: StoreKind, directory: string): Promise<OpenStore> {
  if (kind === 'sqlite') return () => openSqliteStore(directory);
  const url = await newDatabase();
  return () => openPostgresStore({ url });
}

/** The address of a new and empty database on the benchmark's server. */
export async function newDatabase(): Promise<string> {
  const found = await (server ??= startServer('postgres', { fsync: true }));
  if (!found) throw new Error('there is no PostgreSQL on this machine');
  const name = `bench_${randomUUID().replaceAll('-', '')}`;
  const client = new pg.Client({ connectionString: found.url });
  await client.connect();
  await client.query(`create database ${name}`);
  await client.end();
  const url = new URL(found.url);
  url.pathname = `/${name}`;
  return url.href;
}

/** To be called at the end. */
export async function stopServer(): Promise<void> {
  await (await server)?.stop();
}
