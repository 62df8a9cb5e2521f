/** Ends a run, as the published contract says. */
import { z } from 'zod';
import { inProject } from '../access.ts';
import { executionKilled } from '../answers/executors.ts';
import { created, route } from '../route.ts';
import { killRun } from '../run-commands.ts';
import { runId, waitQuery } from '../schemas.ts';

export const killExecution = route({
  id: 'killExecution',
  method: 'POST',
  path: '/executors/:execId/kill',
  access: inProject('execute'),
  summary: 'Stop an execution',
  answers: { 201: executionKilled },
  params: z.strictObject({ execId: runId }),
  query: waitQuery,
  handle: async ({ params, query, signal }, context) => {
    await killRun(context, params.execId, { waitMs: query.wait, signal });
    return created({ execId: params.execId });
  },
});
