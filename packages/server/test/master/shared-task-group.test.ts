/** Two masters over one PostgreSQL place tasks of one task group. It held 5 to 8 at once where its size was 3. */
import type { AttemptSpec } from '@pelorus/protocol';
import { isTerminalRun } from '@pelorus/protocol';
import { afterAll, describe, expect, test, vi } from 'vitest';
import { startServer } from '../../../worker/test/database-servers.ts';
import { startMaster } from '../../src/master/index.ts';
import type { Store } from '../../src/store/index.ts';
import { definition, newRun, saveOf, taskDefinition } from '../store/records.ts';
import { makePostgresPlace } from '../store/postgres-place.ts';
import { scriptedWorker } from './scripted-worker.ts';
import { storeWith } from './store-with.ts';
import { WAIT } from '../wait.ts';

const server = await startServer('postgres');
afterAll(() => server?.stop());

const SIZE = 3;
const RUNS = 6;
const TASKS = 4;
const quiet = { info: () => undefined, warn: () => undefined, error: () => undefined };

describe.skipIf(server === null)('a task group of two masters', () => {
  test('is full and never more than full, and both have their turn', async () => {
    const place = await makePostgresPlace(server!.url);
    const stores = [await place.open(), await place.open()];
    const [store] = stores;
    const peaks: number[] = [];
    const script = (_spec: AttemptSpec): 'go on' => {
      peaks.push(workers.reduce((sum, { running }) => sum + running.size, 0));
      return 'go on';
    };
    const workers = [scriptedWorker(script), scriptedWorker(script)];
    await store!.ensureProject({ name: 'sales', description: '', owner: 'ann', at: Date.now() });
    await store!.saveTaskGroup({ name: 'narrow', size: SIZE, user: 'ann', at: Date.now() });
    const tasks = Array.from({ length: TASKS }, (_, n) =>
      taskDefinition(`t${n}`, { taskGroup: { name: 'narrow', weight: 1, priority: 0 } }),
    );
    await store!.saveWorkflow(saveOf({ definition: definition({ tasks }) }));
    // Runs are begun by one master and the other in turn, so that both have some.
    let turn = 0;
    const masters = await Promise.all(
      stores.map((each, i) => {
        const claimCommands: Store['claimCommands'] = async (...given) =>
          turn % 2 === i ? each.claimCommands(...given) : [];
        return startMaster({ store: storeWith(each, { claimCommands }), log: quiet, alone: false });
      }),
    );
    for (const [i, worker] of workers.entries()) worker.dial((link) => masters[i]!.attachWorker(link));
    const runs = [];
    for (; turn < RUNS; turn++) {
      const { run } = await store!.submitRun(newRun({ submittedAt: Date.now(), timeoutMs: 3_600_000, params: {} }));
      runs.push(run.id);
      masters[turn % 2]!.commandHint();
      await vi.waitFor(async () => expect((await store!.getRun(run.id))!.status.owner).not.toBeNull(), WAIT);
    }
    for (let ended = 0; ended < RUNS * TASKS; ended++) {
      const full = Math.min(SIZE, RUNS * TASKS - ended);
      const running = () => workers.flatMap((worker) => [...worker.running.values()].map((spec) => ({ worker, spec })));
      await vi.waitFor(() => expect(running()).toHaveLength(full), WAIT);
      const { worker, spec } = running()[ended % full]!;
      worker.finish(spec.task);
    }
    for (const run of runs)
      await vi.waitFor(async () => expect(isTerminalRun((await store!.getRun(run))!.status.state)).toBe(true), WAIT);
    const owners = workers.map(({ begun }) => begun.length > 0);
    for (const worker of workers) worker.hangUp();
    await Promise.all(masters.map((master) => master.stop()));
    await Promise.all(stores.map((each) => each.close()));
    const { findings } = await place.audit();
    await place.remove();
    expect({ most: Math.max(...peaks), begun: peaks.length, owners, findings }).toEqual({
      most: SIZE,
      begun: RUNS * TASKS,
      owners: [true, true],
      findings: [],
    });
  });
});
