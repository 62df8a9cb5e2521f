/** Instants as the clocks of a zone show them. */
import { locale } from '../i18n/index.ts';

/** `Mon, 5 Oct 2026, 02:00`; without the time of day if `dayOnly`. */
export function zoneDate(at: string, zone: string, dayOnly = false): string {
  const day = new Intl.DateTimeFormat(locale(), {
    timeZone: zone,
    weekday: 'short',
    year: 'numeric',
    month: 'short',
    day: 'numeric',
  }).format(new Date(at));
  return dayOnly ? day : `${day} ${zoneTime(at, zone)}`;
}

/** `02:00` */
export function zoneTime(at: string, zone: string): string {
  return new Intl.DateTimeFormat(locale(), {
    timeZone: zone,
    hour: '2-digit',
    minute: '2-digit',
    hourCycle: 'h23',
  }).format(new Date(at));
}

/** `at` as the clocks of `here` show it, for those who have read what `zone` shows: with the day only where that is another. Null: it is the same. */
export function otherZoneDate(at: string, zone: string, here: string): string | null {
  if (zoneDate(at, zone) === zoneDate(at, here)) return null;
  return zoneDate(at, zone, true) === zoneDate(at, here, true) ? zoneTime(at, here) : zoneDate(at, here);
}

/** Of dates in any one order: those at which the offset differs from that of the date before them, with both offsets. */
export function clockChanges(dates: readonly string[], zone: string): Map<number, { from: string; to: string }> {
  const changes = new Map<number, { from: string; to: string }>();
  const format = new Intl.DateTimeFormat('en', { timeZone: zone, timeZoneName: 'shortOffset' });
  let before: string | undefined;
  for (const [index, date] of dates.entries()) {
    const now = format.formatToParts(new Date(date)).find(({ type }) => type === 'timeZoneName')?.value ?? '';
    if (before !== undefined && before !== now) changes.set(index, { from: before, to: now });
    before = now;
  }
  return changes;
}
