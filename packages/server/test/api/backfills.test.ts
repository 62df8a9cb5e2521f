/** Backfills as they are asked for: both faces, their dates, refusals, keys, stopping. */
import { beforeEach, describe, expect, test } from 'vitest';
import type { BackfillPreview, BackfillSubmitted, BackfillSummary, BackfillView, Page } from '@pelorus/protocol';
import { DIAMOND, NOW, openApi, type ApiUnderTest } from './api-under-test.ts';

let api: ApiUnderTest;
beforeEach(async () => {
  api = await openApi();
  await api.save('demo', 'diamond', DIAMOND);
});

const RANGE = { startDate: '2026-03-27T00:30:00Z', endDate: '2026-03-30T00:30:00Z' };
const BODY = { project: 'demo', workflow: 'diamond', ...RANGE };
const post = <Body = BackfillSubmitted>(more: object, call: object = {}) =>
  api.call<Body>('POST', '/backfills', { body: { ...BODY, ...more }, ...call });
const preview = async (more: object) =>
  (await post<BackfillPreview>(more, { query: { dryRun: 'true' } })).body.dates.map((date) =>
    date.replace('.000Z', 'Z'),
  );

describe('dates', () => {
  test('are daily without a crontab, both ends inclusive', async () => {
    expect(await preview({})).toEqual([
      '2026-03-27T00:30:00Z',
      '2026-03-28T00:30:00Z',
      '2026-03-29T00:30:00Z',
      '2026-03-30T00:30:00Z',
    ]);
    expect(await preview({ endDate: RANGE.startDate })).toEqual([RANGE.startDate]);
  });

  test('keep the local time of day, and come after the gap where that does not exist', async () => {
    const dates = await preview({
      startDate: '2026-03-28T02:30:00+01:00',
      endDate: '2026-03-30T23:00:00Z',
      zone: 'Europe/Berlin',
    });
    expect(dates).toEqual(['2026-03-28T01:30:00Z', '2026-03-29T01:00:00Z', '2026-03-30T00:30:00Z']);
  });

  test('are those of a crontab of five fields or of Quartz, whose weekdays begin with Sunday as 1', async () => {
    const range = { startDate: '2026-03-01T00:00:00Z', endDate: '2026-03-08T00:00:00Z' };
    expect(await preview({ ...range, crontab: '0 */12 1 * *' })).toEqual([
      '2026-03-01T00:00:00Z',
      '2026-03-01T12:00:00Z',
    ]);
    expect(await preview({ ...range, crontab: '0 0 6 * * 1' })).toEqual(['2026-03-01T06:00:00Z']);
    expect(await preview({ ...range, crontab: '0 6 * * 1' })).toEqual(['2026-03-02T06:00:00Z']);
    expect(await preview({ ...range, crontab: '0 0/30 6 ? * MON 2026' })).toEqual([
      '2026-03-02T06:00:00Z',
      '2026-03-02T06:30:00Z',
    ]);
  });

  test('are in the order of execution', async () => {
    expect(await preview({ order: 'descending', endDate: '2026-03-28T00:30:00Z' })).toEqual([
      '2026-03-28T00:30:00Z',
      '2026-03-27T00:30:00Z',
    ]);
    const { startDate: _start, endDate: _end, ...rest } = BODY;
    const named = await api.call<BackfillPreview>('POST', '/backfills', {
      query: { dryRun: 'true' },
      body: { ...rest, dates: ['2026-01-03T00:00:00Z', '2026-01-01T00:00:00Z', '2026-01-03T00:00:00Z'] },
    });
    expect(named.body.dates).toEqual(['2026-01-01T00:00:00.000Z', '2026-01-03T00:00:00.000Z']);
  });

  test('a preview stores nothing', async () => {
    await preview({});
    expect((await api.call<Page<BackfillSummary>>('GET', '/backfills')).body.items).toEqual([]);
  });
});

test.each([
  [{ startDate: '2026-04-01T00:00:00Z' }, '/startDate', 'startDate must not be after endDate'],
  [{ crontab: '* * *' }, '/crontab', 'crontab must have five, six or seven fields, e.g. 0 2 * * *'],
  [{ crontab: '61 * * * *' }, '/crontab', 'crontab is no crontab: Invalid value for minute: 61'],
  [{ crontab: '0 0 30 2 *' }, '/crontab', 'crontab gives no date from startDate to endDate'],
  [{ crontab: '* * * * * *' }, '/crontab', 'crontab gives more than 10000 dates, which one backfill may have'],
  [{ endDate: '2126-01-01T00:00:00Z' }, '/endDate', 'endDate gives more than 10000 dates, which one backfill may have'],
  [{ parallelism: 3 }, '/parallelism', 'parallelism belongs to mode parallel only'],
  [{ dates: [RANGE.startDate] }, '/startDate', 'startDate cannot be given together with dates'],
  [{ logicalDate: RANGE.startDate }, '/logicalDate', 'logicalDate is not known here'],
  [{ mode: 'both' }, '/mode', 'mode must be one of serial, parallel'],
])('%j is refused', async (more, pointer, message) => {
  const answer = await api.call('POST', '/backfills', { body: { ...BODY, ...more } });
  expect(answer).toMatchObject({ status: 400, body: { code: 'BAD_PARAMETER', message, errors: [{ pointer }] } });
});

test('what its runs could not be is refused before anything is stored', async () => {
  const refused = async (more: object) =>
    (await api.call('POST', '/backfills', { body: { ...BODY, ...more } })).body.code;
  expect(await refused({ workflow: 'diamnd' })).toBe('WORKFLOW_NOT_FOUND');
  expect(await refused({ version: 9 })).toBe('VERSION_NOT_FOUND');
  expect(await refused({ from: { task: 'z' } })).toBe('UNKNOWN_TASK');
  expect((await api.call<Page<BackfillSummary>>('GET', '/backfills')).body.items).toEqual([]);
});

test('a backfill is kept with all that its runs are to be', async () => {
  const made = await post({
    mode: 'parallel',
    parallelism: 3,
    order: 'descending',
    from: { task: 'b', dep: 'post' },
    params: { region: 'eu' },
    priority: 'high',
    extras: { ticket: 7 },
  });
  expect(made).toMatchObject({ status: 201, headers: { location: `/api/v1/backfills/${made.body.id}` } });
  expect(made.body).toEqual({
    id: 1,
    state: 'pending',
    waitReason: 'backfills are not driven yet: none of its dates has been started',
    dateCount: 4,
    warnings: [],
  });
  const { body } = await api.call<BackfillView>('GET', '/backfills/1');
  const at = new Date(NOW).toISOString();
  expect(body).toEqual({
    id: 1,
    project: 'demo',
    workflow: 'diamond',
    version: null,
    startDate: '2026-03-27T00:30:00.000Z',
    endDate: '2026-03-30T00:30:00.000Z',
    crontab: null,
    zone: 'UTC',
    mode: 'parallel',
    parallelism: 3,
    order: 'descending',
    state: 'pending',
    waitReason: 'backfills are not driven yet: none of its dates has been started',
    counts: { pending: 4 },
    submittedBy: 'admin',
    createdAt: at,
    updatedAt: at,
    endedAt: null,
    options: {
      from: { task: ['b'], dep: 'post' },
      select: null,
      params: { region: 'eu' },
      failurePolicy: null,
      priority: 'high',
      workerGroup: null,
      environment: null,
      dryRun: false,
      timeoutMs: null,
      notifyType: null,
      notifyMails: null,
      extras: { ticket: 7 },
    },
    dates: ['30', '29', '28', '27'].map((day) => ({
      date: `2026-03-${day}T00:30:00.000Z`,
      state: 'pending',
      run: null,
    })),
  });
});

test('a pending one can be stopped, once', async () => {
  await post({});
  const stopped = await api.call<BackfillView>('POST', '/backfills/1/stop');
  expect(stopped).toMatchObject({ status: 202, body: { state: 'stopped', waitReason: null, counts: { stopped: 4 } } });
  expect(stopped.body.dates?.map(({ state }) => state)).toEqual(['stopped', 'stopped', 'stopped', 'stopped']);
  expect(await api.call('POST', '/backfills/1/stop')).toMatchObject({
    status: 409,
    body: { code: 'WRONG_STATE', state: 'stopped', message: 'backfill 1 has ended: stopped' },
  });
  expect((await api.call('POST', '/backfills/2/stop')).body.code).toBe('BACKFILL_NOT_FOUND');
  expect((await api.call('GET', '/backfills/0')).status).toBe(400);
});

test('they are listed newest first, by workflow and state, in pages', async () => {
  await api.save('demo', 'other', { ...DIAMOND, name: 'other' });
  await post({});
  await post({ workflow: 'other' });
  await post({});
  await api.call('POST', '/backfills/3/stop');
  const list = async (query: Record<string, string>) => {
    const { body } = await api.call<Page<BackfillSummary>>('GET', '/backfills', { query });
    return { ids: body.items.map(({ id }) => id), cursor: body.nextCursor };
  };
  expect(await list({})).toEqual({ ids: [3, 2, 1], cursor: null });
  expect((await list({ project: 'demo', workflow: 'diamond' })).ids).toEqual([3, 1]);
  expect((await list({ state: 'pending', project: 'demo' })).ids).toEqual([2, 1]);
  const first = await list({ limit: '2' });
  expect(first.ids).toEqual([3, 2]);
  expect(await list({ limit: '2', cursor: first.cursor ?? '' })).toEqual({ ids: [1], cursor: null });
  expect((await api.call('GET', '/backfills', { query: { workflow: 'diamond' } })).body.message).toBe(
    'workflow needs its project',
  );
});

test('the same request under the same key makes one backfill; another is refused, whatever the key was given for', async () => {
  const key = { headers: { 'idempotency-key': 'k1' } };
  expect((await post({}, key)).body.id).toBe(1);
  expect((await post({}, key)).body.id).toBe(1);
  expect(await post({ mode: 'parallel' }, key)).toMatchObject({ status: 409, body: { code: 'CONFLICT' } });
  const run = { body: { project: 'demo', workflow: 'diamond' } };
  expect((await api.call('POST', '/runs', { ...run, ...key })).body.code).toBe('CONFLICT');
  await api.call('POST', '/runs', { ...run, headers: { 'idempotency-key': 'k2' } });
  expect((await post<{ code: string }>({}, { headers: { 'idempotency-key': 'k2' } })).body.code).toBe('CONFLICT');
  expect((await post({})).body.id).toBe(2);
});

describe('COMPLEMENT_DATA', () => {
  const schedule = { startDate: Date.parse(RANGE.startDate), endDate: Date.parse(RANGE.endDate) };
  const run = { projectName: 'demo', workflowName: 'diamond', execType: 'COMPLEMENT_DATA' };
  const send = <Body = { message: string; code: string }>(more: object) =>
    api.call<Body>('POST', '/executors', { body: { ...run, schedule, ...more } });

  test('answers 201 with no execution yet, and says where the backfill is', async () => {
    const made = await send<{ execIds: number[] }>({
      runMode: 'parallel',
      parallelism: 4,
      executionOrder: 'DESC',
      nodeName: 'b',
      nodeDep: 'NODE_PRE',
      timeout: 60,
    });
    expect(made).toMatchObject({ status: 201, headers: { location: '/api/v1/backfills/1' } });
    expect(made.body).toEqual({ execIds: [] });
    expect((await api.call<BackfillView>('GET', '/backfills/1')).body).toMatchObject({
      mode: 'parallel',
      parallelism: 4,
      order: 'descending',
      counts: { pending: 4 },
      options: { from: { task: ['b'], dep: 'pre' }, failurePolicy: 'end', timeoutMs: 60_000, notifyType: 'NONE' },
    });
  });

  test('takes its parameters in a form, in the query, and as JSON alike', async () => {
    const text = { ...run, schedule: JSON.stringify({ ...schedule, crontab: '0 0 * * *' }) };
    const form = await api.call<object>('POST', '/executors', {
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
      body: new URLSearchParams(text).toString(),
    });
    expect(form).toMatchObject({ status: 201, body: { execIds: [] } });
    expect((await api.call<object>('POST', '/executors', { query: text })).headers).toMatchObject({
      location: '/api/v1/backfills/2',
    });
  });

  test.each([
    [{ schedule: undefined }, 'schedule is required for COMPLEMENT_DATA: {"startDate":ms,"endDate":ms,"crontab":"…"}'],
    [{ schedule: { ...schedule, endDate: 1 } }, 'schedule.startDate must not be after schedule.endDate'],
    [
      { schedule: { ...schedule, crontab: 'nonsense' } },
      'schedule.crontab must have five, six or seven fields, e.g. 0 2 * * *',
    ],
    [{ schedule: { startDate: 1 } }, 'schedule.endDate is required'],
    [{ schedule: 'x' }, 'schedule must be an object'],
    [{ rerunOf: 1 }, 'rerunOf cannot be given together with COMPLEMENT_DATA'],
    [{ parallelism: 2 }, 'parallelism belongs to runMode parallel only'],
    [{ runMode: 'fast' }, 'runMode must be one of SERIAL, PARALLEL'],
    [{ execType: 'DIRECT' }, 'schedule belongs to COMPLEMENT_DATA'],
    [
      { execType: 'DIRECT', schedule: undefined, runMode: 'SERIAL', executionOrder: 'ASC' },
      'runMode belongs to COMPLEMENT_DATA; executionOrder belongs to COMPLEMENT_DATA',
    ],
    [{ execType: 'SCHEDULER' }, 'execType must be one of DIRECT, COMPLEMENT_DATA'],
  ])('%j is refused', async (more, message) => {
    expect(await send(more)).toMatchObject({ status: 400, body: { message } });
  });
});
