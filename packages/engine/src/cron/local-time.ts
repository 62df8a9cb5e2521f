/** What clocks of a time zone show, in seconds from 1970 on a clock without a zone. Pure. */
import { stretchAt, type OffsetStretch } from './zone-offsets.ts';

/** No clock was ever further ahead of UTC, or behind it. */
const AHEAD_MAX_SECONDS = 16 * 3600;

/** What clocks show at an instant (epoch seconds). Throws a RangeError for a zone that there is not. */
export function localSecondAt(zone: string, second: number): number {
  return second + stretchAt(zone, second).offset;
}

/**
 * The instants at which clocks show a local time from `fromLocal` (included) to `untilLocal` (excluded): in order, one piece for
 * each time that they were not put forward or back.
 */
export function steadyStretches(zone: string, fromLocal: number, untilLocal: number): OffsetStretch[] {
  const pieces: OffsetStretch[] = [];
  const end = untilLocal + AHEAD_MAX_SECONDS;
  for (let at = fromLocal - AHEAD_MAX_SECONDS; at < end;) {
    const stretch = stretchAt(zone, at);
    const from = Math.max(stretch.from, fromLocal - stretch.offset);
    const until = Math.min(stretch.until, untilLocal - stretch.offset);
    if (from < until) pieces.push({ from, until, offset: stretch.offset });
    at = stretch.until;
  }
  return pieces;
}
