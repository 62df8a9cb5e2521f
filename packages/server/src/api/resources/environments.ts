/** Named sets of variables that tasks run with. */
import { z } from 'zod';
import type { EnvironmentView } from '@pelorus/protocol';
import { ADMINISTRATOR, SIGNED_IN } from '../access.ts';
import { environmentAnswer, environmentPage } from '../answers/fleet.ts';
import { StoreError, type EnvironmentRow } from '../../store/port.ts';
import { jsonBody } from '../body.ts';
import { loadEnvironment } from '../environments.ts';
import { API_LIMITS } from '../limits.ts';
import { badParameter } from '../problem.ts';
import { ok, route, type Route } from '../route.ts';
import { newName, someName } from '../schemas.ts';
import { instantText } from '../views.ts';

const environmentPath = z.strictObject({ name: someName });

const listEnvironments = route({
  id: 'listEnvironments',
  method: 'GET',
  path: '/environments',
  access: SIGNED_IN,
  summary: 'Environments: named sets of variables that tasks can run in',
  answers: { 200: environmentPage },
  handle: async (_input, { store }) =>
    ok({ items: (await store.listEnvironments()).map(environmentView), nextCursor: null }),
});

const getEnvironment = route({
  id: 'getEnvironment',
  method: 'GET',
  path: '/environments/:name',
  access: SIGNED_IN,
  summary: 'One environment',
  answers: { 200: environmentAnswer },
  params: environmentPath,
  handle: async ({ params }, context) => ok(environmentView(await loadEnvironment(context, params.name))),
});

const environmentBody = z.strictObject({
  description: z.string().max(10_000).default(''),
  variables: z.record(
    z.string().regex(/^[A-Za-z_][A-Za-z0-9_]{0,254}$/, 'is no name of an environment variable'),
    z.string().max(API_LIMITS.environmentBytes),
  ),
});

const putEnvironment = route({
  id: 'putEnvironment',
  method: 'PUT',
  path: '/environments/:name',
  access: ADMINISTRATOR,
  summary: 'Create or replace an environment; runs that a master has taken up keep the variables that they have',
  answers: { 200: environmentAnswer, 201: environmentAnswer },
  params: z.strictObject({ name: newName }),
  body: jsonBody(environmentBody),
  handle: async ({ params, body }, { store, user, clock }) => {
    refuseLarge(body.variables);
    const existed = (await store.listEnvironments()).some(({ name }) => name === params.name);
    const row = await store.saveEnvironment({ name: params.name, ...body, user, at: clock() });
    return { status: existed ? 200 : 201, body: { json: environmentView(row) } };
  },
});

function refuseLarge(variables: Record<string, string>): void {
  const names = Object.keys(variables);
  if (names.length > API_LIMITS.environmentVariables)
    throw badParameter('variables', `variables may hold at most ${API_LIMITS.environmentVariables}`);
  const reserved = names.find((name) => name.startsWith('PELORUS_'));
  if (reserved !== undefined)
    throw badParameter(`variables/${reserved}`, `variables.${reserved}: names that begin with PELORUS_ are ours`);
  if (Buffer.byteLength(JSON.stringify(variables)) > API_LIMITS.environmentBytes)
    throw badParameter('variables', `variables may be at most ${API_LIMITS.environmentBytes} bytes together`);
}

const deleteEnvironment = route({
  id: 'deleteEnvironment',
  method: 'DELETE',
  path: '/environments/:name',
  access: ADMINISTRATOR,
  summary: 'Delete an environment; tasks that name it fail until there is one of that name again',
  answers: { 204: null },
  params: environmentPath,
  handle: async ({ params }, context) => {
    try {
      await context.store.deleteEnvironment(params.name);
    } catch (error) {
      if (error instanceof StoreError && error.code === 'NOT_FOUND') await loadEnvironment(context, params.name);
      throw error;
    }
    return { status: 204 };
  },
});

function environmentView(row: EnvironmentRow): EnvironmentView {
  const { name, description, variables, updatedAt, updatedBy } = row;
  return { name, description, variables, updatedAt: instantText(updatedAt), updatedBy };
}

export const environmentRoutes: readonly Route[] = [
  listEnvironments,
  getEnvironment,
  putEnvironment,
  deleteEnvironment,
];
