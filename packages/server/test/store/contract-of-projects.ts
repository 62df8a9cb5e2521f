/** Projects, and lists that show only some of them: what every store must do. */
import { runIdOf } from '@pelorus/protocol';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { ProjectRow, Store, StoreErrorCode } from '../../src/store/index.ts';
import type { Place } from './contract.ts';
import { alertOfEnd, AT, master, newRun, runChange, saveOf, startedRun, status, withWorkflow } from './records.ts';

const refused = (code: StoreErrorCode, message: RegExp): unknown =>
  expect.objectContaining({ code, message: expect.stringMatching(message) as string });
const notFound: unknown = expect.objectContaining({ name: 'StoreError', code: 'NOT_FOUND' });

export function projectsContract(makePlace: () => Promise<Place>): void {
  describe('projects', () => {
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
    const create = (name: string, description = ''): Promise<ProjectRow> =>
      store.createProject({ name, description, owner: 'ann', at: AT });

    test('one is created once, found by its name, and changed', async () => {
      const made = await create('sales', 'Sales');
      expect(made).toEqual({ id: made.id, name: 'sales', description: 'Sales', owner: 'ann', createdAt: AT });
      await expect(create('sales')).rejects.toEqual(refused('CONFLICT', /project 'sales' already/));
      expect(await store.findProject('sales')).toEqual(made);
      expect(await store.findProject('Sales')).toBeNull();
      const changed = { ...made, description: 'All that is sold' };
      expect(await store.changeProject(made.id, { description: 'All that is sold' })).toEqual(changed);
      expect(await store.findProject('sales')).toEqual(changed);
      await expect(store.changeProject(made.id + 1, { description: '' })).rejects.toEqual(notFound);
    });

    test('those that may be seen are listed by name, none when none may', async () => {
      const [b, a, c] = [await create('b'), await create('a'), await create('c')];
      const names = async (projectIds?: number[] | null) =>
        (await store.listProjects(projectIds === undefined ? {} : { projectIds })).map((project) => project.name);
      expect(await names()).toEqual(['a', 'b', 'c']);
      expect(await names(null)).toEqual(['a', 'b', 'c']);
      expect(await names([b.id, a.id])).toEqual(['a', 'b']);
      expect(await names([c.id, c.id + 1])).toEqual(['c']);
      expect(await names([])).toEqual([]);
    });

    test('one that holds workflows or runs in progress stays, and says what is in the way', async () => {
      await withWorkflow(store);
      const project = (await store.findProject('sales'))!;
      const fence = await master(store, 'm1');
      const run = await startedRun(store, fence);
      await expect(store.deleteProject(project.id, 'ann', AT)).rejects.toEqual(
        refused('PRECONDITION', /: 1 workflow, 1 run in progress\./),
      );
      await store.commit(fence, [runChange(status(run, { version: 2, state: 'succeeded', endedAt: AT + 9 }))]);
      await expect(store.deleteProject(project.id, 'ann', AT)).rejects.toEqual(
        refused('PRECONDITION', /: 1 workflow\./),
      );
      await store.deleteWorkflow((await store.getWorkflow('sales', 'nightly'))!.id, 'ann', AT);
      await store.saveWorkflow(saveOf({ name: 'direct', hidden: true }));
      const direct = await store.submitRun(newRun({ workflow: 'direct' }));
      await expect(store.deleteProject(project.id, 'ann', AT)).rejects.toEqual(
        refused('PRECONDITION', /: 1 run in progress\./),
      );
      expect((await store.getRun(direct.run.id))?.status.state).toBe('queued');
      expect(await store.findProject('sales')).toEqual(project);
    });

    test('a deleted one frees its name, takes what belongs to it along and keeps its runs', async () => {
      await withWorkflow(store);
      const old = (await store.findProject('sales'))!;
      const fence = await master(store, 'm1');
      const run = await startedRun(store, fence);
      await store.commit(fence, [runChange(status(run, { version: 2, state: 'succeeded', endedAt: AT + 9 }))]);
      await store.deleteWorkflow((await store.getWorkflow('sales', 'nightly'))!.id, 'ann', AT);
      await store.saveWorkflow(saveOf({ name: 'direct', hidden: true }));
      await store.saveConnection({
        projectId: old.id,
        name: 'db',
        kind: 'postgres',
        url: 'postgres://u:***@db/x',
        sealed: 'sealed',
        user: 'ann',
        at: AT,
        limit: 1,
      });
      await store.saveSecret({ projectId: old.id, name: 'key', sealed: 'sealed', user: 'ann', at: AT, limit: 1 });
      await store.deleteProject(old.id, 'ann', AT + 20);

      expect(await store.findProject('sales')).toBeNull();
      expect(await store.listProjects()).toEqual([]);
      expect(await store.listProjects({ projectIds: [old.id] })).toEqual([]);
      expect(await store.getWorkflow('sales', 'direct')).toBeNull();
      expect(await store.loadVault(old.id, null)).toEqual({ version: 0, secrets: [], connections: [] });
      await expect(store.changeProject(old.id, { description: '' })).rejects.toEqual(notFound);
      await expect(store.deleteProject(old.id, 'ann', AT)).rejects.toEqual(notFound);
      await expect(store.saveWorkflow(saveOf())).rejects.toEqual(notFound);
      expect((await store.getRun(run))?.spec).toMatchObject({ project: 'sales', projectId: old.id });

      const again = await create('sales', 'another one');
      expect(again.id).not.toBe(old.id);
      await store.saveWorkflow(saveOf());
      const next = await store.submitRun(newRun());
      expect(next.run.projectId).toBe(again.id);
      // The old one's runs are not the new one's, though the name is the same.
      expect((await store.listRuns({ project: 'sales' }, 0, 10)).rows.map((row) => row.spec.id)).toEqual([next.run.id]);
      await store.commit(fence, [runChange(status(next.run.id, { version: 2, state: 'stopped', endedAt: AT + 30 }))]);
      await store.deleteWorkflow((await store.getWorkflow('sales', 'nightly'))!.id, 'ann', AT + 40);
      await store.deleteProject(again.id, 'ann', AT + 50);
      expect(await store.listProjects()).toEqual([]);
    });

    test('lists of workflows, runs and alerts obey it, totals too', async () => {
      const fence = await master(store, 'm1');
      const ids: number[] = [];
      for (const project of ['sales', 'stock', 'staff']) {
        ids.push((await create(project)).id);
        await store.saveWorkflow(saveOf({ project }));
      }
      const [sales, stock] = ids as [number, number];
      const runs = [];
      for (const project of ['sales', 'stock', 'sales', 'staff'])
        runs.push((await store.submitRun(newRun({ project }))).run.id);
      for (const run of runs)
        await store.commit(fence, [
          runChange(status(run, { version: 2, state: 'failed', endedAt: AT + 10 })),
          { kind: 'alert', alert: alertOfEnd(run) },
        ]);

      for (const [projectIds, own] of [
        [[sales], ['sales', 'sales']],
        [
          [sales, stock],
          ['sales', 'stock', 'sales'],
        ],
        [[], []],
        [null, ['sales', 'stock', 'sales', 'staff']],
        [Array.from({ length: 200 }, (_, index) => stock + index * 1000), ['stock']],
      ] as const) {
        const page = await store.listRuns({ projectIds }, 0, 10);
        expect(page.rows.map((row) => row.spec.project).toSorted()).toEqual(own.toSorted());
        expect(page.total).toBe(own.length);
        const failed = await store.listRuns({ projectIds, states: ['failed'], project: 'sales' }, 0, 1);
        expect(failed.total).toBe(own.filter((project) => project === 'sales').length);
        const workflows = await store.listWorkflows({ projectIds, limit: 10 });
        expect(workflows.map((workflow) => workflow.project).toSorted()).toEqual([...new Set(own)].toSorted());
        const alerts = await store.listAlerts({ projectIds, limit: 100 });
        const expected = runs.filter((_run, index) =>
          own.includes(['sales', 'stock', 'sales', 'staff'][index] as never),
        );
        expect([...new Set(alerts.map((delivery) => delivery.alert.run))]).toEqual(expected.toReversed());
        expect(alerts.map(({ id }) => id)).toEqual(alerts.map(({ id }) => id).toSorted((left, right) => right - left));
        const second = alerts[1];
        if (second !== undefined)
          expect((await store.listAlerts({ projectIds, before: second.id, limit: 1 }))[0]).toEqual(alerts[2]);
      }
    });

    test('runs say which project they are of, also in answers about many and about children', async () => {
      await withWorkflow(store);
      const other = await create('stock');
      await store.saveWorkflow(saveOf({ project: 'stock' }));
      const parent = (await store.submitRun(newRun())).run;
      const parentLink = { run: parent.id, task: 0, attempt: 1 };
      const child = (await store.submitRun(newRun({ project: 'stock', parent: parentLink }))).run;
      const nobody = runIdOf(child.id + 1);
      expect(await store.projectsOfRuns([child.id, nobody, parent.id])).toEqual(
        new Map([
          [child.id, other.id],
          [parent.id, parent.projectId],
        ]),
      );
      expect(await store.projectsOfRuns([])).toEqual(new Map());
      expect(await store.listChildRuns(parent.id, 10)).toEqual([
        { run: child.id, projectId: other.id, task: 0, attempt: 1, state: 'queued' },
      ]);
    });
  });
}
