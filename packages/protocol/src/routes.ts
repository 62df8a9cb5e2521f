/**
 * What the HTTP API reads and answers, as the server writes it and the SDK returns it. Instants of the resources are
 * RFC 3339 texts in UTC, durations are `…Ms`; the `/executors` contract has its own conventions (epoch
 * milliseconds, whole seconds), kept literally in the types that start with `Executor`.
 */
import type { AttemptState, Cause, Priority, RunState, Status, TaskRunState } from './states.ts';
import type {
  ConcurrencyPolicy,
  DefinitionProblem,
  FailurePolicy,
  ParameterValue,
  TaskType,
  WorkflowDefinition,
} from './workflow.ts';

export const API_BASE = '/api/v1';
/** A definition together with the files that it refers to. */
export const BUNDLE_CONTENT_TYPE = 'application/vnd.pelorus.bundle+json';

export type DefinitionFormat = 'yaml' | 'json';

export interface BundleFile {
  /** As the definition names it: relative, `/` between folders. */
  name: string;
  base64: string;
}

/** Body of content type `BUNDLE_CONTENT_TYPE`. */
export interface WorkflowBundle {
  source: string;
  format: DefinitionFormat;
  files: BundleFile[];
}

export interface Page<Item> {
  items: Item[];
  /** Null: there is no more. */
  nextCursor: string | null;
}

export interface ProjectView {
  name: string;
  description: string;
  owner: string;
  createdAt: string;
}

export interface WorkflowSummary {
  name: string;
  project: string;
  description: string;
  labels: Record<string, string>;
  version: number;
  hash: string;
  createdAt: string;
  updatedAt: string;
  updatedBy: string;
}

export interface WorkflowVersionSummary {
  version: number;
  hash: string;
  format: DefinitionFormat;
  createdAt: string;
  createdBy: string;
}

/** One version of a workflow, the latest unless asked for another. */
export interface WorkflowView extends WorkflowVersionSummary {
  name: string;
  project: string;
  description: string;
  /** The latest version there is. */
  latestVersion: number;
  /** Of this version and its text, for `If-Match`; also the header `ETag`. */
  tag: string;
  /** When and by whom the workflow was saved last, its text alone included. */
  updatedAt: string;
  updatedBy: string;
  concurrency: ConcurrencyPolicy;
  taskCount: number;
  /** The text as it was written. */
  source: string;
  definition: WorkflowDefinition;
  files: { name: string; sha256: string; sizeBytes: number }[];
}

export interface WorkflowSaved {
  name: string;
  project: string;
  version: number;
  hash: string;
  /** The workflow did not exist before. */
  created: boolean;
  /** A new version was made. */
  changed: boolean;
  /** None was, for it means the same; its text was stored in place of the one there was. */
  textChanged: boolean;
  /** For `If-Match` of the next save; also the header `ETag`. */
  tag: string;
  warnings: DefinitionProblem[];
}

export interface WorkflowValidated {
  valid: true;
  name: string;
  hash: string;
  taskCount: number;
  warnings: DefinitionProblem[];
}

/** `node`: these tasks only; `post`: and all their successors; `pre`: and all their predecessors. */
export type NodeDep = 'node' | 'post' | 'pre';

/** Body of `POST /runs`. */
export interface RunRequest {
  project: string;
  workflow: string;
  /** Absent: the latest. */
  version?: number;
  params?: Record<string, ParameterValue>;
  from?: { task: string | string[]; dep?: NodeDep };
  /** Exactly these tasks; not together with `from`. */
  select?: string[];
  failurePolicy?: FailurePolicy;
  /** Every task succeeds without being executed. */
  dryRun?: boolean;
  priority?: Priority;
  workerGroup?: string;
  environment?: string;
  /** RFC 3339; absent: now. */
  logicalDate?: string;
  /** IANA name of the zone in which the logical date is reckoned; absent: the workflow's schedule's, else UTC. */
  zone?: string;
  timeoutMs?: number;
  /** Whom to tell when the run has ended, and when; absent: as the workflow says. */
  notifyType?: NotifyType;
  /** E-mail addresses and names of alert channels. */
  notifyMails?: string[];
  extras?: unknown;
}

export type NotifyType = 'NONE' | 'SUCCESS' | 'FAILURE' | 'ALL';

/** Body of `POST /runs/{id}/rerun`. */
export interface RerunRequest {
  /** This task and all behind it run again, the rest is reused; absent: what did not succeed runs again. */
  from?: string;
  /** `latest`: of the workflow's latest version, in which tasks that have changed run again as well. Absent: `same`. */
  version?: 'same' | 'latest';
}

export type PlannedAs = 'run' | 'reuse' | 'skip';

export interface PlanView {
  tasks: { name: string; plan: PlannedAs; reason: 'not_selected' | 'disabled' | null; attempt: string | null }[];
  counts: Record<PlannedAs, number>;
  /** For instance: a selected task is disabled. */
  warnings: string[];
}

export interface RunSubmitted {
  id: number;
  version: number;
  /** `waiting`: another run of the workflow comes first; `stopped`: the workflow discards runs while another one goes on. */
  state: RunState;
  cause: Cause | null;
  waitReason: string | null;
  warnings: string[];
}

export interface RunView {
  id: number;
  project: string;
  workflow: string;
  version: number;
  state: RunState;
  status: Status;
  cause: Cause | null;
  firstFailure: { task: string; cause: Cause } | null;
  waitReason: string | null;
  execType: 'DIRECT' | 'COMPLEMENT_DATA' | 'SCHEDULER';
  /** How the plan came about: `whole`, `node`, `selected`, … */
  mode: string;
  rerunOf: number | null;
  /** The run, and its attempt of a `sub_workflow` task, that started this one. */
  parent: { run: number; attempt: string } | null;
  logicalDate: string;
  /** In which the logical date is reckoned. */
  zone: string;
  submittedAt: string;
  submittedBy: string;
  startedAt: string | null;
  endedAt: string | null;
  /** From start to end, or to now. */
  durationMs: number | null;
  /** Weighed by past durations, 0 to 1; skipped and reused tasks are not counted. Never falls. */
  progress: number;
  /** Along the longest remaining path; null when no past duration is known, 0 when the run has ended. */
  estimatedRemainingMs: number | null;
  /** Tasks by state; states that no task is in are absent. */
  counts: Partial<Record<TaskRunState, number>>;
  taskCount: number;
  params: Record<string, ParameterValue>;
  failurePolicy: FailurePolicy;
  priority: Priority;
  workerGroup: string | null;
  environment: string | null;
  dryRun: boolean;
  timeoutMs: number;
  notifyType: NotifyType;
  notifyMails: string[];
  /** The master that owns the run. */
  owner: string | null;
  extras: unknown;
  /** The run's change counter. */
  revision: number;
}

/** How many runs there were, by when they were submitted. */
export interface RunStats {
  /** RFC 3339: the begin of the first span and the end of the last one, which is whole and may be later than what was asked for. */
  after: string;
  before: string;
  bucketMs: number;
  /** In the order of time, those without runs as well. */
  buckets: {
    at: string;
    /** By the state that they have now; states without any are missing. */
    runs: Partial<Record<RunState, number>>;
    /** Tasks of these runs that have come to their turn; null: not asked for, or too many in all of the range to be counted. */
    tasks: Partial<Record<TaskRunState, number>> | null;
  }[];
}

/** What a worker said of an attempt that had been given up. It moves nothing. */
export interface LateResultView {
  state: 'succeeded' | 'failed' | 'killed';
  cause: Cause | null;
  /** By the clock of the worker. */
  startedAt: string;
  endedAt: string;
  reportedAt: string;
}

export interface AttemptView {
  /** `<run>.<task index>.<n>`; logs are read by it. */
  id: string;
  n: number;
  state: AttemptState;
  cause: Cause | null;
  worker: string;
  dispatchedAt: string;
  startedAt: string | null;
  endedAt: string | null;
  /** What was reported later, once it had been given up. */
  late: LateResultView | null;
  /** The run that this attempt of a `sub_workflow` task started. */
  childRun: number | null;
}

export interface TaskView {
  name: string;
  /** Position in the definition, from 0. */
  index: number;
  type: TaskType;
  needs: string[];
  plan: PlannedAs;
  state: TaskRunState;
  status: Status;
  cause: Cause | null;
  waitReason: string | null;
  outputs: Record<string, string> | null;
  /** Retries used up. */
  retries: number;
  startedAt: string | null;
  endedAt: string | null;
  attempts: AttemptView[];
  /** The run that the latest attempt of a `sub_workflow` task started. */
  childRun: number | null;
}

/** A task of a run in short. */
export type TaskCell = Pick<TaskView, 'name' | 'state' | 'cause' | 'startedAt' | 'endedAt'>;

/** A run with the states of its tasks, in the order of the definition. */
export interface RunHistory {
  run: RunView;
  tasks: TaskCell[];
}

/** The run as its master's memory has it, or as stored when that cannot be had within a second. */
export interface LiveView {
  source: 'memory' | 'store';
  run: RunView;
  tasks: TaskView[];
  /** Null when the source is the store. */
  master: { id: string; epoch: string | null } | null;
  /** Change counter in the master's memory, and the one stored. */
  memoryVersion: number | null;
  storeVersion: number;
}

export interface LogPage {
  /** How many lines there are, or match the query. */
  total: number;
  /** How many of them are in `content`. */
  length: number;
  /** Milliseconds. */
  took: number;
  content: string[];
}

/** Some lines of an attempt's log. Bytes are offsets: they count all that the task wrote, also what is missing. */
export interface AttemptLogPage {
  /** As `LogPage`; null: counting them would take long (of a page asked for by `tail` or `offset` only). */
  total: number | null;
  length: number;
  took: number;
  content: string[];
  /** Offsets of the first of these lines and behind the last. */
  startByte: number;
  endByte: number;
  /** Of the whole log, as it is now. */
  sizeBytes: number;
}

export interface WorkerView {
  id: string;
  name: string;
  host: string;
  groups: string[];
  slots: number;
  state: 'online' | 'draining' | 'offline';
  registeredAt: string;
  /** When a master last wrote down that it heard of it: while it is connected some seconds ago, not longer. */
  seenAt: string;
  /** What it said of itself then; null: it is offline, or has not said. */
  load: WorkerLoadView | null;
  /** What it said in its hello that it can: types of tasks, `probe`, `logs`, and `limits:…`, by what it limits one task. */
  features: string[];
  /** Why it gets nothing new, when somebody said so; kept by name, through restarts. */
  drain: { reason: string; at: string; by: string } | null;
}

/** Of the host, but for its slots. */
export interface WorkerLoadView {
  usedSlots: number;
  freeSlots: number;
  /** Of one minute; null: the host does not say. */
  loadAverage: number | null;
  cpuCount: number;
  freeMemoryBytes: number;
  totalMemoryBytes: number;
  /** Above a limit of its configuration, so that it takes nothing. */
  busy: boolean;
}

export interface ConnectionBody {
  kind: 'sqlite' | 'postgres' | 'mysql';
  url: string;
}
export interface ConnectionView {
  name: string;
  kind: 'sqlite' | 'postgres' | 'mysql';
  /** Passwords in it are `***`; sent back like that, they stay as they are. */
  url: string;
  updatedAt: string;
  updatedBy: string;
}

/** What came of trying a connection on a worker. */
export interface ConnectionTested {
  ok: boolean;
  /** What the database said, for people. */
  detail: string;
  tookMs: number;
  /** Name of the worker; null: it did not come to that. */
  worker: string | null;
}

/** A secret as it is shown: its value stays in the store. */
export interface SecretView {
  name: string;
  /** False: it was sealed under a key that the server does not hold. Give its value again, or the key. */
  readable: boolean;
  updatedAt: string;
  updatedBy: string;
}

export interface ProjectFileView {
  path: string;
  /** Of the content, hexadecimal; also its entity tag. */
  sha256: string;
  sizeBytes: number;
  updatedAt: string;
  updatedBy: string;
}

export interface SystemView {
  product: 'pelorus';
  version: string;
  store: string;
  now: string;
  /** Of the process that answers. */
  startedAt: string;
  uptimeMs: number;
  /** Version of Node, and what it runs on. */
  node: string;
  platform: string;
  masters: { active: number };
  /** Connected ones; the slots of all of them. */
  workers: { online: number; draining: number; slots: number };
}

/** Answer of the base path itself. */
export interface IndexView {
  /** Path of the OpenAPI document. */
  openapi: string;
  /** Path of the page for people. */
  docs: string;
  routes: { method: string; path: string; summary: string }[];
}

/** An OpenAPI 3.1 document. */
export interface OpenApiView {
  openapi: string;
  paths: Record<string, unknown>;
  [member: string]: unknown;
}

/** Answer to a command about a run: written down, and applied soon by the run's master. */
export interface CommandAccepted {
  command: number;
  run: number;
  /** `pending`: its master has not come to it yet. One that the master refuses is a 409. */
  outcome: 'pending' | 'applied';
  /** Of the run, as it is now. */
  state: RunState;
}

export interface TaskGroupView {
  name: string;
  size: number;
  /** Sum of the weights of its live attempts; above the size only after the size was lowered. */
  held: number;
  liveAttempts: number;
  /** Tasks that are ready and not dispatched: for want of room in the group, or of a worker. */
  waitingTasks: number;
  updatedAt: string;
  updatedBy: string;
}

export type AlertEventName =
  | 'run-succeeded'
  | 'run-failed'
  | 'run-stopped'
  | 'timeout-warning'
  | 'deadline-missed'
  | 'schedule-failed';

/** Body of `PUT /alert-channels/{name}`. */
export interface AlertChannelBody {
  kind: 'email' | 'webhook';
  /** An address, or an http(s) URL. */
  target: string;
  /** Of a webhook: `whsec_` and base64. Absent: the one there is, or a new one, which the answer shows once. */
  secret?: string;
  /** What is sent through it; absent or empty: everything. */
  events?: AlertEventName[];
}

export interface AlertChannelView {
  name: string;
  kind: 'email' | 'webhook';
  target: string;
  events: AlertEventName[];
  hasSecret: boolean;
  updatedAt: string;
  updatedBy: string;
  /** Only in the answer to the request that made it. */
  secret?: string;
}

/** Answer to `POST /alert-channels/{name}/test`. */
export interface AlertTested {
  delivered: boolean;
  /** For people: what the other side said, or the error. */
  detail: string;
}

/** One alert on its way to one recipient. */
export interface AlertView {
  id: number;
  project: string;
  workflow: string;
  /** Null: it is about no run, but a deadline or a schedule of the workflow. */
  run: number | null;
  event: AlertEventName;
  task: string | null;
  /** As named: an address, or a channel. */
  recipient: string;
  state: 'pending' | 'sent' | 'failed' | 'skipped';
  attempts: number;
  at: string;
  nextAt: string | null;
  doneAt: string | null;
  result: string | null;
}

// The published /executors contract, literally.

export type ExecutorNodeDep = 'NODE_ONLY' | 'NODE_POST' | 'NODE_PRE';

export interface ExecutorRunRequest {
  projectName: string;
  workflowName: string;
  execType: 'DIRECT' | 'COMPLEMENT_DATA';
  schedule?: { startDate: number; endDate: number; crontab?: string };
  failurePolicy?: 'END' | 'CONTINUE';
  nodeName?: string;
  nodeDep?: ExecutorNodeDep;
  notifyType?: NotifyType;
  notifyMails?: string[];
  /** Seconds. */
  timeout?: number;
  startParams?: Record<string, ParameterValue>;
  priority?: Priority;
  workerGroup?: string;
  environment?: string;
  dryRun?: boolean;
  selected?: string[];
  /** An execution of the workflow that has ended: what did not succeed in it runs again. */
  rerunOf?: number;
  /** These three belong to COMPLEMENT_DATA. */
  runMode?: 'SERIAL' | 'PARALLEL';
  parallelism?: number;
  executionOrder?: 'ASC' | 'DESC';
}

export interface ExecutorDirectRequest {
  projectName: string;
  workflowName: string;
  proxyUser: string;
  queue: string;
  /** Definition of the published form, as JSON text. */
  data?: string;
  /** A zip whose root holds `workflow.json`; wins over `data`. */
  file?: Uint8Array<ArrayBuffer>;
  failurePolicy?: 'END' | 'CONTINUE';
  notifyType?: NotifyType;
  notifyMails?: string[];
  timeout?: number;
  extras?: unknown;
}

export interface ExecutorStarted {
  execIds: number[];
  /** Only when there are some. */
  warnings?: string[];
}
export interface ExecutorDirectStarted {
  execId: number;
}
export interface ExecutorKilled {
  execId: number;
}

export interface ExecutorExecution {
  execId: number;
  projectName: string;
  workflowName: string;
  execType: 'DIRECT' | 'COMPLEMENT_DATA' | 'SCHEDULER';
  submitTime: number;
  startTime: number | null;
  endTime: number | null;
  scheduleTime: number | null;
  /** Seconds. */
  duration: number | null;
  submitUser: string;
  proxyUser: string | null;
  queue: string | null;
  status: Status;
  owner: string;
  extras: unknown;
}

export interface ExecutorNode {
  name: string;
  desc: string;
  /** Upper case. */
  type: string;
  startTime: number | null;
  endTime: number | null;
  parameter: Record<string, unknown>;
  duration: number | null;
  status: Status;
  appLinks: string[];
  /** Latest attempt, by which logs are read; null when there is none. */
  jobId: string | null;
  dep: string[];
  extras: unknown;
}

export interface ExecutorDetail extends ExecutorExecution {
  data: { nodes: ExecutorNode[]; userDefParams: { prop: string; value: unknown }[] };
}

export interface ExecutorList {
  total: number;
  length: number;
  executions: ExecutorExecution[];
}

export interface ExecutorListQuery {
  startDate?: number;
  endDate?: number;
  projectName?: string[];
  workflowName?: string[];
  status?: number[];
  from?: number;
  size?: number;
}
