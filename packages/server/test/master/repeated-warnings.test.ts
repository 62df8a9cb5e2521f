import { expect, test } from 'vitest';
import { repeatedWarnings, WARNINGS_EVERY_MS } from '../../src/master/repeated-warnings.ts';

test('a store that is away for a minute is a line of each kind every ten seconds', () => {
  const told: [object, string][] = [];
  let now = 0;
  const warn = repeatedWarnings(
    (fields, message) => void told.push([fields, message]),
    () => now,
  );
  for (; now < WARNINGS_EVERY_MS * 2; now += 500) {
    warn({ at: now }, 'no answer');
    warn({ at: now }, 'no lease');
  }
  expect(told).toEqual([
    [{ at: 0 }, 'no answer'],
    [{ at: 0 }, 'no lease'],
    [{ at: WARNINGS_EVERY_MS, othersBefore: 19 }, 'no answer'],
    [{ at: WARNINGS_EVERY_MS, othersBefore: 19 }, 'no lease'],
  ]);
});
