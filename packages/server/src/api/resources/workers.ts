import { SIGNED_IN } from '../access.ts';
import { workerPage } from '../answers/operations.ts';
import { ok, route, type Route } from '../route.ts';
import { workerView } from '../views.ts';

const listWorkers = route({
  id: 'listWorkers',
  method: 'GET',
  path: '/workers',
  access: SIGNED_IN,
  summary: 'Workers, one row for each start of a worker process',
  answers: { 200: workerPage },
  handle: async (_input, { store }) => ok({ items: (await store.listWorkers()).map(workerView), nextCursor: null }),
});

export const workerRoutes: readonly Route[] = [listWorkers];
