/** Schemas of what is answered about operations on many runs. */
import { z } from 'zod';
import type { BulkDetail, BulkItemView, BulkPreview, BulkView } from '@pelorus/protocol';
import { BULK_ACTIONS } from '../../store/port.ts';
import { countAnswer, instantAnswer, pageOf, schemaOf } from './schema-of.ts';
import { runStateAnswer } from './words.ts';

const runIdAnswer = z.int().min(1);
const action = z.enum(BULK_ACTIONS);

const bulkMembers = {
  id: z.int().min(1),
  action,
  state: z.enum(['pending', 'running', 'ended']),
  total: countAnswer,
  pending: countAnswer,
  done: countAnswer,
  refused: countAnswer,
  submittedBy: z.string(),
  createdAt: instantAnswer,
  endedAt: instantAnswer.nullable(),
};
export const bulkAnswer = schemaOf<BulkView>()('BulkView', z.strictObject(bulkMembers));
export const bulkPage = pageOf('BulkPage', bulkAnswer);

const bulkItem = schemaOf<BulkItemView>()(
  'BulkItemView',
  z.strictObject({
    run: runIdAnswer,
    state: z.enum(['pending', 'done', 'refused']),
    command: z.int().min(1).nullable(),
    outcome: z.enum(['applied', 'refused']).nullable(),
    newRun: runIdAnswer.nullable(),
    code: z.string().nullable(),
    message: z.string().nullable(),
  }),
);
export const bulkDetail = schemaOf<BulkDetail>()(
  'BulkDetail',
  z.strictObject({ ...bulkMembers, items: z.array(bulkItem), nextCursor: z.string().nullable() }),
);

export const bulkPreview = schemaOf<BulkPreview>()(
  'BulkPreview',
  z.strictObject({
    action,
    total: countAnswer,
    items: z.array(
      z.strictObject({
        run: runIdAnswer,
        workflow: z.string().nullable(),
        state: runStateAnswer.nullable(),
        would: z.enum(['apply', 'refuse']),
        message: z.string().nullable(),
      }),
    ),
  }),
);
