/** Sessions of browsers: where somebody is signed in, and ending that from elsewhere. */
import { z } from 'zod';
import type { SessionRow } from '../../store/access-port.ts';
import { SIGNED_IN, isRestricted } from '../access.ts';
import { sessionView } from '../access-views.ts';
import { sessionPage } from '../answers/access.ts';
import type { ApiContext } from '../context.ts';
import { ApiFailure } from '../problem.ts';
import { ok, route, type Route } from '../route.ts';
import { integer, someName } from '../schemas.ts';
import { isSessionOver } from '../session-life.ts';

const userPath = z.strictObject({ name: someName });

const listSessions = route({
  id: 'listSessions',
  method: 'GET',
  path: '/users/:name/sessions',
  access: SIGNED_IN,
  summary: 'Where a user is signed in, newest first: the own sessions, or those of another user for administrators',
  answers: { 200: sessionPage },
  params: userPath,
  handle: async ({ params }, context) => {
    const { identity } = context.caller;
    const own = identity?.via === 'session' ? identity.credential : null;
    const rows = await sessionsOf(context, params.name);
    return ok({ items: rows.map((row) => sessionView(row, String(row.id) === own)), nextCursor: null });
  },
});

const endSession = route({
  id: 'endSession',
  method: 'DELETE',
  path: '/users/:name/sessions/:id',
  access: SIGNED_IN,
  summary: 'End a session: whoever uses it has to sign in again',
  answers: { 204: null },
  params: userPath.extend({ id: integer({ min: 1, max: Number.MAX_SAFE_INTEGER }) }),
  handle: async ({ params }, context) => {
    const session = (await sessionsOf(context, params.name)).find(({ id }) => id === params.id);
    if (session === undefined)
      throw new ApiFailure('SESSION_NOT_FOUND', `${params.name} has no session ${params.id}, or not any more`);
    await context.store.endSession(session.id);
    return { status: 204 };
  },
});

async function sessionsOf({ store, caller, clock }: ApiContext, name: string): Promise<SessionRow[]> {
  const { identity, user } = caller;
  if (identity === null || isRestricted(identity) || (name !== user && !identity.administrator))
    throw new ApiFailure('FORBIDDEN', `only an administrator, or ${name} without a restricted token, may do this`);
  if ((await store.getUser(name)) === null) throw new ApiFailure('USER_NOT_FOUND', `there is no user ${name}`);
  const now = clock();
  return (await store.listSessions(name)).filter((session) => !isSessionOver(session, now));
}

export const sessionRoutes: readonly Route[] = [listSessions, endSession];
