import type { z } from 'zod';
import type { NodeDep } from '@pelorus/protocol';
import { parametersBody } from '../body.ts';
import type { Selection } from '../plan.ts';
import { ApiFailure, badParameter } from '../problem.ts';
import { created, route } from '../route.ts';
import { WHOLE_WORKFLOW, prepareRun, submitRun, type RunOrder } from '../submit.ts';
import { runParameters } from './parameters.ts';

type RunParameters = z.output<typeof runParameters>;

export const runWorkflow = route({
  method: 'POST',
  path: '/executors',
  summary: 'Run a workflow that has been configured',
  body: parametersBody(runParameters),
  handle: async ({ body: { parameters } }, context) => {
    refuseBackfill(parameters);
    const { id } = await submitRun(context, await prepareRun(context, orderOf(parameters)));
    return created({ execIds: [id] }, { location: `/api/v1/executors/${id}` });
  },
});

function refuseBackfill(parameters: RunParameters): void {
  if (parameters.execType === 'DIRECT') return;
  if (parameters.schedule === undefined)
    throw badParameter(
      'schedule',
      'schedule is required for COMPLEMENT_DATA: {"startDate":ms,"endDate":ms,"crontab":"…"}',
    );
  throw new ApiFailure(
    'BACKFILL_NOT_AVAILABLE',
    'backfill is not available yet: COMPLEMENT_DATA cannot be run; use execType DIRECT',
  );
}

const NODE_DEPS: Record<RunParameters['nodeDep'], NodeDep> = { NODE_ONLY: 'node', NODE_POST: 'post', NODE_PRE: 'pre' };
export const FAILURE_POLICIES = { END: 'end', CONTINUE: 'continue' } as const;

function orderOf(parameters: RunParameters): RunOrder {
  return {
    ...WHOLE_WORKFLOW,
    project: parameters.projectName,
    workflow: parameters.workflowName,
    selection: selectionOf(parameters),
    params: parameters.startParams ?? {},
    failurePolicy: FAILURE_POLICIES[parameters.failurePolicy],
    priority: parameters.priority ?? null,
    workerGroup: parameters.workerGroup ?? null,
    environment: parameters.environment ?? null,
    dryRun: parameters.dryRun,
    timeoutMs: parameters.timeout * 1000,
    notifyType: parameters.notifyType,
    notifyMails: parameters.notifyMails ?? [],
  };
}

function selectionOf({ nodeName, nodeDep, selected }: RunParameters): Selection {
  if (nodeName !== undefined && selected !== undefined)
    throw badParameter('selected', 'selected cannot be given together with nodeName');
  if (selected !== undefined) return { kind: 'selected', tasks: selected };
  return nodeName === undefined ? { kind: 'whole' } : { kind: 'node', tasks: nodeName, dep: NODE_DEPS[nodeDep] };
}
