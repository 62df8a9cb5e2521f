/** Signing in and out, and who one is. */
import { z } from 'zod';
import type { MeView } from '@pelorus/protocol';
import { ANYONE, OWNER_BITS, SIGNED_IN, type Identity } from '../access.ts';
import { meView } from '../access-views.ts';
import { meAnswer } from '../answers/access.ts';
import { jsonBody } from '../body.ts';
import type { ApiContext } from '../context.ts';
import { noSessionCookie, sessionCookie } from '../credentials.ts';
import { API_LIMITS } from '../limits.ts';
import { ApiFailure, badParameter } from '../problem.ts';
import { ok, route, type Answer, type Route } from '../route.ts';
import { email } from '../schemas.ts';
import { redeemCode, signIn, type OpenedSession } from '../sign-in.ts';

const login = route({
  id: 'login',
  method: 'POST',
  path: '/login',
  access: ANYONE,
  summary: 'Sign in with a password: the answer sets a session cookie',
  answers: { 200: meAnswer },
  body: jsonBody(
    z.strictObject({
      name: z.string().min(1).max(255).optional(),
      email: email.optional(),
      password: z.string().min(1).max(API_LIMITS.passwordMax),
    }),
  ),
  handle: async ({ body }, context) => {
    const { name, email: address, password } = body;
    if (name !== undefined && address === undefined)
      return signedIn(context, await signIn(context, { name }, password));
    if (address !== undefined && name === undefined)
      return signedIn(context, await signIn(context, { email: address }, password));
    throw badParameter('name', 'either name or email is required');
  },
});

const loginByCode = route({
  id: 'loginByCode',
  method: 'POST',
  path: '/login/code',
  access: ANYONE,
  summary: 'Sign in with the code of a sign-in link, which works once',
  answers: { 200: meAnswer },
  body: jsonBody(z.strictObject({ code: z.string().min(1).max(255) })),
  handle: async ({ body }, context) => signedIn(context, await redeemCode(context, body.code)),
});

async function signedIn(context: ApiContext, { session, secret }: OpenedSession): Promise<Answer> {
  const identity: Identity = {
    user: session.user,
    administrator: (await context.store.getUser(session.user))?.administrator ?? false,
    via: 'session',
    mask: OWNER_BITS,
    projects: null,
    credential: String(session.id),
  };
  const headers = { 'set-cookie': sessionCookie(secret, context.connection.secure) };
  return { ...ok(await describe(context, identity)), headers };
}

async function describe({ store }: ApiContext, identity: Identity): Promise<MeView> {
  const token = identity.via === 'token' ? store.getToken(Number(identity.credential)) : null;
  return meView(identity, {
    account: await store.getUser(identity.user),
    token: await token,
    grants: await store.grantsOf(identity.user),
  });
}

const logout = route({
  id: 'logout',
  method: 'POST',
  path: '/logout',
  access: SIGNED_IN,
  summary: 'End the session that the request carries',
  answers: { 204: null },
  handle: async (_input, { store, caller, connection }) => {
    const { identity } = caller;
    if (identity?.via !== 'session')
      throw new ApiFailure('BAD_REQUEST', 'the request carries no session to end; tokens are deleted, at /tokens/{id}');
    await store.endSession(Number(identity.credential));
    return { status: 204, headers: { 'set-cookie': noSessionCookie(connection.secure) } };
  },
});

const me = route({
  id: 'getMe',
  method: 'GET',
  path: '/me',
  access: SIGNED_IN,
  summary: 'Who sends the request, by which credentials, and what they may',
  answers: { 200: meAnswer },
  handle: async (_input, context) => {
    const { identity } = context.caller;
    if (identity === null) throw new Error('getMe: a route for people who are signed in was reached by nobody');
    return ok(await describe(context, identity));
  },
});

export const signInRoutes: readonly Route[] = [login, loginByCode, logout, me];
