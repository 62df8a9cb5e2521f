/** Schemas of a run as its master has it in memory, in the form of the published contract. */
import { z } from 'zod';
import type { ExecutingAnswer, ExecutingTask, ExecutingWorkflow } from '@pelorus/protocol';
import { countAnswer, epochAnswer, instantAnswer, schemaOf } from './schema-of.ts';
import { notifyTypeAnswer, problemPlaceAnswer } from './words.ts';

const optionalEpoch = epochAnswer.nullable();
const flag = z.enum(['YES', 'NO']);
const priority = z.enum(['HIGHEST', 'HIGH', 'MEDIUM', 'LOW', 'LOWEST']);
const zeroOrOne = z.union([z.literal(0), z.literal(1)]);
const command = z.enum([
  'START_PROCESS',
  'START_FAILURE_TASK_PROCESS',
  'EXECUTE_TASK',
  'REPEAT_RUNNING',
  'COMPLEMENT_DATA',
  'SCHEDULER',
]);

const task = schemaOf<ExecutingTask>()(
  'ExecutingTask',
  z.strictObject({
    id: z.string().nullable(),
    name: z.string(),
    taskType: z.string(),
    processInstanceId: z.int().min(1),
    taskCode: countAnswer,
    taskDefinitionVersion: z.int().min(1),
    processInstanceName: z.string(),
    state: z.enum([
      'SUBMITTED_SUCCESS',
      'DELAY_EXECUTION',
      'DISPATCH',
      'RUNNING_EXECUTION',
      'PAUSE',
      'KILL',
      'FAILURE',
      'SUCCESS',
      'FORCED_SUCCESS',
    ]),
    firstSubmitTime: optionalEpoch,
    submitTime: optionalEpoch,
    startTime: optionalEpoch,
    endTime: optionalEpoch,
    host: z.string().nullable(),
    executePath: z.null(),
    logPath: z.string().nullable(),
    retryTimes: countAnswer,
    pid: z.null(),
    appLink: z.null(),
    flag,
    duration: countAnswer.nullable(),
    maxRetryTimes: countAnswer,
    retryInterval: countAnswer,
    taskInstancePriority: priority,
    workerGroup: z.string().nullable(),
    environmentCode: z.string().nullable(),
    varPool: z.string().nullable(),
    executorName: z.string(),
    resources: z.string().nullable(),
    delayTime: countAnswer,
    taskParams: z.string(),
    dryRun: zeroOrOne,
    taskGroupId: z.string().nullable(),
    cpuQuota: z.null(),
    memoryMax: z.null(),
  }),
);

const workflow = schemaOf<ExecutingWorkflow>()(
  'ExecutingWorkflow',
  z.strictObject({
    id: z.int().min(1),
    name: z.string(),
    processDefinitionCode: z.int(),
    processDefinitionVersion: z.int().min(1),
    state: z.enum([
      'SUBMITTED_SUCCESS',
      'SERIAL_WAIT',
      'RUNNING_EXECUTION',
      'READY_PAUSE',
      'PAUSE',
      'READY_STOP',
      'STOP',
      'FAILURE',
      'SUCCESS',
    ]),
    recovery: flag,
    startTime: optionalEpoch,
    endTime: optionalEpoch,
    runTimes: z.literal(1),
    host: z.string().nullable(),
    commandType: command,
    commandParam: z.string(),
    taskDependType: z.enum(['TASK_POST', 'TASK_ONLY']),
    maxTryTimes: z.literal(0),
    failureStrategy: z.enum(['END', 'CONTINUE']),
    warningType: notifyTypeAnswer,
    scheduleTime: optionalEpoch,
    commandStartTime: epochAnswer,
    globalParams: z.string(),
    executorId: z.null(),
    executorName: z.string(),
    tenantCode: z.string().nullable(),
    queue: z.string().nullable(),
    isSubProcess: flag,
    historyCmd: command,
    duration: countAnswer.nullable(),
    processInstancePriority: priority,
    workerGroup: z.string().nullable(),
    environmentCode: z.string().nullable(),
    timeout: countAnswer,
    varPool: z.null(),
    dryRun: zeroOrOne,
    restartTime: optionalEpoch,
    isBlocked: z.boolean(),
    taskInstances: z.array(task),
  }),
);

export const executingAnswer = schemaOf<ExecutingAnswer>()(
  'ExecutingAnswer',
  z.strictObject({ code: z.literal(0), msg: z.literal('success'), data: workflow }),
);

/** The same envelope around a problem document, whose `code` is in `reason`. */
export const executingRefusal = z
  .strictObject({
    code: z.int().min(400),
    msg: z.string(),
    data: z.null(),
    reason: z.string(),
    type: z.string(),
    title: z.string(),
    status: z.int(),
    detail: z.string(),
    error: z.string(),
    message: z.string(),
    errors: z.array(problemPlaceAnswer).exactOptional(),
    retryAfter: z.number().exactOptional(),
    lastContactAt: instantAnswer.exactOptional(),
    ageSeconds: z.int().min(0).exactOptional(),
  })
  .meta({ id: 'ExecutingRefusal' });
