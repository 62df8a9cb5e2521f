/** Workflows out of a project and several into it: what every store must do. */
import { createHash } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { SaveTogether, SaveWorkflow, Store } from '../../src/store/index.ts';
import type { Place } from './contract.ts';
import { AT, saveOf } from './records.ts';

const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');
const fileOf = (path: string, content: string) => ({ path, sha256: sha256(content), bytes: Buffer.from(content) });
const withFile = (name: string, content: string) => ({
  name,
  sha256: sha256(content),
  base64: Buffer.from(content).toString('base64'),
});

export function transferContract(makePlace: () => Promise<Place>): void {
  describe('workflows together', () => {
    let place: Place;
    let store: Store;
    let projectId: number;
    beforeEach(async () => {
      place = await makePlace();
      store = await place.open();
      projectId = (await store.ensureProject({ name: 'sales', description: '', owner: 'ann', at: AT })).id;
    });
    afterEach(async () => {
      await store.close();
      await place.remove();
    });

    const together = (workflows: SaveWorkflow[], more: Partial<SaveTogether> = {}) =>
      store.saveTogether({
        ...{ workflows, files: [], projectId, user: 'ann', at: AT, limits: { files: 3, bytes: 100 } },
        ...more,
      });
    const names = async () => (await store.listWorkflows({ project: 'sales', limit: 10 })).map(({ name }) => name);

    test('are saved, each with its version, and answered in the order in which they were sent', async () => {
      await store.saveWorkflow(saveOf({ name: 'b' }));
      const saved = await together([
        saveOf({ name: 'c' }),
        saveOf({ name: 'b', hash: 'hash-2', ifVersion: 1 }),
        saveOf({ name: 'a', ifVersion: null }),
      ]);
      expect(
        saved.map(({ workflow, created, changed }) => [workflow.name, workflow.version, created, changed]),
      ).toEqual([
        ['c', 1, true, true],
        ['b', 2, false, true],
        ['a', 1, true, true],
      ]);
      expect((await together([saveOf({ name: 'c' })])).map(({ changed }) => changed)).toEqual([false]);
    });

    test('are not saved, nor are their files, when one of them is not as expected', async () => {
      const files = [fileOf('a.sql', 'select 1')];
      await expect(
        together([saveOf({ name: 'a' }), saveOf({ name: 'b', ifVersion: 3 })], { files }),
      ).rejects.toMatchObject({ code: 'PRECONDITION' });
      expect(await names()).toEqual([]);
      expect(await store.findProjectFiles(projectId, ['a.sql'])).toEqual([]);
    });

    test('bring files that the project does not have, within its limits', async () => {
      await together([saveOf({ name: 'a' })], { files: [fileOf('a.sql', 'select 1'), fileOf('b.sql', '')] });
      expect(await store.findProjectFiles(projectId, ['a.sql', 'b.sql'])).toMatchObject([
        { path: 'a.sql', sha256: sha256('select 1'), sizeBytes: 8, updatedBy: 'ann' },
        { path: 'b.sql', sha256: sha256(''), sizeBytes: 0 },
      ]);
      for (const [files, code] of [
        [[fileOf('a.sql', 'select 2')], 'PRECONDITION'],
        [[fileOf('c.sql', 'x'), fileOf('d.sql', 'x')], 'CONFLICT'],
        [[fileOf('c.sql', 'x'.repeat(93))], 'CONFLICT'],
      ] as const)
        await expect(together([saveOf({ name: 'z' })], { files: [...files] })).rejects.toMatchObject({ code });
      expect(await names()).toEqual(['a']);
      expect(await store.findProjectFiles(projectId, ['a.sql'])).toMatchObject([{ sha256: sha256('select 1') }]);
    });

    test('leave a row of the audit for each thing that changed', async () => {
      await store.saveWorkflow(saveOf({ name: 'same' }));
      const stamp = { user: 'ann', via: 'token' as const, address: '::1', action: 'importProject', at: AT };
      await store
        .audited(() => stamp)
        .saveTogether({
          workflows: [saveOf({ name: 'same' }), saveOf({ name: 'new' })],
          files: [fileOf('a.sql', 'select 1')],
          ...{ projectId, user: 'ann', at: AT, limits: { files: 3, bytes: 100 } },
        });
      const rows = await store.listAudit({ limit: 10 });
      expect(rows.map(({ action, target }) => `${action} ${target}`).toSorted()).toEqual([
        'importProject projects/sales/files/a.sql',
        'importProject projects/sales/workflows/new',
      ]);
    });

    test('are listed by their latest versions, by name, without what is hidden or deleted', async () => {
      const source = 'name: ü\n';
      await store.saveWorkflow(saveOf({ name: 'b', files: [withFile('x.sh', 'one')] }));
      await store.saveWorkflow(
        saveOf({
          name: 'b',
          hash: 'hash-2',
          source,
          files: [withFile('y.sh', 'four')],
          projectFiles: ['a.sql'],
          at: AT + 1,
        }),
      );
      await store.saveWorkflow(saveOf({ name: 'a' }));
      await store.saveWorkflow(saveOf({ name: 'hidden', hidden: true }));
      const gone = await store.saveWorkflow(saveOf({ name: 'gone' }));
      await store.deleteWorkflow(gone.workflow.id, 'ann', AT);
      const all = await store.listLatestVersions(projectId, { names: null, limit: 10 });
      expect(all.map(({ name, version }) => [name, version])).toEqual([
        ['a', 1],
        ['b', 2],
      ]);
      expect(all[1]).toEqual({
        ...{ workflowId: expect.any(Number) as number, name: 'b', version: 2, format: 'yaml', createdAt: AT + 1 },
        ...{ sourceBytes: Buffer.byteLength(source), projectFiles: ['a.sql'] },
        files: [{ name: 'y.sh', sha256: sha256('four') }],
      });
      const some = async (filter: { names: string[] | null; limit: number }) =>
        (await store.listLatestVersions(projectId, filter)).map(({ name }) => name);
      expect(await some({ names: ['b', 'none', 'hidden'], limit: 10 })).toEqual(['b']);
      expect(await some({ names: null, limit: 1 })).toEqual(['a']);
      expect(await store.contentSizes([sha256('one'), sha256('four'), sha256('none')])).toEqual(
        new Map([
          [sha256('one'), 3],
          [sha256('four'), 4],
        ]),
      );
    });
  });
}
