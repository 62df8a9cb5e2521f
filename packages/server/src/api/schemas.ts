/** The zod schemas that several routes share. What comes in a query or a form is text: numbers and JSON are read from it. */
import secureJson from 'secure-json-parse';
import { z } from 'zod';
import { isZone } from '@pelorus/engine';
import {
  LIMITS,
  PRIORITIES,
  WORKER_GROUP_PATTERN,
  RUN_STATES,
  parseRunId,
  type ParameterValue,
  type RunId,
} from '@pelorus/protocol';
import { API_LIMITS } from './limits.ts';
import { isDay } from './schedules/days.ts';
import { unstorableParts } from './text-door.ts';

/** A decimal integer, as text or number. */
export function integer(options: { min: number; max: number }) {
  return z.preprocess(readInteger, z.int({ error: notInteger }).min(options.min).max(options.max));
}

const notInteger: z.core.$ZodErrorMap = (issue) =>
  issue.code === 'invalid_type' && issue.input !== undefined ? 'must be an integer' : undefined;

function readInteger(value: unknown): unknown {
  return typeof value === 'string' && /^-?\d{1,16}$/.test(value) ? Number(value) : value;
}

export const flag = z.preprocess(readFlag, z.boolean());

function readFlag(value: unknown): unknown {
  if (value === 'true') return true;
  return value === 'false' ? false : value;
}

/** JSON text, or the value itself where the body was JSON. */
export function jsonText<Schema extends z.ZodType>(schema: Schema) {
  return z.preprocess(readJsonText, schema).meta(JSON_TEXT);
}

/** In the OpenAPI document: a parameter that is JSON text in a query and in a form. */
export const JSON_TEXT = { 'x-json-text': true } as const;

/** What is inside the text has not been looked at yet. Text that is no JSON is left for the schema to refuse. */
function readJsonText(value: unknown, context: z.core.$RefinementCtx): unknown {
  const read = parsedOrSame(value);
  const problem = read === value ? undefined : unstorableParts(read)[0];
  if (problem === undefined) return read;
  context.addIssue(`is not acceptable: ${problem.message}`);
  return z.NEVER;
}

/** The value of JSON text; anything else as it is. Keys that could reach a prototype make it no JSON. */
export function parsedOrSame(value: unknown): unknown {
  if (typeof value !== 'string') return value;
  try {
    return secureJson.parse(value, { protoAction: 'error', constructorAction: 'error' });
  } catch {
    return value;
  }
}

/** A repeatable query parameter, also as one comma-separated text. */
export function repeatable<Schema extends z.ZodType>(schema: Schema) {
  return z.preprocess((value) => (typeof value === 'string' ? value.split(',') : value), z.array(schema));
}

export const runId = z
  .string()
  .transform((text, context): RunId => {
    const id = parseRunId(text);
    if (id === null) context.addIssue('must be a positive integer');
    return id ?? z.NEVER;
  })
  .meta({ type: 'integer', minimum: 1, maximum: Number.MAX_SAFE_INTEGER });

/** Names are looked up, so their grammar is checked only where they are given. */
export const someName = z.string().min(1).max(255);
/** `[A-Za-z_][A-Za-z0-9_-]{0,62}`, letters of other scripts allowed. */
export const newName = z
  .string()
  .regex(
    /^[\p{L}_][\p{L}\p{N}\p{M}_-]{0,62}$/u,
    'must begin with a letter or _ and hold at most 63 letters, digits, _ and -',
  );

/** In whose name Pelorus itself acts. */
const SYSTEM_USER = 'pelorus';

/** Names of users are never mistaken for one another: ASCII, and unique whatever their case. */
export const newUserName = z
  .string()
  .regex(
    /^[A-Za-z0-9_][A-Za-z0-9_.-]{0,62}$/,
    'must begin with a letter of a to z, a digit or _ and hold at most 63 of these and of . and -',
  )
  .refine((name) => name.toLowerCase() !== SYSTEM_USER, `must not be ${SYSTEM_USER}, which is Pelorus itself`);

/** Compared in lower case. */
export const email = z
  .email('must be an e-mail address')
  .max(320)
  .transform((text) => text.toLowerCase());

export const newPassword = z.string().min(API_LIMITS.passwordMin).max(API_LIMITS.passwordMax);

/** Bits `w` 4, `r` 2, `x` 1, or the role that stands for some of them. */
export const permission = z.union(
  [z.int().min(1).max(7), z.enum(['viewer', 'operator', 'editor'])],
  'must be an integer from 1 to 7 (write 4, read 2, execute 1), or viewer, operator or editor',
);

export const workerGroupName = z
  .string()
  .regex(new RegExp(WORKER_GROUP_PATTERN, 'u'), 'must be the name of a worker group: letters, digits, _, . and -');

/** IANA name of a time zone. */
export const zoneName = z.string().max(100).refine(isZone, 'must be the IANA name of a time zone');

export const priority = z.preprocess(
  (value) => (typeof value === 'string' ? value.toLowerCase() : value),
  z.enum(PRIORITIES),
);
export const notifyType = z.enum(['NONE', 'SUCCESS', 'FAILURE', 'ALL']);
/** E-mail addresses and names of alert channels. */
export const recipients = z.array(z.string().min(1).max(320)).max(1000);
export const runState = z.enum(RUN_STATES);

export const parameterValue: z.ZodType<ParameterValue> = z.union(
  [
    z
      .string()
      .refine(
        (text) => text.length <= LIMITS.parameterBytes && Buffer.byteLength(text) <= LIMITS.parameterBytes,
        'is longer than 65536 bytes',
      ),
    z.number(),
    z.boolean(),
  ],
  'must be a text, a number, true or false',
);
export const startParameters = z.record(z.string().min(1).max(255), parameterValue);

export const limit = (fallback: number) => integer({ min: 1, max: LIMITS.listPageSize }).default(fallback);
export const cursor = z.string().max(200).optional();

export const projectPath = z.strictObject({ project: someName });
export const workflowPath = z.strictObject({ project: someName, workflow: someName });
export const runPath = z.strictObject({ run: runId });
/** Milliseconds to wait for what becomes of a command. */
export const waitQuery = z.strictObject({ wait: integer({ min: 0, max: API_LIMITS.commandWaitMaxMs }).default(0) });
export const nothing = z.strictObject({});

export const instant = z.iso
  .datetime({ offset: true, error: 'must be an instant as of RFC 3339, e.g. 2024-03-15T13:45:00Z' })
  .transform((text, context) => {
    const at = Date.parse(text);
    if (!Number.isFinite(at)) context.addIssue('is not an instant that exists');
    return at;
  });

/** A date, or a time as clocks of a zone show it: what the engine's `scheduleBound` reads. */
const localMoment = z
  .string()
  .regex(/^\d{4}-\d{2}-\d{2}(?:[T ](?:[01]\d|2[0-3]):[0-5]\d(?::[0-5]\d)?)?$/, { abort: true })
  .refine((text) => isDay(text.slice(0, 10)), { abort: true });

/** Epoch ms of an instant; a local moment as it is written. */
export const moment = z.union(
  [instant, localMoment],
  'must be a date or a time in the zone, e.g. 2024-03-15 or 2024-03-15T13:45, or an instant as of RFC 3339, e.g. 2024-03-15T13:45:00Z',
);
