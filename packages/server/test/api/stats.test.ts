/** `GET /stats/runs` and the history of a workflow: many runs in one answer. */
import type { Page, RunHistory, RunStats } from '@pelorus/protocol';
import { beforeAll, describe, expect, test } from 'vitest';
import { API_LIMITS } from '../../src/api/limits.ts';
import { DIAMOND, NOW, having, openApi, type ApiUnderTest } from './api-under-test.ts';

const HOUR_MS = 3_600_000;
const at = (ms: number): string => new Date(ms).toISOString();
let api: ApiUnderTest;
let failed: number;
let live: number;
beforeAll(async () => {
  api = await openApi();
  await api.save('demo', 'diamond', DIAMOND);
  await api.save('demo', 'other', { ...DIAMOND, name: 'other' });
  failed = await api.run('demo', 'diamond', { select: ['a', 'b'] });
  await api.setTask(failed, 0, 'succeeded', { startedAt: NOW - 5000, endedAt: NOW - 4000 });
  await api.setTask(failed, 1, 'failed', { startedAt: NOW - 3000, endedAt: NOW, cause: { kind: 'exit', code: 3 } });
  await api.setRun(failed, 'failed', { endedAt: NOW });
  live = await api.run('demo', 'diamond');
  await api.setRun(live, 'running');
  await api.setTask(live, 0, 'running', { startedAt: NOW });
  await api.run('demo', 'other');
});

describe('runs by time', () => {
  const stats = (query: Record<string, string> = {}) => api.call<RunStats>('GET', '/stats/runs', { query });

  test('of the last 24 hours by the hour, unless it is told otherwise', async () => {
    const { status, body } = await stats();
    expect(status).toBe(200);
    expect(body).toMatchObject({ after: at(NOW - 24 * HOUR_MS), before: at(NOW), bucketMs: HOUR_MS });
    expect(body.buckets).toHaveLength(24);
    // What is submitted now belongs to the span that begins now.
    expect(body.buckets.every(({ runs, tasks }) => Object.keys(runs).length === 0 && tasks === null)).toBe(true);
  });

  test('of a range, whose last span is whole', async () => {
    const range = { after: at(NOW - 60_000), before: at(NOW + 1), bucketMs: '60000' };
    expect((await stats(range)).body).toEqual({
      ...{ after: at(NOW - 60_000), before: at(NOW + 60_000), bucketMs: 60_000 },
      buckets: [
        { at: at(NOW - 60_000), runs: {}, tasks: null },
        { at: at(NOW), runs: { queued: 1, running: 1, failed: 1 }, tasks: null },
      ],
    });
    expect((await stats({ ...range, workflow: 'dia*', tasks: 'true' })).body.buckets[1]).toEqual({
      ...{ at: at(NOW), runs: { running: 1, failed: 1 } },
      tasks: { succeeded: 1, failed: 1, running: 1 },
    });
    expect((await stats({ ...range, project: 'demo', workflow: 'other' })).body.buckets[1]?.runs).toEqual({
      queued: 1,
    });
  });

  test.each([
    [{ bucketMs: '1000' }, 'bucketMs must be larger: 86400 spans are more than 500'],
    [{ after: at(NOW) }, 'before must be later than after'],
    [{ after: at(NOW - 367 * 24 * HOUR_MS), bucketMs: '86400000' }, 'after must be at most 366 days before before'],
    [{ bucketMs: '0' }, 'bucketMs must be at least 1000'],
  ])('%j is refused', async (query, message) => {
    expect(await stats(query)).toMatchObject({ status: 400, body: { message } });
  });

  test('of a project that is not there: 404', async () => {
    expect(await stats({ project: 'none' })).toMatchObject({ status: 404, body: { code: 'PROJECT_NOT_FOUND' } });
  });
});

describe('the history of a workflow', () => {
  const path = '/projects/demo/workflows/diamond/history';
  const history = (query: Record<string, string> = {}) => api.call<Page<RunHistory>>('GET', path, { query });
  const untouched = { cause: null, startedAt: null, endedAt: null };

  test('is its last runs, each as it is alone, with the states of all its tasks', async () => {
    const { status, body } = await history();
    expect(status).toBe(200);
    const alone = await Promise.all([live, failed].map((run) => api.call('GET', `/runs/${run}`)));
    expect(body.items.map(({ run }) => run)).toEqual(alone.map((answer) => answer.body));
    expect(body.items[1]?.tasks).toEqual([
      { name: 'a', state: 'succeeded', cause: null, startedAt: at(NOW - 5000), endedAt: at(NOW - 4000) },
      { name: 'b', state: 'failed', cause: { kind: 'exit', code: 3 }, startedAt: at(NOW - 3000), endedAt: at(NOW) },
      { name: 'c', state: 'skipped', ...untouched, cause: { kind: 'not_selected' } },
      { name: 'd', state: 'skipped', ...untouched, cause: { kind: 'not_selected' } },
    ]);
    expect(body.items[0]?.tasks.map(({ state }) => state)).toEqual(['running', 'pending', 'pending', 'pending']);
    expect(body.nextCursor).toBeNull();
  });

  test('comes in pages', async () => {
    const first = (await history({ limit: '1' })).body;
    const second = (await history({ limit: '1', cursor: first.nextCursor ?? '' })).body;
    expect([...first.items, ...second.items].map(({ run }) => run.id)).toEqual([live, failed]);
    expect(second.nextCursor).toBeNull();
  });

  test('ends earlier where its runs have more tasks together than one answer holds', async () => {
    const count = Math.floor(API_LIMITS.historyTasks / 4) + 1;
    const tasks = Object.fromEntries(Array.from({ length: count }, (_, n) => [`t${n}`, { type: 'virtual' }]));
    await api.save('demo', 'wide', { name: 'wide', tasks });
    for (let n = 0; n < 4; n++) await api.run('demo', 'wide');
    const { body } = await api.call<Page<RunHistory>>('GET', '/projects/demo/workflows/wide/history');
    expect(body.items).toHaveLength(3);
    expect(body.nextCursor).toEqual(expect.any(String));
  });

  test('of a workflow that is not there: 404', async () => {
    expect(await api.call('GET', '/projects/demo/workflows/none/history')).toMatchObject({
      status: 404,
      body: having({ code: 'WORKFLOW_NOT_FOUND' }),
    });
  });
});
