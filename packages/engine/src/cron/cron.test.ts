import { describe, expect, test } from 'vitest';
import { everFires, nextFire, parseCron, type Cron } from './index.ts';

function cronOf(text: string): Cron {
  const parsed = parseCron(text);
  if ('problems' in parsed) throw new Error(`${text}: ${parsed.problems.join('; ')}`);
  return parsed.cron;
}

/** Fires after an instant, as `MM-DD HH:mm`, with the year where it is another one and seconds where there are any. */
function firesAfter(text: string, after: string, count: number): string[] {
  const cron = cronOf(text);
  const fires: string[] = [];
  for (let at = nextFire(cron, 'UTC', Date.parse(after)); at !== null && fires.length < count;) {
    const iso = new Date(at).toISOString();
    const day = iso.slice(0, 4) === after.slice(0, 4) ? iso.slice(5, 10) : iso.slice(0, 10);
    fires.push(`${day} ${iso.slice(11, iso.slice(17, 19) === '00' ? 16 : 19)}`);
    at = nextFire(cron, 'UTC', at);
  }
  return fires;
}

// 10 March 2026 is a Tuesday; 1 March and 1 November are Sundays, 1 August is a Saturday.
const TUESDAY = '2026-03-10T09:00:00Z';

/** What looks at each second or day takes minutes; a busy machine, some seconds. */
const MOMENTS_MS = 20_000;

describe('the examples of the Quartz CronTrigger tutorial', () => {
  test.each<[string, string, string[]]>([
    ['0 0 12 * * ?', TUESDAY, ['03-10 12:00', '03-11 12:00']],
    ['0 15 10 ? * *', TUESDAY, ['03-10 10:15', '03-11 10:15']],
    ['0 15 10 * * ?', TUESDAY, ['03-10 10:15', '03-11 10:15']],
    ['0 15 10 * * ? *', TUESDAY, ['03-10 10:15', '03-11 10:15']],
    ['0 15 10 * * ? 2005', '2005-12-30T10:15:00Z', ['12-31 10:15']],
    ['0 15 10 * * ? 2005', TUESDAY, []],
    ['0 * 14 * * ?', '2026-03-10T14:57:59Z', ['03-10 14:58', '03-10 14:59', '03-11 14:00']],
    ['0 0/5 14 * * ?', '2026-03-10T14:50:00Z', ['03-10 14:55', '03-11 14:00', '03-11 14:05']],
    ['0 0/5 14,18 * * ?', '2026-03-10T14:50:00Z', ['03-10 14:55', '03-10 18:00', '03-10 18:05']],
    ['0 0-5 14 * * ?', '2026-03-10T14:04:00Z', ['03-10 14:05', '03-11 14:00']],
    ['0 10,44 14 ? 3 WED', TUESDAY, ['03-11 14:10', '03-11 14:44', '03-18 14:10']],
    ['0 15 10 ? * MON-FRI', '2026-03-13T12:00:00Z', ['03-16 10:15', '03-17 10:15']],
    ['0 15 10 15 * ?', TUESDAY, ['03-15 10:15', '04-15 10:15']],
    ['0 15 10 L * ?', TUESDAY, ['03-31 10:15', '04-30 10:15', '05-31 10:15']],
    ['0 15 10 L-2 * ?', TUESDAY, ['03-29 10:15', '04-28 10:15']],
    ['0 15 10 ? * 6L', TUESDAY, ['03-27 10:15', '04-24 10:15', '05-29 10:15']],
    ['0 15 10 ? * 6L 2002-2005', '2005-11-26T00:00:00Z', ['12-30 10:15']],
    ['0 15 10 ? * 6#3', TUESDAY, ['03-20 10:15', '04-17 10:15', '05-15 10:15']],
    ['0 0 12 1/5 * ?', '2026-03-26T12:00:00Z', ['03-31 12:00', '04-01 12:00', '04-06 12:00']],
    ['0 11 11 11 11 ?', TUESDAY, ['11-11 11:11', '2027-11-11 11:11']],
  ])('%s after %s', (text, after, fires) => {
    expect(firesAfter(text, after, Math.max(fires.length, 2)).slice(0, fires.length || 2)).toEqual(fires);
    expect(cronOf(text).flavour).toBe('quartz');
  });
});

describe('what else the Quartz documentation describes', () => {
  test.each<[string, string, string, string[]]>([
    ['LW is the last working day', '0 0 0 LW * ?', TUESDAY, ['03-31 00:00', '04-30 00:00', '05-29 00:00']],
    ['15W goes to the Monday after a Sunday', '0 0 0 15W 3 ?', TUESDAY, ['03-16 00:00', '2027-03-15 00:00']],
    ['15W goes to the Friday before a Saturday', '0 0 0 15W 8 ?', TUESDAY, ['08-14 00:00']],
    ['1W stays in its month', '0 0 0 1W 8,11 ?', TUESDAY, ['08-03 00:00', '11-02 00:00']],
    ['31W only where there is a 31st', '0 0 0 31W 4,5 ?', TUESDAY, ['05-29 00:00', '2027-05-31 00:00']],
    ['L-3W counts back, then to the working day', '0 0 0 L-3W * ?', TUESDAY, ['03-27 00:00', '04-27 00:00']],
    ['2#1 is the first Monday', '0 0 0 ? * 2#1', TUESDAY, ['04-06 00:00', '05-04 00:00']],
    ['a month without a fifth Monday is left out', '0 0 0 ? * MON#5', TUESDAY, ['03-30 00:00', '06-29 00:00']],
    ['L alone as weekday is Saturday', '0 0 0 ? * L', TUESDAY, ['03-14 00:00', '03-21 00:00']],
    ['FRIL is 6L', '0 0 0 ? * FRIL', TUESDAY, ['03-27 00:00', '04-24 00:00']],
    ['1 is Sunday', '0 0 0 ? * 1', TUESDAY, ['03-15 00:00', '03-22 00:00']],
    ['/5 is */5', '/5 * * * * ?', TUESDAY, ['03-10 09:00:05', '03-10 09:00:10']],
    ['a/b runs to the end', '0/35 * * * * ?', TUESDAY, ['03-10 09:00:35', '03-10 09:01']],
    ['hours through midnight', '0 0 22-2 * * ?', '2026-03-10T22:00:00Z', ['03-10 23:00', '03-11 00:00', '03-11 01:00']],
    [
      'weekdays through Sunday',
      '0 0 0 ? * FRI-MON',
      '2026-03-14T00:00:00Z',
      ['03-15 00:00', '03-16 00:00', '03-20 00:00'],
    ],
    ['months through the year', '0 0 0 1 NOV-FEB ?', TUESDAY, ['11-01 00:00', '12-01 00:00', '2027-01-01 00:00']],
    ['years', '0 0 0 1 1 ? 2030/2', TUESDAY, ['2030-01-01 00:00', '2032-01-01 00:00']],
    ['names in any case', '0 0 0 ? mar-Apr wEd', TUESDAY, ['03-11 00:00', '03-18 00:00']],
  ])('%s: %s', (_what, text, after, fires) => {
    expect(firesAfter(text, after, fires.length)).toEqual(fires);
  });
});

describe('five fields, as crontab(5) has them', () => {
  test.each<[string, string, string[]]>([
    ['5 0 * * *', TUESDAY, ['03-11 00:05', '03-12 00:05']],
    ['15 14 1 * *', TUESDAY, ['04-01 14:15', '05-01 14:15']],
    ['0 22 * * 1-5', '2026-03-12T22:00:00Z', ['03-13 22:00', '03-16 22:00']],
    ['23 0-23/2 * * *', TUESDAY, ['03-10 10:23', '03-10 12:23']],
    ['5 4 * * sun', TUESDAY, ['03-15 04:05', '03-22 04:05']],
    ['0 4 8-14 * *', '2026-03-13T04:00:00Z', ['03-14 04:00', '04-08 04:00']],
    ['*/5 * * * *', '2026-03-10T09:57:00Z', ['03-10 10:00', '03-10 10:05']],
    ['0 */6 * * *', TUESDAY, ['03-10 12:00', '03-10 18:00', '03-11 00:00']],
    ['0 0 1 */3 *', TUESDAY, ['04-01 00:00', '07-01 00:00', '10-01 00:00']],
    ['10-50/20 9 * * *', TUESDAY, ['03-10 09:10', '03-10 09:30', '03-10 09:50', '03-11 09:10']],
    ['0 0 * * 7', TUESDAY, ['03-15 00:00']],
    ['0 0 * * 0', TUESDAY, ['03-15 00:00']],
    ['0 0 * * 6-7', TUESDAY, ['03-14 00:00', '03-15 00:00', '03-21 00:00']],
    ['0 0 * jan,JUL 1', TUESDAY, ['07-06 00:00', '07-13 00:00']],
    ['0 0 29 2 *', TUESDAY, ['2028-02-29 00:00', '2032-02-29 00:00']],
    ['0 0 29 2 *', '2096-03-01T00:00:00Z', ['2104-02-29 00:00']],
    ['@yearly', TUESDAY, ['2027-01-01 00:00']],
    ['@annually', TUESDAY, ['2027-01-01 00:00']],
    ['@monthly', TUESDAY, ['04-01 00:00']],
    ['@weekly', TUESDAY, ['03-15 00:00']],
    ['@daily', TUESDAY, ['03-11 00:00']],
    ['@midnight', TUESDAY, ['03-11 00:00']],
    ['@Hourly', TUESDAY, ['03-10 10:00']],
    ['  0\t12  *  * * ', TUESDAY, ['03-10 12:00']],
  ])('%s after %s', (text, after, fires) => {
    expect(firesAfter(text, after, fires.length)).toEqual(fires);
    expect(cronOf(text).flavour).toBe('unix');
  });

  test.each<[string, string, string[]]>([
    ['both days are given: either is enough', '30 4 1,15 * 5', ['03-13', '03-15', '03-20', '03-27', '04-01', '04-03']],
    ['Friday or the 13th', '0 0 13 * 5', ['03-13', '03-20', '03-27', '04-03', '04-10', '04-13']],
    ['a day of month that begins with a star: both must hold', '0 0 */2 * sun', ['03-15', '03-29', '04-05', '04-19']],
    ['a weekday that begins with a star: both must hold', '0 0 1 * */2', ['08-01', '09-01', '10-01', '11-01']],
    [
      'the same days without a star: either again',
      '0 0 1-31/2 * sun',
      ['03-11', '03-13', '03-15', '03-17', '03-19', '03-21', '03-22'],
    ],
  ])('%s: %s', (_what, text, days) => {
    expect(firesAfter(text, TUESDAY, days.length).map((fire) => fire.slice(0, 5))).toEqual(days);
  });
});

describe('what is no expression is refused in words', () => {
  test.each<[string, string[]]>([
    ['', ["it has 0 fields; 5 are cron's, 6 or 7 are Quartz's with seconds first"]],
    ['* * *', ["it has 3 fields; 5 are cron's, 6 or 7 are Quartz's with seconds first"]],
    ['0 0 0 ? * * * *', ["it has 8 fields; 5 are cron's, 6 or 7 are Quartz's with seconds first"]],
    ['@reboot', ['@reboot is not known; there are @yearly, @annually, @monthly, @weekly, @daily, @midnight, @hourly']],
    ['60 * * * *', ['minute `60`: 60 is not between 0 and 59']],
    ['0 24 * * *', ['hour `24`: 24 is not between 0 and 23']],
    ['0 0 0 * *', ['day of month `0`: 0 is not between 1 and 31']],
    ['0 0 * 13 *', ['month `13`: 13 is not between 1 and 12']],
    ['0 0 * * 8', ['day of week `8`: 8 is not between 0 and 7']],
    ['0 0 0 ? * 0', ['day of week `0`: 0 is not between 1 and 7']],
    ['0 0 0 ? * 8', ['day of week `8`: 8 is not between 1 and 7']],
    ['*/0 * * * *', ['minute `*/0`: a step is a number from 1 to 59']],
    ['*/x * * * *', ['minute `*/x`: a step is a number from 1 to 59']],
    ['1-2-3 * * * *', ['minute `1-2-3` is not understood']],
    ['1/2/3 * * * *', ['minute `1/2/3` is not understood']],
    ['/5 * * * *', ['minute `/5` is not understood']],
    ['1,,2 * * * *', ['minute `` is not understood']],
    ['-5 * * * *', ['minute `-5` is not understood']],
    ['1e1 * * * *', ['minute `1e1` is not understood']],
    ['0 0 * FOO MONDAY', ['day of week `MONDAY` is not understood', 'month `FOO` is not understood']],
    ['0~30 * * * *', ['minute `0~30` is not understood']],
    ['H * * * *', ['minute `H` is not understood']],
    ['0 0 0 ? * ?', ['`?` may stand for the day of month or for the day of week, not for both']],
    [
      '0 0 0 1 * 2',
      ['day of month and day of week are both given: with seconds first, as in Quartz, one of them must be `?`'],
    ],
    ['0 0 L-31 * *', ['day of month `L-31`: at most 30 days before the last']],
    ['0 0 32W * *', ['day of month `32W`: 32 is not between 1 and 31']],
    ['0 0 * * 5#6', ['day of week `5#6`: a month has five of a weekday at most']],
    ['0 0 * * L', ['day of week `L`: say of which day, such as `5L` for the last Friday of the month']],
    ['0 0 0 1 1 ? 1969', ['year `1969`: 1969 is not between 1970 and 2099']],
    ['0 0 0 1 1 ? 2030-2020', ['year `2030-2020`: the range ends before it begins']],
    // Both stand in the documentation of Quartz, which refuses them as well.
    ['* * * * ? *', ['month `?` is not understood']],
    [
      '0 0/5 14,18,3-39,52 ? JAN,MAR,SEP MON-FRI 2002-2010',
      ['hour `3-39`: 39 is not between 0 and 23', 'hour `52`: 52 is not between 0 and 23'],
    ],
  ])('%s', (text, problems) => {
    expect(parseCron(text)).toEqual({ problems });
  });

  test('of many mistakes the first twenty are told, of a long text only its length', () => {
    const parsed = parseCron(`${Array.from({ length: 100 }, () => '99').join(',')} * * * *`);
    expect('problems' in parsed && parsed.problems.length).toBe(20);
    expect(parseCron(`0 ${'1,'.repeat(600)}1 * * *`)).toEqual({
      problems: ['it has 1209 characters, at most 1000 are allowed'],
    });
  });
});

describe('expressions that never fire are found out, and cost little', () => {
  test.each([
    '0 0 30 2 *',
    '0 0 31 4,6,9,11 *',
    '0 0 0 31W 2 ?',
    '0 0 0 L-30 2 ?',
    '0 0 0 29 2 ? 2027',
    '0 0 0 29 2 ? 1970-1971',
  ])('%s', (text) => {
    const cron = cronOf(text);
    expect(everFires(cron)).toBe(false);
    expect(nextFire(cron, 'America/New_York', Date.parse(TUESDAY))).toBe(null);
  });

  test('a thousand answers about impossible, rare and dense ones take moments, not minutes', () => {
    const crons = ['0 0 30 2 *', '0 0 0 29 2 ? 2096', '* * * * * ?', '0-59 0-59 0-23 ? * 2#5 2099'].map(cronOf);
    nextFire(cronOf('0 0 * * *'), 'Europe/Berlin', Date.parse(TUESDAY));
    const begun = performance.now();
    for (const cron of crons)
      for (let asked = 0; asked < 250; asked += 1)
        nextFire(cron, 'Europe/Berlin', Date.parse(TUESDAY) + asked * 86_400_000);
    expect(performance.now() - begun).toBeLessThan(MOMENTS_MS);
  });

  test('every second of a day is a fire, also of a day of 25 hours', () => {
    const cron = cronOf('* * * * * ?');
    const from = Date.parse('2026-10-25T00:00:00+02:00');
    let count = 0;
    for (
      let at = nextFire(cron, 'Europe/Berlin', from - 1);
      at !== null && at < Date.parse('2026-10-26T00:00:00+01:00');
      count += 1
    ) {
      expect(at).toBe(from + count * 1000);
      at = nextFire(cron, 'Europe/Berlin', at);
    }
    expect(count).toBe(25 * 3600);
  });
});
