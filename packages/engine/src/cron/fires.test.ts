/** The documented rule in the weeks in which it matters; all zones are gone through in test/cron-zones.test.ts. */
import { describe, expect, test } from 'vitest';
import { firesBetween, nextFire, parseCron, type Cron } from './index.ts';

function cronOf(text: string): Cron {
  const parsed = parseCron(text);
  if ('problems' in parsed) throw new Error(`${text}: ${parsed.problems.join('; ')}`);
  return parsed.cron;
}

/** Fires of some local days, in UTC. */
function fires(text: string, zone: string, from: string, to: string): string[] {
  const span = { from: Date.parse(from), to: Date.parse(to), limit: 1000 };
  return firesBetween(cronOf(text), zone, span).map((at) => new Date(at).toISOString().slice(0, 16));
}

describe('New York', () => {
  const zone = 'America/New_York';

  test('02:30 on the day on which clocks go from 02:00 to 03:00 is the instant at which they do', () => {
    expect(fires('30 2 * * *', zone, '2026-03-07T05:00Z', '2026-03-10T05:00Z')).toEqual([
      '2026-03-07T07:30',
      '2026-03-08T07:00',
      '2026-03-09T06:30',
    ]);
  });

  test('several times of that hour and 03:00 itself are one fire', () => {
    expect(fires('0,20,40 2,3 * * *', zone, '2026-03-08T05:00Z', '2026-03-08T12:00Z')).toEqual([
      '2026-03-08T07:00',
      '2026-03-08T07:20',
      '2026-03-08T07:40',
    ]);
  });

  test('01:30 on the day that has two of it is the first one', () => {
    expect(fires('30 1 * * *', zone, '2026-10-31T04:00Z', '2026-11-02T12:00Z')).toEqual([
      '2026-10-31T05:30',
      '2026-11-01T05:30',
      '2026-11-02T06:30',
    ]);
  });

  test('every thirty minutes stays every thirty minutes', () => {
    expect(fires('*/30 * * * *', zone, '2026-03-08T06:00Z', '2026-03-08T08:00Z')).toEqual([
      '2026-03-08T06:00',
      '2026-03-08T06:30',
      '2026-03-08T07:00',
      '2026-03-08T07:30',
      '2026-03-08T08:00',
    ]);
    expect(fires('*/30 * * * *', zone, '2026-11-01T05:00Z', '2026-11-01T07:00Z')).toEqual([
      '2026-11-01T05:00',
      '2026-11-01T05:30',
      '2026-11-01T06:00',
      '2026-11-01T06:30',
      '2026-11-01T07:00',
    ]);
  });

  test('every two hours are times of the day', () => {
    expect(fires('0 */2 * * *', zone, '2026-03-08T05:00Z', '2026-03-08T10:00Z')).toEqual([
      '2026-03-08T05:00',
      '2026-03-08T07:00',
      '2026-03-08T08:00',
      '2026-03-08T10:00',
    ]);
  });
});

test('Lord Howe: a gap of half an hour moves 02:15 to its end', () => {
  expect(fires('15 2 * * *', 'Australia/Lord_Howe', '2026-10-02T15:00Z', '2026-10-04T20:00Z')).toEqual([
    '2026-10-02T15:45',
    '2026-10-03T15:30',
    '2026-10-04T15:15',
  ]);
});

test('Apia: the whole of 30 December 2011 is its end, which is midnight of the 31st, once', () => {
  expect(fires('0 0 * * *', 'Pacific/Apia', '2011-12-28T00:00Z', '2012-01-01T12:00Z')).toEqual([
    '2011-12-28T10:00',
    '2011-12-29T10:00',
    '2011-12-30T10:00',
    '2011-12-31T10:00',
    '2012-01-01T10:00',
  ]);
  expect(fires('0 12 30 12 *', 'Pacific/Apia', '2011-12-28T00:00Z', '2012-01-01T12:00Z')).toEqual(['2011-12-30T10:00']);
});

describe('firesBetween', () => {
  test('includes both ends and keeps to the limit', () => {
    const cron = cronOf('0 * * * *');
    const from = Date.parse('2026-01-01T00:00Z');
    expect(firesBetween(cron, 'UTC', { from, to: from + 7_200_000, limit: 10 })).toEqual([
      from,
      from + 3_600_000,
      from + 7_200_000,
    ]);
    expect(firesBetween(cron, 'UTC', { from, to: from + 7_200_000, limit: 2 })).toEqual([from, from + 3_600_000]);
    expect(firesBetween(cron, 'UTC', { from: from + 1, to: from, limit: 2 })).toEqual([]);
  });

  test('milliseconds of an instant do not matter', () => {
    const cron = cronOf('* * * * * ?');
    const at = Date.parse('2026-01-01T00:00:01Z');
    expect([-1001, -1000, -1, 0, 999].map((off) => (nextFire(cron, 'UTC', at + off) ?? 0) - at)).toEqual([
      -1000, 0, 0, 1000, 1000,
    ]);
  });
});

test('there is no zone of that name', () => {
  expect(() => nextFire(cronOf('0 0 * * *'), 'Mars/Olympus', 0)).toThrow(RangeError);
});
