/** Connections tried by a real worker. */
import { mkdtempSync, readdirSync, writeFileSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Worker } from '../src/index.ts';
import { startServer, type TestServer } from './database-servers.ts';
import { eventually, HandMaster, HANG_MS, Scratch, script, specOf, startTestWorker } from './fixture.ts';

let scratch: Scratch;
let master: HandMaster;
let worker: Worker;
let dir = '';
let count = 0;

beforeAll(async () => {
  scratch = new Scratch();
  master = new HandMaster();
  worker = await startTestWorker(scratch, master, { poolProcesses: 1 });
  dir = mkdtempSync(join(scratch.dir, 'test-'));
});
afterAll(async () => {
  await worker.stop({ stopTasks: true });
  scratch.remove();
});

type Kind = 'sqlite' | 'postgres' | 'mysql';
const probe = (kind: Kind, url: string, timeoutMs?: number) =>
  master.probe(`p${(count += 1)}`, { kind, url }, timeoutMs);

test('the worker says that it can', () => {
  expect(master.hello?.features).toContain('probe');
  expect(master.hello?.features).toContainEqual(expect.stringMatching(/^limits:(cgroup2|cgroup1|rlimit)$/));
});

describe('SQLite', () => {
  test('a database is opened and left as it is', async () => {
    const file = join(dir, 'a.db');
    new DatabaseSync(file).exec('create table t (x)');
    const before = readdirSync(dir);
    expect(await probe('sqlite', `sqlite:${file}`)).toMatchObject({
      ok: true,
      detail: expect.stringMatching(/^SQLite 3/),
    });
    expect(readdirSync(dir)).toEqual(before);
  });

  test.each([
    ['missing.db', true, /missing\.db does not exist yet/],
    ['no/such/dir/x.db', false, /no file can be made in/],
    ['text.db', false, /not a database/],
  ])('%s: %s', async (name, ok, detail) => {
    writeFileSync(
      join(dir, 'text.db'),
      'this is no database, whatever its name says, and it is long enough'.repeat(20),
    );
    const before = readdirSync(dir);
    expect(await probe('sqlite', `sqlite:${join(dir, name)}`)).toMatchObject({
      ok,
      detail: expect.stringMatching(detail),
    });
    expect(readdirSync(dir)).toEqual(before);
  });
});

describe.each([
  ['postgres', 'postgres'],
  ['mysql', 'mysql'],
] as const)('%s', (kind, scheme) => {
  const silent: Server[] = [];
  const listen = async (onConnection: Parameters<typeof createServer>[1]): Promise<number> => {
    const server = createServer(onConnection);
    silent.push(server);
    await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
    return (server.address() as AddressInfo).port;
  };
  afterAll(() => silent.forEach((server) => server.close()));

  test('nothing listens there', async () => {
    const answer = await probe(kind, `${scheme}://u:Pa55-wordX@127.0.0.1:1/d`);
    expect(answer).toMatchObject({ ok: false, detail: 'nothing listens at 127.0.0.1:1 (connection refused)' });
  });

  test('no such host', async () => {
    const answer = await probe(kind, `${scheme}://u:Pa55-wordX@no-such-host.invalid/d`);
    expect(answer).toMatchObject({ ok: false, detail: 'the host name no-such-host.invalid is not known' });
  });

  test('an address that cannot be read says so without its password', async () => {
    const answer = await probe(kind, `${scheme}://u:Pa55/wordX@127.0.0.1:1/d`);
    expect(answer).toMatchObject({ ok: false, detail: expect.stringMatching(/^the address cannot be read/) });
    expect(JSON.stringify(answer)).not.toContain('wordX');
  });

  test('a server that accepts and says nothing is given up', async () => {
    const port = await listen(() => {});
    const answer = await probe(kind, `${scheme}://u:Pa55-wordX@127.0.0.1:${port}/d`, 500);
    expect(answer).toMatchObject({ ok: false });
  });

  test('waiting for one holds up no task, and no more than a few wait', async () => {
    const accepted: Socket[] = [];
    const port = await listen((socket) => void accepted.push(socket));
    const url = `${scheme}://u:Pa55-wordX@127.0.0.1:${port}/d`;
    const ids = Array.from({ length: 5 }, (_none, index) => `${kind}${index}`);
    const asked = ids.map((id) => master.probe(id, { kind, url }, HANG_MS));
    master.dispatch(specOf(`${(count += 1)}.0.1`, script('return { v: 1 }')));
    expect(await master.finished(`${count}.0.1`)).toMatchObject({ state: 'succeeded' });
    expect(ids.filter((id) => master.probed.has(id))).toHaveLength(1);
    await eventually(() => accepted.length === 4, 'the others are connected');
    for (const socket of accepted) socket.destroy();
    const answers = await Promise.all(asked);
    expect(answers.map((answer) => answer?.ok)).toEqual([false, false, false, false, false]);
    expect(answers.filter((answer) => answer?.detail.startsWith('busy'))).toHaveLength(1);
    expect(await probe(kind, `${scheme}://u@127.0.0.1:1/d`)).toMatchObject({ ok: false });
  });

  test('something else listens there', async () => {
    const port = await listen((socket) => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n'));
    const answer = await probe(kind, `${scheme}://u:Pa55-wordX@127.0.0.1:${port}/d`);
    expect(answer).toMatchObject({
      ok: false,
      detail: expect.stringMatching(/closed the connection; is it a .* server\?$/),
    });
  });
});

const servers = { postgres: await startServer('postgres'), mysql: await startServer('mariadb') };
afterAll(async () => {
  for (const server of Object.values(servers)) await server?.stop();
});

describe.skipIf(!servers.postgres)('a PostgreSQL server', () => {
  const { url } = servers.postgres ?? ({ url: '' } as TestServer);

  test('that lets us in', async () => {
    expect(await probe('postgres', url)).toMatchObject({ ok: true, detail: expect.stringMatching(/^PostgreSQL \d/) });
  });

  test('without that database, without that user, with a password that is wrong', async () => {
    expect(await probe('postgres', url.replace(/\/postgres$/, '/elsewhere'))).toMatchObject({
      ok: false,
      detail: 'there is no database named elsewhere',
    });
    expect(await probe('postgres', url.replace('postgres@', 'nobody:Pa55-wordX@'))).toMatchObject({
      ok: false,
      detail: expect.stringContaining('does not let user nobody in'),
    });
  });
});

describe.skipIf(!servers.mysql)('a MariaDB server', () => {
  const { url } = servers.mysql ?? ({ url: '' } as TestServer);

  test('that lets us in', async () => {
    expect(await probe('mysql', url)).toMatchObject({ ok: true, detail: expect.stringMatching(/^MySQL \d/) });
  });

  test('without that database, with a password that is wrong', async () => {
    expect(await probe('mysql', url.replace(/\/mysql$/, '/elsewhere'))).toMatchObject({
      ok: false,
      detail: 'there is no database named elsewhere',
    });
    const wrong = await probe('mysql', url.replace('root@', 'root:Pa55-wordX@'));
    expect(wrong).toMatchObject({
      ok: false,
      detail: expect.stringContaining('does not accept the password of user root'),
    });
    expect(JSON.stringify(wrong)).not.toContain('Pa55-wordX');
  });
});
