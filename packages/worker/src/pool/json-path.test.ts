import { expect, test } from 'vitest';
import { parseJsonPath, valueAtPath } from './json-path.ts';

test.each([
  ['$', []],
  ['$.a.b[0]', ['a', 'b', 0]],
  ["$['a b']['it\\'s'][-1]", ['a b', "it's", -1]],
  ['$["x.y"].z', ['x.y', 'z']],
  ['a.b', null],
  ['$.', null],
  ['$[x]', null],
  ['$.a b', null],
])('%s', (path, steps) => expect(parseJsonPath(path)).toEqual(steps));

test('values are found by own keys and indices only', () => {
  const value = { a: { b: [10, { c: null }] } };
  expect(valueAtPath(value, ['a', 'b', 0])).toBe(10);
  expect(valueAtPath(value, ['a', 'b', -1, 'c'])).toBeNull();
  expect(valueAtPath(value, ['a', 'b', 'length'])).toBeUndefined();
  expect(valueAtPath(value, ['a', 'constructor'])).toBeUndefined();
  expect(valueAtPath(value, ['a', 'x', 'y'])).toBeUndefined();
});
