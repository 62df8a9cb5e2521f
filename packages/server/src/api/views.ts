/** Stored records as the resources answer them. Pure. */
import type { AttemptRecord, LateResult, ParentLink, TaskRunRecord, WorkerRecord } from '@pelorus/engine';
import {
  RUN_STATUS,
  TASK_RUN_STATUS,
  formatAttemptId,
  isTerminalTaskRun,
  phrase,
  type AlertChannelView,
  type AlertView,
  type AttemptView,
  type LateResultView,
  type ConnectionView,
  type ProjectFileView,
  type LastRunView,
  type ProjectView,
  type RunView,
  type SecretView,
  type TaskCell,
  type TaskDefinition,
  type TaskGroupView,
  type TaskRunState,
  type TaskView,
  type WorkerLoad,
  type WorkerView,
  type WorkflowDefinition,
  type WorkflowSummary,
  type WorkflowVersionSummary,
  type WorkflowView,
} from '@pelorus/protocol';
import type {
  AlertChannelRow,
  AlertDelivery,
  LastRun,
  ProjectRow,
  RunDetail,
  RunRow,
  TaskGroupUsage,
  WorkerDrain,
  WorkflowRow,
  WorkflowVersionRow,
} from '../store/port.ts';
import type { ConnectionRow, ProjectFileRow, SecretRow } from '../store/vault-port.ts';
import { maskUrl, type Vault } from '../vault/index.ts';
import { plannedTasks, type PlannedTask } from './plan.ts';
import { workflowTag } from './workflow-tags.ts';
import type { RunTally } from './run-tallies.ts';

/** RFC 3339 in UTC. */
export function instantText(at: number): string {
  return new Date(at).toISOString();
}

function optionalInstant(at: number | null): string | null {
  return at === null ? null : instantText(at);
}

export function projectView(row: ProjectRow): ProjectView {
  return { name: row.name, description: row.description, owner: row.owner, createdAt: instantText(row.createdAt) };
}

export function workflowSummary(row: WorkflowRow): WorkflowSummary {
  return {
    name: row.name,
    project: row.project,
    description: row.description,
    labels: row.labels,
    version: row.version,
    hash: row.hash,
    createdAt: instantText(row.createdAt),
    updatedAt: instantText(row.updatedAt),
    updatedBy: row.updatedBy,
  };
}

export function lastRunView({ run, state, submittedAt, startedAt, endedAt }: LastRun): LastRunView {
  return {
    id: run,
    state,
    submittedAt: instantText(submittedAt),
    startedAt: optionalInstant(startedAt),
    endedAt: optionalInstant(endedAt),
  };
}

export function versionSummary(
  row: Pick<WorkflowVersionRow, 'version' | 'hash' | 'format' | 'createdAt' | 'createdBy'>,
): WorkflowVersionSummary {
  return {
    version: row.version,
    hash: row.hash,
    format: row.format,
    createdAt: instantText(row.createdAt),
    createdBy: row.createdBy,
  };
}

/** Without the definition, which is large and goes last. */
export function workflowHead(workflow: WorkflowRow, row: WorkflowVersionRow): Omit<WorkflowView, 'definition'> {
  return {
    ...versionSummary(row),
    name: workflow.name,
    project: workflow.project,
    description: row.definition.description,
    latestVersion: workflow.version,
    tag: workflowTag(row),
    updatedAt: instantText(workflow.updatedAt),
    updatedBy: workflow.updatedBy,
    concurrency: row.definition.concurrency,
    taskCount: row.definition.tasks.length,
    source: row.source,
    files: row.files.map((file) => ({
      name: file.name,
      sha256: file.sha256,
      sizeBytes: Buffer.byteLength(file.base64, 'base64'),
    })),
  };
}

export function runView(row: RunRow, tally: RunTally, now: number): RunView {
  const { spec, status } = row;
  return {
    id: spec.id,
    project: spec.project,
    workflow: spec.workflow,
    version: spec.workflowVersion,
    state: status.state,
    status: RUN_STATUS[status.state],
    cause: status.cause,
    firstFailure: status.firstFailure,
    waitReason: status.waitReason,
    execType: spec.execType,
    mode: spec.mode,
    rerunOf: spec.rerunOf,
    parent: parentView(spec.parent),
    logicalDate: instantText(spec.logicalDateAt),
    zone: spec.zone,
    submittedAt: instantText(spec.submittedAt),
    submittedBy: spec.submitUser,
    startedAt: optionalInstant(status.startedAt),
    endedAt: optionalInstant(status.endedAt),
    durationMs: status.startedAt === null ? null : Math.max(0, (status.endedAt ?? now) - status.startedAt),
    progress: tally.progress,
    estimatedRemainingMs: tally.estimatedRemainingMs,
    counts: tally.counts,
    taskCount: tally.taskCount,
    params: spec.params,
    failurePolicy: spec.failurePolicy,
    priority: spec.priority,
    workerGroup: spec.workerGroup,
    environment: spec.environment,
    dryRun: spec.dryRun,
    timeoutMs: spec.timeoutMs,
    notifyType: spec.notifyType,
    notifyMails: spec.notifyMails,
    owner: status.owner,
    extras: spec.extras,
    revision: status.version,
  };
}

function parentView(parent: ParentLink | null): RunView['parent'] {
  if (parent === null) return null;
  const { run, task, attempt: n } = parent;
  return { run, attempt: formatAttemptId({ run, task, n }) };
}

/** A task of the definition with what is stored of it, if anything. */
export interface TaskState {
  task: TaskDefinition;
  index: number;
  planned: PlannedTask;
  record: TaskRunRecord | null;
  /** Oldest first. */
  attempts: AttemptRecord[];
  /** Names of the predecessors that have not ended. */
  waitsFor: string[];
}

/** Every task of the definition, in its order. */
export function taskStates(
  definition: WorkflowDefinition,
  detail: Pick<RunDetail, 'spec' | 'tasks' | 'attempts'>,
): TaskState[] {
  const planned = plannedTasks(definition, detail.spec.plan);
  const states = definition.tasks.map((task, index): TaskState => ({
    task,
    index,
    planned: planned[index] ?? { plan: 'run', reason: null, attempt: null },
    record: null,
    attempts: [],
    waitsFor: [],
  }));
  for (const record of detail.tasks) {
    const state = states[record.task];
    if (state !== undefined) state.record = record;
  }
  for (const attempt of detail.attempts) states[attempt.task]?.attempts.push(attempt);
  const open = new Set(states.filter((state) => !isTerminalTaskRun(stateOf(state))).map((state) => state.task.name));
  for (const state of states)
    if (stateOf(state) === 'pending') state.waitsFor = state.task.needs.filter((name) => open.has(name));
  return states;
}

/** A task without a record waits, unless the plan leaves it out. */
export function stateOf(state: TaskState): TaskRunState {
  return state.record?.state ?? (state.planned.plan === 'skip' ? 'skipped' : 'pending');
}

/** Id of the run that an attempt started, by the attempt's id. */
export type ChildRuns = ReadonlyMap<string, number>;

export function taskView(state: TaskState, children: ChildRuns): TaskView {
  const { task, index, planned, record, attempts } = state;
  const now = stateOf(state);
  const views = attempts.map((attempt) => attemptView(attempt, children));
  return {
    name: task.name,
    index,
    type: task.action.type,
    needs: task.needs,
    plan: planned.plan,
    state: now,
    status: TASK_RUN_STATUS[now],
    cause: causeOf(state),
    waitReason: record?.waitReason ?? waitText(state.waitsFor),
    outputs: record?.outputs ?? null,
    retries: record?.retries ?? 0,
    startedAt: optionalInstant(record?.startedAt ?? null),
    endedAt: optionalInstant(record?.endedAt ?? null),
    attempts: views,
    childRun: views.at(-1)?.childRun ?? null,
  };
}

export function taskCell(state: TaskState): TaskCell {
  const { task, record } = state;
  return {
    name: task.name,
    state: stateOf(state),
    cause: causeOf(state),
    startedAt: optionalInstant(record?.startedAt ?? null),
    endedAt: optionalInstant(record?.endedAt ?? null),
  };
}

function causeOf(state: TaskState): TaskView['cause'] {
  const { record, planned } = state;
  return record?.cause ?? (stateOf(state) === 'skipped' && planned.reason !== null ? { kind: planned.reason } : null);
}

function waitText(names: string[]): string | null {
  if (names.length === 0) return null;
  const [tasks, more] = [names.slice(0, NAMES_SHOWN).join(', '), names.length - NAMES_SHOWN];
  return more > 0 ? phrase('needs_more', { tasks, more }) : phrase('needs', { tasks });
}

const NAMES_SHOWN = 3;

function attemptView(attempt: AttemptRecord, children: ChildRuns): AttemptView {
  const id = formatAttemptId(attempt);
  return {
    id,
    n: attempt.n,
    state: attempt.state,
    cause: attempt.cause,
    worker: attempt.worker,
    dispatchedAt: instantText(attempt.dispatchedAt),
    startedAt: optionalInstant(attempt.startedAt),
    endedAt: optionalInstant(attempt.endedAt),
    late: attempt.late ? lateResultView(attempt.late) : null,
    childRun: children.get(id) ?? null,
  };
}

function lateResultView({ state, cause, ...instants }: LateResult): LateResultView {
  return {
    state,
    cause,
    startedAt: instantText(instants.startedAt),
    endedAt: instantText(instants.endedAt),
    reportedAt: instantText(instants.reportedAt),
  };
}

export function taskGroupView(row: TaskGroupUsage): TaskGroupView {
  const { name, size, held, liveAttempts, waitingTasks, updatedAt, updatedBy } = row;
  return { name, size, held, liveAttempts, waitingTasks, updatedAt: instantText(updatedAt), updatedBy };
}

/** Addresses of webhooks often are credentials: only who may set one sees more of it than the server that it leads to. */
export function alertChannelView(row: AlertChannelRow, showsTarget: boolean): AlertChannelView {
  const { name, kind, events, hasSecret, updatedAt, updatedBy } = row;
  const target = showsTarget || kind === 'email' ? row.target : `${new URL(row.target).origin}/…`;
  return { name, kind, target, events, hasSecret, updatedAt: instantText(updatedAt), updatedBy };
}

export function secretView(row: SecretRow, vault: Vault): SecretView {
  const { name, sealed, updatedAt, updatedBy } = row;
  return { name, readable: vault.canOpen(sealed), updatedAt: instantText(updatedAt), updatedBy };
}

export function connectionView({ name, kind, url, updatedAt, updatedBy }: ConnectionRow): ConnectionView {
  return { name, kind, url: maskUrl(url), updatedAt: instantText(updatedAt), updatedBy };
}

export function projectFileView({ path, sha256, sizeBytes, updatedAt, updatedBy }: ProjectFileRow): ProjectFileView {
  return { path, sha256, sizeBytes, updatedAt: instantText(updatedAt), updatedBy };
}

export function alertView(row: AlertDelivery): AlertView {
  const { id, alert, recipient, state, attempts, nextAt, doneAt, result } = row;
  return {
    id,
    project: alert.project,
    workflow: alert.workflow,
    run: alert.about ? null : alert.run,
    event: alert.event,
    task: alert.task,
    recipient,
    state,
    attempts,
    at: instantText(alert.at),
    nextAt: optionalInstant(nextAt),
    doneAt: optionalInstant(doneAt),
    result,
  };
}

export function workerView(row: WorkerRecord, drains: readonly WorkerDrain[]): WorkerView {
  const drain = drains.find(({ name }) => name === row.name);
  return {
    id: row.id,
    name: row.name,
    host: row.host,
    groups: row.groups,
    slots: row.slots,
    state: row.state,
    registeredAt: instantText(row.registeredAt),
    seenAt: instantText(row.seenAt),
    load: row.state === 'offline' || !row.load ? null : loadView(row.load),
    features: [...(row.features ?? [])],
    drain: drain === undefined ? null : { reason: drain.reason, at: instantText(drain.drainedAt), by: drain.drainedBy },
  };
}

function loadView(load: WorkerLoad): NonNullable<WorkerView['load']> {
  const { slots, usedSlots, loadAverage, cpuCount, freeMemoryBytes, totalMemoryBytes, busy } = load;
  return {
    usedSlots: whole(usedSlots),
    freeSlots: whole(slots - usedSlots),
    loadAverage: loadAverage < 0 ? null : loadAverage,
    cpuCount: whole(cpuCount),
    freeMemoryBytes: whole(freeMemoryBytes),
    totalMemoryBytes: whole(totalMemoryBytes),
    busy,
  };
}

/** Workers may be written by anybody. */
function whole(value: number): number {
  return Math.max(0, Math.round(value));
}
