/** Days as requests write them. Pure. */
import { civilDate, dayNumber } from '@pelorus/engine';

const DAY = /^(\d{4})-(\d{2})-(\d{2})$/;

/** The number of a day, from 1970-01-01, that is written `YYYY-MM-DD`. */
export function dayNumberOf(text: string): number {
  const [year = 0, month = 0, day = 0] = text.split('-').map(Number);
  return dayNumber({ year, month, day });
}

/** Whether a text is `YYYY-MM-DD` of a day that exists. */
export function isDay(text: string): boolean {
  const [, year, month, day] = DAY.exec(text) ?? [];
  if (year === undefined) return false;
  const date = civilDate(dayNumberOf(text));
  return date.year === Number(year) && date.month === Number(month) && date.day === Number(day);
}
