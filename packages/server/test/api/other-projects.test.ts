/** Workflows that name others in other projects, and links between their runs. */
import { runIdOf, type AuditView, type Page, type Problem, type RunView, type TaskView } from '@pelorus/protocol';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { newRun } from '../store/records.ts';
import { NOW } from './api-under-test.ts';
import type { Place } from './authorisation/places.ts';
import { openWorld, type World } from './authorisation/world.ts';
import { WAIT } from '../wait.ts';

let world: World;
let own: Place;
let foreign: Place;
beforeAll(async () => {
  world = await openWorld();
  [own, foreign] = [await world.makePlace('own'), await world.makePlace('foreign')];
});
afterAll(() => world.close());

const call = <Body = Problem>(who: string, method: string, path: string, body?: unknown) =>
  world.api.call<Body & Problem>(method, path, {
    headers: who === 'admin' ? world.asAdmin : world.as(who),
    ...(body === undefined ? {} : { body }),
  });
const workflow = (tasks: Record<string, object>) => ({ tasks });
const save = (who: string, name: string, tasks: Record<string, object>, place = own) =>
  call(who, 'PUT', `/projects/${place.project}/workflows/${name}`, { name, ...workflow(tasks) });
const there = () => `${foreign.project}/${foreign.workflow}`;
const grant = (user: string, bits: number) =>
  world.api.store.saveMember({ projectId: foreign.projectId, user, bits, by: 'admin', at: NOW, limit: 100 });
const revoke = (user: string) => world.api.store.deleteMember({ projectId: foreign.projectId, user });

describe('saving', () => {
  test('a sub-workflow of another project needs the right to execute there, waiting for one the right to read', async () => {
    const child = () => ({ go: { type: 'sub_workflow', workflow: there() } });
    const wait = () => ({ look: { type: 'dependent', upstream: { workflow: there(), window: 'today' } } });
    const refused = await save('editor', 'calls', child());
    expect(refused.body).toMatchObject({
      status: 403,
      message: `task go: editor may not run what is in project ${foreign.project}, if there is one`,
    });
    expect((await save('editor', 'waits', wait())).body.message).toMatch(/^task look: editor may not see /);
    await grant('editor', 2);
    expect((await save('editor', 'waits', wait())).status).toBe(201);
    expect((await save('editor', 'calls', child())).status).toBe(403);
    await grant('editor', 1);
    expect((await save('editor', 'calls', child())).status).toBe(201);
    expect((await save('editor', 'waits', wait())).status).toBe(403);
    await revoke('editor');
    expect((await save('editor', 'calls', child())).status).toBe(403);
    expect((await save('admin', 'calls', child())).status).toBe(200);
  });

  test('a project that there is not is refused in the same words', async () => {
    const refusal = async (project: string) =>
      (await save('editor', 'feels', { go: { type: 'sub_workflow', workflow: `${project}/x` } })).text.replaceAll(
        project,
        'P',
      );
    expect(await refusal('no-such-project')).toBe(await refusal(foreign.project));
  });

  test('a circle names nothing of a project that may not be read', async () => {
    const to = (name: string) => ({ go: { type: 'sub_workflow', workflow: name } });
    expect((await save('admin', 'back', to(`${own.project}/round`), foreign)).status).toBe(201);
    await grant('editor', 1);
    const { body } = await save('editor', 'round', to(`${foreign.project}/back`));
    expect(body.errors?.[0]?.message).toBe(
      `sub-workflows that run one another never end: ${own.project}/round → … → ${own.project}/round`,
    );
    await revoke('editor');
  });
});

describe('submitting', () => {
  beforeAll(async () => {
    const far = { go: { type: 'sub_workflow', workflow: there() }, near: { run: 'true' } };
    for (const [name, tasks] of Object.entries({ far, over: { mid: { type: 'sub_workflow', workflow: 'far' } } }))
      expect((await save('admin', name, tasks)).status).toBe(201);
  });
  const submit = (who: string, name: string, more: object = {}) =>
    call<{ id: number }>(who, 'POST', '/runs', { project: own.project, workflow: name, ...more });
  const runs = async () => (await world.api.store.listRuns({}, 0, 1)).total;

  test.each(['far', 'over'])('%s is refused to who may not start what it comes to, however far down', async (name) => {
    const before = await runs();
    const { body } = await submit('operator', name);
    expect(body).toMatchObject({ status: 403, code: 'FORBIDDEN' });
    expect(body.message).toMatch(/^task (go|mid) leads to runs in another project, which operator may not start$/);
    expect((await submit('x-only', name)).body.message).toBe(
      'a task leads to runs in another project, which x-only may not start',
    );
    const published = { projectName: own.project, workflowName: name, execType: 'DIRECT' };
    expect((await call('operator', 'POST', '/executors', published)).status).toBe(403);
    const dates = ['2026-01-01T00:00:00Z'];
    expect((await call('operator', 'POST', '/backfills', { project: own.project, workflow: name, dates })).status).toBe(
      403,
    );
    expect(await runs()).toBe(before);
    await grant('operator', 1);
    expect((await submit('operator', name)).status).toBe(201);
    await revoke('operator');
    expect((await submit('operator', name)).status).toBe(403);
  });

  test('tasks that it leaves out ask for nothing', async () => {
    expect((await submit('operator', 'far', { select: ['near'] })).status).toBe(201);
  });

  test('running again asks anew', async () => {
    const { body } = await submit('admin', 'far');
    await world.api.setRun(body.id, 'failed', { endedAt: NOW });
    for (const action of ['repeat', 'rerun'])
      expect(
        (await call('operator', 'POST', `/runs/${body.id}/${action}`, action === 'rerun' ? {} : undefined)).status,
      ).toBe(403);
    expect((await call('admin', 'POST', `/runs/${body.id}/repeat`)).status).toBe(201);
  });
});

test('what is suggested for a misspelt name is what may be read', async () => {
  const told = async (who: string, path: string) => (await call(who, 'GET', path)).body.message;
  const misspelt = (name: string) => `${name.slice(0, -2)}_${name.slice(-1)}`;
  expect(await told('viewer', `/projects/${misspelt(own.project)}`)).toMatch(`did you mean ${own.project}`);
  for (const who of ['viewer', 'w-only'])
    expect(await told(who, `/projects/${misspelt(foreign.project)}`)).toMatch(/^there is no project [^ ]+$/);
  const posted = async (who: string, body: object) =>
    (await call(who, 'POST', '/runs', { project: own.project, workflow: own.workflow, ...body })).body.message;
  const workflowName = { workflow: misspelt(own.workflow) };
  expect(await posted('operator', workflowName)).toMatch(`did you mean ${own.workflow}?`);
  expect(await posted('x-only', workflowName)).not.toMatch('did you mean');
  const task = { select: [misspelt(own.task)] };
  expect(await posted('operator', task)).toMatch(`did you mean ${own.task}?`);
  expect(await posted('x-only', task)).not.toMatch('did you mean');
  const kill = async (who: string) =>
    (await call(who, 'POST', `/runs/${own.run}/tasks/${misspelt(own.task)}/kill`)).body.message;
  expect(await kill('operator')).toMatch(`did you mean ${own.task}?`);
  expect(await kill('x-only')).not.toMatch('did you mean');
});

test('links to child and parent runs are shown to who may read those', async () => {
  await save('admin', 'parent', { go: { type: 'sub_workflow', workflow: there() } });
  const { body: parent } = await call<{ id: number }>('admin', 'POST', '/runs', {
    project: own.project,
    workflow: 'parent',
  });
  await world.api.setRun(parent.id, 'running');
  await world.api.setTask(parent.id, 0, 'running', { attempts: 1 });
  await world.api.setAttempt(parent.id, 0, 1, 'running');
  const child = (
    await world.api.store.submitRun(
      newRun({
        ...{ project: foreign.project, workflow: foreign.workflow, submittedAt: NOW, tasks: [] },
        parent: { run: runIdOf(parent.id), task: 0, attempt: 1 },
      }),
    )
  ).run.id;
  const children = async (who: string) =>
    (await call<Page<TaskView>>(who, 'GET', `/runs/${parent.id}/tasks`)).body.items.map((task) => [
      task.childRun,
      task.attempts[0]?.childRun,
    ]);
  expect(await children('viewer')).toEqual([[null, null]]);
  expect(await children('admin')).toEqual([[child, child]]);
  expect((await call('viewer', 'GET', `/runs/${parent.id}/live`)).text).not.toContain(`"childRun":${child}`);

  await grant('w-only', 2);
  const parentsSeen = async (name: string) => {
    const one = await call<RunView>(name, 'GET', `/runs/${child}`);
    const all = await call<Page<RunView>>(name, 'GET', `/runs?project=${foreign.project}`);
    const live = await call<{ run: RunView }>(name, 'GET', `/runs/${child}/live`);
    const listed = all.body.items.find((run) => run.id === child);
    return [one.body.parent, listed?.parent ?? null, live.body.run.parent].map((parentLink) => parentLink?.run ?? null);
  };
  expect(await parentsSeen('w-only')).toEqual([null, null, null]);
  expect(await parentsSeen('admin')).toEqual([parent.id, parent.id, parent.id]);
  await grant('viewer', 2);
  expect(await parentsSeen('viewer')).toEqual([parent.id, parent.id, parent.id]);
  expect(await children('viewer')).toEqual([[child, child]]);
});

test('an operation on many runs touches those only that its sender may run; the others are in the audit', async () => {
  const [mine, other] = [await world.makePlace('own'), await world.makePlace('foreign')];
  const { body } = await call<{ id: number }>('operator', 'POST', '/bulk/runs', {
    action: 'stop',
    ids: [mine.run, other.run, other.pausedRun],
  });
  interface Detail {
    state: string;
    items: { run: number; state: string; code: string | null; message: string | null }[];
  }
  const items = await vi.waitFor(async () => {
    const { body: now } = await call<Detail>('operator', 'GET', `/bulk/${body.id}`);
    expect(now.state).toBe('ended');
    return now.items;
  }, WAIT);
  expect(items).toMatchObject([
    { run: mine.run, state: 'done', code: null },
    { run: other.run, state: 'refused', code: 'FORBIDDEN', message: 'operator may not run what is in this project' },
    { run: other.pausedRun, state: 'refused', code: 'FORBIDDEN' },
  ]);
  const { body: audit } = await call<Page<AuditView>>('admin', 'GET', '/audit?user=operator&outcome=refused');
  const [refusal] = audit.items.filter(({ project }) => project === other.project);
  expect(refusal).toMatchObject({
    action: 'stopRun',
    code: 'FORBIDDEN',
    times: 2,
    target: `projects/${other.project}`,
  });
  const orders = world.dump().get('command') ?? '';
  expect((JSON.parse(orders) as unknown[][]).filter((row) => row[1] === other.run).map((row) => row[2])).toEqual([
    '{"kind":"start"}',
  ]);
  expect((JSON.parse(orders) as unknown[][]).filter((row) => row[1] === mine.run).map((row) => row[2])).toEqual([
    '{"kind":"start"}',
    '{"kind":"stop"}',
  ]);
});
