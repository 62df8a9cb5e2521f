import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { runIdOf, type AttemptId, type RunId } from '@pelorus/protocol';
import { openDirectoryLogs, RETENTION_LIMITS, startLogRetention } from '../../src/logs/index.ts';

let scratch: string;
beforeAll(async () => {
  scratch = await mkdtemp(path.join(tmpdir(), 'pelorus-retention-'));
});
afterAll(() => rm(scratch, { recursive: true, force: true }));

test('logs of runs that ended long ago go, bit by bit; of runs that have not ended, or that nobody knows, they stay', async () => {
  const logs = openDirectoryLogs({ folder: path.join(scratch, 'logs'), writtenInPlace: false });
  const count = RETENTION_LIMITS.deletionsPerSweep + 30;
  for (let run = 1; run <= count; run += 1) await logs.append(`${run}.0.1` as AttemptId, 0, Buffer.from('x'));
  const asked: number[] = [];
  const runs = {
    runsEndedBefore: async (ids: readonly RunId[], at: number) => {
      asked.push(at);
      return ids.filter((id) => id % 10 !== 0);
    },
  };
  const retention = startLogRetention({
    logs,
    runs,
    keepMs: 1000,
    clock: () => 5000,
    log: { info: () => {}, warn: () => {} },
    everyMs: 3_600_000,
  });
  expect(await retention.sweep()).toBe(RETENTION_LIMITS.deletionsPerSweep);
  expect(await retention.sweep()).toBe(count - count / 10 - RETENTION_LIMITS.deletionsPerSweep);
  expect(await retention.sweep()).toBe(0);
  await retention.stop();
  expect(await logs.listRuns(null, 1000)).toEqual(Array.from({ length: count / 10 }, (_, n) => runIdOf((n + 1) * 10)));
  expect(asked).toEqual([4000, 4000, 4000]);
});
