import { expect, test } from 'vitest';
import { instantFlag } from './run-order.ts';

test('a day is its first instant in UTC, or its last; an instant is itself', () => {
  expect(instantFlag('--start', '2024-02-29')).toBe('2024-02-29T00:00:00Z');
  expect(instantFlag('--end', '2024-02-29', 'end')).toBe('2024-02-29T23:59:59.999Z');
  expect(instantFlag('--date', '2024-02-29T06:00:00+02:00')).toBe('2024-02-29T06:00:00+02:00');
});

test.each([
  ['2024-02-30', '--end: there is no 2024-02-30'],
  ['2023-02-29T00:00:00Z', '--end: there is no 2023-02-29'],
  ['soon', '--end must be like 2024-03-15 or 2024-03-15T13:45:00Z, not "soon"'],
])('%s is refused in words', (text, message) => {
  expect(() => instantFlag('--end', text, 'end')).toThrow(message);
});
