import { beforeAll, describe, expect, test } from 'vitest';
import { openApi, type ApiUnderTest } from './api-under-test.ts';

describe('without a token, for use on one machine', () => {
  let api: ApiUnderTest;
  beforeAll(async () => {
    api = await openApi({ allowedHosts: ['Pelorus.example'] });
  });
  const get = async (headers: Record<string, string>) => (await api.call('GET', '/projects', { headers })).status;

  test.each(['localhost', 'localhost:8080', '127.0.0.1:8080', '[::1]:8080', 'pelorus.example:443', 'a.localhost'])(
    'Host %s is answered',
    async (host) => {
      expect(await get({ host })).toBe(200);
    },
  );

  test.each([
    'evil.example',
    '127.0.0.1.evil.example',
    'localhost.evil.example:8080',
    '10.0.0.7',
    '127.0.0.1:8080@evil.example',
    '[::2]',
  ])("Host %j, which another site's name could hold, is refused", async (host) => {
    expect(await get({ host })).toBe(403);
    expect((await api.call('GET', '/livez', { headers: { host } })).status).toBe(403);
  });

  const put = async (headers: Record<string, string>) =>
    (await api.call('PUT', '/projects/guarded', { headers: { host: 'localhost:8080', ...headers } })).status;

  test.each([
    { origin: 'http://localhost:8080' },
    { 'sec-fetch-site': 'same-origin', origin: 'http://localhost:8080' },
    { 'sec-fetch-site': 'none' },
    {},
  ])('a change from %j is taken', async (headers) => {
    expect(await put(headers as Record<string, string>)).toBeLessThan(300);
  });

  test.each([
    { origin: 'http://evil.example' },
    { origin: 'http://localhost:9999' },
    { origin: 'null' },
    { 'sec-fetch-site': 'cross-site' },
    { 'sec-fetch-site': 'same-site' },
  ])('a change from %j is refused', async (headers) => {
    expect(await put(headers as Record<string, string>)).toBe(403);
  });

  test('the usual port may be in the Host header and not in the origin, where a proxy writes it', async () => {
    expect(await put({ host: 'localhost:80', origin: 'http://localhost' })).toBeLessThan(300);
    expect(await put({ host: 'pelorus.example:443', origin: 'https://pelorus.example' })).toBeLessThan(300);
    expect(await put({ host: 'localhost:443', origin: 'http://localhost' })).toBe(403);
  });

  test('no other site may read answers', async () => {
    const { headers } = await api.call('GET', '/projects', { headers: { origin: 'http://evil.example' } });
    expect(Object.keys(headers).filter((name) => name.startsWith('access-control'))).toEqual([]);
    expect(
      (
        await api.call('OPTIONS', '/projects', {
          headers: { origin: 'http://evil.example', 'access-control-request-method': 'PUT' },
        })
      ).status,
    ).toBe(405);
  });
});

describe('with a token', () => {
  let api: ApiUnderTest;
  const token = 'x'.repeat(40);
  beforeAll(async () => {
    api = await openApi({ adminToken: token });
  });

  test('every request to the API needs it, probes do not', async () => {
    const status = async (path: string, headers: Record<string, string> = {}) =>
      (await api.call('GET', path, { headers })).status;
    expect(await status('/projects', { authorization: `Bearer ${token}` })).toBe(200);
    expect(await status('/projects', { authorization: `bearer ${token}` })).toBe(200);
    for (const authorization of ['', token, `Bearer ${token}y`, 'Bearer', `Basic ${token}`])
      expect(await status('/projects', { authorization })).toBe(401);
    expect(await status('/nothing/here')).toBe(401);
    expect(await status('/livez')).toBe(200);
    expect(await status('/readyz')).toBe(200);
    expect((await api.call('GET', '/projects')).headers['www-authenticate']).toBe('Bearer realm="pelorus"');
  });
});
