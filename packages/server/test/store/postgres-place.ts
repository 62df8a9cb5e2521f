/** Where the contract's PostgreSQL stores live: a new database on the test's server. */
import { randomUUID } from 'node:crypto';
import pg from 'pg';
import { auditInvariants, type InvariantReport } from '../../src/store/audit-invariants.ts';
import { auditPostgres } from '../../src/store/audit-places.ts';
import { PostgresPool } from '../../src/store/postgres-pool.ts';
import { openPostgresStore } from '../../src/store/postgres-store.ts';
import type { Store } from '../../src/store/index.ts';
import type { Place } from './contract.ts';
import { LONG_LEASE_MS, PATIENCE_MS } from '../wait.ts';

/** `schema`: of a database that has been opened before and is empty, or none yet. */
export async function makePostgresPlace(serverUrl: string, schema: 'current' | 'none' = 'current'): Promise<Place> {
  const name = databaseName();
  const template = schema === 'current' ? await emptyDatabaseOf(serverUrl) : 'template0';
  await administer(serverUrl, `create database ${name} template ${template} strategy file_copy`);
  const url = urlOf(serverUrl, name);
  return {
    open: (options) =>
      openPostgresStore({ url: url.href, masterLeaseMs: LONG_LEASE_MS, statementTimeoutMs: PATIENCE_MS, ...options }),
    remove: () => administer(serverUrl, `drop database ${name} with (force)`),
    auditDamaged: (sql) => auditDamaged(url.href, sql),
    execute: (sql) => administer(url.href, sql),
    audit: (limit) => auditPostgres(url.href, limit),
    opener: new URL(import.meta.url),
    reference: url.href,
  };
}

const emptyDatabases = new Map<string, Promise<string>>();

/** Name of a database that is copied for each place: making the schema anew takes longer than most tests. */
function emptyDatabaseOf(serverUrl: string): Promise<string> {
  let made = emptyDatabases.get(serverUrl);
  if (made === undefined) emptyDatabases.set(serverUrl, (made = openedOnce(serverUrl)));
  return made;
}

async function openedOnce(serverUrl: string): Promise<string> {
  const name = databaseName();
  await administer(serverUrl, `create database ${name}`);
  await (await openPostgresStore({ url: urlOf(serverUrl, name).href })).close();
  return name;
}

function databaseName(): string {
  return `pelorus_${randomUUID().replaceAll('-', '')}`;
}

function urlOf(serverUrl: string, database: string): URL {
  const url = new URL(serverUrl);
  url.pathname = `/${database}`;
  return url;
}

async function auditDamaged(url: string, sql: string): Promise<InvariantReport> {
  const pool = new PostgresPool({ url, size: 1, name: 'test', statementTimeoutMs: 60_000 });
  let found: InvariantReport | undefined;
  const nothingStays = new Error('nothing stays');
  const asked = pool.write(function* (db) {
    yield { text: sql, shape: 'script', values: [] };
    found = yield* auditInvariants(db, { limit: 10 });
    throw nothingStays;
  });
  await asked.catch((error: unknown) => {
    if (error !== nothingStays) throw error;
  });
  await pool.close();
  return found!;
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
