/**
 * What every store must do. An adapter joins by calling `runsContract`, and in files of their own, so that all go on at once, the two
 * halves of `contract-of-areas.ts`, with a way to make an empty place and to open it;
 * what only one adapter does (a lock on a directory, say) is tested beside that adapter.
 */
import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { Change, LateResult } from '@pelorus/engine';
import { commandIdOf, formatAttemptId, masterIdOf, runIdOf } from '@pelorus/protocol';
import type { RunId, RunState } from '@pelorus/protocol';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import type { InvariantReport, RunFilter, Store } from '../../src/store/index.ts';
import { modelProperty } from './model.ts';
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
  taskRun,
  withWorkflow,
  worker,
} from './records.ts';
import { WAIT } from '../wait.ts';

/** Somewhere a store can be kept; opened any number of times, one after the other. */
export interface Place {
  open(options?: { masterLeaseMs?: number }): Promise<Store>;
  remove(): Promise<void>;
  /** What the invariants find after that SQL, of which nothing stays. */
  auditDamaged(sql: string): Promise<InvariantReport>;
  /** That SQL, beside the store. */
  execute(sql: string): Promise<void>;
  /** The invariants, asked beside the store. */
  audit(limit?: number): Promise<InvariantReport>;
  /** How another process opens it: a module that exports `openPlace(reference)`. */
  opener: URL;
  reference: string;
}

/** How long properties are tried: with so many random histories of a workflow, and of a backfill. */
export interface Effort {
  histories: number;
}

const conflict: unknown = expect.objectContaining({ name: 'StoreError', code: 'CONFLICT' });
const notFound: unknown = expect.objectContaining({ name: 'StoreError', code: 'NOT_FOUND' });
const fenced: unknown = expect.objectContaining({ name: 'StoreError', code: 'FENCED' });
const invariant: unknown = expect.objectContaining({ name: 'StoreError', code: 'INVARIANT' });

export function runsContract(name: string, makePlace: () => Promise<Place>): void {
  describe(`store: ${name}`, () => {
    let place: Place;
    let store: Store;
    beforeEach(async () => {
      place = await makePlace();
      store = await place.open();
    });
    afterEach(async () => {
      await store.close();
      await place.remove();
    });
    const reopen = async (options?: { masterLeaseMs?: number }) => {
      await store.close();
      store = await place.open(options);
    };

    describe('projects and workflows', () => {
      test('a project is made once; asking again answers with the first', async () => {
        const made = await store.ensureProject({ name: 'sales', description: 'Sales', owner: 'ann', at: AT });
        expect(made).toEqual({ id: made.id, name: 'sales', description: 'Sales', owner: 'ann', createdAt: AT });
        expect(await store.ensureProject({ name: 'sales', description: 'other', owner: 'bob', at: AT + 1 })).toEqual(
          made,
        );
        await store.ensureProject({ name: 'Ärger', description: '', owner: 'bob', at: AT });
        expect((await store.listProjects()).map((project) => project.name)).toEqual(['sales', 'Ärger']);
      });

      test('a workflow is created, then versioned; the same content makes no new version', async () => {
        await store.ensureProject({ name: 'sales', description: '', owner: 'ann', at: AT });
        const first = await store.saveWorkflow(saveOf());
        expect(first).toEqual({
          created: true,
          changed: true,
          textChanged: false,
          workflow: {
            id: first.workflow.id,
            projectId: first.workflow.projectId,
            project: 'sales',
            name: 'nightly',
            description: 'Loads what the day brought',
            version: 1,
            hash: 'hash-1',
            textRevision: 0,
            hidden: false,
            labels: {},
            createdAt: AT,
            updatedAt: AT,
            updatedBy: 'ann',
          },
        });
        expect(await store.saveWorkflow(saveOf({ user: 'bob', at: AT + 1 }))).toEqual({
          created: false,
          changed: false,
          textChanged: false,
          workflow: first.workflow,
        });
        const second = await store.saveWorkflow(
          saveOf({
            hash: 'hash-2',
            user: 'bob',
            at: AT + 2,
            definition: definition({ description: 'new' }),
            source: '{}',
            format: 'json',
          }),
        );
        const expected = {
          ...first.workflow,
          version: 2,
          hash: 'hash-2',
          description: 'new',
          updatedAt: AT + 2,
          updatedBy: 'bob',
        };
        expect(second).toEqual({ created: false, changed: true, textChanged: false, workflow: expected });
        expect(await store.getWorkflow('sales', 'nightly')).toEqual(expected);
        expect(await store.listWorkflowVersions(first.workflow.id)).toEqual([
          {
            workflowId: first.workflow.id,
            version: 2,
            hash: 'hash-2',
            format: 'json',
            textRevision: 0,
            createdAt: AT + 2,
            createdBy: 'bob',
          },
          {
            workflowId: first.workflow.id,
            version: 1,
            hash: 'hash-1',
            format: 'yaml',
            textRevision: 0,
            createdAt: AT,
            createdBy: 'ann',
          },
        ]);
        // Going back to earlier content is a change like any other.
        expect((await store.saveWorkflow(saveOf({ at: AT + 3 }))).workflow.version).toBe(3);
      });

      test('a version gives back its definition, source and files as they were saved', async () => {
        await store.ensureProject({ name: 'sales', description: '', owner: 'ann', at: AT });
        const files = [
          { name: 'lib/ä.py', sha256: 'a'.repeat(64), base64: Buffer.from([0, 255, 128, 10]).toString('base64') },
          {
            name: 'same-content.py',
            sha256: 'a'.repeat(64),
            base64: Buffer.from([0, 255, 128, 10]).toString('base64'),
          },
          { name: 'empty', sha256: 'b'.repeat(64), base64: '' },
        ];
        const source = 'name: nightly # "quotes", \\, 日本語, 👩‍🚀, \u2028\r\n';
        const definitionOfTwo = definition({ labels: { käse: '"; drop table run; --' } });
        const { workflow } = await store.saveWorkflow(saveOf({ files, source, definition: definitionOfTwo }));
        await store.saveWorkflow(saveOf({ hash: 'hash-2' }));
        const pinned = {
          workflowId: workflow.id,
          version: 1,
          hash: 'hash-1',
          format: 'yaml',
          textRevision: 0,
          createdAt: AT,
          createdBy: 'ann',
          source,
          files,
          definition: definitionOfTwo,
        };
        expect(await store.getWorkflowVersion(workflow.id, 1)).toEqual(pinned);
        expect(await store.loadWorkflowVersion(workflow.id, 1)).toEqual({
          workflowId: workflow.id,
          version: 1,
          files,
          definition: definitionOfTwo,
        });
        expect((await store.getWorkflowVersion(workflow.id, null))?.version).toBe(2);
        expect(await store.getWorkflowVersion(workflow.id, 9)).toBeNull();
        expect(await store.loadWorkflowVersion(999, 1)).toBeNull();
        expect(await store.getWorkflow('sales', 'other')).toBeNull();
      });

      test('saving refuses a missing project, and an existing name when it must be new', async () => {
        await expect(store.saveWorkflow(saveOf())).rejects.toEqual(notFound);
        await withWorkflow(store);
        await expect(store.saveWorkflow(saveOf({ mustBeNew: true, hash: 'hash-2' }))).rejects.toEqual(conflict);
        expect((await store.getWorkflow('sales', 'nightly'))?.version).toBe(1);
      });

      test('workflows are listed by id in pages, of one project or of all, without hidden and deleted ones', async () => {
        for (const project of ['sales', 'stock']) {
          await store.ensureProject({ name: project, description: '', owner: 'ann', at: AT });
          for (const workflowName of ['a', 'b', 'c']) await store.saveWorkflow(saveOf({ project, name: workflowName }));
          await store.saveWorkflow(saveOf({ project, name: 'hidden', hidden: true }));
        }
        const names = async (filter: { project?: string; after?: number; limit: number }) =>
          (await store.listWorkflows(filter)).map((workflow) => `${workflow.project}.${workflow.name}`);
        expect(await names({ limit: 100 })).toEqual(['sales.a', 'sales.b', 'sales.c', 'stock.a', 'stock.b', 'stock.c']);
        expect(await names({ project: 'stock', limit: 2 })).toEqual(['stock.a', 'stock.b']);
        const second = (await store.getWorkflow('stock', 'b'))!;
        expect(await names({ project: 'stock', after: second.id, limit: 2 })).toEqual(['stock.c']);
        await store.deleteWorkflow(second.id, 'ann', AT);
        expect(await names({ project: 'stock', limit: 10 })).toEqual(['stock.a', 'stock.c']);
        expect((await store.getWorkflow('sales', 'hidden'))?.hidden).toBe(true);
      });

      test('a workflow with a live run is not deleted; afterwards its history stays and its name is free', async () => {
        await withWorkflow(store);
        const fence = await master(store, 'm1');
        const run = await startedRun(store, fence);
        const old = (await store.getWorkflow('sales', 'nightly'))!;
        await expect(store.deleteWorkflow(old.id, 'ann', AT)).rejects.toEqual(conflict);
        await store.commit(fence, [runChange(status(run, { version: 2, state: 'succeeded', endedAt: AT + 9 }))]);
        await store.deleteWorkflow(old.id, 'ann', AT);
        expect(await store.getWorkflow('sales', 'nightly')).toBeNull();
        await expect(store.deleteWorkflow(old.id, 'ann', AT)).rejects.toEqual(notFound);
        await expect(store.submitRun(newRun())).rejects.toEqual(notFound);
        expect((await store.getRun(run))?.spec).toMatchObject({
          project: 'sales',
          workflow: 'nightly',
          workflowId: old.id,
        });
        expect((await store.getWorkflowVersion(old.id, 1))?.definition).toEqual(definition());
        const { workflow, created } = await store.saveWorkflow(saveOf());
        expect(created).toBe(true);
        expect(workflow.version).toBe(1);
        expect(workflow.id).not.toBe(old.id);
        // The name finds the runs of both.
        const next = await store.submitRun(newRun());
        const listed = await store.listRuns({ project: 'sales', workflow: 'nightly' }, 0, 10);
        expect(listed.rows.map((row) => row.spec.id)).toEqual([next.run.id, run]);
      });
    });

    describe('submitting', () => {
      beforeEach(() => withWorkflow(store));

      test('a run is stored whole, queued, with its first rows and a start command', async () => {
        const reused = taskRun(0, 3, {
          state: 'reused',
          cause: { kind: 'reused', runId: 7 },
          endedAt: AT,
          outputs: { rows: '12', 'name ä': '' },
        });
        const { run, command, repeated } = await store.submitRun(newRun({ tasks: [reused] }));
        const workflow = (await store.getWorkflow('sales', 'nightly'))!;
        const { idempotencyKey: _key, tasks: _tasks, ...given } = newRun();
        expect(run).toEqual({
          ...given,
          id: run.id,
          projectId: workflow.projectId,
          workflowId: workflow.id,
          workflowVersion: 1,
        });
        expect(repeated).toBe(false);
        const queued = {
          run: run.id,
          version: 0,
          state: 'queued',
          cause: null,
          firstFailure: null,
          waitReason: null,
          owner: null,
          startedAt: null,
          endedAt: null,
        };
        expect(await store.getRun(run.id)).toEqual({ spec: run, status: queued });
        const tasks = [{ ...reused, run: run.id }];
        expect(await store.getRunDetail(run.id)).toEqual({ spec: run, status: queued, tasks, attempts: [] });
        expect(await store.loadRuns([run.id])).toEqual([{ spec: run, status: queued, tasks, attempts: [] }]);
        const fence = await master(store, 'm1');
        expect(await store.claimCommands(fence, null, 10)).toEqual([
          { id: command, run: run.id, action: { kind: 'start' }, user: 'ann', at: AT },
        ]);
      });

      test('a run pins the latest version, or the one it names', async () => {
        await store.saveWorkflow(saveOf({ hash: 'hash-2' }));
        expect((await store.submitRun(newRun())).run.workflowVersion).toBe(2);
        expect((await store.submitRun(newRun({ workflowVersion: 1 }))).run.workflowVersion).toBe(1);
        await expect(store.submitRun(newRun({ workflowVersion: 3 }))).rejects.toEqual(notFound);
        await expect(store.submitRun(newRun({ workflow: 'other' }))).rejects.toEqual(notFound);
        await expect(store.submitRun(newRun({ project: 'other' }))).rejects.toEqual(notFound);
        expect((await store.listRuns({}, 0, 10)).total).toBe(2);
      });

      test('the same idempotency key of the same user answers with the same run for 24 h', async () => {
        const first = await store.submitRun(newRun({ idempotencyKey: 'k', requestHash: 'r' }));
        const again = await store.submitRun(
          newRun({ idempotencyKey: 'k', requestHash: 'r', submittedAt: AT + 86_399_999 }),
        );
        expect(again).toEqual({ ...first, repeated: true });
        const other = await store.submitRun(newRun({ idempotencyKey: 'k', requestHash: 'r', submitUser: 'bob' }));
        expect(other.repeated).toBe(false);
        await expect(store.submitRun(newRun({ idempotencyKey: 'k', requestHash: 'another' }))).rejects.toEqual(
          conflict,
        );
        const late = await store.submitRun(
          newRun({ idempotencyKey: 'k', requestHash: 'r', submittedAt: AT + 86_400_000 }),
        );
        expect(late.repeated).toBe(false);
        expect((await store.listRuns({}, 0, 10)).total).toBe(3);
        await reopen();
        const afterwards = await store.submitRun(
          newRun({ idempotencyKey: 'k', requestHash: 'r', submittedAt: AT + 86_400_001 }),
        );
        expect(afterwards).toEqual({ ...late, repeated: true });
      });

      test('of two submits with one key at the same time one makes the run', async () => {
        const answers = await Promise.all(
          Array.from({ length: 20 }, () => store.submitRun(newRun({ idempotencyKey: 'k' }))),
        );
        expect(new Set(answers.map(({ run }) => run.id)).size).toBe(1);
        expect(answers.filter(({ repeated }) => !repeated)).toHaveLength(1);
      });

      test('run ids rise and are never given out again', async () => {
        const first = await store.submitRun(newRun());
        await expect(
          store.submitRun(newRun({ tasks: [taskRun(0, 0), taskRun(0, 1, { state: null as never })] })),
        ).rejects.toThrow();
        await reopen();
        const second = await store.submitRun(newRun());
        expect(second.run.id).toBeGreaterThan(first.run.id);
        expect((await store.listRuns({}, 0, 10)).total).toBe(2);
      });
    });

    describe('commands', () => {
      beforeEach(() => withWorkflow(store));

      test('are refused for unknown and for ended runs, with the state', async () => {
        const request = { action: { kind: 'stop' }, user: 'ann', at: AT, idempotencyKey: null } as const;
        await expect(store.requestCommand({ ...request, run: runIdOf(404) })).rejects.toEqual(notFound);
        const fence = await master(store, 'm1');
        for (const [index, state] of (['succeeded', 'stopped', 'failed', 'dependency_failed'] as const).entries()) {
          const run = await startedRun(store, fence);
          const command = await store.requestCommand({ ...request, run });
          expect(command).toBeGreaterThan(index);
          await store.commit(fence, [runChange(status(run, { version: 2, state, endedAt: AT }))]);
          await expect(store.requestCommand({ ...request, run })).rejects.toThrow(new RegExp(`\\b${state}\\b`));
          await expect(store.requestCommand({ ...request, run })).rejects.toEqual(conflict);
        }
      });

      test('repeat under their key, also after the run has ended; another request under it is a conflict', async () => {
        const fence = await master(store, 'm1');
        const run = await startedRun(store, fence);
        const request = {
          run,
          action: { kind: 'kill-task', task: 'a' },
          user: 'ann',
          at: AT,
          idempotencyKey: 'k',
        } as const;
        const command = await store.requestCommand(request);
        expect(await store.requestCommand(request)).toBe(command);
        await expect(store.requestCommand({ ...request, action: { kind: 'kill-task', task: 'b' } })).rejects.toEqual(
          conflict,
        );
        await expect(store.submitRun(newRun({ idempotencyKey: 'k' }))).rejects.toEqual(conflict);
        expect(await store.requestCommand({ ...request, user: 'bob' })).not.toBe(command);
        await store.commit(fence, [runChange(status(run, { version: 2, state: 'stopped', endedAt: AT }))]);
        expect(await store.requestCommand(request)).toBe(command);
      });

      test('are claimed oldest first, in pages, until done', async () => {
        const fence = await master(store, 'm1');
        const a = await store.submitRun(newRun());
        const b = await store.submitRun(newRun());
        const stop = await store.requestCommand({
          run: a.run.id,
          action: { kind: 'stop' },
          user: 'bob',
          at: AT + 1,
          idempotencyKey: null,
        });
        const claimed = await store.claimCommands(fence, null, 2);
        expect(claimed.map(({ id }) => id)).toEqual([a.command, b.command]);
        expect(await store.claimCommands(fence, b.command, 2)).toEqual([
          { id: stop, run: a.run.id, action: { kind: 'stop' }, user: 'bob', at: AT + 1 },
        ]);
        expect(await store.claimCommands(fence, stop, 2)).toEqual([]);
        await store.commit(fence, [{ kind: 'command-done', command: a.command, outcome: { kind: 'applied' }, at: AT }]);
        await store.commit(fence, [
          { kind: 'command-done', command: stop, outcome: { kind: 'refused', reason: 'not now' }, at: AT },
        ]);
        expect((await store.claimCommands(fence, null, 10)).map(({ id }) => id)).toEqual([b.command]);
        await reopen();
        const next = await master(store, 'm2', { supersedes: ['m1'] });
        expect((await store.claimCommands(next, null, 10)).map(({ id }) => id)).toEqual([b.command]);
      });

      test('end once: the same outcome again is harmless, another one is a bug', async () => {
        const fence = await master(store, 'm1');
        const { command } = await store.submitRun(newRun());
        const done = (outcome: 'applied' | 'refused') =>
          store.commit(fence, [
            {
              kind: 'command-done',
              command,
              outcome: outcome === 'applied' ? { kind: 'applied' } : { kind: 'refused', reason: 'no' },
              at: AT,
            },
          ]);
        await done('applied');
        await done('applied');
        await expect(done('refused')).rejects.toEqual(invariant);
        await expect(
          store.commit(fence, [
            { kind: 'command-done', command: commandIdOf(404), outcome: { kind: 'applied' }, at: AT },
          ]),
        ).rejects.toEqual(invariant);
      });

      test('go to one of two masters only', async () => {
        const [one, two] = [await master(store, 'm1'), await master(store, 'm2')];
        const submitted = await Promise.all(Array.from({ length: 40 }, () => store.submitRun(newRun())));
        const pages = await Promise.all(
          [1, 2, 3, 4, 5].flatMap(() => [store.claimCommands(one, null, 4), store.claimCommands(two, null, 4)]),
        );
        const owners = new Map<number, Set<number>>();
        for (const [index, page] of pages.entries()) {
          for (const { run } of page) owners.set(run, (owners.get(run) ?? new Set()).add(index % 2));
        }
        expect([...owners.values()].every((masters) => masters.size === 1)).toBe(true);
        const ofOne = (await store.claimCommands(one, null, 100)).map(({ run }) => run);
        const ofTwo = (await store.claimCommands(two, null, 100)).map(({ run }) => run);
        expect([...ofOne, ...ofTwo].toSorted((a, b) => a - b)).toEqual(
          submitted.map(({ run }) => run.id as number).toSorted((a, b) => a - b),
        );
        // Neither adopts what the other was given.
        const adopted = await store.adoptRuns(two, null, 100);
        expect(adopted.filter((run) => ofOne.includes(run))).toEqual([]);
      });
    });

    describe('masters', () => {
      beforeEach(() => withWorkflow(store));

      test('an unknown master, or a wrong token, may do nothing', async () => {
        const right = await master(store, 'm1');
        for (const [fence, refused] of [
          [{ ...right, token: 'other' }, fenced],
          [{ ...right, master: masterIdOf('m9') }, expect.objectContaining({ code: 'WENT_BACK' }) as unknown],
        ] as const) {
          await expect(store.commit(fence, [])).rejects.toEqual(refused);
          await expect(store.renewMaster(fence, AT)).rejects.toEqual(refused);
          await expect(store.claimCommands(fence, null, 1)).rejects.toEqual(refused);
          await expect(store.adoptRuns(fence, null, 1)).rejects.toEqual(refused);
        }
        await store.commit(right, []);
        await store.renewMaster(right, AT);
      });

      test('an incarnation is registered once', async () => {
        await master(store, 'm1');
        await expect(master(store, 'm1')).rejects.toEqual(conflict);
      });

      test('a superseded master is fenced: its commits are refused whole, empty ones as well', async () => {
        const old = await master(store, 'm1');
        const run = await startedRun(store, old);
        const next = await master(store, 'm2', { supersedes: ['m1'] });
        await expect(store.commit(old, [])).rejects.toEqual(fenced);
        await expect(store.commit(old, [taskChange(taskRun(run, 0))])).rejects.toEqual(fenced);
        await expect(store.renewMaster(old, AT)).rejects.toEqual(fenced);
        await expect(store.claimCommands(old, null, 1)).rejects.toEqual(fenced);
        expect((await store.getRunDetail(run))?.tasks).toEqual([]);
        expect(await store.adoptRuns(next, null, 10)).toEqual([run]);
        expect((await store.getRun(run))?.status.owner).toBe('m2');
        await store.commit(next, [taskChange(taskRun(run, 0))]);
        expect((await store.getRunDetail(run))?.tasks).toEqual([taskRun(run, 0)]);
      });

      test('while a master renews its lease its runs stay with it; when it stops they are taken over and it is fenced', async () => {
        const masterLeaseMs = 2000;
        await reopen({ masterLeaseMs });
        const registeredAt = performance.now();
        const old = await master(store, 'm1');
        const run = await startedRun(store, old);
        const next = await master(store, 'm2');
        // Well past the first lease. A machine so slow that a whole lease goes by between two renewals proves nothing.
        let renewedAt = registeredAt;
        while (renewedAt - registeredAt < 1.5 * masterLeaseMs) {
          if (performance.now() - renewedAt > masterLeaseMs / 2) return;
          renewedAt = performance.now();
          await store.renewMaster(old, AT);
          const taken = await store.adoptRuns(next, null, 10);
          if (performance.now() - renewedAt < masterLeaseMs) expect(taken).toEqual([]);
        }
        await vi.waitFor(async () => expect(await store.adoptRuns(next, null, 10)).toEqual([run]), WAIT);
        await expect(store.commit(old, [])).rejects.toEqual(fenced);
        expect((await store.getRun(run))?.status.owner).toBe('m2');
      });

      test('after a restart a new master adopts every run that has not ended, in pages by id, and no other', async () => {
        const old = await master(store, 'm1');
        const live = [];
        for (let i = 0; i < 5; i++) live.push(await startedRun(store, old));
        const ended = await startedRun(store, old);
        await store.commit(old, [runChange(status(ended, { version: 2, state: 'failed', endedAt: AT }))]);
        const waiting = await store.submitRun(newRun());
        await reopen({ masterLeaseMs: 0 });
        const next = await master(store, 'm2', { supersedes: ['m1'] });
        const first = await store.adoptRuns(next, null, 2);
        const second = await store.adoptRuns(next, first.at(-1)!, 3);
        const third = await store.adoptRuns(next, second.at(-1)!, 3);
        // What nobody ever had comes with its start command.
        expect([first, second, third]).toEqual([live.slice(0, 2), live.slice(2, 5), []]);
        expect((await store.claimCommands(next, null, 10)).map(({ run }) => run)).toEqual([waiting.run.id]);
        expect(await store.adoptRuns(next, null, 10)).toEqual([]);
        expect((await store.getRun(live[0]!))?.status.owner).toBe('m2');
        expect((await store.getRun(ended))?.status.owner).toBe('m1');
        await expect(store.commit(old, [])).rejects.toEqual(fenced);
      });

      test('a master may not write a run that a living one owns', async () => {
        const [one, two] = [await master(store, 'm1'), await master(store, 'm2')];
        const run = await startedRun(store, one);
        await expect(store.commit(two, [runChange(status(run, { version: 2, state: 'paused' }))])).rejects.toEqual(
          invariant,
        );
        expect((await store.getRun(run))?.status).toEqual(status(run));
      });
    });

    describe('commit', () => {
      beforeEach(() => withWorkflow(store));

      test('stores every kind of change, and the owner', async () => {
        const fence = await master(store, 'm1');
        const { run, command } = await store.submitRun(newRun());
        const wanted = {
          status: status(run.id, {
            version: 4,
            cause: { kind: 'fail_fast', task: 'ü' },
            firstFailure: { task: 'ü', cause: { kind: 'exit', code: 3 } },
            waitReason: 'no_worker',
          }),
          task: taskRun(run.id, 99_999, {
            version: 3,
            state: 'succeeded',
            cause: { kind: 'exit', code: 0 },
            waitReason: 'w',
            attempts: 2,
            retries: 1,
            wakeAt: AT + 1,
            readyAt: AT + 2,
            startedAt: AT + 3,
            endedAt: AT + 4,
            outputs: { a: '1', ключ: 'значение "x"' },
          }),
          attempt: attempt(run.id, 99_999, 2, {
            version: 2,
            state: 'killed',
            cause: { kind: 'killed_by', user: 'bob' },
            startedAt: AT + 3,
            endedAt: AT + 4,
            kill: { cause: { kind: 'timeout', afterMs: 5 }, at: AT },
          }),
        };
        await store.commit(fence, [
          runChange({ ...wanted.status, owner: null }),
          taskChange(wanted.task),
          attemptChange(wanted.attempt),
          { kind: 'worker', record: worker('w1') },
          { kind: 'command-done', command, outcome: { kind: 'applied' }, at: AT },
        ]);
        const check = async () => {
          expect(await store.getRunDetail(run.id)).toEqual({
            spec: run,
            status: wanted.status,
            tasks: [wanted.task],
            attempts: [wanted.attempt],
          });
          expect(await store.getAttempt(formatAttemptId({ run: run.id, task: 99_999, n: 2 }))).toEqual(wanted.attempt);
          expect(await store.getAttempt(formatAttemptId({ run: run.id, task: 99_999, n: 1 }))).toBeNull();
          expect(await store.listWorkers()).toEqual([worker('w1')]);
        };
        await check();
        await reopen();
        await check();
      });

      test('the last change of a key wins, within a commit and across commits', async () => {
        const fence = await master(store, 'm1');
        const run = await startedRun(store, fence);
        await store.commit(fence, [
          taskChange(taskRun(run, 0, { version: 2, state: 'queued' })),
          taskChange(taskRun(run, 0, { version: 3, state: 'dispatched', attempts: 1 })),
          { kind: 'worker', record: worker('w1') },
          { kind: 'worker', record: worker('w1', { state: 'draining' }) },
        ]);
        await store.commit(fence, [
          taskChange(taskRun(run, 0, { version: 4, state: 'running', attempts: 1, startedAt: AT })),
        ]);
        expect((await store.getRunDetail(run))?.tasks).toEqual([
          taskRun(run, 0, { version: 4, state: 'running', attempts: 1, startedAt: AT }),
        ]);
        expect((await store.listWorkers()).map(({ state }) => state)).toEqual(['draining']);
        expect(await store.countTaskRuns(run)).toEqual({ running: 1 });
      });

      test('counts in the order in which it was asked for, also one that repeats what has ended', async () => {
        const fence = await master(store, 'm1');
        const run = await startedRun(store, fence);
        const ended = attemptChange(attempt(run, 0, 1, { version: 1, state: 'succeeded', endedAt: AT }));
        await store.commit(fence, [ended]);
        const reasons = ['first', 'second', 'third'].map((waitReason) => taskChange(taskRun(run, 0, { waitReason })));
        await Promise.all(reasons.map((change, at) => store.commit(fence, at === 0 ? [ended, change] : [change])));
        expect((await store.getRunDetail(run))?.tasks[0]?.waitReason).toBe('third');
      });

      test('is all or nothing, and one that fails in the midst of a group takes no other along', async () => {
        const fence = await master(store, 'm1');
        const run = await startedRun(store, fence);
        await store.commit(fence, [taskChange(taskRun(run, 0, { version: 2, state: 'succeeded' }))]);
        const settled = await Promise.allSettled(
          Array.from({ length: 50 }, (_, i) =>
            store.commit(fence, [
              taskChange(taskRun(run, 100 + i, { version: 3 })),
              ...(i % 7 === 3 ? [taskChange(taskRun(run, 0, { version: 3, state: 'failed' }))] : []),
              taskChange(taskRun(run, 200 + i, { version: 3 })),
            ]),
          ),
        );
        const failed = settled.flatMap((result, i) => (result.status === 'rejected' ? [i] : []));
        expect(failed).toEqual([3, 10, 17, 24, 31, 38, 45]);
        const stored = new Set((await store.getRunDetail(run))!.tasks.map(({ task }) => task));
        for (let i = 0; i < 50; i++)
          expect([stored.has(100 + i), stored.has(200 + i)]).toEqual([i % 7 !== 3, i % 7 !== 3]);
      });

      test('S4: what has ended never changes; telling the same again is harmless', async () => {
        const fence = await master(store, 'm1');
        const run = await startedRun(store, fence);
        const done = taskRun(run, 0, { version: 2, state: 'succeeded', endedAt: AT, outputs: { a: '1' } });
        const over = attempt(run, 0, 1, { version: 2, state: 'succeeded', endedAt: AT });
        const ended = status(run, { version: 3, state: 'succeeded', endedAt: AT });
        await store.commit(fence, [taskChange(done), attemptChange(over)]);
        await store.commit(fence, [runChange(ended)]);
        await store.commit(fence, [taskChange({ ...done, version: 1 }), attemptChange(over), runChange(ended)]);
        for (const change of [
          taskChange({ ...done, version: 4, state: 'failed' }),
          taskChange({ ...done, version: 4, outputs: { a: '2' } }),
          taskChange({ ...done, version: 4, state: 'forced_success' }),
          attemptChange({ ...over, version: 4, state: 'running' }),
          attemptChange({ ...over, version: 4, endedAt: AT + 1 }),
          runChange({ ...ended, version: 4, state: 'running', endedAt: null }),
          runChange({ ...ended, version: 4, state: 'failed' }),
        ]) {
          await expect(store.commit(fence, [taskChange(taskRun(run, 5)), change])).rejects.toEqual(invariant);
        }
        expect(await store.getRunDetail(run)).toMatchObject({ status: ended, tasks: [done], attempts: [over] });
      });

      test('force success is the one thing that overrules an ended task run', async () => {
        const fence = await master(store, 'm1');
        const run = await startedRun(store, fence);
        for (const [task, state] of (['failed', 'killed', 'upstream_failed', 'skipped'] as const).entries()) {
          await store.commit(fence, [taskChange(taskRun(run, task, { version: 2, state }))]);
          const forced = taskRun(run, task, {
            version: 3,
            state: 'forced_success',
            cause: { kind: 'forced_by', user: 'ann' },
          });
          await store.commit(fence, [taskChange(forced)]);
          await expect(
            store.commit(fence, [taskChange(taskRun(run, task, { version: 4, state: 'failed' }))]),
          ).rejects.toEqual(invariant);
          expect((await store.getRunDetail(run))?.tasks[task]).toEqual(forced);
        }
      });

      test('a record older than the stored one is a bug', async () => {
        const fence = await master(store, 'm1');
        const run = await startedRun(store, fence);
        await store.commit(fence, [
          taskChange(taskRun(run, 0, { version: 5, state: 'running' })),
          attemptChange(attempt(run, 0, 1, { version: 5, state: 'running' })),
          runChange(status(run, { version: 5 })),
        ]);
        for (const change of [
          taskChange(taskRun(run, 0, { version: 4, state: 'queued' })),
          attemptChange(attempt(run, 0, 1, { version: 4 })),
          runChange(status(run, { version: 4, state: 'paused' })),
        ])
          await expect(store.commit(fence, [change])).rejects.toEqual(invariant);
      });

      test('S5: at most one live attempt per task run; one that ends makes way in the same commit', async () => {
        const fence = await master(store, 'm1');
        const run = await startedRun(store, fence);
        await store.commit(fence, [attemptChange(attempt(run, 0, 1))]);
        for (const state of ['dispatched', 'running', 'killing'] as const) {
          await expect(
            store.commit(fence, [taskChange(taskRun(run, 0)), attemptChange(attempt(run, 0, 2, { state }))]),
          ).rejects.toEqual(invariant);
        }
        expect(await store.getRunDetail(run)).toMatchObject({ tasks: [], attempts: [attempt(run, 0, 1)] });
        const lost = attempt(run, 0, 1, { version: 2, state: 'lost', endedAt: AT });
        await store.commit(fence, [
          attemptChange(attempt(run, 0, 2, { version: 2 })),
          attemptChange(attempt(run, 1, 1)),
          attemptChange(lost),
        ]);
        expect((await store.getRunDetail(run))?.attempts).toEqual([
          lost,
          attempt(run, 1, 1),
          attempt(run, 0, 2, { version: 2 }),
        ]);
        expect((await store.loadRuns([run]))[0]?.attempts).toEqual([
          attempt(run, 0, 2, { version: 2 }),
          attempt(run, 1, 1),
        ]);
      });

      test('a result that comes after its attempt was given up is kept with it, once, and moves nothing', async () => {
        const fence = await master(store, 'm1');
        const run = await startedRun(store, fence);
        const cause = { kind: 'worker_lost', worker: 'w1' } as const;
        const lost = attempt(run, 0, 1, { version: 2, state: 'lost', cause, endedAt: AT });
        const next = attempt(run, 0, 2, { version: 2 });
        const asWanted = attempt(run, 1, 1, { version: 2, state: 'failed', kill: { cause, at: AT }, endedAt: AT });
        const ended = attempt(run, 2, 1, {
          version: 2,
          state: 'succeeded',
          cause: { kind: 'exit', code: 0 },
          endedAt: AT,
        });
        await store.commit(fence, [lost, next, asWanted, ended].map(attemptChange));
        const before = await store.getRunDetail(run);
        const result = (state: LateResult['state'], code: number): LateResult => ({
          state,
          cause: { kind: 'exit', code },
          startedAt: AT,
          endedAt: AT + 1,
          reportedAt: AT + 2,
        });
        const late = (task: number, n: number, said: LateResult): Change => ({
          kind: 'late-result',
          run,
          task,
          n,
          result: said,
        });

        await store.commit(fence, [late(0, 1, result('succeeded', 0)), late(0, 1, result('failed', 1))]);
        await store.commit(fence, [
          late(0, 1, result('failed', 2)),
          late(0, 2, result('succeeded', 0)),
          late(1, 1, result('killed', 143)),
          late(2, 1, result('succeeded', 0)),
          late(3, 1, result('succeeded', 0)),
        ]);

        const kept = { ...lost, late: result('succeeded', 0) };
        expect(await store.getRunDetail(run)).toEqual({
          ...before,
          attempts: before!.attempts.map((each) => (each.task === 0 && each.n === 1 ? kept : each)),
        });
        expect(await store.getAttempt(formatAttemptId(lost))).toEqual(kept);
      });

      test('a status for a run that does not exist is a bug', async () => {
        const fence = await master(store, 'm1');
        await expect(store.commit(fence, [runChange(status(runIdOf(404)))])).rejects.toEqual(invariant);
      });

      test('reads asked after a commit resolved see it, also while others write', async () => {
        const fence = await master(store, 'm1');
        const run = await startedRun(store, fence);
        await Promise.all(
          Array.from({ length: 8 }, async (_, task) => {
            for (let version = 2; version < 60; version++) {
              await store.commit(fence, [taskChange(taskRun(run, task, { version, state: 'running' }))]);
              const [loaded, detail] = await Promise.all([store.loadRuns([run]), store.getRunDetail(run)]);
              expect(loaded[0]?.tasks.find((record) => record.task === task)?.version).toBe(version);
              expect(detail?.tasks.find((record) => record.task === task)?.version).toBe(version);
            }
          }),
        );
      });

      test('a detail is of one moment: a run and its task never disagree', async () => {
        const fence = await master(store, 'm1');
        const run = await startedRun(store, fence);
        let writing = true;
        const writer = (async () => {
          for (let version = 2; version < 200; version++) {
            await store.commit(fence, [runChange(status(run, { version })), taskChange(taskRun(run, 0, { version }))]);
          }
          writing = false;
        })();
        while (writing) {
          const detail = (await store.getRunDetail(run))!;
          if (detail.tasks.length > 0) expect(detail.tasks[0]!.version).toBe(detail.status.version);
        }
        await writer;
      });

      test('10,000 task runs go into one commit and come back in order', async () => {
        const fence = await master(store, 'm1');
        const run = await startedRun(store, fence);
        const tasks = Array.from({ length: 10_000 }, (_, task) =>
          taskRun(run, task, { state: task % 2 ? 'queued' : 'delayed' }),
        );
        await store.commit(fence, tasks.toReversed().map(taskChange));
        expect((await store.getRunDetail(run))?.tasks).toEqual(tasks);
        expect(await store.countTaskRuns(run)).toEqual({ queued: 5000, delayed: 5000 });
      });

      test('runs load in bulk, each with its own rows, unknown ids left out', async () => {
        const fence = await master(store, 'm1');
        const runs = [await startedRun(store, fence), await startedRun(store, fence), await startedRun(store, fence)];
        await store.commit(
          fence,
          runs.slice(1).flatMap((run) => [taskChange(taskRun(run, 1)), attemptChange(attempt(run, 1, 1))]),
        );
        const loaded = await store.loadRuns([runs[2]!, runIdOf(404), runs[0]!]);
        expect(loaded.map(({ spec, tasks, attempts }) => [spec.id, tasks, attempts])).toEqual([
          [runs[2], [taskRun(runs[2]!, 1)], [attempt(runs[2]!, 1, 1)]],
          [runs[0], [], []],
        ]);
        expect(await store.loadRuns([])).toEqual([]);
        expect(await store.getRun(runIdOf(404))).toBeNull();
        expect(await store.getRunDetail(runIdOf(404))).toBeNull();
      });
    });

    describe('children', () => {
      beforeEach(() => withWorkflow(store));
      const childOf = async (parent: RunId) => {
        const { spec } = (await store.getRun(parent))!;
        const { id: _id, parent: _parent, ...inherited } = spec;
        const link = { run: parent, task: 4, attempt: 1 };
        return {
          link,
          start: {
            kind: 'start-child',
            parent: link,
            child: { ...inherited, mode: 'sub-workflow', depth: 1, submittedAt: AT + 3 },
          } as const,
        };
      };
      const childRuns = async (parent: RunId) =>
        (await store.listRuns({}, 0, 100)).rows.filter((row) => row.spec.parent?.run === parent);

      test("a child is made once for an attempt, with a start command that its parent's master is given", async () => {
        const fence = await master(store, 'm1');
        const parent = await startedRun(store, fence);
        const { link, start } = await childOf(parent);
        await store.commit(fence, [start, taskChange(taskRun(parent, 4, { state: 'running' }))]);
        await store.commit(fence, [start]);
        const [child, ...more] = await childRuns(parent);
        expect(more).toEqual([]);
        expect(child?.spec).toEqual({ ...start.child, id: child!.spec.id, parent: link });
        expect(child?.status.state).toBe('queued');
        expect(await store.claimCommands(fence, null, 10)).toEqual([
          { id: expect.any(Number) as number, run: child!.spec.id, action: { kind: 'start' }, user: 'ann', at: AT + 3 },
        ]);
        await store.commit(fence, [{ ...start, parent: { ...link, attempt: 2 } }]);
        expect(await childRuns(parent)).toHaveLength(2);
        await expect(store.submitRun(newRun({ parent: link }))).rejects.toEqual(conflict);
        await expect(
          store.commit(fence, [
            { ...start, parent: { ...link, attempt: 3 }, child: { ...start.child, workflowVersion: 9 } },
          ]),
        ).rejects.toEqual(invariant);
      });

      test('a command reaches the live child of that attempt, and nobody else', async () => {
        const fence = await master(store, 'm1');
        const parent = await startedRun(store, fence);
        const { link, start } = await childOf(parent);
        const stop = {
          kind: 'child-command',
          parent: link,
          action: { kind: 'stop' },
          user: 'bob',
          at: AT + 9,
        } as const;
        await store.commit(fence, [stop, start, { ...stop, parent: { ...link, attempt: 2 } }]);
        const [child] = await childRuns(parent);
        const [begin, ...none] = await store.claimCommands(fence, null, 10);
        expect([begin?.run, begin?.action, none]).toEqual([child!.spec.id, { kind: 'start' }, []]);
        await store.commit(fence, [
          stop,
          { kind: 'command-done', command: begin!.id, outcome: { kind: 'applied' }, at: AT },
        ]);
        expect(await store.claimCommands(fence, begin!.id, 10)).toEqual([
          { id: expect.any(Number) as number, run: child!.spec.id, action: { kind: 'stop' }, user: 'bob', at: AT + 9 },
        ]);
        await store.commit(fence, [runChange(status(child!.spec.id, { state: 'stopped', endedAt: AT + 10 }))]);
        const before = (await store.claimCommands(fence, null, 10)).length;
        await store.commit(fence, [stop]);
        expect(await store.claimCommands(fence, null, 10)).toHaveLength(before);
      });

      test('the end of a child is a command to its parent, written with it once; not to a parent that has ended', async () => {
        const fence = await master(store, 'm1');
        const parent = await startedRun(store, fence);
        const { link, start } = await childOf(parent);
        await store.commit(fence, [start, { ...start, parent: { ...link, attempt: 2 } }]);
        const [second, first] = (await childRuns(parent)).map((row) => row.spec.id);
        const begun = (await store.claimCommands(fence, null, 10)).map(({ id }) => id);
        await store.commit(
          fence,
          begun.map((command) => ({ kind: 'command-done', command, outcome: { kind: 'applied' }, at: AT })),
        );
        const end = runChange(status(first!, { state: 'failed', endedAt: AT + 7 }));
        await store.commit(fence, [end]);
        await store.commit(fence, [end]);
        const told = await store.claimCommands(fence, null, 10);
        expect(told).toEqual([
          {
            id: expect.any(Number) as number,
            run: parent,
            user: 'pelorus',
            at: AT + 7,
            action: { kind: 'child-finished', task: 4, attempt: 1, child: first, state: 'failed' },
          },
        ]);
        await store.commit(fence, [
          runChange(status(second!, { state: 'stopped', endedAt: AT + 8 })),
          runChange(status(parent, { version: 2, state: 'stopped', endedAt: AT + 8 })),
        ]);
        expect(await store.claimCommands(fence, told[0]!.id, 10)).toEqual([]);
      });
    });

    describe('lists', () => {
      /** Six runs in three workflows; [project, workflow, submitted, started, state]. */
      const runs: [
        project: string,
        workflow: string,
        submittedAt: number,
        startedAt: number | null,
        state: RunState,
      ][] = [
        ['a_b', 'x%', AT + 1, AT + 50, 'succeeded'],
        ['a_b', 'x%', AT + 2, AT + 40, 'failed'],
        ['aXb', 'xy', AT + 3, null, 'queued'],
        ['aXb', 'xy', AT + 4, AT + 50, 'running'],
        ['Äß', '日本', AT + 5, AT + 60, 'succeeded'],
        ['Äß', '日本', AT + 6, null, 'queued'],
      ];
      beforeEach(async () => {
        const fence = await master(store, 'm1');
        for (const [project, workflow, submittedAt, startedAt, state] of runs) {
          await store.ensureProject({ name: project, description: '', owner: 'ann', at: AT });
          await store.saveWorkflow(saveOf({ project, name: workflow }));
          const { run } = await store.submitRun(newRun({ project, workflow, submittedAt }));
          if (state !== 'queued') await store.commit(fence, [runChange(status(run.id, { state, startedAt }))]);
        }
      });
      /** Positions in `runs`, from 1, and the total. */
      const list = async (filter: RunFilter, from = 0, size = 100) => {
        const page = await store.listRuns(filter, from, size);
        return [page.rows.map((row) => runs.findIndex((run) => run[2] === row.spec.submittedAt) + 1), page.total];
      };

      test('show what has not started first, then the newest start; ties by the newer id', async () => {
        expect(await list({})).toEqual([[6, 3, 5, 4, 1, 2], 6]);
      });

      test('have pages that neither overlap nor miss, with the whole total', async () => {
        expect(await list({}, 0, 2)).toEqual([[6, 3], 6]);
        expect(await list({}, 2, 3)).toEqual([[5, 4, 1], 6]);
        expect(await list({}, 5, 3)).toEqual([[2], 6]);
        expect(await list({}, 6, 3)).toEqual([[], 6]);
        expect(await list({}, 1000, 3)).toEqual([[], 6]);
      });

      test('match prefixes literally: % and _ and case mean themselves', async () => {
        expect(await list({ projectPrefixes: ['a_'] })).toEqual([[1, 2], 2]);
        expect(await list({ workflowPrefixes: ['x%'] })).toEqual([[1, 2], 2]);
        expect(await list({ workflowPrefixes: ['%'] })).toEqual([[], 0]);
        expect(await list({ projectPrefixes: ['A'] })).toEqual([[], 0]);
        expect(await list({ projectPrefixes: ['Ä', 'a_b'] })).toEqual([[6, 5, 1, 2], 4]);
        expect(await list({ projectPrefixes: [''] })).toEqual([[6, 3, 5, 4, 1, 2], 6]);
        expect(await list({ projectPrefixes: [] })).toEqual([[], 0]);
        expect(await list({ workflowPrefixes: ['日'] })).toEqual([[6, 5], 2]);
        expect(await list({ projectPrefixes: ['a'], workflowPrefixes: ['xy'] })).toEqual([[3, 4], 2]);
      });

      test('filter by exact names, states and submit time, both bounds inclusive', async () => {
        expect(await list({ project: 'aXb' })).toEqual([[3, 4], 2]);
        expect(await list({ project: 'aX' })).toEqual([[], 0]);
        expect(await list({ workflow: '日本', states: ['succeeded'] })).toEqual([[5], 1]);
        expect(await list({ states: ['queued', 'failed'] })).toEqual([[6, 3, 2], 3]);
        expect(await list({ states: [] })).toEqual([[], 0]);
        expect(await list({ submittedFrom: AT + 2, submittedTo: AT + 4 })).toEqual([[3, 4, 2], 3]);
        expect(await list({ submittedFrom: AT + 4 })).toEqual([[6, 5, 4], 3]);
        expect(await list({ submittedTo: AT + 1 })).toEqual([[1], 1]);
        expect(await list({ project: 'Äß', submittedTo: AT + 5 })).toEqual([[5], 1]);
        expect(await list({ submittedFrom: AT + 9 })).toEqual([[], 0]);
      });

      test('give whole rows', async () => {
        const [row] = (await store.listRuns({ states: ['running'] }, 0, 1)).rows;
        expect(row).toEqual(await store.getRun(row!.spec.id));
      });
    });

    describe('durability', () => {
      test('everything accepted before close is stored', async () => {
        await withWorkflow(store);
        const fence = await master(store, 'm1');
        const run = await startedRun(store, fence);
        // Few enough for a slow machine: a store that closes waits for 5 s at most.
        const accepted = Array.from({ length: 20 }, (_, task) => store.commit(fence, [taskChange(taskRun(run, task))]));
        const closed = store.close();
        await expect(store.commit(fence, [])).rejects.toEqual(expect.objectContaining({ code: 'UNAVAILABLE' }));
        await Promise.all([...accepted, closed, store.close()]);
        store = await place.open();
        expect((await store.getRunDetail(run))?.tasks).toHaveLength(accepted.length);
      });

      test('after kill -9 of a writing process everything it was told is durable is there, and nothing half', async () => {
        await withWorkflow(store);
        for (const atLeast of [40, 120, 240]) {
          await store.close();
          const told = await killedWriter(place, atLeast);
          store = await place.open();
          const rows = (await store.listRuns({}, 0, 1000)).rows.filter(
            (row) => row.spec.mode === `round ${told.round}`,
          );
          expect(rows).toHaveLength(1);
          const detail = (await store.getRunDetail(rows[0]!.spec.id))!;
          const stored = new Set(detail.tasks.map(({ task }) => task));
          expect(told.numbers.length).toBeGreaterThanOrEqual(atLeast);
          expect(told.numbers.filter((number) => !stored.has(number))).toEqual([]);
          // Each commit wrote its task run together with an attempt.
          expect(detail.attempts.map(({ task }) => task).toSorted((a, b) => a - b)).toEqual(
            [...stored].toSorted((a, b) => a - b),
          );
        }
      });

      test('from nothing to the current schema, and opening again changes nothing', async () => {
        expect(await store.listProjects()).toEqual([]);
        expect(await store.listRuns({}, 0, 10)).toEqual({ total: 0, rows: [] });
        await withWorkflow(store);
        await reopen();
        await reopen();
        expect((await store.listWorkflows({ limit: 10 })).map(({ name: workflow }) => workflow)).toEqual(['nightly']);
      });
    });

    test('random commits, grouped at random, leave what a naive model has', () => modelProperty(makePlace));
  });
}

/** Lets another process commit numbered changes until it has told of so many, kills it, and answers with the numbers it told. */
async function killedWriter(place: Place, atLeast: number): Promise<{ round: string; numbers: number[] }> {
  const child = spawn(
    process.execPath,
    [fileURLToPath(new URL('./killed-writer.ts', import.meta.url)), place.opener.href, place.reference],
    {
      stdio: ['ignore', 'pipe', 'inherit'],
    },
  );
  const numbers: number[] = [];
  const ended = new Promise((resolve) => child.once('exit', (code, signal) => resolve(signal ?? code)));
  for await (const line of createInterface({ input: child.stdout })) {
    numbers.push(Number(line));
    if (numbers.length === atLeast) child.kill('SIGKILL');
  }
  expect(await ended).toBe('SIGKILL');
  return { round: String(child.pid), numbers };
}
