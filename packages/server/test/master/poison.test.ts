/** A run whose rows cannot be read keeps no other from starting, and goes on once it can be read. */
import type { RunId } from '@pelorus/protocol';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { startMaster } from '../../src/master/index.ts';
import type { Store } from '../../src/store/index.ts';
import type { Place } from '../store/contract.ts';
import { AT, definition, newRun, saveOf, taskDefinition } from '../store/records.ts';
import { makeSqlitePlace } from '../store/sqlite-place.ts';
import { scriptedWorker } from './scripted-worker.ts';
import { storeWith } from './store-with.ts';
import { WAIT } from '../wait.ts';

let place: Place;
let store: Store;
beforeAll(async () => {
  place = await makeSqlitePlace();
  store = await place.open();
  await store.ensureProject({ name: 'sales', description: '', owner: 'ann', at: AT });
  const tasks = [taskDefinition('only')];
  await store.saveWorkflow(saveOf({ name: 'one', hash: 'h1', definition: definition({ name: 'one', tasks }) }));
});
afterAll(async () => {
  await store.close();
  await place.remove();
});

async function submit(): Promise<RunId> {
  const { run } = await store.submitRun(
    newRun({ workflow: 'one', submittedAt: Date.now(), timeoutMs: 3_600_000, params: {} }),
  );
  return run.id;
}

async function serve() {
  const problems: [string, unknown][] = [];
  const looks = { forCommands: 0, forRuns: 0 };
  const counting = storeWith(store, {
    claimCommands: (...given) => {
      looks.forCommands++;
      return store.claimCommands(...given);
    },
    adoptRuns: (...given) => {
      looks.forRuns++;
      return store.adoptRuns(...given);
    },
  });
  const log = {
    info: () => undefined,
    warn: (fields: object, message: string) => void problems.push([message, fields]),
    error: (fields: object, message: string) => void problems.push([message, 'run' in fields ? fields.run : null]),
  };
  const master = await startMaster({ store: counting, log });
  const worker = scriptedWorker();
  worker.dial((link) => master.attachWorker(link));
  const stop = async (): Promise<void> => {
    worker.hangUp();
    await master.stop();
  };
  /** Waits until it has looked so often again for commands, and for runs of nobody. */
  const moreLooks = async (count: number): Promise<void> => {
    const least = { forCommands: looks.forCommands + count, forRuns: looks.forRuns + count };
    await vi.waitFor(() => {
      expect(looks.forCommands).toBeGreaterThanOrEqual(least.forCommands);
      expect(looks.forRuns).toBeGreaterThanOrEqual(least.forRuns);
    }, WAIT);
  };
  return { problems, stop, moreLooks };
}

const stateOf = async (run: RunId) => (await store.getRun(run))?.status.state;

test('one run that cannot be read stopped commands and takeover for all: it is put aside, told once, and begins when it can be read', async () => {
  const runs = [await submit(), await submit(), await submit()];
  const [before, broken, after] = runs as [RunId, RunId, RunId];
  await place.execute(`update run set spec = '{' || spec where id = ${broken}`);
  const first = await serve();
  await vi.waitFor(
    async () => expect([await stateOf(before), await stateOf(after)]).toEqual(['succeeded', 'succeeded']),
    WAIT,
  );
  await first.moreLooks(3);
  expect(first.problems).toEqual([['run put aside', broken]]);
  await first.stop();

  const second = await serve();
  const later = await submit();
  await vi.waitFor(async () => expect(await stateOf(later)).toBe('succeeded'), WAIT);
  await second.stop();

  await place.execute(`update run set spec = substr(spec, 2) where id = ${broken}`);
  const third = await serve();
  await vi.waitFor(async () => expect(await stateOf(broken)).toBe('succeeded'), WAIT);
  expect(third.problems).toEqual([]);
  await third.stop();
});
