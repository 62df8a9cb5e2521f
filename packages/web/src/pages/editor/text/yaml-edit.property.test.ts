/** Whatever is written and however, a patch means what was asked for, and leaves every other line alone. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { stringify } from 'yaml';
import { applyEdits, removeValue, same, setValue, withoutValue, withValue } from './yaml-edit.ts';
import { readSource, type Plain, type Source } from './yaml-place.ts';

const name = fc.constantFrom('a', 'b-c', 'd_e', 'f', 'g');
const line = fc.constantFrom(
  'echo "hi"',
  "it's",
  'a: b',
  '# no',
  'x, y',
  '[z',
  '{w',
  '- q',
  'true',
  '12',
  'null',
  ' lead',
  'tail ',
  '',
  'ünï',
  '*star',
  '&and',
  '%',
  '@',
  '`',
  '|',
  '>',
  '!t',
  '\ttab',
);
const text = fc.oneof(
  line,
  fc.array(line, { minLength: 2, maxLength: 4 }).map((lines) => lines.join('\n')),
);
const scalar = fc.oneof(text, fc.integer({ min: -9, max: 99 }), fc.boolean(), fc.constant(null));
const value: fc.Arbitrary<Plain> = fc.oneof(
  { weight: 4, arbitrary: scalar },
  fc.array(scalar, { maxLength: 3 }),
  fc.dictionary(name, scalar, { maxKeys: 3 }),
  fc.array(fc.dictionary(name, scalar, { minKeys: 1, maxKeys: 2 }), { maxLength: 2 }),
);
const task = fc.dictionary(name, value, { minKeys: 1, maxKeys: 4 });
const root = fc.record({ name: text, tasks: fc.dictionary(name, task, { minKeys: 1, maxKeys: 4 }) });
const style = fc.constantFrom('block', 'flow', 'json', 'mixed' as const);

describe('patches of any definition', () => {
  it('a value set means just that', () => {
    let given = 0;
    fc.assert(
      fc.property(root, style, name, name, value, fc.boolean(), (whole, written, at, key, next, isTask) => {
        const source = sourceOf(whole, written);
        const path = isTask ? ['tasks', at, key] : ['tasks', at];
        const edits = setValue(source, path, next);
        if (edits === null) return;
        given += 1;
        const after = readSource(applyEdits(source.text, edits), source.format);
        expect(same(after?.value ?? null, withValue(source.value, path, next))).toBe(true);
      }),
      { numRuns: 1500 },
    );
    // A patch may be refused, but that must be rare.
    expect(given).toBeGreaterThan(1450);
  });

  it('a value taken away is gone, and nothing else', () => {
    let given = 0;
    let asked = 0;
    fc.assert(
      fc.property(root, style, fc.nat(3), fc.nat(3), (whole, written, which, member) => {
        const source = sourceOf(whole, written);
        const at = Object.keys(whole.tasks)[which % Object.keys(whole.tasks).length] ?? '';
        const keys = Object.keys(whole.tasks[at] ?? {});
        const key = keys[member % keys.length] ?? '';
        asked += 1;
        const edits = removeValue(source, ['tasks', at, key], 2);
        if (edits === null) return;
        given += 1;
        const after = readSource(applyEdits(source.text, edits), source.format);
        expect(same(after?.value ?? null, withoutValue(source.value, ['tasks', at, key]))).toBe(true);
      }),
      { numRuns: 1000 },
    );
    expect(given / asked).toBeGreaterThan(0.97);
  });
});

function sourceOf(whole: Plain, written: 'block' | 'flow' | 'json' | 'mixed'): Source {
  const made = {
    block: () => stringify(whole, { lineWidth: 0 }),
    flow: () => stringify(whole, { lineWidth: 0, collectionStyle: 'flow' }),
    json: () => JSON.stringify(whole, null, 2),
    mixed: () => stringify(whole, { lineWidth: 40, defaultStringType: 'QUOTE_DOUBLE', indent: 4 }),
  }[written]();
  const source = readSource(made, written === 'json' ? 'json' : 'yaml');
  if (source === null) throw new Error(`does not parse: ${made}`);
  return source;
}
