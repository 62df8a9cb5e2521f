/** Reading JSON that somebody else made: nothing about its shape is taken for granted. */
import { LIMITS } from '@pelorus/protocol';

export type Json = Record<string, unknown>;

/** A map, or null. */
export function asMap(value: unknown): Json | null {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Json) : null;
}

/** A map, whatever it was: also JSON text of one. */
export function mapOf(value: unknown): Json {
  if (typeof value === 'string' && value.trimStart().startsWith('{')) return asMap(parsed(value)) ?? {};
  return asMap(value) ?? {};
}

/** A list, whatever it was. */
export function listOf(value: unknown): unknown[] {
  if (typeof value === 'string' && value.trimStart().startsWith('[')) return listOf(parsed(value));
  return Array.isArray(value) ? value : [];
}

/** Text, numbers and booleans as text; null for everything else and for empty text. */
export function textOf(value: unknown): string | null {
  if (typeof value === 'number' || typeof value === 'boolean') return String(value);
  return typeof value === 'string' && value.trim() !== '' ? value : null;
}

/** An id, however it was written: `1013`, `1013.0` and `"1013"` are one. */
export function idOf(value: unknown): string | null {
  const text = textOf(value)?.trim() ?? null;
  return text !== null && /^\d+\.0+$/.test(text) ? text.slice(0, text.indexOf('.')) : text;
}

/** Undefined for text that is no JSON. */
export function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Null for what is nested too deep to be written. */
export function jsonText(value: unknown): string | null {
  try {
    return JSON.stringify(value);
  } catch {
    return null;
  }
}

/** For people, in one line. */
export function shown(text: string, chars = 60): string {
  const line = storableText(text).replace(/\s+/g, ' ').trim();
  return line.length <= chars ? line : `${[...line].slice(0, chars - 1).join('')}…`;
}

/** Without NUL characters and halves of surrogate pairs, which cannot be stored. */
export function storableText(text: string): string {
  const whole = text.isWellFormed() ? text : text.toWellFormed();
  return whole.includes('\0') ? whole.replaceAll('\0', '\u{fffd}') : whole;
}

/** As UTF-8, of text without halves of surrogate pairs. */
export function byteLength(text: string): number {
  let bytes = text.length;
  for (let index = 0; index < text.length; index++) {
    const unit = text.charCodeAt(index);
    if (unit >= 0x80) bytes += unit < 0x800 || (unit >= 0xd800 && unit <= 0xdfff) ? 1 : 2;
  }
  return bytes;
}

const KEPT_DEPTH = 30;
const KEPT_VALUES = 20_000;
/** A character may take three bytes. */
const KEPT_CHARS = Math.floor(LIMITS.definitionFieldBytes / 3);

/** The value as a definition can hold it. `cut` is true when something had to be left out or changed for that. */
export function storableJson(value: unknown): { value: unknown; cut: boolean } {
  const state = { left: KEPT_VALUES, cut: false };
  return { value: storable(value, 0, state), cut: state.cut };
}

function storable(value: unknown, depth: number, state: { left: number; cut: boolean }): unknown {
  if (typeof value === 'string') return storableString(value, state);
  if (typeof value !== 'object' || value === null) return value;
  if (depth >= KEPT_DEPTH || state.left <= 0) {
    state.cut = true;
    return null;
  }
  if (Array.isArray(value)) {
    state.left -= value.length;
    if (value.length > KEPT_VALUES) state.cut = true;
    return value.slice(0, KEPT_VALUES).map((item: unknown) => storable(item, depth + 1, state));
  }
  const entries = Object.entries(value);
  state.left -= entries.length;
  if (entries.length > KEPT_VALUES) state.cut = true;
  return Object.fromEntries(
    entries.slice(0, KEPT_VALUES).flatMap(([key, item]: [string, unknown]) => {
      if (key === '__proto__') state.cut = true;
      return key === '__proto__' ? [] : [[storableString(key, state), storable(item, depth + 1, state)]];
    }),
  );
}

function storableString(text: string, state: { cut: boolean }): string {
  const good = storableText(text.length > KEPT_CHARS ? text.slice(0, KEPT_CHARS) : text);
  if (good !== text) state.cut = true;
  return good;
}
