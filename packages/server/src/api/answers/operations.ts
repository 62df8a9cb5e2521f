/** Workers, task groups, the system itself. */
import { z } from 'zod';
import type { SystemView, TaskGroupView, WorkerView } from '@pelorus/protocol';
import { countAnswer, instantAnswer, pageOf, schemaOf } from './schema-of.ts';

export const workerMembers = {
  id: z.string(),
  name: z.string(),
  host: z.string(),
  groups: z.array(z.string()),
  slots: countAnswer,
  state: z.enum(['online', 'draining', 'offline']),
  registeredAt: instantAnswer,
  seenAt: instantAnswer,
  load: z
    .strictObject({
      usedSlots: countAnswer,
      freeSlots: countAnswer,
      loadAverage: z.number().min(0).nullable(),
      cpuCount: countAnswer,
      freeMemoryBytes: countAnswer,
      totalMemoryBytes: countAnswer,
      busy: z.boolean(),
    })
    .nullable(),
  features: z.array(z.string()),
  drain: z.strictObject({ reason: z.string(), at: instantAnswer, by: z.string() }).nullable(),
};
const workerAnswer = schemaOf<WorkerView>()('WorkerView', z.strictObject(workerMembers));
export const workerPage = pageOf('WorkerPage', workerAnswer);

export const taskGroupAnswer = schemaOf<TaskGroupView>()(
  'TaskGroupView',
  z.strictObject({
    name: z.string(),
    size: countAnswer,
    held: countAnswer,
    liveAttempts: countAnswer,
    waitingTasks: countAnswer,
    updatedAt: instantAnswer,
    updatedBy: z.string(),
  }),
);
export const taskGroupPage = pageOf('TaskGroupPage', taskGroupAnswer);

export const systemAnswer = schemaOf<SystemView>()(
  'SystemView',
  z.strictObject({
    product: z.literal('pelorus'),
    version: z.string(),
    store: z.string(),
    now: instantAnswer,
    startedAt: instantAnswer,
    uptimeMs: z.number().min(0),
    node: z.string(),
    platform: z.string(),
    masters: z.strictObject({ active: countAnswer }),
    workers: z.strictObject({ online: countAnswer, draining: countAnswer, slots: countAnswer }),
  }),
);

/** A JSON Schema. */
export const jsonSchemaAnswer = z.record(z.string(), z.unknown()).meta({ id: 'JsonSchema' });
export const liveAnswer = z.strictObject({ status: z.literal('live') });
export const readyAnswer = z.strictObject({ status: z.literal('ready') });

export const indexAnswer = z
  .strictObject({
    openapi: z.string(),
    docs: z.string(),
    routes: z.array(z.strictObject({ method: z.string(), path: z.string(), summary: z.string() })),
  })
  .meta({ id: 'Index' });
