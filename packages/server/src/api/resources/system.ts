import { workflowJsonSchema, type SystemView } from '@pelorus/protocol';
import { ANYONE, SIGNED_IN } from '../access.ts';
import { API_LIMITS } from '../limits.ts';
import { ApiFailure } from '../problem.ts';
import { ok, route, type Route } from '../route.ts';
import { instantText } from '../views.ts';

const system = route({
  id: 'getSystem',
  method: 'GET',
  path: '/system',
  access: SIGNED_IN,
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
  id: 'getWorkflowSchema',
  method: 'GET',
  path: '/schemas/workflow',
  access: ANYONE,
  summary: 'JSON Schema of definitions',
  handle: () => ok(workflowJsonSchema),
});

const live = route({
  id: 'livez',
  method: 'GET',
  path: '/livez',
  access: ANYONE,
  root: true,
  summary: 'Answers when the process lives',
  handle: () => ok({ status: 'live' }),
});

const ready = route({
  id: 'readyz',
  method: 'GET',
  path: '/readyz',
  access: ANYONE,
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
