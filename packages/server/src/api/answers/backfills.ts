/** Schemas of what is answered about backfills. */
import { z } from 'zod';
import type {
  BackfillDate,
  BackfillEvent,
  BackfillPreview,
  BackfillSubmitted,
  BackfillSummary,
  BackfillView,
} from '@pelorus/protocol';
import { BACKFILL_DATE_STATES, BACKFILL_STATES } from '../../store/port.ts';
import { countAnswer, instantAnswer, pageOf, schemaOf } from './schema-of.ts';
import { failurePolicyAnswer, notifyTypeAnswer, parameterValueAnswer, priorityAnswer } from './words.ts';

const state = z.enum(BACKFILL_STATES);
const dateState = z.enum(BACKFILL_DATE_STATES);
const mode = z.enum(['serial', 'parallel']);

const summaryMembers = {
  id: z.int().min(1),
  project: z.string(),
  workflow: z.string(),
  version: z.int().min(1).nullable(),
  startDate: instantAnswer,
  endDate: instantAnswer,
  crontab: z.string().nullable(),
  zone: z.string(),
  mode,
  parallelism: z.int().min(1),
  order: z.enum(['ascending', 'descending']),
  continueAfterFailure: z.boolean(),
  state,
  waitReason: z.string().nullable(),
  dateCount: countAnswer,
  counts: z.partialRecord(dateState, countAnswer),
  progress: z.number().min(0).max(1),
  submittedBy: z.string(),
  createdAt: instantAnswer,
  updatedAt: instantAnswer,
  endedAt: instantAnswer.nullable(),
};
export const backfillSummary = schemaOf<BackfillSummary>()('BackfillSummary', z.strictObject(summaryMembers));
export const backfillPage = pageOf('BackfillPage', backfillSummary);

const backfillDate = schemaOf<BackfillDate>()(
  'BackfillDate',
  z.strictObject({
    date: instantAnswer,
    state: dateState,
    run: z.int().min(1).nullable(),
    runs: countAnswer,
    dependent: z.string().nullable(),
    reason: z.string().nullable(),
    startedAt: instantAnswer.nullable(),
    endedAt: instantAnswer.nullable(),
  }),
);

export const backfillAnswer = schemaOf<BackfillView>()(
  'BackfillView',
  z.strictObject({
    ...summaryMembers,
    options: z.strictObject({
      from: z.strictObject({ task: z.array(z.string()), dep: z.enum(['node', 'post', 'pre']) }).nullable(),
      select: z.array(z.string()).nullable(),
      params: z.record(z.string(), parameterValueAnswer),
      failurePolicy: failurePolicyAnswer.nullable(),
      priority: priorityAnswer.nullable(),
      workerGroup: z.string().nullable(),
      environment: z.string().nullable(),
      dryRun: z.boolean(),
      timeoutMs: z.number().nullable(),
      notifyType: notifyTypeAnswer.nullable(),
      notifyMails: z.array(z.string()).nullable(),
      extras: z.unknown(),
    }),
    dependents: z.array(z.string()),
    dates: z.array(backfillDate),
    nextCursor: z.string().nullable(),
  }),
);

export const backfillPreview = schemaOf<BackfillPreview>()(
  'BackfillPreview',
  z.strictObject({
    dates: z.array(instantAnswer),
    dependents: z.array(z.string()),
    zone: z.string(),
    mode,
    parallelism: z.int().min(1),
    warnings: z.array(z.string()),
  }),
);

export const backfillSubmitted = schemaOf<BackfillSubmitted>()(
  'BackfillSubmitted',
  z.strictObject({
    id: z.int().min(1),
    state,
    waitReason: z.string().nullable(),
    dateCount: countAnswer,
    runs: z.array(z.int().min(1)),
    warnings: z.array(z.string()),
  }),
);

export const backfillEventAnswer = schemaOf<BackfillEvent>()(
  'BackfillEvent',
  z.discriminatedUnion('event', [
    z.strictObject({ event: z.literal('backfill'), data: backfillSummary }),
    z.strictObject({ event: z.literal('end'), data: z.strictObject({ state }) }),
  ]),
);
