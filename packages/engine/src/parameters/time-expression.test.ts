import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { checkTimeExpression, evaluateTimeExpression } from './time-expression.ts';

const utc = (text: string) => ({ at: Date.parse(`${text}Z`), zone: 'UTC' });
const local = (text: string, offset: string, zone: string) => ({ at: Date.parse(`${text}${offset}`), zone });

function valueAt(logical: { at: number; zone: string }, expression: string): string {
  const evaluated = evaluateTimeExpression(expression, logical);
  return evaluated.ok ? evaluated.value : evaluated.problem;
}

describe('the table of the specification, at 2024-03-15 13:45:00', () => {
  const logical = utc('2024-03-15T13:45:00');
  it.each([
    ['yyyyMMdd', '20240315'],
    ['yyyy-MM-dd HH:mm:ss', '2024-03-15 13:45:00'],
    ['yyyyMMdd-1', '20240314'],
    ['yyyyMMdd+7*2', '20240329'],
    ['yyyyMMddHH-1/24', '2024031512'],
    ['HHmm+30/24/60', '1415'],
    ['add_months(yyyyMMdd,-1)', '20240215'],
    ['month_begin(yyyyMMdd,0)', '20240301'],
    ['month_end(yyyyMMdd,-1)', '20240330'],
    ['week_begin(yyyyMMdd,0)', '20240311'],
    ['week_end(yyyyMMdd,0)', '20240317'],
    ['month_first_day(yyyyMMdd,-1)', '20240201'],
    ['month_last_day(yyyyMMdd,-1)', '20240229'],
    ['week_first_day(yyyyMMdd,-1)', '20240304'],
    ['week_last_day(yyyyMMdd,-1)', '20240310'],
    ['this_day(yyyy-MM-dd)', '2024-03-15'],
    ['last_day(yyyy-MM-dd)', '2024-03-14'],
    ['year_week(yyyy)', '202411'],
    ['timestamp(yyyyMMddHHmmss)', '1710510300'],
  ])('$[%s] is %s', (expression, value) => {
    expect(valueAt(logical, expression)).toBe(value);
  });

  it('gives the same in the zone of the schedule', () => {
    const tokyo = local('2024-03-15T13:45:00', '+09:00', 'Asia/Tokyo');
    expect(valueAt(tokyo, 'yyyy-MM-dd HH:mm:ss')).toBe('2024-03-15 13:45:00');
    expect(valueAt(tokyo, 'timestamp(yyyyMMddHHmmss)')).toBe('1710477900');
  });
});

describe('the user page', () => {
  const page = readFileSync(new URL('../../../../docs/parameters.md', import.meta.url), 'utf8');
  const rows = Array.from(
    page.matchAll(/^\| `\$\[([^\]]+)\]` \| `([^`]+)` \|/gm),
    ([, expression = '', value = '']) => ({ expression, value }),
  );

  it('shows every row of the table', () => {
    expect(rows).toHaveLength(19);
  });
  it.each(rows)('says rightly that $expression is $value', ({ expression, value }) => {
    expect(valueAt(utc('2024-03-15T13:45:00'), expression)).toBe(value);
  });
});

/** Written by the authors of DolphinScheduler for the same syntax; at 2017-01-01 01:01:01 in Shanghai, and 2022-08-26. */
describe('what DolphinScheduler gives', () => {
  const newYear = local('2017-01-01T01:01:01', '+08:00', 'Asia/Shanghai');
  it.each([
    ['yyyy', '2017'],
    ['yyyy-MM-dd-1', '2016-12-31'],
    ['month_begin(yyyyMMdd, 1)', '20170102'],
    ['month_end(yyyyMMdd, -1)', '20170130'],
    ['week_begin(yyyyMMdd, 1)', '20161227'],
    ['week_end(yyyyMMdd, -1)', '20161231'],
    ['timestamp(yyyyMMdd00mmss)', '1483200061'],
    ['timestamp(month_begin(yyyyMMddHHmmss, 1))', '1483290061'],
    ['timestamp(month_end(yyyyMMddHHmmss, -1))', '1485709261'],
    ['timestamp(week_begin(yyyyMMddHHmmss, 1))', '1482771661'],
    ['timestamp(week_end(yyyyMMdd000000, -1))', '1483113600'],
    ['timestamp(yyyyMMddHHmmss)', '1483203661'],
    ['yyyyMMdd+7*1', '20170108'],
    ['yyyyMMdd-7*1', '20161225'],
    ['yyyyMMddHH+1/24', '2017010102'],
    ['yyyyMMddHH-1/24', '2017010100'],
    ['add_months(yyyyMMdd,12*1)', '20180101'],
    ['add_months(yyyyMMdd,-12*1)', '20160101'],
  ])('$[%s] is %s', (expression, value) => {
    expect(valueAt(newYear, expression)).toBe(value);
  });

  it.each([
    ['year_week(yyyy-MM-dd)', '2022-34'],
    ['year_week(yyyyMMdd)', '202234'],
    ['month_first_day(yyyy-MM-dd,-1)', '2022-07-01'],
    ['month_last_day(yyyyMMdd,-1)', '20220731'],
    ['week_first_day(yyyyMMdd,0)', '20220822'],
    ['week_last_day(yyyy-MM-dd,0)', '2022-08-28'],
  ])('$[%s] is %s in August 2022', (expression, value) => {
    expect(valueAt(utc('2022-08-26T00:00:00'), expression)).toBe(value);
  });
});

describe('months', () => {
  it.each([
    ['2024-03-31T00:00:00', 'add_months(yyyyMMdd,-1)', '20240229'],
    ['2023-03-31T00:00:00', 'add_months(yyyyMMdd,-1)', '20230228'],
    ['2024-02-29T00:00:00', 'add_months(yyyyMMdd,12)', '20250228'],
    ['2024-02-29T00:00:00', 'add_months(yyyyMMdd,12*4)', '20280229'],
    ['2024-01-31T00:00:00', 'add_months(yyyyMMdd,1)', '20240229'],
    ['2024-03-31T00:00:00', 'month_last_day(yyyyMMdd,-1)', '20240229'],
    ['2024-05-31T00:00:00', 'month_last_day(yyyyMMdd,1)', '20240630'],
    ['2100-02-10T00:00:00', 'month_end(yyyyMMdd,0)', '21000228'],
    ['2024-12-31T00:00:00', 'month_first_day(yyyyMMdd,1)', '20250101'],
    ['2024-12-31T00:00:00', 'quarter_first_day(yyyyMMdd)', '20241001'],
    ['2024-05-15T00:00:00', 'quarter_last_day(yyyyMMdd,-1)', '20240331'],
    ['2024-12-31T00:00:00', 'half_year_first_day(yyyyMMdd,1)', '20250101'],
    ['2020-02-29T00:00:00', 'half_year_first_day(yyyyMMdd-1,-1)', '20190701'],
    ['2024-07-01T00:00:00', 'half_year_last_day(yyyyMMdd,-1)', '20240630'],
    ['2020-02-29T00:00:00', 'year_first_day(yyyy-MM-dd-1,-3)', '2017-01-01'],
    ['2020-02-29T00:00:00', 'year_last_day(yyyyMMdd-1,10)', '20301231'],
    ['2024-01-01T00:00:00', 'year_first_day(yyyyMMdd-1)', '20230101'],
    ['2024-01-15T00:00:00', 'month_begin(yyyyMMdd,-1)', '20231231'],
    ['2024-03-15T13:45:00', 'month_begin(yyyyMMddHHmm)', '202403011345'],
  ])('at %s $[%s] is %s', (at, expression, value) => {
    expect(valueAt(utc(at), expression)).toBe(value);
  });
});

describe('weeks', () => {
  it.each([
    ['2024-03-11T00:00:00', 'week_begin(yyyyMMdd,0)', '20240311'],
    ['2024-03-17T23:59:59', 'week_begin(yyyyMMdd,0)', '20240311'],
    ['2024-03-17T23:59:59', 'week_end(yyyyMMdd,0)', '20240317'],
    ['2024-12-30T00:00:00', 'year_week(yyyy)', '202501'],
    ['2023-01-01T00:00:00', 'year_week(yyyy-MM-dd)', '2022-52'],
    ['2020-12-31T00:00:00', 'year_week(yyyy)', '202053'],
    ['2024-03-15T00:00:00', 'year_week(yyyyMMdd-7)', '202410'],
  ])('at %s $[%s] is %s', (at, expression, value) => {
    expect(valueAt(utc(at), expression)).toBe(value);
  });
});

describe('formats', () => {
  const logical = { at: Date.parse('2009-03-05T04:06:08.070Z'), zone: 'UTC' };
  it.each([
    ['yyMMdd', '090305'],
    ['yyyy/M/d', '2009/3/5'],
    ['H:m:s', '4:6:8'],
    ['yyyyMMddHHmmssSSS', '20090305040608070'],
    ["yyyy-MM-dd'T'HH:mm:ss'Z'", '2009-03-05T04:06:08Z'],
    ["'dt='yyyyMMdd", 'dt=20090305'],
    ["HH 'o''clock'", "04 o'clock"],
    ["yyyy''MM", "2009'03"],
    ["yyyy'[1]'", '2009[1]'],
    ['yyyy年MM月dd日', '2009年03月05日'],
    ['yyyyMM00', '20090300'],
    ['yyyy-MM-dd 00:00:00', '2009-03-05 00:00:00'],
    [' yyyyMMdd - 1 ', '20090304'],
    ['yyyy-MM-dd HH', '2009-03-05 04'],
    ["yyyy-MM-'01'", '2009-03-01'],
  ])('$[%s] is %s', (expression, value) => {
    expect(valueAt(logical, expression)).toBe(value);
  });

  it('pads the first years to four digits', () => {
    expect(valueAt(utc('0007-01-02T00:00:00'), 'yyyyMMdd')).toBe('00070102');
  });
});

describe('sums', () => {
  it.each([
    ['yyyyMMdd-(1+2)*2', '20240309'],
    ['yyyyMMdd+2+3*4', '20240329'],
    ['yyyyMMdd+-1', '20240314'],
    ['yyyyMMdd--1', '20240316'],
    ['yyyyMMdd-7*-1', '20240322'],
    ['yyyyMMdd+(7-(2*3))', '20240316'],
    ['yyyyMMddHH+48/24', '2024031713'],
    ['yyyyMMddHH+30/24', '2024031619'],
    ['yyyyMMddHH-1-1/24', '2024031412'],
    ['yyyyMMddHHmmss+10/24/60/60', '20240315134510'],
    ['yyyyMMddHH+0.5', '2024031601'],
    ['yyyyMMddHHmmss+1/3', '20240315214500'],
    ['yyyyMMddHHmmssSSS+1/24/60/60/1000', '20240315134500001'],
    ['month_end(add_months(yyyyMMdd,-1),0)', '20240229'],
    ['month_begin(yyyyMMdd-15, 0)+1', '20240202'],
  ])('$[%s] is %s', (expression, value) => {
    expect(valueAt(utc('2024-03-15T13:45:00'), expression)).toBe(value);
  });
});

describe('days that are not 24 hours long', () => {
  const NEW_YORK = 'America/New_York';

  it('takes one day off the day after a 23-hour day (DolphinScheduler gave the day before that)', () => {
    expect(valueAt(local('2024-03-11T00:10:00', '-04:00', NEW_YORK), 'yyyy-MM-dd HH:mm-1')).toBe('2024-03-10 00:10');
    expect(valueAt(local('2026-03-09T00:10:00', '-07:00', 'America/Los_Angeles'), 'yyyyMMdd-1')).toBe('20260308');
  });

  it('takes one day off the day after a 25-hour day', () => {
    expect(valueAt(local('2024-11-04T00:10:00', '-05:00', NEW_YORK), 'yyyy-MM-dd HH:mm-1')).toBe('2024-11-03 00:10');
  });

  it('moves hours through the spring gap as elapsed time', () => {
    const three = local('2024-03-10T03:00:00', '-04:00', NEW_YORK);
    expect(valueAt(three, 'HH:mm-1/24')).toBe('01:00');
    expect(valueAt(three, 'yyyy-MM-dd HH:mm-24/24')).toBe('2024-03-09 03:00');
  });

  it('passes both hours of an autumn night', () => {
    const second = local('2024-11-03T01:30:00', '-05:00', NEW_YORK);
    expect(valueAt(second, 'HH:mm')).toBe('01:30');
    expect(valueAt(second, 'timestamp(yyyyMMddHHmmss)')).toBe(String(Date.parse('2024-11-03T01:30:00-05:00') / 1000));
    expect(valueAt(second, 'HH:mm-1/24')).toBe('01:30');
    expect(valueAt(second, 'timestamp(yyyyMMddHHmmss-1/24)')).toBe(
      String(Date.parse('2024-11-03T01:30:00-04:00') / 1000),
    );
    expect(valueAt(second, 'HH:mm-2/24')).toBe('00:30');
  });

  it('moves a time of day that was left out to after the gap, on the same date', () => {
    expect(valueAt(local('2024-03-09T02:30:00', '-05:00', NEW_YORK), 'yyyy-MM-dd HH:mm+1')).toBe('2024-03-10 03:30');
    expect(valueAt(local('2018-11-05T00:30:00', '-02:00', 'America/Sao_Paulo'), 'yyyy-MM-dd HH:mm-1')).toBe(
      '2018-11-04 01:30',
    );
  });

  it('knows gaps of half an hour', () => {
    const lordHowe = local('2024-10-07T02:15:00', '+11:00', 'Australia/Lord_Howe');
    expect(valueAt(lordHowe, 'yyyy-MM-dd HH:mm-1')).toBe('2024-10-06 02:45');
    expect(valueAt(local('2024-10-06T02:30:00', '+11:00', 'Australia/Lord_Howe'), 'HH:mm-1/24')).toBe('01:00');
    expect(valueAt(local('2024-04-07T02:15:00', '+10:30', 'Australia/Lord_Howe'), 'HH:mm-1/24')).toBe('01:45');
  });

  it('steps over the day that Apia never had, in the direction of the move', () => {
    const after = local('2011-12-31T10:00:00', '+14:00', 'Pacific/Apia');
    const before = local('2011-12-29T10:00:00', '-10:00', 'Pacific/Apia');
    expect(valueAt(after, 'yyyyMMdd')).toBe('20111231');
    expect(valueAt(after, 'yyyy-MM-dd HH-1')).toBe('2011-12-29 10');
    expect(valueAt(after, 'yyyy-MM-dd HH-2')).toBe('2011-12-29 10');
    expect(valueAt(before, 'yyyy-MM-dd HH+1')).toBe('2011-12-31 10');
    expect(valueAt(before, 'yyyy-MM-dd HH+3')).toBe('2012-01-01 10');
    expect(valueAt(after, 'month_end(yyyyMMdd,0)')).toBe('20111231');
  });
});

describe('bad expressions', () => {
  it.each([
    ['', 'a format is missing, such as yyyyMMdd'],
    ['1+2', 'a format is missing, such as yyyyMMdd'],
    ['yyyyMMDD', '`DD` is not a field of a format; the day is dd'],
    ['YYYYMMdd', '`YYYY` is not a field of a format; the year is yyyy'],
    ['yyyyMMddhh', '`hh` is not a field of a format; the hour is HH, 0 to 23'],
    ['yyyMMdd', '`yyy` is not a field of a format; the year is yyyy or yy'],
    ['MMM', '`MMM` is not a field of a format; the month is MM or M'],
    ['yyyyMMdd-N', "`N` is not a field of a format; letters meant as text stand in quotes, as in 'T'"],
    ['yyyyMMdd*2', '`*` may stand in a format only in quotes'],
    ['yyyyMMdd,1', '`,` may stand in a format only in quotes'],
    ["yyyy'T", 'a single quote is not closed'],
    ['yyyy-MM-01', "`-01` would be a number of days; text stands in quotes, as in '-01'"],
    ["yyyy-MM-dd'T'HH:mm:ss+08:00", "`+08:00` would be a number of days; text stands in quotes, as in '-01'"],
    ['yyyyMMdd-1/0', 'it divides by zero'],
    ['yyyyMMdd-(1', 'a parenthesis is not closed'],
    ['yyyyMMdd-1)', 'nothing may follow `yyyyMMdd-1`: `)`'],
    ['yyyyMMdd-1 HH', 'nothing may follow `yyyyMMdd-1 `: `HH`'],
    ['yyyyMMdd-1*', 'a number is missing at the end'],
    ['yyyyMMdd-', 'a number is missing after `-`; as text it stands in quotes'],
    ['add_months(yyyyMMdd+,1)', 'a number is missing after `+`; as text it stands in quotes'],
    ['yyyyMMdd-1*x', 'a number is expected at `x`'],
    ['yyyyMMdd-1234567890123', '`1234567890123` has too many digits'],
    ['yyyyMMdd-99999999', 'it moves the date by more than 10,000 years'],
    ['add_months(yyyyMMdd)', 'add_months needs a second argument, the number of months: add_months(yyyyMMdd,-1)'],
    ['add_months(yyyyMMdd,1/2)', 'add_months counts whole months'],
    ['week_first_day(yyyyMMdd,0.5)', 'week_first_day counts whole weeks'],
    ['add_months(yyyyMMdd,-1', 'add_months( is not closed'],
    ['add_months(,-1)', 'a format is missing, such as yyyyMMdd'],
    ['this_day(yyyyMMdd,1)', 'this_day takes one argument, the format'],
    ['year_week(yyyy-MM-dd,5)', 'year_week takes one argument; weeks begin on Monday (ISO 8601)'],
    [
      'timestamp(yyyyMMdd)',
      'timestamp needs year, month, day, hour, minute and second in that order: yyyyMMddHHmmss, each of them a field or digits',
    ],
    [
      'timestamp(ddMMyyyyHHmmss)',
      'timestamp needs year, month, day, hour, minute and second in that order: yyyyMMddHHmmss, each of them a field or digits',
    ],
    ['this_day(timestamp(yyyyMMddHHmmss))', 'timestamp must stand outermost'],
    [
      'ad_months(yyyyMMdd,-1)',
      'there is no function `ad_months`; there are add_months, month_begin, month_end, week_begin, week_end, month_first_day, month_last_day, quarter_first_day, quarter_last_day, half_year_first_day, half_year_last_day, year_first_day, year_last_day, week_first_day, week_last_day, this_day, last_day, timestamp, year_week',
    ],
    [`yyyy-${'('.repeat(17)}1${')'.repeat(17)}`, 'it is nested more than 16 deep'],
    [`${'this_day('.repeat(17)}yyyy${')'.repeat(17)}`, 'it is nested more than 16 deep'],
    ['y'.repeat(257), 'it is longer than 256 characters'],
  ])('$[%s]: %s', (expression, problem) => {
    expect(checkTimeExpression(expression)).toBe(`bad time expression \`$[${expression}]\`: ${problem}`);
    expect(evaluateTimeExpression(expression, utc('2024-03-15T13:45:00'))).toEqual({
      ok: false,
      problem: checkTimeExpression(expression),
    });
  });

  it.each([
    ['9999-12-31T00:00:00', 'yyyyMMdd+1', 'the result lies outside the years 1 to 9999'],
    ['0001-01-01T00:00:00', 'yyyyMMdd-1', 'the result lies outside the years 1 to 9999'],
    ['2024-03-15T00:00:00', 'add_months(yyyyMMdd,-120000)', 'the result lies outside the years 1 to 9999'],
    [
      '2024-03-15T00:00:00',
      'add_months(add_months(yyyyMMdd,-60000),60000)',
      'the result lies outside the years 1 to 9999',
    ],
    ['2024-02-15T00:00:00', 'timestamp(yyyyMM30HHmmss)', 'its digits are not a date and time'],
  ])('at %s $[%s]: %s', (at, expression, problem) => {
    expect(checkTimeExpression(expression)).toBeNull();
    expect(valueAt(utc(at), expression)).toBe(`bad time expression \`$[${expression}]\`: ${problem}`);
  });

  it('says which zone or instant does not exist', () => {
    expect(valueAt({ at: 0, zone: 'Mars/Olympus' }, 'yyyy')).toBe(
      'bad time expression `$[yyyy]`: there is no instant 0 in a time zone named `Mars/Olympus`',
    );
    expect(valueAt({ at: Number.NaN, zone: 'UTC' }, 'yyyy')).toContain('there is no instant NaN');
    expect(valueAt({ at: 8.64e15, zone: 'UTC' }, 'yyyy')).toContain('there is no instant 8640000000000000');
  });
});

describe('any text', () => {
  const piece = fc.constantFrom(
    'yyyy',
    'MM',
    'dd',
    'HH',
    'mm',
    'ss',
    'SSS',
    '-',
    '+',
    '*',
    '/',
    '(',
    ')',
    ',',
    ' ',
    "'",
    '1',
    '24',
    '999999',
    '0.5',
    'add_months(',
    'month_end(',
    'week_begin(',
    'timestamp(',
    'year_week(',
    'this_day(',
    'x',
    '年',
    ':',
    '${n}',
    '$[',
    '\n',
  );
  const instants = fc.integer({ min: -62_135_596_800_000, max: 253_402_300_799_999 });
  const zones = fc.constantFrom(
    'UTC',
    'America/New_York',
    'Australia/Lord_Howe',
    'Pacific/Apia',
    'Asia/Kathmandu',
    'nowhere',
  );

  it('gives a value or a sentence, and never throws', () => {
    fc.assert(
      fc.property(
        fc.array(piece, { maxLength: 14 }).map((pieces) => pieces.join('')),
        instants,
        zones,
        (expression, at, zone) => {
          const evaluated = evaluateTimeExpression(expression, { at, zone });
          if (evaluated.ok) expect(checkTimeExpression(expression)).toBeNull();
          else expect(evaluated.problem.startsWith('bad time expression')).toBe(true);
        },
      ),
      { numRuns: 3000 },
    );
  });

  it('moves by n days exactly as the calendar does, wherever the time of day exists', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 4_000_000_000_000 }), fc.integer({ min: -5000, max: 5000 }), (at, days) => {
        const expected = new Date(at + days * 86_400_000).toISOString().slice(0, 10);
        expect(valueAt({ at, zone: 'UTC' }, `yyyy-MM-dd+(${days})`)).toBe(expected);
      }),
    );
  });

  it('is never on the same date after a move of at least one day, in any zone', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: 2_000_000_000_000 }),
        fc.integer({ min: 1, max: 40 }),
        zones,
        (at, days, zone) => {
          fc.pre(zone !== 'nowhere');
          const [before, here, after] = [`yyyyMMdd-${days}`, 'yyyyMMdd', `yyyyMMdd+${days}`].map((expression) =>
            Number(valueAt({ at, zone }, expression)),
          );
          expect(before).toBeLessThan(here!);
          expect(after).toBeGreaterThan(here!);
        },
      ),
    );
  });
});
