/**
 * Between records and rows. This is the boundary where stored text becomes typed again, hence the casts.
 *
 * Between threads rows travel in the form that costs the main thread least (measured for 100,000 task runs):
 * - to the writer as one flat array of cells per table: 26 ms to post; 180 ms as objects, 42 ms as JSON text;
 * - from a reader as JSON text that SQLite itself makes: 70 ms to receive and parse; 196 ms as arrays of cells. Making it
 *   costs the reader half of what fetching cells does.
 */
import type {
  AlertRecord,
  AttemptRecord,
  Change,
  ChildRun,
  Command,
  CommandAction,
  LateResult,
  ParentLink,
  PinnedFile,
  RunSpec,
  RunStatus,
  TaskRunRecord,
  WorkerRecord,
} from '@pelorus/engine';
import type {
  AttemptState,
  Cause,
  CommandId,
  ConcurrencyPolicy,
  MasterId,
  RunId,
  RunState,
  TaskRunState,
  WorkerId,
  WorkerLoad,
} from '@pelorus/protocol';
import { phrase } from '@pelorus/protocol/vocabulary';
import type { NewRun, RunRow } from './port.ts';

export type Cell = string | number | null;

export const RUN_COLUMNS = [
  'id',
  'project_id',
  'project',
  'workflow_id',
  'workflow',
  'workflow_version',
  'submitted_at',
  'spec',
  'parent_run',
  'parent_task',
  'parent_attempt',
  'version',
  'state',
  'cause',
  'first_failure',
  'wait_reason',
  'owner',
  'started_at',
  'ended_at',
] as const;
export const TASK_RUN_COLUMNS = [
  'run_id',
  'task',
  'version',
  'state',
  'cause',
  'wait_reason',
  'attempts',
  'retries',
  'wake_at',
  'ready_at',
  'started_at',
  'ended_at',
  'outputs',
] as const;
export const ATTEMPT_COLUMNS = [
  'run_id',
  'task',
  'n',
  'version',
  'state',
  'cause',
  'worker',
  'dispatched_at',
  'started_at',
  'ended_at',
  'kill_intent',
] as const;
/** As they are read: a late result is written by itself. */
export const STORED_ATTEMPT_COLUMNS = [...ATTEMPT_COLUMNS, 'late'] as const;
export const WORKER_COLUMNS = [
  'id',
  'name',
  'host',
  'groups',
  'slots',
  'state',
  'registered_at',
  'seen_at',
  'supersedes',
  'load',
  'features',
] as const;
export const COMMAND_COLUMNS = ['id', 'run_id', 'action', 'user_name', 'at'] as const;

/** Cells of a status update, in the order that `encodeStatus` writes. */
export const STATUS_WIDTH = 9;
export const TASK_RUN_WIDTH = TASK_RUN_COLUMNS.length;
export const ATTEMPT_WIDTH = ATTEMPT_COLUMNS.length;
export const WORKER_WIDTH = WORKER_COLUMNS.length;
export const COMMAND_DONE_WIDTH = 3;
/** Run, task, attempt, state, cause, and all of the result. */
export const LATE_RESULT_WIDTH = 6;

/** The changes of one commit, one flat array of cells per table, each key at most once. */
export interface CommitRows {
  statuses: Cell[];
  taskRuns: Cell[];
  attempts: Cell[];
  lateResults: Cell[];
  commandsDone: Cell[];
  workers: Cell[];
  /** In the order in which they were decided. */
  children: (ChildStart | ChildCommand)[];
  alerts: AlertRow[];
}

/** An alert whose content is JSON text already. */
export interface AlertRow {
  id: string;
  run: number;
  /** Of one that is about no run; else the run's. */
  projectId?: number;
  at: number;
  recipients: string[];
  content: string;
}

export interface ChildStart {
  kind: 'start-child';
  projectId: number;
  workflowId: number;
  workflowVersion: number;
  making: RunMaking;
}
export type ChildCommand = Extract<Change, { kind: 'child-command' }>;

/** Coalesces changes per key, the last one winning, and flattens them. */
export function encodeChanges(changes: readonly Change[]): CommitRows {
  const statuses = new Map<number, RunStatus>();
  const taskRuns = new Map<number, Map<number, TaskRunRecord>>();
  const attempts = new Map<number, Map<number, AttemptRecord>>();
  const lateResults = new Map<string, LateResultChange>();
  const workers = new Map<string, WorkerRecord>();
  const rows: CommitRows = {
    statuses: [],
    taskRuns: [],
    attempts: [],
    lateResults: [],
    commandsDone: [],
    workers: [],
    children: [],
    alerts: [],
  };
  for (const change of changes) {
    switch (change.kind) {
      case 'run':
        statuses.set(change.status.run, change.status);
        break;
      case 'task-run':
        inner(taskRuns, change.record.run).set(change.record.task, change.record);
        break;
      case 'attempt':
        // Attempt numbers stay far below 2^20 (`LIMITS.retryMax`), tasks below 2^32.
        inner(attempts, change.record.run).set(change.record.task * 1_048_576 + change.record.n, change.record);
        break;
      case 'late-result': {
        const key = `${change.run}.${change.task}.${change.n}`;
        if (!lateResults.has(key)) lateResults.set(key, change);
        break;
      }
      case 'command-done':
        rows.commandsDone.push(change.command, change.at, JSON.stringify(change.outcome));
        break;
      case 'worker':
        workers.set(change.record.id, change.record);
        break;
      case 'start-child':
        rows.children.push(encodeChild(change.child, change.parent));
        break;
      case 'child-command':
        rows.children.push(change);
        break;
      case 'alert':
        rows.alerts.push(encodeAlert(change.alert));
        break;
      default:
        change satisfies never;
    }
  }
  for (const status of statuses.values()) encodeStatus(rows.statuses, status);
  for (const records of taskRuns.values())
    for (const record of records.values()) encodeTaskRun(rows.taskRuns, record, record.run);
  // An attempt that ends makes way for the next one of its task run, so ended ones are written first.
  for (const live of [false, true]) {
    for (const records of attempts.values()) {
      for (const record of records.values()) if (isLive(record.state) === live) encodeAttempt(rows.attempts, record);
    }
  }
  for (const change of lateResults.values()) encodeLateResult(rows.lateResults, change);
  for (const record of workers.values()) encodeWorker(rows.workers, record);
  return rows;
}

function inner<V>(map: Map<number, Map<number, V>>, key: number): Map<number, V> {
  let found = map.get(key);
  if (!found) map.set(key, (found = new Map<number, V>()));
  return found;
}

function isLive(state: AttemptState): boolean {
  return state === 'dispatched' || state === 'running' || state === 'killing';
}

function encodeStatus(into: Cell[], status: RunStatus): void {
  into.push(
    status.run,
    status.version,
    status.state,
    encodeJson(status.cause),
    encodeJson(status.firstFailure),
    status.waitReason,
    status.owner,
    status.startedAt,
    status.endedAt,
  );
}

/** `run` is an argument because first rows are made before their run has an id. */
export function encodeTaskRun(into: Cell[], record: TaskRunRecord, run: number): void {
  into.push(
    run,
    record.task,
    record.version,
    record.state,
    encodeJson(record.cause),
    record.waitReason,
    record.attempts,
    record.retries,
    record.wakeAt,
    record.readyAt,
    record.startedAt,
    record.endedAt,
    encodeJson(record.outputs),
  );
}

function encodeAttempt(into: Cell[], record: AttemptRecord): void {
  into.push(
    record.run,
    record.task,
    record.n,
    record.version,
    record.state,
    encodeJson(record.cause),
    record.worker,
    record.dispatchedAt,
    record.startedAt,
    record.endedAt,
    encodeJson(record.kill),
  );
}

type LateResultChange = Extract<Change, { kind: 'late-result' }>;

function encodeLateResult(into: Cell[], { run, task, n, result }: LateResultChange): void {
  into.push(run, task, n, result.state, encodeJson(result.cause), JSON.stringify(result));
}

function encodeWorker(into: Cell[], record: WorkerRecord): void {
  into.push(
    record.id,
    record.name,
    record.host,
    JSON.stringify(record.groups),
    record.slots,
    record.state,
    record.registeredAt,
    record.seenAt,
    JSON.stringify(record.supersedes ?? []),
    encodeJson(record.load ?? null),
    JSON.stringify(record.features ?? []),
  );
}

function encodeAlert(alert: AlertRecord): AlertRow {
  const { id, run, at, recipients } = alert;
  return { id, run, at, recipients: [...new Set(recipients)], content: JSON.stringify(alert) };
}

function encodeJson(value: unknown): string | null {
  return value === null ? null : JSON.stringify(value);
}

/** What a run is made of, before it has an id: its own columns, and the rest of its spec as JSON text. */
export interface RunMaking {
  project: string;
  workflow: string;
  parent: ParentLink | null;
  submittedAt: number;
  submitUser: string;
  logicalDateAt: number;
  dryRun: boolean;
  execType: string;
  rerunOf: number | null;
  /** Null: what the workflow version says. */
  concurrency: ConcurrencyPolicy | null;
  /** What it has pinned already; null: it pins what there is as it begins. */
  files: PinnedFile[] | null;
  rest: string;
}

type SpecRest = Omit<
  RunSpec,
  'id' | 'projectId' | 'project' | 'workflowId' | 'workflow' | 'workflowVersion' | 'submittedAt' | 'parent'
>;

export function encodeNewRun(run: NewRun): RunMaking {
  const {
    idempotencyKey: _key,
    requestHash: _hash,
    tasks: _tasks,
    project,
    workflow,
    workflowVersion: _version,
    parent,
    submittedAt,
    ...rest
  } = run;
  return makingOf({ project, workflow, parent, submittedAt }, rest);
}

/** A child takes turns as its own workflow says, whatever its parent was asked to do. */
function encodeChild(child: ChildRun, parent: ParentLink): ChildStart {
  const {
    projectId,
    project,
    workflowId,
    workflow,
    workflowVersion,
    submittedAt,
    concurrency: _parents,
    ...rest
  } = child;
  const making = makingOf({ project, workflow, parent, submittedAt }, rest);
  return { kind: 'start-child', projectId, workflowId, workflowVersion, making };
}

function makingOf(
  columns: Pick<RunMaking, 'project' | 'workflow' | 'parent' | 'submittedAt'>,
  rest: SpecRest,
): RunMaking {
  const { submitUser, logicalDateAt, dryRun, execType, rerunOf, concurrency = null, files = null } = rest;
  const own = { submitUser, logicalDateAt, dryRun, execType, rerunOf, concurrency, files };
  return { ...columns, ...own, rest: encodeRest(rest) };
}

function encodeRest(rest: SpecRest): string {
  return JSON.stringify(rest);
}

/** Rows as a reader sends them. */
export function parseRows(text: string): Cell[][] {
  return JSON.parse(text) as Cell[][];
}

/** From a row of `RUN_COLUMNS`. */
export function decodeRun(c: readonly Cell[]): RunRow {
  const id = c[0] as RunId;
  const rest = JSON.parse(c[7] as string) as SpecRest;
  return {
    spec: {
      id,
      projectId: c[1] as number,
      project: c[2] as string,
      workflowId: c[3] as number,
      workflow: c[4] as string,
      workflowVersion: c[5] as number,
      submittedAt: c[6] as number,
      parent: c[8] === null ? null : { run: c[8] as RunId, task: c[9] as number, attempt: c[10] as number },
      ...rest,
    },
    status: {
      run: id,
      version: c[11] as number,
      state: c[12] as RunState,
      cause: decodeJson<Cause>(c[13]),
      firstFailure: decodeJson<{ task: string; cause: Cause }>(c[14]),
      waitReason: c[15] as string | null,
      owner: c[16] as MasterId | null,
      startedAt: c[17] as number | null,
      endedAt: c[18] as number | null,
    },
  };
}

/**
 * The same for lists: a row that somebody has damaged by hand is shown with what can be read of it, and says so as its reason to wait,
 * instead of hiding all others.
 */
export function decodeListedRun(c: readonly Cell[]): RunRow {
  try {
    return decodeRun(c);
  } catch (error) {
    const detail = error instanceof Error ? error.message : String(error);
    const readable = [...c];
    readable[7] = isJson(c[7]) ? c[7]! : encodeRest({ ...UNREADABLE, logicalDateAt: c[6] as number });
    for (const column of [13, 14]) if (!isJson(c[column])) readable[column] = null;
    const { spec, status } = decodeRun(readable);
    return { spec, status: { ...status, waitReason: phrase('unreadable', { detail }) } };
  }
}

function isJson(cell: Cell | undefined): boolean {
  try {
    decodeJson(cell);
    return true;
  } catch {
    return false;
  }
}

/** In the place of what cannot be read. */
const UNREADABLE: SpecRest = {
  execType: 'DIRECT',
  mode: 'unreadable',
  plan: { run: 'all', reuse: [] },
  rerunOf: null,
  submitUser: '',
  proxyUser: null,
  queue: null,
  failurePolicy: 'end',
  priority: 'medium',
  timeoutMs: 0,
  timeoutAction: 'fail',
  workerGroup: null,
  environment: null,
  dryRun: false,
  params: {},
  logicalDateAt: 0,
  zone: 'UTC',
  notifyType: 'NONE',
  notifyMails: [],
  extras: null,
};

/** From a row of `TASK_RUN_COLUMNS`. */
export function decodeTaskRun(c: readonly Cell[]): TaskRunRecord {
  return {
    run: c[0] as RunId,
    task: c[1] as number,
    version: c[2] as number,
    state: c[3] as TaskRunState,
    cause: decodeJson<Cause>(c[4]),
    waitReason: c[5] as string | null,
    attempts: c[6] as number,
    retries: c[7] as number,
    wakeAt: c[8] as number | null,
    readyAt: c[9] as number | null,
    startedAt: c[10] as number | null,
    endedAt: c[11] as number | null,
    outputs: decodeJson<Record<string, string>>(c[12]),
  };
}

/** From a row of `STORED_ATTEMPT_COLUMNS`. */
export function decodeAttempt(c: readonly Cell[]): AttemptRecord {
  const late = decodeJson<LateResult>(c[11]);
  return {
    run: c[0] as RunId,
    task: c[1] as number,
    n: c[2] as number,
    version: c[3] as number,
    state: c[4] as AttemptState,
    cause: decodeJson<Cause>(c[5]),
    worker: c[6] as WorkerId,
    dispatchedAt: c[7] as number,
    startedAt: c[8] as number | null,
    endedAt: c[9] as number | null,
    kill: decodeJson<{ cause: Cause; at: number }>(c[10]),
    ...(late && { late }),
  };
}

/** From a row of `COMMAND_COLUMNS`. */
export function decodeCommand(c: readonly Cell[]): Command {
  return {
    id: c[0] as CommandId,
    run: c[1] as RunId,
    action: JSON.parse(c[2] as string) as CommandAction,
    user: c[3] as string,
    at: c[4] as number,
  };
}

/** From a row of `WORKER_COLUMNS`. */
export function decodeWorker(c: readonly Cell[]): WorkerRecord {
  return {
    id: c[0] as WorkerId,
    name: c[1] as string,
    host: c[2] as string,
    groups: JSON.parse(c[3] as string) as string[],
    slots: c[4] as number,
    state: c[5] as WorkerRecord['state'],
    registeredAt: c[6] as number,
    seenAt: c[7] as number,
    supersedes: JSON.parse(c[8] as string) as WorkerId[],
    load: decodeJson<WorkerLoad>(c[9]),
    features: JSON.parse(c[10] as string) as string[],
  };
}

function decodeJson<T>(cell: Cell | undefined): T | null {
  return cell === null || cell === undefined ? null : (JSON.parse(cell as string) as T);
}
