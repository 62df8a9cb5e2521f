/** Cycles of a schedule: from one nominal instant to the next. What a workflow that waits for another one's cycle looks at. Pure. */
import { firstInstantOf, nextFire, type Cron } from '../cron/index.ts';
import type { Interval } from '../upstream.ts';
import { dayOf, dueOf, nextTick, type ScheduleTiming } from './ticks.ts';

/** Fires longer ago than this are not looked for: the rarest, 29 February on a given weekday, come every 40 years. */
const LOOK_BACK_MS = 41 * 366 * 86_400_000;
const FIRST_STEP_MS = 3_600_000;

/** The last fire at or before an instant (epoch ms), or null when there is none within 41 years. */
export function lastFire(cron: Cron, zone: string, at: number): number | null {
  const isPast = (after: number): boolean => {
    const fire = nextFire(cron, zone, after);
    return fire !== null && fire <= at;
  };
  let step = FIRST_STEP_MS;
  while (!isPast(at - step)) {
    if (step >= LOOK_BACK_MS) return null;
    step = Math.min(step * 4, LOOK_BACK_MS);
  }
  // A fire comes after `before`, none after `from`; both by the second.
  let before = Math.floor((at - step) / 1000);
  let from = Math.floor(at / 1000);
  while (from - before > 1) {
    const middle = Math.floor((before + from) / 2);
    if (isPast(middle * 1000)) before = middle;
    else from = middle;
  }
  return nextFire(cron, zone, before * 1000);
}

/**
 * The cycle of a schedule that covers an instant: from its last nominal instant at or before it (one on a holiday that is passed over is none) up to
 * and including `at`. A nominal instant that was merged into a later one has the later one's run, so the cycle reaches to that. Null when the
 * schedule has not begun by then, or has ended before.
 */
export function coveringCycle(timing: ScheduleTiming, at: number): Interval | null {
  const nominal = lastNominal(timing, at);
  if (nominal === null) return null;
  return { from: nominal, to: Math.max(at, runOf(timing, nominal)) + 1 };
}

function lastNominal(timing: ScheduleTiming, at: number): number | null {
  const { cron, zone, startAt, endAt, holidays } = timing;
  const passesOver = timing.onHoliday === null || timing.onHoliday === 'skip';
  let nominal = endAt !== null && at > endAt ? null : lastFire(cron, zone, at);
  while (nominal !== null && passesOver && holidays.has(dayOf(zone, nominal)))
    nominal = lastFire(cron, zone, startOfDay(zone, nominal) - 1);
  return nominal !== null && startAt !== null && nominal < startAt ? null : nominal;
}

function startOfDay(zone: string, at: number): number {
  return Math.min(at, firstInstantOf(zone, dayOf(zone, at) * 86_400) * 1000);
}

/** The logical date of the run that a nominal instant has. */
function runOf(timing: ScheduleTiming, nominal: number): number {
  return nextTick(timing, dueOf(timing, nominal) - 1)?.nominalAt ?? nominal;
}
