/** What the server is, how it is, and the schemas that it publishes. */
import { workflowJsonSchema, type SystemView } from '@pelorus/protocol';
import { wireJsonSchema } from '@pelorus/protocol/wire-schema';
import { ADMINISTRATOR, ANYONE, SIGNED_IN } from '../access.ts';
import { jsonSchemaAnswer, liveAnswer, readyAnswer, systemAnswer } from '../answers/operations.ts';
import { API_LIMITS } from '../limits.ts';
import { ApiFailure } from '../problem.ts';
import { ok, route, type Route } from '../route.ts';
import { instantText } from '../views.ts';
import { workersHeard } from '../workers-heard.ts';
import { masterView } from './workers.ts';

const system = route({
  id: 'getSystem',
  method: 'GET',
  path: '/system',
  access: SIGNED_IN,
  summary: 'Version, store and time; how many masters and workers there are',
  answers: { 200: systemAnswer },
  handle: async (_input, context) => {
    const { store, clock } = context;
    const [masters, workers] = await Promise.all([store.listMasters(API_LIMITS.mastersShown), workersHeard(context)]);
    const now = clock();
    const connected = workers.filter(({ state }) => state !== 'offline');
    const answer: SystemView = {
      product: 'pelorus',
      version: context.version,
      store: context.storeKind,
      now: instantText(now),
      startedAt: instantText(context.startedAt),
      uptimeMs: Math.max(0, now - context.startedAt),
      node: process.version,
      platform: `${process.platform} ${process.arch}`,
      masters: { active: masters.filter((row) => masterView(row, now).state === 'active').length },
      workers: {
        online: connected.filter(({ state }) => state === 'online').length,
        draining: connected.filter(({ state }) => state === 'draining').length,
        slots: connected.reduce((sum, { slots }) => sum + slots, 0),
      },
    };
    return ok(answer);
  },
});

const wireSchema = wireJsonSchema();

const workflowSchema = route({
  id: 'getWorkflowSchema',
  method: 'GET',
  path: '/schemas/workflow',
  access: ANYONE,
  summary: 'JSON Schema of definitions',
  answers: { 200: jsonSchemaAnswer },
  handle: () => ok(workflowJsonSchema),
});

const workerProtocolSchema = route({
  id: 'getWorkerProtocolSchema',
  method: 'GET',
  path: '/schemas/worker-protocol',
  access: ANYONE,
  summary: 'JSON Schema of the frames that masters and workers send',
  answers: { 200: jsonSchemaAnswer },
  handle: () => ok(wireSchema),
});

const live = route({
  id: 'livez',
  method: 'GET',
  path: '/livez',
  access: ANYONE,
  root: true,
  summary: 'Answers when the process lives',
  answers: { 200: liveAnswer },
  handle: () => ok({ status: 'live' }),
});

const ready = route({
  id: 'readyz',
  method: 'GET',
  path: '/readyz',
  access: ANYONE,
  root: true,
  summary: 'Answers when the store can be read',
  answers: { 200: readyAnswer },
  handle: async (_input, { store }) => {
    await store.listProjects({ projectIds: [] }).catch((cause: unknown) => {
      throw new ApiFailure('NOT_READY', 'the store cannot be read', {
        retryAfterSeconds: API_LIMITS.retryAfterSeconds,
        cause,
      });
    });
    return ok({ status: 'ready' });
  },
});

const metrics = route({
  id: 'getMetrics',
  method: 'GET',
  path: '/metrics',
  access: ADMINISTRATOR,
  root: true,
  summary: 'What this server measures of itself, as Prometheus reads it',
  answers: { 200: { media: { 'text/plain': 'text' } } },
  handle: async (_input, { metrics: text }) => {
    if (text === null) throw new ApiFailure('NO_SUCH_ROUTE', 'this server measures nothing');
    return { status: 200, body: { text: await text(), type: 'text/plain; version=0.0.4; charset=utf-8' } };
  },
});

export const systemRoutes: readonly Route[] = [system, workflowSchema, workerProtocolSchema, live, ready, metrics];
