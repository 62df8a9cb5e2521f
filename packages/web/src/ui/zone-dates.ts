/** Logical dates as the clocks of a backfill's zone show them. */
import { locale } from '../i18n/index.ts';

/** With its weekday; the time of day too, unless `dayOnly`. */
export function zoneDate(at: string, zone: string, dayOnly = false): string {
  return new Intl.DateTimeFormat(locale(), {
    timeZone: zone,
    weekday: 'short',
    year: 'numeric',
    month: '2-digit',
    day: '2-digit',
    ...(dayOnly ? {} : { hour: '2-digit', minute: '2-digit', hourCycle: 'h23' }),
  }).format(new Date(at));
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
