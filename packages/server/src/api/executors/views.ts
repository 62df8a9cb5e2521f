/** Stored records in the published form: epoch milliseconds, whole seconds, integer states. Pure. */
import {
  RUN_STATUS,
  TASK_RUN_STATUS,
  formatAttemptId,
  type ExecutorExecution,
  type ExecutorNode,
  type PublishedNode,
} from '@pelorus/protocol';
import type { ProjectRow, RunRow } from '../../store/port.ts';
import { stateOf, type TaskState } from '../views.ts';

/** Name of the owner by project id. */
export type Owners = ReadonlyMap<number, string>;

export function ownersOf(projects: ProjectRow[]): Owners {
  return new Map(projects.map((project) => [project.id, project.owner]));
}

export function executionView({ spec, status }: RunRow, owners: Owners, now: number): ExecutorExecution {
  return {
    execId: spec.id,
    projectName: spec.project,
    workflowName: spec.workflow,
    execType: spec.execType,
    submitTime: spec.submittedAt,
    startTime: status.startedAt,
    endTime: status.endedAt,
    scheduleTime: spec.execType === 'DIRECT' ? null : spec.logicalDateAt,
    duration: seconds(status.startedAt, status.endedAt, now),
    submitUser: spec.submitUser,
    proxyUser: spec.proxyUser,
    queue: spec.queue,
    status: RUN_STATUS[status.state],
    owner: owners.get(spec.projectId) ?? spec.submitUser,
    extras: spec.extras,
  };
}

/** From start to end, or to now; null before the start. */
export function seconds(startedAt: number | null, endedAt: number | null, now: number): number | null {
  return startedAt === null ? null : Math.max(0, Math.floor(((endedAt ?? now) - startedAt) / 1000));
}

export function nodeView(node: PublishedNode, state: TaskState, now: number): ExecutorNode {
  const { record } = state;
  const startTime = record?.startedAt ?? null;
  const endTime = record?.endedAt ?? null;
  return {
    name: node.name,
    desc: node.desc,
    type: node.type,
    startTime,
    endTime,
    parameter: node.parameter,
    duration: seconds(startTime, endTime, now),
    status: TASK_RUN_STATUS[stateOf(state)],
    appLinks: [],
    jobId: jobIdOf(state),
    dep: node.dep,
    extras: node.extras,
  };
}

/** Where the log of a task is: its latest attempt, or the one of another run whose result it took over. */
export function jobIdOf({ attempts, planned }: TaskState): string | null {
  const latest = attempts.at(-1);
  return latest === undefined ? planned.attempt : formatAttemptId(latest);
}
