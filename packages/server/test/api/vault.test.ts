/** Secrets, connections and project files over HTTP. */
import { createHash } from 'node:crypto';
import type {
  ConnectionTested,
  ConnectionView,
  Page,
  ProjectFileView,
  RunView,
  SecretView,
  TaskView,
  WorkflowSaved,
} from '@pelorus/protocol';
import { describe, expect, test } from 'vitest';
import { createVault } from '../../src/vault/index.ts';
import { anyText, containing, openApi, vaultOf, type ApiUnderTest, type Call } from './api-under-test.ts';

const tested: { projectId: number; name: string }[] = [];
let answer: ConnectionTested | null = { ok: true, detail: 'select 1 gave 1', tookMs: 4, worker: 'w' };
const api: ApiUnderTest = await openApi({
  hints: {
    commandWritten: () => undefined,
    testConnection: async (projectId, name) => {
      tested.push({ projectId, name });
      return answer;
    },
  },
});
await api.call('PUT', '/projects/p', { body: {} });
const put = <Body>(path: string, body: unknown, headers: Call['headers'] = {}) =>
  api.call<Body>('PUT', `/projects/p/${path}`, { body, headers });
const get = <Body>(path: string, call: Call = {}) => api.call<Body>('GET', `/projects/p/${path}`, call);
const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');

describe('secrets', () => {
  test('are written and never given back', async () => {
    const created = await put<SecretView>('secrets/db', { value: 'canary-value' });
    expect(created).toMatchObject({
      status: 201,
      body: { name: 'db', readable: true, updatedAt: '2026-03-15T12:00:00.000Z', updatedBy: 'admin' },
    });
    const changed = await put<SecretView>('secrets/db', { value: 'canary-value-2' });
    expect(changed.status).toBe(200);
    const listed = await get<Page<SecretView>>('secrets');
    expect(listed.body).toEqual({ items: [changed.body], nextCursor: null });
    for (const { text } of [created, changed, listed, await get('secrets/db')]) expect(text).not.toContain('canary');
    const row = await api.store.getSecret((await api.store.findProject('p'))!.id, 'db');
    expect(row?.sealed).not.toContain('canary');
    const audit = await api.call('GET', '/audit', { query: { action: 'putSecret' } });
    expect(audit.body).toMatchObject({
      items: [{ target: 'projects/p/secrets/db' }, { target: 'projects/p/secrets/db' }],
    });
    expect(audit.text).not.toContain('canary');
  });

  test('are deleted; what is not there is 404', async () => {
    await put('secrets/brief', { value: 'some value' });
    expect((await api.call('DELETE', '/projects/p/secrets/brief')).status).toBe(204);
    for (const method of ['GET', 'DELETE'])
      expect(await api.call(method, '/projects/p/secrets/brief')).toMatchObject({
        status: 404,
        body: { code: 'SECRET_NOT_FOUND', message: 'project p has no secret brief' },
      });
  });

  test.each([
    [{ value: 'abc' }, /at least|too small|>=4/i],
    [{ value: 'x'.repeat(32 * 1024 + 1) }, /longer than 32768 bytes/],
    [{ value: 7 }, /value/],
    [{}, /value/],
    [{ value: 'canary-value', more: 1 }, /more is not known/],
    [{ value: 'canary-\0value' }, /NUL/],
    ['{"value": "canary-value', /not acceptable JSON/],
    ['{"value": canary-value}', /not acceptable JSON/],
  ])('%# is refused, and the refusal does not quote it', async (body, message) => {
    const refused = await put('secrets/bad', body, { 'content-type': 'application/json' });
    expect(refused).toMatchObject({ status: 400, body: { message: expect.stringMatching(message) as string } });
    expect(refused.text).not.toContain('canary');
    expect((await get('secrets/bad')).status).toBe(404);
  });

  test('pages follow on each other', async () => {
    for (const name of ['m1', 'm2', 'm3']) await put(`secrets/${name}`, { value: 'some value' });
    const page = async (cursor: string | null): Promise<Page<SecretView>> =>
      (await get<Page<SecretView>>('secrets', { query: { limit: '2', ...(cursor === null ? {} : { cursor }) } })).body;
    const first = await page(null);
    const second = await page(first.nextCursor);
    expect(second.nextCursor).toBeNull();
    const names = [...first.items, ...second.items].map(({ name }) => name);
    expect(names).toEqual(['db', 'm1', 'm2', 'm3']);
  });

  test('without a key nothing can be written, what is there can be listed, and the rest of the API works', async () => {
    const before = await openApi();
    await before.call('PUT', '/projects/p', { body: {} });
    await before.call('PUT', '/projects/p/secrets/db', { body: { value: 'some value' } });
    const other = await openApi({ store: before.store, vault: createVault([]) });
    const refused = await other.call('PUT', '/projects/p/secrets/x', { body: { value: 'canary-value' } });
    expect(refused).toMatchObject({
      status: 503,
      body: { code: 'VAULT_CLOSED', message: containing('PELORUS_SECRET_KEY') },
    });
    expect(refused.headers['retry-after']).toBe('1');
    expect((await other.call<SecretView>('GET', '/projects/p/secrets/db')).body.readable).toBe(false);
    const open = { kind: 'postgres', url: 'postgres://u:${secret.db}@h/db' };
    expect((await other.call('PUT', '/projects/p/connections/c', { body: open })).status).toBe(201);
    const closed = { kind: 'postgres', url: 'postgres://u:canary-value@h/db' };
    expect((await other.call('PUT', '/projects/p/connections/c', { body: closed })).status).toBe(503);
  });

  test('one that a definition names and that there is not is a warning with its place', async () => {
    const yaml = 'name: w\ntasks:\n  a:\n    run: echo "${secret.db} ${secret.nowhere}"\n';
    const saved = await api.call<WorkflowSaved>('PUT', '/projects/p/workflows/warned', {
      body: yaml,
      headers: { 'content-type': 'application/yaml' },
    });
    expect(saved.status).toBe(201);
    expect(saved.body.warnings.filter(({ message }) => message.includes('secret'))).toEqual([
      {
        pointer: '/tasks/a/run',
        line: 4,
        column: 10,
        message: '`${secret.nowhere}`: the project has no such secret; until there is one, attempts that need it fail',
      },
    ]);
  });
});

describe('connections', () => {
  const url = 'postgres://etl:canary-password@db:5432/dwh?password=canary-too';
  const shown = 'postgres://etl:***@db:5432/dwh?password=***';

  test('are shown without their passwords, which stay when the address comes back as it was shown', async () => {
    const created = await put<ConnectionView>('connections/dwh', { kind: 'postgres', url });
    expect(created).toMatchObject({
      status: 201,
      body: { name: 'dwh', kind: 'postgres', url: shown, updatedBy: 'admin' },
    });
    const project = (await api.store.findProject('p'))!;
    const sealed = (await api.store.getConnection(project.id, 'dwh'))!;
    expect(JSON.stringify(sealed)).not.toContain('canary');
    const kept = await put<ConnectionView>('connections/dwh', { kind: 'postgres', url: shown });
    expect(kept.status).toBe(200);
    const now = (await api.store.getConnection(project.id, 'dwh'))!;
    expect(vaultOf().open(now.sealed!, { kind: 'connection', projectId: project.id, name: 'dwh' })).toEqual({
      kind: 'open',
      value: url,
    });
    for (const { text } of [created, kept, await get('connections'), await get('connections/dwh')])
      expect(text).not.toContain('canary');
  });

  test('a password does not go along to another host, user, kind or parameter', async () => {
    for (const [kind, moved] of [
      ['postgres', shown.replace('@db:', '@evil:')],
      ['postgres', shown.replace('etl:', 'other:')],
      ['postgres', `${shown}&host=evil`],
      ['mysql', shown.replace('postgres:', 'mysql:')],
    ])
      expect(await put('connections/dwh', { kind, url: moved })).toMatchObject({
        status: 400,
        body: { message: containing('give the password again') },
      });
    expect((await put('connections/new', { kind: 'postgres', url: shown })).status).toBe(400);
  });

  test('an address that is no address of its kind is refused without being quoted', async () => {
    for (const bad of ['mysql://u:canary@h/db', 'postgres://u:cana/ry@h/db', 'postgres://u:canary@h:port/db']) {
      const refused = await put('connections/bad', { kind: 'postgres', url: bad });
      expect(refused).toMatchObject({ status: 400, body: { message: expect.stringMatching(/^url /) as string } });
      expect(refused.text).not.toContain('canary');
    }
  });

  test('are tried on a worker; 503 when there is none', async () => {
    await put('secrets/shown', { value: 'canary-detail' });
    const test_ = () => api.call<ConnectionTested>('POST', '/projects/p/connections/dwh/test');
    expect(await test_()).toMatchObject({
      status: 200,
      body: { ok: true, detail: 'select 1 gave 1', tookMs: 4, worker: 'w' },
    });
    expect(tested.at(-1)).toEqual({ projectId: (await api.store.findProject('p'))!.id, name: 'dwh' });
    answer = { ok: false, detail: 'refused for user canary-detail with canary-password', tookMs: 1, worker: 'w' };
    expect((await test_()).body).toMatchObject({ ok: false, detail: 'refused for user *** with ***' });
    answer = null;
    expect(await test_()).toMatchObject({ status: 503, body: { code: 'NO_WORKER' } });
    expect((await api.call('POST', '/projects/p/connections/gone/test')).status).toBe(404);
  });

  test('are deleted', async () => {
    expect((await api.call('DELETE', '/projects/p/connections/dwh')).status).toBe(204);
    expect(await get('connections/dwh')).toMatchObject({ status: 404, body: { code: 'CONNECTION_NOT_FOUND' } });
  });
});

describe('files', () => {
  const bytes = { 'content-type': 'application/octet-stream' };

  test('are stored by path, with the hash of their content as entity tag', async () => {
    const created = await put<ProjectFileView>('files/lib/x.sh', Buffer.from('echo x\n'), bytes);
    expect(created).toMatchObject({
      status: 201,
      headers: { etag: `"${sha256('echo x\n')}"` },
      body: { path: 'lib/x.sh', sha256: sha256('echo x\n'), sizeBytes: 7, updatedBy: 'admin' },
    });
    const read = await get('files/lib/x.sh');
    expect(read).toMatchObject({
      status: 200,
      text: 'echo x\n',
      headers: {
        etag: `"${sha256('echo x\n')}"`,
        'content-type': 'application/octet-stream',
        'content-disposition': "attachment; filename*=UTF-8''x.sh",
        'content-length': '7',
        'x-content-type-options': 'nosniff',
        'accept-ranges': 'bytes',
      },
    });
    expect((await get('files/lib%2Fx.sh')).text).toBe('echo x\n');
    expect((await api.call('HEAD', '/projects/p/files/lib/x.sh')).headers['content-length']).toBe('7');
    expect((await get('files/lib/x.sh', { headers: { 'if-none-match': `"${sha256('echo x\n')}"` } })).status).toBe(304);
    await put('files/empty', '', {});
    expect((await get('files/empty')).text).toBe('');
    expect((await get<Page<ProjectFileView>>('files')).body.items.map(({ path }) => path)).toEqual([
      'empty',
      'lib/x.sh',
    ]);
  });

  test.each([
    ['bytes=0-3', 206, 'echo', 'bytes 0-3/7'],
    ['bytes=5-', 206, 'x\n', 'bytes 5-6/7'],
    ['bytes=-2', 206, 'x\n', 'bytes 5-6/7'],
    ['bytes=2-999', 206, 'ho x\n', 'bytes 2-6/7'],
    ['bytes=-999', 206, 'echo x\n', 'bytes 0-6/7'],
    ['bytes=0-0', 206, 'e', 'bytes 0-0/7'],
    ['lines=1-2', 200, 'echo x\n', undefined],
    ['bytes=0-1,3-4', 200, 'echo x\n', undefined],
    ['bytes=4-2', 200, 'echo x\n', undefined],
    ['bytes=-', 200, 'echo x\n', undefined],
  ])('range %s', async (range, status, text, contentRange) => {
    const read = await get('files/lib/x.sh', { headers: { range } });
    expect({ status: read.status, text: read.text, range: read.headers['content-range'] }).toEqual({
      status,
      text,
      range: contentRange,
    });
  });

  test.each(['bytes=7-', 'bytes=100-200', 'bytes=-0'])('range %s is outside', async (range) => {
    expect(await get('files/lib/x.sh', { headers: { range } })).toMatchObject({
      status: 416,
      body: { code: 'RANGE_NOT_SATISFIABLE' },
    });
  });

  test.each(['../x', 'a/../x', './x', '/x', 'a//x', 'a/', 'a\\x', 'c:x', 'a\u0007x', 'a\u202Ex', 'x'.repeat(256), ''])(
    'path %j is refused',
    async (path) => {
      const before = (await get<Page<ProjectFileView>>('files')).body.items.length;
      const encoded = path.split('/').map(encodeURIComponent).join('%2F').replaceAll('.', '%2E');
      const refused = await put(`files/${encoded}`, Buffer.from('x'), bytes);
      expect(refused.status).toBe(400);
      expect((await get<Page<ProjectFileView>>('files')).body.items).toHaveLength(before);
    },
  );

  test('a change that expects other content is refused, and changes nothing', async () => {
    const change = (method: string, ifMatch: string) =>
      api.call('PUT' === method ? 'PUT' : 'DELETE', '/projects/p/files/cond', {
        headers: { 'if-match': ifMatch, ...(method === 'PUT' ? bytes : {}) },
        ...(method === 'PUT' ? { body: Buffer.from('two') } : {}),
      });
    expect((await change('PUT', '*')).status).toBe(412);
    await put('files/cond', Buffer.from('one'), bytes);
    expect(await change('PUT', `"${sha256('zero')}"`)).toMatchObject({
      status: 412,
      body: { code: 'PRECONDITION_FAILED' },
    });
    expect((await change('PUT', `W/"${sha256('one')}"`)).status).toBe(412);
    expect((await change('DELETE', 'nonsense')).status).toBe(412);
    expect((await get('files/cond')).text).toBe('one');
    expect((await change('PUT', `"x", "${sha256('one')}"`)).status).toBe(200);
    expect((await change('DELETE', `"${sha256('two')}"`)).status).toBe(204);
    expect(await get('files/cond')).toMatchObject({ status: 404, body: { code: 'FILE_NOT_FOUND' } });
  });

  test('what is too large, or no bytes, is refused', async () => {
    expect((await put('files/large', Buffer.alloc(16 * 1024 * 1024 + 1), bytes)).status).toBe(413);
    expect((await put('files/text', 'x', { 'content-type': 'text/plain' })).status).toBe(415);
    expect((await put('files/largest', Buffer.alloc(16 * 1024 * 1024), bytes)).status).toBe(201);
    expect((await api.call('DELETE', '/projects/p/files/largest')).status).toBe(204);
  });

  test('a workflow may name them; its runs pin them as they are submitted, re-runs of its version keep the pins', async () => {
    const definition = {
      name: 'w',
      tasks: { a: { run: './x.sh', files: ['lib/x.sh'] }, b: { type: 'shell', file: 'gone.sh' } },
    };
    expect(await put('workflows/w', definition)).toMatchObject({
      status: 422,
      body: { message: 'file gone.sh is named here but was not sent, and the project has no such file' },
    });
    await put('files/gone.sh', Buffer.from('v1'), bytes);
    expect((await put('workflows/w', definition)).status).toBe(201);
    const run = await api.run('p', 'w');
    const pinsOf = async (id: number) => (await api.store.getRun(id as never))?.spec.files;
    const v1 = [
      { name: 'gone.sh', sha256: sha256('v1') },
      { name: 'lib/x.sh', sha256: sha256('echo x\n') },
    ];
    expect(await pinsOf(run)).toEqual(v1);
    await put('files/gone.sh', Buffer.from('v2'), bytes);
    await api.call('DELETE', '/projects/p/files/lib/x.sh');
    await api.setTask(run, 0, 'succeeded');
    await api.setTask(run, 1, 'failed');
    await api.setRun(run, 'failed');
    const again = async (body: object) =>
      (await api.call<{ id: number }>('POST', `/runs/${run}/rerun`, { body })).body.id;
    expect(await pinsOf(await again({ version: 'same' }))).toEqual(v1);
    expect(await pinsOf((await api.call<{ id: number }>('POST', `/runs/${run}/repeat`)).body.id)).toEqual(v1);
    expect(await pinsOf(await again({ version: 'latest' }))).toEqual([{ name: 'gone.sh', sha256: sha256('v2') }]);
    expect(await pinsOf(await api.run('p', 'w'))).toEqual([{ name: 'gone.sh', sha256: sha256('v2') }]);
  });
});

describe('secrets in what runs answer', () => {
  const value = 'canary/väl+ue "x"';
  const forms = [value, encodeURIComponent(value), Buffer.from(`a${value}`).toString('base64'), JSON.stringify(value)];

  /** Streams do not go through `inject`. */
  const followed = async (path: string): Promise<{ status: number; text: string; body: unknown }> => {
    const address = await api.app.listen({ host: '127.0.0.1', port: 0 });
    const response = await fetch(`${address}/api/v1${path}`);
    return { status: response.status, text: await response.text(), body: null };
  };

  test('are masked in parameters, outputs, causes and logs, in every form', async () => {
    await put('secrets/masked', { value });
    await api.save('p', 'm', { name: 'm', tasks: { a: { run: 'echo' } } });
    const run = await api.run('p', 'm', { params: { given: `>${value}<`, other: 'plain' } });
    await api.setTask(run, 0, 'failed', {
      outputs: { token: forms.join(' '), fine: 'yes' },
      cause: { kind: 'invalid', detail: `cannot use ${value}` },
    });
    await api.setAttempt(run, 0, 1, 'failed', { cause: { kind: 'invalid', detail: forms[1]! } });
    await api.setRun(run, 'failed', { cause: { kind: 'invalid', detail: value } });
    await api.writeLog(run, 0, 1, `${forms.map((form) => `line ${form} end`).join('\n')}\nplain\n`);
    const answers = [
      await api.call('GET', `/runs/${run}`),
      await api.call('GET', `/runs/${run}/tasks`),
      await api.call('GET', `/runs/${run}/live`),
      await api.call('GET', '/runs', { query: { project: 'p' } }),
      await api.call('GET', `/executors/${run}`),
      await api.call('GET', '/executors'),
      await api.call('GET', `/attempts/${run}.0.1/logs`),
      await api.call('GET', `/attempts/${run}.0.1/logs`, { query: { tail: '10' } }),
      await api.call('GET', `/attempts/${run}.0.1/logs`, { query: { query: 'line' } }),
      await api.call('GET', `/executors/${run}.0.1/logs`),
      await api.call('GET', `/attempts/${run}.0.1/logs/download`),
      await followed(`/attempts/${run}.0.1/logs?follow=true`),
    ];
    for (const { status, text } of answers) {
      expect(status).toBe(200);
      for (const form of [...forms, 'canary']) expect(text).not.toContain(form);
      expect(text).not.toContain(JSON.stringify(value).slice(1, -1));
    }
    expect((answers[0]!.body as RunView).params).toEqual({ given: '>***<', other: 'plain' });
    const [task] = (answers[1]!.body as Page<TaskView>).items;
    expect(task!.outputs).toEqual({ token: anyText, fine: 'yes' });
    expect((answers[6]!.body as { content: string[] }).content.at(-1)).toBe('plain');
  });

  test('are as they were where a run is made again from one that was shown masked', async () => {
    const run = await api.run('p', 'm', { params: { given: value } });
    await api.setRun(run, 'failed');
    const { body } = await api.call<{ id: number }>('POST', `/runs/${run}/repeat`);
    expect((await api.store.getRun(body.id as never))?.spec.params).toEqual({ given: value });
    expect((await api.call<RunView>('GET', `/runs/${body.id}`)).body.params).toEqual({ given: '***' });
  });
});
