import { expect, test } from 'vitest';
import { fuzz } from './fuzz-run.ts';

const REQUESTS = Number(process.env['PELORUS_FUZZ_RUNS'] ?? 1000);
/** A quiet machine answers within a second; tests run on others as well. */
const LIMIT_MS = 15_000;

test(
  'no request made from the OpenAPI document gives a 5xx, hangs, or is answered outside the document',
  { timeout: 600_000 },
  async () => {
    const seed = Number(process.env['PELORUS_FUZZ_SEED'] ?? Math.trunc(Date.now() / 1000) % 2 ** 31);
    const report = await fuzz({ requests: REQUESTS, seed, limitMs: LIMIT_MS, concurrency: 8 });
    expect(report.problems, `again with PELORUS_FUZZ_SEED=${seed} PELORUS_FUZZ_RUNS=${REQUESTS}`).toEqual([]);
    // That requests get through to what they are meant for, and are not all refused at the door.
    const [ok = 0, created = 0] = [report.statuses.get(200), report.statuses.get(201)];
    expect(ok + created, JSON.stringify([...report.statuses])).toBeGreaterThan(REQUESTS / 20);
  },
);
