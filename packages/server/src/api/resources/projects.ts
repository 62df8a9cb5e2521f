import { z } from 'zod';
import { SIGNED_IN, inProject } from '../access.ts';
import { projectAnswer, projectPage } from '../answers/projects.ts';
import { jsonBody } from '../body.ts';
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
  summary: 'All projects',
  answers: { 200: projectPage },
  handle: async (_input, { store }) => ok({ items: (await store.listProjects()).map(projectView), nextCursor: null }),
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
  summary: 'Create a project; one that exists stays as it is',
  answers: { 200: projectAnswer, 201: projectAnswer },
  params: z.strictObject({ project: newName }),
  body: jsonBody(z.strictObject({ description: z.string().max(10_000).optional() })),
  handle: async ({ params, body }, { store, user, clock }) => {
    const existed = (await store.listProjects()).some((project) => project.name === params.project);
    const row = await store.ensureProject({
      name: params.project,
      description: body.description ?? '',
      owner: user,
      at: clock(),
    });
    if (body.description !== undefined && body.description !== row.description) {
      throw new ApiFailure(
        'CONFLICT',
        `project ${row.name} exists with another description; changing it is not available yet`,
      );
    }
    return { status: existed ? 200 : 201, body: { json: projectView(row) } };
  },
});

export const projectRoutes: readonly Route[] = [listProjects, getProject, putProject];
