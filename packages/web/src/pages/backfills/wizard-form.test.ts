import { describe, expect, it } from 'vitest';
import { backfillOf, EMPTY_WIZARD, lastDays, lastMonth, readDates } from './wizard-form.ts';

const NIGHTLY = { project: 'sales', workflow: 'nightly' };

describe('the request of the wizard', () => {
  it('asks for every day at one time of day of the zone', () => {
    const form = { ...EMPTY_WIZARD, zone: 'Europe/Berlin', start: '2026-03-28', end: '2026-03-30', at: '08:00' };
    expect(backfillOf(NIGHTLY, form, {})).toEqual({
      ...NIGHTLY,
      startDate: '2026-03-28T08:00',
      endDate: '2026-03-30T08:00',
      zone: 'Europe/Berlin',
      order: 'ascending',
      mode: 'serial',
      continueAfterFailure: false,
      withDependents: false,
    });
  });

  it('asks for whole days of the zone by cron', () => {
    const form = {
      ...EMPTY_WIZARD,
      kind: 'cron' as const,
      cron: ' 0 2 * * * ',
      zone: 'Asia/Shanghai',
      start: '2026-03-01',
      end: '2026-03-02',
      mode: 'parallel' as const,
      parallelism: '4',
    };
    expect(backfillOf(NIGHTLY, form, {})).toMatchObject({
      crontab: '0 2 * * *',
      startDate: '2026-03-01',
      endDate: '2026-03-02',
      zone: 'Asia/Shanghai',
      mode: 'parallel',
      parallelism: 4,
    });
  });

  it('is none while something is missing', () => {
    expect(backfillOf(NIGHTLY, EMPTY_WIZARD, {})).toBeNull();
    expect(backfillOf(NIGHTLY, { ...EMPTY_WIZARD, kind: 'list', list: '2026-02-30' }, {})).toBeNull();
  });
});

describe('a list of dates', () => {
  it('is read with or without a time of day', () => {
    expect(readDates('2026-07-01\n\n 2026-07-02 08:30 \n2026-07-03T09:00:15')).toEqual([
      '2026-07-01T00:00',
      '2026-07-02T08:30',
      '2026-07-03T09:00:15',
    ]);
  });

  it('names the first line that is no date', () => {
    expect(readDates('2026-03-01\n2026-02-30')).toBe(2);
    expect(readDates('yesterday')).toBe(1);
    expect(readDates('2026-03-01 25:00')).toBe(1);
  });
});

describe('quick choices', () => {
  // It is already the 1st of March in Shanghai.
  const now = Date.parse('2026-02-28T18:00:00Z');

  it('are days that are over in the zone', () => {
    expect(lastDays(3, 'Asia/Shanghai', now)).toEqual({ start: '2026-02-26', end: '2026-02-28' });
    expect(lastDays(3, 'UTC', now)).toEqual({ start: '2026-02-25', end: '2026-02-27' });
  });

  it('know the last month of the zone', () => {
    expect(lastMonth('Asia/Shanghai', now)).toEqual({ start: '2026-02-01', end: '2026-02-28' });
    expect(lastMonth('UTC', now)).toEqual({ start: '2026-01-01', end: '2026-01-31' });
  });
});
