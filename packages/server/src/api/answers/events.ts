import { z } from 'zod';
import type { RunEvent, RunSnapshot, RunsEvent, StreamClosed } from '@pelorus/protocol';
import type { Answers } from '../route.ts';
import { runAnswer, taskAnswer } from './runs.ts';
import { countAnswer, instantAnswer, schemaOf } from './schema-of.ts';
import { runStateAnswer } from './words.ts';

const closed = schemaOf<StreamClosed>()(
  'StreamClosed',
  z.strictObject({
    event: z.literal('closed'),
    data: z.strictObject({ reason: z.enum(['withdrawn', 'closing']) }),
  }),
);

const snapshot = schemaOf<RunSnapshot>()(
  'RunSnapshot',
  z.strictObject({ run: runAnswer, tasks: z.array(taskAnswer), part: countAnswer, isLast: z.boolean() }),
);

export const runEventAnswer = schemaOf<RunEvent>()(
  'RunEvent',
  z.discriminatedUnion('event', [
    z.strictObject({ event: z.literal('snapshot'), data: snapshot }),
    z.strictObject({ event: z.literal('task'), data: taskAnswer }),
    z.strictObject({ event: z.literal('run'), data: runAnswer }),
    z.strictObject({ event: z.literal('end'), data: z.strictObject({ state: runStateAnswer }) }),
  ]),
);

export const runsEventAnswer = schemaOf<RunsEvent>()(
  'RunsEvent',
  z.discriminatedUnion('event', [
    z.strictObject({ event: z.literal('ready'), data: z.strictObject({ now: instantAnswer }) }),
    z.strictObject({ event: z.literal('run'), data: runAnswer }),
  ]),
);

/** A stream of these events, or of none any more. */
export function streamOf(event: z.ZodType): Answers[number] {
  return { media: { 'text/event-stream': { events: z.union([event, closed]) } } };
}
