/** Holidays from iCalendar and CSV. */
import { describe, expect, test } from 'vitest';
import { dayNumber } from '@pelorus/engine';
import { readCsv } from './csv.ts';
import { dayText } from './days.ts';
import { readIcs } from './ics.ts';

const HORIZON = dayNumber({ year: 2032, month: 12, day: 31 });
const event = (...lines: string[]) => ['BEGIN:VEVENT', ...lines, 'END:VEVENT'];
const calendar = (...lines: string[]) => ['BEGIN:VCALENDAR', 'VERSION:2.0', ...lines, 'END:VCALENDAR', ''].join('\r\n');
const read = (...lines: string[]) => readIcs(calendar(...lines), { horizon: HORIZON, most: 10_000 });
const days = (...lines: string[]) => {
  const found = read(...lines);
  if ('problems' in found) throw new Error(JSON.stringify(found.problems));
  return found.days.map(dayText);
};

describe('iCalendar', () => {
  test('an event of several days: its end is not part of it', () => {
    expect(days(...event('DTSTART;VALUE=DATE:20261001', 'DTEND;VALUE=DATE:20261004'))).toEqual([
      '2026-10-01',
      '2026-10-02',
      '2026-10-03',
    ]);
  });

  test.each([
    [['DTSTART:20260501T090000Z'], ['2026-05-01']],
    [['DTSTART:20260501T090000', 'DTEND:20260502T000000'], ['2026-05-01']],
    [
      ['DTSTART;TZID="a:b":20260501T220000', 'DTEND;TZID="a:b":20260502T020000'],
      ['2026-05-01', '2026-05-02'],
    ],
    [['DTSTART;VALUE=DATE:20260501', 'DURATION:P1W'], 7],
    [
      ['DTSTART;VALUE=DATE:20260501', 'DURATION:PT36H'],
      ['2026-05-01', '2026-05-02'],
    ],
    [['DTSTART;VALUE=DATE:20260501', 'DTEND;VALUE=DATE:20260501'], ['2026-05-01']],
    [['DTSTART;VALUE=DATE:20260501', 'STATUS:CANCELLED'], []],
    [['DTSTART;VALUE=DATE:2026', ' 0501', 'BEGIN:VALARM', 'DTSTART:20990101', 'END:VALARM'], ['2026-05-01']],
  ])('%j', (lines, expected) => {
    const found = days(...event(...lines));
    expect(typeof expected === 'number' ? found.length : found).toEqual(expected);
  });

  test.each([
    ['20240101', 'FREQ=YEARLY;UNTIL=20270101', ['2024-01-01', '2025-01-01', '2026-01-01', '2027-01-01']],
    ['20240229', 'FREQ=YEARLY', ['2024-02-29', '2028-02-29', '2032-02-29']],
    ['20241128', 'FREQ=YEARLY;BYMONTH=11;BYDAY=4TH;COUNT=3', ['2024-11-28', '2025-11-27', '2026-11-26']],
    ['20240527', 'FREQ=YEARLY;BYMONTH=5;BYDAY=-1MO;COUNT=3', ['2024-05-27', '2025-05-26', '2026-05-25']],
    ['20240101', 'FREQ=YEARLY;INTERVAL=4', ['2024-01-01', '2028-01-01', '2032-01-01']],
    ['20240101', 'FREQ=YEARLY;BYDAY=1MO;COUNT=3', ['2024-01-01', '2025-01-06', '2026-01-05']],
    ['20240131', 'FREQ=MONTHLY;BYMONTHDAY=-1;COUNT=3', ['2024-01-31', '2024-02-29', '2024-03-31']],
    ['20240131', 'FREQ=MONTHLY;COUNT=3', ['2024-01-31', '2024-03-31', '2024-05-31']],
    ['20240106', 'FREQ=WEEKLY;BYDAY=SA,SU;COUNT=4', ['2024-01-06', '2024-01-07', '2024-01-13', '2024-01-14']],
    [
      '20240107',
      'FREQ=WEEKLY;INTERVAL=2;BYDAY=MO,SU;COUNT=4',
      ['2024-01-07', '2024-01-15', '2024-01-21', '2024-01-29'],
    ],
    ['20240101', 'FREQ=DAILY;INTERVAL=10;COUNT=3', ['2024-01-01', '2024-01-11', '2024-01-21']],
    ['20240230', 'FREQ=YEARLY', null],
  ])('from %s %s', (start, rule, expected) => {
    const lines = event(`DTSTART;VALUE=DATE:${start}`, `RRULE:${rule}`);
    if (expected === null) expect(read(...lines)).toHaveProperty('problems');
    else expect(days(...lines)).toEqual(expected);
  });

  test('occurrences that are left out, added, moved and cancelled', () => {
    const found = days(
      ...event(
        'UID:a',
        'DTSTART;VALUE=DATE:20240101',
        'RRULE:FREQ=YEARLY;COUNT=4',
        'EXDATE;VALUE=DATE:20250101',
        'RDATE;VALUE=DATE:20240501,20240502',
      ),
      ...event('UID:a', 'RECURRENCE-ID;VALUE=DATE:20260101', 'DTSTART;VALUE=DATE:20260105'),
      ...event('UID:a', 'RECURRENCE-ID;VALUE=DATE:20270101', 'DTSTART;VALUE=DATE:20270101', 'STATUS:CANCELLED'),
    );
    expect(found.toSorted()).toEqual(['2024-01-01', '2024-05-01', '2024-05-02', '2026-01-05']);
  });

  test('a rule without an end is read up to the horizon, and says so', () => {
    expect(read(...event('DTSTART;VALUE=DATE:20300501', 'RRULE:FREQ=YEARLY'))).toEqual({
      days: [2030, 2031, 2032].map((year) => dayNumber({ year, month: 5, day: 1 })),
      warnings: ['rules without an end were read up to 2032-12-31; import the calendar again before that'],
    });
  });

  test.each([
    [['DTSTART;VALUE=DATE:20260501', 'RRULE:FREQ=HOURLY'], 5, 'RRULE: rules with FREQ=HOURLY are not read'],
    [['DTSTART;VALUE=DATE:20260501', 'RRULE:FREQ=YEARLY;BYWEEKNO=3'], 5, 'RRULE: rules with BYWEEKNO are not read'],
    [['DTSTART;VALUE=DATE:20260501', 'RRULE:FREQ=YEARLY;BYMONTH=13'], 5, 'RRULE: BYMONTH=13 is not understood'],
    [['DTSTART;VALUE=DATE:20260501', 'RRULE:FREQ=WEEKLY;BYDAY=1MO'], 5, 'RRULE: BYDAY=1MO belongs to months'],
    [['SUMMARY:x'], 3, 'the event has no DTSTART'],
    [['DTSTART:tomorrow'], 4, 'DTSTART `tomorrow` is no date'],
    [['DTSTART;VALUE=DATE:20260501', 'DURATION:long'], 5, 'DURATION `long` is not understood'],
    [['DTSTART;VALUE=DATE:20260501', 'DTEND;VALUE=DATE:20990501'], 5, 'the event lasts 26663 days'],
    [['DTSTART'], 4, '`DTSTART` has no value'],
  ])('%j is refused, with its line', (lines, line, message) => {
    const found = read(...event(...lines));
    expect(found).toMatchObject({ problems: [{ line, message: expect.stringContaining(message) as string }] });
  });

  test.each([
    ['', 'there is no event in it'],
    ['hello', 'has no value'],
    ['A:b', 'it begins with BEGIN:VCALENDAR'],
    ['BEGIN:VEVENT', 'outside of a VCALENDAR'],
    ['BEGIN:VCALENDAR\nEND:VEVENT', 'ends what has not begun'],
    ['BEGIN:VCALENDAR\nBEGIN:VEVENT\nDTSTART:20260101', 'the file ends within VEVENT'],
    ['BEGIN:VCALENDAR\nEND:VCALENDAR', 'there is no event in it'],
  ])('%j is no calendar', (text, message) => {
    const found = readIcs(text, { horizon: HORIZON, most: 10 });
    expect(found).toMatchObject({ problems: [{ message: expect.stringContaining(message) as string }] });
  });

  test('the most rules that are read take moments', () => {
    const many = Array.from({ length: 500 }, () =>
      event('DTSTART;VALUE=DATE:19000101', 'RRULE:FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30'),
    );
    const begun = performance.now();
    expect(days(...many.flat())).toHaveLength(500);
    expect(performance.now() - begun).toBeLessThan(20_000);
  });
});

describe('CSV', () => {
  const dates = (text: string) => {
    const found = readCsv(text);
    return 'problems' in found ? found.problems : found.days.map(dayText);
  };

  test.each([
    ['2026-05-01\n2026-05-02\n', ['2026-05-01', '2026-05-02']],
    ['date,name\r\n2026/5/1,"Labour, Day"\r\n20261001,"a\nb"\r\n', ['2026-05-01', '2026-10-01']],
    ['name;Date\nNew Year;2027-01-01\n', ['2027-01-01']],
    ['名称\t日期\n元旦\t2027-01-01', ['2027-01-01']],
    ['"2026-05-01","say ""x"""', ['2026-05-01']],
    ['\n\n', []],
  ])('%j', (text, expected) => expect(dates(text)).toEqual(expected));

  test('every line that is no date is told', () => {
    expect(dates('date\n2026-02-30\n2026-05-01\nsoon\n2026-5/1')).toEqual([
      { line: 2, message: '`2026-02-30` is no date such as 2026-05-01' },
      { line: 4, message: '`soon` is no date such as 2026-05-01' },
      { line: 5, message: '`2026-5/1` is no date such as 2026-05-01' },
    ]);
  });
});
