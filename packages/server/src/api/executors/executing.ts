/** The live query in its published form, envelope and all. */
import { z } from 'zod';
import { parseRunId, type ExecutingAnswer, type Problem, type RunId } from '@pelorus/protocol';
import { inProject } from '../access.ts';
import { executingAnswer, executingRefusal } from '../answers/executing.ts';
import type { ApiContext } from '../context.ts';
import { loadLive } from '../live-query.ts';
import { loadRun } from '../lookup.ts';
import { ApiFailure } from '../problem.ts';
import { ok, route } from '../route.ts';
import { runId, someName } from '../schemas.ts';
import { taskStates } from '../views.ts';
import { executingView } from './executing-view.ts';

export const queryExecuting = route({
  id: 'queryExecutingWorkflow',
  method: 'GET',
  path: '/projects/:projectCode/executors/query-executing-workflow',
  access: inProject('read'),
  summary: 'A run as its master has it in memory, or as stored when that cannot be had within a second',
  answers: { 200: executingAnswer },
  refusal: { schema: executingRefusal, body: enveloped },
  params: z.strictObject({ projectCode: someName }),
  query: z.strictObject({ id: runId }),
  handle: async ({ params, query }, context) => {
    await requireProject(context, params.projectCode, query.id);
    const { detail } = await loadLive(context, query.id);
    const definition = await context.versions.definition(detail.spec.workflowId, detail.spec.workflowVersion);
    const states = taskStates(definition, detail);
    const answer: ExecutingAnswer = {
      code: 0,
      msg: 'success',
      data: executingView({ ...detail, definition, states, now: context.clock() }),
    };
    return ok(answer);
  },
});

/**
 * The run must be of the project, which is named by its number or its name; a run of another one is not there. Asked after the
 * caller's right: whose run it is, is not for everybody to find out.
 */
async function requireProject(context: ApiContext, projectCode: string, run: RunId): Promise<void> {
  const { spec } = await loadRun(context, run);
  if (spec.project !== projectCode && spec.projectId !== parseRunId(projectCode))
    throw new ApiFailure('RUN_NOT_FOUND', `project ${projectCode} has no run ${run}`);
}

/** `code` is the HTTP status, which is never 0; beside the envelope stands what a problem document says. */
function enveloped({ code, ...problem }: Problem): object {
  return { ...problem, code: problem.status, msg: problem.message, data: null, reason: code };
}
