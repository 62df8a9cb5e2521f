/** Where in a definition something stands: a path that costs one small object a step and is spelled out only for a problem. */
import { problemPhrase } from '../problem-phrases.ts';

export interface Place {
  readonly up: Place | null;
  readonly key: string | number;
}

/** The whole document. */
export const ROOT: Place = { up: null, key: '' };

export function inside(up: Place, key: string | number): Place {
  return { up, key };
}

/** Keys from the root down. */
export function keysOf(place: Place): (string | number)[] {
  const keys: (string | number)[] = [];
  for (let at = place; at.up !== null; at = at.up) keys.push(at.key);
  return keys.reverse();
}

/** RFC 6901 pointer. */
export function pointerOf(place: Place): string {
  return keysOf(place)
    .map((key) => `/${String(key).replaceAll('~', '~0').replaceAll('/', '~1')}`)
    .join('');
}

/** How a sentence names the place: `` `retry` ``, ``item 2 of `needs` ``, `the definition`. */
export function called(place: Place): string {
  if (place.up === null) return 'the definition';
  if (typeof place.key === 'string') return `\`${shorten(place.key)}\``;
  return problemPhrase('item', { item: place.key + 1, place: called(place.up) });
}

/** A name as it may stand in a message: never longer than a line. */
export function shorten(text: string): string {
  return text.length <= 80 ? text : `${text.slice(0, 77)}…`;
}
