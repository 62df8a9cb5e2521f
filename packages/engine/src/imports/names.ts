/** Names of foreign things as names of ours, each once. */

const NAME_CHARS = 63;
const GOOD_NAME = /^[\p{L}_][\p{L}\p{M}\p{Nd}_-]{0,62}$/u;
/** Not a name: objects take it for something else. */
const AVOIDED = new Set(['__proto__']);

export function isName(text: string): boolean {
  return GOOD_NAME.test(text) && !AVOIDED.has(text);
}

/** The nearest name: letters of any script stay, everything else becomes `_`. Empty where nothing of the text could stay. */
export function asName(text: string): string {
  const kept = text.trim().replace(/[^\p{L}\p{M}\p{Nd}_-]+/gu, '_');
  if (/^[_-]*$/.test(kept) && !/_/.test(text)) return '';
  const begun = /^[\p{L}_]/u.test(kept) ? kept : `_${kept}`;
  const name = cut(begun, NAME_CHARS);
  return AVOIDED.has(name) ? '_proto_' : name;
}

/**
 * One name for each text, in their order. Texts that are names already keep them, whatever stands before them; a text
 * that comes again gets a number.
 */
export function uniqueNames(texts: readonly string[], fallback: string, taken: Iterable<string> = []): string[] {
  const used = new Set(taken);
  const names = texts.map((text) => {
    if (!isName(text) || used.has(text)) return null;
    used.add(text);
    return text;
  });
  const next = new Map<string, number>();
  return names.map((name, index) => {
    if (name !== null) return name;
    const base = asName(texts[index] ?? '') || fallback;
    const free = freeName(base, used, next);
    used.add(free);
    return free;
  });
}

/** `base`, or with the lowest number that makes it a name that is not used. `next` remembers where to go on, for many of one base. */
export function freeName(base: string, used: ReadonlySet<string>, next = new Map<string, number>()): string {
  if (!used.has(base)) return base;
  for (let number = next.get(base) ?? 2; ; number++) {
    const suffix = `_${number}`;
    const name = `${cut(base, NAME_CHARS - suffix.length)}${suffix}`;
    if (used.has(name)) continue;
    next.set(base, number + 1);
    return name;
  }
}

/** By characters, not halves of them. */
function cut(text: string, chars: number): string {
  return text.length <= chars ? text : [...text].slice(0, chars).join('');
}
