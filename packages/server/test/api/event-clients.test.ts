/** Many clients of event streams, slow ones, and those whose right has ended. */
import { connect, type Socket } from 'node:net';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import type { RunView } from '@pelorus/protocol';
import { newSecret, secretHash, TOKEN_PREFIX } from '../../src/api/credentials.ts';
import { createRunHints } from '../../src/api/index.ts';
import { DIAMOND, NOW, openApi, type ApiUnderTest } from './api-under-test.ts';
import { listen, type EventClient } from './event-client.ts';
import { WAIT } from '../wait.ts';

const ADMIN = newSecret();
const asAdmin: Record<string, string> = { authorization: `Bearer ${ADMIN}` };
const hints = createRunHints();
const changed = (run: number) => hints.committed([{ kind: 'run', status: { run } as never }]);

/** As `openApi`, listening, with a project and a workflow in it. */
async function listening(more: Parameters<typeof openApi>[0] = {}): Promise<{ api: ApiUnderTest; baseUrl: string }> {
  const api = await openApi({
    adminToken: ADMIN,
    hints: { commandWritten: () => undefined, runsChanged: hints.subscribe },
    ...more,
  });
  const baseUrl = await api.app.listen({ host: '127.0.0.1', port: 0 });
  await api.call('PUT', '/projects/samples', { headers: asAdmin, body: {} });
  await api.call('PUT', '/projects/samples/workflows/diamond', { headers: asAdmin, body: DIAMOND });
  return { api, baseUrl };
}

async function runOf(api: ApiUnderTest): Promise<number> {
  const body = { project: 'samples', workflow: 'diamond' };
  return (await api.call<{ id: number }>('POST', '/runs', { headers: asAdmin, body })).body.id;
}

async function tokenOf(api: ApiUnderTest, user: string, perm: 'viewer' | null): Promise<Record<string, string>> {
  await api.store.saveUser({ name: user, by: 'admin', at: NOW });
  if (perm !== null) await api.call('PUT', `/projects/samples/members/${user}`, { headers: asAdmin, body: { perm } });
  const secret = newSecret();
  const token = { user, hash: secretHash(TOKEN_PREFIX + secret), name: 'test', mask: 15, projects: null, parent: null };
  await api.store.createToken({ ...token, expiresAt: null, at: NOW, limit: 9 });
  return { authorization: `Bearer ${TOKEN_PREFIX}${secret}` };
}

/** A run of so many tasks, none of which has begun. */
async function wideRun(api: ApiUnderTest, count: number): Promise<number> {
  const tasks = Object.fromEntries(Array.from({ length: count }, (_, index) => [`t${index}`, { run: 'true' }]));
  const definition = { name: `wide-${count}`, tasks };
  const path = `/projects/samples/workflows/wide-${count}`;
  expect((await api.call('PUT', path, { headers: asAdmin, body: definition })).status).toBe(201);
  const body = { project: 'samples', workflow: `wide-${count}` };
  const run = (await api.call<{ id: number }>('POST', '/runs', { headers: asAdmin, body })).body.id;
  await api.setRun(run, 'running');
  return run;
}

async function finish(api: ApiUnderTest, run: number, count: number, outputs: Record<string, string>): Promise<void> {
  for (let task = 0; task < count; task++) {
    await api.setTask(run, task, 'succeeded', { startedAt: NOW, endedAt: NOW, outputs });
    changed(run);
  }
  await api.setRun(run, 'succeeded', { endedAt: NOW });
  changed(run);
}

test('a thousand clients follow one run through one reader, one of them stalled', async () => {
  const { api, baseUrl } = await listening();
  const run = await wideRun(api, 200);
  const reads = vi.spyOn(api.store, 'runChanges');
  const startedAt = performance.now();
  // However many clients there are, the store is asked as often as the time allows, not once for each.
  const mostReads = (): number => 20 + (performance.now() - startedAt) / 40;
  const clients: SocketClient[] = [];
  while (clients.length < 1000) {
    // Fewer than a system lets wait to be accepted.
    clients.push(...(await Promise.all(Array.from({ length: 100 }, () => SocketClient.open(baseUrl, run)))));
    await vi.waitFor(() => expect(clients.filter((client) => !client.hasSnapshot)).toHaveLength(0), WAIT);
  }
  expect(api.app.streamFigures().streams).toBe(1000);
  expect(reads.mock.calls.length).toBeLessThan(mostReads());
  const [stalled, ...others] = clients as [SocketClient, ...SocketClient[]];
  stalled.pause();
  await finish(api, run, 200, { rows: '7' });
  await vi.waitFor(() => expect(others.filter((client) => !client.hasEnded)).toEqual([]), WAIT);
  for (const client of others) expect(client.tail).toContain('"counts":{"succeeded":200}');
  expect(reads.mock.calls.length).toBeLessThan(mostReads());
  for (const client of clients) client.end();
});

test('what waits for a client that does not read is bounded; it is dropped, and the others go on', async () => {
  const { api, baseUrl } = await listening({ streams: { stallMs: 10_000, tickMs: 20 } });
  const run = await wideRun(api, 400);
  const clients = await Promise.all(Array.from({ length: 5 }, () => SocketClient.open(baseUrl, run)));
  await vi.waitFor(() => expect(clients.filter((client) => !client.hasSnapshot)).toEqual([]), WAIT);
  const [stalled, ...others] = clients as [SocketClient, ...SocketClient[]];
  stalled.pause();
  let most = 0;
  const watching = setInterval(() => (most = Math.max(most, api.app.streamFigures().maxUnsentBytes)), 1);
  // 24 MB for each: more than the kernel takes for a socket.
  await finish(api, run, 400, { text: 'y'.repeat(60_000) });
  await vi.waitFor(() => expect(others.filter((client) => !client.hasEnded)).toEqual([]), WAIT);
  await vi.waitFor(() => expect(api.app.streamFigures().streams).toBe(0), WAIT);
  clearInterval(watching);
  expect(most).toBeGreaterThan(0);
  expect(most).toBeLessThan(1024 * 1024);
  for (const client of others) expect(client.bytes).toBeGreaterThan(24e6);
  expect(stalled.bytes).toBeLessThan(24e6);
  for (const client of clients) client.end();
});

/** A socket that reads what comes; with a thousand of them a parser each would be the slowest part of the test. */
class SocketClient {
  bytes = 0;
  tail = '';
  hasSnapshot = false;
  hasEnded = false;
  private readonly socket: Socket;

  static async open(baseUrl: string, run: number): Promise<SocketClient> {
    const { hostname, port } = new URL(baseUrl);
    const socket = connect(Number(port), hostname);
    const client = new SocketClient(socket);
    await new Promise<void>((resolve, reject) => {
      socket.once('connect', resolve);
      socket.once('error', reject);
    });
    const head = [`GET /api/v1/runs/${run}/events HTTP/1.1`, `host: ${hostname}`, `authorization: Bearer ${ADMIN}`];
    socket.write(`${head.join('\r\n')}\r\n\r\n`);
    return client;
  }

  constructor(socket: Socket) {
    this.socket = socket;
    socket.on('data', (chunk: Buffer) => {
      this.bytes += chunk.length;
      this.tail = (this.tail + chunk.subarray(-4000).toString('latin1')).slice(-4000);
      this.hasSnapshot ||= this.tail.includes('"isLast":true');
      this.hasEnded ||= this.tail.includes('event: end');
    });
    socket.on('error', () => undefined);
  }

  pause(): void {
    this.socket.pause();
  }

  end(): void {
    this.socket.destroy();
  }
}

test('one stream too many is refused before it begins, and a place is free again when one ends', async () => {
  const { api, baseUrl } = await listening({ streams: { perUser: 2, perProcess: 3 } });
  const run = await runOf(api);
  const eve = await tokenOf(api, 'eve', 'viewer');
  const two = [await listen(baseUrl, `/runs/${run}/events`, asAdmin), await listen(baseUrl, '/events', asAdmin)];
  expect(await api.call('GET', `/runs/${run}/events`, { headers: asAdmin })).toMatchObject({
    status: 429,
    headers: { 'retry-after': '10', 'content-type': 'application/problem+json; charset=utf-8' },
    body: { code: 'TOO_MANY_REQUESTS', message: 'there are too many event streams open by admin; close some of them' },
  });
  const other = await listen(baseUrl, `/runs/${run}/events`, eve);
  expect(other.status).toBe(200);
  expect((await api.call('GET', '/events', { headers: eve })).body).toMatchObject({
    message: 'there are too many event streams open here; close some of them',
  });
  for (const client of [...two, other]) client.cut();
  await vi.waitFor(() => expect(api.app.streamFigures().streams).toBe(0), WAIT);
  const again = await listen(baseUrl, '/events', asAdmin);
  expect(again.status).toBe(200);
  again.cut();
});

test('a stream ends when the right to read is withdrawn, or its token ends, or its user is disabled', async () => {
  const { api, baseUrl } = await listening({ streams: { recheckMs: 50, tickMs: 20 } });
  const run = await runOf(api);
  const [eve, dan, kim, ann] = await Promise.all(
    ['eve', 'dan', 'kim', 'ann'].map((name) => tokenOf(api, name, 'viewer')),
  );
  const follow = (headers: Record<string, string>) => listen(baseUrl, `/runs/${run}/events`, headers);
  const streams = {
    eve: await follow(eve!),
    dan: await follow(dan!),
    kim: await follow(kim!),
    ann: await follow(ann!),
  };
  for (const stream of Object.values(streams)) await stream.heard(({ event }) => event === 'snapshot');

  await api.call('DELETE', '/projects/samples/members/eve', { headers: asAdmin });
  const token = (await api.store.listTokens('dan'))[0]!.id;
  await api.call('DELETE', `/tokens/${token}`, { headers: asAdmin });
  await api.store.saveUser({ name: 'kim', disabled: true, by: 'admin', at: NOW });
  for (const name of ['eve', 'dan', 'kim'] as const) {
    expect(await streams[name].ended, name).toBe(true);
    expect(streams[name].events.at(-1)).toMatchObject({ event: 'closed', data: { reason: 'withdrawn' } });
  }
  // Whoever still may, goes on.
  await api.setRun(run, 'running');
  changed(run);
  await streams.ann.heard(({ event, data }) => event === 'run' && data.state === 'running');
  expect((await follow(eve!)).status).toBe(403);
  expect((await follow(dan!)).status).toBe(401);
  streams.ann.cut();
});

test('shutting down ends streams at once, also those that nobody reads', async () => {
  // Waiting until whoever does not read is dropped would take longer than a test may.
  const { api, baseUrl } = await listening({ streams: { stallMs: 3_600_000 } });
  const run = await runOf(api);
  const clients: EventClient[] = [];
  for (const path of [`/runs/${run}/events`, '/events']) {
    clients.push(await listen(baseUrl, path, asAdmin));
  }
  const stalled = await SocketClient.open(baseUrl, run);
  await vi.waitFor(() => expect(stalled.hasSnapshot).toBe(true), WAIT);
  stalled.pause();
  await clients[0]!.heard(({ event }) => event === 'snapshot');
  await clients[1]!.heard(({ event }) => event === 'ready');
  await api.app.close();
  for (const client of clients) {
    expect(await client.ended).toBe(true);
    expect(client.events.at(-1)).toMatchObject({ event: 'closed', data: { reason: 'closing' } });
  }
  stalled.end();
});

let feed: { api: ApiUnderTest; baseUrl: string };
const clients: EventClient[] = [];

beforeAll(async () => {
  feed = await listening({ streams: { recheckMs: 50, tickMs: 20 } });
});
afterAll(() => {
  for (const client of clients) client.cut();
});

async function watch(query: string, headers = asAdmin, lastEventId?: string | null): Promise<EventClient> {
  const resume = typeof lastEventId === 'string' ? { 'last-event-id': lastEventId } : {};
  const client = await listen(feed.baseUrl, `/events${query}`, { ...headers, ...resume });
  clients.push(client);
  expect(client.status).toBe(200);
  await client.heard(({ event }) => event === 'ready');
  return client;
}

const told = (client: EventClient) =>
  client.events.flatMap(({ event, data }) => (event === 'run' ? [`${data.id} ${data.state}`] : []));

const runTold = (text: string) => Number(text.split(' ', 1)[0]);

test('all runs: whatever is submitted or changes is told, from now on', async () => {
  const { api } = feed;
  const before = await runOf(api);
  const client = await watch('');
  const run = await runOf(api);
  changed(run);
  await client.heard(({ event, data }) => event === 'run' && data.id === run && data.state === 'queued');
  await api.setRun(run, 'running');
  await client.heard(({ event, data }) => event === 'run' && data.id === run && data.state === 'running');
  await api.setTask(run, 0, 'succeeded', { startedAt: NOW, endedAt: NOW });
  await api.setRun(run, 'failed', { endedAt: NOW });
  const last = await client.heard(({ event, data }) => event === 'run' && data.state === 'failed');
  const stored = (await api.call<RunView>('GET', `/runs/${run}`, { headers: asAdmin })).body;
  expect(last.data).toEqual(stored);
  expect(told(client).some((text) => text.startsWith(`${before} `))).toBe(false);
  client.cut();
});

test('by project, workflow and state', async () => {
  const { api } = feed;
  await api.call('PUT', '/projects/others', { headers: asAdmin, body: {} });
  await api.call('PUT', '/projects/others/workflows/diamond', { headers: asAdmin, body: DIAMOND });
  await api.call('PUT', '/projects/samples/workflows/other', { headers: asAdmin, body: { ...DIAMOND, name: 'other' } });
  const watching = {
    project: await watch('?project=samples'),
    workflow: await watch('?workflow=dia*'),
    state: await watch('?state=failed,stopped'),
    all: await watch(''),
  };
  const submit = async (project: string, workflow: string): Promise<number> =>
    (await api.call<{ id: number }>('POST', '/runs', { headers: asAdmin, body: { project, workflow } })).body.id;
  const runs = [
    await submit('samples', 'diamond'),
    await submit('samples', 'other'),
    await submit('others', 'diamond'),
  ];
  for (const run of runs) await api.setRun(run, 'failed', { endedAt: NOW });
  const [first, second, third] = runs as [number, number, number];
  await watching.all.heard(({ event, data }) => event === 'run' && data.id === third && data.state === 'failed');
  const failed = (client: EventClient) =>
    vi.waitFor(() => {
      const runsTold = told(client).filter((text) => text.endsWith('failed'));
      expect(runsTold.length).toBeGreaterThan(1);
      return runsTold;
    }, WAIT);
  expect(await failed(watching.project)).toEqual([`${first} failed`, `${second} failed`]);
  expect(await failed(watching.workflow)).toEqual([`${first} failed`, `${third} failed`]);
  await vi.waitFor(
    () => expect(told(watching.state)).toEqual([`${first} failed`, `${second} failed`, `${third} failed`]),
    WAIT,
  );
  expect((await api.call('GET', '/events', { headers: asAdmin, query: { state: 'nope' } })).status).toBe(400);
  expect((await api.call('GET', '/events', { headers: asAdmin, query: { project: 'nope' } })).status).toBe(404);
  for (const client of Object.values(watching)) client.cut();
});

test('a member is told of the runs of their projects only, and of no more once that ends', async () => {
  const { api } = feed;
  const eve = await tokenOf(api, 'eve', 'viewer');
  await api.call('PUT', '/projects/secret', { headers: asAdmin, body: {} });
  await api.call('PUT', '/projects/secret/workflows/diamond', { headers: asAdmin, body: DIAMOND });
  const client = await watch('', eve);
  const hidden = await api.call<{ id: number }>('POST', '/runs', {
    headers: asAdmin,
    body: { project: 'secret', workflow: 'diamond' },
  });
  const run = await runOf(api);
  await client.heard(({ event, data }) => event === 'run' && data.id === run);
  expect(told(client).some((text) => text.startsWith(`${hidden.body.id} `))).toBe(false);
  expect((await listen(feed.baseUrl, '/events?project=secret', eve)).status).toBe(403);

  // Their own project is looked at again; of all they may read, what is left is told.
  const ofProject = await watch('?project=samples', eve);
  await api.call('DELETE', '/projects/samples/members/eve', { headers: asAdmin });
  expect(await ofProject.ended).toBe(true);
  // So has the other stream lost that right when its token has been looked up once more, and the look after that has begun.
  const looks = vi.spyOn(api.store, 'findToken');
  await vi.waitFor(() => expect(looks.mock.calls.length).toBeGreaterThan(1), WAIT);
  const before = told(client).length;
  const later = await runOf(api);
  const admin = await watch('', asAdmin, '0');
  await admin.heard(({ event, data }) => event === 'run' && data.id === later);
  expect(told(client)).toHaveLength(before);
  client.cut();
  admin.cut();
});

test('whoever comes back hears what happened meanwhile, each run once, as it is now', async () => {
  const { api } = feed;
  const client = await watch('');
  const seen = await runOf(api);
  await client.heard(({ event, data }) => event === 'run' && data.id === seen);
  client.cut();
  await client.ended;
  const runs: number[] = [];
  for (let i = 0; i < 600; i++) runs.push(await runOf(api));
  for (const run of runs.slice(0, 50)) await api.setRun(run, 'stopped', { endedAt: NOW });
  const again = await watch('', asAdmin, client.lastId());
  await again.heard(({ event, data }) => event === 'run' && data.id === runs[49] && data.state === 'stopped');
  await vi.waitFor(() => expect(new Set(told(again).map(runTold)).size).toBe(600), WAIT);
  const last = new Map(told(again).map((text) => [runTold(text), text]));
  expect([...last.values()].toSorted((a, b) => runTold(a) - runTold(b))).toEqual(
    runs.map((run, index) => `${run} ${index < 50 ? 'stopped' : 'queued'}`),
  );
  const ids = again.events.map(({ id }) => Number(id));
  expect(ids).toEqual(ids.toSorted((a, b) => a - b));
  again.cut();
});
