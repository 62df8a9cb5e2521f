/** Workers and masters as they are now; workers are taken out of service and put back. */
import { z } from 'zod';
import type { MasterView, WorkerDetail, WorkerDrained } from '@pelorus/protocol';
import type { WorkerRecord } from '@pelorus/engine';
import { ADMINISTRATOR, SIGNED_IN } from '../access.ts';
import { masterPage, workerDetailAnswer, workerDrainedAnswer } from '../answers/fleet.ts';
import { workerPage } from '../answers/operations.ts';
import type { MasterRow } from '../../store/port.ts';
import { jsonBody } from '../body.ts';
import type { ApiContext } from '../context.ts';
import { API_LIMITS } from '../limits.ts';
import { nearestName } from '../nearest.ts';
import { ApiFailure } from '../problem.ts';
import { accepted, ok, route, type Route } from '../route.ts';
import { someName } from '../schemas.ts';
import { instantText, workerView } from '../views.ts';
import { workersHeard } from '../workers-heard.ts';

const listWorkers = route({
  id: 'listWorkers',
  method: 'GET',
  path: '/workers',
  access: SIGNED_IN,
  summary: 'Workers, one row for each start of a worker process',
  answers: { 200: workerPage },
  handle: async (_input, context) => {
    const [workers, drains] = await Promise.all([workersHeard(context), context.store.listWorkerDrains()]);
    return ok({ items: workers.map((worker) => workerView(worker, drains)), nextCursor: null });
  },
});

const workerPath = z.strictObject({ worker: someName });

const getWorker = route({
  id: 'getWorker',
  method: 'GET',
  path: '/workers/:worker',
  access: SIGNED_IN,
  summary: 'One start of a worker process, by its id, or the latest one by its name, with what it runs',
  answers: { 200: workerDetailAnswer },
  params: workerPath,
  handle: async ({ params }, context) => {
    const { store, caller } = context;
    const [workers, drains] = await Promise.all([workersHeard(context), store.listWorkerDrains()]);
    const worker = namedWorker(workers, params.worker);
    const attempts = await store.listWorkerAttempts(worker.id, API_LIMITS.workerAttemptsShown);
    const visible = await caller.visibleProjects();
    const answer: WorkerDetail = {
      ...workerView(worker, drains),
      attempts: attempts
        .filter(({ projectId }) => visible === null || visible.includes(projectId))
        .map(({ attempt, projectId: _id, dispatchedAt, startedAt, ...rest }) => ({
          id: attempt,
          ...rest,
          dispatchedAt: instantText(dispatchedAt),
          startedAt: startedAt === null ? null : instantText(startedAt),
        })),
      liveAttempts: attempts.length,
    };
    return ok(answer);
  },
});

/** By id; else the latest start of that name. */
function namedWorker(workers: WorkerRecord[], text: string): WorkerRecord {
  const found = workers.find(({ id }) => id === text) ?? workers.findLast(({ name }) => name === text);
  if (found !== undefined) return found;
  const nearest = nearestName(
    text,
    workers.map(({ name }) => name),
  );
  throw new ApiFailure(
    'WORKER_NOT_FOUND',
    `there is no worker ${text}${nearest === null ? '' : `; did you mean ${nearest}?`}`,
  );
}

const drainWorker = route({
  id: 'drainWorker',
  method: 'POST',
  path: '/workers/:worker/drain',
  access: ADMINISTRATOR,
  summary:
    'Give a worker nothing new; what it runs goes on. Holds for its name, through restarts, until it is undrained',
  answers: { 202: workerDrainedAnswer },
  params: workerPath,
  body: jsonBody(z.strictObject({ reason: z.string().max(1000).default('') })),
  handle: async ({ params, body }, context) => {
    const { store, user, clock } = context;
    const { name } = namedWorker(await store.listWorkers(), params.worker);
    await store.drainWorker({ name, reason: body.reason, user, at: clock() });
    return accepted(await drainedView(context, name));
  },
});

const undrainWorker = route({
  id: 'undrainWorker',
  method: 'POST',
  path: '/workers/:worker/undrain',
  access: ADMINISTRATOR,
  summary: 'Let a worker that was drained have new tasks again; nothing happens when it is not drained',
  answers: { 202: workerDrainedAnswer },
  params: workerPath,
  handle: async ({ params }, context) => {
    const { store } = context;
    const drains = await store.listWorkerDrains();
    const isName = drains.some((drain) => drain.name === params.worker);
    const name = isName ? params.worker : namedWorker(await store.listWorkers(), params.worker).name;
    await store.undrainWorker(name);
    return accepted(await drainedView(context, name));
  },
});

async function drainedView(context: ApiContext, name: string): Promise<WorkerDrained> {
  const { store } = context;
  const [drains, workers] = await Promise.all([store.listWorkerDrains(), workersHeard(context)]);
  const drain = drains.find((each) => each.name === name);
  const connected = workers.filter((worker) => worker.name === name && worker.state !== 'offline').map(({ id }) => id);
  const attempts = await Promise.all(
    connected.map((id) => store.listWorkerAttempts(id, API_LIMITS.workerAttemptsShown)),
  );
  return {
    name,
    draining: drain !== undefined,
    reason: drain?.reason ?? null,
    workers: connected,
    liveAttempts: attempts.flat().length,
  };
}

const listMasters = route({
  id: 'listMasters',
  method: 'GET',
  path: '/masters',
  access: SIGNED_IN,
  summary: `The last ${API_LIMITS.mastersShown} starts of a master, newest first, with the runs that each owns`,
  answers: { 200: masterPage },
  handle: async (_input, { store, clock }) => {
    const now = clock();
    const rows = await store.listMasters(API_LIMITS.mastersShown);
    return ok({ items: rows.map((row) => masterView(row, now)), nextCursor: null });
  },
});

export function masterView(row: MasterRow, now: number): MasterView {
  return {
    id: row.id,
    host: row.host,
    state: row.fencedAt !== null ? 'over' : row.leaseUntil > now ? 'active' : 'expired',
    registeredAt: instantText(row.registeredAt),
    renewedAt: instantText(row.renewedAt),
    leaseUntil: instantText(row.leaseUntil),
    endedAt: row.fencedAt === null ? null : instantText(row.fencedAt),
    runs: row.runs,
  };
}

export const workerRoutes: readonly Route[] = [listWorkers, getWorker, drainWorker, undrainWorker, listMasters];
