/** Schemas of what is answered about workflows and their versions. */
import { z } from 'zod';
import type {
  LastRunView,
  WorkflowDiff,
  WorkflowListItem,
  WorkflowSaved,
  WorkflowValidated,
  WorkflowVersionSummary,
  WorkflowView,
} from '@pelorus/protocol';
import { concurrencyAnswer, definitionAnswer } from './definition.ts';
import { countAnswer, hashAnswer, instantAnswer, pageOf, schemaOf } from './schema-of.ts';
import { problemPlaceAnswer, runStateAnswer } from './words.ts';

const version = z.int().min(1);

const workflowSummaryMembers = {
  name: z.string(),
  project: z.string(),
  description: z.string(),
  labels: z.record(z.string(), z.string()),
  version,
  hash: hashAnswer,
  createdAt: instantAnswer,
  updatedAt: instantAnswer,
  updatedBy: z.string(),
};
const lastRun = schemaOf<LastRunView>()(
  'LastRunView',
  z.strictObject({
    id: z.int().min(1),
    state: runStateAnswer,
    submittedAt: instantAnswer,
    startedAt: instantAnswer.nullable(),
    endedAt: instantAnswer.nullable(),
  }),
);
const workflowListItem = schemaOf<WorkflowListItem>()(
  'WorkflowListItem',
  z.strictObject({ ...workflowSummaryMembers, lastRuns: z.array(lastRun).exactOptional() }),
);
export const workflowPage = pageOf('WorkflowPage', workflowListItem);

const namesThatDiffer = z.strictObject({
  added: z.array(z.string()),
  removed: z.array(z.string()),
  changed: z.array(z.string()),
});
export const workflowDiffAnswer = schemaOf<WorkflowDiff>()(
  'WorkflowDiff',
  z.strictObject({
    from: version,
    to: version,
    text: z.string(),
    tasks: namesThatDiffer,
    settings: z.array(z.string()),
    files: namesThatDiffer,
  }),
);

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
    tag: z.string(),
    updatedAt: instantAnswer,
    updatedBy: z.string(),
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
    textChanged: z.boolean(),
    tag: z.string(),
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
