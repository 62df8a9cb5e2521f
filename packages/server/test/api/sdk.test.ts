/** The SDK against the API over a socket: that the two agree on every route. */
import { beforeAll, expect, test } from 'vitest';
import { ApiError, createClient, type Client } from '@pelorus/sdk';
import { containing, DIAMOND, NOW, openApi, type ApiUnderTest } from './api-under-test.ts';
import { zipOf } from './zip-builder.ts';

let api: ApiUnderTest;
let client: Client;
let baseUrl: string;
const TOKEN = 't'.repeat(40);

beforeAll(async () => {
  api = await openApi({ adminToken: TOKEN });
  baseUrl = await api.app.listen({ host: '127.0.0.1', port: 0 });
  client = createClient({ baseUrl: `${baseUrl}/api/v1/`, token: TOKEN });
  await client.projects.put('samples', { description: 'examples' });
  await client.workflows.save('samples', 'diamond', { source: JSON.stringify(DIAMOND), format: 'json' });
});

async function refusalOf(promise: Promise<unknown>): Promise<ApiError> {
  const error = await promise.then(
    () => null,
    (cause: unknown) => cause,
  );
  if (error instanceof ApiError) return error;
  throw new Error(`expected an ApiError, got ${String(error)}`);
}

test('projects, workflows, versions', async () => {
  expect(await client.projects.get('samples')).toMatchObject({ name: 'samples', description: 'examples' });
  expect((await client.projects.list()).items).toHaveLength(1);
  expect(
    await client.workflows.validate('samples', 'x', {
      source: 'name: x\ntasks:\n  a: { run: "true" }',
      format: 'yaml',
    }),
  ).toMatchObject({ valid: true, taskCount: 1 });
  const bundle = {
    source: 'name: x\ntasks:\n  a: { type: shell, file: a.sh }',
    format: 'yaml' as const,
    files: [{ name: 'a.sh', base64: btoa('true') }],
  };
  expect(await client.workflows.save('samples', 'x', bundle)).toMatchObject({ name: 'x', version: 1, created: true });
  expect((await client.workflows.get('samples', 'x')).files).toMatchObject([{ name: 'a.sh', sizeBytes: 4 }]);
  expect((await client.workflows.versions('samples', 'x')).items).toHaveLength(1);
  expect((await client.workflows.version('samples', 'x', 1)).source).toBe(bundle.source);
  expect((await client.workflows.list({ project: 'samples' })).items.map((item) => item.name)).toEqual([
    'diamond',
    'x',
  ]);
  expect(await client.workflows.delete('samples', 'x')).toBeUndefined();
  expect(await client.workflowSchema()).toMatchObject({ type: 'object' });
  expect(await client.connections.put('samples', 'db', { kind: 'sqlite', url: 'sqlite:x.db' })).toMatchObject({
    name: 'db',
    kind: 'sqlite',
    url: 'sqlite:x.db',
  });
});

test('runs, tasks, commands, logs', async () => {
  expect((await client.runs.preview({ project: 'samples', workflow: 'diamond', select: ['a'] })).plan.counts).toEqual({
    run: 1,
    reuse: 0,
    skip: 3,
  });
  const { id } = await client.runs.submit({ project: 'samples', workflow: 'diamond', params: { n: 1 } });
  expect(await client.runs.get(id)).toMatchObject({ id, state: 'queued', params: { n: 1 } });
  await api.setRun(id, 'running');
  await api.setAttempt(id, 0, 1, 'running');
  await api.setTask(id, 0, 'running');
  await api.writeLog(id, 0, 1, 'a 1\nb 2\n');
  expect(
    (await client.runs.list({ state: ['queued', 'running'], project: 'samples', limit: 5 })).items.map((run) => run.id),
  ).toContain(id);
  expect((await client.runs.tasks(id)).items[0]).toMatchObject({
    name: 'a',
    state: 'running',
    attempts: [{ id: `${id}.0.1` }],
  });
  expect((await client.runs.plan(id)).counts.run).toBe(4);
  expect(await client.runs.live(id)).toMatchObject({ source: 'store' });
  expect(await client.attempts.logs(`${id}.0.1`, { query: 're:^b', size: 1 })).toMatchObject({
    total: 1,
    content: ['b 2'],
  });
  expect(await client.runs.killTask(id, 'a')).toMatchObject({ run: id });
  await api.setTask(id, 1, 'failed');
  expect(await client.runs.forceSuccess(id, 'b')).toMatchObject({ run: id });
  expect(await client.runs.pause(id)).toMatchObject({ run: id });
  await api.setRun(id, 'paused');
  expect(await client.runs.resume(id)).toMatchObject({ run: id });
  expect(await client.runs.stop(id)).toMatchObject({ run: id });
  await api.setRun(id, 'stopped', { endedAt: NOW });
  expect(await refusalOf(client.runs.stop(id))).toMatchObject({
    status: 409,
    code: 'WRONG_STATE',
    state: 'stopped',
    message: `run ${id} is stopped: it cannot stop now`,
  });
});

test('runs run again, once per key, and commands that are waited for', async () => {
  const request = { project: 'samples', workflow: 'diamond' };
  const { id } = await client.runs.submit(request, { idempotencyKey: 'once' });
  expect(await client.runs.submit(request, { idempotencyKey: 'once' })).toMatchObject({ id });
  expect(
    await refusalOf(client.runs.submit({ ...request, params: { n: 1 } }, { idempotencyKey: 'once' })),
  ).toMatchObject({
    status: 409,
    code: 'CONFLICT',
  });
  await api.setRun(id, 'running');
  await api.setTask(id, 0, 'succeeded', { attempts: 1 });
  expect(await client.runs.stop(id, { waitMs: 20 })).toMatchObject({ run: id, outcome: 'pending', state: 'running' });
  await api.setRun(id, 'stopped', { endedAt: NOW });
  expect((await client.runs.previewRerun(id)).plan.counts).toEqual({ run: 3, reuse: 1, skip: 0 });
  const rerun = await client.runs.rerun(id, { from: 'b', version: 'latest' }, { idempotencyKey: 'again' });
  expect(await client.runs.rerun(id, { from: 'b', version: 'latest' }, { idempotencyKey: 'again' })).toEqual(rerun);
  expect(await client.runs.get(rerun.id)).toMatchObject({ rerunOf: id, mode: 'rerun-from' });
  expect(await client.runs.get((await client.runs.repeat(id)).id)).toMatchObject({ rerunOf: id, mode: 'repeat' });
  const published = { projectName: 'samples', workflowName: 'diamond', execType: 'DIRECT', rerunOf: id } as const;
  const first = await client.executors.run(published, { idempotencyKey: 'published' });
  expect(await client.executors.run(published, { idempotencyKey: 'published' })).toEqual(first);
});

test('task groups and alerts', async () => {
  expect(await client.taskGroups.put('gpu', { size: 2 })).toMatchObject({ name: 'gpu', size: 2, held: 0 });
  expect(await client.taskGroups.get('gpu')).toMatchObject({ waitingTasks: 0 });
  expect((await client.taskGroups.list()).items).toHaveLength(1);
  expect(await client.taskGroups.delete('gpu')).toBeUndefined();
  expect(await refusalOf(client.taskGroups.get('gpu'))).toMatchObject({ code: 'TASK_GROUP_NOT_FOUND' });
  const channel = await client.alertChannels.put('ops', { kind: 'webhook', target: 'https://example.org/' });
  expect(channel.secret).toMatch(/^whsec_/);
  expect(await client.alertChannels.get('ops')).toMatchObject({ kind: 'webhook', hasSecret: true });
  expect((await client.alertChannels.list()).items).toHaveLength(1);
  expect(await refusalOf(client.alertChannels.test('ops'))).toMatchObject({ status: 503, code: 'NOT_READY' });
  expect(await client.alertChannels.delete('ops')).toBeUndefined();
  expect(await client.alerts.list({ run: 1, state: 'failed', limit: 5 })).toEqual({ items: [], nextCursor: null });
});

test('the published contract', async () => {
  const {
    execIds: [execId = 0],
  } = await client.executors.run({
    projectName: 'samples',
    workflowName: 'diamond',
    execType: 'DIRECT',
    notifyMails: ['a@example.org'],
    startParams: { x: true },
  });
  expect(await client.executors.get(execId)).toMatchObject([{ execId, data: { nodes: [{ name: 'a' }, {}, {}, {}] } }]);
  expect(await client.executors.list({ workflowName: ['dia'], status: [0], size: 1 })).toMatchObject({ length: 1 });
  await api.setAttempt(execId, 0, 1, 'running');
  expect(await client.executors.logs(`${execId}.0.1`)).toMatchObject({ total: 0 });
  await client.executors.kill(execId);
  const file = new Uint8Array(zipOf([{ name: 'workflow.json', content: '{"nodes":[{"name":"n","type":"VIRTUAL"}]}' }]));
  const direct = await client.executors.runDirect({
    projectName: 'samples',
    workflowName: 'once',
    proxyUser: 'u',
    queue: 'q',
    file,
    extras: { a: 1 },
  });
  expect(await client.executors.get(direct.execId)).toMatchObject([{ workflowName: 'once', extras: { a: 1 } }]);
});

test('system and probes', async () => {
  expect(await client.system()).toMatchObject({ product: 'pelorus' });
  expect(await client.live()).toEqual({ status: 'live' });
  expect(await client.ready()).toEqual({ status: 'ready' });
  expect(await client.workers.list()).toEqual({ items: [], nextCursor: null });
  expect(await client.request<{ items: unknown[] }>({ method: 'GET', path: '/projects' })).toMatchObject({
    items: [{ name: 'samples' }],
  });
});

test('every refusal is an ApiError', async () => {
  expect(await refusalOf(client.runs.get(999_999))).toMatchObject({
    status: 404,
    code: 'RUN_NOT_FOUND',
    message: 'there is no run 999999',
  });
  expect(await refusalOf(createClient({ baseUrl }).system())).toMatchObject({ status: 401, code: 'NOT_SIGNED_IN' });
  const invalid = await refusalOf(
    client.workflows.save('samples', 'y', {
      source: 'name: y\ntasks:\n  a: { run: x, needs: [b, c] }',
      format: 'yaml',
    }),
  );
  expect(invalid).toMatchObject({
    status: 422,
    code: 'INVALID_DEFINITION',
    errors: [
      { pointer: '/tasks/a/needs/0', line: 3 },
      { pointer: '/tasks/a/needs/1', line: 3 },
    ],
  });
});

test('no server, another server, an aborted request', async () => {
  expect(await refusalOf(createClient({ baseUrl: 'http://127.0.0.1:1' }).system())).toMatchObject({
    status: 0,
    code: 'UNREACHABLE',
    message: containing('127.0.0.1:1'),
  });
  const other = createClient({ baseUrl: 'http://x', fetch: async () => new Response('<html>', { status: 502 }) });
  expect(await refusalOf(other.system())).toMatchObject({ status: 502, code: 'NOT_PELORUS' });
  const liar = createClient({ baseUrl: 'http://x', fetch: async () => new Response('<html>') });
  expect(await refusalOf(liar.system())).toMatchObject({ status: 200, code: 'NOT_PELORUS' });
  const reason = new Error('enough');
  await expect(client.system(AbortSignal.abort(reason))).rejects.toBe(reason);
});
