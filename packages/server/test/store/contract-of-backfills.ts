/** Backfills: kept, driven, steered; what every store must do, whoever ends what at once. */
import { isTerminalRun } from '@pelorus/protocol';
import type { Cause, RunId, RunState, WorkflowDefinition } from '@pelorus/protocol';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { BackfillDateRow, BackfillRow, Fence, NewBackfill, Store } from '../../src/store/index.ts';
import type { Effort, Place } from './contract.ts';
import { AT, backfillOf, definition, master, newRun, runChange, saveOf, status, taskDefinition } from './records.ts';

const DAY_MS = 86_400_000;
const NO_KEY = { idempotencyKey: null, requestHash: '' };
const conflict: unknown = expect.objectContaining({ name: 'StoreError', code: 'CONFLICT' });
const notFound: unknown = expect.objectContaining({ name: 'StoreError', code: 'NOT_FOUND' });

/** A run that would execute nothing is refused, so there is something. */
const oneTask = (more: Partial<WorkflowDefinition> = {}): WorkflowDefinition =>
  definition({ tasks: [taskDefinition('a')], ...more });

function tally(dates: readonly BackfillDateRow[]): BackfillRow['counts'] {
  const counts: BackfillRow['counts'] = {};
  for (const { state } of dates) counts[state] = (counts[state] ?? 0) + 1;
  return counts;
}

export function backfillsContract(makePlace: () => Promise<Place>, { histories }: Effort): void {
  describe('backfills', () => {
    let place: Place;
    let store: Store;
    let fence: Fence;
    let workflowId: number;
    beforeEach(async () => {
      place = await makePlace();
      store = await place.open();
      await store.ensureProject({ name: 'sales', description: '', owner: 'ann', at: AT });
      await store.saveWorkflow(saveOf({ definition: oneTask() }));
      workflowId = (await store.getWorkflow('sales', 'nightly'))!.id;
      fence = await master(store, 'm1');
    });
    afterEach(async () => {
      await store.close();
      await place.remove();
    });
    const reopen = async () => {
      await store.close();
      store = await place.open();
      fence = await master(store, `m${Math.random()}`, { supersedes: [fence.master] });
    };

    const days = (count: number): number[] => Array.from({ length: count }, (_, day) => AT + day * DAY_MS);
    const newBackfill = (more: Partial<NewBackfill> = {}): NewBackfill => backfillOf(workflowId, more);
    const create = async (more: Partial<NewBackfill> = {}): Promise<number> =>
      (await store.createBackfill(newBackfill(more), NO_KEY)).backfill.id;
    const rowOf = async (id: number): Promise<BackfillRow> => (await store.getBackfill(id))!;
    const datesOf = (id: number): Promise<BackfillDateRow[]> => store.listBackfillDates(id, { limit: 10_000 });
    const statesOf = async (id: number): Promise<string> => (await datesOf(id)).map(({ state }) => state).join(' ');
    const end = (run: RunId, state: RunState, cause: Cause | null = null, at = AT + 1000) =>
      store.commit(fence, [runChange(status(run, { version: 1, state, cause, endedAt: at, owner: fence.master }))]);
    const liveRuns = async (id: number): Promise<RunId[]> =>
      (await datesOf(id)).filter(({ state }) => state === 'running').map(({ run }) => run!);
    /** Ends the one run that goes on. */
    const endNext = async (id: number, state: RunState = 'succeeded', cause: Cause | null = null): Promise<RunId> => {
      const runs = await liveRuns(id);
      expect(runs).toHaveLength(1);
      await end(runs[0]!, state, cause);
      return runs[0]!;
    };

    describe('are kept', () => {
      test('as they were asked for, with every date as a row', async () => {
        const made = newBackfill({
          workflowVersion: 1,
          options: { ...newBackfill().options, selection: { kind: 'node', tasks: ['none'], dep: 'NODE_POST' } },
        });
        const { backfill, repeated, runs } = await store.createBackfill(newBackfill(), NO_KEY);
        expect(repeated).toBe(false);
        expect(runs).toHaveLength(1);
        const { projectId } = (await store.getWorkflow('sales', 'nightly'))!;
        const { dates: _dates, ...rest } = newBackfill();
        expect(backfill).toEqual({
          ...rest,
          id: backfill.id,
          ...{ projectId, project: 'sales', workflow: 'nightly', state: 'running', waitReason: null },
          ...{ counts: { pending: 2, running: 1 }, dateCount: 3, updatedAt: AT, endedAt: null },
        });
        await reopen();
        expect(await store.getBackfill(backfill.id)).toEqual(backfill);
        expect(await store.getBackfill(backfill.id + 1)).toBeNull();
        await expect(store.createBackfill({ ...made, workflowId: 999 }, NO_KEY)).rejects.toEqual(notFound);
        expect(await datesOf(backfill.id)).toEqual([
          {
            position: 0,
            logicalAt: AT,
            state: 'running',
            run: runs[0],
            runs: 1,
            step: 0,
            reason: null,
            begunAt: AT,
            endedAt: null,
          },
          {
            position: 1,
            logicalAt: AT + DAY_MS,
            state: 'pending',
            run: null,
            runs: 0,
            step: 0,
            reason: null,
            begunAt: null,
            endedAt: null,
          },
          {
            position: 2,
            logicalAt: AT + 2 * DAY_MS,
            state: 'pending',
            run: null,
            runs: 0,
            step: 0,
            reason: null,
            begunAt: null,
            endedAt: null,
          },
        ]);
        expect(await datesOf(backfill.id + 1)).toEqual([]);
      });

      test('and listed newest first, by workflow, project and state, page by page; so are their dates', async () => {
        const [first, second, third] = [await create(), await create(), await create()];
        await store.stopBackfill({ id: second, runs: true, user: 'ann', at: AT });
        await endNext(second, 'stopped');
        const list = async (filter: Parameters<Store['listBackfills']>[0]) =>
          (await store.listBackfills(filter)).map(({ id }) => id);
        expect(await list({ limit: 10 })).toEqual([third, second, first]);
        expect(await list({ limit: 10, before: third })).toEqual([second, first]);
        expect(await list({ limit: 1 })).toEqual([third]);
        expect(await list({ limit: 10, state: 'running' })).toEqual([third, first]);
        expect(await list({ limit: 10, workflowIds: [workflowId] })).toHaveLength(3);
        expect(await list({ limit: 10, workflowIds: [999] })).toEqual([]);
        expect(await list({ limit: 10, projectIds: [] })).toEqual([]);
        expect(await list({ limit: 10, projectIds: null })).toHaveLength(3);
        const positions = async (filter: Parameters<Store['listBackfillDates']>[1]) =>
          (await store.listBackfillDates(first, filter)).map(({ position }) => position);
        expect(await positions({ limit: 2 })).toEqual([0, 1]);
        expect(await positions({ limit: 2, after: 1 })).toEqual([2]);
        expect(await positions({ limit: 9, state: 'pending' })).toEqual([1, 2]);
      });

      test('once under a key, for 24 hours; a key is for one request only', async () => {
        const key = { idempotencyKey: 'k', requestHash: 'h' };
        const made = await store.createBackfill(newBackfill(), key);
        const again = await store.createBackfill(newBackfill({ createdAt: AT + DAY_MS - 1 }), key);
        expect(again).toEqual({ ...made, repeated: true });
        await expect(store.createBackfill(newBackfill(), { ...key, requestHash: 'x' })).rejects.toEqual(conflict);
        const run = newRun({ submitUser: 'ann', submittedAt: AT, idempotencyKey: 'k', requestHash: 'h' });
        await expect(store.submitRun(run)).rejects.toEqual(conflict);
        expect((await store.createBackfill(newBackfill({ submitUser: 'bob' }), key)).repeated).toBe(false);
        expect((await store.createBackfill(newBackfill({ createdAt: AT + DAY_MS }), key)).repeated).toBe(false);
        await store.submitRun({ ...run, idempotencyKey: 'r' });
        await expect(store.createBackfill(newBackfill(), { ...key, idempotencyKey: 'r' })).rejects.toEqual(conflict);
      });
    });

    describe('are driven', () => {
      test('the run of a date is one of COMPLEMENT_DATA with that logical date, made as was asked for', async () => {
        await create();
        const [run] = (await store.listRuns({ execType: 'COMPLEMENT_DATA' }, 0, 10)).rows;
        expect(run!.spec).toMatchObject({
          ...{ workflow: 'nightly', workflowVersion: 1, execType: 'COMPLEMENT_DATA', mode: 'whole', logicalDateAt: AT },
          ...{
            zone: 'Asia/Tokyo',
            params: { region: 'eu' },
            submitUser: 'ann',
            submittedAt: AT,
            timeoutMs: 60_000,
            timeoutAction: 'fail',
          },
          ...{ failurePolicy: 'end', priority: 'medium', notifyType: 'ALL', notifyMails: ['a@x'], extras: { n: [1] } },
          plan: { run: 'all', reuse: [] },
        });
        expect(run!.status.state).toBe('queued');
        expect((await store.claimCommands(fence, null, 10)).map(({ run: id, action }) => [id, action.kind])).toEqual([
          [run!.spec.id, 'start'],
        ]);
      });

      test('serial: the end of a run is the begin of the next date, in one commit; then all is over', async () => {
        const id = await create();
        const runs: RunId[] = [];
        for (let left = 3; left > 0; left--) {
          const [run] = await liveRuns(id);
          runs.push(run!);
          expect(await end(run!, 'running')).toEqual({ commands: 0 });
          expect(await end(run!, 'succeeded')).toEqual({ commands: left > 1 ? 1 : 0 });
        }
        expect(new Set(runs).size).toBe(3);
        expect(await rowOf(id)).toMatchObject({ state: 'succeeded', counts: { succeeded: 3 }, endedAt: AT + 1000 });
        expect((await datesOf(id)).map(({ run, runs: count, endedAt }) => [run, count, endedAt])).toEqual(
          runs.map((run) => [run, 1, AT + 1000]),
        );
      });

      test('parallel: never more at a time than was asked for, also where several runs end at once', async () => {
        const id = await create({ mode: 'parallel', parallelism: 3, dates: days(8) });
        expect(await liveRuns(id)).toHaveLength(3);
        const [a, b, c] = await liveRuns(id);
        await store.commit(
          fence,
          [a, b].map((run) => runChange(status(run!, { state: 'succeeded', endedAt: AT + 9, owner: fence.master }))),
        );
        expect(await statesOf(id)).toBe('succeeded succeeded running running running pending pending pending');
        await end(c!, 'succeeded');
        expect(await statesOf(id)).toBe('succeeded succeeded succeeded running running running pending pending');
      });

      test('dates begin in the order that they have, whatever that is', async () => {
        const dates = days(3).toReversed();
        const id = await create({ order: 'descending', dates });
        expect((await datesOf(id)).map(({ logicalAt }) => logicalAt)).toEqual(dates);
        const seen: number[] = [];
        for (let n = 0; n < 3; n++) seen.push((await store.getRun(await endNext(id)))!.spec.logicalDateAt);
        expect(seen).toEqual(dates);
      });

      test('the first failure is the last date that began; with `continueAfterFailure` it is not', async () => {
        const id = await create();
        await endNext(id);
        await endNext(id, 'failed');
        expect(await rowOf(id)).toMatchObject({
          state: 'failed',
          counts: { succeeded: 1, failed: 1, stopped: 1 },
          endedAt: AT + 1000,
        });
        expect((await datesOf(id))[2]).toMatchObject({
          ...{ state: 'stopped', run: null },
          reason: `the date ${new Date(AT + DAY_MS).toISOString()} did not succeed`,
        });
        const other = await create({ continueAfterFailure: true });
        await endNext(other, 'dependency_failed');
        await endNext(other, 'stopped', { kind: 'killed_by', user: 'bob' });
        await endNext(other);
        expect(await statesOf(other)).toBe('failed stopped succeeded');
        expect(await rowOf(other)).toMatchObject({ state: 'failed' });
      });

      test('after a failure runs that go on are waited for', async () => {
        const id = await create({ mode: 'parallel', parallelism: 2, dates: days(4) });
        const [a, b] = await liveRuns(id);
        await end(a!, 'failed');
        expect(await statesOf(id)).toBe('failed running stopped stopped');
        expect(await rowOf(id)).toMatchObject({
          ...{ state: 'running', endedAt: null },
          waitReason: `no further date begins, for that of ${new Date(AT).toISOString()} did not succeed: runs that have not ended 1`,
        });
        await end(b!, 'succeeded');
        expect(await rowOf(id)).toMatchObject({ state: 'failed', waitReason: null });
      });

      test('each run takes the latest version there is, unless one was named; one that cannot run so fails its date', async () => {
        const pinned = await create({ workflowVersion: 1 });
        const latest = await create({ continueAfterFailure: true });
        const required = oneTask({ params: { day: { type: 'string', required: true } } });
        await store.saveWorkflow(saveOf({ hash: 'h2', definition: oneTask({ priority: 'low' }) }));
        await endNext(pinned);
        await endNext(latest);
        const specOf = async (id: number) => (await store.getRun((await liveRuns(id))[0]!))!.spec;
        expect(await specOf(pinned)).toMatchObject({ workflowVersion: 1, priority: 'medium' });
        expect(await specOf(latest)).toMatchObject({ workflowVersion: 2, priority: 'low' });
        await store.saveWorkflow(saveOf({ hash: 'h3', definition: required }));
        await endNext(latest);
        expect((await datesOf(latest))[2]).toMatchObject({
          ...{ state: 'failed', run: null, runs: 0 },
          reason: 'version 3 cannot run so: parameter `day` is required and was not given',
        });
        expect(await rowOf(latest)).toMatchObject({ state: 'failed', counts: { succeeded: 2, failed: 1 } });
      });

      test('tasks that were selected and are gone fail the date', async () => {
        await store.saveWorkflow(saveOf({ hash: 'h2', definition: oneTask({ priority: 'low' }) }));
        const { options } = newBackfill();
        const id = await create({ options: { ...options, selection: { kind: 'selected', tasks: ['a', 'b'] } } });
        expect(await datesOf(id)).toMatchObject([
          { state: 'failed', reason: 'version 2 cannot run so: it has no task b' },
          { state: 'stopped' },
          { state: 'stopped' },
        ]);
        expect(await rowOf(id)).toMatchObject({ state: 'failed' });
      });

      test('dry runs, too, are followed by the next', async () => {
        const id = await create({ options: { ...newBackfill().options, dryRun: true } });
        for (let n = 0; n < 3; n++) await endNext(id);
        expect(await rowOf(id)).toMatchObject({ state: 'succeeded' });
      });

      test('a master that is over drives nothing', async () => {
        const id = await create();
        const [run] = await liveRuns(id);
        const old = fence;
        fence = await master(store, 'm2', { supersedes: [fence.master] });
        const change = runChange(status(run!, { state: 'succeeded', endedAt: AT, owner: old.master }));
        await expect(store.commit(old, [change])).rejects.toMatchObject({ code: 'FENCED' });
        expect(await statesOf(id)).toBe('running pending pending');
        await end(run!, 'succeeded');
        await end(run!, 'succeeded');
        expect(await statesOf(id)).toBe('succeeded running pending');
      });

      test('what does not fit into one transaction begins with the next looks of a master', async () => {
        const id = await create({ mode: 'parallel', parallelism: 250, dates: days(260) });
        const running: number[] = [];
        for (let look = 0; look < 4; look++) {
          running.push((await rowOf(id)).counts.running!);
          await store.adoptRuns(fence, null, 1000);
        }
        expect(running).toEqual([100, 200, 250, 250]);
      });

      test('100,000 dates are rows in one transaction', async () => {
        const id = await create({ dates: Array.from({ length: 100_000 }, (_, n) => AT + n * 60_000) });
        expect(await rowOf(id)).toMatchObject({ dateCount: 100_000, counts: { pending: 99_999, running: 1 } });
        await endNext(id);
        expect(await rowOf(id)).toMatchObject({ counts: { succeeded: 1, pending: 99_998, running: 1 } });
        await endNext(id, 'failed');
        expect(await rowOf(id)).toMatchObject({
          state: 'failed',
          counts: { succeeded: 1, failed: 1, stopped: 99_998 },
        });
      });
    });

    describe('of workflows whose runs take turns', () => {
      const withPolicy = (concurrency: 'serial_wait' | 'serial_discard' | 'serial_priority') =>
        store.saveWorkflow(saveOf({ hash: concurrency, definition: oneTask({ concurrency }) }));
      const parallel = { mode: 'parallel', parallelism: 3, dates: days(5) } as const;

      test('serial_discard: one at a time; a date that meets another run is skipped, and none is tried for ever', async () => {
        await withPolicy('serial_discard');
        const id = await create(parallel);
        expect(await statesOf(id)).toBe('running pending pending pending pending');
        const { run: other } = await store.submitRun(newRun());
        expect((await store.getRun(other.id))!.status.state).toBe('stopped');
        await store.pauseBackfill({ id, user: 'ann', at: AT });
        await endNext(id);
        const { run: stranger } = await store.submitRun(newRun());
        await store.resumeBackfill({ id, at: AT });
        const skipped = {
          state: 'skipped',
          runs: 1,
          reason: `run ${stranger.id} of the workflow had not ended (serial_discard)`,
        };
        expect(await datesOf(id)).toMatchObject([{ state: 'succeeded' }, skipped, skipped, skipped, skipped]);
        expect(await rowOf(id)).toMatchObject({ state: 'succeeded', counts: { succeeded: 1, skipped: 4 } });
        await end(stranger.id, 'succeeded');
        expect(await store.retryBackfill({ id, dates: 'all', at: AT })).toMatchObject({
          counts: { succeeded: 1, running: 1, pending: 3 },
        });
      });

      test('serial_discard: a backfill whose every date was discarded has not succeeded', async () => {
        await withPolicy('serial_discard');
        await store.submitRun(newRun());
        expect(await rowOf(await create())).toMatchObject({ state: 'stopped', counts: { skipped: 3 } });
      });

      test('serial_priority: one at a time, so that they do not stop each other; a newer run takes the place of one', async () => {
        await withPolicy('serial_priority');
        const id = await create(parallel);
        expect(await statesOf(id)).toBe('running pending pending pending pending');
        const { run: newer } = await store.submitRun(newRun());
        await endNext(id, 'stopped', { kind: 'superseded', runId: newer.id });
        expect(await rowOf(id)).toMatchObject({ state: 'stopped', counts: { stopped: 5 } });
        expect((await datesOf(id))[0]).toMatchObject({
          reason: `run ${newer.id} of the workflow took its place (serial_priority)`,
        });
      });

      test('serial_wait: runs stand in line, and the line goes on', async () => {
        await withPolicy('serial_wait');
        const id = await create(parallel);
        const states = async () =>
          Promise.all((await liveRuns(id)).map(async (run) => (await store.getRun(run))!.status.state));
        expect(await states()).toEqual(['queued', 'waiting', 'waiting']);
        for (let n = 0; n < 5; n++) {
          const [first] = await liveRuns(id);
          await end(first!, 'succeeded');
        }
        expect(await rowOf(id)).toMatchObject({ state: 'succeeded', counts: { succeeded: 5 } });
      });
    });

    describe('with dependent workflows', () => {
      const dependents = async () => {
        const made: NewBackfill['dependents'] = [];
        for (const name of ['second', 'third']) {
          const { workflow } = await store.saveWorkflow(saveOf({ name, hash: name, definition: oneTask({ name }) }));
          made.push({ workflowId: workflow.id, projectId: workflow.projectId, project: 'sales', workflow: name });
        }
        return made;
      };

      test('each date runs through all of them, one after the other, before it counts', async () => {
        const id = await create({ dependents: await dependents(), dates: days(2) });
        const seen: unknown[] = [];
        for (let n = 0; n < 6; n++) {
          const { spec } = (await store.getRun(await endNext(id)))!;
          seen.push([spec.workflow, spec.logicalDateAt, spec.execType, spec.params]);
        }
        const both = (at: number) => [
          ['nightly', at, 'COMPLEMENT_DATA', { region: 'eu' }],
          ['second', at, 'COMPLEMENT_DATA', {}],
          ['third', at, 'COMPLEMENT_DATA', {}],
        ];
        expect(seen).toEqual([...both(AT), ...both(AT + DAY_MS)]);
        expect(await rowOf(id)).toMatchObject({ state: 'succeeded', counts: { succeeded: 2 } });
        expect((await datesOf(id)).map(({ runs, step }) => [runs, step])).toEqual([
          [3, 2],
          [3, 2],
        ]);
      });

      test('where one fails the date has failed, and begins again there', async () => {
        const id = await create({ dependents: await dependents(), dates: days(1) });
        await endNext(id);
        await endNext(id, 'failed');
        expect(await datesOf(id)).toMatchObject([{ state: 'failed', step: 1, runs: 2 }]);
        await store.retryBackfill({ id, dates: 'failed', at: AT });
        const { spec } = (await store.getRun(await endNext(id)))!;
        expect(spec.workflow).toBe('second');
        await endNext(id);
        expect(await datesOf(id)).toMatchObject([{ state: 'succeeded', step: 2, runs: 4 }]);
      });

      test('paused between two of them it goes on there; stopped there the date is stopped', async () => {
        const id = await create({ dependents: await dependents(), dates: days(2) });
        await store.pauseBackfill({ id, user: 'ann', at: AT });
        await endNext(id);
        expect(await datesOf(id)).toMatchObject([{ state: 'pending', step: 1 }, { state: 'pending' }]);
        await store.resumeBackfill({ id, at: AT });
        expect((await store.getRun((await liveRuns(id))[0]!))!.spec.workflow).toBe('second');
        await store.stopBackfill({ id, runs: false, user: 'ann', at: AT });
        await endNext(id);
        expect(await datesOf(id)).toMatchObject([
          { state: 'stopped', step: 2, reason: 'the backfill was stopped' },
          { state: 'stopped', reason: 'the backfill was stopped' },
        ]);
      });

      test('one that was deleted fails the date', async () => {
        const [second] = await dependents();
        const id = await create({ dependents: [second!] });
        await store.deleteWorkflow(second!.workflowId, 'ann', AT);
        await endNext(id);
        expect(await datesOf(id)).toMatchObject([
          { state: 'failed', reason: 'workflow sales/second was deleted' },
          { state: 'stopped' },
          { state: 'stopped' },
        ]);
      });

      test('who waits for whom is known by tasks and schedules', async () => {
        const waits = (name: string, upstream: string, more: object = {}) =>
          saveOf({
            name,
            hash: name,
            definition: oneTask({
              name,
              tasks: [
                taskDefinition('wait', {
                  action: {
                    type: 'dependent',
                    upstream: { or: [{ and: [{ workflow: upstream, task: null, window: 'today' }] }] },
                    checkIntervalMs: 1000,
                    maxWaitMs: null,
                    onFailure: 'wait',
                  },
                }),
              ],
              ...more,
            }),
          });
        await store.saveWorkflow(waits('second', 'nightly'));
        await store.saveWorkflow(waits('third', 'other/second'));
        await store.saveWorkflow({ ...waits('hidden', 'nightly'), hidden: true });
        const found = await store.listUpstreams({ after: 0, limit: 10 });
        expect(found.map(({ workflow, upstreams }) => [workflow, upstreams])).toEqual([
          ['second', [{ project: 'sales', workflow: 'nightly' }]],
          ['third', [{ project: 'other', workflow: 'second' }]],
        ]);
        expect(await store.listUpstreams({ after: found[0]!.workflowId, limit: 10 })).toEqual([found[1]]);
        expect(await store.listUpstreams({ after: 0, limit: 1 })).toEqual([found[0]]);
      });
    });

    describe('are steered', () => {
      test('paused: runs go on, no date begins; resumed: the next begins at once', async () => {
        const id = await create();
        const paused = await store.pauseBackfill({ id, user: 'ann', at: AT + 1 });
        expect(paused).toMatchObject({ state: 'paused', waitReason: 'is paused', counts: { running: 1, pending: 2 } });
        expect(await store.pauseBackfill({ id, user: 'ann', at: AT + 2 })).toEqual(paused);
        await endNext(id);
        await store.adoptRuns(fence, null, 10);
        expect(await rowOf(id)).toMatchObject({ state: 'paused', counts: { succeeded: 1, pending: 2 } });
        expect(await store.resumeBackfill({ id, at: AT + 3 })).toMatchObject({
          ...{ state: 'running', waitReason: null, counts: { succeeded: 1, running: 1, pending: 1 } },
        });
        expect(await store.resumeBackfill({ id, at: AT + 4 })).toMatchObject({ updatedAt: AT + 3 });
      });

      test('paused with its last dates under way it ends all the same', async () => {
        const id = await create({ dates: days(1) });
        await store.pauseBackfill({ id, user: 'ann', at: AT });
        await endNext(id);
        expect(await rowOf(id)).toMatchObject({ state: 'succeeded' });
      });

      test('stopped: what has not begun never will; runs are told, and it has ended when they have', async () => {
        const id = await create({ mode: 'parallel', parallelism: 2 });
        const runs = await liveRuns(id);
        const stopping = await store.stopBackfill({ id, runs: true, user: 'bob', at: AT + 5 });
        expect(stopping).toMatchObject({
          ...{ state: 'running', counts: { running: 2, stopped: 1 }, updatedAt: AT + 5, endedAt: null },
          waitReason: 'is being stopped: runs that have not ended 2',
        });
        const stops = (await store.claimCommands(fence, null, 10)).filter(({ action }) => action.kind === 'stop');
        expect(stops.map(({ run, user }) => [run, user])).toEqual(runs.map((run) => [run, 'bob']));
        await expect(store.pauseBackfill({ id, user: 'ann', at: AT })).rejects.toEqual(conflict);
        await expect(store.resumeBackfill({ id, at: AT })).rejects.toEqual(conflict);
        await expect(store.retryBackfill({ id, dates: 'all', at: AT })).rejects.toEqual(conflict);
        await end(runs[0]!, 'succeeded');
        await end(runs[1]!, 'stopped', { kind: 'killed_by', user: 'bob' });
        expect(await rowOf(id)).toMatchObject({
          ...{ state: 'stopped', waitReason: null, counts: { succeeded: 1, stopped: 2 }, endedAt: AT + 1000 },
        });
        await expect(store.stopBackfill({ id, runs: true, user: 'bob', at: AT })).rejects.toEqual(conflict);
      });

      test('stopped, but its runs left alone', async () => {
        const id = await create();
        await store.stopBackfill({ id, runs: false, user: 'bob', at: AT });
        expect((await store.claimCommands(fence, null, 10)).map(({ action }) => action.kind)).toEqual(['start']);
        await endNext(id);
        expect(await rowOf(id)).toMatchObject({ state: 'stopped', counts: { succeeded: 1, stopped: 2 } });
      });

      test('stopped while it is paused and nothing runs it has ended at once', async () => {
        const id = await create();
        await store.pauseBackfill({ id, user: 'ann', at: AT });
        await endNext(id);
        expect(await store.stopBackfill({ id, runs: true, user: 'ann', at: AT + 5 })).toMatchObject({
          ...{ state: 'stopped', counts: { succeeded: 1, stopped: 2 }, endedAt: AT + 5 },
        });
      });

      test.each([
        ['failed', 'succeeded running stopped'],
        ['stopped', 'succeeded failed running'],
        ['all', 'succeeded running pending'],
      ] as const)('begun again (%s) after it has failed', async (dates, states) => {
        const id = await create();
        await endNext(id);
        const failed = await endNext(id, 'failed');
        expect(await store.retryBackfill({ id, dates, at: AT + 7 })).toMatchObject({ state: 'running', endedAt: null });
        expect(await statesOf(id)).toBe(states);
        expect(await liveRuns(id)).not.toContain(failed);
        while ((await rowOf(id)).endedAt === null) await endNext(id);
        expect((await rowOf(id)).state).toBe({ failed: 'stopped', stopped: 'failed', all: 'succeeded' }[dates]);
      });

      test('begun again it may go on after failures from then on', async () => {
        const id = await create({ dates: days(4) });
        await endNext(id, 'failed');
        await store.retryBackfill({ id, dates: 'stopped', continueAfterFailure: true, at: AT });
        await endNext(id, 'failed');
        await endNext(id);
        await endNext(id);
        expect(await rowOf(id)).toMatchObject({ state: 'failed', continueAfterFailure: true });
        expect(await statesOf(id)).toBe('failed failed succeeded succeeded');
      });

      test('there is nothing to begin again of one that has succeeded, or whose workflow is gone', async () => {
        const id = await create({ dates: days(1) });
        await endNext(id);
        await expect(store.retryBackfill({ id, dates: 'all', at: AT })).rejects.toEqual(conflict);
        const other = await create({ dates: days(1) });
        await endNext(other, 'failed');
        await expect(store.retryBackfill({ id: other, dates: 'stopped', at: AT })).rejects.toEqual(conflict);
        await store.deleteWorkflow(workflowId, 'ann', AT);
        await expect(store.retryBackfill({ id: other, dates: 'all', at: AT })).rejects.toEqual(conflict);
      });

      test('what there is not cannot be steered', async () => {
        const at = { id: 999, user: 'ann', at: AT };
        await expect(store.stopBackfill({ ...at, runs: true })).rejects.toEqual(notFound);
        await expect(store.pauseBackfill(at)).rejects.toEqual(notFound);
        await expect(store.resumeBackfill(at)).rejects.toEqual(notFound);
        await expect(store.retryBackfill({ ...at, dates: 'all' })).rejects.toEqual(notFound);
      });
    });

    test('whatever fails, ends, is paused, stopped, begun again or opened anew: no date is lost, doubled or for ever', async () => {
      const step = fc.oneof(
        {
          weight: 12,
          arbitrary: fc.record({
            kind: fc.constant('end' as const),
            which: fc.nat(9),
            how: fc.constantFrom<RunState>('succeeded', 'succeeded', 'succeeded', 'failed', 'stopped'),
          }),
        },
        {
          weight: 1,
          arbitrary: fc
            .constantFrom(...(['pause', 'resume', 'stop', 'retry', 'look', 'stranger'] as const))
            .map((kind) => ({ kind })),
        },
      );
      const shape = fc.record({
        count: fc.integer({ min: 1, max: 9 }),
        parallelism: fc.integer({ min: 1, max: 4 }),
        continueAfterFailure: fc.boolean(),
        concurrency: fc.constantFrom('parallel', 'parallel', 'serial_wait', 'serial_discard', 'serial_priority'),
        follows: fc.boolean(),
      });
      const { workflow } = await store.saveWorkflow(
        saveOf({ name: 'next', hash: 'next', definition: oneTask({ name: 'next' }) }),
      );
      const next = { workflowId: workflow.id, projectId: workflow.projectId, project: 'sales', workflow: 'next' };
      let hash = 0;
      await fc.assert(
        fc.asyncProperty(shape, fc.array(step, { minLength: 5, maxLength: 40 }), async (of, steps) => {
          await store.saveWorkflow(
            saveOf({ hash: `p${hash++}`, definition: oneTask({ concurrency: of.concurrency as 'parallel' }) }),
          );
          const id = await create({
            ...{ mode: 'parallel', parallelism: of.parallelism, dates: days(of.count) },
            ...{ continueAfterFailure: of.continueAfterFailure, dependents: of.follows ? [next] : [] },
          });
          const seen = new Map<RunId, RunState>();
          const strangers: RunId[] = [];
          const check = async () => {
            const [row, dates] = [await rowOf(id), await datesOf(id)];
            expect(dates.map(({ logicalAt }) => logicalAt)).toEqual(days(of.count));
            expect(tally(dates)).toEqual(row.counts);
            const open = (row.counts.pending ?? 0) + (row.counts.running ?? 0);
            expect(row.endedAt !== null).toBe(open === 0);
            expect(['succeeded', 'failed', 'stopped'].includes(row.state)).toBe(open === 0);
            expect(row.counts.running ?? 0).toBeLessThanOrEqual(of.parallelism);
            const live = dates.filter(({ state }) => state === 'running').map(({ run }) => run!);
            expect(new Set(live).size).toBe(live.length);
            for (const run of live) expect(isTerminalRun((await store.getRun(run))!.status.state)).toBe(false);
            const mine = (await store.listRuns({ execType: 'COMPLEMENT_DATA', submittedFrom: AT }, 0, 1000)).rows;
            const all = mine.filter(({ spec }) => !seen.has(spec.id) || live.includes(spec.id));
            for (const {
              spec,
              status: { state },
            } of all)
              if (isTerminalRun(state)) seen.set(spec.id, state);
            expect(
              mine
                .filter(({ spec, status: { state } }) => !isTerminalRun(state) && !live.includes(spec.id))
                .map(({ spec }) => spec.id),
            ).toEqual([]);
          };
          const endRun = async (run: RunId, how: RunState) => {
            const { status: now } = (await store.getRun(run))!;
            if (!isTerminalRun(now.state)) await end(run, now.state === 'waiting' ? 'stopped' : how);
          };
          await check();
          for (const action of steps) {
            const at = AT + 5;
            const tolerate = (error: unknown) => expect(error).toEqual(conflict);
            switch (action.kind) {
              case 'end': {
                const live = await liveRuns(id);
                const run = live[action.which % Math.max(1, live.length)];
                if (run !== undefined) await endRun(run, action.how);
                break;
              }
              case 'pause':
                await store.pauseBackfill({ id, user: 'ann', at }).catch(tolerate);
                break;
              case 'resume':
                await store.resumeBackfill({ id, at }).catch(tolerate);
                break;
              case 'stop':
                await store.stopBackfill({ id, runs: true, user: 'ann', at }).catch(tolerate);
                break;
              case 'retry':
                await store.retryBackfill({ id, dates: 'all', at }).catch(tolerate);
                break;
              case 'look':
                await store.adoptRuns(fence, null, 100);
                break;
              case 'stranger':
                strangers.push((await store.submitRun(newRun({ execType: 'DIRECT' }))).run.id);
                break;
            }
            await check();
          }
          for (const run of strangers) await endRun(run, 'stopped');
          await store.resumeBackfill({ id, at: AT }).catch(() => undefined);
          for (let round = 0; (await rowOf(id)).endedAt === null; round++) {
            expect(round).toBeLessThan(200);
            await store.adoptRuns(fence, null, 100);
            for (const run of await liveRuns(id)) await endRun(run, 'succeeded');
          }
          await check();
        }),
        { numRuns: histories },
      );
    });

    test('the end of a run that nobody followed up, and a date that nobody began, are seen to by the next look of a master', async () => {
      const id = await create();
      const [run] = await liveRuns(id);
      await store.close();
      await place.execute(`update run set state = 'succeeded', ended_at = ${AT + 9} where id = ${run}`);
      store = await place.open();
      fence = await master(store, 'm2', { supersedes: [fence.master] });
      expect((await place.audit()).findings.filter(({ invariant }) => invariant === 'S8')).toMatchObject([
        { check: 'dates of backfills', subject: `date 0 of backfill ${id}` },
      ]);
      await store.adoptRuns(fence, null, 10);
      expect(await statesOf(id)).toBe('succeeded running pending');
      expect((await place.audit()).findings.filter(({ invariant }) => invariant === 'S8')).toEqual([]);
    });
  });
}
