/** What `GET /runs` can be asked for. */
import type { Page, RunView } from '@pelorus/protocol';
import path from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { beforeAll, expect, test } from 'vitest';
import { DIAMOND, NOW, openApi, type ApiUnderTest } from './api-under-test.ts';

const DAY_MS = 86_400_000;
let api: ApiUnderTest;
let plain: number;
let dated: number;
let again: number;
beforeAll(async () => {
  api = await openApi();
  await api.save('demo', 'load_eu', { ...DIAMOND, name: 'load_eu', labels: { team: 'sales', tier: '1' } });
  await api.save('demo', 'clean', { ...DIAMOND, name: 'clean', labels: { team: 'ops' } });
  plain = await api.run('demo', 'clean');
  dated = await api.run('demo', 'load_eu', { logicalDate: '2026-01-15T00:00:00Z' });
  await api.setRun(dated, 'failed', { endedAt: NOW });
  const rerun = await api.call<{ id: number }>('POST', `/runs/${dated}/rerun`, { body: {} });
  again = rerun.body.id;
});

const found = async (query: Record<string, string>) =>
  (await api.call<Page<RunView>>('GET', '/runs', { query })).body.items.map(({ id }) => id).sort((a, b) => a - b);

test.each<[Record<string, string>, () => number[]]>([
  [{ execType: 'direct' }, () => [plain, dated, again]],
  [{ execType: 'SCHEDULER' }, () => []],
  [{ user: 'admin' }, () => [plain, dated, again]],
  [{ user: 'nobody' }, () => []],
  [{ user: 'admin', state: 'failed' }, () => [dated]],
  [{ logicalDateAfter: '2026-01-15T00:00:00Z', logicalDateBefore: '2026-01-15T00:00:00Z' }, () => [dated, again]],
  [{ logicalDateAfter: new Date(NOW - DAY_MS).toISOString() }, () => [plain]],
  [{ q: 'OAD_' }, () => [dated, again]],
  [{ q: '%' }, () => []],
  [{ q: '1' }, () => [1]],
  [{ q: '99' }, () => []],
  [{ workflow: '*_e?' }, () => [dated, again]],
  [{ workflow: '[lc]*' }, () => []],
  [{ rerunOf: '2' }, () => [again]],
  [{ rerunOf: '2', user: 'nobody' }, () => []],
  [{ label: 'team' }, () => [plain, dated, again]],
  [{ label: 'team=sales' }, () => [dated, again]],
  [{ label: 'tier=2' }, () => []],
  [{ project: 'demo', q: 'clean', execType: 'DIRECT', limit: '1' }, () => [plain]],
])('%j', async (query, expected) => {
  expect(await found(query)).toEqual(expected().sort((a, b) => a - b));
});

test('pages do not overlap', async () => {
  const first = await api.call<Page<RunView>>('GET', '/runs', { query: { user: 'admin', limit: '2' } });
  expect(first.body.items).toHaveLength(2);
  const cursor = first.body.nextCursor ?? '';
  const second = await api.call<Page<RunView>>('GET', '/runs', { query: { user: 'admin', limit: '2', cursor } });
  expect(second.body.nextCursor).toBeNull();
  const ids = [...first.body.items, ...second.body.items].map(({ id }) => id);
  expect(ids.sort((a, b) => a - b)).toEqual([plain, dated, again].sort((a, b) => a - b));
});

test('a run whose row was damaged by hand is shown with what can be read, and hides no other', async () => {
  const damaged = await api.run('demo', 'clean', { params: {} });
  await api.setRun(damaged, 'failed', { endedAt: NOW });
  const file = new DatabaseSync(path.join(api.folder, 'data', 'pelorus.db'));
  for (const damage of [`cause = '{"kind'`, `spec = '{"exec'`]) {
    file.exec(`update run set ${damage} where id = ${damaged}`);
    const { status, body } = await api.call<Page<RunView>>('GET', '/runs', { query: { workflow: 'clean' } });
    expect(status).toBe(200);
    expect(body.items.map(({ id }) => id)).toEqual([plain, damaged]);
    expect(body.items[1]).toMatchObject({ workflow: 'clean', state: 'failed' });
    expect(body.items[1]!.waitReason).toContain('not all that is stored of this run can be read');
  }
  file.exec(`delete from command where run_id = ${damaged}; delete from run where id = ${damaged}`);
  file.close();
});

test.each([
  [{ execType: 'CRON' }, 'execType must be one of DIRECT, COMPLEMENT_DATA, SCHEDULER'],
  [{ rerunOf: 'x' }, 'rerunOf must be an integer'],
  [{ q: '' }, 'q must have at least 1 characters'],
  [{ label: '=x' }, 'label must be name or name=value'],
  [{ logicalDateAfter: '2026' }, 'logicalDateAfter must be an instant as of RFC 3339, e.g. 2024-03-15T13:45:00Z'],
  [{ lable: 'x' }, 'lable is not known here; did you mean label?'],
])('%j is refused', async (query, message) => {
  expect(await api.call('GET', '/runs', { query })).toMatchObject({ status: 400, body: { message } });
});
