/** Whether what people write can be scheduled by. Pure. */
import { parseCron } from './cron.ts';
import { everFires } from './fires.ts';
import { localSecondAt } from './local-time.ts';

/** What is wrong with a cron expression, in words; null: nothing. One that means no instant at all is wrong, too. */
export function checkCron(text: string): string | null {
  const parsed = parseCron(text);
  if ('problems' in parsed) return parsed.problems.join('; ');
  return everFires(parsed.cron) ? null : `\`${text}\` never fires: there is no such day`;
}

const ZONE_MAX = 100;

/** Whether there is a time zone of that name. */
export function isZone(name: string): boolean {
  if (name.length > ZONE_MAX) return false;
  try {
    Intl.DateTimeFormat('en', { timeZone: name });
    localSecondAt(name, 0);
    return true;
  } catch {
    return false;
  }
}

/** An instant (epoch ms) as clocks of a zone show it, with their offset: `2026-03-29T03:00:00+02:00`. Throws a RangeError for no zone. */
export function localTimeText(at: number, zone: string): string {
  const second = Math.floor(at / 1000);
  const local = localSecondAt(zone, second);
  const minutes = Math.round((local - second) / 60);
  const [hours, rest] = [Math.floor(Math.abs(minutes) / 60), Math.abs(minutes) % 60];
  const offset = `${minutes < 0 ? '-' : '+'}${String(hours).padStart(2, '0')}:${String(rest).padStart(2, '0')}`;
  return `${new Date(local * 1000).toISOString().slice(0, 19)}${offset}`;
}
