/**
 * The days that a recurrence rule (RFC 5545) means. Frequencies from yearly to daily, with INTERVAL, COUNT, UNTIL, BYMONTH, BYMONTHDAY and
 * BYDAY; what else a rule may hold is refused in words. Days are looked at one by one within the months that matter. Pure.
 */
import { civilDate, dayNumber } from '@pelorus/engine';
import { dayOf } from './days.ts';

const FREQUENCIES = ['YEARLY', 'MONTHLY', 'WEEKLY', 'DAILY'] as const;
const WEEKDAYS: readonly string[] = ['SU', 'MO', 'TU', 'WE', 'TH', 'FR', 'SA'];

export interface Recurrence {
  frequency: (typeof FREQUENCIES)[number];
  interval: number;
  /** Occurrences, the first day included. */
  count: number | null;
  /** The last day, as its number. */
  until: number | null;
  months: readonly number[] | null;
  /** Negative: from the end of the month. */
  monthDays: readonly number[] | null;
  /** From Sunday as 0; `n` 0: every one, negative: from the end of the month, or of the year. */
  weekdays: readonly { weekday: number; n: number }[] | null;
  weekStart: number;
}

/** Answers with what cannot be read, in words. */
export function readRecurrence(text: string): Recurrence | string {
  const parts = new Map<string, string>();
  for (const part of text.split(';').filter((each) => each !== '')) {
    const [name = '', value = ''] = part.split('=', 2);
    parts.set(name.trim().toUpperCase(), value.trim().toUpperCase());
  }
  const unknown = [...parts.keys()].find((name) => !PARTS.includes(name));
  if (unknown !== undefined) return `rules with ${unknown} are not read; ${PARTS.join(', ')} are`;
  const frequency = FREQUENCIES.find((each) => each === parts.get('FREQ'));
  if (frequency === undefined)
    return `rules with FREQ=${parts.get('FREQ') ?? ''} are not read; ${FREQUENCIES.join(', ')} are`;
  return readParts(frequency, parts);
}

const PARTS: readonly string[] = ['FREQ', 'INTERVAL', 'COUNT', 'UNTIL', 'BYMONTH', 'BYMONTHDAY', 'BYDAY', 'WKST'];

function readParts(frequency: Recurrence['frequency'], parts: ReadonlyMap<string, string>): Recurrence | string {
  const interval = numbers(parts.get('INTERVAL') ?? '1', 1, 1000);
  const count = parts.has('COUNT') ? numbers(parts.get('COUNT'), 1, 100_000) : null;
  const months = parts.has('BYMONTH') ? numbers(parts.get('BYMONTH'), 1, 12) : null;
  const monthDays = parts.has('BYMONTHDAY') ? numbers(parts.get('BYMONTHDAY'), -31, 31) : null;
  const weekdays = parts.has('BYDAY') ? weekdaysOf(parts.get('BYDAY')!) : null;
  const until = parts.has('UNTIL') ? dateOf(parts.get('UNTIL')!) : null;
  const weekStart = WEEKDAYS.indexOf(parts.get('WKST') ?? 'MO');
  const wrong = (name: string): string => `${name}=${parts.get(name) ?? ''} is not understood`;
  if (interval?.length !== 1) return wrong('INTERVAL');
  if (parts.has('COUNT') && count?.length !== 1) return wrong('COUNT');
  if (parts.has('BYMONTH') && months === null) return wrong('BYMONTH');
  if (parts.has('BYMONTHDAY') && monthDays === null) return wrong('BYMONTHDAY');
  if (parts.has('BYDAY') && weekdays === null) return wrong('BYDAY');
  if (parts.has('UNTIL') && until === null) return wrong('UNTIL');
  if (weekStart === -1) return wrong('WKST');
  const countsWeekdays = weekdays?.some(({ n }) => n !== 0) === true;
  if (countsWeekdays && (frequency === 'WEEKLY' || frequency === 'DAILY'))
    return `BYDAY=${parts.get('BYDAY')} belongs to months and years, not to ${frequency}`;
  return {
    ...{ frequency, interval: interval[0]!, count: count?.[0] ?? null, until },
    ...{ months, monthDays, weekdays, weekStart },
  };
}

/** Null when one of them is none, zero, or out of bounds. */
function numbers(text: string | undefined, min: number, max: number): number[] | null {
  const values = (text ?? '').split(',').map((each) => (/^[-+]?\d{1,6}$/.test(each) ? Number(each) : 0));
  return values.every((value) => value !== 0 && value >= min && value <= max) ? values : null;
}

function weekdaysOf(text: string): { weekday: number; n: number }[] | null {
  const found = text.split(',').map((each) => {
    const [, n = '', name = ''] = /^([-+]?\d{0,2})([A-Z]{2})$/.exec(each) ?? [];
    return { weekday: WEEKDAYS.indexOf(name), n: n === '' ? 0 : Number(n) };
  });
  return found.every(({ weekday, n }) => weekday !== -1 && Number.isInteger(n) && Math.abs(n) <= 53) ? found : null;
}

/** The day of `20261231` and of `20261231T235959Z`. */
function dateOf(text: string): number | null {
  const [, year, month, day] = /^(\d{4})(\d{2})(\d{2})(?:T\d{6}Z?)?$/.exec(text) ?? [];
  return year === undefined ? null : dayOf(Number(year), Number(month), Number(day));
}

/** First days of occurrences, from `first` (which is one whatever the rule says) to `last`, both included; no more than `most`. */
export function occurrences(rule: Recurrence, first: number, { last, most }: { last: number; most: number }): number[] {
  const days = [first];
  const end = Math.min(last, rule.until ?? last);
  const enough = Math.min(most, rule.count ?? most);
  const fits = matcher(rule, first);
  for (let day = first + 1; day <= end && days.length < enough;) {
    const { year, month } = civilDate(day);
    if (!fits.year(year)) day = dayNumber({ year: year + 1, month: 1, day: 1 });
    else if (!fits.month(year, month)) day = nextMonth(year, month);
    else {
      if (fits.day(day)) days.push(day);
      day += 1;
    }
  }
  return days;
}

function nextMonth(year: number, month: number): number {
  return month === 12 ? dayNumber({ year: year + 1, month: 1, day: 1 }) : dayNumber({ year, month: month + 1, day: 1 });
}

interface Matcher {
  year(year: number): boolean;
  month(year: number, month: number): boolean;
  day(day: number): boolean;
}

/** What a rule leaves open, its first day says. */
function matcher(rule: Recurrence, first: number): Matcher {
  const { frequency, interval, weekdays, weekStart } = rule;
  const begin = civilDate(first);
  const isBare = rule.monthDays === null && weekdays === null;
  const isYearly = frequency === 'YEARLY';
  const months = rule.months ?? (isYearly && isBare ? [begin.month] : null);
  const monthDays = rule.monthDays ?? (isBare && (isYearly || frequency === 'MONTHLY') ? [begin.day] : null);
  const week = (day: number): number => Math.floor((day - weekdayStart(weekStart)) / 7);
  return {
    year: (year) => !isYearly || (year - begin.year) % interval === 0,
    month: (year, month) =>
      (months === null || months.includes(month)) &&
      (frequency !== 'MONTHLY' || (year * 12 + month - begin.year * 12 - begin.month) % interval === 0),
    day: (day) => {
      if (frequency === 'WEEKLY' && (week(day) - week(first)) % interval !== 0) return false;
      if (frequency === 'WEEKLY' && isBare && weekdayOf(day) !== weekdayOf(first)) return false;
      if (frequency === 'DAILY' && (day - first) % interval !== 0) return false;
      if (monthDays !== null && !isMonthDay(monthDays, day)) return false;
      return weekdays === null || weekdays.some((each) => isNth(each, day, isYearly && rule.months === null));
    },
  };
}

/** From Sunday as 0; 1970-01-01 was a Thursday. */
function weekdayOf(day: number): number {
  return (((day + 4) % 7) + 7) % 7;
}

/** A day that begins a week. */
function weekdayStart(weekday: number): number {
  return weekday - 4;
}

function isMonthDay(monthDays: readonly number[], day: number): boolean {
  const { year, month, day: ofMonth } = civilDate(day);
  return monthDays.includes(ofMonth) || monthDays.includes(ofMonth - (nextMonth(year, month) - day + ofMonth));
}

function isNth({ weekday, n }: { weekday: number; n: number }, day: number, inYear: boolean): boolean {
  if (weekdayOf(day) !== weekday) return false;
  if (n === 0) return true;
  const { year, month } = civilDate(day);
  const begin = inYear ? dayNumber({ year, month: 1, day: 1 }) : dayNumber({ year, month, day: 1 });
  const end = inYear ? dayNumber({ year: year + 1, month: 1, day: 1 }) : nextMonth(year, month);
  const place = n > 0 ? Math.floor((day - begin) / 7) + 1 : -(Math.floor((end - 1 - day) / 7) + 1);
  return place === n;
}
