/**
 * What cron expressions mean, said a second time: an oracle that shares nothing with `src/cron`. Offsets are read off
 * Intl.DateTimeFormat, expressions are predicates on what a clock shows, and fires are found by going through every minute that a
 * clock shows. The rule, as docs/schedules.md has it:
 *
 * - An expression that allows every hour fires whenever clocks show a time that it allows.
 * - Any other fires at each local time that it allows once: when clocks first show it or, where they are put forward over it, at the
 *   instant at which they are.
 */

/** What a clock shows. */
export interface Shown {
  year: number;
  month: number;
  day: number;
  /** 0 is Sunday. */
  weekday: number;
  hour: number;
  minute: number;
  second: number;
}

export interface Case {
  cron: string;
  /** Every hour is allowed. */
  isRhythm: boolean;
  /** Seconds of a minute at which it can fire at all. */
  seconds: number[];
  allows: (shown: Shown) => boolean;
}

const daysIn = (year: number, month: number): number => new Date(Date.UTC(year, month, 0)).getUTCDate();

function timesOfDay(cron: string, seconds: number[], allows: Case['allows']): Case {
  return { cron, isRhythm: false, seconds, allows };
}
function rhythm(cron: string, seconds: number[], allows: Case['allows']): Case {
  return { cron, isRhythm: true, seconds, allows };
}

/** The working day nearest to the 15th. */
function isNearFifteenth({ year, month, day }: Shown): boolean {
  const fifteenth = new Date(Date.UTC(year, month - 1, 15)).getUTCDay();
  return day === 15 + (fifteenth === 6 ? -1 : fifteenth === 0 ? 1 : 0);
}

export const CASES: readonly Case[] = [
  timesOfDay('0 0 * * *', [0], (at) => at.hour === 0 && at.minute === 0),
  timesOfDay('30 2 * * *', [0], (at) => at.hour === 2 && at.minute === 30),
  timesOfDay('30 1 * * *', [0], (at) => at.hour === 1 && at.minute === 30),
  timesOfDay('45 0 * * *', [0], (at) => at.hour === 0 && at.minute === 45),
  timesOfDay('59 23 * * *', [0], (at) => at.hour === 23 && at.minute === 59),
  timesOfDay('0 */2 * * *', [0], (at) => at.hour % 2 === 0 && at.minute === 0),
  timesOfDay('*/15 0-3,22,23 * * *', [0], (at) => (at.hour <= 3 || at.hour >= 22) && at.minute % 15 === 0),
  timesOfDay(
    '10,40 0/20 1-3 * * ? *',
    [10, 40],
    (at) => at.hour >= 1 && at.hour <= 3 && at.minute % 20 === 0 && (at.second === 10 || at.second === 40),
  ),
  timesOfDay('0 0 3 ? * MON-FRI', [0], (at) => at.weekday >= 1 && at.weekday <= 5 && at.hour === 3 && at.minute === 0),
  timesOfDay('0 0 1 * *', [0], (at) => at.day === 1 && at.hour === 0 && at.minute === 0),
  timesOfDay('0 30 0 L * ?', [0], (at) => at.day === daysIn(at.year, at.month) && at.hour === 0 && at.minute === 30),
  timesOfDay('0 0 2 15W * ?', [0], (at) => isNearFifteenth(at) && at.hour === 2 && at.minute === 0),
  timesOfDay(
    '0 30 1 ? * 1L',
    [0],
    (at) => at.weekday === 0 && at.day + 7 > daysIn(at.year, at.month) && at.hour === 1 && at.minute === 30,
  ),
  timesOfDay(
    '0 15 2 ? * 1#2',
    [0],
    (at) => at.weekday === 0 && at.day > 7 && at.day <= 14 && at.hour === 2 && at.minute === 15,
  ),
  timesOfDay('0 0 29 2 *', [0], (at) => at.month === 2 && at.day === 29 && at.hour === 0 && at.minute === 0),
  rhythm('*/30 * * * *', [0], (at) => at.minute % 30 === 0),
  rhythm('17 * * * *', [0], (at) => at.minute === 17),
  rhythm('5 */20 * * * ?', [5], (at) => at.minute % 20 === 0 && at.second === 5),
  rhythm('0 0 * ? * SUN', [0], (at) => at.weekday === 0 && at.minute === 0),
];

/** From `from` (included, epoch seconds) on, clocks are `offset` seconds ahead of UTC. */
export interface Stretch {
  from: number;
  offset: number;
}

/** Between two samples nothing may change twice; the shortest stretch since 1970 has days. */
const SAMPLE_SECONDS = 6 * 3600;

/** All offsets of a zone from one instant to another, with the second at which each begins. */
export function offsetsOf(zone: string, from: number, until: number): Stretch[] {
  const offset = offsetReader(zone);
  const stretches: Stretch[] = [{ from, offset: offset(from) }];
  let before = { at: from, offset: offset(from) };
  for (let at = from + SAMPLE_SECONDS; before.at < until; at += SAMPLE_SECONDS) {
    const now = { at: Math.min(at, until), offset: offset(Math.min(at, until)) };
    if (now.offset !== before.offset)
      stretches.push({ from: changeBetween(offset, before.at, now.at), offset: now.offset });
    before = now;
  }
  return stretches;
}

/** The first second with the later offset. */
function changeBetween(offset: (second: number) => number, earlier: number, later: number): number {
  const after = offset(later);
  let [low, high] = [earlier, later];
  while (high - low > 1) {
    const middle = Math.floor((low + high) / 2);
    if (offset(middle) === after) high = middle;
    else low = middle;
  }
  return high;
}

function offsetReader(zone: string): (second: number) => number {
  const format = new Intl.DateTimeFormat('en-US', { timeZone: zone, timeZoneName: 'longOffset' });
  return (second) => {
    const text = format.format(second * 1000);
    const name = text.slice(text.lastIndexOf(' ') + 1);
    const parts = /^GMT(?:([+-])(\d\d):(\d\d)(?::(\d\d))?)?$/.exec(name);
    if (parts === null) throw new Error(`${zone}: what does ${name} mean?`);
    const [, sign, hours = '0', minutes = '0', seconds = '0'] = parts;
    return (sign === '-' ? -1 : 1) * (Number(hours) * 3600 + Number(minutes) * 60 + Number(seconds));
  };
}

/** The fires of each case from `from` to `to`, both included, epoch seconds; none of them further from a change than `stretches` reach. */
export function firesByScan(
  cases: readonly Case[],
  stretches: readonly Stretch[],
  from: number,
  to: number,
): number[][] {
  const found = cases.map(() => new Set<number>());
  const margin = 2 * 86_400;
  const seen = new SeenTimes();
  for (const [index, { from: begin, offset }] of stretches.entries()) {
    const start = Math.max(begin, from - margin);
    const end = Math.min(stretches[index + 1]?.from ?? Infinity, to + 1);
    if (start >= end) continue;
    // Clocks were put forward over local times, which are up to `start + offset` and were never shown.
    const before = stretches[index - 1];
    if (before !== undefined && begin > from - margin && offset > before.offset)
      for (let minute = floorMinute(begin + before.offset); minute < begin + offset; minute += 60)
        for (const [which, one] of cases.entries())
          for (const second of one.isRhythm ? [] : one.seconds) {
            const local = minute + second;
            if (
              local >= begin + before.offset &&
              local < begin + offset &&
              !seen.has(local) &&
              one.allows(shown(local))
            )
              found[which]?.add(begin);
          }
    for (let minute = floorMinute(start + offset); minute < end + offset; minute += 60) {
      const clock = shown(minute);
      for (const [which, one] of cases.entries())
        for (const second of one.seconds) {
          const local = minute + second;
          if (local < start + offset || local >= end + offset) continue;
          clock.second = second;
          if ((one.isRhythm || !seen.has(local)) && one.allows(clock)) found[which]?.add(local - offset);
        }
      clock.second = 0;
    }
    seen.add(start + offset, end + offset);
  }
  return found.map((fires) =>
    [...fires].filter((fire) => fire >= from && fire <= to).sort((left, right) => left - right),
  );
}

/** Local times that clocks have shown already. */
class SeenTimes {
  private readonly spans: [number, number][] = [];
  add(from: number, until: number): void {
    this.spans.push([from, until]);
  }
  has(local: number): boolean {
    return this.spans.some(([from, until]) => local >= from && local < until);
  }
}

function floorMinute(second: number): number {
  return Math.floor(second / 60) * 60;
}

const dayCache = new Map<number, Omit<Shown, 'hour' | 'minute' | 'second'>>();

function shown(local: number): Shown {
  const day = Math.floor(local / 86_400);
  const rest = local - day * 86_400;
  return {
    ...dayOf(day),
    hour: Math.floor(rest / 3600),
    minute: Math.floor(rest / 60) % 60,
    second: rest % 60,
  };
}

function dayOf(day: number): Omit<Shown, 'hour' | 'minute' | 'second'> {
  const known = dayCache.get(day);
  if (known !== undefined) return known;
  const date = new Date(day * 86_400_000);
  const made = {
    year: date.getUTCFullYear(),
    month: date.getUTCMonth() + 1,
    day: date.getUTCDate(),
    weekday: date.getUTCDay(),
  };
  dayCache.set(day, made);
  return made;
}
