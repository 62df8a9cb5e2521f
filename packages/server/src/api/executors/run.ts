/** Starts a run of a stored workflow, as the published contract says. */
import type { z } from 'zod';
import type { RunId } from '@pelorus/protocol';
import { inProject } from '../access.ts';
import { executionStarted } from '../answers/executors.ts';
import {
  backfillLocation,
  prepareBackfill,
  submitBackfill,
  type BackfillNames,
  type BackfillOrder,
} from '../backfills.ts';
import { parametersBody } from '../body.ts';
import type { ApiContext } from '../context.ts';
import { loadRun } from '../lookup.ts';
import { badParameter, badParameters, problemAt } from '../problem.ts';
import { created, route, type Answer } from '../route.ts';
import { prepareAgain, type Settings } from '../run-again.ts';
import {
  WHOLE_WORKFLOW,
  prepareRun,
  submitRun,
  type PreparedRun,
  type RunOrder,
  type Selection,
  type SubmissionKey,
} from '../submit.ts';
import { runParameters } from './parameters.ts';

type RunParameters = z.output<typeof runParameters>;

export const runWorkflow = route({
  id: 'runWorkflow',
  method: 'POST',
  path: '/executors',
  access: inProject('execute'),
  summary: 'Run a workflow that has been configured',
  answers: { 201: executionStarted },
  repeatable: true,
  body: parametersBody(runParameters),
  handle: async ({ body: { parameters }, key }, context) => {
    if (parameters.execType === 'COMPLEMENT_DATA') return backfill(context, parameters, key);
    refuseBeside(parameters, BACKFILL_ONLY, 'belongs to COMPLEMENT_DATA');
    const prepared = await preparedOf(context, parameters);
    const { id } = await submitRun(context, prepared, key);
    // The published answer holds nothing else, so warnings come only when there are some.
    const warnings = prepared.warnings.length === 0 ? {} : { warnings: prepared.warnings };
    return created({ execIds: [id], ...warnings }, { location: `/api/v1/executors/${id}` });
  },
});

const BACKFILL_ONLY = ['schedule', 'runMode', 'parallelism', 'executionOrder'] as const;
const NAMES: BackfillNames = {
  startDate: 'schedule.startDate',
  endDate: 'schedule.endDate',
  crontab: 'schedule.crontab',
  mode: 'runMode',
  parallelism: 'parallelism',
};

/** Answers with the runs that exist by then: those of the dates that begin at once. */
async function backfill(context: ApiContext, parameters: RunParameters, key: SubmissionKey | null): Promise<Answer> {
  const { schedule } = parameters;
  if (schedule === undefined)
    throw badParameter(
      'schedule',
      'schedule is required for COMPLEMENT_DATA: {"startDate":ms,"endDate":ms,"crontab":"…"}',
    );
  refuseBeside(parameters, ['rerunOf'], 'cannot be given together with COMPLEMENT_DATA');
  const order: BackfillOrder = {
    run: { ...orderOf(parameters), execType: 'COMPLEMENT_DATA' },
    when: { startAt: schedule.startDate, endAt: schedule.endDate, crontab: schedule.crontab || null },
    mode: parameters.runMode === 'PARALLEL' ? 'parallel' : 'serial',
    parallelism: parameters.parallelism ?? null,
    order: parameters.executionOrder === 'DESC' ? 'descending' : 'ascending',
    continueAfterFailure: false,
    withDependents: false,
  };
  const prepared = await prepareBackfill(context, order, NAMES);
  const { row, runs } = await submitBackfill(context, prepared, key);
  const warnings = prepared.warnings.length === 0 ? {} : { warnings: prepared.warnings };
  return created({ execIds: runs, ...warnings }, backfillLocation(row.id));
}

function refuseBeside(parameters: RunParameters, names: readonly (keyof RunParameters)[], why: string): void {
  const given = names.filter((name) => parameters[name] !== undefined);
  if (given.length > 0) throw badParameters(given.map((name) => problemAt(`/${name}`, `${name} ${why}`)));
}

/** Seconds. */
const TIMEOUT_DEFAULT_S = 86_400;
export const FAILURE_POLICIES = { END: 'end', CONTINUE: 'continue' } as const;

function orderOf(parameters: RunParameters): RunOrder {
  return {
    ...WHOLE_WORKFLOW,
    project: parameters.projectName,
    workflow: parameters.workflowName,
    selection: selectionOf(parameters),
    params: parameters.startParams ?? {},
    failurePolicy: FAILURE_POLICIES[parameters.failurePolicy ?? 'END'],
    priority: parameters.priority ?? null,
    workerGroup: parameters.workerGroup ?? null,
    environment: parameters.environment ?? null,
    dryRun: parameters.dryRun ?? false,
    timeoutMs: (parameters.timeout ?? TIMEOUT_DEFAULT_S) * 1000,
    notifyType: parameters.notifyType ?? 'NONE',
    notifyMails: parameters.notifyMails ?? [],
  };
}

function selectionOf({ nodeName, nodeDep, selected }: RunParameters): Selection {
  if (nodeName !== undefined && selected !== undefined)
    throw badParameter('selected', 'selected cannot be given together with nodeName');
  if (selected !== undefined) return { kind: 'selected', tasks: selected };
  return nodeName === undefined ? { kind: 'whole' } : { kind: 'node', tasks: nodeName, dep: nodeDep };
}

async function preparedOf(context: ApiContext, parameters: RunParameters): Promise<PreparedRun> {
  const { rerunOf } = parameters;
  if (rerunOf === undefined) return prepareRun(context, orderOf(parameters));
  refuseBeside(parameters, SETTLED_BY_RERUN, 'cannot be given together with rerunOf');
  await refuseOtherWorkflow(context, rerunOf, parameters);
  const changed = settingsIn(parameters);
  return prepareAgain(context, { run: rerunOf, what: { kind: 'failed' }, version: 'same', changed });
}

/** What a re-run takes from the run that it runs again. */
const SETTLED_BY_RERUN = ['nodeName', 'selected', 'startParams'] as const;

async function refuseOtherWorkflow(context: ApiContext, run: RunId, parameters: RunParameters): Promise<void> {
  const { spec } = await loadRun(context, run);
  if (spec.project === parameters.projectName && spec.workflow === parameters.workflowName) return;
  throw badParameter(
    'rerunOf',
    `rerunOf: run ${run} is not one of ${parameters.projectName}/${parameters.workflowName}`,
  );
}

/** Only what was given: the rest stays as it was. */
function settingsIn(parameters: RunParameters): Partial<Settings> {
  const { failurePolicy, priority, workerGroup, environment, dryRun, timeout, notifyType, notifyMails } = parameters;
  return {
    ...(failurePolicy === undefined ? {} : { failurePolicy: FAILURE_POLICIES[failurePolicy] }),
    ...(priority === undefined ? {} : { priority }),
    ...(workerGroup === undefined ? {} : { workerGroup }),
    ...(environment === undefined ? {} : { environment }),
    ...(dryRun === undefined ? {} : { dryRun }),
    ...(timeout === undefined ? {} : { timeoutMs: timeout * 1000, timeoutAction: 'fail' }),
    ...(notifyType === undefined ? {} : { notifyType }),
    ...(notifyMails === undefined ? {} : { notifyMails }),
  };
}
