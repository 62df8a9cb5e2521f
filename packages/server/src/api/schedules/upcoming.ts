/** The next instants at which a schedule fires, reckoned without holding up other requests. */
import { setImmediate } from 'node:timers/promises';
import { localTimeText, nextFiringTick, parseCron, type ScheduleTiming } from '@pelorus/engine';
import type { ScheduleFire } from '@pelorus/protocol';
import type { ScheduleTimes } from '../../store/port.ts';
import type { ApiContext } from '../context.ts';
import { API_LIMITS } from '../limits.ts';
import { instantText } from '../views.ts';
import { dayNumberOf } from './days.ts';

/** Others get a turn after so long. */
const TURN_MS = 5;

export interface Upcoming {
  fires: ScheduleFire[];
  /** There was no time for all that were asked for. */
  isCut: boolean;
}

/** Those due after an instant (epoch ms), `count` at most. Give it an expression and a zone that have been checked. */
export async function upcoming(timing: ScheduleTiming, after: number, count: number): Promise<Upcoming> {
  const fires: ScheduleFire[] = [];
  const begun = performance.now();
  let turn = begun;
  let at = after;
  while (fires.length < count) {
    const tick = nextFiringTick(timing, at);
    if (tick === null) break;
    fires.push(fireOf(tick, timing.zone));
    at = tick.dueAt;
    const now = performance.now();
    if (now - begun > API_LIMITS.previewMs) return { fires, isCut: fires.length < count };
    if (now - turn < TURN_MS) continue;
    await setImmediate();
    turn = performance.now();
  }
  return { fires, isCut: false };
}

export function fireOf({ nominalAt, dueAt }: { nominalAt: number; dueAt: number }, zone: string): ScheduleFire {
  return { nominalAt: instantText(nominalAt), dueAt: instantText(dueAt), local: localTimeText(dueAt, zone) };
}

type TimingOf = Pick<ScheduleTimes, 'cron' | 'zone' | 'startAt' | 'endAt' | 'calendar' | 'onHoliday'>;

/** With the holidays of its calendar as it is now. Throws for an expression that cannot be read. */
export async function timingOf(
  { store }: Pick<ApiContext, 'store'>,
  { cron, zone, startAt, endAt, calendar, onHoliday }: TimingOf,
): Promise<ScheduleTiming> {
  const parsed = parseCron(cron);
  if ('problems' in parsed) throw new Error(`cron ${cron}: ${parsed.problems.join('; ')}`);
  const days = calendar === null ? [] : ((await store.getCalendar(calendar))?.days ?? []);
  return { cron: parsed.cron, zone, startAt, endAt, onHoliday, holidays: new Set(days.map(dayNumberOf)) };
}
