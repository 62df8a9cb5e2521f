/** Secrets of projects: values come in, none goes out. */
import { z } from 'zod';
import type { SecretRow } from '../../store/index.ts';
import { inProject } from '../access.ts';
import { secretAnswer, secretPage } from '../answers/projects.ts';
import { confidentialBody } from '../body.ts';
import type { ApiContext } from '../context.ts';
import { readTextCursor, writeTextCursor } from '../cursor.ts';
import { API_LIMITS } from '../limits.ts';
import { loadProject } from '../lookup.ts';
import { ApiFailure } from '../problem.ts';
import { ok, route, type Route } from '../route.ts';
import { cursor, limit, newName, projectPath, someName } from '../schemas.ts';
import { secretView } from '../views.ts';

const secretPath = z.strictObject({ project: someName, name: someName });

const listSecrets = route({
  id: 'listSecrets',
  method: 'GET',
  path: '/projects/:project/secrets',
  access: inProject('read'),
  summary: 'Names of the secrets of a project; values are never given back',
  answers: { 200: secretPage },
  params: projectPath,
  query: z.strictObject({ limit: limit(100), cursor }),
  handle: async ({ params, query }, context) => {
    const project = await loadProject(context, params.project);
    const after = readTextCursor(query.cursor) ?? '';
    const rows = await context.store.listSecrets(project.id, { after, limit: query.limit + 1 });
    const items = rows.slice(0, query.limit);
    return ok({
      items: items.map((row) => secretView(row, context.vault)),
      nextCursor: rows.length > items.length ? writeTextCursor(items.at(-1)?.name ?? '') : null,
    });
  },
});

const getSecret = route({
  id: 'getSecret',
  method: 'GET',
  path: '/projects/:project/secrets/:name',
  access: inProject('read'),
  summary: 'When a secret was last changed, and by whom; its value is never given back',
  answers: { 200: secretAnswer },
  params: secretPath,
  handle: async ({ params }, context) => {
    const project = await loadProject(context, params.project);
    const row = await context.store.getSecret(project.id, params.name);
    if (row === null) throw noSecret(params.project, params.name);
    return ok(secretView(row, context.vault));
  },
});

function noSecret(project: string, name: string): ApiFailure {
  return new ApiFailure('SECRET_NOT_FOUND', `project ${project} has no secret ${name}`);
}

const value = z
  .string()
  .min(API_LIMITS.secretCharactersMin)
  .refine(
    (text) => Buffer.byteLength(text) <= API_LIMITS.secretBytes,
    `is longer than ${API_LIMITS.secretBytes} bytes`,
  );

const putSecret = route({
  id: 'putSecret',
  method: 'PUT',
  path: '/projects/:project/secrets/:name',
  access: inProject('write'),
  summary: 'Create a secret or change its value; attempts that are dispatched from then on get it',
  answers: { 200: secretAnswer, 201: secretAnswer },
  params: z.strictObject({ project: someName, name: newName }),
  body: confidentialBody(z.strictObject({ value })),
  handle: async ({ params: { project: name, name: secretName }, body }, context) => {
    const project = await loadProject(context, name);
    const place = { kind: 'secret', projectId: project.id, name: secretName } as const;
    const { secret, created } = await context.store.saveSecret({
      projectId: project.id,
      name: secretName,
      sealed: context.vault.seal(body.value, place),
      user: context.user,
      at: context.clock(),
      limit: API_LIMITS.secretsPerProject,
    });
    context.masks.changed(project.id);
    return answerWith(secret, created, context);
  },
});

function answerWith(row: SecretRow, created: boolean, { vault }: ApiContext) {
  return { status: created ? 201 : 200, body: { json: secretView(row, vault) } };
}

const deleteSecret = route({
  id: 'deleteSecret',
  method: 'DELETE',
  path: '/projects/:project/secrets/:name',
  access: inProject('write'),
  summary: 'Delete a secret; attempts that need it fail from then on',
  answers: { 204: null },
  params: secretPath,
  handle: async ({ params }, context) => {
    const project = await loadProject(context, params.project);
    if ((await context.store.getSecret(project.id, params.name)) === null) throw noSecret(params.project, params.name);
    await context.store.deleteSecret(project.id, params.name);
    context.masks.changed(project.id);
    return { status: 204 };
  },
});

export const secretRoutes: readonly Route[] = [listSecrets, getSecret, putSecret, deleteSecret];
