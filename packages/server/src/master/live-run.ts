/** What the owning master believes of a run, for the live query. */
import {
  type AttemptRecord,
  type Run,
  type RunSpec,
  type RunStatus,
  stateOf,
  type TaskRunRecord,
} from '@pelorus/engine';
import type { MasterId, TaskRunState } from '@pelorus/protocol';

export interface LiveRun {
  master: MasterId;
  /** When this incarnation of it began, epoch ms: a later one supersedes it. */
  since?: number;
  /** The run's change counter in memory; the store's is never higher. */
  version: number;
  spec: RunSpec;
  status: RunStatus;
  /** Every task of the definition, in its order. */
  tasks: {
    name: string;
    type: string;
    state: TaskRunState;
    record: TaskRunRecord | null;
    attempt: AttemptRecord | null;
  }[];
}

export function liveRunOf(run: Run, master: MasterId, since: number): LiveRun {
  return {
    master,
    since,
    version: run.version,
    spec: run.spec,
    status: run.status,
    tasks: run.graph.tasks.map((task, index) => ({
      name: task.name,
      type: task.action.type,
      state: stateOf(run, index),
      record: run.tasks[index] ?? null,
      attempt: run.attempts[index] ?? null,
    })),
  };
}
