/** Tries a connection as a task would: connect, ask for 1. Nothing is created, changed or kept open. */
import { accessSync, constants, existsSync, statSync } from 'node:fs';
import { dirname, isAbsolute } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { passwordsIn } from '../secrets/known-secrets.ts';
import { Mask } from '../secrets/mask.ts';
import { connectionProblem } from './connection-problem.ts';
import type { Connection, ProbeResult } from './messages.ts';
import { sqlitePath } from './sql-sessions.ts';

/** Never throws; `timeoutMs` bounds each step, so whoever asks has a limit of its own. */
export async function probeConnection(connection: Connection, timeoutMs: number): Promise<ProbeResult> {
  const { ok, detail } = await attempt(connection, timeoutMs);
  return { ok, detail: Mask.of(passwordsIn(connection.url))?.text(detail) ?? detail };
}

async function attempt(connection: Connection, timeoutMs: number): Promise<ProbeResult> {
  try {
    switch (connection.kind) {
      case 'sqlite':
        return probeSqlite(connection.url, timeoutMs);
      case 'postgres':
        return { ok: true, detail: await probePostgres(connection.url, timeoutMs) };
      case 'mysql':
        return { ok: true, detail: await probeMysql(connection.url, timeoutMs) };
    }
  } catch (error) {
    return { ok: false, detail: connectionProblem(error, connection) };
  }
}

function probeSqlite(url: string, timeoutMs: number): ProbeResult {
  const path = sqlitePath(url);
  if (path === '') return { ok: false, detail: 'the address names no file; write sqlite:<path>' };
  if (path !== ':memory:' && !isAbsolute(path))
    return { ok: true, detail: `${path} is relative to the work directory of each task, where a task makes it` };
  if (path !== ':memory:' && !existsSync(path)) return missingFile(path);
  if (path !== ':memory:' && !statSync(path).isFile()) return { ok: false, detail: `${path} is not a file` };
  const database = new DatabaseSync(path, { readOnly: path !== ':memory:', timeout: timeoutMs });
  try {
    database.prepare('select count(*) from sqlite_schema').get();
    const version = database.prepare('select sqlite_version() as version').get();
    return { ok: true, detail: `SQLite ${String(version?.['version'])}` };
  } finally {
    database.close();
  }
}

function missingFile(path: string): ProbeResult {
  try {
    accessSync(dirname(path), constants.W_OK | constants.X_OK);
    return { ok: true, detail: `${path} does not exist yet; the first task that uses it makes it` };
  } catch {
    return { ok: false, detail: `${path} does not exist, and no file can be made in ${dirname(path)}` };
  }
}

async function probePostgres(url: string, timeoutMs: number): Promise<string> {
  const { default: pg } = await import('pg');
  const client = new pg.Client({
    connectionString: url,
    application_name: 'pelorus probe',
    connectionTimeoutMillis: timeoutMs,
    query_timeout: timeoutMs,
  });
  client.on('error', () => {});
  try {
    await client.connect();
    await client.query('select 1');
    const { rows } = await client.query<{ version: string }>(`select current_setting('server_version') as version`);
    return `PostgreSQL ${rows[0]?.version ?? ''}`;
  } finally {
    void client.end().catch(() => {});
  }
}

async function probeMysql(url: string, timeoutMs: number): Promise<string> {
  const { createConnection } = await import('mysql2/promise');
  const connection = await createConnection({ uri: url, connectTimeout: timeoutMs });
  try {
    await connection.query('select 1');
    const [rows] = await connection.query('select version() as version');
    return `MySQL ${String((rows as { version: unknown }[])[0]?.version)}`;
  } finally {
    connection.destroy();
  }
}
