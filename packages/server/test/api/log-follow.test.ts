/** Logs that are followed, over real connections: from beginning to end, over restarts of the server, and with what is missing. */
import { appendFile, mkdir, truncate, writeFile } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { workerIdOf, type AttemptId, type LogEvent } from '@pelorus/protocol';
import { createApi } from '../../src/api/index.ts';
import { openDatabaseLogs, openDirectoryLogs, type LogStore } from '../../src/logs/index.ts';
import { WAIT } from '../wait.ts';
import { NOW, openApi, type ApiUnderTest } from './api-under-test.ts';

type Api = ReturnType<typeof createApi>;
type Heard = LogEvent & { id: string };
const servers: Api[] = [];
const aborts: AbortController[] = [];

afterEach(async () => {
  for (const abort of aborts.splice(0)) abort.abort();
  for (const server of servers.splice(0)) await server.close();
});

/** Another server over the same store; what it is told of the time can be moved. */
async function serve(api: ApiUnderTest, logs: LogStore, clock = { now: NOW }): Promise<{ url: string; app: Api }> {
  const app = createApi({
    store: api.store,
    logs,
    hints: { commandWritten: () => undefined },
    clock: () => clock.now,
    log: { info: () => undefined, warn: () => undefined, error: (fields) => console.error(fields) },
    version: '0',
    storeKind: 'sqlite',
    user: 'admin',
  });
  servers.push(app);
  await app.listen({ host: '127.0.0.1', port: 0 });
  return { app, url: `http://127.0.0.1:${(app.server.address() as AddressInfo).port}/api/v1` };
}

/** Reads a stream; `until` resolves when what was heard satisfies it, `ended` when the stream has. */
function listen(url: string, lastEventId?: string) {
  const heard: Heard[] = [];
  const abort = new AbortController();
  aborts.push(abort);
  let wake: () => void = () => undefined;
  const ended = (async () => {
    const headers = lastEventId === undefined ? {} : { 'last-event-id': lastEventId };
    const response = await fetch(url, { headers: headers as Record<string, string>, signal: abort.signal });
    if (response.status !== 200) throw new Error(`${response.status} ${await response.text()}`);
    let rest = '';
    for await (const chunk of response.body!.pipeThrough(new TextDecoderStream())) {
      const blocks = (rest + chunk).split('\n\n');
      rest = blocks.pop() ?? '';
      for (const block of blocks) {
        const field = (name: string) => new RegExp(`^${name}: (.*)$`, 'm').exec(block)?.[1];
        const [id, event, data] = [field('id'), field('event'), field('data')];
        if (id === undefined || data === undefined) continue;
        heard.push({ id, event, data: JSON.parse(data) } as Heard);
      }
      wake();
    }
  })();
  ended.catch(() => undefined);
  return {
    heard,
    ended,
    lines: () => heard.flatMap((event) => (event.event === 'lines' ? event.data.lines : [])),
    lastId: () => heard.at(-1)?.id,
    stop: () => abort.abort(),
    until: async (condition: () => boolean) => {
      const deadline = Date.now() + WAIT.timeout;
      while (!condition()) {
        if (Date.now() > deadline) throw new Error(`heard only ${JSON.stringify(heard).slice(0, 2000)}`);
        await new Promise<void>((resolve) => {
          wake = resolve;
          setTimeout(resolve, 50);
        });
      }
    },
  };
}

async function withAttempt(): Promise<{ api: ApiUnderTest; run: number; attempt: AttemptId }> {
  const api = await openApi();
  await api.save('p', 'w', { name: 'w', tasks: { a: { run: 'true' } } });
  const run = await api.run('p', 'w');
  await api.setAttempt(run, 0, 1, 'running');
  return { api, run, attempt: `${run}.0.1` as AttemptId };
}
const end = (api: ApiUnderTest, run: number, state: 'succeeded' | 'lost' = 'succeeded') =>
  api.setAttempt(run, 0, 1, state, { endedAt: NOW, cause: null, worker: workerIdOf('w-7') });

test('lines come as they are written, in whole, and the end when the attempt has ended and its log is complete', async () => {
  const { api, run, attempt } = await withAttempt();
  const logs = openDatabaseLogs(api.store);
  const { url } = await serve(api, logs);
  const client = listen(`${url}/attempts/${attempt}/logs?follow=true`);
  await logs.append(attempt, 0, Buffer.from('one\ntwo\nthr'));
  await client.until(() => client.lines().length === 2);
  expect(client.heard).toEqual([
    { id: '8', event: 'lines', data: { lines: ['one', 'two'], startByte: 0, endByte: 8 } },
  ]);
  await logs.append(attempt, 11, Buffer.from('ee\nlast'));
  await client.until(() => client.lines().length === 3);
  await end(api, run);
  await logs.complete(attempt, 18);
  await client.ended;
  expect(client.heard.slice(1)).toEqual([
    { id: '14', event: 'lines', data: { lines: ['three'], startByte: 8, endByte: 14 } },
    { id: '18', event: 'lines', data: { lines: ['last'], startByte: 14, endByte: 18 } },
    { id: '18', event: 'end', data: { complete: true, sizeBytes: 18, note: null } },
  ]);
});

test('whoever comes back after a restart of the server gets the rest, nothing twice and nothing left out', async () => {
  const { api, run, attempt } = await withAttempt();
  const logs = openDatabaseLogs(api.store);
  const all: string[] = [];
  const heard: string[] = [];
  let size = 0;
  let lastId: string | undefined;
  for (let round = 0; round < 4; round += 1) {
    const { url, app } = await serve(api, openDatabaseLogs(api.store));
    const client = listen(`${url}/attempts/${attempt}/logs?follow=true`, lastId);
    for (let n = 0; n < 300; n += 1) {
      const line = `round ${round} line ${n} ${'é'.repeat(n % 40)}`;
      all.push(line);
      size = await logs.append(attempt, size, Buffer.from(`${line}\n`));
      // In the midst of it.
      if (n === 100 + 50 * round) void app.close();
    }
    await client.ended.catch(() => undefined);
    heard.push(...client.lines());
    lastId = client.heard.findLast((event) => event.event === 'lines')?.id ?? lastId;
  }
  await end(api, run);
  await logs.complete(attempt, size);
  const { url } = await serve(api, logs);
  const client = listen(`${url}/attempts/${attempt}/logs?follow=true`, lastId);
  await client.ended;
  expect([...heard, ...client.lines()]).toEqual(all);
  const again = listen(`${url}/attempts/${attempt}/logs?follow=true`, client.lastId());
  await again.ended;
  expect(again.heard.map((event) => event.event)).toEqual(['end']);
});

test('it may begin with the last lines, or at an offset, and show only lines that are wanted', async () => {
  const { api, run, attempt } = await withAttempt();
  const logs = openDatabaseLogs(api.store);
  await logs.append(attempt, 0, Buffer.from('one\ntwo\nthree\nfour\n'));
  await logs.complete(attempt, 19);
  await end(api, run);
  const { url } = await serve(api, logs);
  const lines = async (query: string) => {
    const client = listen(`${url}/attempts/${attempt}/logs?follow=true&${query}`);
    await client.ended;
    return client.lines();
  };
  expect(await lines('tail=2')).toEqual(['three', 'four']);
  expect(await lines('offset=8')).toEqual(['three', 'four']);
  expect(await lines('offset=9')).toEqual(['four']);
  expect(await lines('offset=99999')).toEqual([]);
  expect(await lines('query=o')).toEqual(['one', 'two', 'four']);
  expect(await lines('query=re%3A%5Et')).toEqual(['two', 'three']);
  for (const [query, name] of [
    ['from=1', 'from'],
    ['size=5', 'size'],
    ['tail=1&offset=1', 'tail'],
    ['query=re:(', 'query'],
  ] as const) {
    const refused = await api.call('GET', `/attempts/${attempt}/logs?follow=true&${query}`);
    expect(refused.status).toBe(400);
    expect(refused.body.message).toContain(name);
  }
});

test('an expression is matched by threads, however costly: the server has its time for others', async () => {
  const { api, run, attempt } = await withAttempt();
  const logs = openDatabaseLogs(api.store);
  // Half a second of computing.
  const text = Buffer.from(`${'abcdefghijklm'.repeat(80)}\n`.repeat(600) + 'found 19\n\n');
  await logs.append(attempt, 0, text);
  await logs.complete(attempt, text.length);
  await end(api, run);
  const { url } = await serve(api, logs);
  const costly = 're:[a-z]{1,250}[0-9]|[a-y]{1,250}[0-8]|^found 19$|^$';
  const [all, own] = [process.cpuUsage(), process.threadCpuUsage()];
  const client = listen(`${url}/attempts/${attempt}/logs?follow=true&query=${encodeURIComponent(costly)}`);
  await client.ended;
  expect(client.lines()).toEqual(['found 19', '']);
  expect(process.threadCpuUsage(own).user).toBeLessThan(process.cpuUsage(all).user * 0.4);
});

test('a line without an end, however long, arrives in pieces that fit', async () => {
  const { api, run, attempt } = await withAttempt();
  const logs = openDatabaseLogs(api.store);
  const { url } = await serve(api, logs);
  const long = 'é'.repeat(100_000);
  await logs.append(attempt, 0, Buffer.from(long));
  const client = listen(`${url}/attempts/${attempt}/logs?follow=true`);
  await client.until(() => client.lines().join('').length > 90_000);
  await end(api, run);
  await logs.complete(attempt, 200_000);
  await client.ended;
  expect(client.lines().join('')).toBe(long);
  expect(Math.max(...client.lines().map((line) => Buffer.byteLength(line)))).toBeLessThanOrEqual(65_536);
});

describe('a log whose end does not come', () => {
  test('ends with what is missing when its worker was lost', async () => {
    const { api, run, attempt } = await withAttempt();
    const logs = openDatabaseLogs(api.store);
    await logs.append(attempt, 0, Buffer.from('all that was shipped\nand half a li'));
    const clock = { now: NOW };
    const { url } = await serve(api, logs, clock);
    const client = listen(`${url}/attempts/${attempt}/logs?follow=true`);
    await client.until(() => client.lines().length === 1);
    await end(api, run, 'lost');
    const late = setInterval(() => (clock.now += 1_000), 10);
    await client.ended;
    clearInterval(late);
    const note = '--- the rest of this log is missing: worker w-7 was lost before it was shipped ---';
    expect(client.lines()).toEqual(['all that was shipped', 'and half a li']);
    expect(client.heard.at(-1)).toMatchObject({ event: 'end', data: { complete: false, note } });
    const page = await fetch(`${url}/attempts/${attempt}/logs`).then((answer) => answer.json() as Promise<object>);
    expect(page).toMatchObject({ total: 3, content: ['all that was shipped', 'and half a li', note] });
    const file = await fetch(`${url}/attempts/${attempt}/logs/download`);
    expect(await file.text()).toBe(`all that was shipped\nand half a li\n${note}\n`);
    // The worker comes back after all.
    await logs.append(attempt, 34, Buffer.from('ne\n'));
    await logs.complete(attempt, 37);
    expect(await fetch(`${url}/attempts/${attempt}/logs`).then((answer) => answer.json())).toMatchObject({
      content: ['all that was shipped', 'and half a line'],
    });
  });

  test('is no empty pane when nothing of it was shipped', async () => {
    const { api, run, attempt } = await withAttempt();
    const clock = { now: NOW };
    const { url } = await serve(api, openDatabaseLogs(api.store), clock);
    await end(api, run);
    const page = () => fetch(`${url}/attempts/${attempt}/logs`).then((answer) => answer.json() as Promise<object>);
    expect(await page()).toMatchObject({ total: 0 });
    clock.now += 61_000;
    expect(await page()).toMatchObject({
      total: 1,
      content: [
        '--- the rest of this log is missing: worker w-7 has not shipped it yet, or was lost before it could ---',
      ],
    });
  });

  test('is waited for no longer than a moment when its attempt ended long ago', async () => {
    const { api, run, attempt } = await withAttempt();
    await end(api, run);
    const rows = openDatabaseLogs(api.store);
    let looks = 0;
    const logs: LogStore = { ...rows, stat: (id) => rows.stat(id).finally(() => looks++) };
    const clock = { now: NOW + 3_600_000 };
    const client = listen(`${(await serve(api, logs, clock)).url}/attempts/${attempt}/logs?follow=true`);
    // The second look of the watch.
    await client.until(() => looks >= 3);
    expect(client.heard).toEqual([]);
    clock.now += 5_000;
    await client.until(() => client.heard.length > 0);
    expect(client.heard).toMatchObject([{ event: 'end', data: { complete: false } }]);
  });
});

test('a log written in place is followed too, also when its task empties it', async () => {
  const { api, run, attempt } = await withAttempt();
  const folder = path.join(api.folder, 'logs');
  const file = path.join(folder, String(run), `${attempt}.log`);
  await mkdir(path.dirname(file), { recursive: true });
  const { url } = await serve(api, openDirectoryLogs({ folder, writtenInPlace: true }));
  const client = listen(`${url}/attempts/${attempt}/logs?follow=true`);
  await writeFile(file, 'one\ntwo\n');
  await client.until(() => client.lines().length === 2);
  await truncate(file, 0);
  await appendFile(file, 'new\n');
  await client.until(() => client.lines().includes('new'));
  await end(api, run);
  await client.ended;
  expect(client.lines()).toEqual(['one', 'two', '--- the log was emptied; what is in it now follows ---', 'new']);
});

test('many follow one log: it is looked at once for all of them', async () => {
  const { api, run, attempt } = await withAttempt();
  const rows = openDatabaseLogs(api.store);
  let stats = 0;
  let reads = 0;
  const logs: LogStore = {
    ...rows,
    stat: (id) => {
      stats += 1;
      return rows.stat(id);
    },
    read: (...request) => {
      reads += 1;
      return rows.read(...request);
    },
  };
  const { url } = await serve(api, logs);
  const clients = Array.from({ length: 100 }, () => listen(`${url}/attempts/${attempt}/logs?follow=true`));
  await logs.append(attempt, 0, Buffer.from('first\n'));
  await Promise.all(clients.map((client) => client.until(() => client.lines().length === 1)));
  const [statsBefore, readsBefore, startedAt] = [stats, reads, performance.now()];
  await logs.append(attempt, 6, Buffer.from('second\n'));
  await end(api, run);
  await logs.complete(attempt, 13);
  await Promise.all(clients.map((client) => client.ended));
  for (const client of clients) expect(client.lines()).toEqual(['first', 'second']);
  // As often as the time allows, not once for each.
  const looks = (performance.now() - startedAt) / 50;
  expect(stats - statsBefore).toBeLessThan(30 + looks);
  expect(reads - readsBefore).toBeLessThan(130 + looks);
});
