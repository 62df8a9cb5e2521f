/** Schemas of the events of streams. */
import { z } from 'zod';
import type { ChangeEvent, LogEvent, RunEvent, RunSnapshot, StreamClosed } from '@pelorus/protocol';
import { backfillSummary } from './backfills.ts';
import { runAnswer, taskAnswer } from './runs.ts';
import {
  calendarSummaryAnswer,
  deadlineAnswer,
  maintenanceAnswer,
  scheduleAnswer,
  tickOfWorkflow,
} from './schedules.ts';
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

const partOfWorkflow = z.strictObject({ project: z.string(), workflow: z.string(), name: z.string() });

export const changeEventAnswer = schemaOf<ChangeEvent>()(
  'ChangeEvent',
  z.discriminatedUnion('event', [
    z.strictObject({ event: z.literal('ready'), data: z.strictObject({ now: instantAnswer }) }),
    z.strictObject({ event: z.literal('run'), data: runAnswer }),
    z.strictObject({ event: z.literal('tick'), data: tickOfWorkflow }),
    z.strictObject({ event: z.literal('schedule'), data: scheduleAnswer }),
    z.strictObject({ event: z.literal('schedule-deleted'), data: partOfWorkflow }),
    z.strictObject({ event: z.literal('deadline'), data: deadlineAnswer }),
    z.strictObject({ event: z.literal('deadline-deleted'), data: partOfWorkflow }),
    z.strictObject({ event: z.literal('calendar'), data: calendarSummaryAnswer }),
    z.strictObject({ event: z.literal('calendar-deleted'), data: z.strictObject({ name: z.string() }) }),
    z.strictObject({ event: z.literal('maintenance'), data: maintenanceAnswer }),
    z.strictObject({ event: z.literal('backfill'), data: backfillSummary }),
  ]),
);

export const logEventAnswer = schemaOf<LogEvent>()(
  'LogEvent',
  z.discriminatedUnion('event', [
    z.strictObject({
      event: z.literal('lines'),
      data: z.strictObject({ lines: z.array(z.string()), startByte: countAnswer, endByte: countAnswer }),
    }),
    z.strictObject({
      event: z.literal('end'),
      data: z.strictObject({ complete: z.boolean(), sizeBytes: countAnswer, note: z.string().nullable() }),
    }),
  ]),
);

/** A stream of these events, or of none any more. */
export function streamOf(event: z.ZodType): { media: { 'text/event-stream': { events: z.ZodType } } } {
  return { media: { 'text/event-stream': { events: z.union([event, closed]) } } };
}
