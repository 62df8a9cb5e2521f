/** Operations on many runs: what is selected, what becomes of each, crashes in between, rights. */
import { setTimeout } from 'node:timers/promises';
import {
  runIdOf,
  type AuditView,
  type BulkDetail,
  type BulkPreview,
  type BulkView,
  type Page,
  type RunView,
} from '@pelorus/protocol';
import { beforeEach, describe, expect, test } from 'vitest';
import type { BulkSender } from '../../src/store/port.ts';
import { DIAMOND, NOW, openApi, type ApiUnderTest } from './api-under-test.ts';

let api: ApiUnderTest;
beforeEach(async () => {
  api = await openApi();
  await api.save('demo', 'diamond', DIAMOND);
});

const post = <Body = BulkView>(body: object, more: object = {}) =>
  api.call<Body>('POST', '/bulk/runs', { body, ...more });
const get = async (id: number, query = {}) => (await api.call<BulkDetail>('GET', `/bulk/${id}`, { query })).body;

/** Waits for the background to have seen to all of it. */
async function ended(id: number): Promise<BulkDetail> {
  for (;;) {
    const detail = await get(id);
    if (detail.state === 'ended') return detail;
    await setTimeout(5);
  }
}

const runs = async (count: number) => {
  const ids: number[] = [];
  for (let i = 0; i < count; i++) ids.push(await api.run('demo', 'diamond'));
  return ids;
};
const plain = { command: null, outcome: null, newRun: null, code: null, message: null };

test('each run has its own outcome, and the master has the last word', async () => {
  const ids = await runs(3);
  await api.setRun(ids[1]!, 'succeeded', { endedAt: NOW });
  const made = await post({ action: 'stop', ids: [...ids, 999, ids[0]] });
  expect(made).toMatchObject({ status: 202, headers: { location: `/api/v1/bulk/${made.body.id}` } });
  expect(made.body).toMatchObject({ action: 'stop', total: 4, refused: 1, submittedBy: 'admin' });
  const { items, ...head } = await ended(made.body.id);
  expect(head).toMatchObject({ state: 'ended', total: 4, pending: 0, done: 2, refused: 2, nextCursor: null });
  expect(items).toEqual([
    { ...plain, run: ids[0], state: 'done', command: expect.any(Number) as number },
    {
      ...plain,
      run: ids[1],
      state: 'refused',
      code: 'WRONG_STATE',
      message: `run ${ids[1]} is succeeded: it cannot stop now`,
    },
    { ...plain, run: ids[2], state: 'done', command: expect.any(Number) as number },
    { ...plain, run: 999, state: 'refused', code: 'RUN_NOT_FOUND', message: 'there is no run 999' },
  ]);
  await api.endCommand(items[0]!.command!, { kind: 'applied' });
  await api.endCommand(items[2]!.command!, { kind: 'refused', reason: 'the run has ended' });
  const later = (await get(made.body.id)).items;
  expect(later[0]).toMatchObject({ outcome: 'applied', code: null });
  expect(later[2]).toMatchObject({
    outcome: 'refused',
    code: 'WRONG_STATE',
    message: `run ${ids[2]}: the run has ended`,
  });
});

test('a filter selects the runs that the action can apply to, unless it names states', async () => {
  const ids = await runs(3);
  await api.setRun(ids[0]!, 'failed', { endedAt: NOW });
  await api.setRun(ids[1]!, 'succeeded', { endedAt: NOW });
  const filter = { project: 'demo', workflow: 'd?am*' };
  const again = await ended((await post({ action: 'rerun', filter })).body.id);
  expect(again.items).toEqual([{ ...plain, run: ids[0], state: 'done', newRun: expect.any(Number) as number }]);
  const { body } = await api.call<RunView>('GET', `/runs/${again.items[0]!.newRun}`);
  expect(body).toMatchObject({ rerunOf: ids[0], mode: 'rerun-failed', submittedBy: 'admin' });
  const repeated = await ended((await post({ action: 'repeat', filter: { ...filter, state: ['succeeded'] } })).body.id);
  expect(repeated.items.map(({ run, state }) => [run, state])).toEqual([[ids[1], 'done']]);
  expect(await ended((await post({ action: 'pause', filter: { user: 'nobody' } })).body.id)).toMatchObject({
    total: 0,
    items: [],
  });
});

test('a dry run lists what would happen and does nothing', async () => {
  const ids = await runs(2);
  await api.setRun(ids[0]!, 'running');
  const preview = await post<BulkPreview>({ action: 'pause', ids: [...ids, 999] }, { query: { dryRun: 'true' } });
  expect(preview.status).toBe(200);
  const of = { workflow: 'demo/diamond' };
  expect(preview.body).toEqual({
    action: 'pause',
    total: 3,
    items: [
      { ...of, run: ids[0], state: 'running', would: 'apply', message: null },
      { ...of, run: ids[1], state: 'queued', would: 'refuse', message: `run ${ids[1]} is queued: it cannot pause now` },
      { workflow: null, run: 999, state: null, would: 'refuse', message: 'there is no run 999' },
    ],
  });
  expect((await api.call<Page<BulkView>>('GET', '/bulk')).body.items).toEqual([]);
});

test.each([
  [{ action: 'stop' }, 'one of ids and filter is required, and only one'],
  [{ action: 'stop', ids: [1], filter: {} }, 'one of ids and filter is required, and only one'],
  [{ action: 'delete', ids: [1] }, 'action must be one of stop, pause, resume, rerun, repeat'],
  [{ action: 'stop', ids: [] }, 'ids must have at least 1 entries'],
  [{ action: 'stop', ids: Array.from({ length: 10_001 }, (_, i) => i + 1) }, 'ids must have at most 10000 entries'],
  [{ action: 'stop', filter: { stat: 'x' } }, 'filter.stat is not known here; did you mean state?'],
  [{ action: 'stop', ids: [1], version: 'latest' }, 'version belongs to the action rerun only'],
])('a wrong one is refused', async (body, message) => {
  expect(await api.call('POST', '/bulk/runs', { body })).toMatchObject({ status: 400, body: { message } });
});

test('the same request under the same key makes one operation; outcomes come in pages', async () => {
  const ids = await runs(3);
  const key = { headers: { 'idempotency-key': 'b1' } };
  const { id } = (await post({ action: 'stop', ids }, key)).body;
  expect((await post({ action: 'stop', ids }, key)).body.id).toBe(id);
  expect(await post({ action: 'stop', ids: [ids[0]] }, key)).toMatchObject({ status: 409 });
  await ended(id);
  const first = await get(id, { limit: '2' });
  expect(first.items.map(({ run }) => run)).toEqual(ids.slice(0, 2));
  expect((await get(id, { limit: '2', cursor: first.nextCursor })).items.map(({ run }) => run)).toEqual(ids.slice(2));
  expect((await get(id, { state: 'refused' })).items).toEqual([]);
  expect((await api.call('GET', '/bulk/77')).body.code).toBe('OPERATION_NOT_FOUND');
});

describe('whoever comes after a crash', () => {
  const holder = 'the process that died';
  const admin = { administrator: true, via: 'admin-token', mask: 15, projects: null } as const;
  const create = (kind: 'rerun' | 'stop', ids: number[], sender: BulkSender = admin) =>
    api.store.createBulkOperation(
      {
        action: { kind, version: 'same' },
        user: 'admin',
        sender,
        at: NOW,
        items: ids.map((run) => ({ run: runIdOf(run), projectId: 1, code: null, message: null })),
      },
      { idempotencyKey: null, requestHash: '' },
    );

  test('goes on, and does nothing twice that was done and not recorded', async () => {
    const ids = await runs(2);
    for (const id of ids) await api.setRun(id, 'failed', { endedAt: NOW });
    // As a process that has submitted the first re-run and then died: the operation is not known to the API yet.
    const deed = await api.store.submitRun({
      ...(await specOf(ids[0]!)),
      rerunOf: runIdOf(ids[0]!),
      idempotencyKey: 'bulk-1-0',
      requestHash: 'rerun',
      tasks: [],
    });
    const { operation } = await create('rerun', ids);
    expect(operation.id).toBe(1);
    await post({ action: 'stop', ids: [999] });
    const { items } = await ended(1);
    expect(items.map(({ newRun }) => newRun)).toEqual([deed.run.id, expect.any(Number)]);
    const { body } = await api.call<Page<RunView>>('GET', '/runs', { query: { rerunOf: String(ids[0]) } });
    expect(body.items.map(({ id }) => id)).toEqual([deed.run.id]);
  });

  test('does nothing that its sender may not do by then, and the audit says so, as of a request for one run', async () => {
    const ids = await runs(2);
    await create('stop', ids, { administrator: false, via: 'token', mask: 2, projects: null });
    await post({ action: 'stop', ids: [999] });
    expect((await ended(1)).items.map(({ state, code }) => [state, code])).toEqual(
      ids.map(() => ['refused', 'FORBIDDEN']),
    );
    const { body } = await api.call<Page<AuditView>>('GET', '/audit', { query: { action: 'stopRun' } });
    expect(body.items).toMatchObject([
      {
        ...{ outcome: 'refused', code: 'FORBIDDEN', times: 2, user: 'admin', via: 'token' },
        ...{ project: 'demo', target: 'projects/demo' },
      },
    ]);
  });

  test('waits for the lease of who was at it', async () => {
    const [id] = await runs(1);
    // The one of the API takes what it finds, every few seconds.
    await api.app.close();
    const { operation } = await create('stop', [id!]);
    expect((await api.store.claimBulkOperation(holder, NOW, 1000))?.id).toBe(operation.id);
    expect(await api.store.claimBulkOperation('another', NOW + 999, 1000)).toBeNull();
    expect((await api.store.claimBulkOperation('another', NOW + 1000, 1000))?.id).toBe(operation.id);
    const settled = { items: [], at: NOW, leaseMs: 1000 };
    expect(await api.store.settleBulkItems(operation.id, holder, settled)).toBe(false);
  });

  async function specOf(run: number) {
    const row = await api.store.getRun(runIdOf(run));
    if (row === null) throw new Error('not stored');
    const { id: _id, projectId: _project, workflowId: _workflow, ...rest } = row.spec;
    return rest;
  }
});
