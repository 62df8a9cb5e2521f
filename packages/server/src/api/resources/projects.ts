/** Projects: what workflows, rights and names are kept apart by. */
import { z } from 'zod';
import { StoreError, type ProjectRow } from '../../store/port.ts';
import { OWNER_BITS, SIGNED_IN, inProject, type Identity } from '../access.ts';
import { projectAnswer, projectPage } from '../answers/projects.ts';
import { jsonBody } from '../body.ts';
import type { ApiContext } from '../context.ts';
import { loadProject } from '../lookup.ts';
import { ApiFailure } from '../problem.ts';
import { ok, route, type Route } from '../route.ts';
import { newName, projectPath } from '../schemas.ts';
import { projectView } from '../views.ts';

const listProjects = route({
  id: 'listProjects',
  method: 'GET',
  path: '/projects',
  access: SIGNED_IN,
  summary: 'The projects that the caller may read',
  answers: { 200: projectPage },
  handle: async (_input, { store, caller }) => {
    const rows = await store.listProjects({ projectIds: await caller.visibleProjects() });
    return ok({ items: rows.map(projectView), nextCursor: null });
  },
});

const getProject = route({
  id: 'getProject',
  method: 'GET',
  path: '/projects/:project',
  access: inProject('read'),
  summary: 'One project',
  answers: { 200: projectAnswer },
  params: projectPath,
  handle: async ({ params }, context) => ok(projectView(await loadProject(context, params.project))),
});

const putProject = route({
  id: 'putProject',
  method: 'PUT',
  path: '/projects/:project',
  access: SIGNED_IN,
  summary: 'Create a project, whose owner the caller becomes, or let its owner change the description',
  answers: { 200: projectAnswer, 201: projectAnswer },
  params: z.strictObject({ project: newName }),
  body: jsonBody(z.strictObject({ description: z.string().max(10_000).optional() })),
  handle: async ({ params, body }, context) => {
    const { description } = body;
    const made = await created(context, params.project, description ?? '');
    if (made !== null) return { status: 201, body: { json: projectView(made) } };
    return ok(projectView(await changed(context, params.project, description)));
  },
});

/** Null when there is one of that name. */
async function created(context: ApiContext, name: string, description: string): Promise<ProjectRow | null> {
  const { store, user, clock, caller } = context;
  if ((await store.findProject(name)) !== null) return null;
  if (isRestricted(caller.identity))
    throw new ApiFailure('FORBIDDEN', 'a token that is restricted to projects or rights makes no projects');
  try {
    return await store.createProject({ name, description, owner: user, at: clock() });
  } catch (error) {
    // Somebody else was faster.
    if (error instanceof StoreError && error.code === 'CONFLICT') return null;
    throw error;
  }
}

function isRestricted(identity: Identity | null): boolean {
  return identity === null || identity.mask !== OWNER_BITS || identity.projects !== null;
}

/** Whoever may read a project may also ask for it to exist, which changes nothing; a description is its owner's to give. */
async function changed(context: ApiContext, name: string, description: string | undefined): Promise<ProjectRow> {
  const row = await loadProject(context, name);
  if (description === undefined) return row;
  await context.caller.demand('own', { projectId: row.id, project: row.name });
  return description === row.description ? row : context.store.changeProject(row.id, { description });
}

const deleteProject = route({
  id: 'deleteProject',
  method: 'DELETE',
  path: '/projects/:project',
  access: inProject('own'),
  summary: 'Delete a project without workflows and runs in progress, with all else that belongs to it',
  answers: { 204: null },
  params: projectPath,
  handle: async ({ params }, context) => {
    const { store, user, clock } = context;
    const project = await loadProject(context, params.project);
    await store.deleteProject(project.id, user, clock());
    return { status: 204 };
  },
});

export const projectRoutes: readonly Route[] = [listProjects, getProject, putProject, deleteProject];
