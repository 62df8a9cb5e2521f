/**
 * Which instants a cron expression means in a time zone. The rule:
 *
 * - Times of the day: a local time that does not exist, because clocks were put forward over it, fires at the first instant after the gap; one that
 *   exists twice fires at the first. Several that fall on one instant fire once.
 * - A rhythm (every hour is allowed): fires whenever clocks show it, so that twenty minutes stay twenty minutes through both hours that have the same name, and
 *   nothing is made up for an hour that there never was.
 *
 * Pure: tests hold it against a scan of every minute.
 */
import type { Cron } from './cron.ts';
import { allowedDays, civilDate, dayNumber } from './calendar.ts';
import { stretchAt } from './zone-offsets.ts';

const DAY_SECONDS = 86_400;
/** No clock was ever further ahead of UTC. */
const AHEAD_MAX_SECONDS = 16 * 3600;
/** Later fires are not looked for. */
const LAST_YEAR = 2199;

/**
 * The first fire after an instant (both epoch ms, the fire on a whole second), or null when there is none by the year 2199. Takes microseconds for common
 * expressions, a millisecond for those that fire once in many years. Throws a RangeError for a zone that there is not.
 */
export function nextFire(cron: Cron, zone: string, after: number): number | null {
  const second = Math.floor(after / 1000);
  const found = cron.isInterval ? nextOfRhythm(cron, zone, second) : nextOfTimes(cron, zone, second);
  return found === null ? null : found * 1000;
}

/** Fires from `from` to `to`, both included, epoch ms, ascending, `limit` at most. */
export function firesBetween(cron: Cron, zone: string, span: { from: number; to: number; limit: number }): number[] {
  const fires: number[] = [];
  let fire = nextFire(cron, zone, span.from - 1);
  while (fire !== null && fire <= span.to && fires.length < span.limit) {
    fires.push(fire);
    fire = nextFire(cron, zone, fire);
  }
  return fires;
}

/** Whether there is any day on which it could fire: 30 February is none. */
export function everFires(cron: Cron): boolean {
  return nextLocal(cron, dayNumber({ year: 1970, month: 1, day: 1 }) * DAY_SECONDS - 1) !== null;
}

function nextOfRhythm(cron: Cron, zone: string, second: number): number | null {
  let stretch = stretchAt(zone, second);
  let local = second + stretch.offset;
  for (;;) {
    const next = nextLocal(cron, local);
    if (next === null) return null;
    const instant = next - stretch.offset;
    if (instant < stretch.until) return instant;
    stretch = stretchAt(zone, stretch.until);
    local = stretch.from + stretch.offset - 1;
  }
}

function nextOfTimes(cron: Cron, zone: string, second: number): number | null {
  // Local times up to the one that clocks show have had their instant; of later ones some may have, where clocks were put back.
  let local: number | null = second + stretchAt(zone, second).offset;
  for (;;) {
    local = nextLocal(cron, local);
    if (local === null) return null;
    const instant = firstInstantOf(zone, local);
    if (instant > second) return instant;
  }
}

/** The first instant at which clocks show this local time or, where they skip it, a later one; all in seconds. */
export function firstInstantOf(zone: string, local: number): number {
  for (let stretch = stretchAt(zone, local - AHEAD_MAX_SECONDS); ; stretch = stretchAt(zone, stretch.until)) {
    const instant = local - stretch.offset;
    if (instant < stretch.from) return stretch.from;
    if (instant < stretch.until) return instant;
  }
}

/** The first local time after `local` that the fields allow; both count seconds from 1970 on a clock without a zone. */
function nextLocal(cron: Cron, local: number): number | null {
  const start = Math.floor((local + 1) / DAY_SECONDS);
  const time = nextTime(cron, local + 1 - start * DAY_SECONDS);
  const today = civilDate(start);
  if (time !== null && isAllowed(cron, today)) return start * DAY_SECONDS + time;
  const day = nextDay(cron, civilDate(start + 1));
  return day === null ? null : day * DAY_SECONDS + nextTime(cron, 0)!;
}

function isAllowed(cron: Cron, { year, month, day }: { year: number; month: number; day: number }): boolean {
  return isYear(cron, year) && hasBit(cron.months, month) && hasBit(allowedDays(cron.days, year, month), day);
}

/** From that day on, as a day number. */
function nextDay(cron: Cron, { year, month, day }: { year: number; month: number; day: number }): number | null {
  let first = day;
  for (let y = year; y <= LAST_YEAR; y += 1) {
    if (isYear(cron, y))
      for (let m = y === year ? month : 1; m <= 12; m += 1) {
        const days = hasBit(cron.months, m) ? allowedDays(cron.days, y, m) : 0;
        const found = lowestBit(days, first);
        if (found !== null) return dayNumber({ year: y, month: m, day: found });
        first = 1;
      }
    first = 1;
  }
  return null;
}

/** From `from` on. */
function lowestBit(set: number, from: number): number | null {
  const rest = from > 31 ? 0 : (set >>> from) << from;
  return rest === 0 ? null : 31 - Math.clz32(rest & -rest);
}

/** Seconds of the day, from `from` on. */
function nextTime({ hours, minutes, seconds }: Cron, from: number): number | null {
  for (const hour of hours) {
    if (hour * 3600 + 3599 < from) continue;
    for (const minute of minutes) {
      const at = hour * 3600 + minute * 60;
      if (at + 59 < from) continue;
      for (const second of seconds) if (at + second >= from) return at + second;
    }
  }
  return null;
}

function isYear({ years }: Cron, year: number): boolean {
  return years === null || years.includes(year);
}

function hasBit(set: number, bit: number): boolean {
  return ((set >>> bit) & 1) === 1;
}
