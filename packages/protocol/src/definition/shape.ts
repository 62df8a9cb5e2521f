/**
 * What a value of a definition may look like. One `Shape` is both the validator (`read`) and the published JSON Schema
 * (`schema`), so the two cannot drift apart. `read` reports every problem to the log and answers `undefined` when the
 * value cannot be used; it never throws for anything that a document can hold.
 */
import { LIMITS } from '../limits.ts';
import { problemPhrase } from '../problem-phrases.ts';
import { DURATION_PATTERN, formatDuration, parseDuration } from './duration.ts';
import { described, mismatch, membersOf, top, type Member } from './members.ts';
import { didYouMean } from './nearest.ts';
import { called, inside, shorten, type Place } from './place.ts';
import type { ProblemLog, TemplateKind } from './problem-log.ts';
import { MAX_DEPTH } from './source.ts';
import { unstorable } from './stored-text.ts';
import { refuseUnknown } from './unknown-key.ts';

export type JsonSchema = { [keyword: string]: unknown };

export interface Shape<T> {
  readonly schema: JsonSchema;
  /** What must stand here, as a message says it: `a list of task names`. */
  readonly expected: string;
  read(value: unknown, place: Place, log: ProblemLog): T | undefined;
}

interface TextRules {
  expected?: string;
  /** The whole text must match. Source of a regular expression with the `u` flag. */
  pattern?: string;
  empty?: boolean;
  maxBytes?: number;
  /** May hold `${…}` or `$[…]`: what kind of text it is to the checker. */
  template?: TemplateKind;
  /** A rule that no pattern says: the sentence after the text's name, or null. */
  check?: (text: string) => string | null;
}

/** Text. */
export function text(rules: TextRules = {}): Shape<string> {
  const expected = rules.expected ?? 'text';
  const pattern = rules.pattern === undefined ? null : new RegExp(rules.pattern, 'u');
  const schema: JsonSchema = { type: 'string' };
  if (rules.pattern !== undefined) schema['pattern'] = rules.pattern;
  else if (!rules.empty) schema['minLength'] = 1;
  return {
    schema,
    expected,
    read(given, place, log) {
      const value = top(given);
      if (typeof value !== 'string' || (pattern === null ? !rules.empty && value === '' : !pattern.test(value)))
        return mismatch(place, expected, value, log);
      return checkedText(value, place, rules, log);
    },
  };
}

function checkedText(value: string, place: Place, rules: TextRules, log: ProblemLog): string | undefined {
  const wrong = unstorable(value, rules.maxBytes ?? LIMITS.definitionFieldBytes) ?? rules.check?.(value) ?? null;
  if (wrong !== null) return log.problem(place, `${called(place)} ${wrong}`);
  if (rules.template !== undefined && !isGoodTemplate(value, rules.template, place, log)) return undefined;
  return value;
}

/** Has the caller's checker look at a text that may hold `${…}` or `$[…]`; false, with the problem reported, when it is wrong. */
export function isGoodTemplate(value: string, kind: TemplateKind, place: Place, log: ProblemLog): boolean {
  if (log.checks.checkTemplate === undefined || !value.includes('$')) return true;
  const wrong = log.checks.checkTemplate(value, kind);
  if (wrong !== null) log.problem(place, `${called(place)}: ${wrong}`);
  return wrong === null;
}

/** Text, or a number or boolean that stands for its text (`PORT: 8080`). */
export function textual(rules: TextRules = {}): Shape<string> {
  const strict = text({ ...rules, empty: rules.pattern === undefined });
  return {
    schema:
      rules.pattern === undefined
        ? { type: ['string', 'number', 'boolean'] }
        : { anyOf: [strict.schema, { type: ['number', 'boolean'] }] },
    expected: rules.expected ?? 'text',
    read(given, place, log) {
      const value = top(given);
      if (typeof value === 'boolean') return String(value);
      if (typeof value !== 'number') return strict.read(value, place, log);
      warnOfRewriting(value, place, log);
      return String(value);
    },
  };
}

/** A number whose text matters somewhere is not what was written: `1.10` is 1.1. */
export function warnOfRewriting(value: number, place: Place, log: ProblemLog): void {
  const written = log.writtenNumber(place);
  if (written !== null)
    log.warning(
      place,
      `${called(place)} is the number ${value}; put \`${shorten(written)}\` in quotes to keep it as it is written`,
    );
}

export function boolean(): Shape<boolean> {
  return {
    schema: { type: 'boolean' },
    expected: 'true or false',
    read: (given, place, log) =>
      typeof top(given) === 'boolean' ? top(given) === true : mismatch(place, 'true or false', top(given), log),
  };
}

export function integer(min: number, max: number): Shape<number> {
  const expected = `a whole number from ${min} to ${max}`;
  return {
    schema: { type: 'integer', minimum: min, maximum: max },
    expected,
    read(given, place, log) {
      const value = top(given);
      if (typeof value !== 'number' || !Number.isInteger(value) || value < min || value > max)
        return mismatch(place, expected, value, log);
      return value;
    },
  };
}

/** One of some words. */
export function oneOf<const Word extends string>(words: readonly Word[]): Shape<Word> {
  const listed =
    words.length === 1
      ? `\`${words[0] ?? ''}\``
      : `${words
          .slice(0, -1)
          .map((word) => `\`${word}\``)
          .join(', ')} or \`${words.at(-1) ?? ''}\``;
  return {
    schema: { enum: [...words] },
    expected: listed,
    read(given, place, log) {
      const value = top(given);
      const word = words.find((candidate) => candidate === value);
      if (word !== undefined) return word;
      if (typeof value !== 'string') return mismatch(place, listed, value, log);
      const hint = didYouMean(value, words);
      const problem = { place: called(place), expected: listed, given: described(value) };
      return log.problem(place, problemPhrase('not_expected', problem) + hint);
    },
  };
}

/** A duration, in milliseconds once read. */
export function duration(minMs: number, maxMs: number): Shape<number> {
  const expected = 'a duration such as `30s`, `10m`, `2h`, `1d` or whole seconds';
  return {
    schema: {
      anyOf: [
        { type: 'integer', minimum: Math.ceil(minMs / 1000), maximum: Math.floor(maxMs / 1000) },
        { type: 'string', pattern: DURATION_PATTERN },
      ],
    },
    expected,
    read(given, place, log) {
      const value = top(given);
      const durationMs = typeof value === 'number' || typeof value === 'string' ? parseDuration(value) : null;
      if (durationMs === null) return mismatch(place, expected, value, log);
      if (durationMs >= minMs && durationMs <= maxMs) return durationMs;
      return log.problem(
        place,
        `${called(place)} must be from ${formatDuration(minMs)} to ${formatDuration(maxMs)}, not ${shorten(String(value))}`,
      );
    },
  };
}

interface ListRules {
  expected: string;
  min?: number;
  max?: number;
  /** What makes two items the same; absent: repetitions are fine. */
  unique?: true;
}

export function list<T>(item: Shape<T>, rules: ListRules): Shape<T[]> {
  const max = rules.max ?? LIMITS.tasksPerWorkflow;
  const schema: JsonSchema = { type: 'array', items: item.schema };
  if (rules.min !== undefined) schema['minItems'] = rules.min;
  if (rules.unique) schema['uniqueItems'] = true;
  return {
    schema,
    expected: rules.expected,
    read(given, place, log) {
      const value = top(given);
      if (!Array.isArray(value)) return mismatch(place, rules.expected, value, log);
      if (isWrongSize('too_many_items', value.length, { min: rules.min ?? 0, max }, place, log)) return undefined;
      if (rules.unique) refuseRepetitions(value, place, log);
      return allRead(value.map((one: unknown, index) => item.read(one, inside(place, index), log)));
    },
  };
}

function isWrongSize(
  problem: 'too_many_items' | 'too_many_entries',
  items: number,
  { min, max }: { min: number; max: number },
  place: Place,
  log: ProblemLog,
): boolean {
  if (items < min) log.problem(place, problemPhrase('not_empty', { place: called(place) }));
  else if (items > max) log.problem(place, problemPhrase(problem, { place: called(place), items, most: max }));
  return items < min || items > max;
}

function refuseRepetitions(items: unknown[], place: Place, log: ProblemLog): void {
  const seen = new Set<unknown>();
  for (const [index, item] of items.entries()) {
    if (typeof item !== 'string' && typeof item !== 'number') continue;
    if (seen.has(item)) log.problem(inside(place, index), `${described(item)} stands twice in ${called(place)}`);
    seen.add(item);
  }
}

function allRead<T>(items: (T | undefined)[]): T[] | undefined {
  const read: T[] = [];
  for (const item of items) if (item !== undefined) read.push(item);
  return read.length === items.length ? read : undefined;
}

interface RecordRules {
  expected: string;
  /** What a key is, for messages: `a parameter name`. */
  keyExpected: string;
  keyPattern: string;
  /** A rule that no pattern says: the sentence after the key, or null. */
  checkKey?: (key: string) => string | null;
  min?: number;
  max?: number;
}

/** A map from free names to values of one shape. */
export function record<T>(item: Shape<T>, rules: RecordRules): Shape<Record<string, T>> {
  const key = keyReader(rules);
  const max = rules.max ?? LIMITS.tasksPerWorkflow;
  const schema: JsonSchema = {
    type: 'object',
    propertyNames: { pattern: rules.keyPattern },
    additionalProperties: item.schema,
  };
  if (rules.min !== undefined) schema['minProperties'] = rules.min;
  return {
    schema,
    expected: rules.expected,
    read(value, place, log) {
      const members = membersOf(value, place);
      if (members === null) return mismatch(place, rules.expected, value, log);
      if (isWrongSize('too_many_entries', members.size, { min: rules.min ?? 0, max }, place, log)) return undefined;
      const read: Record<string, T> = {};
      let whole = true;
      for (const [name, member] of members) {
        const named = key(name, member.place, log);
        const one = item.read(member.value, member.place, log);
        if (named && one !== undefined) read[name] = one;
        else whole = false;
      }
      return whole ? read : undefined;
    },
  };
}

/** Checks a free name; false, with the problem reported, when it may not be one. */
export function keyReader(
  rules: Pick<RecordRules, 'keyExpected' | 'keyPattern' | 'checkKey'>,
): (key: string, place: Place, log: ProblemLog) => boolean {
  const pattern = new RegExp(rules.keyPattern, 'u');
  return (key, place, log) => {
    if (key === '__proto__') log.problem(place, '`__proto__` cannot be a name', 'key');
    else if (!pattern.test(key)) log.problem(place, `${described(key)} is not ${rules.keyExpected}`, 'key');
    else {
      const wrong = rules.checkKey?.(key) ?? null;
      if (wrong === null) return true;
      log.problem(place, `\`${shorten(key)}\` ${wrong}`, 'key');
    }
    return false;
  };
}

/** Values inside one free JSON value; a value that contains itself has no end. */
const MAX_JSON_VALUES = 1_000_000;

/** Any JSON value, kept as it is. */
export function json(): Shape<unknown> {
  return {
    schema: {},
    expected: 'any value',
    read(given, place, log) {
      const value = top(given);
      const walk = { left: MAX_JSON_VALUES, log };
      if (!isJson(value, place, walk, 0)) return undefined;
      return walk.left > 0 ? value : log.problem(place, `${called(place)} holds more than ${MAX_JSON_VALUES} values`);
    },
  };
}

function isJson(value: unknown, place: Place, walk: { left: number; log: ProblemLog }, depth: number): boolean {
  if (--walk.left <= 0 || value === null || typeof value === 'boolean') return true;
  if (typeof value === 'string') return checkedText(value, place, { empty: true }, walk.log) !== undefined;
  if (typeof value === 'number' && Number.isFinite(value)) return true;
  if (typeof value !== 'object') {
    mismatch(place, 'a JSON value', value, walk.log);
    return false;
  }
  if (depth >= MAX_DEPTH) {
    walk.log.problem(place, `more than ${MAX_DEPTH} collections inside one another`);
    // Said once: a value that contains itself would say it without end.
    walk.left = 0;
    return false;
  }
  let good = true;
  if (Array.isArray(value)) {
    for (const [index, item] of value.entries()) good = isJson(item, inside(place, index), walk, depth + 1) && good;
    return good;
  }
  for (const [key, item] of Object.entries(value)) {
    const at = inside(place, key);
    const wrong = key === '__proto__' ? 'cannot be a key' : unstorable(key, LIMITS.definitionFieldBytes);
    if (wrong !== null) {
      walk.log.problem(at, `the key \`${shorten(key)}\` ${wrong}`, 'key');
      good = false;
    }
    good = isJson(item, at, walk, depth + 1) && good;
  }
  return good;
}

/** Either of two shapes, told apart by a glance at the value. */
export function either<A, B>(first: Shape<A>, second: Shape<B>, isSecond: (value: unknown) => boolean): Shape<A | B> {
  const expected = `${first.expected} or ${second.expected}`;
  return {
    schema: { anyOf: [first.schema, second.schema] },
    expected,
    read(value, place, log) {
      if (isSecond(value)) return second.read(value, place, log);
      const fitsFirst = typeof top(value) !== 'object';
      return fitsFirst ? first.read(value, place, log) : mismatch(place, expected, top(value), log);
    },
  };
}

/** The same shape with its value turned into another one. `turn` may report a problem and answer undefined. */
export function mapped<A, B>(
  shape: Shape<A>,
  turn: (value: A, place: Place, log: ProblemLog) => B | undefined,
): Shape<B> {
  return {
    schema: shape.schema,
    expected: shape.expected,
    read(given, place, log) {
      const value = shape.read(given, place, log);
      return value === undefined ? undefined : turn(value, place, log);
    },
  };
}

/** The schema's `$defs`: filled while this folder is loaded, read when the schema is put together. */
export const DEFINITIONS: Record<string, JsonSchema> = {};

/** Publishes the shape under a name in the schema's `$defs`. */
export function named<T>(name: string, shape: Shape<T>): Shape<T> {
  DEFINITIONS[name] = shape.schema;
  return { ...shape, schema: { $ref: `#/$defs/${name}` } };
}

/** A key of a map with fixed keys. */
export interface Field<T> {
  shape: Shape<T>;
  doc: string;
  required: boolean;
  /** Stands for the key when it is not given. */
  absent: T | undefined;
  /** The default as a person writes it, for the schema. */
  written: unknown;
}
export type Fields = Record<string, Field<unknown>>;
/** What was read of each key: undefined where it was refused, or required and missing. */
export type Read<F extends Fields> = { [K in keyof F]: F[K] extends Field<infer T> ? T | undefined : never };
/** The same when nothing was refused. */
export type Whole<F extends Fields> = { [K in keyof F]: F[K] extends Field<infer T> ? T : never };

export function required<T>(shape: Shape<T>, doc: string): Field<T> {
  return { shape, doc, required: true, absent: undefined, written: undefined };
}
/** Null when absent. */
export function optional<T>(shape: Shape<T>, doc: string): Field<T | null> {
  return { shape, doc, required: false, absent: null, written: undefined };
}
/** `absent` when absent; `written` is that default as a person writes it. */
export function defaulted<T>(shape: Shape<T>, absent: NoInfer<T>, doc: string, written: unknown = absent): Field<T> {
  // All definitions share it.
  return { shape, doc, required: false, absent: Object.freeze(absent), written };
}

/** A map with fixed keys. `build` gets it when every key could be read. */
export function object<F extends Fields, T>(
  expected: string,
  fields: F,
  build: (values: Whole<F>, place: Place, log: ProblemLog, members: Map<string, Member>) => T | undefined,
): Shape<T> {
  return {
    schema: objectSchema(fields),
    expected,
    read(value, place, log) {
      const members = membersOf(value, place);
      if (members === null) return mismatch(place, expected, value, log);
      refuseUnknown(members, Object.keys(fields), log);
      const whole = wholeOf(readFields(fields, members, place, log));
      return whole === null ? undefined : build(whole, place, log, members);
    },
  };
}

export function objectSchema(fields: Fields): JsonSchema {
  const properties: JsonSchema = {};
  for (const [key, { shape, doc, written }] of Object.entries(fields)) {
    properties[key] = { ...shape.schema, description: doc, ...(written === undefined ? {} : { default: written }) };
  }
  const requiredKeys = Object.keys(fields).filter((key) => fields[key]?.required);
  return {
    type: 'object',
    properties,
    ...(requiredKeys.length > 0 ? { required: requiredKeys } : {}),
    additionalProperties: false,
  };
}

/** Reads each key; every problem is reported, and what could be read is there. */
export function readFields<F extends Fields>(
  fields: F,
  members: Map<string, Member>,
  place: Place,
  log: ProblemLog,
): Read<F> {
  const read: Record<string, unknown> = {};
  for (const key in fields) {
    const field = fields[key];
    if (field === undefined) continue;
    const member = members.get(key);
    if (member !== undefined) read[key] = field.shape.read(member.value, member.place, log);
    else if (field.required)
      read[key] = log.problem(
        place,
        problemPhrase('lacks', { place: called(place), key, expected: field.shape.expected }),
        'key',
      );
    else read[key] = field.absent;
  }
  return read as Read<F>;
}

export function wholeOf<F extends Fields>(read: Read<F>): Whole<F> | null {
  for (const key in read) if (read[key] === undefined) return null;
  return read as Whole<F>;
}
