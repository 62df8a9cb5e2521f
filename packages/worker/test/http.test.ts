import { createServer, type IncomingHttpHeaders, type Server } from 'node:http';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import type { HttpAction } from '@pelorus/protocol';
import type { Worker } from '../src/index.ts';
import { HandMaster, Scratch, specOf, startTestWorker } from './fixture.ts';

let scratch: Scratch;
let master: HandMaster;
let worker: Worker;
let server: Server;
let origin = '';
let heard: { method: string; url: string; headers: IncomingHttpHeaders; body: string }[] = [];
let openRequests = 0;
let count = 0;
let id = '';

beforeAll(async () => {
  scratch = new Scratch();
  master = new HandMaster();
  worker = await startTestWorker(scratch, master);
  server = createServer((request, response) => {
    let body = '';
    openRequests += 1;
    response.on('close', () => {
      openRequests -= 1;
    });
    request.on('data', (chunk: Buffer) => {
      body += chunk.toString('utf8');
    });
    request.on('end', () => {
      heard.push({ method: request.method ?? '', url: request.url ?? '', headers: request.headers, body });
      if (request.url === '/hang') return;
      if (request.url === '/large') return void response.end('x'.repeat(17 * 1024 * 1024));
      response.writeHead(request.url === '/missing' ? 404 : 200, { 'content-type': 'application/json' });
      response.end(JSON.stringify({ items: [{ id: 7 }], ok: true, nothing: null }));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  origin = `http://127.0.0.1:${typeof address === 'object' && address ? address.port : 0}`;
});
beforeEach(() => {
  count += 1;
  id = `${count}.0.1`;
  heard = [];
});
afterAll(async () => {
  await worker.stop({ stopTasks: true });
  server.closeAllConnections();
  server.close();
  scratch.remove();
});

async function request(more: Partial<HttpAction>, params: Record<string, string> = {}) {
  master.dispatch(
    specOf(
      id,
      {
        type: 'http',
        method: 'GET',
        url: origin,
        headers: {},
        body: null,
        expect: { status: [], body: null },
        extract: {},
        ...more,
      },
      { params },
    ),
  );
  return master.finished(id);
}

test('fields of the answer become outputs', async () => {
  const outcome = await request({
    url: `${origin}/x`,
    extract: { id: '$.items[0].id', items: '$.items', none: '$.nothing' },
  });
  expect(outcome).toMatchObject({ state: 'succeeded', outputs: { id: '7', items: '[{"id":7}]', none: '' } });
  expect(scratch.log(id)).toMatch(new RegExp(`^GET ${origin}/x: 200 in \\d+ ms, 45 characters\n\\{"items"`));
});

test('values in the URL are percent-encoded, except one that begins it', async () => {
  await request({ url: '${base}/a/${p}?q=${p}' }, { base: origin, p: 'x/../y&z=1#é' });
  expect(heard[0]?.url).toBe('/a/x%2F..%2Fy%26z%3D1%23%C3%A9?q=x%2F..%2Fy%26z%3D1%23%C3%A9');
});

test('values in a JSON body are escaped, in a form encoded, in plain text as they are', async () => {
  const p = '"}, "admin": true, "x": "\n&a=b';
  await request({ method: 'post', body: { a: ['${p}'] } }, { p });
  id = `${count}.1.1`;
  await request({ method: 'POST', body: '{"a": "${p}"}' }, { p });
  id = `${count}.2.1`;
  await request(
    { method: 'PUT', body: 'a=${p}', headers: { 'content-type': 'application/x-www-form-urlencoded' } },
    { p },
  );
  id = `${count}.3.1`;
  await request({ method: 'PUT', body: 'a=${p}', headers: { 'content-type': 'text/plain' } }, { p });
  expect(heard.map((one) => one.method)).toEqual(['POST', 'POST', 'PUT', 'PUT']);
  expect(JSON.parse(heard[0]?.body ?? '')).toEqual({ a: [p] });
  expect(heard[0]?.headers['content-type']).toBe('application/json');
  expect(JSON.parse(heard[1]?.body ?? '')).toEqual({ a: p });
  expect(heard[2]?.body).toBe(`a=${encodeURIComponent(p)}`);
  expect(heard[3]?.body).toBe(`a=${p}`);
});

test('a header cannot be broken out of', async () => {
  expect(await request({ headers: { 'x-a': 'v ${p}' } }, { p: 'x\r\nx-b: 1' })).toMatchObject({
    state: 'failed',
    cause: { kind: 'invalid', detail: 'the header x-a would hold a line break' },
  });
  expect(heard).toEqual([]);
});

test.each<[string, Partial<HttpAction>, object]>([
  [
    'another status than expected',
    { expect: { status: [201, 202], body: null } },
    { kind: 'error', detail: expect.stringMatching(/answered 200, expected 201 or 202$/) },
  ],
  [
    'a text that is not there',
    { expect: { status: [200], body: 'nowhere' } },
    { kind: 'error', detail: expect.stringMatching(/does not contain "nowhere"$/) },
  ],
  [
    'a pattern that does not match',
    { expect: { status: [200], body: 're:"id":[0-6]' } },
    { kind: 'error', detail: expect.stringMatching(/does not match/) },
  ],
  ['a pattern that is none', { expect: { status: [200], body: 're:(' } }, { kind: 'invalid' }],
  [
    'a path with nothing at it',
    { extract: { x: '$.items[3].id' } },
    { kind: 'error', detail: 'the answer has nothing at $.items[3].id, which the output x needs' },
  ],
  ['a path that is none', { extract: { x: 'items' } }, { kind: 'invalid' }],
  [
    'an unknown parameter',
    { headers: { a: '${nobody}' } },
    { kind: 'invalid', detail: 'there is no parameter named nobody' },
  ],
  [
    'a URL of another scheme',
    { url: 'file:///etc/passwd' },
    { kind: 'invalid', detail: 'file: is neither http: nor https:' },
  ],
  ['a body where none can be', { body: 'x' }, { kind: 'invalid', detail: 'a GET request cannot have a body' }],
  ['nobody there', { url: 'http://127.0.0.1:1/' }, { kind: 'error', detail: expect.stringContaining('fetch failed') }],
])('%s fails the attempt', async (_what, action, cause) => {
  expect(await request(action)).toMatchObject({ state: 'failed', cause });
});

test('without expectations every 2xx is welcome and nothing else', async () => {
  expect((await request({})).state).toBe('succeeded');
  id = `${count}.1.1`;
  expect(await request({ url: `${origin}/missing` })).toMatchObject({
    state: 'failed',
    cause: { detail: `${origin}/missing answered 404, expected 2xx` },
  });
});

test('text and pattern that are in the answer pass', async () => {
  expect((await request({ expect: { status: [200], body: '"ok":true' } })).state).toBe('succeeded');
  id = `${count}.1.1`;
  expect((await request({ expect: { status: [200], body: 're:"id":\\d' } })).state).toBe('succeeded');
});

test('an answer beyond the limit fails the attempt and not the process', async () => {
  expect(await request({ url: `${origin}/large` })).toMatchObject({
    state: 'failed',
    cause: { kind: 'error', detail: 'the answer is larger than 16777216 bytes' },
  });
});

test('a kill closes the connection', async () => {
  const action = {
    type: 'http',
    method: 'GET',
    url: `${origin}/hang`,
    headers: {},
    body: null,
    expect: { status: [], body: null },
    extract: {},
  } as const;
  master.dispatch(specOf(id, { ...action, expect: { status: [], body: null } }));
  await master.until(
    () => heard.length > 0,
    () => 'no request',
  );
  master.kill(id, 5_000);
  expect(await master.finished(id)).toMatchObject({ state: 'killed' });
  await master.until(
    () => openRequests === 0,
    () => 'the connection is still open',
  );
});
