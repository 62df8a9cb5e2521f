/** What a killed statement is told as when nobody can reach its server any more. */
import { createConnection, createServer, type Server } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startServer, type TestServer } from './database-servers.ts';
import { eventually, HandMaster, Scratch, specOf, startTestWorker } from './fixture.ts';

const postgres = await startServer('postgres');

/** A way to the server that lets what is connected go on and can be closed to others. */
function openGate(server: TestServer): Promise<{ gate: Server; url: string }> {
  const { hostname, port } = new URL(server.url);
  const gate = createServer((socket) => {
    const onwards = createConnection(Number(port), hostname);
    for (const [from, to] of [
      [socket, onwards],
      [onwards, socket],
    ] as const) {
      from.pipe(to);
      from.on('error', () => to.destroy());
    }
  });
  return new Promise((resolve) => {
    gate.listen(0, '127.0.0.1', () => {
      const url = new URL(server.url);
      url.hostname = '127.0.0.1';
      url.port = String((gate.address() as { port: number }).port);
      resolve({ gate, url: url.href });
    });
  });
}

describe.skipIf(!postgres)('PostgreSQL that lets nobody in any more', () => {
  const server = postgres!;
  const scratch = new Scratch();
  const master = new HandMaster();
  let stop = async (): Promise<void> => {};

  async function ask(text: string): Promise<{ pid: number }[]> {
    const { default: pg } = await import('pg');
    const client = new pg.Client({ connectionString: server.url });
    await client.connect();
    const { rows } = await client.query<{ pid: number }>(text);
    await client.end();
    return rows;
  }
  const sleeping = "from pg_stat_activity where query like '%pg_sleep(700)%' and pid <> pg_backend_pid()";

  beforeAll(async () => {
    const worker = await startTestWorker(scratch, master, { cancelLimitMs: 1_500 });
    stop = () => worker.stop({ stopTasks: true });
  });
  afterAll(async () => {
    await stop();
    scratch.remove();
    await server.stop();
  });

  test('the attempt is not told as simply killed: the cause names what may go on, and it does', async () => {
    const { gate, url } = await openGate(server);
    const action = {
      type: 'sql' as const,
      connection: 'db',
      run: 'select pg_sleep(700)',
      file: null,
      preStatements: [],
      postStatements: [],
      maxRows: 1,
      raw: {},
    };
    master.dispatch(specOf('1.0.1', action, { connection: { kind: 'postgres', url } }));
    let rows = await ask(`select pid ${sleeping}`);
    while (rows.length === 0) rows = await ask(`select pid ${sleeping}`);
    gate.close();
    master.kill('1.0.1', 0);
    const { state, cause } = await master.finished('1.0.1');
    const { host } = new URL(url);
    const what = `its statement may go on, as backend ${rows[0]!.pid} of PostgreSQL at ${host}`;
    const detail = expect.stringContaining(what) as unknown;
    expect({ state, cause }).toEqual({ state: 'killed', cause: { kind: 'kill_unconfirmed', detail } });
    expect(scratch.log('1.0.1')).toContain(what);
    expect(await ask(`select pid ${sleeping}`)).toEqual(rows);
    await ask(`select pg_terminate_backend(pid) ${sleeping}`);
    await eventually(() => !gate.listening, 'the gate is closed');
  });
});
