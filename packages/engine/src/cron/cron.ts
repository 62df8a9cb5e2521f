/**
 * Cron expressions: what their fields allow. Five fields are those of Unix (minute, hour, day of month, month, weekday 0–7 from Sunday); six or seven
 * are Quartz's (second first, weekday 1–7 from Sunday, year last). Which instants they mean in a time zone says `fires.ts`. Pure.
 */
import { CRON_MACROS } from '@pelorus/protocol/vocabulary';

export interface Cron {
  /** As written, without space around it. */
  text: string;
  flavour: 'unix' | 'quartz';
  /** Ascending. */
  seconds: readonly number[];
  minutes: readonly number[];
  hours: readonly number[];
  days: DayRule;
  /** Bit 1 is January. */
  months: number;
  /** Ascending; null: every year. */
  years: readonly number[] | null;
  /** Every hour is allowed: it means a rhythm, not times of the day, and follows elapsed time where clocks are put forward or back. */
  isInterval: boolean;
}

/** Days of a month that are allowed; null for a side that allows all. Quartz never restricts both; Unix means either of them then. */
export interface DayRule {
  ofMonth: MonthDays | null;
  ofWeek: WeekDays | null;
  /** Both sides are given and a `*` begins one of them: then a day must be in both, as cron has it. */
  mustBeBoth: boolean;
}

export interface MonthDays {
  /** Bit 1 is the first. */
  days: number;
  /** Days before the last, 0 the last itself. */
  beforeLast: readonly number[];
  /** The working day nearest to this day of the month, in the same month. */
  nearWorkingDay: readonly number[];
  /** The same, counted back from the last day. */
  nearWorkingDayBeforeLast: readonly number[];
}

export interface WeekDays {
  /** Bit 0 is Sunday. */
  days: number;
  /** The last such weekday of the month. */
  last: number;
  nth: readonly { weekday: number; n: number }[];
}

export type ParsedCron = { cron: Cron } | { problems: string[] };

interface Field {
  name: string;
  min: number;
  max: number;
  names?: readonly string[];
}

const SECOND: Field = { name: 'second', min: 0, max: 59 };
const MINUTE: Field = { name: 'minute', min: 0, max: 59 };
const HOUR: Field = { name: 'hour', min: 0, max: 23 };
const DAY: Field = { name: 'day of month', min: 1, max: 31 };
const MONTH_NAMES = ['JAN', 'FEB', 'MAR', 'APR', 'MAY', 'JUN', 'JUL', 'AUG', 'SEP', 'OCT', 'NOV', 'DEC'];
const MONTH: Field = { name: 'month', min: 1, max: 12, names: MONTH_NAMES };
const WEEKDAY_NAMES = ['SUN', 'MON', 'TUE', 'WED', 'THU', 'FRI', 'SAT'];
const UNIX_WEEKDAY: Field = { name: 'day of week', min: 0, max: 7, names: WEEKDAY_NAMES };
const QUARTZ_WEEKDAY: Field = { name: 'day of week', min: 1, max: 7, names: WEEKDAY_NAMES };
const YEAR: Field = { name: 'year', min: 1970, max: 2099 };

const TEXT_MAX = 1000;
const PROBLEMS_MAX = 20;

/** Reads an expression; every problem names the field and the piece that is wrong. Never throws. */
export function parseCron(text: string): ParsedCron {
  const trimmed = text.trim();
  if (trimmed.length > TEXT_MAX)
    return { problems: [`it has ${trimmed.length} characters, at most ${TEXT_MAX} are allowed`] };
  if (trimmed.startsWith('@')) return parseMacro(trimmed);
  const parts = trimmed === '' ? [] : trimmed.split(/\s+/);
  if (parts.length < 5 || parts.length > 7)
    return {
      problems: [`it has ${count(parts.length, 'field')}; 5 are cron's, 6 or 7 are Quartz's with seconds first`],
    };
  return parts.length === 5 ? parseUnix(trimmed, parts) : parseQuartz(trimmed, parts);
}

function parseMacro(text: string): ParsedCron {
  const meant = CRON_MACROS[text.toLowerCase()];
  if (meant === undefined)
    return { problems: [`${text} is not known; there are ${Object.keys(CRON_MACROS).join(', ')}`] };
  return parseUnix(text, meant.split(' '));
}

function parseUnix(text: string, [minute, hour, day, month, weekday]: string[]): ParsedCron {
  const reader = new FieldReader('unix');
  const ofMonth = reader.monthDays(day!);
  const ofWeek = reader.weekDays(weekday!, UNIX_WEEKDAY);
  return reader.finish({
    text,
    flavour: 'unix',
    seconds: [0],
    minutes: reader.numbers(minute!, MINUTE),
    hours: reader.numbers(hour!, HOUR),
    days: { ofMonth, ofWeek, mustBeBoth: day!.startsWith('*') || weekday!.startsWith('*') },
    months: bits(reader.numbers(month!, MONTH)),
    years: null,
  });
}

function parseQuartz(text: string, [second, minute, hour, day, month, weekday, year]: string[]): ParsedCron {
  const reader = new FieldReader('quartz');
  const ofMonth = reader.monthDays(day!);
  const ofWeek = reader.weekDays(weekday!, QUARTZ_WEEKDAY);
  if (day === '?' && weekday === '?')
    reader.problem('`?` may stand for the day of month or for the day of week, not for both');
  if (ofMonth !== null && ofWeek !== null)
    reader.problem(
      'day of month and day of week are both given: with seconds first, as in Quartz, one of them must be `?`',
    );
  return reader.finish({
    text,
    flavour: 'quartz',
    seconds: reader.numbers(second!, SECOND),
    minutes: reader.numbers(minute!, MINUTE),
    hours: reader.numbers(hour!, HOUR),
    days: { ofMonth, ofWeek, mustBeBoth: false },
    months: bits(reader.numbers(month!, MONTH)),
    years: year === undefined || year === '*' ? null : reader.numbers(year, YEAR),
  });
}

/** Reads fields one by one and gathers what is wrong with them. */
class FieldReader {
  private readonly problems: string[] = [];
  private readonly flavour: Cron['flavour'];

  constructor(flavour: Cron['flavour']) {
    this.flavour = flavour;
  }

  problem(text: string): void {
    if (this.problems.length < PROBLEMS_MAX) this.problems.push(text);
  }

  finish(fields: Omit<Cron, 'isInterval'>): ParsedCron {
    if (this.problems.length > 0) return { problems: this.problems };
    return { cron: { ...fields, isInterval: fields.hours.length === 24 } };
  }

  /** Ascending, each once. */
  numbers(text: string, field: Field): number[] {
    const found = new Set<number>();
    for (const item of text.split(',')) for (const value of this.range(item, field)) found.add(value);
    return [...found].sort((left, right) => left - right);
  }

  monthDays(text: string): MonthDays | null {
    if (text === '*' || text === '?') return null;
    const found = { days: 0, beforeLast: [], nearWorkingDay: [], nearWorkingDayBeforeLast: [] } as {
      days: number;
      beforeLast: number[];
      nearWorkingDay: number[];
      nearWorkingDayBeforeLast: number[];
    };
    for (const item of text.toUpperCase().split(',')) {
      const last = /^L(?:-(\d{1,2}))?(W)?$/.exec(item);
      const near = /^(\d{1,2})W$/.exec(item);
      if (last) {
        const before = Number(last[1] ?? 0);
        if (before > 30) this.problem(`day of month \`${item}\`: at most 30 days before the last`);
        (last[2] ? found.nearWorkingDayBeforeLast : found.beforeLast).push(before);
      } else if (near) {
        const day = Number(near[1]);
        if (day < 1 || day > 31) this.problem(`day of month \`${item}\`: ${day} is not between 1 and 31`);
        found.nearWorkingDay.push(day);
      } else found.days |= bits(this.range(item, DAY));
    }
    return found;
  }

  /** Numbers as the flavour counts them; in the answer Sunday is 0. */
  weekDays(text: string, field: Field): WeekDays | null {
    if (text === '*' || text === '?') return null;
    const found: { days: number; last: number; nth: { weekday: number; n: number }[] } = { days: 0, last: 0, nth: [] };
    for (const item of text.toUpperCase().split(',')) {
      const nth = /^([A-Z]+|\d+)#(\d+)$/.exec(item);
      const last = /^([A-Z]{3}|\d+)L$/.exec(item);
      if (nth) {
        const n = Number(nth[2]);
        if (n < 1 || n > 5) this.problem(`day of week \`${item}\`: a month has five of a weekday at most`);
        found.nth.push({ weekday: this.weekday(nth[1]!, field, item), n });
      } else if (last) found.last |= 1 << this.weekday(last[1]!, field, item);
      else if (item === 'L' && this.flavour === 'quartz') found.days |= 1 << 6;
      else if (item === 'L')
        this.problem('day of week `L`: say of which day, such as `5L` for the last Friday of the month');
      else for (const value of this.range(item, field)) found.days |= 1 << this.fromSunday(value);
    }
    return found;
  }

  private weekday(text: string, field: Field, item: string): number {
    return this.fromSunday(this.value(text, field, item) ?? field.min);
  }

  private fromSunday(value: number): number {
    return this.flavour === 'quartz' ? value - 1 : value % 7;
  }

  /** `*`, `a`, `a-b`, and each with `/step`; `a/step` runs to the end, `b-a` through it. Quartz writes `/step` for all of them as well. */
  private range(item: string, field: Field): number[] {
    const [body, step, ...rest] = item.split('/');
    const isAll = body === '*' || (body === '' && step !== undefined && this.flavour === 'quartz');
    if (rest.length > 0 || (body === '' && !isAll)) return this.wrong(item, field);
    const by = step === undefined ? 1 : this.step(step, item, field);
    if (by === null) return [];
    if (isAll || (body === '?' && step === undefined && field.name.startsWith('day')))
      return counted(field.min, field.max, by);
    const [from, to, ...more] = body!.split('-');
    if (more.length > 0) return this.wrong(item, field);
    const first = this.value(from!, field, item);
    const last = to === undefined ? (step === undefined ? first : field.max) : this.value(to, field, item);
    if (first === null || last === null) return [];
    if (first <= last) return counted(first, last, by);
    if (field === YEAR) {
      this.problem(`year \`${item}\`: the range ends before it begins`);
      return [];
    }
    return wrapped(first, last, by, field);
  }

  private step(text: string, item: string, field: Field): number | null {
    const by = /^\d{1,4}$/.test(text) ? Number(text) : Number.NaN;
    if (by >= 1 && by <= field.max) return by;
    this.problem(`${field.name} \`${item}\`: a step is a number from 1 to ${field.max}`);
    return null;
  }

  private value(text: string, field: Field, item: string): number | null {
    const named = field.names?.indexOf(text.toUpperCase()) ?? -1;
    if (named >= 0) return field === UNIX_WEEKDAY ? named : named + 1;
    if (!/^\d{1,4}$/.test(text)) {
      this.wrong(item, field);
      return null;
    }
    const value = Number(text);
    if (value >= field.min && value <= field.max) return value;
    this.problem(`${field.name} \`${item}\`: ${value} is not between ${field.min} and ${field.max}`);
    return null;
  }

  private wrong(item: string, field: Field): [] {
    this.problem(`${field.name} \`${item}\` is not understood`);
    return [];
  }
}

function counted(first: number, last: number, by: number): number[] {
  const values: number[] = [];
  for (let value = first; value <= last; value += by) values.push(value);
  return values;
}

/** Over the end of the field and on from its beginning: hours 22-2, days FRI-MON. */
function wrapped(first: number, last: number, by: number, field: Field): number[] {
  const size = (field === UNIX_WEEKDAY ? 6 : field.max) - field.min + 1;
  return counted(first, last + size, by).map((value) => ((value - field.min) % size) + field.min);
}

function bits(values: readonly number[]): number {
  return values.reduce((set, value) => set | (1 << value), 0);
}

function count(n: number, noun: string): string {
  return `${n} ${noun}${n === 1 ? '' : 's'}`;
}
