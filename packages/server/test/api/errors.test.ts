import { connect } from 'node:net';
import { readFile } from 'node:fs/promises';
import fc from 'fast-check';
import { beforeAll, describe, expect, test } from 'vitest';
import { ERRORS, type Problem } from '@pelorus/protocol';
import { createApi } from '../../src/api/index.ts';
import { API_LIMITS } from '../../src/api/limits.ts';
import type { Route } from '../../src/api/route.ts';
import { ROUTES } from '../../src/api/routes.ts';
import { openDirectoryLogs } from '../../src/logs/index.ts';
import { StoreError, type ApiStore, type StoreErrorCode } from '../../src/store/index.ts';
import { anyText, DIAMOND, matching, NOW, openApi, type ApiUnderTest } from './api-under-test.ts';
import { computing, limitHere } from './computing.ts';

let api: ApiUnderTest;
let runId: number;
let endedRunId: number;
beforeAll(async () => {
  api = await openApi({
    hints: {
      commandWritten: () => undefined,
      testAlertChannel: async () => ({ delivered: true, detail: '200 OK' }),
    },
  });
  await api.save('samples', 'diamond', DIAMOND);
  runId = await api.run('samples', 'diamond');
  await api.setAttempt(runId, 0, 1, 'running');
  endedRunId = await api.run('samples', 'diamond');
  await api.setTask(endedRunId, 0, 'failed');
  await api.setRun(endedRunId, 'failed', { endedAt: NOW });
  await api.call('PUT', '/task-groups/samples', { body: { size: 1 } });
  await api.call('PUT', '/alert-channels/samples', { body: { kind: 'email', target: 'a@example.org' } });
});

describe('every refusal is a problem document', () => {
  const json = { 'content-type': 'application/json' };
  test.each<[string, string, string, Parameters<ApiUnderTest['call']>[2], number, string]>([
    ['an unknown path', 'GET', '/nothing', {}, 404, 'NO_SUCH_ROUTE'],
    ['a path outside the API', 'GET', '/api/v2', {}, 404, 'NO_SUCH_ROUTE'],
    ['a wrong method', 'DELETE', '/runs', {}, 405, 'METHOD_NOT_ALLOWED'],
    ['PATCH', 'PATCH', '/projects/samples', { body: {} }, 405, 'METHOD_NOT_ALLOWED'],
    ['malformed JSON', 'POST', '/runs', { body: '{"project":', headers: json }, 400, 'MALFORMED_BODY'],
    [
      'a body that is not UTF-8',
      'POST',
      '/runs',
      { body: Buffer.from([0x22, 0xff, 0x22]), headers: json },
      400,
      'MALFORMED_BODY',
    ],
    [
      'a poisoned prototype',
      'POST',
      '/runs',
      { body: '{"params": {"__proto__": {"x": 1}}}', headers: json },
      400,
      'MALFORMED_BODY',
    ],
    [
      'a poisoned constructor',
      'POST',
      '/runs',
      { body: '{"params": {"constructor": {"prototype": {"x": 1}}}}', headers: json },
      400,
      'MALFORMED_BODY',
    ],
    ['a body that is no object', 'POST', '/runs', { body: '[1]', headers: json }, 400, 'BAD_PARAMETER'],
    ['a body that is null', 'POST', '/executors', { body: 'null', headers: json }, 400, 'BAD_PARAMETER'],
    ['an array for parameters', 'POST', '/executors', { body: '[]', headers: json }, 400, 'MALFORMED_BODY'],
    ['no body', 'POST', '/runs', {}, 400, 'BAD_PARAMETER'],
    [
      'a wrong content type',
      'POST',
      '/runs',
      { body: 'a=b', headers: { 'content-type': 'application/x-www-form-urlencoded' } },
      415,
      'WRONG_CONTENT_TYPE',
    ],
    ['no content type', 'PUT', '/projects/samples/workflows/x', { body: 'name: x' }, 415, 'WRONG_CONTENT_TYPE'],
    ['an unknown query parameter', 'GET', '/runs', { query: { stat: 'x' } }, 400, 'BAD_PARAMETER'],
    ['a broken escape in the path', 'GET', '/projects/%E0%A4%A', {}, 400, 'BAD_REQUEST'],
    ['a NUL in the path', 'GET', '/projects/a%00b', {}, 400, 'BAD_PARAMETER'],
    ['a name that is too long', 'GET', `/projects/${'a'.repeat(2000)}`, {}, 414, 'URI_TOO_LONG'],
    [
      'a multipart form without a boundary',
      'POST',
      '/executors',
      { body: 'x', headers: { 'content-type': 'multipart/form-data' } },
      400,
      'MALFORMED_BODY',
    ],
    [
      'a multipart form that is cut off',
      'POST',
      '/executors',
      {
        body: '--X\r\ncontent-disposition: form-data; name="a"\r\n\r\nb',
        headers: { 'content-type': 'multipart/form-data; boundary=X' },
      },
      400,
      'MALFORMED_BODY',
    ],
    [
      'a multipart form that is cut off inside its file',
      'POST',
      '/executors/direct',
      {
        body: '--X\r\ncontent-disposition: form-data; name="file"; filename="w.zip"\r\n\r\nPK',
        headers: { 'content-type': 'multipart/form-data; boundary=X' },
      },
      400,
      'MALFORMED_BODY',
    ],
    [
      'a body above the limit',
      'POST',
      '/runs',
      { body: `"${'x'.repeat(3 * 1024 * 1024)}"`, headers: json },
      413,
      'TOO_LARGE',
    ],
    [
      'a form field above the limit',
      'POST',
      '/executors',
      {
        body: `--X\r\ncontent-disposition: form-data; name="a"\r\n\r\n${'x'.repeat(3 * 1024 * 1024)}\r\n--X--\r\n`,
        headers: { 'content-type': 'multipart/form-data; boundary=X' },
      },
      413,
      'TOO_LARGE',
    ],
    ['an empty definition', 'PUT', '/projects/samples/workflows/x', { body: '', headers: json }, 400, 'MALFORMED_BODY'],
  ])('%s', async (_name, method, path, call, status, code) => {
    const answered = await api.call(method, path, call);
    expect({ status: answered.status, code: answered.body?.code }, answered.text).toEqual({ status, code });
    expect(answered.headers['content-type']).toBe('application/problem+json; charset=utf-8');
    const row = ERRORS[answered.body.code];
    expect(answered.body).toMatchObject({
      type: `urn:pelorus:error:${code.toLowerCase()}`,
      title: row.sentence,
      status,
      detail: answered.body.message,
      error: matching(/^[A-Z]/),
    });
    expect(answered.body.message).not.toBe('');
  });

  const nested = (depth: number) => '['.repeat(depth) + ']'.repeat(depth);
  test.each<[string, string, Parameters<ApiUnderTest['call']>[2], string]>([
    [
      'JSON nested 100,000 deep',
      '/runs',
      { body: `{"project":"samples","workflow":"diamond","extras":${nested(100_000)}}`, headers: json },
      'values may not be nested deeper than 64 levels',
    ],
    [
      'the same as text in JSON',
      '/executors',
      { body: { startParams: `{"a":${nested(100_000)}}` } },
      'startParams is not acceptable: values may not be nested deeper than 64 levels',
    ],
    [
      'a NUL within JSON text',
      '/executors',
      { body: { notifyMails: '["a\\u0000b"]' } },
      'notifyMails is not acceptable: 0 holds a NUL character, which cannot be stored',
    ],
    [
      'a prototype within JSON text',
      '/executors',
      { body: { startParams: '{"__proto__":{"x":1}}' } },
      'startParams must be an object',
    ],
    [
      '100,000 unknown fields',
      '/runs',
      { body: Object.fromEntries(Array.from({ length: 100_000 }, (_, index) => [`f${index}`, 1])) },
      'f0 is not known here',
    ],
    [
      '100,000 unknown tasks',
      '/runs',
      {
        body: {
          project: 'samples',
          workflow: 'diamond',
          select: Array.from({ length: 100_000 }, (_, index) => `zz${index}`),
        },
      },
      'the workflow has no task zz0',
    ],
  ])('%s', async (_name, path, call, message) => {
    const { value, totalMs } = await computing(() => api.call('POST', path, call));
    const { status, body } = value;
    expect(status).toBe(400);
    expect(body.errors?.map((problem) => problem.message)).toContain(message);
    expect(body.errors?.length).toBeLessThanOrEqual(100);
    expect(totalMs).toBeLessThan(limitHere(2000));
  });

  test.each([
    [
      'aliases that multiply',
      `a: &a [${'x,'.repeat(9)}x]\n${'bcdefghijk'
        .split('')
        .map((name, index) => `${name}: &${name} [${`*${'abcdefghij'[index]},`.repeat(9)}*${'abcdefghij'[index]}]`)
        .join('\n')}\n`,
    ],
    ['brackets without end', '['.repeat(200_000)],
    ['braces without end', '{a: '.repeat(50_000)],
    ['indentation without end', Array.from({ length: 2_000 }, (_, index) => `${' '.repeat(index)}a:`).join('\n')],
    ['a key of a megabyte', `${'k'.repeat(1_000_000)}: 1`],
  ])('YAML with %s', async (_name, body) => {
    const { status } = await api.call('PUT', '/projects/samples/workflows/odd', {
      body,
      headers: { 'content-type': 'application/yaml' },
    });
    expect(status).toBe(422);
  });

  test('a wrong method names the right ones', async () => {
    expect((await api.call('DELETE', '/runs')).headers['allow']).toBe('POST, GET, HEAD');
    expect((await api.call('GET', `/executors/${runId}/kill`)).headers['allow']).toBe('POST');
    // Where a pattern would answer, too, of a path with any number of segments, and with a body that nobody reads.
    expect((await api.call('GET', '/bulk/runs')).headers['allow']).toBe('POST');
    expect((await api.call('PATCH', '/projects/samples/files/a/b')).headers['allow']).toBe('GET, PUT, DELETE, HEAD');
    const large = { body: Buffer.alloc(API_LIMITS.parametersBodyBytes + 1) };
    expect((await api.call('PUT', `/runs/${runId}?a=b`, large)).headers['allow']).toBe('GET, HEAD');
  });

  test('what is not HTTP gets a problem document too', async () => {
    const address = await api.app.listen({ host: '127.0.0.1', port: 0 });
    const raw = (text: string) =>
      new Promise<string>((resolve) => {
        let answer = '';
        const socket = connect(Number(new URL(address).port), '127.0.0.1', () => socket.write(text));
        socket
          .setEncoding('utf8')
          .on('data', (chunk) => {
            answer += chunk;
          })
          // The rest of the request, which nobody reads, may break the connection off behind the answer.
          .on('error', () => undefined)
          .on('close', () => resolve(answer));
      });
    expect(await raw('HELLO\r\n\r\n')).toMatch(
      /^HTTP\/1\.1 400 Bad Request\r\ncontent-type: application\/problem\+json[\s\S]*"code":"BAD_REQUEST"/,
    );
    expect(await raw(`GET / HTTP/1.1\r\nhost: localhost\r\nx: ${'y'.repeat(70_000)}\r\n\r\n`)).toMatch(
      /^HTTP\/1\.1 431 /,
    );
    expect(
      await raw(
        'POST /api/v1/runs HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: 99999999\r\nconnection: close\r\n\r\n',
      ),
    ).toMatch(/^HTTP\/1\.1 413 [\s\S]*"code":"TOO_LARGE"/);
  });
});

describe('errors of the store', () => {
  const SILENT_MS = 61_900;
  const AGE = { lastContactAt: new Date(NOW - SILENT_MS).toISOString(), ageSeconds: 61 };
  const broken = (code: StoreErrorCode): ApiStore =>
    new Proxy({} as ApiStore, {
      get: (_target, verb, self) => {
        if (verb === 'audited') return () => self as ApiStore;
        return verb === 'silentMs' ? SILENT_MS : () => Promise.reject(new StoreError(code, `the store says ${code}`));
      },
    });
  const apiOver = (store: ApiStore) =>
    createApi({
      store,
      logs: openDirectoryLogs({ folder: '/nowhere', writtenInPlace: true }),
      hints: { commandWritten: () => undefined },
      clock: () => NOW,
      log: { info: () => undefined, warn: () => undefined, error: () => undefined },
      version: '0',
      storeKind: 'sqlite',
      user: 'admin',
    });

  test.each<[StoreErrorCode, number, string, string | undefined, object]>([
    ['UNAVAILABLE', 503, 'STORE_UNAVAILABLE', '1', AGE],
    ['UNKNOWN_OUTCOME', 503, 'STORE_UNAVAILABLE', '1', AGE],
    ['CONFLICT', 409, 'CONFLICT', undefined, {}],
    ['NOT_FOUND', 404, 'NOT_FOUND', undefined, {}],
    ['INVARIANT', 500, 'INTERNAL', undefined, {}],
  ])('%s', async (code, status, expected, retryAfter, age) => {
    const app = apiOver(broken(code));
    const response = await app.inject({ url: '/api/v1/runs/1' });
    const { code: told, lastContactAt, ageSeconds } = response.json<Problem>();
    expect({
      status: response.statusCode,
      code: told,
      retryAfter: response.headers['retry-after'],
      age: { lastContactAt, ageSeconds },
    }).toEqual({ status, code: expected, retryAfter, age });
    await app.close();
  });

  test('a store that cannot be read makes the server not ready, and alive all the same', async () => {
    const app = apiOver(broken('UNAVAILABLE'));
    expect((await app.inject({ url: '/readyz' })).json()).toMatchObject({ status: 503, code: 'NOT_READY', ...AGE });
    expect((await app.inject({ url: '/livez' })).statusCode).toBe(200);
    await app.close();
  });

  test('a bug says nothing about itself to the client', async () => {
    const buggy = new Proxy({} as ApiStore, {
      get: (_target, verb, self) =>
        verb === 'audited' ? () => self as ApiStore : () => Promise.reject(new TypeError('secret detail')),
    });
    const app = apiOver(buggy);
    const response = await app.inject({ url: '/api/v1/runs/1' });
    expect({ status: response.statusCode, code: response.json<Problem>().code }).toEqual({
      status: 500,
      code: 'INTERNAL',
    });
    expect(response.body).not.toContain('secret');
    await app.close();
  });
});

test('the documentation lists every row of the error table', async () => {
  const page = await readFile(new URL('../../../../docs/api.md', import.meta.url), 'utf8');
  const rows = [...page.matchAll(/^\| `([A-Z_]+)` \| (\d{3}) \| (.+) \|$/gm)].map(([, code, status, sentence]) => [
    code,
    Number(status),
    sentence,
  ]);
  expect(rows).toEqual(Object.entries(ERRORS).map(([code, row]) => [code, row.status, row.sentence]));
});

describe('nothing that a client sends causes a 500 or a hang', () => {
  const odd = fc.oneof(
    fc.constantFrom(
      '',
      '0',
      '-1',
      '1',
      '1.5',
      'null',
      'true',
      '[]',
      '{}',
      '[1,"a"]',
      '{"a":1}',
      '%00',
      '../..',
      're:(',
      're:(a*)*b',
      '9007199254740993',
      '1e309',
      'constructor',
      '__proto__',
      'toString',
      'samples',
      'diamond',
      'a',
      'DIRECT',
      'NODE_PRE',
      '2024-02-30T00:00:00Z',
      '🤷',
      '\ud800',
    ),
    fc.string({ unit: 'binary', maxLength: 30 }),
    fc.string({ maxLength: 30 }),
    fc.integer().map(String),
  );
  const names = [
    'projectName',
    'workflowName',
    'execType',
    'nodeName',
    'timeout',
    'status',
    'from',
    'size',
    'query',
    'limit',
    'cursor',
    'project',
    'workflow',
    'state',
    'params',
    'select',
    'extras',
    'data',
    'file',
    'name',
    'tasks',
    'source',
    'format',
    'files',
    '__proto__',
    'dryRun',
    'selected',
    'proxyUser',
    'queue',
    'nodes',
    'rerunOf',
    'version',
    'wait',
    'notifyType',
    'notifyMails',
    'kind',
    'target',
    'secret',
    'events',
    'run',
  ];
  const fields = fc.array(fc.tuple(fc.oneof(fc.constantFrom(...names), odd), odd), { maxLength: 6 });
  const deep = fc.letrec((tie) => ({
    value: fc.oneof(
      { depthSize: 'small' },
      odd,
      fc.double(),
      fc.boolean(),
      fc.constant(null),
      fc.array(tie('value'), { maxLength: 4 }),
      fc.dictionary(fc.oneof(fc.constantFrom(...names), odd), tie('value'), { maxKeys: 5, noNullPrototype: true }),
    ),
  })).value;
  const body = fc.oneof(
    deep.map((value) => JSON.stringify(value) ?? ''),
    fields.map((pairs) =>
      JSON.stringify({
        projectName: 'samples',
        workflowName: 'diamond',
        execType: 'DIRECT',
        project: 'samples',
        workflow: 'diamond',
        ...Object.fromEntries(pairs),
      }),
    ),
    // What the smaller bodies are made of, alone: beside other fields they are refused at once.
    fc
      .dictionary(fc.constantFrom('from', 'version', 'size', 'kind', 'target', 'secret', 'events'), deep, {
        maxKeys: 4,
      })
      .map((value) => JSON.stringify(value)),
    fc
      .record({ kind: fc.constantFrom('email', 'webhook'), target: fc.oneof(odd, fc.webUrl(), fc.emailAddress()) })
      .map((value) => JSON.stringify(value)),
    fc
      .record({ from: fc.constantFrom('a', 'd', 'x', ''), version: fc.constantFrom('same', 'latest') })
      .map((value) => JSON.stringify(value)),
    fc.nat().map((size) => JSON.stringify({ size })),
    fields.map((pairs) =>
      pairs
        .map(
          ([name, value]) => `${encodeURIComponent(name.toWellFormed())}=${encodeURIComponent(value.toWellFormed())}`,
        )
        .join('&'),
    ),
    fields.map(
      (pairs) =>
        `${pairs.map(([name, value]) => `--X\r\ncontent-disposition: form-data; name="${name}"${value.length % 3 === 0 ? '; filename="f"' : ''}\r\n\r\n${value}\r\n`).join('')}--X--\r\n`,
    ),
    fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from(bytes)),
    odd,
  );
  const contentType = fc.constantFrom(
    'application/json',
    'application/x-www-form-urlencoded',
    'multipart/form-data; boundary=X',
    'application/yaml',
    'application/vnd.pelorus.bundle+json',
    'text/plain',
    'application/json; charset=utf-16',
    '',
    ';',
    'multipart/form-data',
  );
  const isStream = (route: Route) =>
    Object.values(route.answers).some(
      (answer) => answer !== null && 'media' in answer && 'text/event-stream' in answer.media,
    );
  const request = fc.record({
    // Streams do not end: requests without a connection cannot have them (test/fuzz sends those as well).
    route: fc.constantFrom(...ROUTES.filter((route) => !isStream(route))),
    method: fc.option(fc.constantFrom('GET', 'POST', 'PUT', 'DELETE', 'PATCH', 'HEAD', 'OPTIONS'), {
      freq: 4,
      nil: null,
    }),
    segments: fc.array(fc.oneof(odd, fc.constantFrom('samples', 'diamond', 'ID', 'ENDED', 'ID.0.1', 'a')), {
      minLength: 3,
      maxLength: 3,
    }),
    encoded: fc.boolean(),
    query: fields,
    contentType,
    body: fc.option(body, { nil: null, freq: 3 }),
    key: fc.option(fc.oneof(fc.constantFrom('k', 'l'), odd), { nil: null, freq: 3 }),
  });

  test('any request over all routes', async () => {
    await fc.assert(
      fc.asyncProperty(
        request,
        async ({ route, method, segments, encoded, query, contentType: type, body: payload, key }) => {
          let next = 0;
          const path = route.path.replace(/:\w+/g, () => {
            const segment = (segments[next++] ?? 'x')
              .replace('ENDED', String(endedRunId))
              .replace('ID', String(runId))
              .toWellFormed();
            return encoded ? encodeURIComponent(segment) : segment.replace(/[\s#?]|[^\x21-\x7e]/g, '~');
          });
          const search = new URLSearchParams(
            query.map(([name, value]) => [name.toWellFormed(), value.toWellFormed()]),
          ).toString();
          const used = method ?? route.method;
          const withBody = payload !== null && used !== 'GET' && used !== 'HEAD';
          const response = await api.app.inject({
            method: used,
            url: `${route.root ? '' : '/api/v1'}${path}${search === '' ? '' : `?${search}`}`,
            headers: {
              ...(withBody ? { 'content-type': type } : {}),
              ...(key === null ? {} : { 'idempotency-key': key.replace(/[^\x21-\xff]/g, '~') }),
            },
            ...(withBody ? { payload } : {}),
          });
          expect(response.statusCode, response.body).toBeLessThan(500);
          if (response.statusCode >= 400 && used !== 'HEAD') {
            // In the published envelope the code of a problem is its reason.
            const { reason, ...problem } = response.json<Problem & { reason?: string }>();
            expect({ ...problem, code: reason ?? problem.code }).toMatchObject({
              status: response.statusCode,
              code: anyText,
              message: anyText,
            });
          }
        },
      ),
      { numRuns: Number(process.env['PELORUS_FUZZ_RUNS'] ?? 1500) },
    );
  });
});
