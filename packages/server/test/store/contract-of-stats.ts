/** How many runs and tasks there were, by time and state. */
import type { RunId, RunState } from '@pelorus/protocol';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Fence, RunStatsRequest, Store } from '../../src/store/index.ts';
import type { Place } from './contract.ts';
import {
  AT,
  master,
  newRun,
  runChange,
  saveOf,
  startedRun,
  status,
  taskChange,
  taskRun,
  withWorkflow,
} from './records.ts';

export function statsContract(makePlace: () => Promise<Place>): void {
  describe('runs by time and state', () => {
    let place: Place;
    let store: Store;
    let fence: Fence;
    beforeEach(async () => {
      place = await makePlace();
      store = await place.open();
      await withWorkflow(store);
      fence = await master(store, 'm1');
    });
    afterEach(async () => {
      await store.close();
      await place.remove();
    });

    const submitted = async (
      submittedAt: number,
      state: RunState = 'running',
      workflow = 'nightly',
    ): Promise<RunId> => {
      const run = await startedRun(store, fence, { submittedAt, workflow });
      if (state !== 'running') await store.commit(fence, [runChange(status(run, { version: 2, state, endedAt: AT }))]);
      return run;
    };
    const asked = (more: Partial<RunStatsRequest> = {}) =>
      store.runStats({ filter: {}, from: AT, spanMs: 100, spans: 3, tasksMax: 0, ...more });

    test('each run is in the span in which it was submitted: its start belongs to it, its end to the next', async () => {
      for (const at of [AT - 1, AT, AT + 99, AT + 100, AT + 299, AT + 300]) await submitted(at);
      expect(await asked()).toEqual([
        { at: AT, runs: { running: 2 }, tasks: null },
        { at: AT + 100, runs: { running: 1 }, tasks: null },
        { at: AT + 200, runs: { running: 1 }, tasks: null },
      ]);
    });

    test('by the states that they have now', async () => {
      await submitted(AT, 'failed');
      await submitted(AT + 1, 'succeeded');
      const run = await submitted(AT + 2);
      await store.submitRun(newRun({ submittedAt: AT + 3 }));
      expect((await asked())[0]?.runs).toEqual({ failed: 1, succeeded: 1, running: 1, queued: 1 });
      await store.commit(fence, [runChange(status(run, { version: 2, state: 'succeeded', endedAt: AT + 9 }))]);
      expect((await asked())[0]?.runs).toEqual({ failed: 1, succeeded: 2, queued: 1 });
    });

    test('of some workflows or projects, also of none', async () => {
      const other = await store.ensureProject({ name: 'other', description: '', owner: 'ann', at: AT });
      await store.saveWorkflow(saveOf({ project: 'other' }));
      await store.saveWorkflow(saveOf({ name: 'hourly', hash: 'hash-2' }));
      await submitted(AT);
      await submitted(AT, 'failed', 'hourly');
      await store.submitRun(newRun({ project: 'other', submittedAt: AT }));
      const of = async (filter: RunStatsRequest['filter']) => (await asked({ filter, tasksMax: 10 }))[0]?.runs;
      expect(await of({ project: 'sales' })).toEqual({ running: 1, failed: 1 });
      expect(await of({ project: 'sales', workflow: 'hourly' })).toEqual({ failed: 1 });
      expect(await of({ workflowGlob: '*ly' })).toEqual({ running: 1, failed: 1, queued: 1 });
      expect(await of({ projectIds: [other.id] })).toEqual({ queued: 1 });
      expect(await of({ projectIds: [] })).toEqual({});
    });

    test('with their tasks by state, unless there are more than may be counted', async () => {
      const [first, second] = [await submitted(AT), await submitted(AT + 250)];
      await store.commit(fence, [
        taskChange(taskRun(first, 0, { state: 'succeeded' })),
        taskChange(taskRun(first, 1)),
        taskChange(taskRun(second, 0)),
      ]);
      expect((await asked({ tasksMax: 3 })).map(({ tasks }) => tasks)).toEqual([
        { succeeded: 1, queued: 1 },
        {},
        { queued: 1 },
      ]);
      expect((await asked({ tasksMax: 2 })).map(({ tasks }) => tasks)).toEqual([null, null, null]);
      expect((await asked({ tasksMax: 2, spans: 1 })).map(({ tasks }) => tasks)).toEqual([{ succeeded: 1, queued: 1 }]);
    });
  });
}
