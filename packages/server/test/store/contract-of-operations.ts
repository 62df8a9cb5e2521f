/** Bulk operations, drains, masters, environments, keys, commands and child runs: what every store must do. */
import { commandIdOf, formatAttemptId, runIdOf, type RunId } from '@pelorus/protocol';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Fence, RequestKey, Store } from '../../src/store/index.ts';
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
  startedRun,
  status,
  taskChange,
  taskDefinition,
  taskRun,
  withWorkflow,
} from './records.ts';

const DAY_MS = 86_400_000;
const NO_KEY: RequestKey = { idempotencyKey: null, requestHash: '' };
const notFound: unknown = expect.objectContaining({ name: 'StoreError', code: 'NOT_FOUND' });
const precondition: unknown = expect.objectContaining({ name: 'StoreError', code: 'PRECONDITION' });

export function operationsContract(makePlace: () => Promise<Place>): void {
  describe('operations', () => {
    let place: Place;
    let store: Store;
    let fence: Fence;
    let workflowId: number;
    beforeEach(async () => {
      place = await makePlace();
      store = await place.open();
      await withWorkflow(store);
      fence = await master(store, 'm1');
      workflowId = (await store.getWorkflow('sales', 'nightly'))!.id;
    });
    afterEach(async () => {
      await store.close();
      await place.remove();
    });
    const reopen = async () => {
      await store.close();
      store = await place.open();
    };

    describe('bulk operations', () => {
      const sender = { administrator: false, via: 'token', mask: 3, projects: ['p'] } as const;
      const create = (runs: number[], more: Partial<Parameters<Store['createBulkOperation']>[0]> = {}) =>
        store.createBulkOperation(
          {
            action: { kind: 'stop', version: 'same' },
            user: 'ann',
            sender,
            at: AT,
            items: runs.map((run) => ({
              run: runIdOf(run),
              projectId: run < 100 ? 1 : null,
              ...(run < 100 ? { code: null, message: null } : { code: 'FORBIDDEN', message: 'no' }),
            })),
            ...more,
          },
          NO_KEY,
        );
      const deed = { command: null, newRun: null, code: null, message: null };

      test('are settled item by item by who holds them, and end with the last', async () => {
        const { operation } = await create([1, 2, 100]);
        expect(operation).toEqual({
          ...{ id: operation.id, action: { kind: 'stop', version: 'same' }, submitUser: 'ann', sender },
          ...{ state: 'pending', items: 3, pending: 2, done: 0, refused: 1, createdAt: AT, endedAt: null },
        });
        expect(await store.claimBulkOperation('a', AT, 1000)).toMatchObject({
          id: operation.id,
          state: 'running',
          sender,
        });
        expect(await store.claimBulkOperation('b', AT + 999, 1000)).toBeNull();
        expect(
          (await store.listBulkItems(operation.id, { state: 'pending', limit: 10 })).map(({ run }) => run),
        ).toEqual([1, 2]);
        const command = await store.requestCommand({
          run: await startedRun(store, fence),
          action: { kind: 'stop' },
          user: 'ann',
          at: AT,
          idempotencyKey: null,
        });
        const settle = (holder: string, position: number, more: object = {}) =>
          store.settleBulkItems(operation.id, holder, {
            items: [{ ...deed, position, state: 'done', ...more }],
            at: AT + 500,
            leaseMs: 1000,
          });
        expect(await settle('b', 0)).toBe(false);
        expect(await settle('a', 0, { command })).toBe(true);
        expect(await settle('a', 0, { state: 'refused' })).toBe(true);
        expect(await store.getBulkOperation(operation.id)).toMatchObject({
          pending: 1,
          done: 1,
          refused: 1,
          endedAt: null,
        });
        await reopen();
        expect(await store.claimBulkOperation('b', AT + 1499, 1000)).toBeNull();
        expect(await store.claimBulkOperation('b', AT + 1500, 1000)).toMatchObject({ id: operation.id });
        expect(await settle('a', 1)).toBe(false);
        expect(await settle('b', 1, { state: 'refused', code: 'WRONG_STATE', message: 'late' })).toBe(true);
        expect(await store.getBulkOperation(operation.id)).toMatchObject({
          ...{ state: 'ended', pending: 0, done: 1, refused: 2, endedAt: AT + 500 },
        });
        expect(await store.claimBulkOperation('b', AT + 9_999_999, 1000)).toBeNull();
        const item = { projectId: 1, commandOutcome: null, ...deed, at: AT + 500 };
        expect(await store.listBulkItems(operation.id, { limit: 10 })).toEqual([
          { ...item, position: 0, run: 1, state: 'done', command },
          { ...item, position: 1, run: 2, state: 'refused', code: 'WRONG_STATE', message: 'late' },
          {
            ...item,
            position: 2,
            run: 100,
            projectId: null,
            state: 'refused',
            code: 'FORBIDDEN',
            message: 'no',
            at: AT,
          },
        ]);
        expect(await store.listBulkItems(operation.id, { after: 0, limit: 1 })).toMatchObject([{ position: 1 }]);
      });

      test('show what became of their commands', async () => {
        const run = await startedRun(store, fence);
        const { operation } = await create([run]);
        await store.claimBulkOperation('a', AT, 1000);
        const request = { run, action: { kind: 'stop' }, user: 'ann', at: AT, idempotencyKey: 'bulk' } as const;
        const command = await store.requestCommand(request);
        const items = [{ ...deed, position: 0, state: 'done' as const, command }];
        await store.settleBulkItems(operation.id, 'a', { items, at: AT, leaseMs: 1000 });
        const outcome = { kind: 'refused', reason: 'over' } as const;
        await store.commit(fence, [{ kind: 'command-done', command, outcome, at: AT }]);
        expect(await store.listBulkItems(operation.id, { limit: 1 })).toMatchObject([{ commandOutcome: outcome }]);
        const found = { run, command, same: false };
        const key = { idempotencyKey: 'bulk', requestHash: '' };
        expect(await store.findSubmission('ann', key, AT)).toEqual(found);
        expect(await store.findSubmission('bob', key, AT)).toBeNull();
        expect(await store.findSubmission('ann', key, AT + DAY_MS)).toBeNull();
        expect(await store.findSubmission('ann', NO_KEY, AT)).toBeNull();
      });

      test('without anything to do end at once; they are listed newest first, by user', async () => {
        expect((await create([100])).operation).toMatchObject({ state: 'ended', refused: 1, endedAt: AT });
        const empty = (await create([])).operation;
        const bobs = (await create([1], { user: 'bob' })).operation;
        const list = async (filter: Parameters<Store['listBulkOperations']>[0]) =>
          (await store.listBulkOperations(filter)).map(({ id }) => id);
        expect(await list({ user: null, limit: 2 })).toEqual([bobs.id, empty.id]);
        expect(await list({ user: 'ann', limit: 10 })).toEqual([empty.id, empty.id - 1]);
        expect(await list({ user: 'ann', before: empty.id, limit: 10 })).toEqual([empty.id - 1]);
        expect(await store.getBulkOperation(999)).toBeNull();
      });

      test('a run that was submitted under a key is found, with whether the request was the same', async () => {
        const submitted = newRun({ idempotencyKey: 'k', requestHash: 'h', submittedAt: AT });
        const { run, command } = await store.submitRun(submitted);
        const find = (requestHash: string) =>
          store.findSubmission(submitted.submitUser, { idempotencyKey: 'k', requestHash }, AT);
        expect(await find('h')).toEqual({ run: run.id, command, same: true });
        expect(await find('x')).toEqual({ run: run.id, command, same: false });
      });

      test('heads of runs come in the order asked, those that there are', async () => {
        const first = await startedRun(store, fence);
        const second = await startedRun(store, fence);
        const heads = await store.listRunHeads([second, runIdOf(999), first]);
        expect(heads).toMatchObject([
          { run: second, project: 'sales', workflow: 'nightly', state: 'running' },
          { run: first },
        ]);
      });
    });

    test('drains are kept by the name of the worker, until they are undone', async () => {
      const drain = { name: 'w1', reason: 'disk', user: 'ann', at: AT };
      expect(await store.drainWorker(drain)).toEqual({ name: 'w1', reason: 'disk', drainedAt: AT, drainedBy: 'ann' });
      await store.drainWorker({ ...drain, reason: 'again', user: 'bob', at: AT + 1 });
      await reopen();
      expect(await store.listWorkerDrains()).toEqual([
        { name: 'w1', reason: 'again', drainedAt: AT + 1, drainedBy: 'bob' },
      ]);
      expect(await store.loadDrainedWorkers()).toEqual(['w1']);
      expect(await store.undrainWorker('w1')).toBe(true);
      expect(await store.undrainWorker('w1')).toBe(false);
      expect(await store.loadDrainedWorkers()).toEqual([]);
    });

    test('live attempts of a worker, oldest first; ended ones and those of others are left out', async () => {
      const run = await startedRun(store, fence);
      const live = { worker: attempt(run, 0, 1).worker };
      await store.commit(fence, [
        taskChange(taskRun(run, 0, { state: 'running', attempts: 1 })),
        attemptChange(attempt(run, 0, 1, { state: 'running', dispatchedAt: AT + 5, startedAt: AT + 6 })),
      ]);
      expect(await store.listWorkerAttempts(live.worker, 10)).toEqual([
        {
          ...{
            attempt: formatAttemptId({ run, task: 0, n: 1 }),
            run,
            project: 'sales',
            workflow: 'nightly',
            state: 'running',
          },
          ...{
            projectId: (await store.getWorkflow('sales', 'nightly'))!.projectId,
            dispatchedAt: AT + 5,
            startedAt: AT + 6,
          },
        },
      ]);
      expect(await store.listWorkerAttempts('another', 10)).toEqual([]);
      await store.commit(fence, [
        attemptChange(attempt(run, 0, 1, { version: 9, state: 'succeeded', endedAt: AT + 9 })),
      ]);
      expect(await store.listWorkerAttempts(live.worker, 10)).toEqual([]);
    });

    test('masters are listed newest first, with the runs that they own', async () => {
      await startedRun(store, fence);
      const ended = await startedRun(store, fence);
      await store.commit(fence, [
        runChange(status(ended, { version: 9, state: 'succeeded', owner: fence.master, endedAt: AT })),
      ]);
      const later = await master(store, 'm2', { supersedes: ['m1'] });
      const rows = await store.listMasters(10);
      rows.sort((a, b) => a.id.localeCompare(b.id));
      expect(rows.map(({ id, runs, fencedAt }) => [id, runs, fencedAt === null])).toEqual([
        ['m1', 1, false],
        [later.master, 0, true],
      ]);
      expect(JSON.stringify(rows)).not.toContain(later.token);
      expect(await store.listMasters(1)).toHaveLength(1);
    });

    test('worker groups are described and forgotten; queued tasks say what they wait for', async () => {
      const group = { name: 'gpu', description: 'cards', user: 'ann', at: AT };
      const row = { name: 'gpu', description: 'cards', updatedAt: AT, updatedBy: 'ann' };
      expect(await store.saveWorkerGroup(group)).toEqual(row);
      expect(await store.listWorkerGroups()).toEqual([row]);
      await store.deleteWorkerGroup('gpu');
      await expect(store.deleteWorkerGroup('gpu')).rejects.toEqual(notFound);
      const first = await startedRun(store, fence, { workerGroup: 'fast' });
      const second = await startedRun(store, fence, { workerGroup: 'fast' });
      for (const run of [first, second]) await store.commit(fence, [taskChange(taskRun(run, 0, { state: 'queued' }))]);
      expect(await store.listQueuedTasks(10)).toEqual([
        { workflowId, version: 1, task: 0, runGroup: 'fast', tasks: 2 },
      ]);
    });

    test('environments are made, replaced, loaded by name and deleted', async () => {
      const environment = { name: 'spark', description: '', variables: { A: '1' }, user: 'ann', at: AT };
      await store.saveEnvironment(environment);
      const row = await store.saveEnvironment({ ...environment, variables: { B: 'ü' }, at: AT + 1 });
      expect(row).toEqual({
        name: 'spark',
        description: '',
        variables: { B: 'ü' },
        updatedAt: AT + 1,
        updatedBy: 'ann',
      });
      expect(await store.listEnvironments()).toEqual([row]);
      expect(await store.loadEnvironments(['spark', 'none'])).toEqual([{ name: 'spark', variables: { B: 'ü' } }]);
      await store.deleteEnvironment('spark');
      await expect(store.deleteEnvironment('spark')).rejects.toEqual(notFound);
    });

    describe('workflows', () => {
      const save = (name: string, labels: Record<string, string> = {}) =>
        store.saveWorkflow(
          saveOf({ name, hash: `${name} ${JSON.stringify(labels)}`, definition: definition({ name, labels }) }),
        );

      test('come in pages by name, by part of it and by label', async () => {
        await save('Load_a', { team: 'x' });
        await save('load_b', { team: 'y', tier: '1' });
        await store.saveWorkflow(saveOf({ name: 'loadhidden', hidden: true, hash: 'z' }));
        const page = async (filter: Partial<Parameters<Store['pageWorkflows']>[0]>) =>
          (await store.pageWorkflows({ limit: 10, ...filter })).map(({ name }) => name);
        expect(await page({})).toEqual(['Load_a', 'load_b', 'nightly']);
        expect(await page({ limit: 2 })).toEqual(['Load_a', 'load_b']);
        expect(await page({ after: { project: 'sales', name: 'load_b' } })).toEqual(['nightly']);
        expect(await page({ contains: 'LOAD_' })).toEqual(['Load_a', 'load_b']);
        expect(await page({ contains: '%' })).toEqual([]);
        expect(await page({ label: { name: 'team', value: null } })).toEqual(['Load_a', 'load_b']);
        expect(await page({ label: { name: 'team', value: 'y' } })).toEqual(['load_b']);
        expect(await page({ project: 'none' })).toEqual([]);
        expect(await page({ projectIds: [] })).toEqual([]);
        await save('load_b', { team: 'z' });
        expect(await page({ label: { name: 'team', value: 'y' } })).toEqual([]);
      });

      test('have last runs: the newest starts of each', async () => {
        const other = (await save('other')).workflow.id;
        const runs: RunId[] = [];
        for (let i = 0; i < 3; i++) runs.push(await startedRun(store, fence));
        await store.commit(fence, [
          runChange(
            status(runs[0]!, {
              version: 9,
              state: 'failed',
              owner: fence.master,
              startedAt: AT + 50,
              endedAt: AT + 60,
            }),
          ),
        ]);
        const last = await store.lastRuns([workflowId, other], 2);
        expect(last.map(({ run, state }) => [run, state])).toEqual([
          [runs[0], 'failed'],
          [runs[2], 'running'],
        ]);
        expect(last[0]).toMatchObject({ workflowId, startedAt: AT + 50, endedAt: AT + 60 });
      });

      test('are saved only over the version that is expected', async () => {
        const version = (more: object) => store.saveWorkflow(saveOf({ hash: 'new', ...more }));
        await expect(version({ ifVersion: 2 })).rejects.toEqual(precondition);
        await expect(version({ ifVersion: null })).rejects.toEqual(precondition);
        await expect(version({ name: 'none', ifVersion: 1 })).rejects.toEqual(precondition);
        expect(await version({ ifVersion: 1 })).toMatchObject({ changed: true, workflow: { version: 2 } });
        expect(await version({ name: 'none', ifVersion: null })).toMatchObject({ created: true });
      });

      test('of which only the text differs keep their version and get the text, each counted', async () => {
        const before = (await store.getWorkflow('sales', 'nightly'))!;
        const say = (source: string, more: object = {}) =>
          store.saveWorkflow(saveOf({ source, user: 'bob', at: AT + 5, ...more }));
        const text = (version = 1) => store.getWorkflowText(before.id, version);
        const reworded = { ...before, textRevision: 1, updatedAt: AT + 5, updatedBy: 'bob' };
        const same = { created: false, changed: false };
        expect(await say('# why\n')).toEqual({ ...same, textChanged: true, workflow: reworded });
        expect(await store.getWorkflow('sales', 'nightly')).toEqual(reworded);
        expect(await text()).toEqual({ source: '# why\n', format: 'yaml', textRevision: 1 });
        expect(await store.getWorkflowVersion(before.id, 1)).toMatchObject({ source: '# why\n', createdBy: 'ann' });
        expect(await say('# why\n', { at: AT + 9 })).toEqual({ ...same, textChanged: false, workflow: reworded });
        // Of what a person wrote in YAML a program's JSON takes nothing away; the reverse is an improvement.
        expect(await say('{}', { format: 'json' })).toEqual({ ...same, textChanged: false, workflow: reworded });
        // A new version begins anew, and the one before keeps its last text.
        const next = { hash: 'new', format: 'json' };
        expect(await say('{}', next)).toMatchObject({ workflow: { version: 2, textRevision: 0 } });
        expect(await text()).toEqual({ source: '# why\n', format: 'yaml', textRevision: 1 });
        expect(await text(2)).toEqual({ source: '{}', format: 'json', textRevision: 0 });
        expect(await say('# why', { hash: 'new' })).toMatchObject({ textChanged: true });
        expect(await text(2)).toEqual({ source: '# why', format: 'yaml', textRevision: 1 });
        expect(await text(3)).toBeNull();
        expect((await store.listWorkflowVersions(before.id)).map(({ textRevision }) => textRevision)).toEqual([1, 1]);
      });

      test('of whose text another is expected are not saved, nor are two over the same', async () => {
        const say = (source: string, ifTextRevision: number, hash = 'hash-1') =>
          store.saveWorkflow(saveOf({ source, hash, ifVersion: 1, ifTextRevision }));
        await expect(say('a', 1)).rejects.toEqual(precondition);
        const both = await Promise.allSettled([say('a', 0), say('b', 0)]);
        expect(both.map((outcome) => outcome.status).toSorted()).toEqual(['fulfilled', 'rejected']);
        await expect(say('c', 0, 'new')).rejects.toEqual(precondition);
        expect(await say('c', 1, 'new')).toMatchObject({ changed: true });
      });
    });

    test('a command says what was asked and what became of it', async () => {
      const run = await startedRun(store, fence);
      const action = { kind: 'kill-task', task: 'a' } as const;
      const id = await store.requestCommand({ run, action, user: 'ann', at: AT, idempotencyKey: null });
      const asked = { id, run, action, user: 'ann', at: AT };
      expect(await store.getCommand(id)).toEqual({ ...asked, doneAt: null, outcome: null });
      await store.commit(fence, [{ kind: 'command-done', command: id, outcome: { kind: 'applied' }, at: AT + 3 }]);
      expect(await store.getCommand(id)).toEqual({ ...asked, doneAt: AT + 3, outcome: { kind: 'applied' } });
      expect(await store.getCommand(commandIdOf(id + 1))).toBeNull();
    });

    test('child runs are listed by task and attempt, at most as many as asked for', async () => {
      await store.saveWorkflow(
        saveOf({
          name: 'parent',
          hash: 'p',
          definition: definition({ name: 'parent', tasks: [taskDefinition('a'), taskDefinition('b')] }),
        }),
      );
      const parent = await startedRun(store, fence, { workflow: 'parent' });
      const children: RunId[] = [];
      for (const [task, n] of [
        [1, 1],
        [0, 2],
        [0, 1],
      ] as const)
        children.push((await store.submitRun(newRun({ parent: { run: parent, task, attempt: n } }))).run.id);
      const listed = (limit: number) => store.listChildRuns(parent, limit);
      expect((await listed(10)).map(({ run, task, attempt: n }) => [run, task, n])).toEqual([
        [children[2], 0, 1],
        [children[1], 0, 2],
        [children[0], 1, 1],
      ]);
      expect(await listed(1)).toMatchObject([{ run: children[2], state: 'queued' }]);
      expect(await store.listChildRuns(children[0]!, 10)).toEqual([]);
    });
  });
}
