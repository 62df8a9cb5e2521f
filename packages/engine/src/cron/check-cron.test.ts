import { expect, test } from 'vitest';
import { checkCron, isZone, localTimeText } from './check-cron.ts';

test.each(['0 6 * * 1-5', '0 0/5 14 * * ?', '0 0 29 2 *', '@daily', '0 0 6 ? * 6#5'])(
  '%s can be scheduled by',
  (cron) => expect(checkCron(cron)).toBeNull(),
);

test.each([
  ['* * *', "it has 3 fields; 5 are cron's, 6 or 7 are Quartz's with seconds first"],
  ['61 * * * *', 'minute `61`: 61 is not between 0 and 59'],
  ['0 25 * * 8', 'hour `25`: 25 is not between 0 and 23'],
  ['0 0 30 2 *', '`0 0 30 2 *` never fires: there is no such day'],
  ['0 0 0 31 4,6 ?', '`0 0 0 31 4,6 ?` never fires: there is no such day'],
])('%s cannot', (cron, problem) => expect(checkCron(cron)).toContain(problem));

test('zones are those of the tz database', () => {
  expect(['UTC', 'Europe/Berlin', 'Asia/Shanghai', 'Mars/Phobos', '', 'x'.repeat(200)].map(isZone)).toEqual([
    ...[true, true, true],
    ...[false, false, false],
  ]);
});

test.each([
  ['2026-03-29T01:00:00Z', 'Europe/Berlin', '2026-03-29T03:00:00+02:00'],
  ['2026-01-01T00:00:00Z', 'America/St_Johns', '2025-12-31T20:30:00-03:30'],
  ['2026-01-01T00:00:00.999Z', 'UTC', '2026-01-01T00:00:00+00:00'],
])('%s in %s is %s', (at, zone, text) => expect(localTimeText(Date.parse(at), zone)).toBe(text));
