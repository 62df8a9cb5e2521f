import { expect, test } from 'vitest';
import { WAIT } from '../wait.ts';
import { extentOf } from './extent.ts';
import { fuzz } from './fuzz-run.ts';

test(
  'no request made from the OpenAPI document gives a 5xx, hangs, or is answered outside the document',
  { timeout: 600_000 },
  async () => {
    const { numRuns: requests, seed: usual = Math.trunc(Date.now() / 1000) % 2 ** 31 } = extentOf(1000);
    const seed = Number(process.env['PELORUS_FUZZ_SEED'] ?? usual);
    const report = await fuzz({ requests, seed, limitMs: WAIT.timeout, concurrency: 8 });
    expect(report.problems, `again with PELORUS_FUZZ_SEED=${seed} PELORUS_FUZZ_RUNS=${requests}`).toEqual([]);
    // That requests get through to what they are meant for, and are not all refused at the door.
    const [ok = 0, created = 0] = [report.statuses.get(200), report.statuses.get(201)];
    expect(ok + created, JSON.stringify([...report.statuses])).toBeGreaterThan(requests / 20);
  },
);
