import { expect, test } from 'vitest';
import { retryDelayMs } from '../src/attempts.ts';
import { Random } from '../sim/random.ts';

test('5,000 tasks that failed together return spread over a tenth of their interval, never earlier', () => {
  const random = new Random(7);
  const retry = { intervalMs: 60_000, backoff: 'fixed', maxIntervalMs: 3_600_000 } as const;
  const perSecond = new Map<number, number>();
  for (let task = 0; task < 5_000; task++) {
    const second = Math.floor(retryDelayMs(retry, 0, random.next()) / 1000);
    perSecond.set(second, (perSecond.get(second) ?? 0) + 1);
  }
  expect([...perSecond.keys()].toSorted((a, b) => a - b)).toEqual([60, 61, 62, 63, 64, 65]);
  expect(Math.max(...perSecond.values())).toBeLessThan(1_000);
});

test('back-off doubles up to its maximum, and the spread comes on top', () => {
  const retry = { intervalMs: 1_000, backoff: 'exponential', maxIntervalMs: 5_000 } as const;
  expect([0, 1, 2, 3, 1_000].map((before) => retryDelayMs(retry, before, 0))).toEqual([
    1_000, 2_000, 4_000, 5_000, 5_000,
  ]);
  expect(retryDelayMs(retry, 3, 0.5)).toBe(5_250);
});
