/**
 * The store, in domain verbs. One adapter per database; `contract.ts` holds what each must do, and runs against all.
 *
 * Rules for every adapter:
 * 1. A promise that resolves means: durable (fsync), visible to every later read.
 * 2. A verb is one transaction. Adapters may group several verbs into one commit; a verb that fails leaves no trace.
 * 3. Every verb that takes a `Fence` first locks and checks that master's incarnation row, also when it writes nothing;
 *    a fenced master gets `StoreError` code `FENCED` and nothing is written.
 * 4. Reads never wait for writers, nor writers for reads.
 * 5. Text that the database cannot hold never gets here; it is refused at the door.
 */
import type {
  AlertEvent,
  AlertRecord,
  Change,
  Command,
  CommandAction,
  CommandOutcome,
  ExecType,
  PermitAsk,
  PermitKey,
  RunSpec,
  StoredRun,
  TaskRunRecord,
  AttemptRecord,
  RunStatus,
  UpstreamFact,
  UpstreamQuery,
  WorkerRecord,
  WorkflowFile,
  WorkflowVersion,
} from '@pelorus/engine';
import type { AttemptId, CommandId, MasterId, RunId, RunState, WorkerId, WorkflowDefinition } from '@pelorus/protocol';
import type { AccessStore } from './access-port.ts';
import type { OperationsMasterStore, OperationsStore } from './operations-port.ts';
import type { EventStore } from './events-port.ts';
import type { EndedRuns, LogRows } from './log-port.ts';
import type { ProjectStore, VisibleProjects } from './projects-port.ts';
import type { ScheduleMasterStore, ScheduleStore } from './schedules-port.ts';
import type { TransferStore } from './transfer-port.ts';
import type { ResealStore, VaultMasterStore, VaultStore } from './vault-port.ts';

export * from './operations-port.ts';
export * from './schedules-port.ts';

export type StoreErrorCode =
  /** This master's incarnation is over: stop, forget, start anew. */
  | 'FENCED'
  /** The store may have forgotten what this master knows to be stored: forget everything, register anew, and ask the workers. */
  | 'WENT_BACK'
  /** Another process holds the data directory. */
  | 'LOCKED'
  /** The commit may or may not have happened: read before deciding again. */
  | 'UNKNOWN_OUTCOME'
  /** Not reachable or too busy right now; the same call may work later. */
  | 'UNAVAILABLE'
  | 'NOT_FOUND'
  | 'CONFLICT'
  /** What the caller expected to be stored is not. */
  | 'PRECONDITION'
  /** The caller's bug: the write would have changed what has ended (S4), doubled a live attempt (S5), or touched what is not there. */
  | 'INVARIANT'
  /** A newer schema than this program knows. */
  | 'SCHEMA_TOO_NEW';

export class StoreError extends Error {
  readonly code: StoreErrorCode;
  constructor(code: StoreErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'StoreError';
    this.code = code;
  }
}

export interface Fence {
  master: MasterId;
  token: string;
}

/** A time in which the store has forgotten nothing. */
export interface StoreTimeline {
  /** From 1. */
  number: number;
  /** Epoch ms. */
  beganAt: number;
  /** Runs with numbers below are older than it, and may have gone further than the store knows; 0: none. */
  runsBefore: number;
}

export interface ProjectRow {
  id: number;
  name: string;
  description: string;
  owner: string;
  createdAt: number;
}

export interface WorkflowRow {
  id: number;
  projectId: number;
  project: string;
  name: string;
  description: string;
  labels: Record<string, string>;
  /** Latest version. */
  version: number;
  hash: string;
  /** How often the text of that version was replaced by one that means the same. */
  textRevision: number;
  /** Hidden workflows come from run-direct and are not listed. */
  hidden: boolean;
  createdAt: number;
  updatedAt: number;
  updatedBy: string;
}

/** The text of a version as a person wrote it. While the version is the latest, it may be replaced by one that means the same. */
export interface WorkflowText {
  source: string;
  format: 'yaml' | 'json';
  textRevision: number;
}

export interface WorkflowVersionRow extends WorkflowVersion, WorkflowText {
  hash: string;
  createdAt: number;
  createdBy: string;
}

/** What never changes of a version. */
export type WorkflowVersionContent = Omit<WorkflowVersionRow, keyof WorkflowText>;

export interface SavedWorkflow {
  workflow: WorkflowRow;
  created: boolean;
  /** There is a new version. */
  changed: boolean;
  /** There is none, for the content is the same, and its text was replaced. */
  textChanged: boolean;
}

export interface SaveWorkflow {
  project: string;
  name: string;
  definition: WorkflowDefinition;
  files: WorkflowFile[];
  /** Files that its tasks name and that are not among `files`: each run pins what the project has under these names. */
  projectFiles?: readonly string[];
  source: string;
  format: 'yaml' | 'json';
  /** SHA-256 over the normalised definition and the files' hashes. */
  hash: string;
  hidden: boolean;
  /** Refuse with CONFLICT when the name exists. */
  mustBeNew: boolean;
  /** PRECONDITION unless this is the latest version; null: unless there is no such workflow. Absent: whatever there is. */
  ifVersion?: number | null;
  /** PRECONDITION as well unless its text has been replaced so often. */
  ifTextRevision?: number;
  user: string;
  at: number;
}

/** A run to be; ids and names that the transaction knows better are filled in by it. */
export type NewRun = Omit<RunSpec, 'id' | 'projectId' | 'workflowId' | 'workflowVersion'> & {
  /** Null: the latest at commit. */
  workflowVersion: number | null;
  /** Honoured for 24 h per user: the same key answers with the same run. */
  idempotencyKey: string | null;
  /** Of the request as the user made it: the same key with another hash is a CONFLICT. Absent: the key alone decides. */
  requestHash?: string;
  /** Rows to start with, e.g. tasks reused from another run; `run` in them is ignored. */
  tasks: TaskRunRecord[];
};

export interface RunRow {
  spec: RunSpec;
  status: RunStatus;
}

export interface RunFilter extends VisibleProjects {
  /** Exact. */
  project?: string;
  workflow?: string;
  /** Any of these prefixes; empty list: nothing matches. */
  projectPrefixes?: string[];
  workflowPrefixes?: string[];
  states?: RunState[];
  /** Inclusive bounds, epoch ms. */
  submittedFrom?: number;
  submittedTo?: number;
  /** `*` stands for any text, `?` for one character. */
  workflowGlob?: string;
  /** Part of the workflow's name, ASCII letters in upper and lower case alike. */
  workflowContains?: string;
  /** Of the workflow as it is now; `value` null: any. */
  label?: { name: string; value: string | null };
  /** With one of these the page's `total` is how many were looked for and found, no exact count. */
  execType?: ExecType;
  submitUser?: string;
  rerunOf?: RunId;
  id?: RunId;
  logicalFrom?: number;
  logicalTo?: number;
}

/** Runs by when they were submitted: from `from` (epoch ms) on, in so many spans of so many ms. */
export interface RunStatsRequest {
  /** Names and projects; what else a filter may say is not looked at. */
  filter: Pick<RunFilter, 'project' | 'workflow' | 'workflowGlob' | 'workflowPrefixes' | 'projectIds'>;
  from: number;
  spanMs: number;
  spans: number;
  /** Task runs counted at most; 0: none. */
  tasksMax: number;
}

export interface RunStatsSpan {
  /** Epoch ms. */
  at: number;
  /** Runs by the state that they have now; states without any are missing. */
  runs: Partial<Record<RunState, number>>;
  /** Task runs of these runs; null: not asked for, or more in all spans together than may be counted. */
  tasks: Partial<Record<TaskRunRecord['state'], number>> | null;
}

export interface WorkflowFilter extends VisibleProjects {
  /** Exact. */
  project?: string;
  /** Workflows with greater ids. */
  after?: number;
  limit: number;
}

export interface RunPage {
  /** Where it was not asked for, as many as were passed and found. */
  total: number;
  rows: RunRow[];
}

export interface RunDetail extends RunRow {
  tasks: TaskRunRecord[];
  /** All attempts, oldest first. */
  attempts: AttemptRecord[];
}

/** A command with what became of it. */
export interface CommandRow extends Command {
  /** Null: not consumed yet. */
  doneAt: number | null;
  outcome: CommandOutcome | null;
}

/** A run that an attempt of a `sub_workflow` task started. */
export interface ChildRunRow {
  run: RunId;
  projectId: number;
  /** Of the parent: task index and attempt. */
  task: number;
  attempt: number;
  state: RunState;
}

/** Bounds attempts across runs: live attempts of tasks that name the group hold their weights, at most `size` together. */
export interface TaskGroupRow {
  name: string;
  size: number;
  updatedAt: number;
  updatedBy: string;
}

export interface TaskGroupUsage extends TaskGroupRow {
  /** Sum of the weights of its live attempts; above the size only after the size was lowered. */
  held: number;
  liveAttempts: number;
  /** Tasks that are ready and not dispatched: for want of room in it, or of a worker. */
  waitingTasks: number;
}

/** Somewhere to tell people: an e-mail address, or a URL that takes Standard Webhooks. */
export interface AlertChannel {
  name: string;
  kind: 'email' | 'webhook';
  /** An address, or an http(s) URL. */
  target: string;
  /** Of a webhook: `whsec_` and base64; null for e-mail. */
  secret: string | null;
  /** What is sent through it; empty: everything. */
  events: AlertEvent[];
}

/** A channel as it is shown: its secret stays in the store. */
export interface AlertChannelRow extends Omit<AlertChannel, 'secret'> {
  hasSecret: boolean;
  updatedAt: number;
  updatedBy: string;
}

export type AlertDeliveryState = 'pending' | 'sent' | 'failed' | 'skipped';

/** One alert on its way to one recipient. */
export interface AlertDelivery {
  id: number;
  alert: AlertRecord;
  /** As named: an address, or a channel. */
  recipient: string;
  state: AlertDeliveryState;
  /** Tries so far, the one under way included. */
  attempts: number;
  /** When it is tried next; null once it is settled. */
  nextAt: number | null;
  doneAt: number | null;
  /** What became of the last try, for people: an answer of the other side, or an error. */
  result: string | null;
}

export interface AlertFilter extends VisibleProjects {
  run?: RunId;
  state?: AlertDeliveryState;
  /** Deliveries with smaller ids: newest first, page by page. */
  before?: number;
  limit: number;
}

/** What the sender of alerts asks for. Several senders may share a store. */
export interface AlertStore {
  /** Deliveries that are due, each given to one sender until `at + leaseMs`; counts as a try. Oldest first. */
  claimAlerts(at: number, leaseMs: number, limit: number): Promise<AlertDelivery[]>;
  /** When the next delivery is due, null when none waits. */
  nextAlertAt(): Promise<number | null>;
  /** What a try came to; `nextAt` set: try again then. Ignored when the delivery has been settled. */
  settleAlert(
    delivery: number,
    outcome: { state: AlertDeliveryState; result: string; nextAt: number | null; at: number },
  ): Promise<void>;
  loadAlertChannel(name: string): Promise<AlertChannel | null>;
}

/** Who changes something, and by which operation; one row of the audit. */
export interface AuditStamp {
  /** Empty: nobody who signed in. */
  user: string;
  via: 'session' | 'token' | 'admin-token' | 'none';
  address: string;
  /** Operation id of the API, e.g. `putWorkflow`. */
  action: string;
  at: number;
}

/** What the api role asks for. */
export interface ApiStore
  extends AccessStore, ProjectStore, OperationsStore, ScheduleStore, EventStore, VaultStore, TransferStore {
  /**
   * The same store for one sender: each verb that changes something asks `stamp` (which may throw: then nothing is written)
   * and writes a row of the audit in its transaction.
   */
  audited(stamp: () => AuditStamp): ApiStore;
  /** For how long the database has answered nothing, ms; also while it was asked nothing. */
  readonly silentMs: number;
  /** Creates the project when it is missing. */
  ensureProject(project: { name: string; description: string; owner: string; at: number }): Promise<ProjectRow>;

  /** Content that is stored already makes no version; another text of it replaces the one there is, though none in JSON one in YAML. */
  saveWorkflow(save: SaveWorkflow): Promise<SavedWorkflow>;
  getWorkflow(project: string, name: string): Promise<WorkflowRow | null>;
  listWorkflows(filter: WorkflowFilter): Promise<WorkflowRow[]>;
  listWorkflowVersions(workflowId: number): Promise<Omit<WorkflowVersionRow, 'definition' | 'files' | 'source'>[]>;
  /** `version` null: the latest. */
  getWorkflowVersion(workflowId: number, version: number | null): Promise<WorkflowVersionRow | null>;
  /** Null: there is no such version. */
  getWorkflowText(workflowId: number, version: number): Promise<WorkflowText | null>;
  /** CONFLICT while a run of it is not terminal, PRECONDITION while a schedule of it is online. Runs, versions and ticks stay readable. */
  deleteWorkflow(workflowId: number, user: string, at: number): Promise<void>;

  /**
   * The run, its first rows and its start command in one transaction. Where its policy (`concurrency`, else the version's)
   * is serial and another run of the workflow has not ended, there is nothing to start yet: it is stored `waiting`, or `stopped`
   * with cause `discarded`, and `command` is a record of the submission only. Dry runs take no part in it.
   */
  submitRun(run: NewRun): Promise<{ run: RunSpec; command: CommandId; repeated: boolean }>;
  /** Writes a command for the run's owner. NOT_FOUND for an unknown run; CONFLICT, with the state, for one that has ended. */
  requestCommand(request: {
    run: RunId;
    action: CommandAction;
    user: string;
    at: number;
    idempotencyKey: string | null;
  }): Promise<CommandId>;

  getRun(run: RunId): Promise<RunRow | null>;
  getRunDetail(run: RunId): Promise<RunDetail | null>;
  getAttempt(attempt: AttemptId): Promise<AttemptRecord | null>;
  getCommand(command: CommandId): Promise<CommandRow | null>;
  /** In the order of task and attempt. */
  listChildRuns(run: RunId, limit: number): Promise<ChildRunRow[]>;
  /**
   * Newest start first, runs not started before all others; `from` counts rows to skip. `counted` false: the total is of no
   * interest, which spares counting a span of time.
   */
  listRuns(filter: RunFilter, from: number, size: number, options?: { counted?: boolean }): Promise<RunPage>;
  /** In the order of time. */
  runStats(request: RunStatsRequest): Promise<RunStatsSpan[]>;
  /** Task runs of a run by state; those without a row are not counted. */
  countTaskRuns(run: RunId): Promise<Partial<Record<TaskRunRecord['state'], number>>>;
  /** The same of many runs at once; those without any are missing. */
  countTaskRunsOf(runs: RunId[]): Promise<Map<RunId, Partial<Record<TaskRunRecord['state'], number>>>>;
  /** Task runs of many runs at once, without their outputs; runs without any are missing. */
  taskRunsOf(runs: RunId[]): Promise<Map<RunId, TaskRunRecord[]>>;
  listWorkers(): Promise<WorkerRecord[]>;
  /**
   * Median duration in ms of each task's last succeeded attempts, over at most `limit` of the workflow's last ended runs (fewer
   * when they are large: the cost is bounded). Tasks that never succeeded there are missing.
   */
  taskDurations(workflowId: number, limit: number): Promise<Map<string, number>>;

  /** Creates it or changes its size; masters learn of it with their next look. */
  saveTaskGroup(group: { name: string; size: number; user: string; at: number }): Promise<TaskGroupRow>;
  /** By name, with what is held now. */
  listTaskGroups(): Promise<TaskGroupUsage[]>;
  /** NOT_FOUND. Tasks that name it wait for a group of that name from then on. */
  deleteTaskGroup(name: string): Promise<void>;

  /** Creates or replaces it; `secret` undefined keeps the one there is. */
  saveAlertChannel(
    channel: Omit<AlertChannel, 'secret'> & { secret?: string | null; user: string; at: number },
  ): Promise<AlertChannelRow>;
  listAlertChannels(): Promise<AlertChannelRow[]>;
  /** NOT_FOUND. What is still to be sent through it fails. */
  deleteAlertChannel(name: string): Promise<void>;
  /** Newest first. */
  listAlerts(filter: AlertFilter): Promise<AlertDelivery[]>;
}

/** Told by a master's event loop; when it hears nothing for long, it renews the lease in its place. */
export interface LeaseKeeper {
  /** The loop turns, and believes this incarnation to be in charge. */
  sign(fence: Fence): void;
  /** The same, and it has just registered or renewed. */
  renewed(fence: Fence): void;
  /** Nothing is renewed once it resolves. */
  close(): Promise<void>;
}

export interface FairClaim {
  commands: Command[];
  /** Projects in which starts were looked at: how many, whoever has them, and the last of them. */
  looked: Map<number, { count: number; last: CommandId }>;
}

/** What the master role asks for. */
export interface MasterStore extends OperationsMasterStore, ScheduleMasterStore, VaultMasterStore {
  /** Starts an incarnation with a fresh lease; answers with the store's time, epoch ms. `supersedes` are fenced in the same transaction: earlier ones that the caller knows to be over. */
  registerMaster(master: {
    id: MasterId;
    token: string;
    host: string;
    /** How APIs reach its operations port; absent or null: they cannot. */
    opsUrl?: string | null;
    supersedes?: MasterId[];
    /** The timeline in which this process was told `WENT_BACK`; while it is the latest, another one begins. */
    leftBehind?: number | null;
  }): Promise<number>;
  /** The latest; null before any master has registered. */
  loadTimeline(): Promise<StoreTimeline | null>;
  /** Ends an incarnation on its own wish: its runs are anybody's at once. Nothing happens when it is over already. */
  releaseMaster(fence: Fence): Promise<void>;
  /**
   * Extends the lease, and answers with the store's time; FENCED when somebody took over, WENT_BACK as well when the store knows of fewer
   * than `confirmed` renewals.
   */
  renewMaster(fence: Fence, at: number, confirmed?: number): Promise<number>;
  /**
   * Only where other processes share the store: a thread that renews a lease while the event loop is held up by computing, for four
   * leases after its last sign. `failed`: the thread is gone, and the loop renews alone.
   */
  keepLease?(failed: (error: Error) => void): LeaseKeeper;
  /**
   * Commands not consumed yet, of runs that nobody else owns, oldest first, with ids above `after`. Runs without an owner
   * are this master's from then on; with `ownOnly` they are left to others. A master that has adopted runs asks again from null:
   * their commands may be older.
   */
  claimCommands(
    fence: Fence,
    after: CommandId | null,
    limit: number,
    options?: { ownOnly?: boolean },
  ): Promise<Command[]>;
  /**
   * The same while more waits than one look takes: of each project the first `share` starts behind `after`, so that none delays another,
   * and up to `limit` orders (anything but starts) of runs that are this master's, the first ones each time. All in the order of
   * their ids. `share` 0: the master takes no more runs.
   */
  claimFairly(
    fence: Fence,
    ask: { after: ReadonlyMap<number, CommandId>; share: number; limit: number },
  ): Promise<FairClaim>;
  /**
   * Runs that are not terminal and whose owner is dead, and such without one as have begun; they belong to this master once it answers. Paged by id.
   * Masters whose lease is over are fenced by it. Runs that wait for their turn are nobody's; asked from the start (`after` null), it
   * also starts whichever of them should have been started. The caller's own runs are not among them: one that has forgotten
   * its runs registers anew and supersedes itself.
   */
  adoptRuns(fence: Fence, after: RunId | null, limit: number): Promise<RunId[]>;
  loadRuns(runs: RunId[]): Promise<StoredRun[]>;
  loadWorkflowVersion(workflowId: number, version: number): Promise<WorkflowVersion | null>;
  /**
   * All or nothing. With no changes it still checks the fence. Also sets the owner of runs it writes, and when a child
   * run ends writes `child-finished` for its parent, unless that has ended; and when the last active run of a workflow ends, starts
   * the next one that waits for its turn. Answers with how many commands it wrote: more than none, and a look is worth it. INVARIANT for what would break S4 or S5: a record
   * that differs from an ended one (force success excepted) or is older than the stored one, or a second live attempt.
   */
  commit(fence: Fence, changes: Change[]): Promise<{ commands: number }>;
  /** One fact per question, in their order. Runs of deleted workflows count, by name. */
  upstreamFacts(queries: UpstreamQuery[]): Promise<UpstreamFact[]>;
  /** To be called every few seconds by any master: adds up what was counted since. */
  housekeep(): Promise<void>;
  loadTaskGroups(): Promise<{ name: string; size: number }[]>;
  /**
   * Places in task groups for tasks that are queued, where several masters place them. Answers with those of `wants` that are granted:
   * what a group holds, by the live attempts and by permits that no attempt has used yet, never exceeds its size by it. Order over
   * all masters that asked in the last seconds: priority, rank, then who is ready longest; a turn that is another master's is left to it.
   * A permit is over when its task is no longer queued since `readyAt`, when its master is fenced, or when it is returned. The same
   * request may be made again.
   */
  takePermits(fence: Fence, ask: PermitAsk): Promise<PermitKey[]>;
  /** When any master last heard of the worker or of one that has taken it over, epoch ms; null: never. */
  workerSeenAt(worker: WorkerId): Promise<number | null>;
}

/** Something may have happened that another process wrote: a reason to look at once instead of at the next poll. */
export type HintChannel =
  /** Commands were written. */
  | 'pelorus_command'
  /** Runs changed; the listener is told which. */
  | 'pelorus_run'
  /** A master is over, and its runs are anybody's. */
  | 'pelorus_master'
  /** Some master may have its turn in a task group. */
  | 'pelorus_task_group';

/** Of `pelorus_run`, the runs; null: too many to say, or some may have been missed. Of other channels always null. */
export type HintListener = (runs: readonly RunId[] | null) => void;

export interface HintStore {
  /**
   * Only where other processes share the store. Calls the listener after what anybody has committed, and whenever the connection
   * that listens is a new one. Hints get lost and come twice: polls remain the guarantee. The answer ends it.
   */
  listen?(channel: HintChannel, listener: HintListener): () => void;
}

export interface Store extends ApiStore, MasterStore, AlertStore, ResealStore, LogRows, EndedRuns, HintStore {
  close(): Promise<void>;
}
