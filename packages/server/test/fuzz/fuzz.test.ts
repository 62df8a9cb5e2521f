import { expect, test } from 'vitest';
import { WAIT } from '../wait.ts';
import { fuzz } from './fuzz-run.ts';

const { PELORUS_FUZZ_RUNS: wanted, PELORUS_FUZZ_SEED: again } = process.env;
const REQUESTS = Number(wanted ?? 1000);
/** Others each time where somebody asks for so many: else nothing but a change of the code makes it fail. */
const SEED = Number(again ?? (wanted === undefined ? 1 : Math.trunc(Date.now() / 1000) % 2 ** 31));

test(
  'no request made from the OpenAPI document gives a 5xx, hangs, or is answered outside the document',
  { timeout: 600_000 },
  async () => {
    const report = await fuzz({ requests: REQUESTS, seed: SEED, limitMs: WAIT.timeout, concurrency: 8 });
    expect(report.problems, `again with PELORUS_FUZZ_SEED=${SEED} PELORUS_FUZZ_RUNS=${REQUESTS}`).toEqual([]);
    // That requests get through to what they are meant for, and are not all refused at the door.
    const [ok = 0, created = 0] = [report.statuses.get(200), report.statuses.get(201)];
    expect(ok + created, JSON.stringify([...report.statuses])).toBeGreaterThan(REQUESTS / 20);
  },
);
