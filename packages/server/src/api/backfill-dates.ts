/** The logical dates that a backfill is about. */
import { setImmediate } from 'node:timers/promises';
import { nextFire, parseCron } from '@pelorus/engine';
import { API_LIMITS } from './limits.ts';

export interface DateRange {
  /** Both inclusive, epoch ms. */
  startAt: number;
  endAt: number;
  /** Null: daily. */
  crontab: string | null;
  /** IANA name. */
  zone: string;
  /** `HH:MM` or `HH:MM:SS` of daily dates, where that of `startAt` may be another: its day may have no such time. */
  timeOfDay?: string;
}

/** Why this is no crontab: a sentence to follow its name; null when it is one. What it means is what it means to a schedule. */
export function wrongCrontab(crontab: string): string | null {
  const parsed = parseCron(crontab);
  return 'problems' in parsed ? `is no crontab: ${parsed.problems.join('; ')}` : null;
}

/**
 * All dates of the range, in ascending order; one more than `API_LIMITS.backfillDates` when there are too many. A local time that does
 * not exist counts as the first instant after the gap, one that exists twice as the first. Give it a crontab that is one. A date costs
 * microseconds, so others get a turn now and then.
 */
export async function datesIn({ startAt, endAt, crontab, zone, timeOfDay }: DateRange): Promise<number[]> {
  const pattern = crontab ?? daily(timeOfDay ?? clockAt(startAt, zone));
  const parsed = parseCron(pattern);
  if ('problems' in parsed) throw new Error(`crontab ${pattern}: ${parsed.problems.join('; ')}`);
  // Crontabs know no milliseconds: those of the start are added again to daily dates.
  const restMs = crontab === null ? startAt % 1000 : 0;
  const dates = crontab === null ? [startAt] : [];
  let fire = nextFire(parsed.cron, zone, crontab === null ? startAt : startAt - 1);
  while (fire !== null && fire + restMs <= endAt && dates.length <= API_LIMITS.backfillDates) {
    if (fire + restMs > startAt || crontab !== null) dates.push(fire + restMs);
    fire = nextFire(parsed.cron, zone, fire);
    if (dates.length % DATES_AT_ONCE === 0) await setImmediate();
  }
  return dates;
}

const DATES_AT_ONCE = 500;

function clockAt(at: number, zone: string): string {
  const format = { timeZone: zone, timeStyle: 'medium', hourCycle: 'h23' } as const;
  return new Intl.DateTimeFormat('en-GB', format).format(at);
}

function daily(timeOfDay: string): string {
  const [hour, minute, second = 0] = timeOfDay.split(':').map(Number);
  return `${second} ${minute} ${hour} * * ?`;
}
