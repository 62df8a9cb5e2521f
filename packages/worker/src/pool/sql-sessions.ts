/**
 * One connection to a database, whichever it is: statements are executed one after the other, rows stream past and only
 * the first ones are kept. What can be stopped from outside says by which handle.
 */
import { isAbsolute, join } from 'node:path';
import { DatabaseSync, type SQLInputValue } from 'node:sqlite';
import { setTimeout as pause } from 'node:timers/promises';
import type { QueryArrayConfig } from 'pg';
import type { CallContext } from './call-context.ts';
import { connectionProblem } from './connection-problem.ts';
import type { CancelHandle, Connection } from './messages.ts';
import type { SqlStatement } from './sql-text.ts';
import { failedTask, invalidTask } from './task-failure.ts';

export interface SqlResult {
  /** Empty when the statement gives no rows. */
  columns: string[];
  /** At most as many as were asked for. */
  rows: unknown[][];
  /** Rows given, or changed when there are none to give. */
  rowCount: number;
}

export interface SqlSession {
  handle: CancelHandle | null;
  execute(statement: SqlStatement, params: Record<string, string>, maxRows: number): Promise<SqlResult>;
  close(): Promise<void>;
}

const CONNECT_TIMEOUT_MS = 30_000;
const CANCEL_AGAIN_MS = 500;
const GONE_POLL_MS = 20;

/** Connects. Throws a TaskFailure when that is not possible. */
export async function openSqlSession(call: CallContext, connection: Connection): Promise<SqlSession> {
  switch (connection.kind) {
    case 'sqlite':
      return openSqlite(call, connection.url);
    case 'postgres':
      return openPostgres(call, connection.url);
    case 'mysql':
      return openMysql(connection.url);
  }
}

/**
 * Stops what a handle names, if it still is what it was; resolves when the server says that it is gone. Tries again until
 * `limitMs` are over; throws the last error then.
 */
export async function cancelStatement(handle: CancelHandle, limitMs: number): Promise<void> {
  const giveUpAt = performance.now() + limitMs;
  for (;;) {
    try {
      return await (handle.kind === 'postgres' ? cancelOnPostgres(handle, giveUpAt) : cancelOnMysql(handle, giveUpAt));
    } catch (error) {
      if (performance.now() + CANCEL_AGAIN_MS > giveUpAt) throw error;
      await pause(CANCEL_AGAIN_MS);
    }
  }
}

async function cancelOnPostgres(
  { url, backendPid, applicationName }: Extract<CancelHandle, { kind: 'postgres' }>,
  giveUpAt: number,
): Promise<void> {
  const { default: pg } = await import('pg');
  const limitMs = Math.max(1, giveUpAt - performance.now());
  const client = new pg.Client({
    connectionString: url,
    connectionTimeoutMillis: limitMs,
    query_timeout: limitMs,
  });
  client.on('error', () => {});
  await client.connect();
  const terminate = 'select pg_terminate_backend(pid) from pg_stat_activity where pid = $1 and application_name = $2';
  const isGone = async () => (await client.query(terminate, [backendPid, applicationName])).rowCount === 0;
  await untilGone(isGone, giveUpAt).finally(() => void client.end().catch(() => {}));
}

async function cancelOnMysql(
  { url, connectionId }: Extract<CancelHandle, { kind: 'mysql' }>,
  giveUpAt: number,
): Promise<void> {
  const { createConnection } = await import('mysql2/promise');
  const timeout = Math.max(1, Math.ceil(giveUpAt - performance.now()));
  const connection = await createConnection({ uri: url, connectTimeout: timeout });
  const isGone = (): Promise<boolean> =>
    connection.query({ sql: 'kill ?', values: [connectionId], timeout }).then(
      () => false,
      (error: Error & { code?: string }) => {
        if (error.code !== 'ER_NO_SUCH_THREAD') throw error;
        return true;
      },
    );
  await untilGone(isGone, giveUpAt).finally(() => connection.destroy());
}

/** A server that was told to end a statement says so before it has: it may have much to undo. */
async function untilGone(isGone: () => Promise<boolean>, giveUpAt: number): Promise<void> {
  while (!(await isGone())) {
    if (performance.now() > giveUpAt) throw new Error('the server has been told to stop it, and has not yet');
    await pause(GONE_POLL_MS);
  }
}

// SQLite

/** The path in `sqlite:<path>`; a relative one is relative to the work directory. */
export function sqlitePath(url: string): string {
  return url.replace(/^sqlite:(\/\/(?=\/))?/, '');
}

function openSqlite(call: CallContext, url: string): SqlSession {
  const path = sqlitePath(url);
  const file = path === ':memory:' || isAbsolute(path) ? path : join(call.workDir, path);
  let database: DatabaseSync;
  try {
    database = new DatabaseSync(file, { timeout: CONNECT_TIMEOUT_MS });
  } catch (error) {
    throw failedTask(`${file} cannot be opened: ${(error as Error).message}`);
  }
  return {
    handle: null,
    execute: async (statement, params, maxRows) => executeSqlite(database, statement, params, maxRows),
    close: async () => database.close(),
  };
}

function executeSqlite(
  database: DatabaseSync,
  { text, bindings }: SqlStatement,
  params: Record<string, string>,
  maxRows: number,
): SqlResult {
  const prepared = database.prepare(text);
  const values: SQLInputValue[] = bindings.map(({ name, quoted }) => {
    const value = valueOf(name, params);
    return quoted ? value : numberIfCanonical(value);
  });
  prepared.setReadBigInts(true);
  const columns = prepared.columns().map((column) => column.name);
  if (columns.length === 0) return { columns, rows: [], rowCount: Number(prepared.run(...values).changes) };
  prepared.setReturnArrays(true);
  const rows: unknown[][] = [];
  let rowCount = 0;
  for (const row of prepared.iterate(...values) as Iterable<unknown>) {
    rowCount += 1;
    if (rows.length < maxRows) rows.push(row as unknown[]);
  }
  return { columns, rows, rowCount };
}

// PostgreSQL

async function openPostgres(call: CallContext, url: string): Promise<SqlSession> {
  const { default: pg } = await import('pg');
  const applicationName = `pelorus ${call.spec.attempt}`;
  const client = new pg.Client({
    connectionString: url,
    application_name: applicationName,
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    // Values are printed and handed on as text: the server's own form of it is the best there is.
    types: { getTypeParser: () => (value: string) => value },
  });
  let broken: Error | null = null;
  client.on('error', (error) => {
    broken = error;
  });
  client.on('notice', (notice) => call.log.line(`${notice.severity ?? 'NOTICE'}: ${notice.message ?? ''}`));
  await client.connect().catch((error: Error) => {
    throw failedTask(`PostgreSQL cannot be reached: ${connectionProblem(error, { kind: 'postgres', url })}`);
  });
  const identity = await client.query<{ pid: string }>('select pg_backend_pid()::text as pid');
  return {
    handle: { kind: 'postgres', url, backendPid: Number(identity.rows[0]?.pid), applicationName },
    execute: ({ text, bindings }, params, maxRows) =>
      new Promise((resolve, reject) => {
        if (broken) return reject(broken);
        const rows: unknown[][] = [];
        let rowCount = 0;
        const values = bindings.map(({ name }) => valueOf(name, params));
        const config: QueryArrayConfig<string[]> = { text, values, rowMode: 'array' };
        const query = new pg.Query<unknown[], string[]>(config);
        query.on('row', (row) => {
          rowCount += 1;
          if (rows.length < maxRows) rows.push(row);
        });
        query.on('error', reject);
        query.on('end', (result) => {
          const columns = result.fields.map((field) => field.name);
          resolve({ columns, rows, rowCount: columns.length > 0 ? rowCount : (result.rowCount ?? 0) });
        });
        client.query(query);
      }),
    close: () => client.end().catch(() => {}),
  };
}

// MySQL and MariaDB

async function openMysql(url: string): Promise<SqlSession> {
  const { createConnection } = await import('mysql2');
  const connection = createConnection({
    uri: url,
    connectTimeout: CONNECT_TIMEOUT_MS,
    dateStrings: true,
    supportBigNumbers: true,
    bigNumberStrings: true,
    rowsAsArray: true,
  });
  // A connection that is lost or killed tells only itself, not the statement that runs on it.
  let broken: Error | null = null;
  let rejectStatement: (error: Error) => void = () => {};
  connection.on('error', (error: Error) => {
    broken = error;
    rejectStatement(error);
  });
  await new Promise<void>((resolve, reject) => {
    connection.connect((error) =>
      error
        ? reject(failedTask(`MySQL cannot be reached: ${connectionProblem(error, { kind: 'mysql', url })}`))
        : resolve(),
    );
  });
  return {
    handle: { kind: 'mysql', url, connectionId: connection.threadId },
    execute: ({ text, bindings }, params, maxRows) =>
      new Promise((resolve, reject) => {
        if (broken) return reject(broken);
        rejectStatement = reject;
        const values = bindings.map(({ name, quoted }) => {
          const value = valueOf(name, params);
          return quoted ? value : numberIfCanonical(value);
        });
        // Without values the text protocol is used: it also takes statements that cannot be prepared.
        const query = values.length > 0 ? connection.execute(text, values) : connection.query(text);
        const rows: unknown[][] = [];
        let columns: string[] = [];
        let rowCount = 0;
        query.on('fields', (fields: { name: string }[] | undefined) => {
          columns = fields?.map((field) => field.name) ?? columns;
        });
        query.on('result', (row: unknown[] | { affectedRows: number }) => {
          if (!Array.isArray(row)) {
            rowCount = row.affectedRows;
            return;
          }
          rowCount += 1;
          if (rows.length < maxRows) rows.push(row);
        });
        query.on('error', reject);
        query.on('end', () => resolve({ columns, rows, rowCount }));
      }),
    close: () =>
      new Promise((closed) => {
        if (!broken) return connection.end(() => closed());
        connection.destroy();
        closed();
      }),
  };
}

function valueOf(name: string, params: Record<string, string>): string {
  const value = Object.hasOwn(params, name) ? params[name] : undefined;
  if (value === undefined) throw invalidTask(`there is no parameter named ${name}`);
  return value;
}

/** A value that is written as a number is bound as one: `limit ${n}` must work where types are not inferred. */
function numberIfCanonical(value: string): string | number | bigint {
  if (/^(0|-?[1-9]\d{0,17})$/.test(value)) return BigInt(value);
  return /^-?(0|[1-9]\d*)\.\d+$/.test(value) && Number.isFinite(Number(value)) ? Number(value) : value;
}
