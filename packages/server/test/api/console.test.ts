/** The console's files as a build leaves them, served at the root of the API. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { brotliCompressSync, brotliDecompressSync, gunzipSync, gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { readConsole } from '../../src/api/index.ts';
import { openApi, type ApiUnderTest } from './api-under-test.ts';

const PAGE = '<!doctype html><title>Pelorus</title>';
const SCRIPT = 'export const all = 1;\n'.repeat(100);
let directory: string;
let api: ApiUnderTest;

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'pelorus-console-'));
  mkdirSync(join(directory, 'assets'));
  writeFileSync(join(directory, 'index.html'), PAGE);
  writeFileSync(join(directory, 'secret.key'), 'not for the console');
  const script = join(directory, 'assets', 'index-Ab1-_9xY.js');
  writeFileSync(script, SCRIPT);
  writeFileSync(`${script}.gz`, gzipSync(SCRIPT));
  writeFileSync(`${script}.br`, brotliCompressSync(SCRIPT));
  api = await openApi({ console: readConsole(directory) });
});
afterAll(() => rmSync(directory, { recursive: true }));

async function ask(url: string, headers: Record<string, string> = {}, method: 'GET' | 'HEAD' | 'POST' = 'GET') {
  const answer = await api.app.inject({ method, url, headers: { host: 'localhost', ...headers } });
  return { status: answer.statusCode, headers: answer.headers, bytes: answer.rawPayload };
}

test('there is none where nothing was built', () => {
  expect(readConsole(join(directory, 'assets'))).toBeNull();
  expect(readConsole(join(directory, 'nowhere'))).toBeNull();
});

describe('the page', () => {
  test.each(['/', '/runs', '/runs/7?view=gantt', '/projects/a.b/workflows/c.d'])('stands at %s', async (url) => {
    const { status, headers, bytes } = await ask(url);
    expect({ status, text: bytes.toString() }).toEqual({ status: 200, text: PAGE });
    expect(headers).toMatchObject({ 'content-type': 'text/html; charset=utf-8', 'cache-control': 'no-cache' });
    expect(headers['content-security-policy']).toContain("default-src 'none'");
    expect(headers['content-security-policy']).toContain("script-src 'self'");
  });

  test('is asked for anew, and answered in short when it is the same', async () => {
    const { headers } = await ask('/');
    const again = await ask('/', { 'if-none-match': String(headers['etag']) });
    expect([again.status, again.bytes.length]).toEqual([304, 0]);
    expect((await ask('/', { 'if-none-match': '"other"' })).status).toBe(200);
  });

  test('has a head', async () => {
    const { status, bytes } = await ask('/runs', {}, 'HEAD');
    expect([status, bytes.length]).toEqual([200, 0]);
  });
});

describe('a file', () => {
  const script = '/assets/index-Ab1-_9xY.js';

  test('whose name holds its hash is kept for ever', async () => {
    const { headers } = await ask(script);
    expect(headers).toMatchObject({
      'content-type': 'text/javascript; charset=utf-8',
      'cache-control': 'public, max-age=31536000, immutable',
      vary: 'accept-encoding',
    });
  });

  test.each([
    ['gzip, deflate, br', 'br', brotliDecompressSync],
    ['gzip', 'gzip', gunzipSync],
    ['gzip, br;q=0', 'gzip', gunzipSync],
    ['', undefined, (bytes: Buffer) => bytes],
    ['x-brown', undefined, (bytes: Buffer) => bytes],
  ])('goes to who takes "%s" as %s', async (accepted, encoding, open) => {
    const { headers, bytes } = await ask(script, { 'accept-encoding': accepted });
    expect(headers['content-encoding']).toBe(encoding);
    expect(open(bytes).toString()).toBe(SCRIPT);
  });

  test.each(['/assets/gone-00000000.js', '/secret.key', '/assets/../secret.key', '/assets/index-Ab1-_9xY.js.br'])(
    '%s is not there',
    async (url) => {
      expect((await ask(url)).status).toBe(404);
    },
  );
});

test.each(['/livez', '/api/v1', '/api/v1/nothing'])('%s is the API’s own', async (url) => {
  expect(String((await ask(url)).headers['content-type'])).toContain('json');
});

test('other methods are no business of the console', async () => {
  expect((await ask('/runs', { 'content-type': 'application/json' }, 'POST')).status).toBe(404);
});
