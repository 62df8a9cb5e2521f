/** Who changed what, and who was refused. */
import { z } from 'zod';
import { SIGNED_IN } from '../access.ts';
import { auditView } from '../access-views.ts';
import { auditPage } from '../answers/access.ts';
import type { ApiContext } from '../context.ts';
import { readCursor, writeCursor } from '../cursor.ts';
import { API_LIMITS } from '../limits.ts';
import { loadProject } from '../lookup.ts';
import { ApiFailure } from '../problem.ts';
import { ok, route, type Route } from '../route.ts';
import { cursor, instant, limit, someName } from '../schemas.ts';

const listAudit = route({
  id: 'listAudit',
  method: 'GET',
  path: '/audit',
  access: SIGNED_IN,
  summary: 'Changes and refusals, newest first: all for administrators, those of a project for its owner',
  answers: { 200: auditPage },
  query: z.strictObject({
    user: z.string().max(255).optional(),
    action: z.string().max(255).optional(),
    project: someName.optional(),
    outcome: z.enum(['done', 'refused']).optional(),
    after: instant.optional(),
    before: instant.optional(),
    limit: limit(API_LIMITS.auditPageDefault),
    cursor,
  }),
  handle: async ({ query }, context) => {
    const { project, limit: size, cursor: from, ...filter } = query;
    const projectId = await ownedProject(context, project);
    const [at, id] = readCursor(from, 2) ?? [];
    const given = Object.fromEntries(Object.entries(filter).filter(([, value]) => value !== undefined));
    const rows = await context.store.listAudit({
      ...given,
      ...(projectId === null ? {} : { projectId }),
      ...(at === undefined || id === undefined ? {} : { from: { at, id } }),
      limit: size + 1,
    });
    const items = rows.slice(0, size);
    const last = items.at(-1);
    const nextCursor = rows.length > items.length && last !== undefined ? writeCursor([last.at, last.id]) : null;
    return ok({ items: items.map(auditView), nextCursor });
  },
});

/** Null: of everything, which is for administrators. */
async function ownedProject(context: ApiContext, name: string | undefined): Promise<number | null> {
  const { caller } = context;
  if (name === undefined) {
    if (caller.identity?.administrator === true) return null;
    throw new ApiFailure('FORBIDDEN', 'name a project that you own with ?project=; all is for administrators');
  }
  const project = await loadProject(context, name);
  await caller.demand('own', { projectId: project.id, project: project.name });
  return project.id;
}

export const auditRoutes: readonly Route[] = [listAudit];
