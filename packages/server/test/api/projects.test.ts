/** Projects: whose they become, who may change them, when they can go, and what goes with them. */
import type { Page, Problem, ProjectView } from '@pelorus/protocol';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { runAtOnce } from '../../src/store/database.ts';
import { SqliteDatabase } from '../../src/store/sqlite-database.ts';
import { openWorld, type World } from './authorisation/world.ts';
import { NOW } from './api-under-test.ts';

let world: World;
beforeAll(async () => {
  world = await openWorld();
});
afterAll(() => world.close());

const call = <Body = ProjectView>(who: string, method: string, at: string, body?: unknown) =>
  world.api.call<Body & Problem>(method, at, {
    headers: who === 'admin' ? world.asAdmin : world.as(who),
    ...(body === undefined ? {} : { body }),
  });
const put = (who: string, name: string, body: object = {}) => call(who, 'PUT', `/projects/${name}`, body);
const namesSeen = async (who: string) =>
  (await call<Page<ProjectView>>(who, 'GET', '/projects')).body.items.map(({ name }) => name);

test('whoever is signed in may create one and owns it; others do not see it', async () => {
  const made = await put('viewer', 'mine', { description: 'My own' });
  expect(made).toMatchObject({ status: 201, body: { name: 'mine', owner: 'viewer', description: 'My own' } });
  expect(await namesSeen('viewer')).toContain('mine');
  expect(await namesSeen('editor')).not.toContain('mine');
  expect((await call('editor', 'GET', '/projects/mine')).status).toBe(403);
  expect((await call('viewer', 'PUT', '/projects/mine/members/editor', { perm: 7 })).status).toBe(201);
  expect(await namesSeen('editor')).toContain('mine');
});

test('a token that is restricted creates none', async () => {
  for (const who of ['token of the owner that may read', 'token of the owner for another project'])
    expect((await put(who, 'sneaked')).body).toMatchObject({ status: 403, code: 'FORBIDDEN' });
  expect(await world.api.store.findProject('sneaked')).toBeNull();
});

test('the owner changes the description; members may only ask for it to exist', async () => {
  await put('owner', 'described', { description: 'old' });
  const project = (await world.api.store.findProject('described'))!;
  for (const [user, bits] of [
    ['editor', 7],
    ['w-only', 4],
  ] as const)
    await world.api.store.saveMember({ projectId: project.id, user, bits, by: 'owner', at: NOW, limit: 9 });
  expect(await put('editor', 'described')).toMatchObject({ status: 200, body: { description: 'old', owner: 'owner' } });
  expect((await put('editor', 'described', { description: 'new' })).status).toBe(403);
  expect((await put('w-only', 'described')).status).toBe(403);
  expect((await put('operator', 'described')).status).toBe(403);
  expect(await put('owner', 'described', { description: 'new' })).toMatchObject({
    status: 200,
    body: { description: 'new' },
  });
  expect((await call('editor', 'GET', '/projects/described')).body.description).toBe('new');
});

test('of many who create the same one at once, one becomes the owner', async () => {
  const people = ['viewer', 'operator', 'editor', 'owner'];
  const answers = await Promise.all(people.map((who) => put(who, 'race')));
  expect(answers.map(({ status }) => status).toSorted((a, b) => a - b)).toEqual([201, 403, 403, 403]);
  const winner = people[answers.findIndex(({ status }) => status === 201)];
  expect((await world.api.store.findProject('race'))?.owner).toBe(winner);
});

describe('deleting', () => {
  test('waits until it is empty, and says what is in the way', async () => {
    const { project, workflow, run, pausedRun, backfill } = await world.makePlace('own');
    const remove = (who: string) => call<Problem>(who, 'DELETE', `/projects/${project}`);
    expect((await remove('editor')).status).toBe(403);
    expect((await remove('owner')).body).toMatchObject({
      status: 412,
      code: 'PRECONDITION_FAILED',
      message: `Project '${project}' is not empty: 1 workflow, 2 runs in progress, 1 backfill in progress. Delete workflows and stop the rest first.`,
    });
    for (const id of [run, pausedRun]) await world.api.setRun(id, 'stopped', { endedAt: NOW });
    expect((await remove('owner')).body.message).toMatch('not empty: 1 workflow, 1 backfill in progress. ');
    expect((await call('editor', 'DELETE', `/projects/${project}/workflows/${workflow}`)).status).toBe(204);
    expect((await remove('owner')).body.message).toMatch('not empty: 1 backfill in progress. ');
    expect((await call('owner', 'POST', `/backfills/${backfill}/stop`)).status).toBe(202);
    expect((await remove('owner')).status).toBe(204);
    expect((await remove('owner')).status).toBe(404);
  });

  test('takes along all but the history, which is for administrators, and frees the name', async () => {
    const place = await world.makePlace('own');
    for (const id of [place.run, place.pausedRun]) await world.api.setRun(id, 'stopped', { endedAt: NOW });
    await call('owner', 'DELETE', `/projects/${place.project}/workflows/${place.workflow}`);
    await call('owner', 'POST', `/backfills/${place.backfill}/stop`);
    expect((await call('viewer', 'GET', `/runs/${place.run}`)).status).toBe(200);
    expect((await call('owner', 'DELETE', `/projects/${place.project}`)).status).toBe(204);

    for (const who of ['owner', 'viewer', 'editor']) {
      expect(await namesSeen(who)).not.toContain(place.project);
      expect((await call(who, 'GET', `/runs/${place.run}`)).status).toBe(403);
      expect((await call<{ total: number }>(who, 'GET', '/executors')).text).not.toContain(place.project);
    }
    expect((await call('admin', 'GET', `/runs/${place.run}`)).status).toBe(200);
    expect(rowsAbout(place.projectId)).toEqual([
      'alert_delivery',
      'audit',
      'backfill',
      'command',
      'deleted_deadline',
      'deleted_schedule',
      'project',
      'run',
      'workflow',
    ]);

    expect(await put('w-only', place.project)).toMatchObject({
      status: 201,
      body: { owner: 'w-only', description: '' },
    });
    expect((await call('w-only', 'GET', `/runs/${place.run}`)).status).toBe(403);
    expect((await call<Page<object>>('w-only', 'GET', `/runs?project=${place.project}`)).body.items).toEqual([]);
    expect((await call<Page<object>>('w-only', 'GET', `/projects/${place.project}/secrets`)).body.items).toEqual([]);
    expect((await call('viewer', 'GET', `/projects/${place.project}`)).status).toBe(403);
  });
});

/** Tables with rows of a project; a new table that refers to projects turns up here, to be deleted or to be named as history. */
function rowsAbout(project: number): string[] {
  const db = new SqliteDatabase(path.join(world.api.folder, 'data', 'pelorus.db'), { readOnly: true });
  try {
    const tables = runAtOnce(
      db.all(
        `select m.name from sqlite_master m join pragma_table_info(m.name) c on c.name = 'project_id' where m.type = 'table'`,
      ),
    )
      .map((row) => row['name'] as string)
      .filter(
        (table) => runAtOnce(db.get(`select 1 as one from ${table} where project_id = ?`, project)) !== undefined,
      );
    const kept =
      runAtOnce(db.get(`select 1 as one from project where id = ?`, project)) === undefined ? [] : ['project'];
    return [...tables, ...kept].toSorted();
  } finally {
    db.close();
  }
}
