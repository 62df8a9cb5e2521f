/**
 * The messages between masters and workers, and the only way in which they talk. A transport carries frames,
 * each an array of messages, in order while the connection lives; it may lose everything in flight when it breaks.
 * All instants are epoch milliseconds by the sender's clock and are for people; decisions use the receiver's.
 *
 * Rules that the messages rely on:
 * - `dispatch` and `kill` are re-sent until answered; a worker answers a duplicate with what it knows.
 * - a worker re-sends each report until `ack` for that (attempt, sequence) arrives; masters ack after their fenced commit.
 * - a kill that arrives before its dispatch leaves a tombstone.
 */
import type { AttemptId, MasterId, WorkerId } from './ids.ts';
import type { LogGapReason } from './log-gaps.ts';
import type { Cause } from './states.ts';
import type { TaskAction } from './workflow.ts';

/** Raise when a message changes its meaning, once per release; see the test that hashes the schemas. */
export const WIRE_VERSION = 1;

/**
 * Null when a peer that speaks this version can be talked to: the own one and its neighbours, so that a cluster can be upgraded
 * one process at a time. The newer of two neighbours says nothing that the older one does not know. Otherwise a sentence for people.
 */
export function versionProblem(version: unknown): string | null {
  if (typeof version !== 'number' || !Number.isSafeInteger(version)) return 'the greeting names no version';
  if (Math.abs(version - WIRE_VERSION) <= 1) return null;
  return `the other side speaks version ${version}, this one ${WIRE_VERSION} and its neighbours: upgrade one release at a time`;
}

/** Everything that a worker needs to run one attempt; nothing in it must be looked up. */
export interface AttemptSpec {
  attempt: AttemptId;
  project: string;
  workflow: string;
  task: string;
  /** RFC 3339 in the logical date's zone. */
  logicalDate: string;
  action: TaskAction;
  /** Parameters after precedence, `${…}` and `$[…]` are resolved: name → text. */
  params: Record<string, string>;
  /** Variables of the environment that the task runs in; parameters and `env` go before them. Absent: it runs in none. */
  environment?: Record<string, string>;
  /** Further variables that the definition's `env` asked for, resolved. */
  env: Record<string, string>;
  /** Files for the work directory: name → content by hash; inline text in this version. */
  files: { name: string; sha256: string; base64: string }[];
  /** Where `sql` connects: resolved connection, or null. */
  connection: { kind: 'sqlite' | 'postgres' | 'mysql'; url: string } | null;
  /**
   * Name → value of the secrets that this task's own texts name by `${secret.name}`. `action`, `params` and `env` keep the
   * placeholder as it is written; the worker fills it in as the attempt starts. Absent: it names none. `connection.url`
   * arrives filled in. The worker masks these values, and the password in `connection.url`, in logs and outputs.
   */
  secrets?: Record<string, string>;
  /** Declared output names and types. */
  outputs: Record<string, { type: string }>;
  killGraceMs: number;
  /** How long the worker may go on without a lease renewal before it must kill this attempt. */
  executionLeaseMs: number;
}

/** How an attempt ended, as the worker saw it. */
export interface AttemptOutcome {
  state: 'succeeded' | 'failed' | 'killed';
  cause: Cause | null;
  outputs: Record<string, string>;
  /** True when outputs exceeded their limit and some were dropped. */
  outputsTruncated: boolean;
  startedAt: number;
  endedAt: number;
}

export type MasterToWorker =
  | { kind: 'welcome'; master: MasterId; version: number; leaseMs: number }
  | { kind: 'lease'; sentAt: number; leaseMs: number; accepting: boolean }
  | { kind: 'dispatch'; spec: AttemptSpec }
  | { kind: 'kill'; attempt: AttemptId; graceMs: number; cause: Cause }
  | { kind: 'ack'; attempt: AttemptId; sequence: number; verdict: 'stored' | 'unknown' }
  | { kind: 'query'; attempts: AttemptId[] }
  /** Runs `select 1` there and answers with `probe-result`; only to workers whose hello names the feature `probe`. Not re-sent. */
  | { kind: 'probe'; id: string; connection: NonNullable<AttemptSpec['connection']>; timeoutMs: number }
  | LogAcknowledged;

/** The worker's word on one attempt. `sequence` rises by one with each report of the same attempt. */
export type AttemptReport =
  | { kind: 'accepted'; attempt: AttemptId; sequence: number }
  | { kind: 'running'; attempt: AttemptId; sequence: number; startedAt: number }
  | { kind: 'finished'; attempt: AttemptId; sequence: number; outcome: AttemptOutcome }
  /** Refused, never started: no slot, over the load limit, draining. Goes back to the queue at once. */
  | { kind: 'no_capacity'; attempt: AttemptId; sequence: number; reason: string }
  /** A kill came first; this attempt never started and never will on this worker. */
  | { kind: 'tombstoned'; attempt: AttemptId; sequence: number }
  /** The processes of this attempt are gone and nobody knows how they ended (host reboot, supervisor lost). */
  | { kind: 'lost'; attempt: AttemptId; sequence: number; detail: string }
  /** Answer to `query`: this worker has never heard of the attempt. */
  | { kind: 'never_seen'; attempt: AttemptId; sequence: number };

export interface WorkerLoad {
  slots: number;
  usedSlots: number;
  /** 1-minute load average; −1 unknown. */
  loadAverage: number;
  cpuCount: number;
  freeMemoryBytes: number;
  totalMemoryBytes: number;
  /** Over a configured limit: gets nothing new. */
  busy: boolean;
  draining: boolean;
}

export type WorkerToMaster =
  | {
      kind: 'hello';
      worker: WorkerId;
      name: string;
      host: string;
      version: number;
      features: string[];
      groups: string[];
      load: WorkerLoad;
      /** Every attempt that this worker holds, unfinished or finished and not yet acknowledged. */
      attempts: AttemptId[];
      /** Earlier incarnations whose supervisor, and so whose attempts, this one has taken over; they are gone for good. */
      supersedes: WorkerId[];
    }
  | { kind: 'heartbeat'; worker: WorkerId; sentAt: number; load: WorkerLoad; attempts: AttemptId[] }
  | { kind: 'report'; worker: WorkerId; report: AttemptReport }
  /** `detail` says what came back, for people; it never holds a password of the connection. */
  | { kind: 'probe-result'; worker: WorkerId; id: string; ok: boolean; detail: string; tookMs: number }
  | LogPiece
  | { kind: 'goodbye'; worker: WorkerId };

/**
 * A piece of an attempt's log, of workers whose hello names the feature `logs`. Offsets count every byte that the task wrote,
 * those of gaps as well. Pieces are sent again from the acknowledged offset until `log-ack`; the same bytes twice are the same
 * bytes. A piece without bytes, gap and end only asks how far the log is.
 */
export interface LogPiece {
  kind: 'log';
  worker: WorkerId;
  attempt: AttemptId;
  /** Where the bytes, or the gap, begin. */
  offset: number;
  /** Empty when there is a gap. */
  base64: string;
  /** The bytes from `offset` to `to` will never come, nor count any more if they have. */
  gap?: { to: number; reason: LogGapReason };
  /** The attempt has ended and this is the end of its log. What little is written behind it comes as further pieces, with an end again. */
  end?: true;
}

/** How far a log is stored durably; the worker goes on from there. Says nothing about the attempt. */
export interface LogAcknowledged {
  kind: 'log-ack';
  attempt: AttemptId;
  /** Null: not known, because the piece was not taken. */
  offset: number | null;
  /** The end of the log is stored as well. */
  ended: boolean;
  /** Above 0: the log store takes nothing now, so nothing of this log need be sent sooner. */
  retryAfterMs: number;
}

/** One end of a connection. `send` never blocks and never throws; a frame may be lost when the link breaks. */
export interface Link<Out, In> {
  send(messages: Out[]): void;
  /** Called with each frame that arrives, and once with null when the link is gone. */
  onFrame(listener: (messages: In[] | null) => void): void;
  close(): void;
}
export type WorkerLink = Link<WorkerToMaster, MasterToWorker>;
export type MasterLink = Link<MasterToWorker, WorkerToMaster>;
