/** Task groups, which bound attempts across runs. */
import { z } from 'zod';
import { ADMINISTRATOR, SIGNED_IN } from '../access.ts';
import { taskGroupAnswer, taskGroupPage } from '../answers/operations.ts';
import { StoreError, type ApiStore, type TaskGroupUsage } from '../../store/port.ts';
import { jsonBody } from '../body.ts';
import { API_LIMITS } from '../limits.ts';
import { nearestName } from '../nearest.ts';
import { ApiFailure } from '../problem.ts';
import { ok, route, type Route } from '../route.ts';
import { newName, someName } from '../schemas.ts';
import { taskGroupView } from '../views.ts';

const listTaskGroups = route({
  id: 'listTaskGroups',
  method: 'GET',
  path: '/task-groups',
  access: SIGNED_IN,
  summary: 'Task groups, with what they hold and what waits for them',
  answers: { 200: taskGroupPage },
  handle: async (_input, { store }) =>
    ok({ items: (await store.listTaskGroups()).map(taskGroupView), nextCursor: null }),
});

const getTaskGroup = route({
  id: 'getTaskGroup',
  method: 'GET',
  path: '/task-groups/:name',
  access: SIGNED_IN,
  summary: 'One task group',
  answers: { 200: taskGroupAnswer },
  params: z.strictObject({ name: someName }),
  handle: async ({ params }, { store }) => ok(taskGroupView(await loadTaskGroup(store, params.name))),
});

async function loadTaskGroup(store: ApiStore, name: string): Promise<TaskGroupUsage> {
  const groups = await store.listTaskGroups();
  const found = groups.find((group) => group.name === name);
  if (found !== undefined) return found;
  const nearest = nearestName(
    name,
    groups.map((group) => group.name),
  );
  throw new ApiFailure(
    'TASK_GROUP_NOT_FOUND',
    `there is no task group ${name}${nearest === null ? '' : `; did you mean ${nearest}?`}`,
  );
}

const putTaskGroup = route({
  id: 'putTaskGroup',
  method: 'PUT',
  path: '/task-groups/:name',
  access: ADMINISTRATOR,
  summary: 'Create a task group or change its size; tasks that hold it go on',
  answers: { 200: taskGroupAnswer, 201: taskGroupAnswer },
  params: z.strictObject({ name: newName }),
  body: jsonBody(z.strictObject({ size: z.int().min(0).max(API_LIMITS.taskGroupSizeMax) })),
  handle: async ({ params, body }, { store, user, clock, hints }) => {
    const existed = (await store.listTaskGroups()).some((group) => group.name === params.name);
    await store.saveTaskGroup({ name: params.name, size: body.size, user, at: clock() });
    hints.commandWritten();
    const json = taskGroupView(await loadTaskGroup(store, params.name));
    return { status: existed ? 200 : 201, body: { json } };
  },
});

const deleteTaskGroup = route({
  id: 'deleteTaskGroup',
  method: 'DELETE',
  path: '/task-groups/:name',
  access: ADMINISTRATOR,
  summary: 'Delete a task group; tasks that name it wait until there is one of that name again',
  answers: { 204: null },
  params: z.strictObject({ name: someName }),
  handle: async ({ params }, { store }) => {
    try {
      await store.deleteTaskGroup(params.name);
    } catch (error) {
      if (error instanceof StoreError && error.code === 'NOT_FOUND') await loadTaskGroup(store, params.name);
      throw error;
    }
    return { status: 204 };
  },
});

export const taskGroupRoutes: readonly Route[] = [listTaskGroups, getTaskGroup, putTaskGroup, deleteTaskGroup];
