import { readFileSync } from 'node:fs';
import { createConnection, createServer, type AddressInfo, type Server } from 'node:net';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { AttemptSpec, SqlAction } from '@pelorus/protocol';
import type { Worker } from '../src/index.ts';
import { startServer, type TestServer } from './database-servers.ts';
import { eventually, HandMaster, HANG_MS, Scratch, specOf, startTestWorker } from './fixture.ts';

let scratch: Scratch;
let master: HandMaster;
let worker: Worker;
let count = 0;
let id = '';

beforeAll(async () => {
  scratch = new Scratch();
  master = new HandMaster();
  worker = await startTestWorker(scratch, master);
});
beforeEach(() => {
  count += 1;
  id = `${count}.0.1`;
});
afterAll(async () => {
  await worker.stop({ stopTasks: true });
  scratch.remove();
});

/** From then on nobody waits longer for the server's word of a killed statement: another agent says so. */
async function limitCancels(cancelLimitMs: number): Promise<void> {
  await worker.stop();
  master = new HandMaster();
  worker = await startTestWorker(scratch, master, { cancelLimitMs });
}

function sql(run: string, more: Partial<SqlAction> = {}): SqlAction {
  return {
    type: 'sql',
    connection: 'db',
    run,
    file: null,
    preStatements: [],
    postStatements: [],
    maxRows: 10,
    raw: {},
    ...more,
  };
}

async function run(connection: AttemptSpec['connection'], action: SqlAction, params: Record<string, string> = {}) {
  master.dispatch(specOf(id, action, { connection, params }));
  return master.finished(id);
}

/** The log without times. */
const log = (): string => scratch.log(id).replaceAll(/in \d+ ms/g, 'in * ms');

const evil = `'; drop table t; --`;

describe('SQLite', () => {
  let connection: AttemptSpec['connection'];
  let file = '';
  beforeEach(() => {
    file = join(scratch.dir, `${count}.db`);
    connection = { kind: 'sqlite', url: `sqlite:${file}` };
  });

  test('statements before, of the task, and after run in order on one connection; the last first row is the outputs', async () => {
    const outcome = await run(
      connection,
      sql('insert into s values (1), (2); select x, x * 2 as twice, null as none from s order by x', {
        preStatements: ['create temp table s (x integer)', 'create table t (n)'],
        postStatements: ['insert into t select sum(x) from s'],
      }),
    );
    expect(outcome).toMatchObject({ state: 'succeeded', outputs: { x: '1', twice: '2', none: '' } });
    expect(new DatabaseSync(file).prepare('select n from t').get()).toEqual({ n: 3 });
    expect(log()).toBe(
      [
        'statement 1 of 5: 0 row(s) changed in * ms',
        'statement 2 of 5: 0 row(s) changed in * ms',
        'statement 3 of 5: 2 row(s) changed in * ms',
        'statement 4 of 5: 2 row(s) in * ms',
        'statement 5 of 5: 1 row(s) changed in * ms',
        'x | twice | none',
        '--+-------+-----',
        '1 | 2     | NULL',
        '2 | 4     | NULL',
        '',
      ].join('\n'),
    );
  });

  test('parameters are bound, never text', async () => {
    const outcome = await run(
      connection,
      sql(
        "create table t (a); insert into t values (${a}), ('x ${a}'); select a, (select count(*) from t) as n, ${n} + 1 as m, '${n}' as s from t limit ${n}",
      ),
      { a: evil, n: '1' },
    );
    expect(outcome).toMatchObject({ state: 'succeeded', outputs: { a: evil, n: '2', m: '2', s: '1' } });
  });

  test('raw text only from its list, an unknown parameter not at all', async () => {
    expect(await run(connection, sql('select * from !{t}', { raw: { t: ['one'] } }), { t: 'two' })).toMatchObject({
      state: 'failed',
      cause: { kind: 'invalid' },
    });
    id = `${count}.1.1`;
    expect(await run(connection, sql('select ${nobody}'))).toMatchObject({
      state: 'failed',
      cause: { kind: 'invalid', detail: 'there is no parameter named nobody' },
    });
  });

  test('large integers keep their digits; only so many rows are shown', async () => {
    const outcome = await run(
      connection,
      sql('with recursive c(x) as (select 9007199254740993 union all select x + 1 from c limit 25) select x from c', {
        maxRows: 2,
      }),
    );
    expect(outcome.outputs).toEqual({ x: '9007199254740993' });
    expect(log()).toContain('9007199254740994\n(23 more row(s) not shown)\n');
  });

  test('an error says which statement, and what was done before it stays', async () => {
    const outcome = await run(connection, sql('create table t (a); select nowhere from t'));
    expect(outcome).toMatchObject({
      state: 'failed',
      cause: { kind: 'error', detail: 'statement 2 of 2: no such column: nowhere' },
    });
    expect(scratch.log(id)).toContain('no such column');
  });

  test('an endless statement is killed, and the database is whole', async () => {
    const action = sql(
      'create table t (a); insert into t values (1); with recursive c(x) as (select 1 union all select x + 1 from c) select count(*) from c',
    );
    master.dispatch(specOf(id, action, { connection }));
    await master.report(id, 'running');
    await eventually(() => {
      try {
        return new DatabaseSync(file, { readOnly: true }).prepare('select count(*) as n from t').get()?.['n'] === 1;
      } catch {
        return false;
      }
    }, 'the first statements are done');
    master.kill(id, 10_000);
    expect(await master.finished(id)).toMatchObject({ state: 'killed' });
    expect(new DatabaseSync(file).prepare('pragma integrity_check').get()).toEqual({ integrity_check: 'ok' });
  });

  test('without a connection the attempt is invalid', async () => {
    expect(await run(null, sql('select 1'))).toMatchObject({
      state: 'failed',
      cause: { kind: 'invalid', detail: 'the connection "db" is not known' },
    });
  });
});

const postgres = await startServer('postgres');
describe.skipIf(!postgres)('PostgreSQL', () =>
  serverTests('postgres', postgres, {
    sleep: 'select pg_sleep(600)',
    running: async (url) => {
      const { default: pg } = await import('pg');
      const client = new pg.Client({ connectionString: url });
      await client.connect();
      const found = await client.query(
        "select count(*)::int as n from pg_stat_activity where query like '%pg_sleep(600)%' and pid <> pg_backend_pid()",
      );
      await client.end();
      return found.rows[0]?.n ?? 0;
    },
  }),
);

const mariadb = await startServer('mariadb');
describe.skipIf(!mariadb)('MariaDB', () =>
  serverTests('mysql', mariadb, {
    sleep: 'select sleep(600)',
    running: async (url) => {
      const { createConnection } = await import('mysql2/promise');
      const connection = await createConnection(url);
      const [rows] = await connection.query(
        "select count(*) as n from information_schema.processlist where info like '%sleep(600)%' and id <> connection_id()",
      );
      await connection.end();
      return Number((rows as { n: number }[])[0]?.n ?? 0);
    },
  }),
);

/** What holds for every database behind a network. */
function serverTests(
  kind: 'postgres' | 'mysql',
  server: TestServer | null,
  { sleep, running }: { sleep: string; running: (url: string) => Promise<number> },
): void {
  const url = server?.url ?? '';
  const connection = { kind, url } as const;
  beforeAll(() => limitCancels(HANG_MS));
  afterAll(() => server?.stop());

  test('statements run in order on one connection, values are bound, the first row is the outputs', async () => {
    const text =
      "create temporary table t (a varchar(100), n integer, d timestamp); insert into t values (${a}, ${n}, '2024-03-15 13:45:00'), ('x ${a}', 2, null); select a, n, d, (select count(*) from t2) as c from t where n = ${n} limit ${n}";
    const outcome = await run(connection, sql(text, { preStatements: ['create temporary table t2 (x integer)'] }), {
      a: evil,
      n: '1',
    });
    expect(outcome).toMatchObject({ cause: null, outputs: { a: evil, n: '1', d: '2024-03-15 13:45:00', c: '0' } });
    expect(log()).toContain('statement 3 of 4: 2 row(s) changed in * ms');
    id = `${count}.1.1`;
    expect(await run(connection, sql("select '${a}' as p, 'x-${a}-y' as q"), { a: evil })).toMatchObject({
      outputs: { p: evil, q: `x-${evil}-y` },
    });
  });

  test('an error says which statement', async () => {
    expect(await run(connection, sql('select 1; select * from nowhere'))).toMatchObject({
      state: 'failed',
      cause: { kind: 'error', detail: expect.stringMatching(/^statement 2 of 2: .*nowhere/) },
    });
  });

  test('a server that is not there is an error', async () => {
    expect(await run({ kind, url: url.replace(/:\d+\//, ':1/') }, sql('select 1'))).toMatchObject({
      state: 'failed',
      cause: { kind: 'error', detail: expect.stringContaining('cannot be reached') },
    });
  });

  test('a killed statement stops on the server', async () => {
    master.dispatch(specOf(id, sql(sleep), { connection }));
    await eventually(async () => (await running(url)) > 0, 'the statement runs');
    master.kill(id, 10_000);
    expect(await master.finished(id)).toMatchObject({ state: 'killed' });
    expect(await running(url)).toBe(0);
  });

  test('a killed statement stops on the server even when its process can do nothing for it any more', async () => {
    master.dispatch(specOf(id, sql(sleep), { connection }));
    await eventually(async () => (await running(url)) > 0, 'the statement runs');
    master.kill(id, 0);
    expect(await master.finished(id)).toMatchObject({ state: 'killed' });
    expect(await running(url)).toBe(0);
  });

  test('a statement whose process and supervisor were killed is stopped by the next, from a journal without its address', async () => {
    master.dispatch(specOf(id, sql(sleep), { connection }));
    await eventually(async () => (await running(url)) > 0, 'the statement runs');
    const journal = readFileSync(join(scratch.dataDir, 'calls/journal'), 'utf8');
    expect(journal).not.toContain(url);
    const entries = journal.split('\n').filter((line) => line.includes(`"${id}"`));
    const pid = Number(/"pid":(\d+)/.exec(entries[0] ?? '')?.[1]);
    for (const victim of [worker.supervisorPid, pid]) process.kill(victim, 'SIGKILL');
    await master.report(id, 'lost');
    expect(await running(url)).toBe(0);
  });
  // The last one: what it leaves on the server ends with the server.
  test('a killed statement whose server lets nobody in any more is not told as simply killed, and goes on there', async () => {
    await limitCancels(3_000);
    const { gate, gateUrl } = await openGate(url);
    master.dispatch(specOf(id, sql(sleep), { connection: { kind, url: gateUrl } }));
    await eventually(async () => (await running(url)) > 0, 'the statement runs');
    gate.close();
    master.kill(id, 0);
    const { state, cause } = await master.finished(id);
    expect({ state, kind: cause?.kind }).toEqual({ state: 'killed', kind: 'kill_unconfirmed' });
    const what = new RegExp(`its statement may go on, as \\w+ \\d+ of \\w+ at ${new URL(gateUrl).host}: `);
    expect(cause).toMatchObject({ detail: expect.stringMatching(what) as string });
    expect(scratch.log(id)).toMatch(what);
    expect(await running(url)).toBe(1);
  });
}

/** A way to a server that can be closed to others while what is connected goes on; and the server does not hear that a client is gone. */
function openGate(url: string): Promise<{ gate: Server; gateUrl: string }> {
  const gateUrl = new URL(url);
  const { hostname, port } = gateUrl;
  const gate = createServer((socket) => {
    const onwards = createConnection(Number(port), hostname);
    socket.pipe(onwards, { end: false }).pipe(socket);
    for (const each of [socket, onwards]) each.on('error', () => {});
  });
  return new Promise((resolve) => {
    gate.listen(0, '127.0.0.1', () => {
      gateUrl.host = `127.0.0.1:${(gate.address() as AddressInfo).port}`;
      resolve({ gate, gateUrl: gateUrl.href });
    });
  });
}
