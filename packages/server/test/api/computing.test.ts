import { setTimeout } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { computing } from './computing.ts';

/** Computes for so much CPU time, however long that takes. */
function compute(ms: number): void {
  const before = process.threadCpuUsage();
  const usedMs = (): number => {
    const { user, system } = process.threadCpuUsage(before);
    return (user + system) / 1000;
  };
  while (usedMs() < ms);
}

test('the longest stretch of computing is told from all of it, and waiting is none', async () => {
  const { value, longestMs, totalMs } = await computing(async () => {
    for (let round = 0; round < 4; round += 1) {
      compute(60);
      await setTimeout(5);
    }
    await setTimeout(300);
    compute(150);
    await setTimeout(5);
    return 'done';
  });
  expect(value).toBe('done');
  expect(longestMs).toBeGreaterThanOrEqual(150);
  expect(longestMs).toBeLessThan(350);
  expect(totalMs).toBeGreaterThanOrEqual(390);
  expect(totalMs).toBeLessThan(590);
});
