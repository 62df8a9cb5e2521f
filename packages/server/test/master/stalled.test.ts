/** A master whose process lives and whose loop makes nothing durable any more can be told from one that has nothing to do. */
import { afterEach, expect, test, vi } from 'vitest';
import { startMaster } from '../../src/master/index.ts';
import type { Store } from '../../src/store/index.ts';
import { AT, definition, newRun, saveOf, taskDefinition } from '../store/records.ts';
import { makeSqlitePlace } from '../store/sqlite-place.ts';
import { storeWith } from './store-with.ts';
import { WAIT } from '../wait.ts';

const MINUTE_MS = 60_000;

afterEach(() => void vi.useRealTimers());

test('a commit that never ends is told by the time since the last one, though the lease is renewed; with nothing to do there is none', async () => {
  const place = await makeSqlitePlace();
  const real = await place.open();
  let held: PromiseWithResolvers<void> | null = null;
  let commits = 0;
  let renewals = 0;
  const verbs: Partial<Store> = {
    commit: async (...given) => {
      commits++;
      await held?.promise;
      return real.commit(...given);
    },
    renewMaster: async (...given) => {
      const now = await real.renewMaster(...given);
      renewals++;
      return now;
    },
  };
  const store = storeWith(real, verbs);
  vi.useFakeTimers({ toFake: ['performance'] });
  const silent = () => undefined;
  const master = await startMaster({ store, log: { info: silent, warn: silent, error: silent } });
  const renewedAgain = async (): Promise<void> => {
    const before = renewals;
    await vi.waitFor(() => expect(renewals).toBeGreaterThan(before), WAIT);
  };
  try {
    await real.ensureProject({ name: 'sales', description: '', owner: 'ann', at: AT });
    const tasks = [taskDefinition('only')];
    await real.saveWorkflow(saveOf({ name: 'one', hash: 'h1', definition: definition({ name: 'one', tasks }) }));

    vi.advanceTimersByTime(MINUTE_MS);
    expect(master.stalledMs).toBeGreaterThanOrEqual(MINUTE_MS);
    await renewedAgain();
    await vi.waitFor(() => expect(master.stalledMs).toBeLessThan(MINUTE_MS), WAIT);

    held = Promise.withResolvers();
    await real.submitRun(newRun({ workflow: 'one', submittedAt: Date.now(), timeoutMs: 3_600_000, params: {} }));
    master.commandHint();
    await vi.waitFor(() => expect(commits).toBe(1), WAIT);
    vi.advanceTimersByTime(MINUTE_MS);
    await renewedAgain();
    expect(master.stalledMs).toBeGreaterThanOrEqual(MINUTE_MS);

    held.resolve();
    await vi.waitFor(() => expect(master.stalledMs).toBeLessThan(MINUTE_MS), WAIT);
  } finally {
    held?.resolve();
    await master.stop();
    await real.close();
    await place.remove();
  }
});
