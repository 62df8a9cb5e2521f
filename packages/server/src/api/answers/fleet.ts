/** Workers, masters, worker groups, environments. */
import { z } from 'zod';
import type { EnvironmentView, MasterView, WorkerDetail, WorkerDrained, WorkerGroupView } from '@pelorus/protocol';
import { workerMembers } from './operations.ts';
import { countAnswer, instantAnswer, pageOf, schemaOf } from './schema-of.ts';

export const workerDetailAnswer = schemaOf<WorkerDetail>()(
  'WorkerDetail',
  z.strictObject({
    ...workerMembers,
    attempts: z.array(
      z.strictObject({
        id: z.string(),
        run: z.int().min(1),
        project: z.string(),
        workflow: z.string(),
        state: z.string(),
        dispatchedAt: instantAnswer,
        startedAt: instantAnswer.nullable(),
      }),
    ),
    liveAttempts: countAnswer,
  }),
);

export const workerDrainedAnswer = schemaOf<WorkerDrained>()(
  'WorkerDrained',
  z.strictObject({
    name: z.string(),
    draining: z.boolean(),
    reason: z.string().nullable(),
    workers: z.array(z.string()),
    liveAttempts: countAnswer,
  }),
);

const masterAnswer = schemaOf<MasterView>()(
  'MasterView',
  z.strictObject({
    id: z.string(),
    host: z.string(),
    state: z.enum(['active', 'expired', 'over']),
    registeredAt: instantAnswer,
    renewedAt: instantAnswer,
    leaseUntil: instantAnswer,
    endedAt: instantAnswer.nullable(),
    runs: countAnswer,
  }),
);
export const masterPage = pageOf('MasterPage', masterAnswer);

export const workerGroupAnswer = schemaOf<WorkerGroupView>()(
  'WorkerGroupView',
  z.strictObject({
    name: z.string(),
    description: z.string(),
    updatedAt: instantAnswer.nullable(),
    updatedBy: z.string().nullable(),
    workers: z.array(
      z.strictObject({ id: z.string(), name: z.string(), state: z.enum(['online', 'draining', 'offline']) }),
    ),
    slots: countAnswer,
    waitingTasks: countAnswer,
  }),
);
export const workerGroupPage = pageOf('WorkerGroupPage', workerGroupAnswer);

export const environmentAnswer = schemaOf<EnvironmentView>()(
  'EnvironmentView',
  z.strictObject({
    name: z.string(),
    description: z.string(),
    variables: z.record(z.string(), z.string()),
    updatedAt: instantAnswer,
    updatedBy: z.string(),
  }),
);
export const environmentPage = pageOf('EnvironmentPage', environmentAnswer);
