/**
 * When a schedule is due: the instants that its cron expression means (nominal instants), moved where they fall on holidays.
 *
 * A nominal instant on a holiday is passed over (`skip`), or due at the same local time of the next or the previous day that is no
 * holiday, by the rule of `cron/fires.ts` for local times that do not exist or exist twice. Several nominal instants that are due
 * at once make one tick: the latest of them counts, the others are merged into it. Ticks are in the order in which they are due,
 * each later than the one before.
 *
 * Pure: tests hold it against a plain list of all nominal instants.
 */
import { firstInstantOf, localSecondAt, nextFire, steadyStretches, type Cron } from '../cron/index.ts';

const DAY_SECONDS = 86_400;

export type HolidayRule = 'skip' | 'shift_next' | 'shift_previous';

export interface ScheduleTiming {
  cron: Cron;
  /** IANA name. */
  zone: string;
  /** Bounds of nominal instants, both inclusive, epoch ms. */
  startAt: number | null;
  endAt: number | null;
  /** Numbers of days, from 1970-01-01, that are holidays in the schedule's zone. */
  holidays: ReadonlySet<number>;
  /** Null means `skip`. */
  onHoliday: HolidayRule | null;
}

export interface Tick {
  /** Epoch ms, as all of them. */
  dueAt: number;
  nominalAt: number;
  /** Earlier nominal instants that are due at the same instant, ascending. */
  merged: number[];
  /** It falls on a holiday and is passed over: a tick to be recorded, not one that fires. */
  isHoliday: boolean;
}

/** The first tick due after an instant (epoch ms), holidays that are passed over included; null when none is to come. */
export function nextTick(timing: ScheduleTiming, after: number): Tick | null {
  if (timing.holidays.size > 0 && isShifted(timing)) return nextShifted(timing, Math.floor(after / 1000));
  const nominalAt = nextNominal(timing, after);
  return nominalAt === null ? null : plainTick(timing, nominalAt);
}

/** The first tick after an instant that fires; takes whole holidays at a step. */
export function nextFiringTick(timing: ScheduleTiming, after: number): Tick | null {
  let tick = nextTick(timing, after);
  while (tick?.isHoliday) tick = nextTick(timing, endOfDay(timing.zone, tick.dueAt));
  return tick;
}

/** The first nominal instant after `after` within the schedule's bounds. */
export function nextNominal({ cron, zone, startAt, endAt }: ScheduleTiming, after: number): number | null {
  const nominalAt = nextFire(cron, zone, startAt === null ? after : Math.max(after, startAt - 1));
  return nominalAt !== null && (endAt === null || nominalAt <= endAt) ? nominalAt : null;
}

/** When a nominal instant is due; both epoch ms. */
export function dueOf(timing: ScheduleTiming, nominalAt: number): number {
  const { zone } = timing;
  const day = dayOf(zone, nominalAt);
  const target = isShifted(timing) ? targetOf(timing, day) : day;
  if (target === day) return nominalAt;
  return firstInstantOf(zone, localSecondAt(zone, nominalAt / 1000) + (target - day) * DAY_SECONDS) * 1000;
}

/** The number of the day that clocks in the zone show. */
export function dayOf(zone: string, at: number): number {
  return Math.floor(localSecondAt(zone, Math.floor(at / 1000)) / DAY_SECONDS);
}

function isShifted({ onHoliday }: ScheduleTiming): boolean {
  return onHoliday === 'shift_next' || onHoliday === 'shift_previous';
}

function plainTick({ zone, holidays }: ScheduleTiming, nominalAt: number): Tick {
  const isHoliday = holidays.size > 0 && holidays.has(dayOf(zone, nominalAt));
  return { dueAt: nominalAt, nominalAt, merged: [], isHoliday };
}

/** The last ms before the next day begins, or `at` where clocks were put back into the day after it had ended. */
function endOfDay(zone: string, at: number): number {
  return Math.max(at, firstInstantOf(zone, (dayOf(zone, at) + 1) * DAY_SECONDS) * 1000 - 1);
}

// ---------------------------------------------------------------------------------------------------- shifted days

/** Nominal instants of one day, due at `due` (epoch seconds, as they are). */
interface Due {
  due: number;
  nominals: number[];
}

/**
 * All nominal instants of a block of days (a working day and the holidays that are moved to it) are due on that day, and blocks are in the
 * order of their days. So: the first block with something due after `second`, and within it the earliest. The block after it
 * matters too where clocks around midnight are put back, or skip the end of a day.
 */
function nextShifted(timing: ScheduleTiming, second: number): Tick | null {
  const today = Math.floor(localSecondAt(timing.zone, second) / DAY_SECONDS);
  const target = firstTarget(timing, second, firstOfBlock(timing, targetOf(timing, today - 1)));
  if (target === null) return null;
  const dues: Due[] = [];
  for (const block of [target, workingDay(timing.holidays, target + 1, 1)])
    for (let day = firstOfBlock(timing, block); targetOf(timing, day) === block; day += 1)
      dues.push(...duesOfDay(timing, day, second));
  const due = dues.reduce((least, each) => Math.min(least, each.due), Infinity);
  const nominals = dues.flatMap((each) => (each.due === due ? each.nominals : [])).toSorted((a, b) => a - b);
  const nominalAt = nominals.at(-1)! * 1000;
  return {
    dueAt: due * 1000,
    nominalAt,
    merged: nominals.slice(0, -1).map((nominal) => nominal * 1000),
    isHoliday: false,
  };
}

/** The first working day, of nominal instants on `from` or later, on which something is due after `second`. */
function firstTarget(timing: ScheduleTiming, second: number, from: number): number | null {
  const { zone } = timing;
  for (let day = from; ;) {
    if (duesOfDay(timing, day, second).length > 0) return targetOf(timing, day);
    const nominal = nextNominal(timing, firstInstantOf(zone, (day + 1) * DAY_SECONDS) * 1000 - 1);
    if (nominal === null) return null;
    day = Math.max(day + 1, dayOf(zone, nominal));
  }
}

/** The day on which nominal instants of this day are due. */
function targetOf({ holidays, onHoliday }: ScheduleTiming, day: number): number {
  return workingDay(holidays, day, onHoliday === 'shift_previous' ? -1 : 1);
}

/** Calendars are finite sets. */
function workingDay(holidays: ReadonlySet<number>, from: number, step: 1 | -1): number {
  let day = from;
  while (holidays.has(day)) day += step;
  return day;
}

/** The first of the days that are moved to `target`, itself among them. */
function firstOfBlock({ holidays, onHoliday }: ScheduleTiming, target: number): number {
  return onHoliday === 'shift_previous' ? target : workingDay(holidays, target - 1, -1) + 1;
}

/**
 * What is due first of all nominal instants on a day, but after `second`: one for each stretch of the day in which clocks are not put
 * forward or back, because within such a stretch later instants are never due earlier.
 */
function duesOfDay(timing: ScheduleTiming, day: number, second: number): Due[] {
  const { zone } = timing;
  const target = targetOf(timing, day);
  // What clocks show by then has had its instant.
  const passed = localSecondAt(zone, second) - (target - day) * DAY_SECONDS;
  const dues: Due[] = [];
  for (const { from, until, offset } of steadyStretches(zone, day * DAY_SECONDS, (day + 1) * DAY_SECONDS)) {
    const dueAt = (nominal: number): number =>
      target === day ? nominal : firstInstantOf(zone, nominal + offset + (target - day) * DAY_SECONDS);
    const first = target === day ? second + 1 : passed - offset;
    const due = firstDue(timing, { from: Math.max(from, first), until, dueAt, second });
    if (due) dues.push(due);
  }
  return dues;
}

interface Stretch {
  from: number;
  until: number;
  dueAt: (nominal: number) => number;
  second: number;
}

function firstDue(timing: ScheduleTiming, { from, until, dueAt, second }: Stretch): Due | null {
  let found: Due | null = null;
  for (let nominal = nextSecond(timing, from - 1); nominal < until; nominal = nextSecond(timing, nominal)) {
    const due = dueAt(nominal);
    if (found && due > found.due) break;
    if (due <= second) continue;
    if (found) found.nominals.push(nominal);
    else found = { due, nominals: [nominal] };
  }
  return found;
}

function nextSecond(timing: ScheduleTiming, second: number): number {
  const nominal = nextNominal(timing, second * 1000);
  return nominal === null ? Infinity : nominal / 1000;
}
