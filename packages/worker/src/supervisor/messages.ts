/**
 * What the agent and its supervisor say to each other over the socket, one JSON array of messages per line.
 * They are always of one installation, but a supervisor may be older than the agent that attaches: see `version`.
 * Instants called `renewedAt` are on the boot clock, which both processes share; all others are epoch ms.
 */
import type { AttemptId, AttemptSpec, Cause } from '@pelorus/protocol';
import type { Watched } from './disk-watch.ts';
import type { HeldAttempt, ProbeEnd, SupervisorEvent, SupervisorOrder } from '../core.ts';

/** Raise when a message changes its meaning. A supervisor of another version is asked to end when idle. */
export const SUPERVISOR_VERSION = 2;

export interface SupervisorSettings {
  logDir: string;
  slots: number;
  /** Most processes for script, http and sql attempts. */
  poolProcesses: number;
  limits: TaskLimits;
  /** How long it is tried to stop on its server what a killed attempt had asked for. */
  cancelLimitMs: number;
  attempt: AttemptLimits;
}

/** What one attempt may take, and all together. */
export interface AttemptLimits {
  /** Null: as much as all together. */
  memoryBytes: number | null;
  allMemoryBytes: number;
  /** With threads. */
  processes: number;
  /** Of each process. */
  openFiles: number;
  /** In its work directory. */
  workDirBytes: number;
}

/** By what the memory of one attempt is limited: a control group of its own of version 2 or 1, or, if at all, the address space of each process. */
export type LimitsKind = 'cgroup2' | 'cgroup1' | 'rlimit';

/** The product's limits that bind tasks, and what the worker adds. They travel with the settings, so that small processes load no more than they need. */
export interface TaskLimits {
  outputsBytes: number;
  logBytes: number;
  /** Where logs have less room than this on their disk, tasks write them through a pipe. */
  logRoomBytes: number;
}

export type AgentToSupervisor =
  /** The first message; answered `attached` or `refused`. */
  | { kind: 'attach'; agentPid: number; settings: SupervisorSettings }
  | { kind: 'order'; order: SupervisorOrder }
  /** End: at once with everything killed, or as soon as nothing runs. */
  | { kind: 'shutdown'; killTasks: boolean };

export type SupervisorToAgent =
  | {
      kind: 'attached';
      version: number;
      pid: number;
      held: HeldAttempt[];
      renewedAt: number | null;
      limits: LimitsKind;
    }
  /** Another agent is attached; one data directory serves one worker. */
  | { kind: 'refused'; agentPid: number }
  | { kind: 'event'; event: SupervisorEvent }
  | { kind: 'probed'; end: ProbeEnd }
  /** Why no new attempt should be taken (for instance a full disk), or null. */
  | { kind: 'health'; refusing: string | null };

/** What a runner of attempts tells the supervisor. */
export type RunnerEvent = (event: SupervisorEvent) => void;

/** One way to run attempts. A runner knows only attempts that it was given or that it found again after a restart. */
export interface Runner {
  start(spec: AttemptSpec): void;
  kill(attempt: AttemptId, order: KillOrder): void;
  forget(attempt: AttemptId): void;
  holds(attempt: AttemptId): boolean;
  held(): HeldAttempt[];
  /** Where attempts that run put files. */
  onDisk(): Watched<AttemptId>[];
  /** Attempts that wait, run or are being killed. */
  liveCount(): number;
  /** True while something must still be done after the last attempt has ended: results being written, leftovers ended. */
  readonly busy: boolean;
  /** Called about once a second. */
  tick(): void;
  /** What could not be written to a full disk can be written now. */
  diskHasRoom(): void;
  /** Ends its own idle processes; attempts must be gone or left to be found again. */
  close(): void;
}

/** `limit`: by the supervisor itself, because the attempt takes too much; that is a failure of the attempt. */
export type KillOrder = Omit<Extract<SupervisorOrder, { kind: 'kill' }>, 'kind' | 'attempt' | 'reason'> & {
  reason: Extract<SupervisorOrder, { kind: 'kill' }>['reason'] | 'limit';
};

/** How an attempt has ended that was killed for another reason than its lease. */
export function killedAs({ reason, cause }: KillOrder): { state: 'failed' | 'killed'; cause: Cause } {
  return { state: reason === 'limit' ? 'failed' : 'killed', cause };
}
