import { workflowJsonSchema, type SystemView } from '@pelorus/protocol';
import { API_LIMITS } from '../limits.ts';
import { ApiFailure } from '../problem.ts';
import { ok, route, type Route } from '../route.ts';
import { instantText } from '../views.ts';

const system = route({
  method: 'GET',
  path: '/system',
  summary: 'Version, store and time',
  handle: (_input, context) => {
    const answer: SystemView = {
      product: 'pelorus',
      version: context.version,
      store: context.storeKind,
      now: instantText(context.clock()),
      startedAt: instantText(context.startedAt),
    };
    return ok(answer);
  },
});

const workflowSchema = route({
  method: 'GET',
  path: '/schemas/workflow',
  summary: 'JSON Schema of definitions',
  handle: () => ok(workflowJsonSchema),
});

const live = route({
  method: 'GET',
  path: '/livez',
  root: true,
  summary: 'Answers when the process lives',
  handle: () => ok({ status: 'live' }),
});

const ready = route({
  method: 'GET',
  path: '/readyz',
  root: true,
  summary: 'Answers when the store can be read',
  handle: async (_input, { store }) => {
    await store.listProjects().catch((cause: unknown) => {
      throw new ApiFailure('NOT_READY', 'the store cannot be read', {
        retryAfterSeconds: API_LIMITS.retryAfterSeconds,
        cause,
      });
    });
    return ok({ status: 'ready' });
  },
});

export const systemRoutes: readonly Route[] = [system, workflowSchema, live, ready];
