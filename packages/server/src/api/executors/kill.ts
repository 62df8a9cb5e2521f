import { z } from 'zod';
import { created, route } from '../route.ts';
import { killRun } from '../run-commands.ts';
import { runId } from '../schemas.ts';

export const killExecution = route({
  method: 'POST',
  path: '/executors/:execId/kill',
  summary: 'Stop an execution',
  params: z.strictObject({ execId: runId }),
  handle: async ({ params }, context) => {
    await killRun(context, params.execId);
    return created({ execId: params.execId });
  },
});
