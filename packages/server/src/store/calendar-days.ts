/** Which days may make a calendar, whatever way they come. Pure. */
import { SCHEDULE_LIMITS } from './schedules-port.ts';

/** What is wrong with days such as `2026-05-01`, ascending, each once; null: nothing. What is shifted past them has to look at each. */
export function problemOfDays(ascending: readonly string[]): string | null {
  const { calendarDays, holidaysInARow } = SCHEDULE_LIMITS;
  if (ascending.length > calendarDays) return `a calendar has at most ${calendarDays} days, this one has more`;
  const dates = ascending.map((day) => Date.parse(day));
  const first = dates.findIndex((each, at) => dates[at + holidaysInARow] === each + holidaysInARow * DAY_MS);
  return first < 0
    ? null
    : `from ${ascending[first]!} on more than ${holidaysInARow} days are holidays one after the other`;
}

const DAY_MS = 86_400_000;
