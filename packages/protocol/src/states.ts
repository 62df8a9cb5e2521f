/**
 * The states of runs, task runs and attempts, what moved them there, and the integer `status` that the
 * published `/executors` API derives from them. Source: the execution semantics, section 2.
 */
export const RUN_STATES = [
  'queued',
  'waiting',
  'running',
  'pausing',
  'stopping',
  'paused',
  'succeeded',
  'stopped',
  'failed',
  'dependency_failed',
] as const;
export type RunState = (typeof RUN_STATES)[number];

export const TASK_RUN_STATES = [
  'pending',
  'delayed',
  'queued',
  'dispatched',
  'running',
  'killing',
  'retry_wait',
  'paused',
  'succeeded',
  'forced_success',
  'reused',
  'failed',
  'killed',
  'upstream_failed',
  'skipped',
] as const;
export type TaskRunState = (typeof TASK_RUN_STATES)[number];

export const ATTEMPT_STATES = [
  'queued',
  'dispatched',
  'running',
  'killing',
  'succeeded',
  'failed',
  'killed',
  'lost',
] as const;
export type AttemptState = (typeof ATTEMPT_STATES)[number];

/** 0 initial · 1 waiting for a dependency · 2 for resources · 3 running · 4 succeeded · 5 killed · 6 failed · 7 dependency failed · 8 paused. */
export type Status = 0 | 1 | 2 | 3 | 4 | 5 | 6 | 7 | 8;

export const RUN_STATUS: Record<RunState, Status> = {
  queued: 0,
  waiting: 1,
  running: 3,
  pausing: 3,
  stopping: 3,
  succeeded: 4,
  stopped: 5,
  failed: 6,
  dependency_failed: 7,
  paused: 8,
};

export const TASK_RUN_STATUS: Record<TaskRunState, Status> = {
  skipped: 0,
  pending: 1,
  delayed: 1,
  retry_wait: 1,
  queued: 2,
  dispatched: 2,
  running: 3,
  killing: 3,
  succeeded: 4,
  forced_success: 4,
  reused: 4,
  killed: 5,
  failed: 6,
  upstream_failed: 7,
  paused: 8,
};

const TERMINAL_RUN: ReadonlySet<RunState> = new Set<RunState>(['succeeded', 'stopped', 'failed', 'dependency_failed']);
const LIVE_TASK_RUN: ReadonlySet<TaskRunState> = new Set<TaskRunState>([
  'pending',
  'delayed',
  'queued',
  'dispatched',
  'running',
  'killing',
  'retry_wait',
  'paused',
]);

export function isTerminalRun(state: RunState): boolean {
  return TERMINAL_RUN.has(state);
}
export function isTerminalTaskRun(state: TaskRunState): boolean {
  return !LIVE_TASK_RUN.has(state);
}

/** Attempt ranks only rise; a message that would lower one is an acknowledged no-op. */
export const ATTEMPT_RANK: Record<AttemptState, number> = {
  queued: 0,
  dispatched: 1,
  running: 2,
  killing: 3,
  succeeded: 9,
  failed: 9,
  killed: 9,
  lost: 9,
};

/** What moved something into its state; kept apart from the state itself. */
export type Cause =
  | { kind: 'exit'; code: number }
  | { kind: 'signal'; name: string }
  | { kind: 'oom' }
  | { kind: 'timeout'; afterMs: number }
  | { kind: 'killed_by'; user: string }
  /** Its process is gone, but what it had asked a server to do could not be stopped there and may go on. `detail` names server and handle. */
  | { kind: 'kill_unconfirmed'; detail: string }
  | { kind: 'fail_fast'; task: string }
  | { kind: 'upstream'; task: string }
  | { kind: 'worker_lost'; worker: string }
  | { kind: 'dispatch_timeout'; afterMs: number }
  | { kind: 'invalid'; detail: string }
  | { kind: 'error'; detail: string }
  | { kind: 'branch'; task: string }
  /** A `conditions` or `switch` task that succeeded: which of its branch tasks it let run, and which not. */
  | { kind: 'chose'; taken: string[]; untaken: string[] }
  /** The child run of a `sub_workflow` task, and how it ended. */
  | { kind: 'child'; runId: number; state: RunState }
  /** What a `dependent` task waited for did not come true. */
  | { kind: 'dependency'; detail: string }
  | { kind: 'not_selected' }
  | { kind: 'disabled' }
  | { kind: 'reused'; runId: number }
  | { kind: 'forced_by'; user: string }
  /** The newcomer of a `serial_discard` workflow: that run had not ended. */
  | { kind: 'discarded'; runId: number }
  /** Stopped for that newer run of a `serial_priority` workflow. */
  | { kind: 'superseded'; runId: number }
  /** An `any_failed` task none of whose predecessors failed. */
  | { kind: 'not_triggered' }
  /** The worker refused the attempt before it started; another attempt follows and no retry is used up. */
  | { kind: 'no_capacity'; detail: string };

export const PRIORITIES = ['highest', 'high', 'medium', 'low', 'lowest'] as const;
export type Priority = (typeof PRIORITIES)[number];
/** 0 is served first. */
export const PRIORITY_RANK: Record<Priority, number> = { highest: 0, high: 1, medium: 2, low: 3, lowest: 4 };
