/**
 * What clocks of a time zone show, as stretches of time with one offset. Reading the zone database takes a millisecond and more a time, so stretches
 * that were met are kept; they follow from the zone and the instant alone.
 */
import { Temporal } from '../temporal.ts';

/** From `from` (included) to `until` (excluded), epoch seconds, local time is UTC plus `offset` seconds. */
export interface OffsetStretch {
  from: number;
  until: number;
  offset: number;
}

const ZONES_KEPT = 1000;
const stretchesOf = new Map<string, OffsetStretch[]>();

/** The stretch that holds the instant. Throws a RangeError for a zone that there is not. */
export function stretchAt(zone: string, second: number): OffsetStretch {
  const known = keptFor(zone);
  const place = firstAfter(known, second);
  const before = known[place - 1];
  if (before !== undefined && second < before.until) return before;
  const found = readStretch(zone, second);
  known.splice(place, 0, found);
  return found;
}

function keptFor(zone: string): OffsetStretch[] {
  const kept = stretchesOf.get(zone);
  if (kept !== undefined) return kept;
  if (stretchesOf.size >= ZONES_KEPT) stretchesOf.delete(stretchesOf.keys().next().value!);
  const made: OffsetStretch[] = [];
  stretchesOf.set(zone, made);
  return made;
}

/** Index of the first that begins after the instant. */
function firstAfter(stretches: readonly OffsetStretch[], second: number): number {
  let low = 0;
  let high = stretches.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (stretches[middle]!.from <= second) low = middle + 1;
    else high = middle;
  }
  return low;
}

function readStretch(zone: string, second: number): OffsetStretch {
  const at = Temporal.Instant.fromEpochMilliseconds(second * 1000).toZonedDateTimeISO(zone);
  const next = at.getTimeZoneTransition('next');
  // The transition before the following instant is the one that this instant's stretch begins with.
  const begun = at.add({ seconds: 1 }).getTimeZoneTransition('previous');
  const from = begun === null ? -Infinity : begun.epochMilliseconds / 1000;
  return {
    from,
    until: next === null ? Infinity : next.epochMilliseconds / 1000,
    offset: Math.round(at.offsetNanoseconds / 1e9),
  };
}
