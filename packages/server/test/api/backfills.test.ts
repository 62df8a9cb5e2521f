/** Backfills as they are asked for: both faces, their dates, refusals, keys, stopping. */
import { beforeEach, describe, expect, test } from 'vitest';
import type { BackfillPreview, BackfillSubmitted, BackfillSummary, BackfillView, Page } from '@pelorus/protocol';
import { followBackfill } from '../../src/api/backfill-events.ts';
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

  test('are of the zone that was given, else of that of the workflow’s schedule, else of UTC', async () => {
    const days = { startDate: '2026-03-28', endDate: '2026-03-29' };
    expect(await preview(days)).toEqual(['2026-03-28T00:00:00Z', '2026-03-29T00:00:00Z']);
    for (const [name, zone] of [
      ['hourly', 'Asia/Tokyo'],
      ['default', 'Asia/Shanghai'],
    ] as const)
      await api.call('PUT', `/projects/demo/workflows/diamond/schedules/${name}`, {
        body: { cron: '0 2 * * *', zone },
      });
    expect(await preview(days)).toEqual(['2026-03-27T16:00:00Z', '2026-03-28T16:00:00Z']);
    expect(await preview({ ...days, crontab: '0 */12 * * *' })).toEqual([
      ...['2026-03-27T16:00:00Z', '2026-03-28T04:00:00Z'],
      ...['2026-03-28T16:00:00Z', '2026-03-29T04:00:00Z'],
    ]);
    const given = { zone: 'Europe/Berlin', startDate: '2026-03-28T02:30', endDate: '2026-03-30T02:30' };
    expect(await preview(given)).toEqual(['2026-03-28T01:30:00Z', '2026-03-29T01:00:00Z', '2026-03-30T00:30:00Z']);
    const onGap = { ...given, startDate: '2026-03-29T02:30' };
    expect(await preview(onGap)).toEqual(['2026-03-29T01:00:00Z', '2026-03-30T00:30:00Z']);
    const { startDate: _start, endDate: _end, ...rest } = BODY;
    const named = await api.call<BackfillPreview>('POST', '/backfills', {
      query: { dryRun: 'true' },
      body: { ...rest, dates: ['2026-01-03', '2026-01-03T08:00', '2026-01-03T08:00:00Z'] },
    });
    expect(named.body).toMatchObject({
      zone: 'Asia/Shanghai',
      dates: ['2026-01-02T16:00:00.000Z', '2026-01-03T00:00:00.000Z', '2026-01-03T08:00:00.000Z'],
    });
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
  [
    { crontab: '* * *' },
    '/crontab',
    "crontab is no crontab: it has 3 fields; 5 are cron's, 6 or 7 are Quartz's with seconds first",
  ],
  [{ crontab: '61 * * * *' }, '/crontab', expect.stringContaining('crontab is no crontab: ') as string],
  [{ crontab: '0 0 30 2 *' }, '/crontab', 'crontab gives no date from startDate to endDate'],
  [{ crontab: '* * * * * *' }, '/crontab', 'crontab gives more than 100000 dates, which one backfill may have'],
  [{ endDate: '2426-01-01T00:00:00Z' }, '/endDate', 'endDate must lie before the year 2200'],
  [{ parallelism: 3 }, '/parallelism', 'parallelism belongs to mode parallel only'],
  [{ dates: [RANGE.startDate] }, '/startDate', 'startDate cannot be given together with dates'],
  [{ logicalDate: RANGE.startDate }, '/logicalDate', 'logicalDate is not known here'],
  [{ mode: 'both' }, '/mode', 'mode must be one of serial, parallel'],
])('%j is refused', async (more, pointer, message) => {
  const answer = await api.call('POST', '/backfills', { body: { ...BODY, ...more } });
  expect(answer).toMatchObject({ status: 400, body: { code: 'BAD_PARAMETER', message, errors: [{ pointer }] } });
});

test.each(['2026-02-30', '2026-03-01T25:00', '2026-02-30T00:00:00Z', 'soon'])('%s is no date', async (startDate) => {
  const answer = await api.call('POST', '/backfills', { body: { ...BODY, startDate } });
  const message =
    'startDate must be a date or a time in the zone, e.g. 2024-03-15 or 2024-03-15T13:45, or an instant as of RFC 3339, e.g. 2024-03-15T13:45:00Z';
  expect(answer).toMatchObject({ status: 400, body: { code: 'BAD_PARAMETER', message } });
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
    state: 'running',
    waitReason: null,
    dateCount: 4,
    runs: [1, 2, 3],
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
    continueAfterFailure: false,
    state: 'running',
    waitReason: null,
    dateCount: 4,
    counts: { pending: 1, running: 3 },
    progress: 0,
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
    dependents: [],
    dates: ['30', '29', '28', '27'].map((day, position) => ({
      date: `2026-03-${day}T00:30:00.000Z`,
      state: position < 3 ? 'running' : 'pending',
      run: position < 3 ? position + 1 : null,
      runs: position < 3 ? 1 : 0,
      dependent: null,
      reason: null,
      startedAt: position < 3 ? at : null,
      endedAt: null,
    })),
    nextCursor: null,
  });
});

test('what the preview lists is what is made, in that order', async () => {
  const more = { crontab: '0 */7 * * *', zone: 'America/New_York', order: 'descending' };
  const listed = (await post<BackfillPreview>(more, { query: { dryRun: 'true' } })).body.dates;
  await post(more);
  const { body } = await api.call<BackfillView>('GET', '/backfills/1');
  expect(body.dates.map(({ date }) => date)).toEqual(listed);
  expect(listed.length).toBeGreaterThan(8);
});

test('its dates come page by page, and by state', async () => {
  await post({});
  const page = async (query: Record<string, string>) => {
    const { body } = await api.call<BackfillView>('GET', '/backfills/1', { query });
    return { days: body.dates.map(({ date }) => date.slice(8, 10)), cursor: body.nextCursor };
  };
  const first = await page({ limit: '3' });
  expect(first.days).toEqual(['27', '28', '29']);
  expect(await page({ limit: '3', cursor: first.cursor ?? '' })).toEqual({ days: ['30'], cursor: null });
  expect(await page({ state: 'running' })).toEqual({ days: ['27'], cursor: null });
  expect((await api.call('GET', '/backfills/1', { query: { state: 'done' } })).status).toBe(400);
});

describe('steering', () => {
  const steer = (what: string, query: Record<string, string> = {}) =>
    api.call<BackfillView & { code: string; message: string }>('POST', `/backfills/1/${what}`, { query });
  const endRun = async (run: number, state: 'succeeded' | 'failed' | 'stopped') =>
    api.setRun(run, state, { endedAt: NOW });

  test('pausing and resuming are answered with what it is by then, as often as they are asked for', async () => {
    await post({});
    for (let twice = 0; twice < 2; twice++)
      expect(await steer('pause')).toMatchObject({ status: 202, body: { state: 'paused', waitReason: 'is paused' } });
    await endRun(1, 'succeeded');
    for (let twice = 0; twice < 2; twice++)
      expect(await steer('resume')).toMatchObject({
        status: 202,
        body: { state: 'running', counts: { succeeded: 1, running: 1, pending: 2 }, progress: 0.25 },
      });
  });

  test('stopping tells its runs to stop, unless they are to be left alone; once it has ended it is refused', async () => {
    await post({});
    const stopping = await steer('stop');
    expect(stopping).toMatchObject({
      status: 202,
      body: {
        state: 'running',
        waitReason: 'is being stopped: runs that have not ended 1',
        counts: { running: 1, stopped: 3 },
      },
    });
    expect(stopping.body.dates.map(({ state }) => state)).toEqual(['running', 'stopped', 'stopped', 'stopped']);
    expect(await steer('pause')).toMatchObject({ status: 409, body: { code: 'WRONG_STATE', state: 'running' } });
    await endRun(1, 'stopped');
    expect((await api.call<BackfillView>('GET', '/backfills/1')).body).toMatchObject({ state: 'stopped', progress: 1 });
    for (const what of ['stop', 'pause', 'resume'])
      expect(await steer(what)).toMatchObject({
        status: 409,
        body: { code: 'WRONG_STATE', state: 'stopped', message: 'backfill 1 has ended: stopped' },
      });
    expect((await steer('stop', { runs: 'kill' })).status).toBe(400);
  });

  test('a failed one begins again where it failed; one that has nothing to begin again is refused', async () => {
    await post({ endDate: '2026-03-28T00:30:00Z' });
    expect(await steer('retry')).toMatchObject({
      status: 409,
      body: { code: 'WRONG_STATE', state: 'running', message: 'Backfill 1 has no date to begin again: all.' },
    });
    await endRun(1, 'failed');
    expect((await api.call<BackfillView>('GET', '/backfills/1')).body).toMatchObject({
      state: 'failed',
      dates: [
        { state: 'failed', run: 1 },
        { state: 'stopped', run: null, reason: 'the date 2026-03-27T00:30:00.000Z did not succeed' },
      ],
    });
    expect(await steer('retry', { dates: 'failed', continueAfterFailure: 'true' })).toMatchObject({
      status: 202,
      body: {
        state: 'running',
        continueAfterFailure: true,
        dates: [{ state: 'running', run: 2, runs: 2 }, { state: 'stopped' }],
      },
    });
    expect((await steer('retry', { dates: 'some' })).status).toBe(400);
  });

  test('there is nothing to steer where there is no backfill', async () => {
    for (const what of ['stop', 'pause', 'resume', 'retry'])
      expect(await steer(what)).toMatchObject({ status: 404, body: { code: 'BACKFILL_NOT_FOUND' } });
    expect((await api.call('GET', '/backfills/0')).status).toBe(400);
  });
});

test('its stream says how it is, then each change, and ends with it; who knows of the end gets no more', async () => {
  await post({ endDate: '2026-03-28T00:30:00Z' });
  const done = new AbortController();
  const source = followBackfill(api.store, (await api.store.getBackfill(1))!);
  const told: string[] = [];
  for await (const frame of source(done.signal, () => Promise.reject(new Error('not asked')) as never)) {
    const [, event, data] = /event: (\w+)\ndata: (.*)\n/.exec(Buffer.from(frame).toString())!;
    const { state, counts } = JSON.parse(data!) as BackfillSummary;
    told.push(`${event} ${state} ${JSON.stringify(counts ?? null)}`);
    if (told.length < 3) await api.setRun(told.length, 'succeeded', { endedAt: NOW });
  }
  expect(told).toEqual([
    'backfill running {"pending":1,"running":1}',
    'backfill running {"running":1,"succeeded":1}',
    'backfill succeeded {"succeeded":2}',
    'end succeeded null',
  ]);
  const again = await api.call('GET', '/backfills/1/events', { headers: { 'last-event-id': 'end' } });
  expect(again.status).toBe(204);
  expect((await api.call('GET', '/backfills/9/events')).status).toBe(404);
});

describe('dependent workflows', () => {
  const wait = (workflow: string) => ({ type: 'dependent', upstream: { workflow, window: 'today' } });
  const waitsFor = (name: string, upstream: string) => ({ name, tasks: { wait: wait(upstream) } });

  test('follow in an order in which each comes after what it depends on, whatever circles there are', async () => {
    await api.save('demo', 'c', waitsFor('c', 'b'));
    await api.save('demo', 'b', { name: 'b', tasks: { wait: wait('diamond'), circle: wait('d') } });
    await api.save('demo', 'd', waitsFor('d', 'c'));
    await api.save('demo', 'e', { name: 'e', tasks: { wait: wait('diamond'), rest: wait('f') } });
    await api.save('demo', 'f', waitsFor('f', 'diamond'));
    await api.save('demo', 'alone', waitsFor('alone', 'other'));
    const { body } = await post<BackfillPreview>({ withDependents: true }, { query: { dryRun: 'true' } });
    expect(body.dependents).toEqual(['demo/f', 'demo/e', 'demo/b', 'demo/c', 'demo/d']);
    expect((await post<BackfillPreview>({}, { query: { dryRun: 'true' } })).body.dependents).toEqual([]);
    await post({ withDependents: true });
    const view = (await api.call<BackfillView>('GET', '/backfills/1')).body;
    expect(view.dependents).toEqual(body.dependents);
    await api.setRun(1, 'succeeded', { endedAt: NOW });
    const next = (await api.call<BackfillView>('GET', '/backfills/1')).body.dates[0];
    expect(next).toMatchObject({ state: 'running', run: 2, runs: 2, dependent: body.dependents[0] });
  });

  test('one that could not run is named before anything is stored', async () => {
    await api.save('demo', 'b', { ...waitsFor('b', 'diamond'), params: { day: { type: 'string', required: true } } });
    const refused = await post<{ code: string; message: string }>({ withDependents: true });
    expect(refused).toMatchObject({
      status: 400,
      body: {
        code: 'BAD_PARAMETER',
        message: 'withDependents: demo/b cannot run: parameter `day` is required and was not given',
      },
    });
    expect((await api.call<Page<BackfillSummary>>('GET', '/backfills')).body.items).toEqual([]);
  });
});

test.each([
  ['serial_discard', 'serial', 'serial_discard'],
  ['serial_priority', 'serial', 'serial_priority'],
  ['serial_wait', 'parallel', 'serial_wait'],
  ['serial_wait', 'serial', null],
  ['parallel', 'parallel', null],
])('of a %s workflow, %s: what becomes of its dates is said beforehand', async (concurrency, mode, named) => {
  await api.save('demo', 'turns', { ...DIAMOND, name: 'turns', concurrency });
  const { body } = await post<BackfillPreview>({ workflow: 'turns', mode }, { query: { dryRun: 'true' } });
  expect(body.warnings.map((text) => /\((\w+)\)/.exec(text)?.[1])).toEqual(named === null ? [] : [named]);
});

test('they are listed newest first, by workflow and state, in pages', async () => {
  await api.save('demo', 'other', { ...DIAMOND, name: 'other' });
  await post({});
  await post({ workflow: 'other' });
  await post({});
  await api.call('POST', '/backfills/3/stop');
  await api.setRun(3, 'stopped', { endedAt: NOW });
  const list = async (query: Record<string, string>) => {
    const { body } = await api.call<Page<BackfillSummary>>('GET', '/backfills', { query });
    return { ids: body.items.map(({ id }) => id), cursor: body.nextCursor };
  };
  expect(await list({})).toEqual({ ids: [3, 2, 1], cursor: null });
  expect((await list({ project: 'demo', workflow: 'diamond' })).ids).toEqual([3, 1]);
  expect((await list({ state: 'running', project: 'demo' })).ids).toEqual([2, 1]);
  expect((await list({ state: 'stopped' })).ids).toEqual([3]);
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

  test('answers 201 with the executions that there are by then, and says where the backfill is', async () => {
    const made = await send<{ execIds: number[] }>({
      runMode: 'parallel',
      parallelism: 4,
      executionOrder: 'DESC',
      nodeName: 'b',
      nodeDep: 'NODE_PRE',
      timeout: 60,
    });
    expect(made).toMatchObject({ status: 201, headers: { location: '/api/v1/backfills/1' } });
    expect(made.body).toEqual({ execIds: [1, 2, 3, 4] });
    expect((await api.call<BackfillView>('GET', '/backfills/1')).body).toMatchObject({
      mode: 'parallel',
      parallelism: 4,
      order: 'descending',
      counts: { running: 4 },
      options: { from: { task: ['b'], dep: 'pre' }, failurePolicy: 'end', timeoutMs: 60_000, notifyType: 'NONE' },
    });
  });

  test('takes its parameters in a form, in the query, and as JSON alike', async () => {
    const text = { ...run, schedule: JSON.stringify({ ...schedule, crontab: '0 0 * * *' }) };
    const form = await api.call<object>('POST', '/executors', {
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
      body: new URLSearchParams(text).toString(),
    });
    expect(form).toMatchObject({ status: 201, body: { execIds: [1] } });
    expect((await api.call<object>('POST', '/executors', { query: text })).headers).toMatchObject({
      location: '/api/v1/backfills/2',
    });
  });

  test.each([
    [{ schedule: undefined }, 'schedule is required for COMPLEMENT_DATA: {"startDate":ms,"endDate":ms,"crontab":"…"}'],
    [{ schedule: { ...schedule, endDate: 1 } }, 'schedule.startDate must not be after schedule.endDate'],
    [
      { schedule: { ...schedule, crontab: 'nonsense' } },
      "schedule.crontab is no crontab: it has 1 field; 5 are cron's, 6 or 7 are Quartz's with seconds first",
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
