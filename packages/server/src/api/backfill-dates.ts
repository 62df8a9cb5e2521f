/** The logical dates that a backfill is about. */
import { Cron } from 'croner';
import { setImmediate } from 'node:timers/promises';
import { API_LIMITS } from './limits.ts';

export interface DateRange {
  /** Both inclusive, epoch ms. */
  startAt: number;
  endAt: number;
  /** Null: daily, at the time of day of `startAt`. */
  crontab: string | null;
  /** IANA name. */
  zone: string;
}

/**
 * Why this is no crontab: a sentence to follow its name; null when it is one. Five fields as of cron, six (with seconds) or seven (and years) as of
 * Quartz, whose weekdays count from 1 for Sunday.
 */
export function wrongCrontab(crontab: string): string | null {
  const parsed = parse(crontab, 'UTC');
  return parsed instanceof Cron ? null : parsed;
}

function parse(crontab: string, zone: string): Cron | string {
  const fields = crontab.trim().split(/\s+/).length;
  if (!crontab.trim().includes(' ') || fields < 5 || fields > 7)
    return `must have five, six or seven fields, e.g. 0 2 * * *`;
  try {
    return new Cron(crontab.trim(), {
      timezone: zone,
      paused: true,
      alternativeWeekdays: fields > 5,
      sloppyRanges: true,
    });
  } catch (error) {
    const reason = error instanceof Error ? error.message.replace(/^[A-Za-z]+: /, '') : String(error);
    return `is no crontab: ${reason}`;
  }
}

/**
 * All dates of the range, in ascending order; one more than `API_LIMITS.backfillDates` when there are too many. A local time that does
 * not exist counts as the first instant after the gap, one that exists twice as the first. Give it a crontab that is one. A date costs up
 * to 0.1 ms, so others get a turn now and then.
 */
export async function datesIn({ startAt, endAt, crontab, zone }: DateRange): Promise<number[]> {
  const pattern = crontab ?? dailyAt(startAt, zone);
  const cron = parse(pattern, zone);
  if (!(cron instanceof Cron)) throw new Error(`crontab ${pattern} ${cron}`);
  // Crontabs know no milliseconds: those of the start are added again to daily dates.
  const restMs = crontab === null ? startAt % 1000 : 0;
  const dates = crontab === null ? [startAt] : [];
  let after = new Date(crontab === null ? startAt - restMs : startAt - 1);
  while (dates.length <= API_LIMITS.backfillDates) {
    const next = cron.nextRun(after);
    if (next === null || next.getTime() + restMs > endAt) break;
    // Croner begins with the whole second, which may lie before the start.
    if (next.getTime() + restMs >= startAt) dates.push(next.getTime() + restMs);
    after = next;
    if (dates.length % DATES_AT_ONCE === 0) await setImmediate();
  }
  return dates;
}

const DATES_AT_ONCE = 100;

function dailyAt(at: number, zone: string): string {
  const clock = new Intl.DateTimeFormat('en-GB', {
    timeZone: zone,
    hour: 'numeric',
    minute: 'numeric',
    second: 'numeric',
  });
  const part = Object.fromEntries(clock.formatToParts(at).map(({ type, value }) => [type, Number(value)]));
  return `${part['second']} ${part['minute']} ${part['hour']} * * *`;
}
