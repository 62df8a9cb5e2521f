/** What event streams read: whatever has changed since, with nothing missed. */
import type { RunId } from '@pelorus/protocol';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Fence, Store } from '../../src/store/index.ts';
import type { Place } from './contract.ts';
import {
  AT,
  attempt,
  attemptChange,
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

export function eventsContract(makePlace: () => Promise<Place>): void {
  describe('what has changed since', () => {
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

    const changed = async (after: number, projectIds: number[] | null = null, limit = 100) => {
      const { runs: rows, next } = await store.changesSince({ about: ['runs'], after, projectIds, limit });
      return { runs: rows.map((row) => row.spec.id), next, rows };
    };

    test('of one run: the tasks that changed, with all their attempts, and the run as it is now', async () => {
      const run = await startedRun(store, fence);
      const [first, second] = [
        attempt(run, 0, 1, { version: 3, state: 'failed', endedAt: AT }),
        attempt(run, 0, 2, { version: 6 }),
      ];
      const other = attempt(run, 1, 1, { version: 4 });
      await store.commit(fence, [
        taskChange(taskRun(run, 0, { version: 2, attempts: 1 })),
        attemptChange(first),
        attemptChange(other),
        taskChange(taskRun(run, 1, { version: 5, attempts: 1, state: 'dispatched' })),
      ]);
      const retried = taskRun(run, 0, { version: 7, attempts: 2, state: 'dispatched' });
      await store.commit(fence, [attemptChange(second), taskChange(retried)]);
      const row = await store.getRun(run);
      expect(await store.runChanges(run, 5)).toEqual({ ...row, tasks: [retried], attempts: [first, second] });
      expect(await store.runChanges(run, 7)).toEqual({ ...row, tasks: [], attempts: [] });
      expect(await store.runChanges(run, -1)).toEqual(await store.getRunDetail(run));
      expect(await store.runChanges(9999 as RunId, 0)).toBeNull();
    });

    test('of one run: a task of which only an attempt changed is among them; one that began unchanged only from -1 on', async () => {
      const reused = taskRun(0, 1, { version: 0, state: 'reused' });
      const run = await startedRun(store, fence, { tasks: [reused] });
      const task = taskRun(run, 0, { version: 2, attempts: 1, state: 'dispatched' });
      await store.commit(fence, [taskChange(task), attemptChange(attempt(run, 0, 1, { version: 3 }))]);
      const running = attempt(run, 0, 1, { version: 4, state: 'running', startedAt: AT });
      await store.commit(fence, [attemptChange(running)]);
      expect(await store.runChanges(run, 3)).toMatchObject({ tasks: [task], attempts: [running] });
      expect((await store.runChanges(run, 0))?.tasks.map(({ task: index }) => index)).toEqual([0]);
      expect((await store.runChanges(run, -1))?.tasks.map(({ task: index }) => index)).toEqual([0, 1]);
    });

    test('of all runs: each once, as it is now, in the order of the last changes', async () => {
      const start = await store.changesPosition();
      const runs = [
        (await store.submitRun(newRun())).run.id,
        (await store.submitRun(newRun())).run.id,
        (await store.submitRun(newRun())).run.id,
      ] as const;
      expect((await changed(start)).runs).toEqual(runs);
      await store.commit(fence, [runChange(status(runs[0], { state: 'failed', endedAt: AT + 9 }))]);
      const all = await changed(start);
      expect(all.runs).toEqual([runs[1], runs[2], runs[0]]);
      // Whatever else a database does may move its position on; nothing lies in between.
      expect(all.next).toBeLessThanOrEqual(await store.changesPosition());
      const { changed: at, ...row } = all.rows[2]!;
      expect(row).toEqual(await store.getRun(runs[0]));
      expect(at).toBeLessThanOrEqual(all.next);
      expect(await changed(all.next)).toMatchObject({ runs: [], rows: [] });
    });

    test('of all runs: page by page', async () => {
      const start = await store.changesPosition();
      const runs: RunId[] = [];
      for (let i = 0; i < 5; i++) runs.push((await store.submitRun(newRun())).run.id);
      const first = await changed(start, null, 2);
      const second = await changed(first.next, null, 2);
      const third = await changed(second.next, null, 2);
      expect([first.runs, second.runs, third.runs]).toEqual([runs.slice(0, 2), runs.slice(2, 4), runs.slice(4)]);
      expect(third.next).toBeLessThanOrEqual(await store.changesPosition());
      expect((await changed(third.next)).runs).toEqual([]);
    });

    test('of all runs: those of some projects; the position passes the others', async () => {
      const start = await store.changesPosition();
      const other = await store.ensureProject({ name: 'other', description: '', owner: 'ann', at: AT });
      await store.saveWorkflow(saveOf({ project: 'other' }));
      const mine = (await store.submitRun(newRun({ project: 'other' }))).run.id;
      await store.submitRun(newRun());
      const of = await changed(start, [other.id]);
      expect(of.runs).toEqual([mine]);
      expect(of.next).toBeLessThanOrEqual(await store.changesPosition());
      expect((await changed(of.next)).runs).toEqual([]);
      expect(await changed(start, [])).toMatchObject({ runs: [], rows: [] });
    });

    test('of all runs: whoever gets a turn or waits for another one now; tasks alone do not count', async () => {
      const first = await startedRun(store, fence, { concurrency: 'serial_wait' });
      const second = (await store.submitRun(newRun({ concurrency: 'serial_wait' }))).run.id;
      const third = (await store.submitRun(newRun({ concurrency: 'serial_wait' }))).run.id;
      const before = await store.changesPosition();
      await store.commit(fence, [taskChange(taskRun(first, 0, { version: 2 }))]);
      expect((await changed(before)).runs).toEqual([]);
      await store.commit(fence, [runChange(status(first, { version: 3, state: 'succeeded', endedAt: AT + 9 }))]);
      expect(
        (await changed(before)).rows
          .map((row) => [row.spec.id, row.status.state])
          .sort(([a], [b]) => Number(a) - Number(b)),
      ).toEqual([
        [first, 'succeeded'],
        [second, 'queued'],
      ]);
      await store.commit(fence, [runChange(status(second, { version: 1, state: 'stopped', endedAt: AT + 9 }))]);
      expect((await changed(before)).runs).toContain(third);
    });

    test('of all runs: a commit that fails is not told, and positions go on where they were after a restart', async () => {
      const run = await startedRun(store, fence);
      const before = await store.changesPosition();
      await store.commit(fence, [runChange(status(run, { version: 2, state: 'succeeded', endedAt: AT }))]);
      const after = await store.changesPosition();
      expect(after).toBeGreaterThan(before);
      const late = { ...fence, token: 'other' };
      await expect(store.commit(late, [runChange(status(run, { version: 3 }))])).rejects.toMatchObject({
        code: 'FENCED',
      });
      expect(await changed(after)).toMatchObject({ runs: [], rows: [] });
      await store.close();
      store = await place.open();
      expect(await store.changesPosition()).toBeGreaterThanOrEqual(after);
      const next = (await store.submitRun(newRun())).run.id;
      expect((await changed(after)).runs).toEqual([next]);
    });

    test('many runs at once: their task runs, and how many are in which state', async () => {
      const [first, second] = [await startedRun(store, fence), await startedRun(store, fence)];
      const rows = [
        taskRun(first, 0, { state: 'succeeded', endedAt: AT, outputs: { rows: '3' } }),
        taskRun(first, 1, { state: 'queued' }),
        taskRun(second, 0, { state: 'queued' }),
      ];
      await store.commit(fence, rows.map(taskChange));
      const empty = (await store.submitRun(newRun())).run.id;
      expect(await store.countTaskRunsOf([second, first, empty])).toEqual(
        new Map([
          [first, { succeeded: 1, queued: 1 }],
          [second, { queued: 1 }],
        ]),
      );
      const withoutOutputs = rows.map((row) => ({ ...row, outputs: null }));
      expect(await store.taskRunsOf([second, first, empty])).toEqual(
        new Map([
          [first, withoutOutputs.slice(0, 2)],
          [second, withoutOutputs.slice(2)],
        ]),
      );
      expect(await store.countTaskRunsOf([])).toEqual(new Map());
      expect(await store.taskRunsOf([])).toEqual(new Map());
    });

    test('the version of a run is that of whatever changed last in it', async () => {
      const run = await startedRun(store, fence);
      expect(await store.runVersion(run)).toBe(1);
      await store.commit(fence, [taskChange(taskRun(run, 0, { version: 4 }))]);
      expect(await store.runVersion(run)).toBe(4);
      await store.commit(fence, [attemptChange(attempt(run, 0, 1, { version: 6 }))]);
      expect(await store.runVersion(run)).toBe(6);
      expect(await store.runVersion(9999 as RunId)).toBeNull();
    });

    test('a list whose total nobody asks for holds the same runs', async () => {
      for (let i = 0; i < 30; i++) {
        const run = await startedRun(store, fence, { submittedAt: AT + (i % 7) * 1000 });
        const state = i % 3 === 0 ? 'failed' : 'succeeded';
        await store.commit(fence, [
          runChange(status(run, { version: 2, state, startedAt: AT + i * 100, endedAt: AT + 9000 })),
        ]);
      }
      const spans = [{}, { submittedTo: AT + 4000 }, { submittedFrom: AT + 2000, submittedTo: AT + 4000 }];
      const names = [{}, { workflowPrefixes: ['night'] }, { states: ['failed' as const] }, { project: 'nowhere' }];
      for (const filter of spans.flatMap((span) => names.map((name) => ({ ...span, ...name })))) {
        for (const [from, size] of [
          [0, 5],
          [3, 100],
          [40, 5],
        ] as const) {
          const counted = await store.listRuns(filter, from, size);
          const { rows, total } = await store.listRuns(filter, from, size, { counted: false });
          expect(rows, JSON.stringify(filter)).toEqual(counted.rows);
          expect(total).toBeLessThanOrEqual(Math.max(counted.total, from));
        }
      }
    });
  });
}
