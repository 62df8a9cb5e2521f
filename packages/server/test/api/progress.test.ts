/** Progress and estimates by past durations, and runs within runs. */
import { beforeEach, expect, test } from 'vitest';
import { runIdOf, type LiveView, type Page, type RunView, type TaskView } from '@pelorus/protocol';
import { DIAMOND, NOW, openApi, type ApiUnderTest } from './api-under-test.ts';

const MINUTE = 60_000;
let api: ApiUnderTest;
let now: number;

beforeEach(async () => {
  now = NOW;
  api = await openApi({ clock: () => now });
  await api.save('samples', 'diamond', DIAMOND);
});

/** A run that succeeded, in which each task took so many minutes. */
async function pastRun(minutes: number[]): Promise<void> {
  const id = await api.run('samples', 'diamond');
  await api.setRun(id, 'running', { startedAt: now });
  for (const [task, minute] of minutes.entries()) {
    const times = { startedAt: now, endedAt: now + minute * MINUTE };
    await api.setAttempt(id, task, 1, 'succeeded', times);
    await api.setTask(id, task, 'succeeded', { attempts: 1, ...times });
  }
  await api.setRun(id, 'succeeded', { startedAt: now, endedAt: now });
}

const look = async (id: number) => (await api.call<RunView>('GET', `/runs/${id}`)).body;
const figures = async (id: number) => {
  const { progress, estimatedRemainingMs } = await look(id);
  return [progress, estimatedRemainingMs];
};

test('tasks weigh what they usually take, and the estimate is the longest way that is left', async () => {
  await pastRun([1, 4, 2, 3]);
  const id = await api.run('samples', 'diamond');
  expect(await figures(id)).toEqual([0, 8 * MINUTE]);
  await api.setRun(id, 'running', { startedAt: now });
  await api.setTask(id, 0, 'running', { attempts: 1, startedAt: now });
  now += MINUTE / 2;
  expect(await figures(id)).toEqual([0.05, 7.5 * MINUTE]);
  await api.setTask(id, 0, 'succeeded', { attempts: 1, startedAt: NOW, endedAt: now });
  await api.setTask(id, 1, 'running', { attempts: 1, startedAt: now });
  await api.setTask(id, 2, 'running', { attempts: 1, startedAt: now });
  expect(await figures(id)).toEqual([0.1, 7 * MINUTE]);
  now += 2 * MINUTE;
  const [listed] = (await api.call<Page<RunView>>('GET', '/runs', { query: { state: 'running' } })).body.items;
  expect([listed?.progress, listed?.estimatedRemainingMs]).toEqual(await figures(id));
  expect(listed?.progress).toBeCloseTo((1 + 2 + 0.95 * 2) / 10, 10);
  expect(listed?.estimatedRemainingMs).toBe(5 * MINUTE);
  const live = (await api.call<LiveView>('GET', `/runs/${id}/live`)).body.run;
  expect([live.progress, live.estimatedRemainingMs]).toEqual(await figures(id));
  for (const task of [1, 2, 3]) await api.setTask(id, task, 'succeeded', { attempts: 1, endedAt: now });
  await api.setRun(id, 'succeeded', { endedAt: now });
  expect(await figures(id)).toEqual([1, 0]);
});

test('without a past run tasks weigh the same and nothing is estimated', async () => {
  const id = await api.run('samples', 'diamond');
  await api.setRun(id, 'running', { startedAt: now });
  await api.setTask(id, 0, 'succeeded', { attempts: 1, startedAt: now, endedAt: now });
  expect(await figures(id)).toEqual([0.25, null]);
});

test('progress never falls, also when what tasks usually take is learnt anew meanwhile', async () => {
  await pastRun([9, 1, 1, 1]);
  const id = await api.run('samples', 'diamond');
  await api.setRun(id, 'running', { startedAt: now });
  await api.setTask(id, 0, 'succeeded', { attempts: 1, startedAt: now, endedAt: now });
  expect(await figures(id)).toEqual([0.75, 2 * MINUTE]);
  await pastRun([1, 9, 9, 9]);
  await pastRun([1, 9, 9, 9]);
  now += 10 * MINUTE;
  expect(await figures(id)).toEqual([0.75, 2 * MINUTE]);
  const fresh = await api.run('samples', 'diamond');
  expect((await look(fresh)).estimatedRemainingMs).toBe(19 * MINUTE);
});

test('a run shows the runs that it started, and those show it', async () => {
  await api.save('samples', 'parent', {
    name: 'parent',
    tasks: { first: { type: 'virtual' }, child: { type: 'sub_workflow', workflow: 'diamond', needs: ['first'] } },
  });
  const parent = await api.run('samples', 'parent');
  const spec = (await api.store.getRun(runIdOf(parent)))?.spec;
  const childOf = (await api.store.getWorkflow('samples', 'diamond'))?.id;
  if (spec === undefined || childOf === undefined) throw new Error('not stored');
  const { id: _id, parent: _parent, ...inherited } = spec;
  await api.setRun(parent, 'running', { startedAt: now });
  const start = async (attempt: number) => {
    await api.setAttempt(parent, 1, attempt, 'running');
    await api.commit({
      kind: 'start-child',
      parent: { run: runIdOf(parent), task: 1, attempt },
      child: {
        ...inherited,
        workflowId: childOf,
        workflow: 'diamond',
        workflowVersion: 1,
        mode: 'sub-workflow',
        depth: 1,
      },
    });
  };
  await start(1);
  await api.setAttempt(parent, 1, 1, 'failed', { endedAt: now });
  await start(2);
  await api.setTask(parent, 1, 'running', { attempts: 2, startedAt: now });
  const [first, task] = (await api.call<Page<TaskView>>('GET', `/runs/${parent}/tasks`)).body.items;
  expect(first?.childRun).toBeNull();
  const children = task?.attempts.map((attempt) => attempt.childRun);
  expect(children).toEqual([parent + 1, parent + 2]);
  expect(task?.childRun).toBe(parent + 2);
  expect(await look(parent + 2)).toMatchObject({
    workflow: 'diamond',
    mode: 'sub-workflow',
    parent: { run: parent, attempt: `${parent}.1.2` },
  });
  expect((await look(parent)).parent).toBeNull();
  expect((await api.call<LiveView>('GET', `/runs/${parent}/live`)).body.tasks[1]?.childRun).toBe(parent + 2);
});
