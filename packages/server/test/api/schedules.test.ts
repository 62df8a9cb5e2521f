/** Schedules, calendars, maintenance and deadlines over HTTP. What fires them is tested with the store. */
import { beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type {
  CalendarSaved,
  CalendarSummary,
  DeadlineView,
  MaintenanceView,
  Page,
  ScheduleDetail,
  SchedulePreview,
  ScheduleTick,
  ScheduleView,
} from '@pelorus/protocol';
import { NOW, containing, having, openApi, type ApiUnderTest } from './api-under-test.ts';

let api: ApiUnderTest;
beforeAll(async () => {
  api = await openApi();
});

/** Each test has a project, a workflow in it and a calendar of its own. */
let demo = 'demo';
let AT = '';
let serial = 0;
beforeEach(async () => {
  demo = `demo${(serial += 1)}`;
  AT = `/projects/${demo}/workflows/nightly`;
  await api.save(demo, 'nightly', {
    name: 'nightly',
    params: { n: { type: 'integer', default: 1 } },
    tasks: { load: { run: 'true' } },
  });
});

const put = <Body = ScheduleDetail>(name: string, body: object, headers: Record<string, string> = {}) =>
  api.call<Body>('PUT', `${AT}/schedules/${name}`, { body, headers });
const preview = async (body: object) => (await api.call<SchedulePreview>('POST', '/schedules/preview', { body })).body;
const calendar = (days: string[], name = `${demo}_holidays`) =>
  api.call('PUT', `/calendars/${name}`, { body: { days } });

describe('a schedule', () => {
  test('is stored offline with all that its runs are to be, and says when it would fire', async () => {
    await calendar(['2026-03-16']);
    const made = await put('early', {
      ...{ cron: ' 0 15 2 ? * MON-FRI ', zone: 'Europe/Berlin', start: '2026-03-01', end: '2026-04-30T12:00:00Z' },
      ...{ calendar: `${demo}_holidays`, onHoliday: 'shift_next', misfire: 'fire_all', misfireMax: 7 },
      ...{ params: { n: 3 }, failurePolicy: 'continue', notifyType: 'failure', notifyMails: ['ops'], priority: 'HIGH' },
      ...{ workerGroup: 'gpu', timeoutMs: 60_000, dependsOnPrevious: true, dependsOn: ['other', 'other'] },
    });
    expect(made).toMatchObject({ status: 201, headers: { etag: '"1"' } });
    const at = new Date(NOW).toISOString();
    expect(made.body).toEqual({
      ...{ project: demo, workflow: 'nightly', name: 'early', revision: 1, online: false },
      ...{ cron: '0 15 2 ? * MON-FRI', flavour: 'quartz', zone: 'Europe/Berlin' },
      ...{ start: '2026-02-28T23:00:00.000Z', end: '2026-04-30T12:00:00.000Z' },
      ...{
        calendar: `${demo}_holidays`,
        onHoliday: 'shift_next',
        misfire: 'fire_all',
        misfireMax: 7,
        params: { n: 3 },
      },
      ...{ failurePolicy: 'continue', notifyType: 'FAILURE', notifyMails: ['ops'], priority: 'high' },
      ...{ workerGroup: 'gpu', environment: null, timeoutMs: 60_000, dependsOnPrevious: true, dependsOn: ['other'] },
      ...{ nextFire: null, lastTickAt: null, lastFiredAt: null, lastRun: null, fromDefinition: false },
      ...{ createdAt: at, createdBy: 'admin', updatedAt: at, updatedBy: 'admin' },
      nextFires: ['2026-03-17', '2026-03-18', '2026-03-19', '2026-03-20', '2026-03-23'].map((day) => ({
        nominalAt: `${day}T01:15:00.000Z`,
        dueAt: `${day}T01:15:00.000Z`,
        local: `${day}T02:15:00+01:00`,
      })),
    });
    expect((await api.call('GET', `${AT}/schedules/early`)).body).toEqual(made.body);
  });

  test('fires from when it is taken online, until it is taken offline', async () => {
    await put('early', { cron: '0 6 1 1 *' });
    const next = async (state: string) =>
      (await api.call<ScheduleDetail>('POST', `${AT}/schedules/early/${state}`)).body;
    const online = await next('online');
    expect(online).toMatchObject({
      online: true,
      revision: 2,
      nextFire: { nominalAt: containing('-01-01T06:00:00.000Z') },
    });
    expect((await next('online')).revision).toBe(2);
    expect(await next('offline')).toMatchObject({ online: false, revision: 3, nextFire: null });
    expect(api.commandsWritten()).toBeGreaterThan(0);
  });

  test('is replaced as a whole; but whether it is online stays, unless it is said', async () => {
    await put('early', { cron: '0 6 * * *', online: true, params: { n: 2 } });
    const changed = await put('early', { cron: '0 7 * * *' });
    expect(changed).toMatchObject({ status: 200, body: { online: true, params: {}, cron: '0 7 * * *', revision: 2 } });
    expect((await put('early', { cron: '0 7 * * *' })).body.revision).toBe(2);
  });

  test('is changed only in the revision that was seen, when that is asked for', async () => {
    expect((await put('early', { cron: '0 6 * * *' }, { 'if-none-match': '*' })).status).toBe(201);
    expect(await put('early', { cron: '0 7 * * *' }, { 'if-none-match': '*' })).toMatchObject({
      status: 412,
      body: { code: 'PRECONDITION_FAILED', version: 1, message: 'schedule early was not changed: it exists already' },
    });
    expect((await put('early', { cron: '0 7 * * *' }, { 'if-match': '"1"' })).body.revision).toBe(2);
    expect(await put('early', { cron: '0 8 * * *' }, { 'if-match': '"1"' })).toMatchObject({
      status: 412,
      body: { version: 2 },
    });
    expect(await put('late', { cron: '0 8 * * *' }, { 'if-match': '"1"' })).toMatchObject({ status: 412 });
  });

  test.each([
    [{ cron: '61 * * * *' }, '/cron', 'cron: minute `61`: 61 is not between 0 and 59'],
    [{ cron: '0 0 30 2 *' }, '/cron', 'never fires'],
    [{ zone: 'Mars/Phobos' }, '/zone', 'zone must be the IANA name of a time zone'],
    [{ zone: 'europe/berln' }, '/zone', 'did you mean Europe/Berlin?'],
    [{ zone: 'UTC', timezone: 'Europe/Berlin' }, '/timezone', 'zone and timezone mean the same'],
    [{ start: '2026-02-30' }, '/start', 'start must be a moment'],
    [{ end: '9999-01-01' }, '/end', 'end must be a moment'],
    [{ start: '2026-03-02', end: '2026-03-01' }, '/end', 'end is before start'],
    [{ calendar: 'nothing_like_it' }, '/calendar', 'there is no calendar nothing_like_it'],
    [{ onHoliday: 'work' }, '/onHoliday', 'onHoliday must be one of'],
    [{ misfireMax: 0 }, '/misfireMax', 'misfireMax must be at least 1'],
    [{ dependsOn: ['other', 'nightly'] }, '/dependsOn', 'dependsOn names nightly itself'],
    [{ dependsOn: ['a/b/c'] }, '/dependsOn/0', 'must be workflow or project/workflow'],
    [{ timezon: 'UTC' }, '/timezon', 'did you mean timezone?'],
  ])('with %j is refused', async (more, pointer, message) => {
    await calendar([]);
    const answer = await put('early', { cron: '0 6 * * *', ...more });
    expect(answer).toMatchObject({ status: 400, body: { errors: [{ pointer, message: containing(message) }] } });
    expect((await api.call<Page<ScheduleView>>('GET', '/schedules', { query: { project: demo } })).body.items).toEqual(
      [],
    );
  });

  test('is refused for what its runs could not be', async () => {
    const code = async (more: object) =>
      (await put<{ code: string }>('early', { cron: '0 6 * * *', ...more })).body.code;
    expect(await code({ params: { n: 'many' } })).toBe('INVALID_PARAMETERS');
    expect(await code({ environment: 'none' })).toBe('UNKNOWN_ENVIRONMENT');
    expect(
      (await api.call('PUT', `/projects/${demo}/workflows/none/schedules/x`, { body: { cron: '0 6 * * *' } })).body
        .code,
    ).toBe('WORKFLOW_NOT_FOUND');
  });

  test('that is not there is told with the nearest name', async () => {
    await put('early', { cron: '0 6 * * *' });
    expect(await api.call('GET', `${AT}/schedules/erly`)).toMatchObject({
      status: 404,
      body: { code: 'SCHEDULE_NOT_FOUND', message: 'workflow nightly has no schedule erly; did you mean early?' },
    });
  });

  test('that is called default has a short path, and takes what definitions call its zone', async () => {
    const made = await api.call<ScheduleDetail>('PUT', `${AT}/schedule`, {
      body: { cron: '0 6 * * *', timezone: 'Asia/Shanghai' },
    });
    expect(made).toMatchObject({ status: 201, body: { name: 'default', zone: 'Asia/Shanghai' } });
    expect((await api.call('GET', `${AT}/schedules/default`)).body).toEqual(made.body);
    const { fires } = (await api.call<SchedulePreview>('GET', `${AT}/schedule/preview`, { query: { count: '2' } }))
      .body;
    expect(fires.map(({ local }) => local)).toEqual(['2026-03-16T06:00:00+08:00', '2026-03-17T06:00:00+08:00']);
    expect((await api.call('DELETE', `${AT}/schedule`)).status).toBe(204);
    expect((await api.call('GET', `${AT}/schedule`)).status).toBe(404);
  });
});

test('schedules are listed by project, workflow, name, state and calendar, page by page', async () => {
  await api.save('other', 'Weekly', { name: 'Weekly', tasks: { a: { run: 'true' } } });
  await calendar(['2026-05-01']);
  await put('early', { cron: '0 6 * * *', online: true });
  await put('late_x', { cron: '0 22 * * *', calendar: `${demo}_holidays` });
  await api.call('PUT', '/projects/other/workflows/Weekly/schedule', { body: { cron: '0 6 * * 1' } });
  const list = async (query: Record<string, string>) => {
    const { items, nextCursor } = (await api.call<Page<ScheduleView>>('GET', '/schedules', { query })).body;
    return { names: items.map(({ workflow, name }) => `${workflow}/${name}`), nextCursor };
  };
  const names = async (query: Record<string, string>) => (await list(query)).names;
  const mine = { project: demo };
  expect(await names(mine)).toEqual(['nightly/early', 'nightly/late_x']);
  expect(await names({ project: 'other' })).toEqual(['Weekly/default']);
  expect(await names({ ...mine, workflow: 'nightly', online: 'false' })).toEqual(['nightly/late_x']);
  expect(await names({ q: 'WEEK' })).toEqual(['Weekly/default']);
  expect(await names({ q: 'e_x' })).toEqual(['nightly/late_x']);
  expect(await names({ q: '_' })).toEqual(['nightly/late_x']);
  expect(await names({ ...mine, online: 'true' })).toEqual(['nightly/early']);
  expect(await names({ calendar: `${demo}_holidays` })).toEqual(['nightly/late_x']);
  const first = await list({ ...mine, limit: '1' });
  expect(first.names).toEqual(['nightly/early']);
  expect(await list({ ...mine, limit: '1', cursor: first.nextCursor! })).toEqual({
    names: ['nightly/late_x'],
    nextCursor: null,
  });
  expect((await names({})).length).toBeGreaterThan(2);
});

describe('what is about a schedule that is online', () => {
  test('its workflow and its project are not deleted: 412', async () => {
    await put('early', { cron: '0 6 1 1 *', online: true });
    expect(await api.call('DELETE', AT)).toMatchObject({
      status: 412,
      body: { code: 'PRECONDITION_FAILED', message: containing("Schedule 'early'") },
    });
    expect((await api.call('DELETE', `/projects/${demo}`)).status).toBe(412);
    await api.call('POST', `${AT}/schedules/early/offline`);
    expect((await api.call('DELETE', AT)).status).toBe(204);
    expect((await api.call('DELETE', `/projects/${demo}`)).status).toBe(204);
  });

  test('its calendar is not deleted: 409', async () => {
    await calendar([]);
    await put('early', { cron: '0 6 * * *', calendar: `${demo}_holidays` });
    expect((await api.call('DELETE', `/calendars/${demo}_holidays`)).status).toBe(409);
    await api.call('DELETE', `${AT}/schedules/early`);
    expect((await api.call('DELETE', `/calendars/${demo}_holidays`)).status).toBe(204);
  });

  test('ticks that an edit took out of the way are told, newest first, page by page', async () => {
    await put('often', { cron: '* * * * * *', online: true });
    await expect
      .poll(
        async () => {
          await put('often', { cron: '* * * * * *', online: true, calendar: null, end: '2031-01-01' });
          await put('often', { cron: '* * * * * ?', online: true });
          const { items } = (await api.call<Page<ScheduleTick>>('GET', `${AT}/schedules/often/ticks`)).body;
          return items.length;
        },
        { interval: 400 },
      )
      .toBeGreaterThan(2);
    const page = async (query: Record<string, string>) =>
      (await api.call<Page<ScheduleTick>>('GET', `${AT}/schedules/often/ticks`, { query })).body;
    const all = (await page({})).items;
    expect(all[0]).toMatchObject({ schedule: 'often', outcome: 'skipped', reason: 'misfire', run: null });
    expect(all.map(({ nominalAt }) => nominalAt)).toEqual(
      all
        .map(({ nominalAt }) => nominalAt)
        .toSorted()
        .toReversed(),
    );
    const first = await page({ limit: '1' });
    const rest = await page({ limit: '1', cursor: first.nextCursor! });
    expect([...first.items, ...rest.items]).toEqual(all.slice(0, 2));
    expect((await page({ outcome: 'fired' })).items).toEqual([]);
    expect((await page({ after: all[0]!.nominalAt })).items).toEqual([all[0]]);
  });
});

describe('a preview', () => {
  test('follows the zone across the hour that clocks leave out', async () => {
    const { fires, flavour } = await preview({
      cron: '30 2 * * *',
      zone: 'Europe/Berlin',
      from: '2026-03-28T00:00:00Z',
      n: 3,
    });
    expect(flavour).toBe('unix');
    expect(fires.map(({ local }) => local)).toEqual([
      '2026-03-28T02:30:00+01:00',
      '2026-03-29T03:00:00+02:00',
      '2026-03-30T02:30:00+02:00',
    ]);
  });

  test('moves what falls on holidays, and keeps the nominal instant', async () => {
    await calendar(['2026-03-17', '2026-03-18']);
    const body = { cron: '0 6 17,18 * *', calendar: `${demo}_holidays`, onHoliday: 'shift_previous', n: 1 };
    expect((await preview(body)).fires).toEqual([
      { nominalAt: '2026-03-18T06:00:00.000Z', dueAt: '2026-03-16T06:00:00.000Z', local: '2026-03-16T06:00:00+00:00' },
    ]);
    expect((await preview({ ...body, onHoliday: 'skip' })).fires[0]?.dueAt).toBe('2026-04-17T06:00:00.000Z');
  });

  test('tells everything that is wrong, in words', async () => {
    expect(await preview({ cron: '61 * * * 9', zone: 'Mars/Phobos', start: 'soon', calendar: 'none' })).toEqual({
      ...{ flavour: null, zone: 'Mars/Phobos', fires: [], warnings: [] },
      problems: [
        {
          field: 'cron',
          message: 'cron: day of week `9`: 9 is not between 0 and 7; minute `61`: 61 is not between 0 and 59',
        },
        { field: 'zone', message: 'zone must be the IANA name of a time zone' },
        { field: 'start', message: 'start must be a moment such as 2026-05-01 or 2026-05-01T08:00:00Z' },
        { field: 'calendar', message: 'there is no calendar none' },
      ],
    });
  });

  test('gives up to 1000, and says when no more are to come', async () => {
    expect((await preview({ cron: '* * * * *', n: 1000 })).fires).toHaveLength(1000);
    const few = await preview({ cron: '0 0 6 1 1 ? 2027-2029', n: 1000 });
    expect(few.fires.map(({ dueAt }) => dueAt.slice(0, 4))).toEqual(['2027', '2028', '2029']);
    expect(few.warnings).toEqual([]);
  });

  test('stops where holidays make it long, and says so, while others are answered', async () => {
    const blocks = daysFrom(9600).filter((_, index) => index % 401 !== 400);
    expect((await calendar(blocks)).status).toBe(201);
    const long = preview({
      ...{ cron: '* * * * * *', calendar: `${demo}_holidays`, onHoliday: 'shift_next', n: 1000 },
      from: '2027-01-01T00:00:00Z',
    });
    expect((await api.call('GET', '/maintenance')).status).toBe(200);
    const { warnings, fires } = await long;
    if (fires.length < 1000) expect(warnings).toEqual([containing(`only ${fires.length} of 1000`)]);
    else expect(warnings).toEqual([]);
  });
});

/** So many days one after the other. */
function daysFrom(count: number): string[] {
  return Array.from({ length: count }, (_, at) => new Date(Date.UTC(2027, 0, 1 + at)).toISOString().slice(0, 10));
}

describe('calendars', () => {
  const send = (type: string, content: string, query: Record<string, string> = {}) =>
    api.call<CalendarSaved>('PUT', '/calendars/cn', { headers: { 'content-type': type }, body: content, query });

  test('are read from JSON, iCalendar and CSV, each day once', async () => {
    expect(
      await send('text/csv', 'date\n2026-10-02\n2026-10-01\n2026-10-02\n', { description: 'golden week' }),
    ).toMatchObject({
      status: 201,
      body: { name: 'cn', description: 'golden week', days: ['2026-10-01', '2026-10-02'], revision: 1, warnings: [] },
    });
    const ics =
      'BEGIN:VCALENDAR\nBEGIN:VEVENT\nDTSTART;VALUE=DATE:20440501\nRRULE:FREQ=YEARLY\nEND:VEVENT\nEND:VCALENDAR';
    expect(await send('text/calendar; charset=utf-8', ics)).toMatchObject({
      status: 200,
      body: {
        ...{ description: 'golden week', days: ['2044-05-01', '2045-05-01', '2046-05-01'], revision: 2 },
        warnings: [containing('2046-12-31')],
      },
    });
    expect((await api.call<Page<CalendarSummary>>('GET', '/calendars')).body.items).toContainEqual(
      having({ name: 'cn', dayCount: 3, firstDay: '2044-05-01', lastDay: '2046-05-01', schedules: 0 }),
    );
    expect((await api.call('GET', '/calendars/cm')).body).toMatchObject({
      code: 'CALENDAR_NOT_FOUND',
      message: 'there is no calendar cm; did you mean cn?',
    });
  });

  test('are refused with the line that is wrong', async () => {
    expect(await send('text/csv', 'date\n2026-10-01\nsoon\n')).toMatchObject({
      status: 400,
      body: { errors: [{ pointer: '', line: 3, message: 'line 3: `soon` is no date such as 2026-05-01' }] },
    });
    expect((await calendar(['2026-02-30'])).body.errors).toMatchObject([{ pointer: '/days/0' }]);
    expect((await calendar(['2026-05-01', '0026-05-01'])).body.errors).toMatchObject([{ pointer: '/days/1' }]);
    expect((await send('text/csv', daysFrom(10_001).join('\n'))).body.warnings).toBeUndefined();
    expect((await calendar(daysFrom(400))).status).toBe(201);
    expect(await calendar(daysFrom(401))).toMatchObject({
      status: 400,
      body: { message: 'from 2027-01-01 on more than 400 days are holidays one after the other' },
    });
    expect((await send('text/plain', '2026-10-01')).status).toBe(415);
  });
});

test('maintenance holds everything still, and says who wanted it, why and since when', async () => {
  expect((await api.call<MaintenanceView>('GET', '/maintenance')).body).toMatchObject({ paused: false, since: null });
  const paused = { paused: true, reason: 'new disks', since: new Date(NOW).toISOString(), by: 'admin' };
  expect((await api.call('PUT', '/maintenance', { body: { paused: true, reason: 'new disks' } })).body).toEqual(paused);
  expect((await api.call('GET', '/maintenance')).body).toEqual(paused);
});

test('deadlines are set for a workflow and for a task of it', async () => {
  const at = `${AT}/deadlines`;
  const set = (name: string, body: object) => api.call<DeadlineView>('PUT', `${at}/${name}`, { body });
  const made = await set('by-six', {
    cron: '0 6 * * *',
    zone: 'Asia/Shanghai',
    task: 'load',
    recipients: ['ops', 'ops'],
  });
  expect(made).toMatchObject({
    status: 201,
    body: {
      name: 'by-six',
      task: 'load',
      zone: 'Asia/Shanghai',
      enabled: true,
      recipients: ['ops'],
      lastMissedAt: null,
    },
  });
  expect(made.body.nextCheckAt).toMatch(/T22:00:00\.000Z$/);
  expect(await set('by-six', { cron: '0 7 * * *', enabled: false })).toMatchObject({
    status: 200,
    body: { task: null, zone: 'UTC', enabled: false, nextCheckAt: null, recipients: [] },
  });
  expect(await set('x', { cron: '0 7 * * *', task: 'lod' })).toMatchObject({
    status: 400,
    body: { code: 'UNKNOWN_TASK', message: 'workflow nightly has no task lod; did you mean load?' },
  });
  expect((await set('x', { cron: '0 0 31 2 *', zone: 'Nowhere' })).body).toMatchObject({
    errors: [{ pointer: '/cron' }, { pointer: '/zone' }],
  });
  expect((await api.call<Page<DeadlineView>>('GET', at)).body.items.map(({ name }) => name)).toEqual(['by-six']);
  await set('by-seven', { cron: '0 7 * * *' });
  const all = async (query: Record<string, string>) => {
    const { items, nextCursor } = (await api.call<Page<DeadlineView>>('GET', '/deadlines', { query })).body;
    return { names: items.map(({ workflow, name }) => `${workflow} ${name}`), nextCursor };
  };
  const first = await all({ limit: '1' });
  expect(first).toEqual({ names: ['nightly by-six'], nextCursor: expect.any(String) as string });
  expect(await all({ limit: '1', cursor: first.nextCursor! })).toEqual({
    names: ['nightly by-seven'],
    nextCursor: null,
  });
  expect((await all({ enabled: 'false' })).names).toEqual(['nightly by-six']);
  expect((await all({ workflow: 'nightly', project: demo })).names).toEqual(['nightly by-six', 'nightly by-seven']);
  expect((await all({ workflow: 'other' })).names).toEqual([]);
  await api.call('DELETE', `${at}/by-seven`);
  expect((await api.call('DELETE', `${at}/by-six`)).status).toBe(204);
  expect((await api.call('GET', `${at}/by-six`)).body.code).toBe('DEADLINE_NOT_FOUND');
});

describe('the schedule of a definition', () => {
  const yaml = (schedule: string) =>
    api.call('PUT', AT, {
      headers: { 'content-type': 'application/yaml' },
      body: `name: nightly\nschedule: ${schedule}\ntasks:\n  load: { run: 'true' }\n`,
    });

  test('is checked when it is saved: an expression that is none, one that never fires, a calendar that there is not', async () => {
    expect(await yaml("{ cron: '61 * * * *' }")).toMatchObject({
      status: 422,
      body: { errors: [{ pointer: '/schedule/cron', line: 2, column: 19, message: containing('minute `61`') }] },
    });
    expect(await yaml("{ cron: '0 0 30 2 *' }")).toMatchObject({
      status: 422,
      body: { errors: [{ pointer: '/schedule/cron', message: containing('never fires') }] },
    });
    expect(await yaml("{ cron: '0 6 * * *', calendar: none }")).toMatchObject({
      status: 422,
      body: { errors: [{ pointer: '/schedule/calendar', line: 2, message: 'there is no calendar none' }] },
    });
  });

  test('is the one that is called default', async () => {
    expect((await yaml("{ cron: '0 6 * * *', timezone: Asia/Shanghai, online: true }")).status).toBe(200);
    expect((await api.call<ScheduleDetail>('GET', `${AT}/schedule`)).body).toMatchObject({
      ...{ name: 'default', fromDefinition: true, online: true, zone: 'Asia/Shanghai' },
    });
  });
});
