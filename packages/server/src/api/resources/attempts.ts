/** Logs of attempts: by line, as a stream, or whole. */
import { z } from 'zod';
import { inProject } from '../access.ts';
import { logEventAnswer, streamOf } from '../answers/events.ts';
import { attemptLogAnswer } from '../answers/runs.ts';
import { attemptLogQuery, downloadLog, readAttemptLog } from '../log-query.ts';
import { ok, route, type Route } from '../route.ts';

const attemptPath = z.strictObject({ attempt: z.string().max(64) });

const getLogs = route({
  id: 'getAttemptLogs',
  method: 'GET',
  path: '/attempts/:attempt/logs',
  access: inProject('read'),
  summary:
    "Lines of an attempt's log; with follow=true as server-sent events, from the beginning, tail, offset or Last-Event-ID",
  answers: { 200: { media: { 'application/json': attemptLogAnswer, ...streamOf(logEventAnswer).media } } },
  params: attemptPath,
  query: attemptLogQuery,
  handle: async ({ params, query, lastEventId, signal }, context) => {
    const answer = await readAttemptLog(context, params.attempt, { query, lastEventId, signal });
    return 'status' in answer ? answer : ok(answer);
  },
});

const downloadLogs = route({
  id: 'downloadAttemptLogs',
  method: 'GET',
  path: '/attempts/:attempt/logs/download',
  access: inProject('read'),
  summary: "An attempt's whole log as a file",
  answers: { 200: { media: { 'text/plain': 'bytes' } } },
  params: attemptPath,
  handle: ({ params, signal }, context) => downloadLog(context, params.attempt, signal),
});

export const attemptRoutes: readonly Route[] = [getLogs, downloadLogs];
