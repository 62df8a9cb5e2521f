import { z } from 'zod';
import type { ConnectionView, ProjectView } from '@pelorus/protocol';
import { instantAnswer, pageOf, schemaOf } from './schema-of.ts';

export const projectAnswer = schemaOf<ProjectView>()(
  'ProjectView',
  z.strictObject({ name: z.string(), description: z.string(), owner: z.string(), createdAt: instantAnswer }),
);
export const projectPage = pageOf('ProjectPage', projectAnswer);

export const connectionAnswer = schemaOf<ConnectionView>()(
  'ConnectionView',
  z.strictObject({ name: z.string(), kind: z.enum(['sqlite', 'postgres', 'mysql']) }),
);
