import type { RunSpec, RunStatus } from '@pelorus/engine';
import { masterIdOf, parseRunId, runIdOf } from '@pelorus/protocol';
import { connect } from 'node:net';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import type { LiveRun } from '../../src/master/index.ts';
import { createMasterClient, openOpsPort, type OpsPort, type OpsPortOptions } from '../../src/ops/index.ts';
import { PATIENCE_MS } from '../wait.ts';

const TOKEN = 'ops-token-of-at-least-32-characters';
const RUN = runIdOf(7);
const silent = { info: () => undefined, warn: () => undefined };
const closing: (() => Promise<void>)[] = [];

afterEach(async () => {
  for (const close of closing.splice(0)) await close();
});

function liveRun(tasks = 2): LiveRun {
  const spec = { id: RUN, projectId: 3, project: 'p', workflow: 'w', params: { name: 'ä "quoted"' } };
  const status = { run: RUN, version: 9, state: 'running', waitReason: null };
  return {
    master: masterIdOf('m-1'),
    since: 1_000,
    version: 9,
    spec: spec as unknown as RunSpec,
    status: status as unknown as RunStatus,
    tasks: Array.from({ length: tasks }, (_, index) => ({
      name: `t${index}`,
      type: 'shell',
      state: 'pending',
      record: null,
      attempt: null,
    })),
  };
}

async function open(more: Partial<OpsPortOptions> = {}): Promise<OpsPort & { url: string }> {
  const port = await openOpsPort({
    host: '127.0.0.1',
    port: 0,
    token: TOKEN,
    readiness: async () => ({ ready: true, reasons: [] }),
    metrics: async () => 'up 1\n',
    log: silent,
    ...more,
  });
  closing.push(() => port.close());
  return { ...port, url: `http://127.0.0.1:${port.port}` };
}

const master: NonNullable<OpsPortOptions['master']> = {
  liveRun: (run) => (run === RUN ? liveRun() : null),
  testConnection: async (projectId, name) =>
    name === 'nobody' ? null : { ok: true, detail: `${projectId}/${name}`, tookMs: 4, worker: 'w' },
};

const signedIn = { authorization: `Bearer ${TOKEN}` };

describe('the operations port', () => {
  it('answers the probes without a token', async () => {
    const { url } = await open();
    const live = await fetch(`${url}/livez`);
    expect([live.status, await live.json()]).toEqual([200, { status: 'live' }]);
    const ready = await fetch(`${url}/readyz`);
    expect([ready.status, await ready.json()]).toEqual([200, { status: 'ready', reasons: [] }]);
  });

  it('says why it is not ready, and goes on to live', async () => {
    const { url } = await open({ readiness: async () => ({ ready: false, reasons: ['draining', 'no store'] }) });
    const ready = await fetch(`${url}/readyz`);
    expect([ready.status, await ready.json()]).toEqual([
      503,
      { status: 'not ready', reasons: ['draining', 'no store'] },
    ]);
    expect((await fetch(`${url}/livez`)).status).toBe(200);
  });

  it('is not ready when asking fails or never ends', async () => {
    const failing = await open({ readiness: () => Promise.reject(new Error('the store is away')) });
    expect(await (await fetch(`${failing.url}/readyz`)).json()).toEqual({
      status: 'not ready',
      reasons: ['the store is away'],
    });
    const hanging = await open({ readiness: () => new Promise(() => undefined) });
    const [live, ready] = await Promise.all([fetch(`${hanging.url}/livez`), fetch(`${hanging.url}/readyz`)]);
    expect([live.status, ready.status]).toEqual([200, 503]);
    expect(await ready.json()).toEqual({ status: 'not ready', reasons: ['no answer within 2 s'] });
  });

  it.each([
    ['no token', {}],
    ['another token', { authorization: `Bearer ${TOKEN}x` }],
    ['an empty token', { authorization: 'Bearer ' }],
    ['another scheme', { authorization: `Basic ${TOKEN}` }],
  ])('refuses everything else with %s, whatever the path', async (_case, headers: Record<string, string>) => {
    const { url } = await open({ master });
    for (const path of ['/metrics', '/workflow/execute?id=7', '/connections/test', '/nothing', '/']) {
      const answer = await fetch(url + path, { headers });
      expect([path, answer.status, answer.headers.get('content-type')]).toEqual([
        path,
        401,
        'application/problem+json; charset=utf-8',
      ]);
      expect(answer.headers.get('www-authenticate')).toBe('Bearer realm="pelorus-ops"');
      expect(await answer.json()).toMatchObject({ code: 'NOT_SIGNED_IN', status: 401, error: 'Unauthorized' });
    }
  });

  it('gives the metrics as they are', async () => {
    const { url } = await open();
    const answer = await fetch(`${url}/metrics`, { headers: signedIn });
    expect([answer.status, answer.headers.get('content-type'), await answer.text()]).toEqual([
      200,
      'text/plain; version=0.0.4; charset=utf-8',
      'up 1\n',
    ]);
  });

  it('gives a run from the memory of its owner, 404 for any other', async () => {
    const { url } = await open({ master });
    const own = await fetch(`${url}/workflow/execute?id=7`, { headers: signedIn });
    expect([own.status, await own.json()]).toEqual([200, JSON.parse(JSON.stringify(liveRun()))]);
    const other = await fetch(`${url}/workflow/execute?id=8`, { headers: signedIn });
    expect([other.status, await other.json()]).toEqual([
      404,
      expect.objectContaining({ code: 'RUN_NOT_FOUND', message: 'this master does not own run 8' }),
    ]);
  });

  it.each(['', '?id=', '?id=0', '?id=-1', '?id=07', '?id=1e3', '?id=99999999999999999', '?id=7&id=7', '?id=7&x=1'])(
    'refuses %j as the id of a run',
    async (query) => {
      const { url } = await open({ master });
      const answer = await fetch(`${url}/workflow/execute${query}`, { headers: signedIn });
      expect([answer.status, await answer.json()]).toEqual([400, expect.objectContaining({ code: 'BAD_PARAMETER' })]);
    },
  );

  it('has no runs and tests no connections on a worker', async () => {
    const { url } = await open();
    const run = await fetch(`${url}/workflow/execute?id=7`, { headers: signedIn });
    const test = await fetch(`${url}/connections/test`, { headers: signedIn, method: 'POST', body: '{}' });
    expect([run.status, test.status]).toEqual([404, 404]);
  });

  it('refuses other methods and names those it answers', async () => {
    const { url } = await open({ master });
    for (const [path, method, allowed] of [
      ['/livez', 'POST', 'GET, HEAD'],
      ['/metrics', 'DELETE', 'GET, HEAD'],
      ['/workflow/execute?id=7', 'POST', 'GET, HEAD'],
      ['/connections/test', 'GET', 'POST'],
    ] as const) {
      const answer = await fetch(url + path, { method, headers: signedIn });
      expect([path, answer.status, answer.headers.get('allow')]).toEqual([path, 405, allowed]);
    }
  });

  it.each([
    ['no JSON', 'x', 400, 'MALFORMED_BODY'],
    ['nothing', '', 400, 'MALFORMED_BODY'],
    ['a list', '[]', 400, 'BAD_PARAMETER'],
    ['no name', '{"projectId":1}', 400, 'BAD_PARAMETER'],
    ['a wrong id', '{"projectId":"1","name":"a"}', 400, 'BAD_PARAMETER'],
    ['more', '{"projectId":1,"name":"a","more":1}', 400, 'BAD_PARAMETER'],
    ['too much', JSON.stringify({ projectId: 1, name: 'a'.repeat(20_000) }), 413, 'TOO_LARGE'],
    ['no worker', '{"projectId":1,"name":"nobody"}', 503, 'NO_WORKER'],
  ])('refuses to test a connection: %s', async (_case, body, status, code) => {
    const { url } = await open({ master });
    const answer = await fetch(`${url}/connections/test`, { method: 'POST', headers: signedIn, body });
    expect([answer.status, await answer.json()]).toEqual([status, expect.objectContaining({ code })]);
  });

  it('stops a connection test whose caller has gone', async () => {
    const aborted = Promise.withResolvers<void>();
    const begun = Promise.withResolvers<void>();
    const { url } = await open({
      master: {
        liveRun: () => null,
        testConnection: (_project, _name, signal) => {
          begun.resolve();
          return new Promise((_resolve, reject) =>
            signal.addEventListener('abort', () => {
              aborted.resolve();
              reject(signal.reason as Error);
            }),
          );
        },
      },
    });
    const leave = new AbortController();
    const asked = fetch(`${url}/connections/test`, {
      method: 'POST',
      headers: signedIn,
      body: '{"projectId":1,"name":"a"}',
      signal: leave.signal,
    });
    await begun.promise;
    leave.abort();
    await expect(asked).rejects.toThrow();
    await aborted.promise;
  });

  it('refuses headers above its limit and does not fail over garbage', async () => {
    const { url, port } = await open();
    const long = await fetch(`${url}/livez`, { headers: { 'x-long': 'a'.repeat(10_000) } });
    expect(long.status).toBe(431);
    const answer = await new Promise<string>((resolve) => {
      let text = '';
      const socket = connect(port, '127.0.0.1', () => socket.write('nonsense\r\n\r\n'));
      socket.on('data', (chunk: Buffer) => (text += chunk.toString()));
      socket.on('close', () => resolve(text));
    });
    expect(answer).toMatch(/^HTTP\/1\.1 400 /);
    expect((await fetch(`${url}/livez`)).status).toBe(200);
  });

  it('answers 500 with a problem document when what it asks fails', async () => {
    const { url } = await open({ metrics: () => Promise.reject(new Error('secret detail')) });
    const answer = await fetch(`${url}/metrics`, { headers: signedIn });
    const text = await answer.text();
    expect([answer.status, JSON.parse(text)]).toEqual([500, expect.objectContaining({ code: 'INTERNAL' })]);
    expect(text).not.toContain('secret detail');
  });

  it('lets the event loop turn while it writes a run with many tasks', async () => {
    const { url } = await open({ master: { ...master, liveRun: () => liveRun(50_000) } });
    const asked = fetch(`${url}/workflow/execute?id=7`, { headers: signedIn }).then((answer) => answer.json());
    const live = await fetch(`${url}/livez`);
    expect(live.status).toBe(200);
    expect(((await asked) as LiveRun).tasks).toHaveLength(50_000);
  });

  it('rejects when its address is taken', async () => {
    const { port } = await open();
    await expect(open({ port })).rejects.toMatchObject({ code: 'EADDRINUSE' });
  });
});

describe('the client of masters', () => {
  const client = createMasterClient({ token: TOKEN, timeoutMs: PATIENCE_MS });

  it('gets a run from its owner, and learns who is not', async () => {
    const { url } = await open({ master });
    expect(await client.liveRun(`${url}/`, RUN)).toEqual({
      kind: 'answer',
      value: JSON.parse(JSON.stringify(liveRun())),
    });
    expect(await client.liveRun(url, runIdOf(8))).toEqual({ kind: 'not-owner' });
  });

  it('tests a connection', async () => {
    const { url } = await open({ master });
    expect(await client.testConnection(url, { projectId: 3, name: 'd b' })).toEqual({
      kind: 'answer',
      value: { ok: true, detail: '3/d b', tookMs: 4, worker: 'w' },
    });
    expect(await client.testConnection(url, { projectId: 3, name: 'nobody' })).toEqual({ kind: 'no-worker' });
  });

  it('says that nobody is there, that its token is refused, that the wrong server answers', async () => {
    const opened = await open({ master });
    const { url } = opened;
    const stranger = createMasterClient({ token: 'x'.repeat(32), timeoutMs: PATIENCE_MS });
    expect(await stranger.liveRun(url, RUN)).toEqual({
      kind: 'unreachable',
      detail: 'status 401: present the token of this operations port',
    });
    const worker = await open();
    expect(await client.liveRun(worker.url, RUN)).toMatchObject({
      kind: 'unreachable',
      detail: expect.stringMatching(/nothing at/) as string,
    });
    await opened.close();
    expect(await client.liveRun(url, RUN)).toMatchObject({
      kind: 'unreachable',
      detail: expect.stringMatching(/ECONNREFUSED|closed/) as string,
    });
    expect(await client.liveRun('not a url', RUN)).toMatchObject({ kind: 'unreachable' });
  });

  async function other(handle: Parameters<typeof createServer>[1]): Promise<string> {
    const server: Server = createServer({}, handle);
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    closing.push(
      () =>
        new Promise((resolve) => {
          server.close(() => resolve());
          server.closeAllConnections();
        }),
    );
    return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  }

  it('waits no longer than its limit, for the head or for the rest', async () => {
    const hasty = createMasterClient({ token: TOKEN, timeoutMs: 50 });
    const silentUrl = await other(() => undefined);
    expect(await hasty.liveRun(silentUrl, RUN)).toEqual({ kind: 'unreachable', detail: 'no answer within 50 ms' });
    const stuckUrl = await other((_request, response) => response.write('{"master":'));
    expect(await hasty.liveRun(stuckUrl, RUN)).toEqual({ kind: 'unreachable', detail: 'no answer within 50 ms' });
  });

  it('reads no more than its limit, and believes nothing but a run that it asked for', async () => {
    const small = createMasterClient({ token: TOKEN, timeoutMs: PATIENCE_MS, answerBytesMax: 1_000 });
    const { url } = await open({ master: { ...master, liveRun: () => liveRun(1_000) } });
    expect(await small.liveRun(url, RUN)).toEqual({
      kind: 'unreachable',
      detail: 'the answer has more than 1000 bytes',
    });
    expect(await client.liveRun(url, parseRunId('9')!)).toEqual({
      kind: 'unreachable',
      detail: 'status 200: not what a master answers',
    });
    const html = await other((_request, response) => response.end('<html>'));
    expect(await client.liveRun(html, RUN)).toMatchObject({
      kind: 'unreachable',
      detail: expect.stringMatching(/JSON/) as string,
    });
    const elsewhere = await other((_request, response) => response.writeHead(302, { location: url }).end());
    expect(await client.liveRun(elsewhere, RUN)).toMatchObject({ kind: 'unreachable' });
  });

  it('stops when its caller does', async () => {
    const url = await other(() => undefined);
    const leave = new AbortController();
    const asked = client.liveRun(url, RUN, leave.signal);
    leave.abort(new Error('gone'));
    expect(await asked).toEqual({ kind: 'unreachable', detail: 'gone' });
  });
});
