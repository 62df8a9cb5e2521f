/** The parameters that the published contract names, as zod schemas. Values in a query or a form are text. */
import { z } from 'zod';
import { LIMITS, runIdOf } from '@pelorus/protocol';
import {
  JSON_TEXT,
  flag,
  integer,
  jsonText,
  notifyType,
  parsedOrSame,
  priority,
  recipients,
  someName,
  startParameters,
  workerGroupName,
} from '../schemas.ts';
import { API_LIMITS } from '../limits.ts';

/** (0, 86400] seconds. */
export const timeoutSeconds = integer({ min: 1, max: 86_400 });
export const failurePolicy = z.enum(['END', 'CONTINUE']);
const notifyMails = jsonText(recipients);
export const epochMs = integer({ min: 0, max: 8_640_000_000_000_000 });

const execId = integer({ min: 1, max: Number.MAX_SAFE_INTEGER }).transform(runIdOf);

/** One name, several with commas between them, or an array. */
const taskNames = z
  .preprocess(
    (value) => (typeof value === 'string' ? namesIn(value) : value),
    z.array(someName, 'must be the name of a task or an array of names').min(1).max(LIMITS.tasksPerWorkflow),
  )
  .meta(JSON_TEXT);

function namesIn(text: string): unknown {
  return text.trimStart().startsWith('[') ? parsedOrSame(text) : text.split(',').map((name) => name.trim());
}

/** Words in upper case, taken in any. */
function anyCase<const Words extends readonly [string, ...string[]]>(words: Words) {
  return z.preprocess((value) => (typeof value === 'string' ? value.toUpperCase() : value), z.enum(words));
}

/** Empty values count as not given: forms send them. */
export function givenOnly<Shape extends z.ZodRawShape>(shape: Shape) {
  return z.preprocess(withoutEmpty, z.strictObject(shape));
}

function withoutEmpty(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).filter(([, member]) => member !== '' && member !== null));
}

/** Absent ones have their defaults in a new run, and stay as they were in a re-run. */
export const runParameters = givenOnly({
  projectName: someName,
  workflowName: someName,
  execType: z.enum(['DIRECT', 'COMPLEMENT_DATA']),
  schedule: jsonText(
    z.strictObject({ startDate: epochMs, endDate: epochMs, crontab: z.string().max(200).optional() }),
  ).optional(),
  failurePolicy: failurePolicy.optional(),
  nodeName: taskNames.optional(),
  nodeDep: z.enum(['NODE_ONLY', 'NODE_POST', 'NODE_PRE']).default('NODE_ONLY'),
  notifyType: notifyType.optional(),
  notifyMails: notifyMails.optional(),
  timeout: timeoutSeconds.optional(),
  startParams: jsonText(startParameters).optional(),
  priority: priority.optional(),
  workerGroup: workerGroupName.optional(),
  environment: someName.optional(),
  dryRun: flag.optional(),
  selected: taskNames.optional(),
  /** Of an execution that has ended: what did not succeed in it runs again. */
  rerunOf: execId.optional(),
  /** These three belong to COMPLEMENT_DATA. */
  runMode: anyCase(['SERIAL', 'PARALLEL']).optional(),
  parallelism: integer({ min: 1, max: API_LIMITS.backfillParallelism }).optional(),
  executionOrder: anyCase(['ASC', 'DESC']).optional(),
}).meta({ id: 'ExecutorRun' });

export const directParameters = givenOnly({
  projectName: someName,
  workflowName: z
    .string()
    .regex(
      /^[\p{L}_][\p{L}\p{N}\p{M}_-]{0,62}$/u,
      'must begin with a letter or _ and hold at most 63 letters, digits, _ and -',
    ),
  proxyUser: someName,
  queue: someName,
  data: z.union([z.string(), z.looseObject({})], 'must be the definition as JSON').optional(),
  failurePolicy: failurePolicy.default('END'),
  notifyType: notifyType.default('NONE'),
  notifyMails: notifyMails.optional(),
  timeout: timeoutSeconds.default(86_400),
  extras: jsonText(z.json()).optional(),
}).meta({ id: 'ExecutorDirectRun' });

/** A JSON array; a single value counts as an array of one, an empty array as not given. */
function listOf<Schema extends z.ZodType>(schema: Schema) {
  return z.preprocess((value) => listIn(value), z.array(schema).max(1000).optional()).meta(JSON_TEXT);
}

function listIn(value: unknown): unknown {
  const read = typeof value === 'string' && /^\s*\[/.test(value) ? parsedOrSame(value) : value;
  if (Array.isArray(read)) return read.length === 0 ? undefined : read;
  return read === undefined || typeof read === 'object' ? read : [read];
}

export const listParameters = z.strictObject({
  startDate: epochMs.optional(),
  endDate: epochMs.optional(),
  projectName: listOf(z.string().max(255)),
  workflowName: listOf(z.string().max(255)),
  status: listOf(integer({ min: 0, max: 8 })),
  from: integer({ min: 0, max: 1_000_000_000 }).default(0),
  size: integer({ min: 1, max: LIMITS.listPageSize }).default(100),
});
