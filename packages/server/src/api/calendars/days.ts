/** Days of calendars as texts and as numbers from 1970-01-01. Pure. */
import { civilDate, dayNumber } from '@pelorus/engine';

/** Years that days of calendars may be in. */
export const CALENDAR_YEARS = { first: 1900, last: 2999 } as const;

/** The number of a day of three numbers; null when there is no such day, or it is out of the years that calendars have. */
export function dayOf(year: number, month: number, day: number): number | null {
  if (year < CALENDAR_YEARS.first || year > CALENDAR_YEARS.last || month < 1 || month > 12 || day < 1) return null;
  const number = dayNumber({ year, month, day });
  const date = civilDate(number);
  return date.month === month && date.day === day ? number : null;
}

/** `YYYY-MM-DD`. */
export function dayText(number: number): string {
  const { year, month, day } = civilDate(number);
  return [String(year).padStart(4, '0'), ...[month, day].map((part) => String(part).padStart(2, '0'))].join('-');
}

/** What was read of a file: days that may repeat, in any order; or what is wrong with it, with the line (from 1) where it stands. */
export type ReadDays = { days: number[]; warnings: string[] } | { problems: { line: number; message: string }[] };

/** A problem in a file, on its way out of the reader. */
export class FileProblem extends Error {
  readonly line: number;
  constructor(line: number, message: string) {
    super(message);
    this.name = 'FileProblem';
    this.line = line;
  }
}
