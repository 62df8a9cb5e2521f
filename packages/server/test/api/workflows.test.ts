/** Workflows: lists with last runs, entity tags, differences between versions, rollback, export. */
import type { AuditView, Page, WorkflowDiff, WorkflowListItem, WorkflowSaved, WorkflowView } from '@pelorus/protocol';
import { beforeEach, describe, expect, test } from 'vitest';
import { DIAMOND, NOW, openApi, type ApiUnderTest } from './api-under-test.ts';

let api: ApiUnderTest;
beforeEach(async () => {
  api = await openApi();
  await api.save('demo', 'diamond', DIAMOND);
});

const AT = '/projects/demo/workflows/diamond';
const yaml = (run: string) => `name: diamond # as written\ntasks:\n  a: { run: "${run}" }\n  z: { run: "true" }\n`;
const put = <Body = WorkflowSaved & { code: string; version: number | null }>(
  body: string,
  headers: Record<string, string> = {},
) => api.call<Body>('PUT', AT, { body, headers: { 'content-type': 'application/yaml', ...headers } });

describe('entity tags', () => {
  test('a client that has the version already is told so', async () => {
    const first = await api.call<WorkflowView>('GET', AT);
    const etag = String(first.headers['etag']);
    expect(etag).toMatch(/^"1-[0-9a-f]{16}"$/);
    for (const path of [AT, `${AT}/versions/1`])
      expect(await api.call('GET', path, { headers: { 'if-none-match': `W/"x", ${etag}` } })).toMatchObject({
        status: 304,
        text: '',
        headers: { etag },
      });
    await put(yaml('b'));
    expect(await api.call('GET', AT, { headers: { 'if-none-match': etag } })).toMatchObject({
      status: 200,
      body: { version: 2 },
    });
  });

  test('a save over another version than the one expected is refused, with the version there is', async () => {
    const etag = String((await api.call('GET', AT)).headers['etag']);
    const saved = await put(yaml('b'), { 'if-match': etag });
    expect(saved).toMatchObject({ status: 200, body: { version: 2, changed: true } });
    expect(saved.headers['etag']).toMatch(/^"2-/);
    const late = await put(yaml('c'), { 'if-match': etag });
    expect(late).toMatchObject({ status: 412, body: { code: 'PRECONDITION_FAILED', version: 2 } });
    expect((await put(yaml('c'), { 'if-match': '*' })).status).toBe(200);
    expect(await api.call('DELETE', AT, { headers: { 'if-match': etag } })).toMatchObject({
      status: 412,
      body: { version: 3 },
    });
  });

  test('a save of remarks or layout alone keeps the version, stores the text, and counts for what others expect', async () => {
    const first = await put(yaml('b'));
    const tag = String(first.headers['etag']);
    expect(first.body).toMatchObject({ version: 2, changed: true, textChanged: false, tag });
    const remarked = yaml('b').replace('# as written', '# why it is so');
    const saved = await put(remarked, { 'if-match': tag });
    expect(saved).toMatchObject({ status: 200, body: { version: 2, changed: false, textChanged: true } });
    expect(saved.headers['etag']).toMatch(/^"2-[0-9a-f]{16}-1"$/);
    expect(saved.body.tag).toBe(saved.headers['etag']);
    for (const path of [AT, `${AT}/versions/2`]) {
      const { body, headers } = await api.call<WorkflowView>('GET', path, { headers: { 'if-none-match': tag } });
      expect(body).toMatchObject({ version: 2, source: remarked, tag: saved.body.tag, updatedBy: 'admin' });
      expect(headers['etag']).toBe(saved.body.tag);
    }
    expect((await api.call('GET', `${AT}/export`)).text).toBe(remarked);
    for (const body of [yaml('b'), yaml('c')])
      expect(await put(body, { 'if-match': tag })).toMatchObject({ status: 412, body: { version: 2 } });
    expect(await put(remarked)).toMatchObject({ body: { changed: false, textChanged: false, tag: saved.body.tag } });
    const { body: page } = await api.call<Page<AuditView>>('GET', '/audit', { query: { action: 'putWorkflow' } });
    expect(page.items.filter(({ outcome }) => outcome === 'done')).toHaveLength(3);
    const next = await put(yaml('c'), { 'if-match': saved.body.tag });
    expect(next.body.tag).toMatch(/^"3-[0-9a-f]{16}"$/);
    const { body: old } = await api.call<WorkflowView>('GET', `${AT}/versions/2`);
    expect(old).toMatchObject({ source: remarked, latestVersion: 3 });
  });

  test('of two saves at once over the same version one is refused', async () => {
    const etag = String((await api.call('GET', AT)).headers['etag']);
    const both = await Promise.all([put(yaml('b'), { 'if-match': etag }), put(yaml('c'), { 'if-match': etag })]);
    expect(both.map(({ status }) => status).sort((a, b) => a - b)).toEqual([200, 412]);
  });

  test('If-None-Match: * only creates', async () => {
    const only = { 'if-none-match': '*' };
    expect(await put(yaml('b'), only)).toMatchObject({ status: 412, body: { version: 1 } });
    const body = { ...DIAMOND, name: 'other' };
    const create = () => api.call<WorkflowSaved>('PUT', '/projects/demo/workflows/other', { body, headers: only });
    expect((await create()).status).toBe(201);
    expect(await create()).toMatchObject({ status: 412 });
    expect(
      await api.call('PUT', '/projects/demo/workflows/none', { body, headers: { 'if-match': '*' } }),
    ).toMatchObject({
      status: 412,
      body: { version: null },
    });
  });
});

describe('versions', () => {
  const diff = async (from: number, to: number) =>
    (await api.call<WorkflowDiff>('GET', `${AT}/versions/${from}/diff/${to}`)).body;

  test('differ in their text, tasks, settings and files', async () => {
    await put(yaml('one'));
    const second = yaml('two').replace('tasks:', 'params: { region: eu }\ntasks:').replace('  z:', '  y:');
    await put(second);
    expect(await diff(2, 3)).toEqual({
      from: 2,
      to: 3,
      text: [
        '--- version 2 (yaml)',
        '+++ version 3 (yaml)',
        '@@ -1,4 +1,5 @@',
        ' name: diamond # as written',
        '+params: { region: eu }',
        ' tasks:',
        '-  a: { run: "one" }',
        '-  z: { run: "true" }',
        '+  a: { run: "two" }',
        '+  y: { run: "true" }',
        '',
      ].join('\n'),
      tasks: { added: ['y'], removed: ['z'], changed: ['a'] },
      settings: ['params'],
      files: { added: [], removed: [], changed: [] },
    });
    expect(await diff(3, 3)).toMatchObject({ text: '', tasks: { added: [], removed: [], changed: [] }, settings: [] });
    expect((await api.call('GET', `${AT}/versions/1/diff/9`)).body.code).toBe('VERSION_NOT_FOUND');
  });

  test('of which nothing stayed are shown as replaced', async () => {
    const text = (word: string) =>
      `name: diamond\ntasks:\n${Array.from({ length: 3000 }, (_, i) => `  ${word}${i}: { run: "true" }\n`).join('')}`;
    await put(text('a'));
    await put(text('b'));
    const found = await diff(2, 3);
    expect(found.text.split('\n').filter((line) => line.startsWith('-  a'))).toHaveLength(3000);
    expect(found.tasks.added).toHaveLength(3000);
  });

  test('come back as the latest, with their files; the same content makes none', async () => {
    const bundle = {
      source: 'name: diamond\ntasks:\n  a: { type: shell, file: a.sh }\n',
      format: 'yaml',
      files: [{ name: 'a.sh', base64: 'ZWNobyBoaQo=' }],
    };
    await api.call('PUT', AT, {
      body: JSON.stringify(bundle),
      headers: { 'content-type': 'application/vnd.pelorus.bundle+json' },
    });
    await put(yaml('b'));
    const rollback = (body: object, headers = {}) =>
      api.call<WorkflowSaved>('POST', `${AT}/rollback`, { body, headers });
    expect(await rollback({ version: 2 })).toMatchObject({ status: 200, body: { version: 4, changed: true } });
    const { body } = await api.call<WorkflowView>('GET', AT);
    expect(body).toMatchObject({
      version: 4,
      source: bundle.source,
      format: 'yaml',
      files: [{ name: 'a.sh', sizeBytes: 8 }],
    });
    expect(await rollback({ version: 2 })).toMatchObject({ status: 200, body: { version: 4, changed: false } });
    expect(await rollback({ version: 9 })).toMatchObject({ status: 404, body: { code: 'VERSION_NOT_FOUND' } });
    expect(await rollback({ version: 1 }, { 'if-match': '"1-0000000000000000"' })).toMatchObject({ status: 412 });
    expect(await rollback({})).toMatchObject({ status: 400, body: { message: 'version is required' } });
  });

  test('are exported as they were written', async () => {
    await put(yaml('b'));
    const file = await api.call('GET', `${AT}/export`);
    expect(file).toMatchObject({ status: 200, text: yaml('b') });
    expect(file.headers).toMatchObject({
      'content-type': 'application/yaml; charset=utf-8',
      'content-disposition': `attachment; filename*=UTF-8''diamond.yaml`,
    });
    const first = await api.call('GET', `${AT}/export`, { query: { version: '1' } });
    expect(JSON.parse(first.text)).toEqual(DIAMOND);
  });
});

describe('lists', () => {
  const list = (query: Record<string, string> = {}) => api.call<Page<WorkflowListItem>>('GET', '/workflows', { query });
  const names = async (query: Record<string, string> = {}) =>
    (await list(query)).body.items.map(({ project, name }) => `${project}/${name}`);

  test('are by name, by a part of it, by label, in pages', async () => {
    await api.save('alpha', 'Zeta', { ...DIAMOND, name: 'Zeta', labels: { team: 'x' } });
    await api.save('demo', 'beta', { ...DIAMOND, name: 'beta', labels: { team: 'y' } });
    expect(await names()).toEqual(['alpha/Zeta', 'demo/beta', 'demo/diamond']);
    expect(await names({ q: 'ETA' })).toEqual(['alpha/Zeta', 'demo/beta']);
    expect(await names({ label: 'team' })).toEqual(['alpha/Zeta', 'demo/beta']);
    expect(await names({ label: 'team=y', project: 'demo' })).toEqual(['demo/beta']);
    const first = (await list({ limit: '2' })).body;
    expect(first.items.map(({ name }) => name)).toEqual(['Zeta', 'beta']);
    expect(await names({ limit: '2', cursor: first.nextCursor ?? '' })).toEqual(['demo/diamond']);
    expect((await api.call('GET', '/workflows', { query: { cursor: '!' } })).status).toBe(400);
  });

  test('have the last runs of each workflow when asked', async () => {
    const ids: number[] = [];
    for (let i = 0; i < 3; i++) ids.push(await api.run('demo', 'diamond'));
    await api.setRun(ids[0]!, 'failed', { startedAt: NOW - 3000, endedAt: NOW - 1000 });
    await api.setRun(ids[1]!, 'running', { startedAt: NOW - 2000 });
    await api.save('demo', 'quiet', { ...DIAMOND, name: 'quiet' });
    const { body } = await list({ lastRuns: '2' });
    const at = (ms: number) => new Date(NOW - ms).toISOString();
    expect(body.items.map(({ lastRuns }) => lastRuns)).toEqual([
      [
        { id: ids[2], state: 'queued', submittedAt: at(0), startedAt: null, endedAt: null },
        { id: ids[1], state: 'running', submittedAt: at(0), startedAt: at(2000), endedAt: null },
      ],
      [],
    ]);
    expect((await list()).body.items[0]).not.toHaveProperty('lastRuns');
    expect((await list({ lastRuns: '51' })).status).toBe(400);
  });
});

describe('a save warns of what tasks name and is not there', () => {
  const save = async (tasks: object) =>
    (await api.call<WorkflowSaved>('PUT', '/projects/demo/workflows/naming', { body: { name: 'naming', tasks } })).body
      .warnings;

  test('environments and sub-workflows, with the place', async () => {
    await api.call('PUT', '/environments/spark', { body: { variables: {} } });
    const tasks = {
      a: { run: 'true', environment: 'sprak' },
      b: { run: 'true', environment: 'spark' },
      c: { type: 'sub_workflow', workflow: 'nowhere' },
      d: { type: 'sub_workflow', workflow: 'diamond' },
    };
    expect(await save(tasks)).toMatchObject([
      { pointer: '/tasks/a/environment', message: 'there is no environment sprak; did you mean spark?' },
      {
        pointer: '/tasks/c/workflow',
        message: 'there is no workflow demo/nowhere: the task fails unless there is one by then',
      },
    ]);
    expect(await save({ d: tasks.d, b: tasks.b })).toEqual([]);
  });
});
