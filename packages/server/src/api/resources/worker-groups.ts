/** Worker groups: those that somebody described, those of workers, and those that tasks wait for. */
import { z } from 'zod';
import type { WorkerGroupView } from '@pelorus/protocol';
import { ADMINISTRATOR, SIGNED_IN } from '../access.ts';
import { workerGroupAnswer, workerGroupPage } from '../answers/fleet.ts';
import { StoreError } from '../../store/port.ts';
import { jsonBody } from '../body.ts';
import type { ApiContext } from '../context.ts';
import { API_LIMITS } from '../limits.ts';
import { nearestName } from '../nearest.ts';
import { ApiFailure } from '../problem.ts';
import { ok, route, type Route } from '../route.ts';
import { someName, workerGroupName } from '../schemas.ts';
import { instantText } from '../views.ts';
import { workersHeard } from '../workers-heard.ts';

const groupPath = z.strictObject({ name: someName });

const listGroups = route({
  id: 'listWorkerGroups',
  method: 'GET',
  path: '/worker-groups',
  access: SIGNED_IN,
  summary: 'Worker groups that somebody described, that workers belong to, or that tasks wait for',
  answers: { 200: workerGroupPage },
  handle: async (_input, context) => ok({ items: await groupViews(context), nextCursor: null }),
});

const getGroup = route({
  id: 'getWorkerGroup',
  method: 'GET',
  path: '/worker-groups/:name',
  access: SIGNED_IN,
  summary: 'One worker group',
  answers: { 200: workerGroupAnswer },
  params: groupPath,
  handle: async ({ params }, context) => ok(await loadGroup(context, params.name)),
});

const putGroup = route({
  id: 'putWorkerGroup',
  method: 'PUT',
  path: '/worker-groups/:name',
  access: ADMINISTRATOR,
  summary: 'Describe a worker group; which workers belong to it is settled where they are started',
  answers: { 200: workerGroupAnswer, 201: workerGroupAnswer },
  params: z.strictObject({ name: workerGroupName }),
  body: jsonBody(z.strictObject({ description: z.string().max(10_000).default('') })),
  handle: async ({ params, body }, context) => {
    const { store, user, clock } = context;
    const existed = (await store.listWorkerGroups()).some(({ name }) => name === params.name);
    await store.saveWorkerGroup({ name: params.name, description: body.description, user, at: clock() });
    return { status: existed ? 200 : 201, body: { json: await loadGroup(context, params.name) } };
  },
});

const deleteGroup = route({
  id: 'deleteWorkerGroup',
  method: 'DELETE',
  path: '/worker-groups/:name',
  access: ADMINISTRATOR,
  summary: 'Forget the description of a worker group; its workers and tasks stay as they are',
  answers: { 204: null },
  params: groupPath,
  handle: async ({ params }, { store }) => {
    try {
      await store.deleteWorkerGroup(params.name);
    } catch (error) {
      if (!(error instanceof StoreError) || error.code !== 'NOT_FOUND') throw error;
      throw new ApiFailure('WORKER_GROUP_NOT_FOUND', `nobody described a worker group ${params.name}`, {
        cause: error,
      });
    }
    return { status: 204 };
  },
});

async function loadGroup(context: ApiContext, name: string): Promise<WorkerGroupView> {
  const groups = await groupViews(context);
  const found = groups.find((group) => group.name === name);
  if (found !== undefined) return found;
  const nearest = nearestName(
    name,
    groups.map((group) => group.name),
  );
  throw new ApiFailure(
    'WORKER_GROUP_NOT_FOUND',
    `there is no worker group ${name}${nearest === null ? '' : `; did you mean ${nearest}?`}`,
  );
}

/** By name. */
async function groupViews(context: ApiContext): Promise<WorkerGroupView[]> {
  const { store, versions } = context;
  const [described, workers, queued] = await Promise.all([
    store.listWorkerGroups(),
    workersHeard(context),
    store.listQueuedTasks(API_LIMITS.queuedTasksCounted),
  ]);
  const views = new Map<string, WorkerGroupView>();
  const viewOf = (name: string): WorkerGroupView => {
    const known = views.get(name);
    if (known !== undefined) return known;
    const made: WorkerGroupView = {
      name,
      description: '',
      updatedAt: null,
      updatedBy: null,
      workers: [],
      slots: 0,
      waitingTasks: 0,
    };
    views.set(name, made);
    return made;
  };
  for (const { name, description, updatedAt, updatedBy } of described)
    Object.assign(viewOf(name), { description, updatedAt: instantText(updatedAt), updatedBy });
  for (const { id, name, state, groups, slots } of workers) {
    if (state === 'offline') continue;
    for (const group of new Set(groups)) {
      const view = viewOf(group);
      view.workers.push({ id, name, state });
      view.slots += slots;
    }
  }
  for (const { workflowId, version, task, runGroup, tasks } of queued) {
    const written = (await versions.definition(workflowId, version)).tasks[task]?.workerGroup ?? null;
    viewOf(written ?? runGroup ?? 'default').waitingTasks += tasks;
  }
  return [...views.values()].toSorted((a, b) => (a.name < b.name ? -1 : 1));
}

export const workerGroupRoutes: readonly Route[] = [listGroups, getGroup, putGroup, deleteGroup];
