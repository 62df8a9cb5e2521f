/** What is asked about past and present runs: upstream facts, what task groups hold, how long tasks take. */
import type { UpstreamQuery } from '@pelorus/engine';
import { isTerminalRun, workerIdOf } from '@pelorus/protocol';
import type { RunId, RunState, TaskRunState } from '@pelorus/protocol';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Fence, NewRun, Store } from '../../src/store/index.ts';
import type { Place } from './contract.ts';
import {
  AT,
  attempt,
  attemptChange,
  definition,
  master,
  newRun,
  runChange,
  saveOf,
  status,
  taskChange,
  taskDefinition,
  taskRun,
  withWorkflow,
} from './records.ts';

export function factsContract(makePlace: () => Promise<Place>): void {
  describe('questions about other runs', () => {
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

    let version = 0;
    const move = (run: RunId, state: RunState, startedAt: number | null = AT) =>
      store.commit(fence, [
        runChange(
          status(run, {
            version: ++version,
            state,
            owner: fence.master,
            startedAt,
            endedAt: isTerminalRun(state) ? AT + 1 : null,
          }),
        ),
      ]);
    const run = async (
      more: Partial<NewRun>,
      state: RunState = 'queued',
      startedAt?: number | null,
    ): Promise<RunId> => {
      const { id } = (await store.submitRun(newRun(more))).run;
      if (state !== 'queued') await move(id, state, startedAt);
      return id;
    };
    const saveTasks = (names: string[], hash: string, name = 'nightly') =>
      store.saveWorkflow(
        saveOf({ name, hash, definition: definition({ name, tasks: names.map((task) => taskDefinition(task)) }) }),
      );

    describe('upstream facts', () => {
      const ask = (more: Partial<UpstreamQuery> = {}) =>
        store.upstreamFacts([{ project: 'sales', workflow: 'nightly', task: null, from: 1000, to: 2000, ...more }]);

      test('nothing has run, or there is no such workflow or project: none', async () => {
        expect(await store.upstreamFacts([])).toEqual([]);
        expect(await ask()).toEqual([{ kind: 'none' }]);
        expect(await ask({ workflow: 'other' })).toEqual([{ kind: 'none' }]);
        expect(await ask({ project: 'other' })).toEqual([{ kind: 'none' }]);
      });

      test('the run that asks is not its own answer', async () => {
        const earlier = await run({ logicalDateAt: 1400 }, 'succeeded');
        const asking = await run({ logicalDateAt: 1500 }, 'running');
        expect(await ask()).toEqual([{ kind: 'running', runId: asking }]);
        expect(await ask({ except: asking })).toEqual([{ kind: 'succeeded', runId: earlier }]);
      });

      test('the span holds its beginning and not its end', async () => {
        const at = await run({ logicalDateAt: 1000 }, 'succeeded');
        expect(await ask({ from: 1000, to: 1001 })).toEqual([{ kind: 'succeeded', runId: at }]);
        expect(await ask({ from: 999, to: 1000 })).toEqual([{ kind: 'none' }]);
        expect(await ask({ from: 1001, to: 5000 })).toEqual([{ kind: 'none' }]);
      });

      test('the latest logical date counts, whenever it was submitted; of the same date the newest run', async () => {
        const late = await run({ logicalDateAt: 1500 }, 'failed');
        await run({ logicalDateAt: 1400 }, 'succeeded');
        expect(await ask()).toEqual([{ kind: 'failed', runId: late }]);
        const again = await run({ logicalDateAt: 1500 });
        expect(await ask()).toEqual([{ kind: 'running', runId: again }]);
        await move(again, 'succeeded');
        expect(await ask()).toEqual([{ kind: 'succeeded', runId: again }]);
      });

      test.each([
        ['queued', 'running'],
        ['waiting', 'running'],
        ['running', 'running'],
        ['paused', 'running'],
        ['succeeded', 'succeeded'],
        ['failed', 'failed'],
        ['stopped', 'failed'],
        ['dependency_failed', 'failed'],
      ] as const)('a run that is %s counts as %s', async (state, kind) => {
        const id = await run({ logicalDateAt: 1500 }, state);
        expect(await ask()).toEqual([{ kind, runId: id }]);
      });

      test('dry runs and runs that never started, discarded newcomers among them, say nothing', async () => {
        const real = await run({ logicalDateAt: 1100, concurrency: 'serial_discard' }, 'running');
        await run({ logicalDateAt: 1900, dryRun: true }, 'succeeded');
        await run({ logicalDateAt: 1800, concurrency: 'serial_discard' });
        await run({ logicalDateAt: 1700 }, 'stopped', null);
        expect(await ask()).toEqual([{ kind: 'running', runId: real }]);
      });

      test('runs of a deleted workflow count, and so do those of one made again under its name', async () => {
        const before = await run({ logicalDateAt: 1500 }, 'succeeded');
        await store.deleteWorkflow((await store.getWorkflow('sales', 'nightly'))!.id, 'ann', AT);
        expect(await ask()).toEqual([{ kind: 'succeeded', runId: before }]);
        await store.saveWorkflow(saveOf());
        const older = await run({ logicalDateAt: 1400 }, 'failed');
        expect(await ask()).toEqual([{ kind: 'succeeded', runId: before }]);
        expect(await ask({ to: 1450 })).toEqual([{ kind: 'failed', runId: older }]);
        const newer = await run({ logicalDateAt: 1500 }, 'failed');
        expect(await ask()).toEqual([{ kind: 'failed', runId: newer }]);
      });

      test('a task is found by its name in the version that the run has pinned', async () => {
        await saveTasks(['load', 'clean'], 'hash-2');
        const old = await run({ logicalDateAt: 1200 }, 'running');
        await saveTasks(['clean', 'load', 'report'], 'hash-3');
        const young = await run({ logicalDateAt: 1500 }, 'running');
        const set = (of: RunId, task: number, state: TaskRunState) =>
          store.commit(fence, [taskChange(taskRun(of, task, { version: ++version, state }))]);
        await set(old, 0, 'succeeded');
        await set(young, 0, 'failed');
        expect(
          await store.upstreamFacts(
            [
              ['load', 1000, 1300],
              ['clean', 1000, 1300],
              ['load', 1000, 2000],
              ['clean', 1000, 2000],
              ['report', 1000, 1300],
              ['none such', 1000, 2000],
            ].map(([task, from, to]) => ({ project: 'sales', workflow: 'nightly', task, from, to }) as UpstreamQuery),
          ),
        ).toEqual([
          { kind: 'succeeded', runId: old },
          { kind: 'running', runId: old },
          { kind: 'running', runId: young },
          { kind: 'failed', runId: young },
          { kind: 'running', runId: old },
          { kind: 'running', runId: young },
        ]);
        await move(young, 'failed');
        expect(await ask({ task: 'none such' })).toEqual([{ kind: 'none' }]);
        expect(await ask({ task: 'report' })).toEqual([{ kind: 'none' }]);
      });

      test('a task that its run left out says nothing; one that was skipped counts as success', async () => {
        await saveTasks(['load', 'clean'], 'hash-2');
        const id = await run({ logicalDateAt: 1500 }, 'running');
        await store.commit(fence, [
          taskChange(taskRun(id, 0, { version: ++version, state: 'skipped', cause: { kind: 'not_selected' } })),
          taskChange(taskRun(id, 1, { version: ++version, state: 'skipped', cause: { kind: 'disabled' } })),
        ]);
        expect(await ask({ task: 'load' })).toEqual([{ kind: 'none' }]);
        expect(await ask({ task: 'clean' })).toEqual([{ kind: 'succeeded', runId: id }]);
      });
    });

    describe('task groups', () => {
      test('are made, changed, listed by name and deleted', async () => {
        const made = await store.saveTaskGroup({ name: 'db', size: 3, user: 'ann', at: AT });
        expect(made).toEqual({ name: 'db', size: 3, updatedAt: AT, updatedBy: 'ann' });
        await store.saveTaskGroup({ name: 'api', size: 1, user: 'ann', at: AT });
        const changed = await store.saveTaskGroup({ name: 'db', size: 5, user: 'bob', at: AT + 1 });
        expect(changed).toEqual({ name: 'db', size: 5, updatedAt: AT + 1, updatedBy: 'bob' });
        expect(await store.listTaskGroups()).toEqual([
          { name: 'api', size: 1, updatedAt: AT, updatedBy: 'ann', held: 0, liveAttempts: 0, waitingTasks: 0 },
          { ...changed, held: 0, liveAttempts: 0, waitingTasks: 0 },
        ]);
        expect(await store.loadTaskGroups()).toEqual([
          { name: 'api', size: 1 },
          { name: 'db', size: 5 },
        ]);
        await store.deleteTaskGroup('api');
        expect(await store.loadTaskGroups()).toEqual([{ name: 'db', size: 5 }]);
        await expect(store.deleteTaskGroup('api')).rejects.toMatchObject({ code: 'NOT_FOUND' });
      });

      test('hold what their live attempts weigh, in whatever version they run; what the master settles itself weighs nothing', async () => {
        await store.saveTaskGroup({ name: 'db', size: 3, user: 'ann', at: AT });
        const inGroup = (name: string, weight: number, group = 'db') =>
          taskDefinition(name, { taskGroup: { name: group, weight, priority: 0 } });
        await store.saveWorkflow(
          saveOf({
            hash: 'h2',
            definition: definition({ tasks: [inGroup('a', 2), taskDefinition('b'), inGroup('c', 9, 'x')] }),
          }),
        );
        const old = await run({}, 'running');
        const sub = { action: { type: 'sub_workflow', workflow: 'w', params: {}, version: 'latest' } } as const;
        await store.saveWorkflow(
          saveOf({
            hash: 'h3',
            definition: definition({ tasks: [taskDefinition('b'), inGroup('a', 5), { ...inGroup('s', 7), ...sub }] }),
          }),
        );
        const young = await run({}, 'running');
        const put = (of: RunId, task: number, state: 'dispatched' | 'running' | 'killing' | 'succeeded') =>
          store.commit(fence, [attemptChange(attempt(of, task, 1, { version: ++version, state }))]);
        await put(old, 0, 'dispatched');
        await put(old, 1, 'running');
        await put(old, 2, 'running');
        await store.commit(fence, [taskChange(taskRun(young, 1, { version: ++version, state: 'queued' }))]);
        expect((await store.listTaskGroups()).map(({ waitingTasks }) => waitingTasks)).toEqual([1]);
        const held = async () =>
          (await store.listTaskGroups()).map((group) => [group.name, group.held, group.liveAttempts]);
        expect(await held()).toEqual([['db', 2, 1]]);
        await put(young, 1, 'running');
        await store.commit(fence, [
          attemptChange(attempt(young, 2, 1, { version: ++version, state: 'running', worker: workerIdOf('master') })),
        ]);
        expect(await held()).toEqual([['db', 7, 2]]);
        await put(old, 0, 'killing');
        expect(await held()).toEqual([['db', 7, 2]]);
        await put(old, 0, 'succeeded');
        expect(await held()).toEqual([['db', 5, 1]]);
        await store.close();
        store = await place.open();
        expect(await held()).toEqual([['db', 5, 1]]);
      });
    });

    describe('past durations', () => {
      const took = async (of: RunId, durations: Record<number, number>, state: 'succeeded' | 'failed' = 'succeeded') =>
        store.commit(
          fence,
          Object.entries(durations).map(([task, ms]) =>
            attemptChange(attempt(of, Number(task), 1, { version: ++version, state, startedAt: AT, endedAt: AT + ms })),
          ),
        );
      const workflowId = async () => (await store.getWorkflow('sales', 'nightly'))!.id;

      test('nothing is known of a workflow that has not run, or that there is not', async () => {
        expect(await store.taskDurations(await workflowId(), 20)).toEqual(new Map());
        expect(await store.taskDurations(4711, 20)).toEqual(new Map());
      });

      test('the median of the last runs, by task name across versions; attempts that failed and runs that go on do not count', async () => {
        await saveTasks(['load', 'constructor'], 'h2');
        let startedAt = AT;
        const past = async (durations: Record<number, number>, state: RunState = 'succeeded') => {
          const id = await run({}, 'running', ++startedAt);
          await took(id, durations);
          if (state !== 'running') await move(id, state, startedAt);
          return id;
        };
        await past({ 0: 9_000_000 });
        await past({ 0: 100, 1: 7 });
        await saveTasks(['constructor', 'load'], 'h3');
        await past({ 0: 9, 1: 300 }, 'failed');
        await past({ 1: 200 });
        await past({ 1: 1 }, 'running');
        const failing = await past({ 1: 201 });
        await store.commit(fence, []);
        expect(await store.taskDurations(await workflowId(), 4)).toEqual(
          new Map([
            ['load', 200],
            ['constructor', 7],
          ]),
        );
        expect((await store.taskDurations(await workflowId(), 1)).get('load')).toBe(201);
        expect(await store.getRun(failing)).not.toBeNull();
        const bad = await run({}, 'running', ++startedAt);
        await took(bad, { 0: 5, 1: 5 }, 'failed');
        await move(bad, 'failed', startedAt);
        expect(await store.taskDurations(await workflowId(), 1)).toEqual(new Map());
      });
    });
  });
}
