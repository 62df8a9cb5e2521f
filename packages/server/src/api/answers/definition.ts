/** A normalised definition, as `GET …/workflows/{name}` gives it. */
import { z } from 'zod';
import {
  CONCURRENCY_POLICIES,
  TRIGGER_RULES,
  type ParameterDeclaration,
  type ScheduleSpec,
  type TaskAction,
  type TaskCondition,
  type TaskDefinition,
  type UpstreamCondition,
  type WorkflowDefinition,
} from '@pelorus/protocol';
import { countAnswer, schemaOf } from './schema-of.ts';
import { failurePolicyAnswer, parameterValueAnswer, priorityAnswer } from './words.ts';

const texts = z.array(z.string());
const textMap = z.record(z.string(), z.string());
const parameters = z.record(z.string(), parameterValueAnswer);
const valueType = z.enum(['string', 'integer', 'number', 'boolean']);
export const concurrencyAnswer = z.enum(CONCURRENCY_POLICIES);

const timeout = z.strictObject({ afterMs: z.number(), action: z.enum(['fail', 'warn', 'warn_and_fail']) });

const parameterDeclaration = schemaOf<ParameterDeclaration>()(
  'ParameterDeclaration',
  z.strictObject({
    type: valueType,
    default: parameterValueAnswer.exactOptional(),
    enum: z.array(parameterValueAnswer).exactOptional(),
    required: z.boolean(),
  }),
);

const schedule = schemaOf<ScheduleSpec>()(
  'ScheduleSpec',
  z.strictObject({
    cron: z.string(),
    timezone: z.string(),
    start: z.string().nullable(),
    end: z.string().nullable(),
    misfire: z.enum(['fire_all', 'fire_last', 'skip']),
    calendar: z.string().nullable(),
    onHoliday: z.enum(['skip', 'shift_next', 'shift_previous']).nullable(),
    dependsOnPrevious: z.boolean(),
    dependsOn: texts,
    online: z.boolean(),
  }),
);

const taskCondition: z.ZodType<TaskCondition> = z
  .union([
    z.strictObject({ and: z.array(z.lazy(() => taskCondition)) }),
    z.strictObject({ or: z.array(z.lazy(() => taskCondition)) }),
    z.strictObject({ task: z.string(), state: z.enum(['succeeded', 'failed']) }),
  ])
  .meta({ id: 'TaskCondition' });

const upstreamCondition: z.ZodType<UpstreamCondition> = z
  .union([
    z.strictObject({ and: z.array(z.lazy(() => upstreamCondition)) }),
    z.strictObject({ or: z.array(z.lazy(() => upstreamCondition)) }),
    z.strictObject({ workflow: z.string(), task: z.string().nullable(), window: z.string() }),
  ])
  .meta({ id: 'UpstreamCondition' });

/** Of shell, python, script and sql. */
const source = { run: z.string().nullable(), file: z.string().nullable() };
const substitution = z.enum(['env', 'text']);

const action = schemaOf<TaskAction>()(
  'TaskAction',
  z.discriminatedUnion('type', [
    z.strictObject({ type: z.literal('shell'), ...source, shell: z.string(), substitution }),
    z.strictObject({ type: z.literal('python'), ...source, interpreter: z.string(), substitution }),
    z.strictObject({ type: z.literal('script'), ...source }),
    z.strictObject({
      type: z.literal('http'),
      method: z.string(),
      url: z.string(),
      headers: textMap,
      body: z.unknown(),
      expect: z.strictObject({ status: z.array(z.int()), body: z.string().nullable() }),
      extract: textMap,
    }),
    z.strictObject({
      type: z.literal('sql'),
      connection: z.string(),
      ...source,
      preStatements: texts,
      postStatements: texts,
      maxRows: countAnswer,
      raw: z.record(z.string(), texts),
    }),
    z.strictObject({ type: z.literal('virtual') }),
    z.strictObject({ type: z.literal('conditions'), when: taskCondition, success: texts, failure: texts }),
    z.strictObject({
      type: z.literal('switch'),
      cases: z.array(z.strictObject({ when: z.string(), goto: texts })),
      default: texts,
    }),
    z.strictObject({
      type: z.literal('sub_workflow'),
      workflow: z.string(),
      params: parameters,
      version: z.union([z.literal('latest'), z.number()]),
    }),
    z.strictObject({
      type: z.literal('dependent'),
      upstream: upstreamCondition,
      checkIntervalMs: z.number(),
      maxWaitMs: z.number().nullable(),
      onFailure: z.enum(['fail', 'wait']),
    }),
  ]),
);

const task = schemaOf<TaskDefinition>()(
  'TaskDefinition',
  z.strictObject({
    name: z.string(),
    description: z.string(),
    needs: texts,
    trigger: z.enum(TRIGGER_RULES),
    disabled: z.boolean(),
    params: parameters,
    env: textMap,
    retry: z.strictObject({
      max: countAnswer,
      intervalMs: z.number(),
      backoff: z.enum(['fixed', 'exponential']),
      maxIntervalMs: z.number(),
    }),
    timeout: timeout.nullable(),
    delayMs: z.number(),
    priority: priorityAnswer.nullable(),
    workerGroup: z.string().nullable(),
    environment: z.string().nullable(),
    runAs: z.string().nullable(),
    taskGroup: z.strictObject({ name: z.string(), weight: z.number(), priority: z.number() }).nullable(),
    onWorkerLost: z.enum(['rerun', 'fail', 'wait']),
    dispatchTimeoutMs: z.number().nullable(),
    executionLeaseMs: z.number().exactOptional(),
    files: texts,
    outputs: z.record(z.string(), z.strictObject({ type: valueType })),
    extras: z.unknown(),
    action,
  }),
);

export const definitionAnswer = schemaOf<WorkflowDefinition>()(
  'WorkflowDefinition',
  z.strictObject({
    name: z.string(),
    project: z.string().nullable(),
    description: z.string(),
    labels: textMap,
    params: z.record(z.string(), parameterDeclaration),
    failurePolicy: failurePolicyAnswer,
    concurrency: concurrencyAnswer,
    timeout,
    priority: priorityAnswer,
    parameterMode: z.enum(['strict', 'lenient']),
    schedule: schedule.nullable(),
    notify: z.strictObject({ on: z.enum(['none', 'success', 'failure', 'all']), to: texts }),
    tasks: z.array(task),
  }),
);
