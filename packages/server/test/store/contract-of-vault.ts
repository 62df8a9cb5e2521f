/** Secrets, connections and project files: what every store must do. */
import { createHash } from 'node:crypto';
import type { RunId } from '@pelorus/protocol';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Fence, Store } from '../../src/store/index.ts';
import type { Place } from './contract.ts';
import { AT, master, newRun, runChange, saveOf, startedRun, status } from './records.ts';

const refused = (code: string, text: RegExp): unknown =>
  expect.objectContaining({ code, message: expect.stringMatching(text) as unknown });
const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');

export function vaultContract(makePlace: () => Promise<Place>): void {
  describe('vault', () => {
    let place: Place;
    let store: Store;
    let projectId: number;
    let otherId: number;
    beforeEach(async () => {
      place = await makePlace();
      store = await place.open();
      projectId = (await store.ensureProject({ name: 'sales', description: '', owner: 'ann', at: AT })).id;
      otherId = (await store.ensureProject({ name: 'crm', description: '', owner: 'bob', at: AT })).id;
    });
    afterEach(async () => {
      await store.close();
      await place.remove();
    });

    const saveSecret = (name: string, sealed: string, more: { projectId?: number; at?: number; limit?: number } = {}) =>
      store.saveSecret({ projectId, name, sealed, user: 'ann', at: AT, limit: 10, ...more });
    const saveConnection = (name: string, url: string, sealed: string | null = null) =>
      store.saveConnection({ projectId, name, kind: 'postgres', url, sealed, user: 'ann', at: AT, limit: 3 });

    test('secrets are kept by name within their project, and replaced', async () => {
      expect(await saveSecret('b', 'one')).toEqual({
        created: true,
        secret: { name: 'b', sealed: 'one', updatedAt: AT, updatedBy: 'ann' },
      });
      await saveSecret('a', 'two');
      await saveSecret('b', 'theirs', { projectId: otherId });
      expect(await saveSecret('b', 'three', { at: AT + 1 })).toMatchObject({
        created: false,
        secret: { sealed: 'three', updatedAt: AT + 1 },
      });
      const list = async (page: { after?: string; limit: number }) =>
        (await store.listSecrets(projectId, page)).map(({ name, sealed }) => [name, sealed]);
      expect(await list({ limit: 5 })).toEqual([
        ['a', 'two'],
        ['b', 'three'],
      ]);
      expect(await list({ limit: 1 })).toEqual([['a', 'two']]);
      expect(await list({ after: 'a', limit: 1 })).toEqual([['b', 'three']]);
      expect(await store.getSecret(otherId, 'b')).toMatchObject({ sealed: 'theirs' });
      expect(await store.getSecret(otherId, 'a')).toBeNull();
    });

    test('a deleted secret is gone; what is not there cannot be deleted', async () => {
      await saveSecret('a', 'one');
      await store.deleteSecret(projectId, 'a');
      expect(await store.getSecret(projectId, 'a')).toBeNull();
      await expect(store.deleteSecret(projectId, 'a')).rejects.toEqual(refused('NOT_FOUND', /'a'/));
    });

    test('a project has so many secrets and connections and no more; changing one is not one more', async () => {
      await saveSecret('a', '1', { limit: 2 });
      await saveSecret('b', '1', { limit: 2 });
      await expect(saveSecret('c', '1', { limit: 2 })).rejects.toEqual(refused('CONFLICT', /2 secrets/));
      await saveSecret('b', '2', { limit: 2 });
      await saveSecret('c', '1', { limit: 2, projectId: otherId });
      for (const name of ['a', 'b', 'c']) await saveConnection(name, 'postgres://h/db');
      await expect(saveConnection('d', 'postgres://h/db')).rejects.toEqual(refused('CONFLICT', /3 connections/));
      await saveConnection('c', 'postgres://h/other');
    });

    test('connections are kept by name with what may be shown of them, and replaced', async () => {
      expect(await saveConnection('dwh', 'postgres://u:***@h/db', 'sealed')).toEqual({
        created: true,
        connection: {
          name: 'dwh',
          kind: 'postgres',
          url: 'postgres://u:***@h/db',
          sealed: 'sealed',
          plain: false,
          updatedAt: AT,
          updatedBy: 'ann',
        },
      });
      expect(await saveConnection('dwh', 'postgres://h/db')).toMatchObject({
        created: false,
        connection: { url: 'postgres://h/db', sealed: null },
      });
      await saveConnection('crm', 'postgres://h/crm');
      expect((await store.listConnections(projectId, { limit: 9 })).map((row) => row.name)).toEqual(['crm', 'dwh']);
      expect((await store.listConnections(projectId, { after: 'crm', limit: 9 })).map((row) => row.name)).toEqual([
        'dwh',
      ]);
      expect(await store.getConnection(otherId, 'dwh')).toBeNull();
      await store.deleteConnection(projectId, 'dwh');
      expect(await store.getConnection(projectId, 'dwh')).toBeNull();
      await expect(store.deleteConnection(projectId, 'dwh')).rejects.toEqual(refused('NOT_FOUND', /'dwh'/));
    });

    test('masters read the vault again only when something has changed', async () => {
      expect(await store.loadVault(projectId, null)).toEqual({ version: 0, secrets: [], connections: [] });
      expect(await store.loadVault(projectId, 0)).toBeNull();
      const versions = [0];
      const changes: (() => Promise<unknown>)[] = [
        () => saveSecret('a', 'one'),
        () => saveSecret('a', 'two'),
        () => saveConnection('dwh', 'postgres://u:***@h/db', 'sealed'),
        () => store.deleteSecret(projectId, 'a'),
        () => saveSecret('b', 'three'),
      ];
      for (const change of changes) {
        await change();
        const rows = await store.loadVault(projectId, versions.at(-1)!);
        expect(rows?.version).toBeGreaterThan(versions.at(-1)!);
        versions.push(rows!.version);
      }
      const known = versions.at(-1)!;
      await saveSecret('b', 'theirs', { projectId: otherId });
      expect(await store.loadVault(projectId, known)).toBeNull();
      expect(await store.loadVault(projectId, null)).toEqual({
        version: known,
        secrets: [{ name: 'b', sealed: 'three' }],
        connections: [{ name: 'dwh', kind: 'postgres', url: 'postgres://u:***@h/db', sealed: 'sealed', plain: false }],
      });
    });

    test('what is sealed is listed page by page, and sealed anew only where it is still as it was read', async () => {
      await saveSecret('a', 'a1');
      await saveSecret('a', 'o1', { projectId: otherId });
      await saveConnection('dwh', 'postgres://u:***@h/db', 'c1');
      await saveConnection('open', 'postgres://h/db');
      const listed = [];
      for (let page = await store.listSealed(null, 1); page.length > 0; page = await store.listSealed(page[0]!, 1))
        listed.push(page[0]!);
      expect(listed).toEqual(await store.listSealed(null, 10));
      expect(listed).toEqual([
        { kind: 'connection', projectId, name: 'dwh', url: 'postgres://u:***@h/db', sealed: 'c1', plain: false },
        { kind: 'secret', projectId, name: 'a', url: null, sealed: 'a1', plain: false },
        { kind: 'secret', projectId: otherId, name: 'a', url: null, sealed: 'o1', plain: false },
      ]);
      const before = await store.loadVault(projectId, null);
      await saveSecret('a', 'changed meanwhile');
      const done = await store.reseal(listed.map((from) => ({ from, url: from.url, sealed: `${from.sealed}-anew` })));
      expect(done).toBe(2);
      expect(await store.getSecret(projectId, 'a')).toMatchObject({ sealed: 'changed meanwhile' });
      expect(await store.getSecret(otherId, 'a')).toMatchObject({ sealed: 'o1-anew', updatedBy: 'ann' });
      expect(await store.getConnection(projectId, 'dwh')).toMatchObject({ sealed: 'c1-anew' });
      expect((await store.loadVault(projectId, null))?.version).toBeGreaterThan(before!.version);
      await store.purgeFreed();
      expect(await store.getSecret(otherId, 'a')).toMatchObject({ sealed: 'o1-anew' });
    });

    // ---- files

    const limits = { files: 4, bytes: 100 };
    const put = (path: string, text: string, expected: '*' | string[] | null = null) =>
      store.saveProjectFile({
        projectId,
        path,
        sha256: sha256(text),
        bytes: Buffer.from(text),
        expected,
        user: 'ann',
        at: AT,
        limits,
      });
    const read = async (text: string, from = 0, size = 1000) => {
      const bytes = await store.readContent(sha256(text), from, size);
      return bytes && Buffer.from(bytes).toString();
    };

    test('files are kept by path, and read whole or in part', async () => {
      expect(await put('lib/x.sh', 'echo x')).toEqual({
        kind: 'done',
        created: true,
        file: { path: 'lib/x.sh', sha256: sha256('echo x'), sizeBytes: 6, updatedAt: AT, updatedBy: 'ann' },
      });
      await put('empty', '');
      expect((await store.listProjectFiles(projectId, { limit: 9 })).map((file) => file.path)).toEqual([
        'empty',
        'lib/x.sh',
      ]);
      expect((await store.listProjectFiles(projectId, { after: 'empty', limit: 9 })).map((file) => file.path)).toEqual([
        'lib/x.sh',
      ]);
      expect(await store.findProjectFiles(projectId, ['lib/x.sh', 'gone', 'lib/%'])).toMatchObject([
        { path: 'lib/x.sh' },
      ]);
      expect(await store.findProjectFiles(otherId, ['lib/x.sh'])).toEqual([]);
      expect(await read('echo x')).toBe('echo x');
      expect(await read('echo x', 2, 3)).toBe('ho ');
      expect(await read('')).toBe('');
      expect(await read('never stored')).toBeNull();
    });

    test('content is there as long as a file names it', async () => {
      await put('a', 'same');
      await put('b', 'same');
      await put('a', 'other');
      expect(await read('same')).toBe('same');
      await store.deleteProjectFile({ projectId, path: 'b', expected: null });
      expect(await read('same')).toBeNull();
      expect(await read('other')).toBe('other');
      await expect(store.deleteProjectFile({ projectId, path: 'b', expected: null })).rejects.toEqual(
        refused('NOT_FOUND', /'b'/),
      );
    });

    test('content of a workflow version stays when the file that has the same goes', async () => {
      const base64 = Buffer.from('same').toString('base64');
      await put('a', 'same');
      await store.saveWorkflow(saveOf({ files: [{ name: 'own', sha256: sha256('same'), base64 }] }));
      await store.deleteProjectFile({ projectId, path: 'a', expected: null });
      const { workflow } = await store.saveWorkflow(saveOf());
      expect((await store.getWorkflowVersion(workflow.id, 1))?.files).toMatchObject([{ name: 'own', base64 }]);
    });

    test('a change that expects something else changes nothing', async () => {
      expect(await put('a', 'one', '*')).toEqual({ kind: 'mismatch', sha256: null });
      await put('a', 'one');
      expect(await put('a', 'two', [sha256('zero')])).toEqual({ kind: 'mismatch', sha256: sha256('one') });
      expect(await read('one')).toBe('one');
      expect(await read('two')).toBeNull();
      expect(await put('a', 'two', ['x', sha256('one')])).toMatchObject({ kind: 'done', created: false });
      const remove = (expected: '*' | string[]) => store.deleteProjectFile({ projectId, path: 'a', expected });
      expect(await remove([sha256('one')])).toEqual({ kind: 'mismatch', sha256: sha256('two') });
      expect(await remove('*')).toEqual({ kind: 'done' });
    });

    test('a project holds so many files and bytes and no more', async () => {
      await put('a', 'x'.repeat(60));
      await expect(put('b', 'y'.repeat(41))).rejects.toEqual(refused('CONFLICT', /101 bytes/));
      await put('b', 'y'.repeat(40));
      await put('a', 'z'.repeat(60));
      await put('c', '');
      await put('d', '');
      await expect(put('e', '')).rejects.toEqual(refused('CONFLICT', /4 files/));
      expect(await read('y'.repeat(41))).toBeNull();
    });

    // ---- what runs pin

    const withFiles = (more = {}) => store.saveWorkflow(saveOf({ projectFiles: ['load.sql', 'x.sh'], ...more }));
    const submit = async (more = {}) => (await store.submitRun(newRun(more))).run;

    test('a run pins what the project has under the names that its version takes from there', async () => {
      await put('load.sql', 'v1');
      await put('other', 'not wanted');
      await withFiles();
      const run = await submit();
      expect(run.files).toEqual([{ name: 'load.sql', sha256: sha256('v1') }]);
      await put('load.sql', 'v2');
      await put('x.sh', 'x');
      expect((await store.getRun(run.id))?.spec.files).toEqual(run.files);
      expect((await submit()).files).toEqual([
        { name: 'load.sql', sha256: sha256('v2') },
        { name: 'x.sh', sha256: sha256('x') },
      ]);
      expect((await submit({ files: run.files })).files).toEqual(run.files);
    });

    test('what a run has pinned outlives its file, and a run of a version without such files pins nothing', async () => {
      await put('load.sql', 'v1');
      await withFiles();
      const first = await submit();
      await put('load.sql', 'v2');
      await store.deleteProjectFile({ projectId, path: 'load.sql', expected: null });
      expect(await store.loadContents([sha256('v1'), sha256('v2')])).toEqual(
        new Map([[sha256('v1'), Buffer.from('v1').toString('base64')]]),
      );
      await withFiles({ projectFiles: [], hash: 'hash-2' });
      expect((await submit()).files).toBeUndefined();
      expect((await submit({ workflowVersion: 1, files: first.files })).files).toEqual(first.files);
    });

    test('a child run pins as it starts, not as its parent did', async () => {
      await put('load.sql', 'v1');
      await withFiles();
      const fence: Fence = await master(store, 'm1');
      const parent: RunId = await startedRun(store, fence);
      await put('load.sql', 'v2');
      const { idempotencyKey: _key, tasks: _tasks, parent: _parent, ...child } = newRun();
      const { workflow } = await withFiles({ hash: 'hash-1' });
      await store.commit(fence, [
        runChange(status(parent, { version: 2 })),
        {
          kind: 'start-child',
          parent: { run: parent, task: 0, attempt: 1 },
          child: { ...child, projectId, workflowId: workflow.id, workflowVersion: 1 },
        },
      ]);
      const [row] = await store.listChildRuns(parent, 10);
      expect((await store.getRun(row!.run))?.spec.files).toEqual([{ name: 'load.sql', sha256: sha256('v2') }]);
    });
  });
}
