/** What the supervisor and a pool process say to each other, over the process's descriptor 3. */
import type { AttemptId, AttemptOutcome, AttemptSpec, Cause } from '@pelorus/protocol';
import type { TaskLimits } from '../supervisor/messages.ts';

/** What stops work that goes on outside of any process of ours. */
export type CancelHandle =
  | { kind: 'postgres'; url: string; backendPid: number; applicationName: string }
  | { kind: 'mysql'; url: string; connectionId: number };

export interface Call {
  spec: AttemptSpec;
  /** The attempt's directory; made only when something is put into it. */
  directory: string;
  logPath: string;
  /** Where the outcome goes if the supervisor is gone before it has noted it. */
  resultPath: string;
  limits: TaskLimits;
}

export interface CallOutcome extends Pick<AttemptOutcome, 'outputs' | 'outputsTruncated'> {
  cause: Cause | null;
}

export type SupervisorToPool =
  | { kind: 'call'; call: Call }
  /** The end of the last call is in the journal. */
  | { kind: 'noted' }
  /** The handle is in the journal; the statement may start. */
  | { kind: 'handle-stored'; attempt: AttemptId }
  /** Stop what the handle names, and see that it is gone; answered `cancelled` whatever came of it. */
  | { kind: 'cancel'; id: number; handle: CancelHandle; limitMs: number }
  /** Connect and ask for nothing; answered `probed`. Only in processes that run no calls. */
  | { kind: 'probe'; connection: Connection; timeoutMs: number };

export type PoolToSupervisor =
  | { kind: 'ready' }
  | { kind: 'handle'; attempt: AttemptId; handle: CancelHandle }
  /** `retire`: the call left something behind in the process, which should serve nobody else. */
  | { kind: 'done'; attempt: AttemptId; outcome: CallOutcome; retire: boolean; madeDirectory: boolean }
  /** `problem`: why it may go on, for people; null when it does not. */
  | { kind: 'cancelled'; id: number; problem: string | null }
  | { kind: 'probed'; result: ProbeResult };

export type Connection = NonNullable<AttemptSpec['connection']>;

/** What came of trying a connection, for people; without its password. */
export interface ProbeResult {
  ok: boolean;
  detail: string;
}

/** The descriptor of the channel in a pool process. */
export const POOL_CHANNEL_FD = 3;
