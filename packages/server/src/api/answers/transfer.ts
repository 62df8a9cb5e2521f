/** Schemas of what is answered about imports. */
import { z } from 'zod';
import type { ImportedFile, ImportedWorkflow, ImportReport } from '@pelorus/protocol';
import { schemaOf } from './schema-of.ts';
import { problemPlaceAnswer } from './words.ts';

const importedWorkflow = schemaOf<ImportedWorkflow>()(
  'ImportedWorkflow',
  z.strictObject({
    name: z.string().nullable(),
    file: z.string().nullable(),
    format: z.enum(['yaml', 'json']),
    outcome: z.enum(['created', 'updated', 'unchanged', 'refused']),
    version: z.int().min(1).nullable(),
    errors: z.array(problemPlaceAnswer),
    warnings: z.array(problemPlaceAnswer),
  }),
);

const importedFile = schemaOf<ImportedFile>()(
  'ImportedFile',
  z.strictObject({ path: z.string(), outcome: z.enum(['created', 'unchanged', 'kept']) }),
);

export const importReportAnswer = schemaOf<ImportReport>()(
  'ImportReport',
  z.strictObject({
    stored: z.boolean(),
    workflows: z.array(importedWorkflow),
    files: z.array(importedFile),
    unused: z.array(z.string()),
  }),
);
