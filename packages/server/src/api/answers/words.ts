/** States, causes and the other words that several answers hold. */
import { z } from 'zod';
import {
  ATTEMPT_STATES,
  PRIORITIES,
  RUN_STATES,
  TASK_RUN_STATES,
  type Cause,
  type DefinitionProblem,
  type ParameterValue,
  type Status,
} from '@pelorus/protocol';
import { schemaOf } from './schema-of.ts';

export const runStateAnswer = z.enum(RUN_STATES).meta({ id: 'RunState' });
export const taskRunStateAnswer = z.enum(TASK_RUN_STATES).meta({ id: 'TaskRunState' });
export const attemptStateAnswer = z.enum(ATTEMPT_STATES).meta({ id: 'AttemptState' });
export const priorityAnswer = z.enum(PRIORITIES);
export const failurePolicyAnswer = z.enum(['end', 'continue']);
export const notifyTypeAnswer = z.enum(['NONE', 'SUCCESS', 'FAILURE', 'ALL']);
export const execTypeAnswer = z.enum(['DIRECT', 'COMPLEMENT_DATA', 'SCHEDULER']);

export const statusAnswer = schemaOf<Status>()('Status', z.literal([0, 1, 2, 3, 4, 5, 6, 7, 8]));

export const parameterValueAnswer = schemaOf<ParameterValue>()(
  'ParameterValue',
  z.union([z.string(), z.number(), z.boolean()]),
);

export const causeAnswer = schemaOf<Cause>()(
  'Cause',
  z.discriminatedUnion('kind', [
    z.strictObject({ kind: z.literal('exit'), code: z.int() }),
    z.strictObject({ kind: z.literal('signal'), name: z.string() }),
    z.strictObject({ kind: z.literal('oom') }),
    z.strictObject({ kind: z.literal('timeout'), afterMs: z.number() }),
    z.strictObject({ kind: z.literal('killed_by'), user: z.string() }),
    z.strictObject({ kind: z.literal('kill_unconfirmed'), detail: z.string() }),
    z.strictObject({ kind: z.literal('fail_fast'), task: z.string() }),
    z.strictObject({ kind: z.literal('upstream'), task: z.string() }),
    z.strictObject({ kind: z.literal('worker_lost'), worker: z.string() }),
    z.strictObject({ kind: z.literal('dispatch_timeout'), afterMs: z.number() }),
    z.strictObject({ kind: z.literal('invalid'), detail: z.string() }),
    z.strictObject({ kind: z.literal('error'), detail: z.string() }),
    z.strictObject({ kind: z.literal('branch'), task: z.string() }),
    z.strictObject({ kind: z.literal('chose'), taken: z.array(z.string()), untaken: z.array(z.string()) }),
    z.strictObject({ kind: z.literal('child'), runId: z.int(), state: runStateAnswer }),
    z.strictObject({ kind: z.literal('dependency'), detail: z.string() }),
    z.strictObject({ kind: z.literal('not_selected') }),
    z.strictObject({ kind: z.literal('disabled') }),
    z.strictObject({ kind: z.literal('reused'), runId: z.int() }),
    z.strictObject({ kind: z.literal('forced_by'), user: z.string() }),
    z.strictObject({ kind: z.literal('discarded'), runId: z.int() }),
    z.strictObject({ kind: z.literal('superseded'), runId: z.int() }),
    z.strictObject({ kind: z.literal('not_triggered') }),
    z.strictObject({ kind: z.literal('no_capacity'), detail: z.string() }),
  ]),
);

export const problemPlaceAnswer = schemaOf<DefinitionProblem>()(
  'DefinitionProblem',
  z.strictObject({
    pointer: z.string(),
    line: z.int().min(1).nullable(),
    column: z.int().min(1).nullable(),
    message: z.string(),
  }),
);
