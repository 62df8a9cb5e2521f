/** Schemas of what is answered about runs: their tasks, attempts, plans, logs and commands. */
import { z } from 'zod';
import {
  RUN_STATES,
  TASK_RUN_STATES,
  type AttemptView,
  type LateResultView,
  type CommandAccepted,
  type LiveView,
  type AttemptLogPage,
  type LogPage,
  type PlanView,
  type RunHistory,
  type RunStats,
  type RunSubmitted,
  type RunView,
  type TaskType,
  type TaskView,
} from '@pelorus/protocol';
import { countAnswer, instantAnswer, pageOf, schemaOf } from './schema-of.ts';
import {
  attemptStateAnswer,
  causeAnswer,
  execTypeAnswer,
  failurePolicyAnswer,
  notifyTypeAnswer,
  parameterValueAnswer,
  priorityAnswer,
  runStateAnswer,
  statusAnswer,
  taskRunStateAnswer,
} from './words.ts';

const runIdAnswer = z.int().min(1);
const optionalInstant = instantAnswer.nullable();
const plannedAs = z.enum(['run', 'reuse', 'skip']);
const taskType = schemaOf<TaskType>()(
  'TaskType',
  z.enum(['shell', 'python', 'script', 'http', 'sql', 'virtual', 'conditions', 'switch', 'sub_workflow', 'dependent']),
);

export const runAnswer = schemaOf<RunView>()(
  'RunView',
  z.strictObject({
    id: runIdAnswer,
    project: z.string(),
    workflow: z.string(),
    version: z.int().min(1),
    state: runStateAnswer,
    status: statusAnswer,
    cause: causeAnswer.nullable(),
    firstFailure: z.strictObject({ task: z.string(), cause: causeAnswer }).nullable(),
    waitReason: z.string().nullable(),
    execType: execTypeAnswer,
    mode: z.string(),
    rerunOf: runIdAnswer.nullable(),
    parent: z.strictObject({ run: runIdAnswer, attempt: z.string() }).nullable(),
    logicalDate: instantAnswer,
    zone: z.string(),
    submittedAt: instantAnswer,
    submittedBy: z.string(),
    startedAt: optionalInstant,
    endedAt: optionalInstant,
    durationMs: z.number().min(0).nullable(),
    progress: z.number().min(0).max(1),
    estimatedRemainingMs: z.number().min(0).nullable(),
    counts: z.partialRecord(z.enum(TASK_RUN_STATES), countAnswer),
    taskCount: countAnswer,
    params: z.record(z.string(), parameterValueAnswer),
    failurePolicy: failurePolicyAnswer,
    priority: priorityAnswer,
    workerGroup: z.string().nullable(),
    environment: z.string().nullable(),
    dryRun: z.boolean(),
    timeoutMs: z.number(),
    notifyType: notifyTypeAnswer,
    notifyMails: z.array(z.string()),
    owner: z.string().nullable(),
    extras: z.unknown(),
    revision: countAnswer,
  }),
);
export const runPage = pageOf('RunPage', runAnswer);

export const runStatsAnswer = schemaOf<RunStats>()(
  'RunStats',
  z.strictObject({
    after: instantAnswer,
    before: instantAnswer,
    bucketMs: countAnswer,
    buckets: z.array(
      z.strictObject({
        at: instantAnswer,
        runs: z.partialRecord(z.enum(RUN_STATES), countAnswer),
        tasks: z.partialRecord(z.enum(TASK_RUN_STATES), countAnswer).nullable(),
      }),
    ),
  }),
);

const lateResultAnswer = schemaOf<LateResultView>()(
  'LateResultView',
  z.strictObject({
    state: z.enum(['succeeded', 'failed', 'killed']),
    cause: causeAnswer.nullable(),
    startedAt: instantAnswer,
    endedAt: instantAnswer,
    reportedAt: instantAnswer,
  }),
);

const attemptAnswer = schemaOf<AttemptView>()(
  'AttemptView',
  z.strictObject({
    id: z.string(),
    n: z.int().min(1),
    state: attemptStateAnswer,
    cause: causeAnswer.nullable(),
    worker: z.string(),
    dispatchedAt: instantAnswer,
    startedAt: optionalInstant,
    endedAt: optionalInstant,
    late: lateResultAnswer.nullable(),
    childRun: runIdAnswer.nullable(),
  }),
);

export const taskAnswer = schemaOf<TaskView>()(
  'TaskView',
  z.strictObject({
    name: z.string(),
    index: countAnswer,
    type: taskType,
    needs: z.array(z.string()),
    plan: plannedAs,
    state: taskRunStateAnswer,
    status: statusAnswer,
    cause: causeAnswer.nullable(),
    waitReason: z.string().nullable(),
    outputs: z.record(z.string(), z.string()).nullable(),
    retries: countAnswer,
    startedAt: optionalInstant,
    endedAt: optionalInstant,
    attempts: z.array(attemptAnswer),
    childRun: runIdAnswer.nullable(),
  }),
);
export const taskPage = pageOf('TaskPage', taskAnswer);

export const runHistoryPage = pageOf(
  'RunHistoryPage',
  schemaOf<RunHistory>()(
    'RunHistory',
    z.strictObject({
      run: runAnswer,
      tasks: z.array(
        z.strictObject({
          name: z.string(),
          state: taskRunStateAnswer,
          cause: causeAnswer.nullable(),
          startedAt: optionalInstant,
          endedAt: optionalInstant,
        }),
      ),
    }),
  ),
);

export const planAnswerSchema = schemaOf<PlanView>()(
  'PlanView',
  z.strictObject({
    tasks: z.array(
      z.strictObject({
        name: z.string(),
        plan: plannedAs,
        reason: z.enum(['not_selected', 'disabled']).nullable(),
        attempt: z.string().nullable(),
      }),
    ),
    counts: z.record(plannedAs, countAnswer),
    warnings: z.array(z.string()),
  }),
);
/** Of `?dryRun=true`. */
export const plannedAnswer = z.strictObject({ plan: planAnswerSchema }).meta({ id: 'Planned' });

export const liveAnswerSchema = schemaOf<LiveView>()(
  'LiveView',
  z.strictObject({
    source: z.enum(['memory', 'store']),
    run: runAnswer,
    tasks: z.array(taskAnswer),
    master: z.strictObject({ id: z.string(), epoch: z.string().nullable() }).nullable(),
    memoryVersion: countAnswer.nullable(),
    storeVersion: countAnswer,
  }),
);

export const runSubmittedAnswer = schemaOf<RunSubmitted>()(
  'RunSubmitted',
  z.strictObject({
    id: runIdAnswer,
    version: z.int().min(1),
    state: runStateAnswer,
    cause: causeAnswer.nullable(),
    waitReason: z.string().nullable(),
    warnings: z.array(z.string()),
  }),
);

export const commandAnswer = schemaOf<CommandAccepted>()(
  'CommandAccepted',
  z.strictObject({
    command: z.int().min(1),
    run: runIdAnswer,
    outcome: z.enum(['pending', 'applied']),
    state: runStateAnswer,
  }),
);

export const attemptLogAnswer = schemaOf<AttemptLogPage>()(
  'AttemptLogPage',
  z.strictObject({
    total: countAnswer.nullable(),
    length: countAnswer,
    took: countAnswer,
    content: z.array(z.string()),
    startByte: countAnswer,
    endByte: countAnswer,
    sizeBytes: countAnswer,
  }),
);

export const logAnswer = schemaOf<LogPage>()(
  'LogPage',
  z.strictObject({ total: countAnswer, length: countAnswer, took: countAnswer, content: z.array(z.string()) }),
);
