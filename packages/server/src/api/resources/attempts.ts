import { z } from 'zod';
import { inProject } from '../access.ts';
import { logAnswer } from '../answers/runs.ts';
import { logQuery, readLog } from '../log-query.ts';
import { ok, route, type Route } from '../route.ts';

const getLogs = route({
  id: 'getAttemptLogs',
  method: 'GET',
  path: '/attempts/:attempt/logs',
  access: inProject('read'),
  summary: "A page of an attempt's log",
  answers: { 200: logAnswer },
  params: z.strictObject({ attempt: z.string().max(64) }),
  query: logQuery,
  handle: async ({ params, query, signal }, context) => ok(await readLog(context, params.attempt, query, signal)),
});

export const attemptRoutes: readonly Route[] = [getLogs];
