import { z } from 'zod';
import { created, route } from '../route.ts';
import { killRun } from '../run-commands.ts';
import { runId, waitQuery } from '../schemas.ts';

export const killExecution = route({
  method: 'POST',
  path: '/executors/:execId/kill',
  summary: 'Stop an execution',
  params: z.strictObject({ execId: runId }),
  query: waitQuery,
  handle: async ({ params, query, signal }, context) => {
    await killRun(context, params.execId, { waitMs: query.wait, signal });
    return created({ execId: params.execId });
  },
});
