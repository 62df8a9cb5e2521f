/**
 * What becomes of the ticks of one schedule that are due: which fire, which are passed over, and what is due next. Pure: the
 * instant of the decision is an argument.
 */
import type { ScheduleSpec } from '@pelorus/protocol';
import { nextFiringTick, nextTick, type ScheduleTiming, type Tick } from './ticks.ts';

/** A tick that is decided later than this after it was due was missed. */
export const MISSED_AFTER_MS = 60_000;

export interface DueSchedule {
  timing: ScheduleTiming;
  /** As stored: the tick to be decided first. */
  next: Tick;
  misfire: ScheduleSpec['misfire'];
  /** Of `fire_all`: how many may fire. */
  misfireMax: number;
}

export interface DecidedTick {
  tick: Tick;
  /** Null: it fires. */
  skipped: 'misfire' | 'holiday' | null;
}

export interface Decided {
  /** In the order in which they were due; at most as many as were asked for. */
  ticks: DecidedTick[];
  /** What is due next, which may be due already; null: nothing is to come. */
  next: Tick | null;
}

/**
 * Decides ticks due by `now`, at most `limit` of them. Those due within the last minute fire. Of earlier ones, which were missed, `fire_all`
 * fires those among the last `misfireMax` that are due, `fire_last` one that no other is due after, `skip` none: so a schedule that
 * has caught up by an ordinary tick makes no second run for the ones before.
 */
export function decideDue(schedule: DueSchedule, now: number, limit: number): Decided {
  const { ticks, next } = dueTicks(schedule, now, limit);
  let later = firingAfter(schedule, next, now);
  const decided = ticks.toReversed().map((tick): DecidedTick => {
    if (tick.isHoliday) return { tick, skipped: 'holiday' };
    const isLate = now - tick.dueAt > MISSED_AFTER_MS;
    const skipped = isLate && !isCaughtUp(schedule, later) ? 'misfire' : null;
    later += 1;
    return { tick, skipped };
  });
  return { ticks: decided.toReversed(), next };
}

function dueTicks(
  { timing, next: first }: DueSchedule,
  now: number,
  limit: number,
): { ticks: Tick[]; next: Tick | null } {
  const ticks: Tick[] = [];
  let next: Tick | null = first;
  while (next !== null && next.dueAt <= now && ticks.length < limit) {
    ticks.push(next);
    next = nextTick(timing, next.dueAt);
  }
  return { ticks, next };
}

/** How many more that fire are due, counted as far as it matters. */
function firingAfter({ timing, misfire, misfireMax }: DueSchedule, next: Tick | null, now: number): number {
  const enough = misfire === 'fire_all' ? misfireMax : 1;
  let count = 0;
  let tick = next?.isHoliday ? nextFiringTick(timing, next.dueAt) : next;
  while (tick !== null && tick.dueAt <= now && count < enough) {
    count += 1;
    tick = nextFiringTick(timing, tick.dueAt);
  }
  return count;
}

/** Whether a missed tick fires that so many others are due after. */
function isCaughtUp({ misfire, misfireMax }: DueSchedule, later: number): boolean {
  switch (misfire) {
    case 'fire_all':
      return later < misfireMax;
    case 'fire_last':
      return later === 0;
    case 'skip':
      return false;
  }
}
