/** Runs that run another one again: a new run with the same parameters, logical date and settings, linked to it. */
import type { PlanRequest, PreviousRun } from '@pelorus/engine';
import { isTerminalRun, type RunId } from '@pelorus/protocol';
import type { NewRun, RunDetail, WorkflowRow } from '../store/port.ts';
import type { ApiContext } from './context.ts';
import { refuseUnknownEnvironment } from './environments.ts';
import { loadRunDetail, loadWorkflow } from './lookup.ts';
import { makePlan } from './plan.ts';
import { ApiFailure } from './problem.ts';
import { planTerms, prepared, versionOf, type PreparedRun } from './submit.ts';

export interface AgainOrder {
  run: RunId;
  /** `failed`: what did not succeed; `from`: that task and all behind it; `all`: everything. */
  what: { kind: 'failed' } | { kind: 'from'; task: string } | { kind: 'all' };
  /** `latest`: tasks that have changed since run again as well. */
  version: 'same' | 'latest';
  /** Settings that differ from the earlier run's. */
  changed?: Partial<Settings>;
}

export type Settings = Pick<
  NewRun,
  'failurePolicy' | 'priority' | 'timeoutMs' | 'timeoutAction' | 'workerGroup' | 'environment' | 'dryRun' | 'notifyType'
> & { notifyMails: string[] };

/**
 * Throws `RUN_NOT_FOUND`; `WRONG_STATE` for a run whose results are to be taken over and that has not ended;
 * `WORKFLOW_NOT_FOUND` when the workflow has been deleted; and what `makePlan` throws.
 */
export async function prepareAgain(context: ApiContext, order: AgainOrder): Promise<PreparedRun> {
  const earlier = await loadRunDetail({ store: context.unmasked, caller: context.caller }, order.run);
  if (order.what.kind !== 'all') refuseLive(earlier);
  const workflow = await workflowOf(context, earlier);
  const row = await versionOf(context, workflow, order.version === 'same' ? earlier.spec.workflowVersion : null);
  const pinned = await context.versions.definition(earlier.spec.workflowId, earlier.spec.workflowVersion);
  const { plan, dryRun } = earlier.spec;
  const previous = { run: order.run, definition: pinned, plan, tasks: earlier.tasks, dryRun };
  const now = context.clock();
  await refuseUnknownEnvironment(context, order.changed?.environment ?? null);
  const planned = makePlan(row.definition, requestOf(order, previous), await planTerms(context, workflow));
  const run = {
    ...settingsOf(earlier, order.version),
    ...order.changed,
    project: workflow.project,
    workflow: workflow.name,
    workflowVersion: row.version,
    mode: MODES[order.what.kind],
    plan: planned.plan,
    rerunOf: order.run,
    parent: null,
    submitUser: context.user,
    submittedAt: now,
    idempotencyKey: null,
    tasks: planned.reused.map((record) => ({ ...record, run: order.run })),
  };
  return prepared(context, { workflow, definition: row.definition }, run, planned);
}

const MODES = { failed: 'rerun-failed', from: 'rerun-from', all: 'repeat' } as const;

function refuseLive({ spec, status }: RunDetail): void {
  if (isTerminalRun(status.state)) return;
  throw new ApiFailure('WRONG_STATE', `run ${spec.id} is ${status.state}: it can be re-run when it has ended`, {
    state: status.state,
  });
}

/** A workflow that was deleted and made anew is another one. */
async function workflowOf(context: ApiContext, { spec }: RunDetail): Promise<WorkflowRow> {
  const workflow = await loadWorkflow(context, spec.project, spec.workflow);
  if (workflow.id === spec.workflowId) return workflow;
  throw new ApiFailure(
    'WORKFLOW_NOT_FOUND',
    `the workflow of run ${spec.id} has been deleted; ${spec.project}/${spec.workflow} is another one now`,
  );
}

function requestOf({ what }: AgainOrder, previous: PreviousRun): PlanRequest {
  switch (what.kind) {
    case 'failed':
      return { kind: 'rerun-failed', previous };
    case 'from':
      return { kind: 'rerun-from', previous, task: what.task };
    case 'all':
      return { kind: 'whole' };
  }
}

/** Everything of a run but which one it is, whose child it was, and how it came about. */
function settingsOf({ spec }: RunDetail, version: AgainOrder['version']) {
  // Somebody wants it to run again, whatever a schedule would have it wait for.
  const { id: _id, projectId: _project, workflowId: _workflow, depth: _depth, gate: _gate, files, ...settings } = spec;
  // The same version runs with the same files of the project, the latest with those that are there now.
  return version === 'same' && files ? { ...settings, files } : settings;
}
