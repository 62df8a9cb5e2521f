/** Values for fields: such as fit a schema, such as nearly do, and such as nobody would send by accident. */
import * as fc from 'fast-check';
import type { JsonSchema } from '../../src/api/openapi/components.ts';

export interface SchemaReader {
  resolved(schema: JsonSchema): JsonSchema;
}

/** Names and ids that exist, by the name of the field; so that requests get past the first look-up. */
export type Known = Readonly<Record<string, readonly (string | number)[]>>;

const DEPTH = 5;
// To make one takes long.
const NAME = fc.stringMatching(/^[a-z][a-z0-9_]{0,12}$/);
const NAME_WITH_DASH = fc.stringMatching(/^[a-z][a-z0-9_-]{0,12}$/);
const KEY = fc.stringMatching(/^[a-z][a-z0-9_]{0,8}$/);

/** Fits the schema, as far as a schema says it; `name` is that of the field. */
export function fitting(
  schema: JsonSchema,
  reader: SchemaReader,
  known: Known,
  name = '',
  depth = 0,
): fc.Arbitrary<unknown> {
  // Schemas refer to themselves: so deep, nothing is made any more.
  if (depth > 2 * DEPTH) return fc.constant(null);
  const so = reader.resolved(schema);
  const isNumber = so['type'] === 'integer' || so['type'] === 'number';
  const there = (known[name] ?? []).filter(
    (value) => so['type'] === undefined || (typeof value === 'number') === isNumber,
  );
  const plain = byKind(so, reader, known, name, depth);
  if (
    there.length === 0 ||
    so['enum'] !== undefined ||
    so['type'] === 'array' ||
    so['type'] === 'object' ||
    so['type'] === 'boolean'
  )
    return plain;
  return fc.oneof({ arbitrary: fc.constantFrom<unknown>(...there), weight: 9 }, { arbitrary: plain, weight: 1 });
}

function byKind(
  so: JsonSchema,
  reader: SchemaReader,
  known: Known,
  name: string,
  depth: number,
): fc.Arbitrary<unknown> {
  if (so['const'] !== undefined) return fc.constant(so['const']);
  if (Array.isArray(so['enum'])) return fc.constantFrom<unknown>(...(so['enum'] as unknown[]));
  const choices = (so['oneOf'] ?? so['anyOf']) as JsonSchema[] | undefined;
  if (choices !== undefined)
    return fc.oneof(...choices.map((choice) => fitting(choice, reader, known, name, depth + 1)));
  const type: unknown = Array.isArray(so['type']) ? so['type'][depth % so['type'].length] : so['type'];
  switch (type) {
    case 'string':
      return text(so);
    case 'integer':
      return fc.integer({
        min: bound(so['minimum'], -1000),
        max: Math.max(bound(so['minimum'], -1000), bound(so['maximum'], 100_000)),
      });
    case 'number':
      return fc.double({ noNaN: true, noDefaultInfinity: true });
    case 'boolean':
      return fc.boolean();
    case 'null':
      return fc.constant(null);
    case 'array':
      if (depth > DEPTH) return fc.constant([]);
      return fc.array(fitting((so['items'] ?? {}) as JsonSchema, reader, known, singular(name), depth + 1), {
        minLength: Number(so['minItems'] ?? 0),
        maxLength: Math.max(Number(so['minItems'] ?? 0), depth > DEPTH ? 0 : 3),
      });
    case 'object':
      return object(so, reader, known, depth);
    default:
      return depth > DEPTH ? fc.constant(null) : fc.jsonValue({ maxDepth: 2 });
  }
}

function bound(value: unknown, fallback: number): number {
  return typeof value === 'number' && Math.abs(value) < 2 ** 31 ? value : fallback;
}

function singular(name: string): string {
  return name.replace(/s$/, '');
}

function text(so: JsonSchema): fc.Arbitrary<string> {
  if (so['format'] === 'date-time')
    return fc
      .date({ noInvalidDate: true, min: new Date('2000-01-01'), max: new Date('2100-01-01') })
      .map((date) => date.toISOString());
  const maxLength = Math.min(Number(so['maxLength'] ?? 40), 40);
  const minLength = Math.min(Number(so['minLength'] ?? 0), maxLength);
  // Names begin with a letter; other patterns are left to what is known and to the wild.
  if (so['pattern'] !== undefined) return NAME;
  return fc.oneof(
    fc.string({ minLength, maxLength }),
    fc.string({ minLength, maxLength, unit: 'grapheme' }),
    NAME_WITH_DASH,
  );
}

function object(so: JsonSchema, reader: SchemaReader, known: Known, depth: number): fc.Arbitrary<unknown> {
  const properties = Object.entries((so['properties'] ?? {}) as Record<string, JsonSchema>);
  const required = new Set((so['required'] ?? []) as string[]);
  const members = properties
    .filter(([key]) => depth <= DEPTH || required.has(key))
    .map(([key, inner]): [string, fc.Arbitrary<unknown>] => [key, fitting(inner, reader, known, key, depth + 1)]);
  const arbitraries = Object.fromEntries(members);
  const needed = Object.fromEntries(members.filter(([key]) => required.has(key)));
  // Much that may be given does not go together: more often than not, little of it is.
  const few = members
    .filter(([key]) => !required.has(key))
    .map(([key, inner]) => fc.record({ ...needed, [key]: inner }));
  const record: fc.Arbitrary<object> = fc.oneof(
    { arbitrary: fc.record(needed), weight: 3 },
    { arbitrary: few.length === 0 ? fc.record(needed) : fc.oneof(...few), weight: 3 },
    { arbitrary: fc.record(arbitraries, { requiredKeys: Object.keys(needed) }), weight: 1 },
  );
  const more = so['additionalProperties'];
  if (typeof more !== 'object' || more === null || depth > DEPTH) return record;
  const extra = fc.dictionary(KEY, fitting(more as JsonSchema, reader, known, '', depth + 1), { maxKeys: 3 });
  return fc.tuple(record, extra).map(([left, right]) => ({ ...right, ...left }));
}

const deep = (levels: number, open: string, close: string) => open.repeat(levels) + close.repeat(levels);

/** Texts that have broken something somewhere, once. */
const TROUBLE: readonly string[] = [
  '',
  ' ',
  '\0',
  'a\0b',
  '\ud800',
  'x\udfffy',
  '\uffff',
  '\u202e',
  '\ufeff',
  'é',
  'e\u0301',
  '🦑'.repeat(20),
  '‮',
  '__proto__',
  'constructor',
  'prototype',
  'toString',
  'hasOwnProperty',
  'null',
  'undefined',
  'NaN',
  'true',
  '[object Object]',
  "' OR 1=1 --",
  '"; DROP TABLE run; --',
  '%',
  '_',
  '*',
  '\\',
  '%00',
  '%s%n',
  '${x}',
  '$[yyyy]',
  '$[',
  '{{x}}',
  '$(id)',
  '`id`',
  '..',
  '../..',
  '../../etc/passwd',
  '/etc/passwd',
  'C:\\x',
  '.',
  '~',
  'a/b',
  'a//b',
  '?',
  '#',
  '&',
  '=',
  ';',
  '\r\nx: y',
  '\n',
  '\t',
  '\u001b[31m',
  '-1',
  '0',
  '-0',
  '00',
  '1e309',
  '1e3',
  '0x10',
  '1.5',
  ' 1',
  '1 ',
  '+1',
  '9007199254740993',
  '9223372036854775808',
  '18446744073709551616',
  '99999999999999999999999',
  '١٢',
  '2024-02-30T00:00:00Z',
  '2024-01-01',
  '+275760-09-13T00:00:00.001Z',
  '0000-00-00T00:00:00Z',
  '9999-12-31T23:59:60Z',
  '1.0.1',
  '1.0.99999999',
  '0.0.0',
  '1.-1.1',
  're:',
  're:(',
  're:(a+)+$',
  `re:${'(a?)'.repeat(200)}`,
  're:\\p{L}{1000}',
  're:[',
  're:a{1000}{1000}',
  're:(?<x>a)\\k<x>',
  '* * * * *',
  '0 0 30 2 *',
  '@every',
  'Europe/Berlin',
  'Not/AZone',
  'nobody',
  'admin',
  '[]',
  '{}',
  '[1',
  '{"a":',
  '[[]]',
  deep(3000, '[', ']'),
  `${'{"a":'.repeat(500)}1${'}'.repeat(500)}`,
  '["a","a"]',
  '[null]',
  '[{}]',
  '"x"',
  '{"__proto__":{"x":1}}',
  'http://127.0.0.1:1/',
  'file:///etc/passwd',
  'javascript:alert(1)',
  'postgres://u:p@h/d',
  'sqlite:',
  'sqlite::memory:',
  'whsec_',
  'a@b',
  '@',
  `${'a'.repeat(300)}@x.org`,
];

/** Anything at all. */
export const wildValue: fc.Arbitrary<unknown> = fc.oneof(
  { arbitrary: fc.constantFrom<unknown>(...TROUBLE), weight: 6 },
  {
    arbitrary: fc.constantFrom<unknown>(
      null,
      true,
      false,
      0,
      -1,
      0.5,
      1e308,
      -1e308,
      2 ** 53,
      -(2 ** 63),
      1e21,
      [],
      {},
      [[]],
      [null],
      { '': '' },
    ),
    weight: 4,
  },
  { arbitrary: fc.string({ unit: 'binary', maxLength: 60 }), weight: 2 },
  { arbitrary: fc.string({ minLength: 200, maxLength: 400 }), weight: 1 },
  { arbitrary: fc.integer({ min: 1000, max: 100_000 }).map((length) => 'x'.repeat(length)), weight: 1 },
  { arbitrary: fc.jsonValue({ maxDepth: 4, stringUnit: 'binary' }), weight: 2 },
  { arbitrary: fc.array(fc.constantFrom<unknown>('a', 1, null), { minLength: 500, maxLength: 3000 }), weight: 1 },
  { arbitrary: fc.constantFrom(70, 1000, 20_000).map(nested), weight: 1 },
);

export const wildText: fc.Arbitrary<string> = fc.oneof(
  { arbitrary: fc.constantFrom(...TROUBLE), weight: 4 },
  { arbitrary: fc.string({ unit: 'binary', maxLength: 40 }), weight: 1 },
  { arbitrary: fc.constantFrom(300, 1001, 9000, 20_000).map((length) => 'y'.repeat(length)), weight: 1 },
);

function nested(levels: number): unknown {
  let value: unknown = 1;
  for (let level = 0; level < levels; level += 1) value = level % 2 === 0 ? [value] : { a: value };
  return value;
}
