/** How many runs there were, by time and state. */
import type { RunStats } from '@pelorus/protocol';
import { z } from 'zod';
import { SIGNED_IN } from '../access.ts';
import { runStatsAnswer } from '../answers/runs.ts';
import { API_LIMITS } from '../limits.ts';
import { loadProject } from '../lookup.ts';
import { badParameter } from '../problem.ts';
import { ok, route, type Route } from '../route.ts';
import { runSelection, workflowFilter } from '../run-selection.ts';
import { flag, instant, integer } from '../schemas.ts';
import { instantText } from '../views.ts';

const statsQuery = z.strictObject({
  project: runSelection.shape.project,
  workflow: runSelection.shape.workflow,
  after: instant.optional(),
  before: instant.optional(),
  bucketMs: integer({ min: API_LIMITS.statsBucketMinMs, max: API_LIMITS.statsRangeMs }).default(3_600_000),
  tasks: flag.default(false),
});

const getRunStats = route({
  id: 'getRunStats',
  method: 'GET',
  path: '/stats/runs',
  access: SIGNED_IN,
  summary:
    'How many runs were submitted in each span of time, by state; of the last 24 hours by the hour unless it is told otherwise',
  answers: { 200: runStatsAnswer },
  query: statsQuery,
  handle: async ({ query }, context) => {
    if (query.project !== undefined) await loadProject(context, query.project);
    const { from, spans, spanMs } = spansOf(query, context.clock());
    const buckets = await context.store.runStats({
      filter: {
        ...(query.project === undefined ? {} : { project: query.project }),
        ...workflowFilter(query.workflow),
        projectIds: await context.caller.visibleProjects(),
      },
      ...{ from, spans, spanMs },
      tasksMax: query.tasks ? API_LIMITS.statsTasks : 0,
    });
    const answer: RunStats = {
      after: instantText(from),
      before: instantText(from + spans * spanMs),
      bucketMs: spanMs,
      buckets: buckets.map(({ at, ...counts }) => ({ at: instantText(at), ...counts })),
    };
    return ok(answer);
  },
});

function spansOf(query: z.output<typeof statsQuery>, now: number): { from: number; spans: number; spanMs: number } {
  const spanMs = query.bucketMs;
  const until = query.before ?? now;
  const from = query.after ?? until - DAY_MS;
  if (until <= from) throw badParameter('before', 'before must be later than after');
  if (until - from > API_LIMITS.statsRangeMs)
    throw badParameter('after', 'after must be at most 366 days before before');
  const spans = Math.ceil((until - from) / spanMs);
  if (spans > API_LIMITS.statsBuckets)
    throw badParameter('bucketMs', `bucketMs must be larger: ${spans} spans are more than ${API_LIMITS.statsBuckets}`);
  return { from, spans, spanMs };
}

const DAY_MS = 86_400_000;

export const statsRoutes: readonly Route[] = [getRunStats];
