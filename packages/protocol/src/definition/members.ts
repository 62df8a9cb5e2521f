/** The keys of maps, wherever they were written: in one place, in two layers (`defaults` under a task), or put together. */
import { problemPhrase } from '../problem-phrases.ts';
import { called, inside, shorten, type Place } from './place.ts';
import type { ProblemLog } from './problem-log.ts';
import { REFUSED } from './source.ts';

/** A map with another one under it (`defaults` under a task): keys of the upper one win, maps merge key by key. */
export class Overlay {
  readonly over: Member;
  readonly under: Member;
  constructor(over: Member, under: Member) {
    this.over = over;
    this.under = under;
  }
}

/** A map put together from keys that were written in several places. */
export class Assembled {
  readonly members: Map<string, Member>;
  constructor(members: Map<string, Member>) {
    this.members = members;
  }
}

/** A value and where it was written. */
export interface Member {
  value: unknown;
  place: Place;
}

export function isMap(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof Overlay);
}

/** One key's value from two layers. */
export function overlaid(over: Member, under: Member): Member {
  const mergeable = (isMap(over.value) || over.value instanceof Overlay) && isMap(under.value);
  return mergeable ? { value: new Overlay(over, under), place: over.place } : over;
}

/** The keys of a map, each with where it was written; null when the value is not a map. */
export function membersOf(value: unknown, place: Place): Map<string, Member> | null {
  if (value instanceof Assembled) return value.members;
  if (value instanceof Overlay) {
    const members = membersOf(value.over.value, value.over.place) ?? new Map<string, Member>();
    for (const [key, under] of membersOf(value.under.value, value.under.place) ?? []) {
      const over = members.get(key);
      members.set(key, over ? overlaid(over, under) : under);
    }
    return members;
  }
  if (!isMap(value)) return null;
  const members = new Map<string, Member>();
  for (const key of Object.keys(value)) members.set(key, { value: value[key], place: inside(place, key) });
  return members;
}

/** The value itself where layers are not merged. */
export function top(value: unknown): unknown {
  return value instanceof Overlay ? top(value.over.value) : value;
}

/** Reports that `place` holds something else than `expected`. */
export function mismatch(place: Place, expected: string, value: unknown, log: ProblemLog): undefined {
  return value === REFUSED
    ? undefined
    : log.problem(place, problemPhrase('not_expected', { place: called(place), expected, given: described(value) }));
}

export function described(value: unknown): string {
  if (value === null || value === undefined) return 'empty';
  if (Array.isArray(value)) return 'a list';
  if (typeof value === 'string')
    return value === '' ? 'an empty text' : problemPhrase('the_text', { text: shorten(value).replaceAll('\n', '⏎') });
  if (typeof value === 'number') return problemPhrase('the_number', { number: `${value}` });
  if (typeof value === 'boolean') return `${value}`;
  return typeof value === 'object' ? 'a map' : `a ${typeof value}`;
}
