/** Connections of projects to databases; they are tried out on a worker. */
import { z } from 'zod';
import type { ConnectionTested } from '@pelorus/protocol';
import type { ConnectionRow, ProjectRow } from '../../store/index.ts';
import { addressOf, isMasked, maskUrl, refusedUrl } from '../../vault/index.ts';
import { inProject } from '../access.ts';
import { connectionAnswer, connectionPage, connectionTestedAnswer } from '../answers/projects.ts';
import { confidentialBody } from '../body.ts';
import type { ApiContext } from '../context.ts';
import { readTextCursor, writeTextCursor } from '../cursor.ts';
import { API_LIMITS } from '../limits.ts';
import { loadProject } from '../lookup.ts';
import { ApiFailure, badParameter } from '../problem.ts';
import { ok, route, type Route } from '../route.ts';
import { cursor, limit, newName, projectPath, someName } from '../schemas.ts';
import { connectionView } from '../views.ts';

const connectionPath = z.strictObject({ project: someName, name: someName });

const listConnections = route({
  id: 'listConnections',
  method: 'GET',
  path: '/projects/:project/connections',
  access: inProject('read'),
  summary: 'Connections of a project; passwords in their addresses are not shown',
  answers: { 200: connectionPage },
  params: projectPath,
  query: z.strictObject({ limit: limit(100), cursor }),
  handle: async ({ params, query }, context) => {
    const project = await loadProject(context, params.project);
    const after = readTextCursor(query.cursor) ?? '';
    const rows = await context.store.listConnections(project.id, { after, limit: query.limit + 1 });
    const items = rows.slice(0, query.limit);
    return ok({
      items: items.map(connectionView),
      nextCursor: rows.length > items.length ? writeTextCursor(items.at(-1)?.name ?? '') : null,
    });
  },
});

const getConnection = route({
  id: 'getConnection',
  method: 'GET',
  path: '/projects/:project/connections/:name',
  access: inProject('read'),
  summary: 'One connection; the password in its address is not shown',
  answers: { 200: connectionAnswer },
  params: connectionPath,
  handle: async ({ params }, context) => ok(connectionView((await loadConnection(context, params)).row)),
});

async function loadConnection(
  context: ApiContext,
  { project: projectName, name }: z.output<typeof connectionPath>,
): Promise<{ project: ProjectRow; row: ConnectionRow }> {
  const project = await loadProject(context, projectName);
  const row = await context.store.getConnection(project.id, name);
  if (row === null) throw new ApiFailure('CONNECTION_NOT_FOUND', `project ${projectName} has no connection ${name}`);
  return { project, row };
}

const connectionBody = z.strictObject({
  kind: z.enum(['sqlite', 'postgres', 'mysql']),
  url: z.string().min(1).max(4096),
});

const putConnection = route({
  id: 'putConnection',
  method: 'PUT',
  path: '/projects/:project/connections/:name',
  access: inProject('write'),
  summary: 'Create or change a connection; an address that comes back as it was shown keeps its password',
  answers: { 200: connectionAnswer, 201: connectionAnswer },
  params: z.strictObject({ project: someName, name: newName }),
  body: confidentialBody(connectionBody),
  handle: async ({ params, body }, context) => {
    const refusal = refusedUrl(body.kind, body.url);
    if (refusal !== null) throw badParameter('url', `url ${refusal}`);
    const project = await loadProject(context, params.project);
    const before = await context.store.getConnection(project.id, params.name);
    const url = isMasked(body.url) ? addressBefore(context, project, before, body) : body.url;
    const shown = maskUrl(url);
    const place = { kind: 'connection', projectId: project.id, name: params.name } as const;
    const { connection, created } = await context.store.saveConnection({
      projectId: project.id,
      name: params.name,
      kind: body.kind,
      url: shown,
      sealed: shown === url ? null : context.vault.seal(url, place),
      user: context.user,
      at: context.clock(),
      limit: API_LIMITS.connectionsPerProject,
    });
    context.masks.changed(project.id);
    return { status: created ? 201 : 200, body: { json: connectionView(connection) } };
  },
});

/** Kept for the very same address only: with another host in it the password would be sent to whoever is there. */
function addressBefore(
  context: ApiContext,
  project: ProjectRow,
  before: ConnectionRow | null,
  { kind, url }: z.output<typeof connectionBody>,
): string {
  if (before === null || before.kind !== kind || maskUrl(before.url) !== url)
    throw badParameter('url', 'url holds ***; give the password again, for more than that has changed');
  const address = addressOf(context.vault, before, project.id);
  if (address.kind === 'problem') throw new ApiFailure('VAULT_CLOSED', address.problem, RETRY);
  return address.value;
}

const RETRY = { retryAfterSeconds: API_LIMITS.retryAfterSeconds };

const deleteConnection = route({
  id: 'deleteConnection',
  method: 'DELETE',
  path: '/projects/:project/connections/:name',
  access: inProject('write'),
  summary: 'Delete a connection; attempts that need it fail from then on',
  answers: { 204: null },
  params: connectionPath,
  handle: async ({ params }, context) => {
    const { project, row } = await loadConnection(context, params);
    await context.store.deleteConnection(project.id, row.name);
    context.masks.changed(project.id);
    return { status: 204 };
  },
});

const testConnection = route({
  id: 'testConnection',
  method: 'POST',
  path: '/projects/:project/connections/:name/test',
  access: inProject('execute'),
  summary: 'Run select 1 over a connection on a worker; takes at most 10 s',
  answers: { 200: connectionTestedAnswer },
  params: connectionPath,
  handle: async ({ params, signal }, context) => {
    const { project, row } = await loadConnection(context, params);
    const { testConnection: test } = context.hints;
    const late = AbortSignal.any([signal, AbortSignal.timeout(API_LIMITS.connectionTestMs)]);
    const tested = await test?.(project.id, row.name, late);
    if (!tested) throw new ApiFailure('NO_WORKER', 'there is no worker that could try the connection', RETRY);
    const mask = await context.masks.of(project.id);
    const answer: ConnectionTested = { ...tested, detail: mask?.text(tested.detail) ?? tested.detail };
    return ok(answer);
  },
});

export const connectionRoutes: readonly Route[] = [
  listConnections,
  getConnection,
  putConnection,
  deleteConnection,
  testConnection,
];
