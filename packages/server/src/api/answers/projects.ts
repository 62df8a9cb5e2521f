/** Schemas of what is answered about projects, and of connections, secrets and files in them. */
import { z } from 'zod';
import type { ConnectionTested, ConnectionView, ProjectFileView, SecretView, ProjectView } from '@pelorus/protocol';
import { countAnswer, hashAnswer, instantAnswer, pageOf, schemaOf } from './schema-of.ts';

export const projectAnswer = schemaOf<ProjectView>()(
  'ProjectView',
  z.strictObject({ name: z.string(), description: z.string(), owner: z.string(), createdAt: instantAnswer }),
);
export const projectPage = pageOf('ProjectPage', projectAnswer);

export const connectionAnswer = schemaOf<ConnectionView>()(
  'ConnectionView',
  z.strictObject({
    name: z.string(),
    kind: z.enum(['sqlite', 'postgres', 'mysql']),
    url: z.string(),
    updatedAt: instantAnswer,
    updatedBy: z.string(),
  }),
);
export const connectionPage = pageOf('ConnectionPage', connectionAnswer);

export const connectionTestedAnswer = schemaOf<ConnectionTested>()(
  'ConnectionTested',
  z.strictObject({ ok: z.boolean(), detail: z.string(), tookMs: countAnswer, worker: z.string().nullable() }),
);

export const secretAnswer = schemaOf<SecretView>()(
  'SecretView',
  z.strictObject({ name: z.string(), readable: z.boolean(), updatedAt: instantAnswer, updatedBy: z.string() }),
);
export const secretPage = pageOf('SecretPage', secretAnswer);

export const projectFileAnswer = schemaOf<ProjectFileView>()(
  'ProjectFileView',
  z.strictObject({
    path: z.string(),
    sha256: hashAnswer,
    sizeBytes: countAnswer,
    updatedAt: instantAnswer,
    updatedBy: z.string(),
  }),
);
export const projectFilePage = pageOf('ProjectFilePage', projectFileAnswer);
