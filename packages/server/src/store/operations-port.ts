/** The part of the store's port that is about operating: backfills, bulk operations, workers and masters, environments. */
import type { RunId, RunSettings, RunState } from '@pelorus/protocol';
import type { WorkflowRow } from './port.ts';
import type { VisibleProjects } from './projects-port.ts';

/** What a request is known by when it comes again within 24 h; `key` null: by nothing. */
export interface RequestKey {
  idempotencyKey: string | null;
  requestHash: string;
}

// ---- backfills

export const BACKFILL_STATES = ['pending', 'running', 'paused', 'succeeded', 'failed', 'stopped'] as const;
export type BackfillState = (typeof BACKFILL_STATES)[number];
export const BACKFILL_DATE_STATES = ['pending', 'running', 'succeeded', 'failed', 'stopped', 'skipped'] as const;
export type BackfillDateState = (typeof BACKFILL_DATE_STATES)[number];

/** How each of its runs is made; null: as the workflow says. */
export interface BackfillOptions extends RunSettings {
  /** Which tasks, in the words of a run request; resolved against the version of each run. */
  selection:
    | { kind: 'whole' }
    | { kind: 'node'; tasks: string[]; dep: 'NODE_ONLY' | 'NODE_POST' | 'NODE_PRE' }
    | { kind: 'selected'; tasks: string[] };
}

/** A workflow whose run of a date follows those of the workflows before it. */
export interface BackfillDependent {
  workflowId: number;
  projectId: number;
  project: string;
  workflow: string;
}

/** A range of logical dates of one workflow, to be run one after the other or several at a time. */
export interface BackfillRow {
  id: number;
  projectId: number;
  project: string;
  workflowId: number;
  workflow: string;
  /** Null: each run takes the latest version there is when it is made. */
  workflowVersion: number | null;
  /** Both inclusive, epoch ms. */
  startAt: number;
  endAt: number;
  crontab: string | null;
  /** IANA name in which days and the crontab are reckoned. */
  zone: string;
  mode: 'serial' | 'parallel';
  /** Dates at a time; 1 when serial. */
  parallelism: number;
  order: 'ascending' | 'descending';
  /** False: after a date that did not succeed no further one begins. */
  continueAfterFailure: boolean;
  /** What runs for each date after the workflow itself has succeeded, one after the other. */
  dependents: BackfillDependent[];
  options: BackfillOptions;
  state: BackfillState;
  waitReason: string | null;
  /** Dates by state; states that no date is in are absent. */
  counts: Partial<Record<BackfillDateState, number>>;
  dateCount: number;
  submitUser: string;
  createdAt: number;
  updatedAt: number;
  endedAt: number | null;
}

export type NewBackfill = Omit<
  BackfillRow,
  | 'id'
  | 'projectId'
  | 'project'
  | 'workflow'
  | 'state'
  | 'waitReason'
  | 'counts'
  | 'dateCount'
  | 'updatedAt'
  | 'endedAt'
> & {
  /** Every logical date, epoch ms, in the order of execution; at least one. */
  dates: number[];
};

/** One logical date of a backfill. */
export interface BackfillDateRow {
  /** In the order of execution, from 0. */
  position: number;
  logicalAt: number;
  state: BackfillDateState;
  /** Its last run; null: none yet, or it is to begin again. */
  run: RunId | null;
  /** How many runs it has had: one for each of its workflows, and for each retry. */
  runs: number;
  /** Which workflow its run is of, or comes next: 0 is the backfill's own, 1 the first of `dependents`. */
  step: number;
  /** Why it was skipped or stopped, or failed without a run; for people. */
  reason: string | null;
  begunAt: number | null;
  endedAt: number | null;
}

export interface BackfillDateFilter {
  /** Dates at greater positions. */
  after?: number;
  state?: BackfillDateState;
  limit: number;
}

/** Which dates of a backfill go again: those that failed, those that were stopped or never begun, or whatever did not succeed. */
export const BACKFILL_RETRIES = ['failed', 'stopped', 'all'] as const;
export type BackfillRetry = (typeof BACKFILL_RETRIES)[number];

/** What a workflow waits for, by the definition of its latest version. */
export interface WorkflowUpstreams {
  workflowId: number;
  projectId: number;
  project: string;
  workflow: string;
  upstreams: { project: string; workflow: string }[];
}

export interface BackfillFilter extends VisibleProjects {
  workflowIds?: number[];
  state?: BackfillState;
  /** Those with smaller ids: newest first, page by page. */
  before?: number;
  limit: number;
}

// ---- bulk operations

export const BULK_ACTIONS = ['stop', 'pause', 'resume', 'rerun', 'repeat'] as const;
export type BulkActionKind = (typeof BULK_ACTIONS)[number];

/** `version` matters to `rerun` only. */
export interface BulkAction {
  kind: BulkActionKind;
  version: 'same' | 'latest';
}

/** One run of a bulk operation. `refused` from the start where the caller may not act on it. */
export interface BulkItem {
  position: number;
  run: RunId;
  /** In which its sender had the right to act; null: in none, or there is no such run. */
  projectId: number | null;
  state: 'pending' | 'done' | 'refused';
  /** The command that was written for it. */
  command: number | null;
  /** What that command's master made of it; null: nothing yet. */
  commandOutcome: { kind: 'applied' } | { kind: 'refused'; reason: string } | null;
  /** The run that was made. */
  newRun: RunId | null;
  /** Of a refusal: a row of the error table, and a sentence. */
  code: string | null;
  message: string | null;
  at: number | null;
}

/** The credentials under which an operation was asked for: they bound what it may do, together with the user's rights at the time. */
export interface BulkSender {
  administrator: boolean;
  via: 'session' | 'token' | 'admin-token';
  /** Bits that a restricted token leaves its owner. */
  mask: number;
  /** Names of the projects that a restricted token is for; null: all. */
  projects: readonly string[] | null;
}

export interface BulkOperation {
  id: number;
  action: BulkAction;
  submitUser: string;
  sender: BulkSender;
  state: 'pending' | 'running' | 'ended';
  items: number;
  pending: number;
  done: number;
  refused: number;
  createdAt: number;
  endedAt: number | null;
}

export interface NewBulkOperation {
  action: BulkAction;
  user: string;
  sender: BulkSender;
  at: number;
  items: NewBulkItem[];
}
export type NewBulkItem = Pick<BulkItem, 'run' | 'projectId' | 'code' | 'message'>;
export type SettledBulkItem = Pick<BulkItem, 'position' | 'command' | 'newRun' | 'code' | 'message'> & {
  state: 'done' | 'refused';
};

/** What is asked about many runs at once. */
export interface RunHead {
  run: RunId;
  projectId: number;
  project: string;
  workflow: string;
  state: RunState;
}

// ---- the fleet

export interface WorkerDrain {
  /** Of the workers, whichever of their starts. */
  name: string;
  reason: string;
  drainedAt: number;
  drainedBy: string;
}

export interface MasterRow {
  id: string;
  host: string;
  registeredAt: number;
  renewedAt: number;
  /** By the database's clock. */
  leaseUntil: number;
  /** When it was declared to be over; null: it is in charge of its runs. */
  fencedAt: number | null;
  /** Its runs that have not ended. */
  runs: number;
}

/** Where a master is reached. Not for people: its address is the inside of the cluster. */
export interface MasterPlace {
  id: string;
  host: string;
  /** Of its operations port; null: it has none. */
  opsUrl: string | null;
  registeredAt: number;
  /** By the database's clock. */
  leaseUntil: number;
}

/** A live attempt on a worker. */
export interface WorkerAttempt {
  attempt: string;
  run: RunId;
  project: string;
  projectId: number;
  workflow: string;
  state: string;
  dispatchedAt: number;
  startedAt: number | null;
}

export interface WorkerGroupRow {
  name: string;
  description: string;
  updatedAt: number;
  updatedBy: string;
}

/** Queued tasks of live runs, by where their worker group is written. */
export interface QueuedTasks {
  workflowId: number;
  version: number;
  task: number;
  /** What the run asks for; null: nothing. */
  runGroup: string | null;
  tasks: number;
}

// ---- environments

/** A named set of variables for the processes of tasks. */
export interface EnvironmentRow {
  name: string;
  description: string;
  variables: Record<string, string>;
  updatedAt: number;
  updatedBy: string;
}

// ---- lists

export interface WorkflowPageFilter extends VisibleProjects {
  /** Exact. */
  project?: string;
  /** Part of the name, ASCII letters in upper and lower case alike. */
  contains?: string;
  label?: { name: string; value: string | null };
  /** Names of the last item of the page before. */
  after?: { project: string; name: string };
  limit: number;
}

/** A run in a workflow's row of bars. */
export interface LastRun {
  run: RunId;
  workflowId: number;
  state: RunState;
  submittedAt: number;
  startedAt: number | null;
  endedAt: number | null;
}

export interface OperationsStore {
  /**
   * The backfill, all its dates, and the runs of those that begin at once, in one transaction; `runs` are these, also when it was
   * asked for again. NOT_FOUND for an unknown workflow; CONFLICT for a key of another request.
   */
  createBackfill(
    backfill: NewBackfill,
    key: RequestKey,
  ): Promise<{ backfill: BackfillRow; repeated: boolean; runs: RunId[] }>;
  getBackfill(id: number): Promise<BackfillRow | null>;
  /** Newest first. */
  listBackfills(filter: BackfillFilter): Promise<BackfillRow[]>;
  /** By position. */
  listBackfillDates(id: number, filter: BackfillDateFilter): Promise<BackfillDateRow[]>;
  /**
   * No date begins any more; those that have not begun are stopped. With `runs` those that go on are told to stop, too. It has ended
   * when its last run has. NOT_FOUND; CONFLICT once it has ended.
   */
  stopBackfill(request: { id: number; runs: boolean; user: string; at: number }): Promise<BackfillRow>;
  /** No date begins until it is resumed; runs go on. Nothing happens when it is so already. NOT_FOUND; CONFLICT while it is being stopped or once it has ended. */
  pauseBackfill(request: { id: number; user: string; at: number }): Promise<BackfillRow>;
  /** NOT_FOUND; CONFLICT while it is being stopped or once it has ended. */
  resumeBackfill(request: { id: number; at: number }): Promise<BackfillRow>;
  /**
   * Dates that did not succeed are to begin again, each at the workflow where it ended; what has ended goes on. `continueAfterFailure`
   * is kept from then on; absent: as it was. NOT_FOUND; CONFLICT while it is being stopped, where there is no such date, and when
   * its workflow is gone.
   */
  retryBackfill(request: {
    id: number;
    dates: BackfillRetry;
    continueAfterFailure?: boolean;
    at: number;
  }): Promise<BackfillRow>;
  /** Workflows that name others in `dependent` tasks or in their schedules, with ids above `after`, by id; hidden and deleted ones are left out. */
  listUpstreams(filter: { after: number; limit: number }): Promise<WorkflowUpstreams[]>;

  /** All items in one transaction; those with a `code` are refused already. */
  createBulkOperation(
    operation: NewBulkOperation,
    key: RequestKey,
  ): Promise<{ operation: BulkOperation; repeated: boolean }>;
  getBulkOperation(id: number): Promise<BulkOperation | null>;
  /** Newest first; `user` null: of everybody. */
  listBulkOperations(filter: { user: string | null; before?: number; limit: number }): Promise<BulkOperation[]>;
  /** In the order in which they were named, from positions above `after`. */
  listBulkItems(
    operation: number,
    filter: { after?: number; state?: BulkItem['state']; limit: number },
  ): Promise<BulkItem[]>;
  /** The oldest operation with items to do that nobody else holds at `at`; `holder` has it until `at + leaseMs`. */
  claimBulkOperation(holder: string, at: number, leaseMs: number): Promise<BulkOperation | null>;
  /** Writes outcomes and renews the lease; false when another has it by now: nothing was written then. */
  settleBulkItems(
    operation: number,
    holder: string,
    settled: { items: SettledBulkItem[]; at: number; leaseMs: number },
  ): Promise<boolean>;
  /** Of those that there are, in the order asked. */
  listRunHeads(runs: RunId[]): Promise<RunHead[]>;
  /** The run or command that this user made under the key in the 24 h before `at`. */
  findSubmission(user: string, key: RequestKey, at: number): Promise<FoundSubmission | null>;

  /** Masters learn of it with their next look. Draining again replaces the reason. */
  drainWorker(drain: { name: string; reason: string; user: string; at: number }): Promise<WorkerDrain>;
  /** Nothing happens when it is not drained; answers whether it was. */
  undrainWorker(name: string): Promise<boolean>;
  listWorkerDrains(): Promise<WorkerDrain[]>;
  /** Live attempts, oldest first. */
  listWorkerAttempts(worker: string, limit: number): Promise<WorkerAttempt[]>;
  /** Newest start first. */
  listMasters(limit: number): Promise<MasterRow[]>;
  /** The master in whose charge a run is; null: nobody's, or it has ended. */
  masterOf(run: RunId): Promise<MasterPlace | null>;
  /** Masters whose lease is not over, newest first. */
  listMasterPlaces(limit: number): Promise<MasterPlace[]>;

  saveWorkerGroup(group: { name: string; description: string; user: string; at: number }): Promise<WorkerGroupRow>;
  listWorkerGroups(): Promise<WorkerGroupRow[]>;
  /** NOT_FOUND. Only the description goes: workers and tasks name groups as they like. */
  deleteWorkerGroup(name: string): Promise<void>;
  listQueuedTasks(limit: number): Promise<QueuedTasks[]>;

  saveEnvironment(
    environment: Omit<EnvironmentRow, 'updatedAt' | 'updatedBy'> & { user: string; at: number },
  ): Promise<EnvironmentRow>;
  listEnvironments(): Promise<EnvironmentRow[]>;
  /** NOT_FOUND. */
  deleteEnvironment(name: string): Promise<void>;

  /** By project and name; hidden and deleted ones are left out. */
  pageWorkflows(filter: WorkflowPageFilter): Promise<WorkflowRow[]>;
  /** At most `count` of each workflow: the newest starts, newest first. */
  lastRuns(workflowIds: number[], count: number): Promise<LastRun[]>;
}

/** A run that was submitted, or a command that was written, under a key. */
export interface FoundSubmission {
  run: RunId;
  command: number;
  /** The same request as now. */
  same: boolean;
}

/** What the master role asks for besides. */
export interface OperationsMasterStore {
  /** Names of workers that get nothing new. */
  loadDrainedWorkers(): Promise<string[]>;
  loadEnvironments(names: string[]): Promise<{ name: string; variables: Record<string, string> }[]>;
}
