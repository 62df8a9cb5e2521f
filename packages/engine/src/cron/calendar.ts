/** Days of the proleptic Gregorian calendar as numbers, and the days of a month that a cron expression allows. Pure. */
import type { DayRule, MonthDays, WeekDays } from './cron.ts';

export interface CivilDate {
  year: number;
  /** 1–12. */
  month: number;
  /** 1–31. */
  day: number;
}

/** Days since 1970-01-01. */
export function dayNumber({ year, month, day }: CivilDate): number {
  const shifted = month <= 2 ? year - 1 : year;
  const era = Math.floor(shifted / 400);
  const yearOfEra = shifted - era * 400;
  const dayOfYear = Math.floor((153 * (month + (month > 2 ? -3 : 9)) + 2) / 5) + day - 1;
  const dayOfEra = yearOfEra * 365 + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100) + dayOfYear;
  return era * 146_097 + dayOfEra - 719_468;
}

/** The inverse of `dayNumber`. */
export function civilDate(days: number): CivilDate {
  const shifted = days + 719_468;
  const era = Math.floor(shifted / 146_097);
  const dayOfEra = shifted - era * 146_097;
  const yearOfEra = Math.floor(
    (dayOfEra - Math.floor(dayOfEra / 1460) + Math.floor(dayOfEra / 36_524) - Math.floor(dayOfEra / 146_096)) / 365,
  );
  const dayOfYear = dayOfEra - (365 * yearOfEra + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100));
  const shiftedMonth = Math.floor((5 * dayOfYear + 2) / 153);
  const month = shiftedMonth + (shiftedMonth < 10 ? 3 : -9);
  const day = dayOfYear - Math.floor((153 * shiftedMonth + 2) / 5) + 1;
  return { year: yearOfEra + era * 400 + (month <= 2 ? 1 : 0), month, day };
}

export function daysInMonth(year: number, month: number): number {
  if (month !== 2) return [4, 6, 9, 11].includes(month) ? 30 : 31;
  return year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0) ? 29 : 28;
}

/** 0 is Sunday; of a number as `dayNumber` gives it. */
export function weekdayOf(days: number): number {
  return (((days + 4) % 7) + 7) % 7;
}

/** Bit 1 is the first of the month. */
export function allowedDays(rule: DayRule, year: number, month: number): number {
  const length = daysInMonth(year, month);
  const all = 2 ** (length + 1) - 2;
  const firstWeekday = weekdayOf(dayNumber({ year, month, day: 1 }));
  const ofMonth = rule.ofMonth === null ? null : daysOfMonth(rule.ofMonth, length, firstWeekday);
  const ofWeek = rule.ofWeek === null ? null : daysOfWeek(rule.ofWeek, length, firstWeekday);
  if (ofMonth === null || ofWeek === null) return (ofMonth ?? ofWeek ?? all) & all;
  return (rule.mustBeBoth ? ofMonth & ofWeek : ofMonth | ofWeek) & all;
}

function daysOfMonth(rule: MonthDays, length: number, firstWeekday: number): number {
  let days = rule.days;
  for (const before of rule.beforeLast) if (before < length) days |= 1 << (length - before);
  for (const day of rule.nearWorkingDay) if (day <= length) days |= 1 << nearestWorkingDay(day, length, firstWeekday);
  for (const before of rule.nearWorkingDayBeforeLast)
    if (before < length) days |= 1 << nearestWorkingDay(length - before, length, firstWeekday);
  return days;
}

/** Saturday → Friday before, Sunday → Monday after, but never in another month. */
function nearestWorkingDay(day: number, length: number, firstWeekday: number): number {
  const weekday = (firstWeekday + day - 1) % 7;
  if (weekday === 6) return day > 1 ? day - 1 : day + 2;
  if (weekday === 0) return day < length ? day + 1 : day - 2;
  return day;
}

function daysOfWeek(rule: WeekDays, length: number, firstWeekday: number): number {
  let days = 0;
  for (let day = 1; day <= length; day += 1) {
    const weekday = (firstWeekday + day - 1) % 7;
    const n = Math.floor((day - 1) / 7) + 1;
    const isLast = day + 7 > length;
    const isNth = rule.nth.some((each) => each.weekday === weekday && each.n === n);
    if ((rule.days >> weekday) & 1 || (isLast && (rule.last >> weekday) & 1) || isNth) days |= 1 << day;
  }
  return days;
}
