/** Starts runs: both faces of the API come here with a request in the engine's words. */
import type { ExecType, PlanRequest, RunPlan } from '@pelorus/engine';
import { resolveStartParameters } from '@pelorus/engine';
import type { Cause, RunId, RunSettings, RunState, WorkflowDefinition } from '@pelorus/protocol';
import { newRunOf } from '../store/new-run.ts';
import type { NewRun, WorkflowRow, WorkflowVersionContent } from '../store/port.ts';
import type { ApiContext } from './context.ts';
import { refuseUnknownEnvironment } from './environments.ts';
import { loadWorkflow } from './lookup.ts';
import { makePlan, type PlannedRun, type PlanTerms } from './plan.ts';
import { ApiFailure, failureWith, problemAt } from './problem.ts';
import { demandReach } from './references.ts';

export type Selection = Extract<PlanRequest, { kind: 'whole' | 'node' | 'selected' }>;

/** Null: as the workflow says, or the product's default. */
export interface RunOrder extends RunSettings {
  project: string;
  workflow: string;
  version: number | null;
  selection: Selection;
  /** Epoch ms; null: now. */
  logicalDateAt: number | null;
  zone: string | null;
  proxyUser: string | null;
  queue: string | null;
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

/** Of a version that is settled. */
type KnownRun = NewRun & { workflowVersion: number };

/** A run that has been checked and can be submitted. */
export interface PreparedRun {
  workflow: WorkflowRow;
  definition: WorkflowDefinition;
  version: number;
  plan: RunPlan;
  warnings: string[];
  run: NewRun;
}

/** Everything that can be refused is refused here, before anything is written. */
export async function prepareRun(context: ApiContext, order: RunOrder): Promise<PreparedRun> {
  const workflow = await loadWorkflow(context, order.project, order.workflow);
  const row = await versionOf(context, workflow, order.version);
  const { definition } = row;
  await refuseUnknownEnvironment(context, order.environment);
  const planned = makePlan(definition, order.selection, await planTerms(context, workflow));
  const run = newRun(context, order, workflow, row, planned.plan);
  return prepared(context, { workflow, definition }, run, planned);
}

/** Names of tasks are suggested to who may read them. */
export async function planTerms({ caller, clock }: ApiContext, workflow: WorkflowRow): Promise<PlanTerms> {
  return { at: clock(), suggestsNames: await caller.may('read', workflow) };
}

/** Throws `INVALID_PARAMETERS`, and `FORBIDDEN` where it would come to projects that the caller may not use. */
export async function prepared(
  context: ApiContext,
  { workflow, definition }: Pick<PreparedRun, 'workflow' | 'definition'>,
  run: KnownRun,
  planned: PlannedRun,
): Promise<PreparedRun> {
  checkParameters(definition, run);
  await demandReach(context, workflow, definition, planned.plan);
  return { workflow, definition, version: run.workflowVersion, plan: planned.plan, warnings: planned.warnings, run };
}

export async function versionOf(
  context: ApiContext,
  workflow: WorkflowRow,
  version: number | null,
): Promise<WorkflowVersionContent> {
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
  row: WorkflowVersionContent,
  plan: RunPlan,
): KnownRun {
  const { project, name } = workflow;
  const now = context.clock();
  return newRunOf(row.definition, order, {
    ...{ project, workflow: name, version: row.version, plan },
    execType: order.execType,
    mode: order.selection.kind,
    submitUser: context.user,
    proxyUser: order.proxyUser,
    queue: order.queue,
    logicalDateAt: order.logicalDateAt ?? now,
    zone: order.zone,
    submittedAt: now,
  });
}

function checkParameters(definition: WorkflowDefinition, run: NewRun): void {
  const result = resolveStartParameters(definition, run.params);
  if (result.ok) return;
  throw failureWith(
    'INVALID_PARAMETERS',
    result.problems.map((message) => problemAt('/params', message)),
  );
}

/** What the same request again is known by; the store compares the hash. */
export interface SubmissionKey {
  idempotencyKey: string | null;
  requestHash: string;
}

export interface SubmittedRun {
  id: RunId;
  version: number;
  /** `queued`, unless it waits for its turn, was discarded, or was submitted before under the same key. */
  state: RunState;
  cause: Cause | null;
  waitReason: string | null;
}

/** Durable when it returns; the master is told. */
export async function submitRun(
  context: ApiContext,
  { definition, run: prepared }: PreparedRun,
  key: SubmissionKey | null = null,
): Promise<SubmittedRun> {
  const keyed = key === null || key.idempotencyKey === null ? {} : key;
  const { run, repeated } = await context.store.submitRun({ ...prepared, ...keyed });
  context.hints.commandWritten();
  context.log.info(
    { runId: run.id, workflow: run.workflow, version: run.workflowVersion, mode: run.mode, repeated },
    'run submitted',
  );
  const submitted = { id: run.id, version: run.workflowVersion };
  const startsAtOnce = !repeated && (run.concurrency ?? definition.concurrency) === 'parallel';
  const status = startsAtOnce ? null : (await context.store.getRun(run.id))?.status;
  return {
    ...submitted,
    state: status?.state ?? 'queued',
    cause: status?.cause ?? null,
    waitReason: status?.waitReason ?? null,
  };
}
