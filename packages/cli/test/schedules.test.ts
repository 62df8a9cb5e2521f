/** Schedules, calendars, maintenance and deadlines on the command line, against a real `pelorus dev` that fires them. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { DeadlineView, RunView, ScheduleDetail, ScheduleTick, ScheduleView } from '@pelorus/protocol';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { newPlace, type DevProcess, type Place } from './dev-process.ts';

const WAIT = { timeout: 120_000, interval: 20 };

let place: Place;
let dev: DevProcess;
beforeAll(async () => {
  place = await newPlace();
  dev = await place.dev('--no-samples');
  await dev.client.projects.put('sales');
  await dev.client.request({
    method: 'PUT',
    path: '/projects/sales/workflows/nightly',
    json: {
      name: 'nightly',
      params: { limit: { type: 'integer', default: 5 } },
      tasks: { load: { type: 'virtual' } },
    },
  });
});
afterAll(async () => place.clear());

describe('schedule', () => {
  test('preview says in words and instants what an expression means, of either flavour, in two languages', async () => {
    const third = [
      '--cron',
      '0 0 2 ? * 6#3',
      '--zone',
      'America/New_York',
      '--from',
      '2026-02-25T00:00:00Z',
      '--count',
      '2',
    ];
    expect(await place.pelorus('schedule', 'preview', ...third)).toEqual({
      code: 0,
      stdout:
        'At 02:00, on the third Friday of the month  (Quartz, weekdays 1 to 7 from Sunday, America/New_York)\n\n' +
        'FIRES                      UTC                       MEANS\n' +
        '2026-03-20T02:00:00-04:00  2026-03-20T06:00:00.000Z\n' +
        '2026-04-17T02:00:00-04:00  2026-04-17T06:00:00.000Z\n',
      stderr: '',
    });
    const chinese = await place.pelorus('schedule', 'preview', '--cron', '0 6 * * 1', '--lang', 'zh', '--count', '1');
    expect(chinese.stdout).toMatch(/^在06:00，仅星期一 {2}\(five fields, UTC\)$/m);
    const wrong = await place.pelorus('schedule', 'preview', '--cron', '61 * * * *', '--zone', 'Mars/Phobos');
    expect(wrong).toMatchObject({ code: 2, stdout: '' });
    expect(wrong.stderr).toContain('minute `61`: 61 is not between 0 and 59');
    expect(wrong.stderr).toContain('zone must be the IANA name of a time zone');
  });

  test('create, update, get, list and delete', async () => {
    const at = ['sales/nightly', 'early'];
    const create = ['schedule', 'create', ...at, '--cron', '0 6 * * 1-5', '--zone', 'Europe/Berlin'];
    const made = await place.json<ScheduleDetail>(
      ...create,
      ...['-p', 'limit=7', '--notify', 'failure', '--notify-to', 'ops@example.org', '--timeout', '2h'],
      ...['--misfire', 'fire_all', '--misfire-max', '3', '--depends-on', 'other', '--end', '2031-01-01'],
    );
    expect(made).toMatchObject({
      ...{
        name: 'early',
        online: false,
        revision: 1,
        cron: '0 6 * * 1-5',
        zone: 'Europe/Berlin',
        params: { limit: 7 },
      },
      ...{ notifyType: 'FAILURE', notifyMails: ['ops@example.org'], timeoutMs: 7_200_000, misfireMax: 3 },
      ...{ dependsOn: ['other'], end: '2031-01-01T22:59:59.999Z' },
    });
    expect((await place.pelorus(...create)).code).toBe(6);
    const changed = await place.json<ScheduleDetail>(
      ...['schedule', 'update', ...at, '--cron', '0 7 * * 1-5', '--clear', 'depends-on,timeout', '--clear', 'end'],
    );
    const { nextFires: _fires, ...rest } = changed;
    const { nextFires: _before, ...before } = made;
    expect(rest).toEqual({
      ...before,
      ...{ cron: '0 7 * * 1-5', dependsOn: [], timeoutMs: null, end: null, revision: 2, updatedAt: changed.updatedAt },
    });
    const shown = await place.pelorus('schedule', 'get', ...at);
    expect(shown.stdout).toMatch(/^means +At 07:00, Monday through Friday$/m);
    expect(shown.stdout).toMatch(/^misfire +fire_all, at most 3$/m);
    expect((await place.pelorus('schedule', 'online', ...at)).stdout).toMatch(
      /^schedule early of sales\/nightly: online, next \d{4}-\d\d-\d\dT07:00:00\+0[12]:00\n$/,
    );
    expect(await place.json<ScheduleView[]>('schedule', 'list', '--online', '--workflow', 'nightly')).toMatchObject([
      { name: 'early', online: true },
    ]);
    expect((await place.pelorus('schedule', 'list', '--offline')).stdout).toBe('no schedules\n');
    const refused = await place.pelorus('workflow', 'delete', 'sales/nightly');
    expect(refused.code).not.toBe(0);
    expect(refused.stderr).toContain("Schedule 'early'");
    expect((await place.pelorus('schedule', 'offline', ...at)).stdout).toBe(
      'schedule early of sales/nightly: offline\n  pelorus schedule online sales/nightly early\n',
    );
    expect((await place.pelorus('schedule', 'delete', ...at)).stdout).toBe('schedule early of sales/nightly deleted\n');
    expect((await place.pelorus('schedule', 'get', ...at)).code).toBe(5);
  });

  test('one that is online fires, its ticks say which run; under maintenance nothing does', async () => {
    await place.json('schedule', 'create', 'sales/nightly', '--cron', '0/2 * * * * ?', '--online', '-p', 'limit=9');
    const ticks = () =>
      place.json<ScheduleTick[]>('schedule', 'ticks', 'sales/nightly', '--outcome', 'fired', '--limit', '1000');
    const fired = await vi.waitUntil(
      async () => {
        const found = await ticks();
        return found.length > 1 ? found : null;
      },
      { ...WAIT, interval: 500 },
    );
    expect(fired.map(({ nominalAt }) => nominalAt)).toEqual(
      fired
        .map(({ nominalAt }) => nominalAt)
        .toSorted()
        .toReversed(),
    );
    const run = await place.json<RunView>('runs', 'get', String(fired[0]!.run));
    expect(run).toMatchObject({ execType: 'SCHEDULER', logicalDate: fired[0]!.nominalAt, params: { limit: 9 } });
    expect((await place.pelorus('maintenance', 'on', '--reason', 'new disks')).stdout).toMatch(
      /^maintenance is on, .* by admin: new disks\n$/,
    );
    const held = (await ticks()).length;
    const upTo = Date.now() + 5000;
    await vi.waitUntil(() => Date.now() > upTo, WAIT);
    expect((await ticks()).length).toBe(held);
    expect((await place.pelorus('maintenance', 'status', '-o', 'name')).stdout).toBe('on\n');
    expect((await place.pelorus('schedule', 'list')).stderr).toMatch(
      /^warning: nothing ticks: maintenance is on, .* by admin: new disks\n$/,
    );
    expect((await place.pelorus('maintenance', 'off')).stdout).toMatch(/^maintenance is off/);
    await vi.waitUntil(async () => (await ticks()).length > held, { ...WAIT, interval: 500 });
    expect((await place.pelorus('schedule', 'delete', 'sales/nightly')).code).toBe(0);
  });

  test.each([
    ['create without an expression', ['create', 'sales/nightly'], '--cron'],
    ['clear of what there is not', ['update', 'sales/nightly', 'known', '--clear', 'cron'], '--clear must be one of'],
    ['preview of nothing', ['preview'], 'needs a workflow, or --cron'],
    [
      'a policy that there is not',
      ['create', 'sales/nightly', '--cron', '@daily', '--misfire', 'all'],
      'Allowed choices',
    ],
    ['a timeout that is none', ['create', 'sales/nightly', '--cron', '@daily', '--timeout', 'long'], '--timeout'],
  ])('%s: exit code 2', async (_name, args, message) => {
    if (args.includes('known')) await place.pelorus('schedule', 'create', 'sales/nightly', 'known', '--cron', '@daily');
    const { code, stderr } = await place.pelorus('schedule', ...args);
    expect(stderr).toContain(message);
    expect(code).toBe(2);
  });
});

test('calendars are imported from iCalendar, CSV and JSON, heeded, and deleted when nobody names them', async () => {
  const file = async (name: string, content: string) => writeFile(join(place.directory, name), content);
  await file(
    'days.ics',
    'BEGIN:VCALENDAR\nBEGIN:VEVENT\nDTSTART;VALUE=DATE:20300501\nDTEND;VALUE=DATE:20300504\nEND:VEVENT\nEND:VCALENDAR\n',
  );
  await file('days.csv', 'date,name\n2030-05-01,Labour Day\n');
  await file('wrong.csv', 'date\nsoon\n');
  const add = (...args: string[]) => place.pelorus('calendar', 'import', 'may', ...args);
  expect(await add('days.ics', '--description', 'days off')).toEqual({
    code: 0,
    stdout: 'calendar may: 3 days\n',
    stderr: '',
  });
  expect((await add('days.csv')).stdout).toBe('calendar may: 1 day\n');
  const wrong = await add('wrong.csv');
  expect(wrong.code).not.toBe(0);
  expect(wrong.stderr).toContain('line 2: `soon` is no date');
  expect((await add('days.txt')).code).toBe(2);
  const stored = await place.pelorus('calendar', 'get', 'may', '-o', 'json');
  await file('again.json', stored.stdout);
  expect((await add('again.json')).stdout).toBe('calendar may: 1 day\n');
  expect((await place.pelorus('calendar', 'list')).stdout).toMatch(/^may +1 +2030-05-01 +2030-05-01 +0 .* days off$/m);
  const shifted = await place.json<{ fires: { dueAt: string }[] }>(
    ...['schedule', 'preview', '--cron', '0 6 1 5 *', '--calendar', 'may', '--on-holiday', 'shift_next'],
    ...['--from', '2030-01-01T00:00:00Z', '--count', '1'],
  );
  expect(shifted.fires[0]!.dueAt).toBe('2030-05-02T06:00:00.000Z');
  expect((await place.pelorus('calendar', 'delete', 'may')).stdout).toBe('calendar may deleted\n');
  expect((await place.pelorus('calendar', 'list')).stdout).toBe('no calendars\n');
});

test('deadlines are set by a time of day, listed and deleted', async () => {
  const set = await place.json<DeadlineView>(
    ...[
      'deadline',
      'set',
      'sales/nightly',
      'by-six',
      '--by',
      '06:30',
      '--zone',
      'Asia/Shanghai',
      '--task',
      'load',
      '--to',
      'ops',
    ],
  );
  expect(set).toMatchObject({ cron: '30 6 * * *', zone: 'Asia/Shanghai', task: 'load', recipients: ['ops'] });
  expect((await place.pelorus('deadline', 'list', 'nightly')).stdout).toMatch(
    /^\S+\/nightly +by-six +load +30 6 \* \* \* +Asia\/Shanghai +\S+T22:30:00\.000Z +- +ops$/m,
  );
  expect((await place.pelorus('deadline', 'set', 'nightly', 'x', '--by', '25:00')).code).toBe(2);
  expect((await place.pelorus('deadline', 'delete', 'sales/nightly', 'by-six')).code).toBe(0);
  expect((await place.pelorus('deadline', 'list', 'nightly')).stdout).toBe('no deadlines\n');
  expect((await place.pelorus('deadline', 'list')).stdout).toBe('no deadlines\n');
});
