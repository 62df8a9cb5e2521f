import { expect, test } from 'vitest';
import { instantFlag, momentFlag } from './run-order.ts';

test('a day is its first instant in UTC; an instant is itself, and so is a moment of a zone that the server knows', () => {
  expect(instantFlag('--date', '2024-02-29')).toBe('2024-02-29T00:00:00Z');
  for (const text of ['2024-02-29', '2024-02-29T06:00', '2024-02-29T06:00:00+02:00'])
    expect(momentFlag('--start', text)).toBe(text);
  expect(instantFlag('--date', '2024-02-29T06:00:00+02:00')).toBe('2024-02-29T06:00:00+02:00');
});

test.each([
  ['2024-02-30', '--end: there is no 2024-02-30'],
  ['2023-02-29T00:00:00Z', '--end: there is no 2023-02-29'],
  ['soon', '--end must be like 2024-03-15 or 2024-03-15T13:45:00Z, not "soon"'],
])('%s is refused in words', (text, message) => {
  expect(() => momentFlag('--end', text)).toThrow(message);
});
