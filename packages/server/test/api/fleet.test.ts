/** Workers and their drains, masters, worker groups, environments. */
import {
  workerIdOf,
  type EnvironmentView,
  type MasterView,
  type Page,
  type SystemView,
  type WorkerDetail,
  type WorkerDrained,
  type WorkerGroupView,
  type WorkerView,
} from '@pelorus/protocol';
import type { WorkerRecord } from '@pelorus/engine';
import { beforeEach, describe, expect, test } from 'vitest';
import { DIAMOND, NOW, openApi, type ApiUnderTest } from './api-under-test.ts';

const AT = new Date(NOW).toISOString();
let api: ApiUnderTest;
beforeEach(async () => {
  api = await openApi();
});

const worker = (id: string, more: Partial<WorkerRecord> = {}) =>
  api.commit({
    kind: 'worker',
    record: {
      id: workerIdOf(id),
      name: id.slice(0, id.indexOf('.')),
      host: 'h1',
      groups: ['default'],
      slots: 4,
      state: 'online',
      registeredAt: NOW,
      seenAt: NOW,
      ...more,
    },
  });

describe('workers', () => {
  test('are shown by id or name, with what they can, why they are drained and what they run', async () => {
    await worker('etl.1', { state: 'offline', registeredAt: NOW - 5 });
    await worker('etl.2', {
      features: ['shell', 'limits:cgroup2'],
      load: {
        ...{ slots: 4, usedSlots: 1, loadAverage: -1, cpuCount: 2, freeMemoryBytes: 10.6, totalMemoryBytes: 20 },
        ...{ busy: true, draining: false },
      },
    });
    await api.save('demo', 'diamond', DIAMOND);
    const run = await api.run('demo', 'diamond');
    await api.setRun(run, 'running');
    await api.setTask(run, 0, 'running', { attempts: 1 });
    await api.setAttempt(run, 0, 1, 'running', { worker: workerIdOf('etl.2') });
    const drained = await api.call<WorkerDrained>('POST', '/workers/etl/drain', { body: { reason: 'new disk' } });
    expect(drained).toMatchObject({ status: 202 });
    expect(drained.body).toEqual({
      name: 'etl',
      draining: true,
      reason: 'new disk',
      workers: ['etl.2'],
      liveAttempts: 1,
    });
    expect(await api.store.loadDrainedWorkers()).toEqual(['etl']);
    const { body } = await api.call<WorkerDetail>('GET', '/workers/etl');
    expect(body).toEqual({
      id: 'etl.2',
      name: 'etl',
      host: 'h1',
      groups: ['default'],
      slots: 4,
      state: 'online',
      registeredAt: AT,
      seenAt: AT,
      load: {
        ...{ usedSlots: 1, freeSlots: 3, loadAverage: null, cpuCount: 2, freeMemoryBytes: 11, totalMemoryBytes: 20 },
        busy: true,
      },
      features: ['shell', 'limits:cgroup2'],
      drain: { reason: 'new disk', at: AT, by: 'admin' },
      attempts: [
        {
          id: `${run}.0.1`,
          run,
          project: 'demo',
          workflow: 'diamond',
          state: 'running',
          dispatchedAt: new Date(NOW - 80_000).toISOString(),
          startedAt: new Date(NOW - 79_000).toISOString(),
        },
      ],
      liveAttempts: 1,
    });
    const { attempts: _attempts, liveAttempts: _live, ...listed } = body;
    const { items } = (await api.call<Page<WorkerView>>('GET', '/workers')).body;
    expect(items.find(({ id }) => id === 'etl.2')).toEqual(listed);
    expect((await api.call<WorkerDetail>('GET', '/workers/etl.1')).body).toMatchObject({
      state: 'offline',
      load: null,
      features: [],
      attempts: [],
    });
    const undrained = await api.call<WorkerDrained>('POST', '/workers/etl.1/undrain');
    expect(undrained.body).toMatchObject({ name: 'etl', draining: false, reason: null });
    expect(await api.call('POST', '/workers/etl/undrain')).toMatchObject({ status: 202, body: { draining: false } });
    expect(await api.store.loadDrainedWorkers()).toEqual([]);
  });

  test('that nobody knows are 404', async () => {
    await worker('etl.1');
    for (const [method, path] of [
      ['GET', '/workers/elt'],
      ['POST', '/workers/elt/drain'],
      ['POST', '/workers/elt/undrain'],
    ] as const)
      expect(await api.call(method, path)).toMatchObject({
        status: 404,
        body: { code: 'WORKER_NOT_FOUND', message: 'there is no worker elt; did you mean etl?' },
      });
  });
});

test('a worker that nobody has heard of for a minute is offline, wherever it is shown or counted', async () => {
  await worker('etl.1', { seenAt: NOW - 60_000 });
  await worker('gone.1', { seenAt: NOW - 60_001 });
  const { items } = (await api.call<Page<WorkerView>>('GET', '/workers')).body;
  expect(items.map(({ id, state }) => [id, state])).toEqual([
    ['etl.1', 'online'],
    ['gone.1', 'offline'],
  ]);
  expect((await api.call('GET', '/workers/gone')).body).toMatchObject({ id: 'gone.1', state: 'offline' });
  expect((await api.call('GET', '/system')).body).toMatchObject({ workers: { online: 1, draining: 0, slots: 4 } });
  expect((await api.call('GET', '/worker-groups')).body).toMatchObject({
    items: [{ name: 'default', workers: [{ id: 'etl.1' }], slots: 4 }],
  });
});

test('masters are listed with their lease and the runs that they own', async () => {
  await api.save('demo', 'diamond', DIAMOND);
  await api.setRun(await api.run('demo', 'diamond'), 'running');
  await api.setRun(await api.run('demo', 'diamond'), 'succeeded', { endedAt: NOW });
  const { body } = await api.call<Page<MasterView>>('GET', '/masters');
  expect(body.items).toMatchObject([{ id: 'test-master', host: 'here', state: 'active', runs: 1, endedAt: null }]);
  expect(JSON.stringify(body)).not.toContain('token');
  await worker('etl.1');
  await worker('gpu.1', { state: 'draining', slots: 2 });
  expect((await api.call<SystemView>('GET', '/system')).body).toMatchObject({
    masters: { active: 1 },
    workers: { online: 1, draining: 1, slots: 6 },
    uptimeMs: 0,
    node: process.version,
  });
});

describe('worker groups', () => {
  const list = async () => (await api.call<Page<WorkerGroupView>>('GET', '/worker-groups')).body.items;

  test('are what people describe, workers belong to, and tasks wait for', async () => {
    await worker('etl.1', { groups: ['default', 'fast'] });
    await worker('old.1', { groups: ['gone'], state: 'offline' });
    const tasks = {
      a: { run: 'true' },
      b: { run: 'true', workerGroup: 'gpu' },
      c: { run: 'true', workerGroup: 'gpu' },
    };
    await api.save('demo', 'train', { name: 'train', tasks });
    const run = await api.run('demo', 'train', { workerGroup: 'fast' });
    await api.setRun(run, 'running');
    for (const task of [0, 1, 2]) await api.setTask(run, task, 'queued');
    const put = await api.call<WorkerGroupView>('PUT', '/worker-groups/gpu', { body: { description: 'with cards' } });
    expect(put).toMatchObject({ status: 201, body: { waitingTasks: 2, workers: [], slots: 0, updatedBy: 'admin' } });
    expect(await api.call('PUT', '/worker-groups/gpu', { body: {} })).toMatchObject({
      status: 200,
      body: { description: '' },
    });
    const empty = { description: '', updatedAt: null, updatedBy: null };
    const workers = [{ id: 'etl.1', name: 'etl', state: 'online' }];
    expect(await list()).toEqual([
      { ...empty, name: 'default', workers, slots: 4, waitingTasks: 0 },
      { ...empty, name: 'fast', workers, slots: 4, waitingTasks: 1 },
      { ...empty, name: 'gpu', workers: [], slots: 0, waitingTasks: 2, updatedAt: AT, updatedBy: 'admin' },
    ]);
    expect((await api.call('DELETE', '/worker-groups/gpu')).status).toBe(204);
    expect((await api.call<WorkerGroupView>('GET', '/worker-groups/gpu')).body.updatedAt).toBeNull();
    expect((await api.call('DELETE', '/worker-groups/gpu')).body.code).toBe('WORKER_GROUP_NOT_FOUND');
    expect((await api.call('GET', '/worker-groups/fats')).body.message).toBe(
      'there is no worker group fats; did you mean fast?',
    );
  });
});

describe('environments', () => {
  const put = (name: string, body: object) => api.call<EnvironmentView>('PUT', `/environments/${name}`, { body });

  test('are made, replaced, listed and deleted', async () => {
    const made = await put('spark', { description: 'Spark 4', variables: { SPARK_HOME: '/opt/spark' } });
    expect(made).toMatchObject({ status: 201 });
    expect(made.body).toEqual({
      name: 'spark',
      description: 'Spark 4',
      variables: { SPARK_HOME: '/opt/spark' },
      updatedAt: AT,
      updatedBy: 'admin',
    });
    expect(await put('spark', { variables: { A: '1' } })).toMatchObject({
      status: 200,
      body: { description: '', variables: { A: '1' } },
    });
    await put('a', { variables: {} });
    const { body } = await api.call<Page<EnvironmentView>>('GET', '/environments');
    expect(body.items.map(({ name }) => name)).toEqual(['a', 'spark']);
    expect(await api.store.loadEnvironments(['spark', 'none'])).toEqual([{ name: 'spark', variables: { A: '1' } }]);
    expect((await api.call('DELETE', '/environments/a')).status).toBe(204);
    expect((await api.call('DELETE', '/environments/sprak')).body).toMatchObject({
      code: 'ENVIRONMENT_NOT_FOUND',
      message: 'there is no environment sprak; did you mean spark?',
    });
    expect((await api.call('GET', '/environments/a')).status).toBe(404);
  });

  test.each([
    [{}, 'variables is required'],
    [{ variables: { '1A': 'x' } }, 'variables.1A is not acceptable'],
    [{ variables: { A: 1 } }, 'variables.A must be a text'],
    [{ variables: { PELORUS_RUN_ID: '1' } }, 'variables.PELORUS_RUN_ID: names that begin with PELORUS_ are ours'],
    [
      { variables: Object.fromEntries(Array.from({ length: 1001 }, (_, i) => [`A${i}`, ''])) },
      'variables may hold at most 1000',
    ],
    [{ variables: { A: 'x'.repeat(262_140) } }, 'variables may be at most 262144 bytes together'],
  ])('a wrong one is refused', async (body, message) => {
    expect((await put('e', body)).body).toMatchObject({ status: 400, message });
  });

  test('a run in one that does not exist is refused', async () => {
    await put('spark', { variables: {} });
    await api.save('demo', 'diamond', DIAMOND);
    const run = { project: 'demo', workflow: 'diamond' };
    expect(await api.call('POST', '/runs', { body: { ...run, environment: 'sprak' } })).toMatchObject({
      status: 400,
      body: {
        code: 'UNKNOWN_ENVIRONMENT',
        message: 'there is no environment sprak; did you mean spark?',
        errors: [{ pointer: '/environment' }],
      },
    });
    expect((await api.call('POST', '/runs', { body: { ...run, environment: 'spark' } })).status).toBe(201);
  });
});
