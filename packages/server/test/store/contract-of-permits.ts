/** Places in task groups that several masters share: who gets one, for how long it counts, and when others have it. */
import type { PermitAsk, PermitWant } from '@pelorus/engine';
import type { RunId } from '@pelorus/protocol';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Fence, Store } from '../../src/store/index.ts';
import type { Place } from './contract.ts';
import {
  AT,
  attempt,
  attemptChange,
  definition,
  master,
  saveOf,
  startedRun,
  status,
  runChange,
  taskChange,
  taskDefinition,
  taskRun,
} from './records.ts';

const SIZE = 3;
const TASKS = 6;
const fenced: unknown = expect.objectContaining({ name: 'StoreError', code: 'FENCED' });

export function permitsContract(makePlace: () => Promise<Place>): void {
  describe('places in task groups', () => {
    let place: Place;
    let store: Store;
    let a: Fence;
    let b: Fence;
    let ofA: RunId;
    let ofB: RunId;
    const numbers = new Map<Fence, number>();

    beforeEach(async () => {
      place = await makePlace();
      store = await place.open();
      await store.ensureProject({ name: 'sales', description: '', owner: 'ann', at: AT });
      await store.saveTaskGroup({ name: 'narrow', size: SIZE, user: 'ann', at: AT });
      const tasks = Array.from({ length: TASKS }, (_, n) =>
        taskDefinition(`t${n}`, { taskGroup: { name: 'narrow', weight: 1, priority: 0 } }),
      );
      await store.saveWorkflow(saveOf({ definition: definition({ tasks }) }));
      a = await master(store, 'a');
      b = await master(store, 'b');
      ofA = await queued(a);
      ofB = await queued(b);
    });
    afterEach(async () => {
      await store.close();
      await place.remove();
    });

    /** A run of that master, all tasks of which are queued. */
    const queued = async (fence: Fence): Promise<RunId> => {
      const run = await startedRun(store, fence);
      await store.commit(
        fence,
        Array.from({ length: TASKS }, (_, task) => taskChange(taskRun(run, task))),
      );
      return run;
    };
    const want = (run: RunId, task: number, more: Partial<PermitWant> = {}): PermitWant => ({
      ...{ run, task, readyAt: AT, group: 'narrow', weight: 1, priority: 0, rank: 12 },
      ...more,
    });
    const ask = async (fence: Fence, wants: PermitWant[], more: Partial<PermitAsk> = {}): Promise<string[]> => {
      const number = (numbers.get(fence) ?? 0) + 1;
      numbers.set(fence, number);
      const granted = await store.takePermits(fence, { number, wants, returned: [], freed: [], ...more });
      return granted.map(({ run, task }) => `${run === ofA ? 'a' : 'b'}${task}`).toSorted();
    };
    const dispatch = (fence: Fence, run: RunId, task: number) =>
      store.commit(fence, [
        attemptChange(attempt(run, task, 1)),
        taskChange(taskRun(run, task, { version: 2, state: 'dispatched', attempts: 1 })),
      ]);
    const end = (fence: Fence, run: RunId, task: number) =>
      store.commit(fence, [
        attemptChange(attempt(run, task, 1, { version: 2, state: 'succeeded', startedAt: AT, endedAt: AT })),
        taskChange(taskRun(run, task, { version: 3, state: 'succeeded', attempts: 1, endedAt: AT })),
      ]);
    const all = (run: RunId): PermitWant[] => Array.from({ length: TASKS }, (_, task) => want(run, task));

    test('are never more than its size, whoever asks, and however often', async () => {
      expect(await ask(a, all(ofA))).toEqual(['a0', 'a1', 'a2']);
      expect(await ask(b, all(ofB))).toEqual([]);
      expect(await ask(a, all(ofA))).toEqual(['a0', 'a1', 'a2']);
      await dispatch(a, ofA, 0);
      expect(await ask(b, all(ofB))).toEqual([]);
      expect(await ask(a, [want(ofA, 3)])).toEqual([]);
    });

    test('are as many when masters ask at once', async () => {
      const asked = await Promise.all(
        Array.from({ length: 12 }, (_, i) => ask(i % 2 === 0 ? a : b, all(i % 2 === 0 ? ofA : ofB))),
      );
      expect(new Set(asked.flat()).size).toBe(SIZE);
    });

    test('are free again when the attempt has ended', async () => {
      await ask(a, [want(ofA, 0), want(ofA, 1), want(ofA, 2)]);
      await dispatch(a, ofA, 0);
      await end(a, ofA, 0);
      expect(await ask(b, all(ofB))).toEqual(['b0']);
    });

    test('count attempts that were begun without a permit', async () => {
      for (const task of [0, 1]) await dispatch(a, ofA, task);
      expect(await ask(b, all(ofB))).toEqual(['b0']);
    });

    test('are over when their task is no longer queued, or again since', async () => {
      await ask(a, [want(ofA, 0), want(ofA, 1), want(ofA, 2)]);
      await store.commit(a, [
        taskChange(taskRun(ofA, 0, { version: 2, state: 'killed', endedAt: AT })),
        taskChange(taskRun(ofA, 1, { version: 2, readyAt: AT + 1 })),
      ]);
      expect(await ask(b, all(ofB))).toEqual(['b0', 'b1']);
      expect(await ask(a, [want(ofA, 1), want(ofA, 2)])).toEqual(['a2']);
    });

    test('are over with their master', async () => {
      await ask(a, all(ofA));
      await store.releaseMaster(a);
      expect(await ask(b, all(ofB))).toEqual(['b0', 'b1', 'b2']);
      await expect(ask(a, all(ofA))).rejects.toEqual(fenced);
      await expect(dispatch(a, ofA, 0)).rejects.toEqual(fenced);
    });

    test('that are given back are others’, and a late repetition of what gave them back does no harm', async () => {
      await ask(a, all(ofA));
      const back = [0, 1].map((task) => ({ run: ofA, task, readyAt: AT, by: numbers.get(a)! }));
      expect(await ask(a, [want(ofA, 0)], { returned: back })).toEqual(['a0']);
      const number = numbers.get(a)!;
      await store.takePermits(a, { number, wants: [], returned: back, freed: [] });
      expect(await ask(b, all(ofB))).toEqual(['b0']);
    });

    test('go by priority over all masters, and a turn is left to whoever has it', async () => {
      for (const task of [0, 1, 2]) await dispatch(a, ofA, task);
      expect(await ask(b, [want(ofB, 0, { rank: 3 })])).toEqual([]);
      expect(await ask(a, [want(ofA, 3), want(ofA, 4, { priority: 1 })])).toEqual([]);
      await end(a, ofA, 0);
      expect(await ask(a, [want(ofA, 3), want(ofA, 4, { priority: 1 })])).toEqual(['a4']);
      await end(a, ofA, 1);
      expect(await ask(a, [want(ofA, 3)])).toEqual([]);
      expect(await ask(b, [want(ofB, 0, { rank: 3 })])).toEqual(['b0']);
    });

    test('are there for nobody in a group that there is not, and as many as it was made to have', async () => {
      expect(await ask(a, [want(ofA, 0, { group: 'none' })])).toEqual([]);
      await store.saveTaskGroup({ name: 'narrow', size: 1, user: 'ann', at: AT });
      expect(await ask(a, all(ofA))).toEqual(['a0']);
      expect(await ask(a, [want(ofA, 1, { weight: 2 })])).toEqual([]);
    });

    test('wait for the one ahead that needs more room than there is', async () => {
      await dispatch(a, ofA, 0);
      await dispatch(a, ofA, 1);
      expect(await ask(a, [want(ofA, 2, { weight: 2, priority: 5 }), want(ofA, 3)])).toEqual([]);
    });

    test('are not for runs that others own now', async () => {
      await store.releaseMaster(a);
      expect(await store.adoptRuns(b, null, 10)).toEqual([ofA]);
      expect(await ask(b, [want(ofA, 0), want(ofB, 0)])).toEqual(['a0', 'b0']);
      await store.commit(b, [runChange(status(ofA, { version: 9, owner: b.master }))]);
    });
  });
}
