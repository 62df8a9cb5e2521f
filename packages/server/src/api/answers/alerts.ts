/** Schemas of what is answered about alerts and the channels that they go through. */
import { z } from 'zod';
import { ALERT_EVENTS } from '@pelorus/engine';
import type { AlertChannelView, AlertTested, AlertView } from '@pelorus/protocol';
import { countAnswer, instantAnswer, pageOf, schemaOf } from './schema-of.ts';

const event = z.enum(ALERT_EVENTS);

export const channelAnswer = schemaOf<AlertChannelView>()(
  'AlertChannelView',
  z.strictObject({
    name: z.string(),
    kind: z.enum(['email', 'webhook']),
    target: z.string(),
    events: z.array(event),
    hasSecret: z.boolean(),
    updatedAt: instantAnswer,
    updatedBy: z.string(),
    secret: z.string().exactOptional(),
  }),
);
export const channelPage = pageOf('AlertChannelPage', channelAnswer);

export const alertTestedAnswer = schemaOf<AlertTested>()(
  'AlertTested',
  z.strictObject({ delivered: z.boolean(), detail: z.string() }),
);

const alertAnswer = schemaOf<AlertView>()(
  'AlertView',
  z.strictObject({
    id: z.int().min(1),
    project: z.string(),
    workflow: z.string(),
    run: z.int().min(1).nullable(),
    event,
    task: z.string().nullable(),
    recipient: z.string(),
    state: z.enum(['pending', 'sent', 'failed', 'skipped']),
    attempts: countAnswer,
    at: instantAnswer,
    nextAt: instantAnswer.nullable(),
    doneAt: instantAnswer.nullable(),
    result: z.string().nullable(),
  }),
);
export const alertPage = pageOf('AlertPage', alertAnswer);
