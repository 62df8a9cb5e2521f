/**
 * What is stored of a run. `RunSpec` is written once, when the run is submitted; the three mutable records are
 * complete snapshots: the last one written for a key wins, so a batch can keep just the last.
 * Each carries `version`, the run's change counter when it was made: the highest one stored is the run's version.
 */
import type {
  AttemptId,
  AttemptOutcome,
  AttemptState,
  Cause,
  CommandId,
  ConcurrencyPolicy,
  FailurePolicy,
  MasterId,
  ParameterValue,
  Priority,
  RunId,
  RunState,
  TaskRunState,
  TimeoutAction,
  WorkerId,
  WorkerLoad,
  WorkflowDefinition,
} from '@pelorus/protocol';

export type ExecType = 'DIRECT' | 'COMPLEMENT_DATA' | 'SCHEDULER';
export type NotifyType = 'NONE' | 'SUCCESS' | 'FAILURE' | 'ALL';

/** What must have succeeded before a run starts. */
export interface RunGate {
  /** The run of its schedule's tick before. */
  previous: { run: RunId; logicalDateAt: number } | null;
  /** A run of each of these workflows, with a logical date in `from ≤ date < to`, epoch ms. */
  workflows: { project: string; workflow: string; from: number; to: number }[];
}

/** Which tasks a run executes; `tasks` are indices. Whatever is neither run nor reused is skipped as not selected. */
export interface RunPlan {
  run: 'all' | number[];
  reuse: { task: number; attempt: AttemptId }[];
}

export interface RunSpec {
  id: RunId;
  projectId: number;
  project: string;
  workflowId: number;
  workflow: string;
  workflowVersion: number;
  execType: ExecType;
  /** How the plan came about, in words for people: `whole`, `node`, `selected`, `rerun-failed`, `rerun-from`, `repeat`, `sub-workflow`. */
  mode: string;
  plan: RunPlan;
  rerunOf: RunId | null;
  parent: ParentLink | null;
  /** How many runs above this one; absent: none. */
  depth?: number;
  submitUser: string;
  proxyUser: string | null;
  queue: string | null;
  failurePolicy: FailurePolicy;
  priority: Priority;
  timeoutMs: number;
  timeoutAction: TimeoutAction;
  workerGroup: string | null;
  environment: string | null;
  dryRun: boolean;
  /** Start parameters as given. */
  params: Record<string, ParameterValue>;
  logicalDateAt: number;
  /** IANA name; the zone in which the logical date is reckoned. */
  zone: string;
  submittedAt: number;
  notifyType: NotifyType;
  notifyMails: string[];
  /** What becomes of it while another run of the workflow has not ended; absent: what its workflow version says. */
  concurrency?: ConcurrencyPolicy;
  /** Files of the project, as they were when it was made: what its tasks name besides the files of its workflow version. */
  files?: PinnedFile[];
  /** Absent: it waits for nothing before it starts. */
  gate?: RunGate;
  extras: unknown;
}

export interface RunStatus {
  run: RunId;
  version: number;
  state: RunState;
  cause: Cause | null;
  /** The first task that failed without being handled, and why. */
  firstFailure: { task: string; cause: Cause } | null;
  waitReason: string | null;
  owner: MasterId | null;
  startedAt: number | null;
  endedAt: number | null;
}

/** A task run without a record is `pending`. */
export interface TaskRunRecord {
  run: RunId;
  task: number;
  version: number;
  state: TaskRunState;
  cause: Cause | null;
  waitReason: string | null;
  /** Attempts made so far; the highest `n`. */
  attempts: number;
  /** Retries used up; attempts lost with their worker do not count. */
  retries: number;
  /** When a delay or a retry wait is over. */
  wakeAt: number | null;
  /** When it last became ready to be placed; orders the queue. */
  readyAt: number | null;
  startedAt: number | null;
  endedAt: number | null;
  outputs: Record<string, string> | null;
}

export interface AttemptRecord {
  run: RunId;
  task: number;
  n: number;
  version: number;
  state: AttemptState;
  cause: Cause | null;
  worker: WorkerId;
  dispatchedAt: number;
  startedAt: number | null;
  endedAt: number | null;
  /** Why it is to be killed; set once, and then re-sent until the worker answers. */
  kill: { cause: Cause; at: number } | null;
  /** Absent: none. */
  late?: LateResult;
}

/** What the worker of an attempt said of its end after that had been decided without it. */
export interface LateResult {
  state: AttemptOutcome['state'];
  cause: Cause | null;
  /** By the worker's clock, epoch ms. */
  startedAt: number;
  endedAt: number;
  /** When a master was told, epoch ms. */
  reportedAt: number;
}

export interface WorkerRecord {
  id: WorkerId;
  name: string;
  host: string;
  groups: string[];
  slots: number;
  state: 'online' | 'draining' | 'offline';
  registeredAt: number;
  /** When a master last heard of it; in the store it never falls. */
  seenAt: number;
  /** Earlier incarnations whose attempts it has taken over. */
  supersedes?: readonly WorkerId[];
  /** What it last said of itself, at `seenAt` or within one heartbeat before; null: nothing. */
  load?: WorkerLoad | null;
  /** What it said in its hello that it can. */
  features?: readonly string[];
}

/** What is now true; persisted in one transaction with the others of its batch. */
export type Change =
  | { kind: 'run'; status: RunStatus }
  | { kind: 'task-run'; record: TaskRunRecord }
  | { kind: 'attempt'; record: AttemptRecord }
  /** Kept with that attempt where it is news (`isNews`). */
  | { kind: 'late-result'; run: RunId; task: number; n: number; result: LateResult }
  | { kind: 'command-done'; command: CommandId; outcome: CommandOutcome; at: number }
  | { kind: 'worker'; record: WorkerRecord }
  /** A child run with its start command, unless the parent's attempt has one already. The store gives the id. */
  | { kind: 'start-child'; parent: ParentLink; child: ChildRun }
  /** A command for the child of that attempt; none when the child has ended. */
  | { kind: 'child-command'; parent: ParentLink; action: CommandAction; user: string; at: number }
  /** Into the outbox, in the transaction that stores the state it reports. */
  | { kind: 'alert'; alert: AlertRecord };

export const ALERT_EVENTS = [
  'run-succeeded',
  'run-failed',
  'run-stopped',
  'timeout-warning',
  /** Nothing of the cycle had succeeded by then. */
  'deadline-missed',
  /** A tick for which no run could be made. */
  'schedule-failed',
] as const;
export type AlertEvent = (typeof ALERT_EVENTS)[number];

/** What is to be told to people, complete: sending it needs no look at the run. */
export interface AlertRecord {
  /**
   * The same for the same news, however often it is written: `<run>.<event>`, `<run>.<event>.<task>`, `deadline.<id>.<instant>` or
   * `schedule.<id>.<instant>`.
   */
  id: string;
  /** 0 where it is about no run, but what `about` says. */
  run: RunId;
  event: AlertEvent;
  /** Of a warning about one task. */
  task: string | null;
  at: number;
  /** E-mail addresses (with an `@`) and names of alert channels; each gets its own delivery. */
  recipients: string[];
  project: string;
  workflow: string;
  workflowVersion: number;
  execType: ExecType;
  submitUser: string;
  logicalDateAt: number;
  state: RunState;
  cause: Cause | null;
  firstFailure: { task: string; cause: Cause } | null;
  startedAt: number | null;
  endedAt: number | null;
  /** Of a warning: after how long it was due. */
  timeoutMs: number | null;
  /** Of what is about no run. Instants are epoch ms. */
  about?:
    | { kind: 'deadline'; name: string; since: number; by: number; zone: string }
    | { kind: 'schedule'; name: string; problem: string };
}

/** The attempt of a `sub_workflow` task that a run belongs to. */
export interface ParentLink {
  run: RunId;
  task: number;
  attempt: number;
}

export type ChildRun = Omit<RunSpec, 'id' | 'parent'>;

export type CommandOutcome = { kind: 'applied' } | { kind: 'refused'; reason: string };

/** What somebody asked of a run; a row until the master that owns the run has consumed it. */
export type CommandAction =
  | { kind: 'start' }
  /** `supersededBy`: the newer run of a workflow whose runs stop each other (`serial_priority`). */
  | { kind: 'stop'; supersededBy?: RunId }
  | { kind: 'pause' }
  | { kind: 'resume' }
  | { kind: 'kill-task'; task: string }
  | { kind: 'force-success'; task: string }
  /** Written in the transaction that ends a child run. */
  | { kind: 'child-finished'; task: number; attempt: number; child: RunId; state: RunState };

export interface Command {
  id: CommandId;
  run: RunId;
  action: CommandAction;
  user: string;
  at: number;
}

/** A file that a workflow version brings along, small enough to travel inside a dispatch. */
export interface WorkflowFile {
  name: string;
  sha256: string;
  base64: string;
}

/** A name and the SHA-256 (hexadecimal) of what it stood for. */
export interface PinnedFile {
  name: string;
  sha256: string;
}

export interface Connection {
  name: string;
  kind: 'sqlite' | 'postgres' | 'mysql';
  /** `sqlite:<path>`, `postgres://…` or `mysql://…`. */
  url: string;
}

/** A pinned workflow version and what its tasks need besides. */
export interface WorkflowVersion {
  workflowId: number;
  version: number;
  definition: WorkflowDefinition;
  files: WorkflowFile[];
}

/** Everything a master needs to go on with a run. `attempts` holds the latest attempt of each task. */
export interface StoredRun {
  spec: RunSpec;
  status: RunStatus;
  tasks: TaskRunRecord[];
  attempts: AttemptRecord[];
}
