import { z } from 'zod';
import type {
  WorkflowSaved,
  WorkflowSummary,
  WorkflowValidated,
  WorkflowVersionSummary,
  WorkflowView,
} from '@pelorus/protocol';
import { concurrencyAnswer, definitionAnswer } from './definition.ts';
import { countAnswer, hashAnswer, instantAnswer, pageOf, schemaOf } from './schema-of.ts';
import { problemPlaceAnswer } from './words.ts';

const version = z.int().min(1);

export const workflowSummaryAnswer = schemaOf<WorkflowSummary>()(
  'WorkflowSummary',
  z.strictObject({
    name: z.string(),
    project: z.string(),
    description: z.string(),
    version,
    hash: hashAnswer,
    createdAt: instantAnswer,
    updatedAt: instantAnswer,
    updatedBy: z.string(),
  }),
);
export const workflowPage = pageOf('WorkflowPage', workflowSummaryAnswer);

const versionMembers = {
  version,
  hash: hashAnswer,
  format: z.enum(['yaml', 'json']),
  createdAt: instantAnswer,
  createdBy: z.string(),
};

const versionSummary = schemaOf<WorkflowVersionSummary>()('WorkflowVersionSummary', z.strictObject(versionMembers));
export const versionPage = pageOf('WorkflowVersionPage', versionSummary);

export const workflowViewAnswer = schemaOf<WorkflowView>()(
  'WorkflowView',
  z.strictObject({
    ...versionMembers,
    name: z.string(),
    project: z.string(),
    description: z.string(),
    latestVersion: version,
    concurrency: concurrencyAnswer,
    taskCount: countAnswer,
    source: z.string(),
    definition: definitionAnswer,
    files: z.array(z.strictObject({ name: z.string(), sha256: hashAnswer, sizeBytes: countAnswer })),
  }),
);

export const workflowSavedAnswer = schemaOf<WorkflowSaved>()(
  'WorkflowSaved',
  z.strictObject({
    name: z.string(),
    project: z.string(),
    version,
    hash: hashAnswer,
    created: z.boolean(),
    changed: z.boolean(),
    warnings: z.array(problemPlaceAnswer),
  }),
);

export const workflowValidatedAnswer = schemaOf<WorkflowValidated>()(
  'WorkflowValidated',
  z.strictObject({
    valid: z.literal(true),
    name: z.string(),
    hash: hashAnswer,
    taskCount: countAnswer,
    warnings: z.array(problemPlaceAnswer),
  }),
);
