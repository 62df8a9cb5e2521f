import { z } from 'zod';
import { inProject } from '../access.ts';
import { connectionAnswer } from '../answers/projects.ts';
import { jsonBody } from '../body.ts';
import { loadProject } from '../lookup.ts';
import { badParameter } from '../problem.ts';
import { ok, route, type Route } from '../route.ts';
import { newName, someName } from '../schemas.ts';

const SCHEMES = { sqlite: ['sqlite:'], postgres: ['postgres:', 'postgresql:'], mysql: ['mysql:', 'mariadb:'] } as const;

const putConnection = route({
  id: 'putConnection',
  method: 'PUT',
  path: '/projects/:project/connections/:name',
  access: inProject('write'),
  summary: 'Create or change a connection; its address is never given back, for it may hold a password',
  answers: { 200: connectionAnswer },
  params: z.strictObject({ project: someName, name: newName }),
  body: jsonBody(z.strictObject({ kind: z.enum(['sqlite', 'postgres', 'mysql']), url: z.string().min(1).max(4096) })),
  handle: async ({ params, body }, context) => {
    const schemes: readonly string[] = SCHEMES[body.kind];
    if (!schemes.some((scheme) => body.url.startsWith(scheme)))
      throw badParameter('url', `url of a ${body.kind} connection must begin with ${schemes.join(' or ')}`);
    await loadProject(context, params.project);
    await context.store.saveConnection(params.project, { name: params.name, kind: body.kind, url: body.url });
    return ok({ name: params.name, kind: body.kind });
  },
});

export const connectionRoutes: readonly Route[] = [putConnection];
