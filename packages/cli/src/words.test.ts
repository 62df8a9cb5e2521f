import { expect, test } from 'vitest';
import { durationText, instantText } from './words.ts';

test.each([
  [-5, '0 ms'],
  [340, '340 ms'],
  [4_240, '4.2 s'],
  [59_949, '59.9 s'],
  [59_960, '1:00'],
  [65_000, '1:05'],
  [7_807_000, '2:10:07'],
])('%i ms is %s', (durationMs, text) => {
  expect(durationText(durationMs)).toBe(text);
});

test('instants are relative for people and exact for programs', () => {
  const now = Date.parse('2026-01-02T00:00:00Z');
  expect(
    ['2026-01-01T23:59:50Z', '2026-01-01T22:00:00Z', '2025-12-20T00:00:00Z', '2026-01-02T00:00:30Z'].map((at) =>
      instantText(at, now),
    ),
  ).toEqual(['10 s ago', '2 h ago', '13 d ago', 'in 30 s']);
  expect(instantText('2026-01-01T00:00:00Z', null)).toBe('2026-01-01T00:00:00Z');
});
