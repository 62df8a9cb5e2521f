/** What can happen to a run, and what a decision asks for. Instants (`at`) and chance (`random`, in [0, 1)) come from outside. */
import type {
  AttemptId,
  AttemptReport,
  AttemptSpec,
  Cause,
  RunId,
  WorkerId,
  WorkflowDefinition,
} from '@pelorus/protocol';
import type { Change, CommandAction } from './records.ts';

/** `gate`: a run that waits at its gate asks again. */
export type TimerKind = 'gate' | 'wake' | 'check' | 'attempt-timeout' | 'run-timeout' | 'dispatch-timeout';

export type Event =
  /** Somebody's command, start included. */
  | { kind: 'command'; action: CommandAction; user: string; at: number }
  /** A slot was found for a queued task. */
  | { kind: 'placed'; task: number; worker: WorkerId; at: number; random: number }
  /** A queued task found no slot; the reason is for people. */
  | { kind: 'not-placed'; task: number; reason: string }
  | { kind: 'report'; task: number; n: number; report: AttemptReport; worker: WorkerId; at: number; random: number }
  /** The attempt's worker is gone for good. */
  | { kind: 'worker-lost'; task: number; n: number; worker: WorkerId; at: number; random: number }
  /** A new incarnation holds the attempt: its supervisor outlived the agent. */
  | { kind: 'rebound'; task: number; n: number; worker: WorkerId }
  | { kind: 'timer'; timer: TimerKind; task: number; n: number; at: number; random: number }
  /** What the store knows of the workflow that a `sub_workflow` task names. */
  | { kind: 'child-resolved'; task: number; child: ChildWorkflow; at: number; random: number }
  /** What the store knows of the runs that a `dependent` task waits for. */
  | { kind: 'upstream-checked'; task: number; n: number; verdict: UpstreamVerdict; at: number; random: number }
  /** What it knows of what a run waits for before it starts. */
  | { kind: 'gate-checked'; verdict: UpstreamVerdict; at: number };

export type ChildWorkflow =
  | {
      kind: 'found';
      projectId: number;
      project: string;
      workflowId: number;
      workflow: string;
      version: number;
      definition: WorkflowDefinition;
    }
  | { kind: 'missing'; detail: string };

/** `detail` is for people: which upstream, which window, what was found. */
export interface UpstreamVerdict {
  kind: 'satisfied' | 'failed' | 'waiting';
  detail: string;
}

export type Effect =
  /** These three leave the master, and only after the changes decided with them are durable. */
  | { kind: 'dispatch'; worker: WorkerId; spec: AttemptSpec }
  | { kind: 'kill'; worker: WorkerId; attempt: AttemptId; graceMs: number; cause: Cause }
  | { kind: 'notify'; run: RunId; subject: 'run-ended' | 'timeout-warning'; task: string | null; at: number }
  /** Questions to the store; the answers come back as events. Asked again after a restart. */
  | { kind: 'resolve-child'; run: RunId; task: number }
  | { kind: 'check-upstream'; run: RunId; task: number; n: number }
  | { kind: 'check-gate'; run: RunId }
  /** These two are for the master itself. `task` is −1 for a timer of the run. */
  | { kind: 'ready'; run: RunId; task: number; readyAt: number }
  | { kind: 'timer'; run: RunId; timer: TimerKind; task: number; n: number; at: number };

export interface Decision {
  changes: Change[];
  effects: Effect[];
  /** Why a command could not be applied; nothing was changed then. */
  refusal: string | null;
}
