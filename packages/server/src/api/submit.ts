/** Starts runs: both faces of the API come here with a request in the engine's words. */
import type { ExecType, NotifyType, RunPlan } from '@pelorus/engine';
import { resolveStartParameters } from '@pelorus/engine';
import type { FailurePolicy, ParameterValue, Priority, RunId, WorkflowDefinition } from '@pelorus/protocol';
import type { NewRun, WorkflowRow, WorkflowVersionRow } from '../store/port.ts';
import type { ApiContext } from './context.ts';
import { loadWorkflow } from './lookup.ts';
import { planRun, type Selection } from './plan.ts';
import { ApiFailure, failureWith, problemAt } from './problem.ts';

/** Null: as the workflow says, or the product's default. */
export interface RunOrder {
  project: string;
  workflow: string;
  version: number | null;
  selection: Selection;
  params: Record<string, ParameterValue>;
  failurePolicy: FailurePolicy | null;
  priority: Priority | null;
  workerGroup: string | null;
  environment: string | null;
  dryRun: boolean;
  timeoutMs: number | null;
  notifyType: NotifyType | null;
  notifyMails: string[] | null;
  /** Epoch ms; null: now. */
  logicalDateAt: number | null;
  zone: string | null;
  proxyUser: string | null;
  queue: string | null;
  extras: unknown;
  execType: ExecType;
}

export const WHOLE_WORKFLOW: Omit<RunOrder, 'project' | 'workflow'> = {
  version: null,
  selection: { kind: 'whole' },
  params: {},
  failurePolicy: null,
  priority: null,
  workerGroup: null,
  environment: null,
  dryRun: false,
  timeoutMs: null,
  notifyType: null,
  notifyMails: null,
  logicalDateAt: null,
  zone: null,
  proxyUser: null,
  queue: null,
  extras: null,
  execType: 'DIRECT',
};

/** A run that has been checked and can be submitted. */
export interface PreparedRun {
  definition: WorkflowDefinition;
  version: number;
  plan: RunPlan;
  warnings: string[];
  run: NewRun;
}

/** Everything that can be refused is refused here, before anything is written. */
export async function prepareRun(context: ApiContext, order: RunOrder): Promise<PreparedRun> {
  const workflow = await loadWorkflow(context.store, order.project, order.workflow);
  const row = await versionOf(context, workflow, order.version);
  const { definition } = row;
  const { plan, mode, warnings } = planRun(definition, order.selection);
  const run = newRun(context, order, workflow, row, { plan, mode });
  checkParameters(definition, run);
  return { definition, version: row.version, plan, warnings, run };
}

async function versionOf(
  context: ApiContext,
  workflow: WorkflowRow,
  version: number | null,
): Promise<WorkflowVersionRow> {
  if (version !== null && version > workflow.version) {
    throw new ApiFailure(
      'VERSION_NOT_FOUND',
      `workflow ${workflow.name} has no version ${version}; the latest is ${workflow.version}`,
    );
  }
  return context.versions.get(workflow.id, version ?? workflow.version);
}

function newRun(
  context: ApiContext,
  order: RunOrder,
  workflow: WorkflowRow,
  row: WorkflowVersionRow,
  planned: { plan: RunPlan; mode: string },
): NewRun {
  const { definition } = row;
  const now = context.clock();
  return {
    project: workflow.project,
    workflow: workflow.name,
    workflowVersion: row.version,
    execType: order.execType,
    mode: planned.mode,
    plan: planned.plan,
    rerunOf: null,
    parent: null,
    submitUser: context.user,
    proxyUser: order.proxyUser,
    queue: order.queue,
    failurePolicy: order.failurePolicy ?? definition.failurePolicy,
    priority: order.priority ?? definition.priority,
    timeoutMs: order.timeoutMs ?? definition.timeout.afterMs,
    timeoutAction: order.timeoutMs === null ? definition.timeout.action : 'fail',
    workerGroup: order.workerGroup,
    environment: order.environment,
    dryRun: order.dryRun,
    params: order.params,
    logicalDateAt: order.logicalDateAt ?? now,
    zone: order.zone ?? definition.schedule?.timezone ?? 'UTC',
    submittedAt: now,
    notifyType: order.notifyType ?? notifyTypeOf(definition),
    notifyMails: order.notifyMails ?? definition.notify.to,
    extras: order.extras,
    idempotencyKey: null,
    tasks: [],
  };
}

function notifyTypeOf(definition: WorkflowDefinition): NotifyType {
  const words = { none: 'NONE', success: 'SUCCESS', failure: 'FAILURE', all: 'ALL' } as const;
  return words[definition.notify.on];
}

function checkParameters(definition: WorkflowDefinition, run: NewRun): void {
  const result = resolveStartParameters(definition, run.params);
  if (result.ok) return;
  throw failureWith(
    'INVALID_PARAMETERS',
    result.problems.map((message) => problemAt('/params', message)),
  );
}

/** Durable when it returns; the master is told. */
export async function submitRun(context: ApiContext, prepared: PreparedRun): Promise<{ id: RunId; version: number }> {
  const { run } = await context.store.submitRun(prepared.run);
  context.hints.commandWritten();
  context.log.info(
    { runId: run.id, workflow: run.workflow, version: run.workflowVersion, mode: run.mode },
    'run submitted',
  );
  return { id: run.id, version: run.workflowVersion };
}
