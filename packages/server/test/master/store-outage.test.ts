/** A store that takes nothing for a while, as on a full disk: the master goes on trying, and goes on where it was. */
import { isTerminalRun } from '@pelorus/protocol';
import { expect, test, vi } from 'vitest';
import { startMaster } from '../../src/master/index.ts';
import { type Store, StoreError } from '../../src/store/index.ts';
import { definition, newRun, saveOf, taskDefinition } from '../store/records.ts';
import { makeSqlitePlace } from '../store/sqlite-place.ts';
import { scriptedWorker } from './scripted-worker.ts';
import { storeWith } from './store-with.ts';
import { WAIT } from '../wait.ts';

/** Longer than the 4 s between two renewals of the lease, so that one of them falls into the outage. */
const OUTAGE_MS = 5_000;

test('a full disk does not end the master: it recovers by itself once there is room', async () => {
  const place = await makeSqlitePlace();
  const real = await place.open();
  let full = false;
  const room = async () => {
    if (full) throw new StoreError('UNAVAILABLE', 'database or disk is full');
  };
  const verbs: Partial<Store> = {
    commit: async (...given) => {
      await room();
      return real.commit(...given);
    },
    registerMaster: async (...given) => {
      await room();
      return real.registerMaster(...given);
    },
  };
  const store = storeWith(real, verbs);
  const over: unknown[] = [];
  const warnings: string[] = [];
  const log = {
    info: () => undefined,
    warn: (_fields: object, message: string) => void warnings.push(message),
    error: () => undefined,
  };
  const master = await startMaster({ store, log, onOver: (reason) => over.push(reason) });
  const worker = scriptedWorker();
  worker.dial((link) => master.attachWorker(link));
  try {
    const now = Date.now();
    await real.ensureProject({ name: 'sales', description: '', owner: 'ann', at: now });
    const tasks = [taskDefinition('only')];
    await real.saveWorkflow(saveOf({ name: 'one', hash: 'h1', definition: definition({ name: 'one', tasks }) }));
    full = true;
    const { run } = await real.submitRun(
      newRun({ workflow: 'one', submittedAt: now, timeoutMs: 3_600_000, params: {} }),
    );
    master.commandHint();
    await vi.waitFor(() => expect(warnings).toContain('the store does not answer; trying again'), WAIT);
    await new Promise((resolve) => setTimeout(resolve, OUTAGE_MS));
    expect(over).toEqual([]);

    full = false;
    await vi.waitFor(async () => {
      // A real one dials again when it is hung up.
      if (!worker.connected) worker.dial((link) => master.attachWorker(link));
      expect(isTerminalRun((await real.getRun(run.id))!.status.state)).toBe(true);
    }, WAIT);
    expect((await real.getRun(run.id))!.status.state).toBe('succeeded');
    expect(worker.begun.map(({ task }) => task)).toEqual(['only']);
  } finally {
    worker.hangUp();
    await master.stop();
    await real.close();
    await place.remove();
  }
});
