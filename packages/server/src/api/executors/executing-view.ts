/** A run in the words of the published live query. Pure. */
import type { RunSpec } from '@pelorus/engine';
import {
  toPublishedNodes,
  type ExecutingCommand,
  type ExecutingFlag,
  type ExecutingPriority,
  type ExecutingState,
  type ExecutingTask,
  type ExecutingTaskState,
  type ExecutingWorkflow,
  type Priority,
  type PublishedNode,
  type RunState,
  type TaskRunState,
  type WorkflowDefinition,
} from '@pelorus/protocol';
import { jobIdOf, seconds } from './views.ts';
import type { RunRow } from '../../store/port.ts';
import { stateOf, type TaskState } from '../views.ts';

export const EXECUTING_STATES: Record<RunState, ExecutingState> = {
  queued: 'SUBMITTED_SUCCESS',
  waiting: 'SERIAL_WAIT',
  running: 'RUNNING_EXECUTION',
  pausing: 'READY_PAUSE',
  stopping: 'READY_STOP',
  paused: 'PAUSE',
  succeeded: 'SUCCESS',
  stopped: 'STOP',
  failed: 'FAILURE',
  dependency_failed: 'FAILURE',
};

/** Null: there is no instance of a task that is left out. */
export const EXECUTING_TASK_STATES: Record<TaskRunState, ExecutingTaskState | null> = {
  pending: 'SUBMITTED_SUCCESS',
  queued: 'SUBMITTED_SUCCESS',
  delayed: 'DELAY_EXECUTION',
  retry_wait: 'DELAY_EXECUTION',
  dispatched: 'DISPATCH',
  running: 'RUNNING_EXECUTION',
  killing: 'RUNNING_EXECUTION',
  paused: 'PAUSE',
  succeeded: 'SUCCESS',
  reused: 'SUCCESS',
  forced_success: 'FORCED_SUCCESS',
  failed: 'FAILURE',
  upstream_failed: 'FAILURE',
  killed: 'KILL',
  skipped: null,
};

const COMMANDS: Record<string, ExecutingCommand> = {
  'rerun-failed': 'START_FAILURE_TASK_PROCESS',
  'rerun-from': 'EXECUTE_TASK',
  repeat: 'REPEAT_RUNNING',
};

interface Executing extends RunRow {
  definition: WorkflowDefinition;
  states: TaskState[];
  now: number;
}

export function executingView({ spec, status, definition, states, now }: Executing): ExecutingWorkflow {
  const command = spec.execType === 'DIRECT' ? (COMMANDS[spec.mode] ?? 'START_PROCESS') : spec.execType;
  const { nodes, userDefParams } = toPublishedNodes(definition);
  const declared = new Map(userDefParams.map(({ prop, value }) => [prop, value]));
  for (const [prop, value] of Object.entries(spec.params)) declared.set(prop, value);
  return {
    id: spec.id,
    name: instanceName(spec),
    processDefinitionCode: spec.workflowId,
    processDefinitionVersion: spec.workflowVersion,
    state: EXECUTING_STATES[status.state],
    recovery: flag(spec.mode === 'rerun-failed'),
    startTime: status.startedAt,
    endTime: status.endedAt,
    runTimes: 1,
    host: status.owner,
    commandType: command,
    commandParam: JSON.stringify(spec.params),
    taskDependType: spec.plan.run === 'all' ? 'TASK_POST' : 'TASK_ONLY',
    maxTryTimes: 0,
    failureStrategy: spec.failurePolicy === 'end' ? 'END' : 'CONTINUE',
    warningType: spec.notifyType,
    scheduleTime: spec.execType === 'DIRECT' ? null : spec.logicalDateAt,
    commandStartTime: spec.submittedAt,
    globalParams: JSON.stringify([...declared].map(([prop, value]) => ({ prop, value }))),
    executorId: null,
    executorName: spec.submitUser,
    tenantCode: spec.proxyUser,
    queue: spec.queue,
    isSubProcess: flag(spec.parent !== null),
    historyCmd: command,
    duration: seconds(status.startedAt, status.endedAt, now),
    processInstancePriority: priority(spec.priority),
    workerGroup: spec.workerGroup,
    environmentCode: spec.environment,
    timeout: Math.floor(spec.timeoutMs / 1000),
    varPool: null,
    dryRun: spec.dryRun ? 1 : 0,
    restartTime: status.startedAt,
    isBlocked: status.state === 'waiting',
    taskInstances: states.flatMap((state, index) => {
      const shown = EXECUTING_TASK_STATES[stateOf(state)];
      return shown === null ? [] : [taskInstance(spec, { state, shown, node: nodes[index]!, now })];
    }),
  };
}

function taskInstance(
  spec: RunSpec,
  { state, shown, node, now }: { state: TaskState; shown: ExecutingTaskState; node: PublishedNode; now: number },
): ExecutingTask {
  const { task, record, attempts } = state;
  const jobId = jobIdOf(state);
  const latest = attempts.at(-1);
  const startTime = record?.startedAt ?? null;
  const endTime = record?.endedAt ?? null;
  return {
    id: jobId,
    name: task.name,
    taskType: node.type,
    processInstanceId: spec.id,
    taskCode: state.index,
    taskDefinitionVersion: spec.workflowVersion,
    processInstanceName: instanceName(spec),
    state: shown,
    firstSubmitTime: attempts[0]?.dispatchedAt ?? null,
    submitTime: latest?.dispatchedAt ?? null,
    startTime,
    endTime,
    host: latest?.worker ?? null,
    executePath: null,
    logPath: jobId === null ? null : `/api/v1/executors/${jobId}/logs`,
    retryTimes: record?.retries ?? 0,
    pid: null,
    appLink: null,
    flag: flag(!task.disabled),
    duration: seconds(startTime, endTime, now),
    maxRetryTimes: task.retry.max,
    retryInterval: Math.floor(task.retry.intervalMs / 1000),
    taskInstancePriority: priority(task.priority ?? spec.priority),
    workerGroup: task.workerGroup ?? spec.workerGroup,
    environmentCode: task.environment ?? spec.environment,
    varPool: record?.outputs ? JSON.stringify(record.outputs) : null,
    executorName: spec.submitUser,
    resources: task.files.length === 0 ? null : task.files.join(','),
    delayTime: Math.floor(task.delayMs / 1000),
    taskParams: JSON.stringify(node.parameter),
    dryRun: spec.dryRun ? 1 : 0,
    taskGroupId: task.taskGroup?.name ?? null,
    cpuQuota: null,
    memoryMax: null,
  };
}

/** As the published interface names instances: workflow, version and the instant of submission. */
function instanceName({ workflow, workflowVersion, submittedAt }: RunSpec): string {
  return `${workflow}-${workflowVersion}-${new Date(submittedAt).toISOString().replaceAll(/\D/g, '')}`;
}

function flag(is: boolean): ExecutingFlag {
  return is ? 'YES' : 'NO';
}

function priority(of: Priority): ExecutingPriority {
  return of.toUpperCase() as ExecutingPriority;
}
