/**
 * `GET /projects/{projectCode}/executors/query-executing-workflow`: a run as its master has it, in the words of the published
 * interface. Instants are epoch milliseconds, durations whole seconds; what Pelorus has nothing for is null.
 */
export type ExecutingState =
  | 'SUBMITTED_SUCCESS'
  | 'SERIAL_WAIT'
  | 'RUNNING_EXECUTION'
  | 'READY_PAUSE'
  | 'PAUSE'
  | 'READY_STOP'
  | 'STOP'
  | 'FAILURE'
  | 'SUCCESS';

export type ExecutingTaskState =
  | 'SUBMITTED_SUCCESS'
  | 'DELAY_EXECUTION'
  | 'DISPATCH'
  | 'RUNNING_EXECUTION'
  | 'PAUSE'
  | 'KILL'
  | 'FAILURE'
  | 'SUCCESS'
  | 'FORCED_SUCCESS';

export type ExecutingFlag = 'YES' | 'NO';
export type ExecutingPriority = 'HIGHEST' | 'HIGH' | 'MEDIUM' | 'LOW' | 'LOWEST';
export type ExecutingCommand =
  | 'START_PROCESS'
  | 'START_FAILURE_TASK_PROCESS'
  | 'EXECUTE_TASK'
  | 'REPEAT_RUNNING'
  | 'COMPLEMENT_DATA'
  | 'SCHEDULER';

export interface ExecutingTask {
  /** Of the latest attempt: by it logs are read. */
  id: string | null;
  name: string;
  taskType: string;
  processInstanceId: number;
  /** Position in the definition, from 0. */
  taskCode: number;
  taskDefinitionVersion: number;
  processInstanceName: string;
  state: ExecutingTaskState;
  firstSubmitTime: number | null;
  submitTime: number | null;
  startTime: number | null;
  endTime: number | null;
  /** The worker. */
  host: string | null;
  executePath: null;
  /** Where its log is read, as a path of this API. */
  logPath: string | null;
  /** Used up. */
  retryTimes: number;
  pid: null;
  appLink: null;
  /** `NO`: the task is disabled. */
  flag: ExecutingFlag;
  duration: number | null;
  maxRetryTimes: number;
  retryInterval: number;
  taskInstancePriority: ExecutingPriority;
  workerGroup: string | null;
  environmentCode: string | null;
  /** JSON text: its outputs. */
  varPool: string | null;
  executorName: string;
  /** Files, with commas between them. */
  resources: string | null;
  delayTime: number;
  /** JSON text: `parameter` of its node. */
  taskParams: string;
  dryRun: 0 | 1;
  taskGroupId: string | null;
  cpuQuota: null;
  memoryMax: null;
}

export interface ExecutingWorkflow {
  id: number;
  name: string;
  processDefinitionCode: number;
  processDefinitionVersion: number;
  state: ExecutingState;
  /** `YES`: it goes on where an earlier run failed. */
  recovery: ExecutingFlag;
  startTime: number | null;
  endTime: number | null;
  /** Each re-run is a run of its own. */
  runTimes: 1;
  /** The master that owns it. */
  host: string | null;
  commandType: ExecutingCommand;
  /** JSON text: the start parameters. */
  commandParam: string;
  taskDependType: 'TASK_POST' | 'TASK_ONLY';
  maxTryTimes: 0;
  failureStrategy: 'END' | 'CONTINUE';
  warningType: 'NONE' | 'SUCCESS' | 'FAILURE' | 'ALL';
  scheduleTime: number | null;
  commandStartTime: number;
  /** JSON text: `[{prop, value}]`. */
  globalParams: string;
  executorId: null;
  executorName: string;
  tenantCode: string | null;
  queue: string | null;
  isSubProcess: ExecutingFlag;
  historyCmd: ExecutingCommand;
  duration: number | null;
  processInstancePriority: ExecutingPriority;
  workerGroup: string | null;
  environmentCode: string | null;
  timeout: number;
  varPool: null;
  dryRun: 0 | 1;
  restartTime: number | null;
  isBlocked: boolean;
  taskInstances: ExecutingTask[];
}

export interface ExecutingAnswer {
  code: 0;
  msg: 'success';
  data: ExecutingWorkflow;
}
