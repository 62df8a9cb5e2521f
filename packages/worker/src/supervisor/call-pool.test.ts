import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { CallPool } from './call-pool.ts';

test('when no process comes up, whoever waits is told after a few tries instead of waiting for ever', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'pelorus-pool-'));
  let exits = 0;
  const { promise, resolve } = Promise.withResolvers<string>();
  const pool = new CallPool(directory, { NODE_OPTIONS: '--no-such-option' }, 2, {
    onMessage: () => {},
    onExit: () => {
      exits += 1;
    },
    onBroken: resolve,
  });
  pool.acquire(() => {
    throw new Error('there is no process to be had');
  });
  expect(await promise).toMatch(/cannot be started: .*--no-such-option/s);
  expect(exits).toBeGreaterThanOrEqual(2);
  expect(exits).toBeLessThanOrEqual(4);
  pool.close();
  rmSync(directory, { recursive: true, force: true });
});
