/** Answers of the published contract. */
import { z } from 'zod';
import type {
  ExecutorDetail,
  ExecutorDirectStarted,
  ExecutorExecution,
  ExecutorKilled,
  ExecutorList,
  ExecutorNode,
  ExecutorStarted,
} from '@pelorus/protocol';
import { countAnswer, epochAnswer, schemaOf } from './schema-of.ts';
import { execTypeAnswer, statusAnswer } from './words.ts';

const execId = z.int().min(1);
const optionalEpoch = epochAnswer.nullable();

export const executionStarted = schemaOf<ExecutorStarted>()(
  'ExecutorStarted',
  z.strictObject({ execIds: z.array(execId), warnings: z.array(z.string()).exactOptional() }),
);
export const directStarted = schemaOf<ExecutorDirectStarted>()('ExecutorDirectStarted', z.strictObject({ execId }));
export const executionKilled = schemaOf<ExecutorKilled>()('ExecutorKilled', z.strictObject({ execId }));

const executionMembers = {
  execId,
  projectName: z.string(),
  workflowName: z.string(),
  execType: execTypeAnswer,
  submitTime: epochAnswer,
  startTime: optionalEpoch,
  endTime: optionalEpoch,
  scheduleTime: optionalEpoch,
  duration: countAnswer.nullable(),
  submitUser: z.string(),
  proxyUser: z.string().nullable(),
  queue: z.string().nullable(),
  status: statusAnswer,
  owner: z.string(),
  extras: z.unknown(),
};

const execution = schemaOf<ExecutorExecution>()('ExecutorExecution', z.strictObject(executionMembers));

export const executionList = schemaOf<ExecutorList>()(
  'ExecutorList',
  z.strictObject({ total: countAnswer, length: countAnswer, executions: z.array(execution) }),
);

const node = schemaOf<ExecutorNode>()(
  'ExecutorNode',
  z.strictObject({
    name: z.string(),
    desc: z.string(),
    type: z.string(),
    startTime: optionalEpoch,
    endTime: optionalEpoch,
    parameter: z.record(z.string(), z.unknown()),
    duration: countAnswer.nullable(),
    status: statusAnswer,
    appLinks: z.array(z.string()),
    jobId: z.string().nullable(),
    dep: z.array(z.string()),
    extras: z.unknown(),
  }),
);

const executionDetail = schemaOf<ExecutorDetail>()(
  'ExecutorDetail',
  z.strictObject({
    ...executionMembers,
    data: z.strictObject({
      nodes: z.array(node),
      userDefParams: z.array(z.strictObject({ prop: z.string(), value: z.unknown() })),
    }),
  }),
);
/** As published: an array holding one object. */
export const executionAnswer = z.tuple([executionDetail]);
