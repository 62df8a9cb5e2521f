/** Who may do what in a project. */
import { z } from 'zod';
import { StoreError, type ProjectRow } from '../../store/port.ts';
import { RIGHT_BITS, inProject } from '../access.ts';
import { memberView, ownerView, permOf } from '../access-views.ts';
import { memberAnswer, memberPage } from '../answers/access.ts';
import { projectAnswer } from '../answers/projects.ts';
import { jsonBody } from '../body.ts';
import { API_LIMITS } from '../limits.ts';
import { loadProject } from '../lookup.ts';
import { ApiFailure } from '../problem.ts';
import { ok, route, type Route } from '../route.ts';
import { permission, projectPath, someName } from '../schemas.ts';
import { projectView } from '../views.ts';

const memberPath = z.strictObject({ project: someName, user: someName });

const listMembers = route({
  id: 'listMembers',
  method: 'GET',
  path: '/projects/:project/members',
  access: inProject('read'),
  summary: 'The owner and the members of a project',
  answers: { 200: memberPage },
  params: projectPath,
  handle: async ({ params }, context) => {
    const project = await loadProject(context, params.project);
    const members = await context.store.listMembers(project.id);
    return ok({ items: [ownerView(project), ...members.map(memberView)], nextCursor: null });
  },
});

const putMember = route({
  id: 'putMember',
  method: 'PUT',
  path: '/projects/:project/members/:user',
  access: inProject('own'),
  summary: 'Make a user a member of a project, or change what the member may',
  answers: { 200: memberAnswer, 201: memberAnswer },
  params: memberPath,
  body: jsonBody(z.strictObject({ perm: permission })),
  handle: async ({ params, body }, context) => {
    const project = await loadProject(context, params.project);
    const { store, user, clock } = context;
    const saved = await store
      .saveMember({
        projectId: project.id,
        user: params.user,
        bits: permOf(body.perm),
        by: user,
        at: clock(),
        limit: API_LIMITS.membersPerProject,
      })
      .catch((error: unknown) => {
        throw isMissing(error) ? noSuchUser(params.user) : error;
      });
    return { status: saved.created ? 201 : 200, body: { json: memberView(saved.member) } };
  },
});

function isMissing(error: unknown): boolean {
  return error instanceof StoreError && error.code === 'NOT_FOUND';
}

function noSuchUser(name: string): ApiFailure {
  return new ApiFailure('USER_NOT_FOUND', `there is no user ${name}`);
}

const deleteMember = route({
  id: 'deleteMember',
  method: 'DELETE',
  path: '/projects/:project/members/:user',
  access: inProject('own'),
  summary: 'Take a member out of a project',
  answers: { 204: null },
  params: memberPath,
  handle: async ({ params }, context) => {
    const project = await loadProject(context, params.project);
    await context.store.deleteMember({ projectId: project.id, user: params.user }).catch((error: unknown) => {
      throw isMissing(error) ? noSuchMember(project, params.user) : error;
    });
    return { status: 204 };
  },
});

function noSuchMember({ name, owner }: ProjectRow, user: string): ApiFailure {
  return new ApiFailure(
    'MEMBER_NOT_FOUND',
    user === owner
      ? `${user} owns project ${name}; hand it over first, with PUT /projects/${name}/owner`
      : `project ${name} has no member ${user}`,
  );
}

const putOwner = route({
  id: 'putProjectOwner',
  method: 'PUT',
  path: '/projects/:project/owner',
  access: inProject('own'),
  summary: 'Hand a project over to another user; the owner so far stays as an editor',
  answers: { 200: projectAnswer },
  params: projectPath,
  body: jsonBody(z.strictObject({ user: someName })),
  handle: async ({ params, body }, context) => {
    const project = await loadProject(context, params.project);
    const { store, user, clock } = context;
    const bits = RIGHT_BITS.write | RIGHT_BITS.read | RIGHT_BITS.execute;
    await store
      .setProjectOwner({ projectId: project.id, user: body.user, bits, by: user, at: clock() })
      .catch((error: unknown) => {
        throw isMissing(error) ? noSuchUser(body.user) : error;
      });
    return ok(projectView({ ...project, owner: body.user }));
  },
});

export const memberRoutes: readonly Route[] = [listMembers, putMember, deleteMember, putOwner];
