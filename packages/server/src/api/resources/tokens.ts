/** Tokens for programs. One never may more than its owner, nor than the token that it was made with. */
import { z } from 'zod';
import type { TokenCreated } from '@pelorus/protocol';
import type { TokenRow } from '../../store/access-port.ts';
import { OWNER_BITS, SIGNED_IN, isRestricted, type Identity } from '../access.ts';
import { permOf, tokenView } from '../access-views.ts';
import { tokenCreatedAnswer, tokenPage } from '../answers/access.ts';
import { jsonBody } from '../body.ts';
import type { ApiContext } from '../context.ts';
import { newSecret, secretHash, TOKEN_PREFIX } from '../credentials.ts';
import { API_LIMITS } from '../limits.ts';
import { ApiFailure, badParameter } from '../problem.ts';
import { created, ok, route, type Route } from '../route.ts';
import { instant, integer, permission, someName } from '../schemas.ts';

const listTokens = route({
  id: 'listTokens',
  method: 'GET',
  path: '/tokens',
  access: SIGNED_IN,
  summary: 'The own tokens, or those of another user for administrators; a restricted token sees itself',
  answers: { 200: tokenPage },
  query: z.strictObject({ user: someName.optional() }),
  handle: async ({ query }, { store, caller }) => {
    const identity = signedIn(caller.identity);
    const user = query.user ?? caller.user;
    if (user !== caller.user && !identity.administrator)
      throw new ApiFailure('FORBIDDEN', "only an administrator may see another user's tokens");
    const rows = (await store.listTokens(user)).filter((row) => mayManage(identity, row));
    return ok({ items: rows.map(tokenView), nextCursor: null });
  },
});

function signedIn(identity: Identity | null): Identity {
  if (identity === null) throw new Error('a route for people who are signed in was reached by nobody');
  return identity;
}

function mayManage(identity: Identity, row: TokenRow): boolean {
  if (identity.via === 'token' && isRestricted(identity)) return String(row.id) === identity.credential;
  return identity.administrator || row.user === identity.user;
}

const createToken = route({
  id: 'createToken',
  method: 'POST',
  path: '/tokens',
  access: SIGNED_IN,
  summary: 'Make a token; its secret is in this answer only',
  answers: { 201: tokenCreatedAnswer },
  body: jsonBody(
    z.strictObject({
      name: z.string().min(1).max(100),
      expiresAt: instant.optional(),
      perm: permission.optional(),
      projects: z.array(someName).min(1).max(API_LIMITS.projectsPerToken).optional(),
    }),
  ),
  handle: async ({ body }, context) => {
    const { store, caller, clock } = context;
    const at = clock();
    const wanted = {
      mask: body.perm === undefined ? null : permOf(body.perm),
      projects: body.projects === undefined ? null : await knownProjects(context, [...new Set(body.projects)]),
      expiresAt: body.expiresAt ?? null,
    };
    if (wanted.expiresAt !== null && wanted.expiresAt <= at)
      throw badParameter('expiresAt', 'expiresAt must be in the future');
    const secret = TOKEN_PREFIX + newSecret();
    const row = await store.createToken({
      ...(await withinMaker(context, wanted)),
      user: caller.user,
      name: body.name,
      hash: secretHash(secret),
      at,
      limit: API_LIMITS.tokensPerUser,
    });
    const answer: TokenCreated = { ...tokenView(row), token: secret };
    return created(answer);
  },
});

async function knownProjects({ store, caller }: ApiContext, names: string[]): Promise<string[]> {
  const visible = await store.listProjects({ projectIds: await caller.visibleProjects() });
  const known = new Set(visible.map(({ name }) => name));
  const missing = names.find((name) => !known.has(name));
  if (missing !== undefined) throw badParameter('projects', `projects names ${missing}, which you may not read`);
  return names;
}

interface Restrictions {
  mask: number | null;
  projects: string[] | null;
  expiresAt: number | null;
}

/**
 * What is not said is as it is with the token that makes it; what is wider than that is refused. One that is restricted has
 * been given to somebody, and takes along what it has made when it ends; one that is not is its owner's own tool.
 */
async function withinMaker(
  { store, caller }: ApiContext,
  wanted: Restrictions,
): Promise<{ mask: number; projects: string[] | null; expiresAt: number | null; parent: number | null }> {
  const identity = signedIn(caller.identity);
  const maker = identity.via === 'token' ? await store.getToken(Number(identity.credential)) : null;
  if (maker === null) return { ...wanted, mask: wanted.mask ?? OWNER_BITS, parent: null };
  const mask = wanted.mask ?? maker.mask;
  const projects = wanted.projects ?? maker.projects;
  const expiresAt = wanted.expiresAt ?? maker.expiresAt;
  if ((mask & ~maker.mask) !== 0) throw wider('perm');
  if (maker.projects !== null && projects?.some((name) => maker.projects?.includes(name) !== true))
    throw wider('projects');
  if (maker.expiresAt !== null && expiresAt !== null && expiresAt > maker.expiresAt) throw wider('expiresAt');
  return { mask, projects, expiresAt, parent: isRestricted(maker) ? maker.id : null };
}

function wider(what: string): ApiFailure {
  return new ApiFailure(
    'FORBIDDEN',
    `${what} is wider than that of the token which the request carries; sign in with a password to make such a token`,
  );
}

const deleteToken = route({
  id: 'deleteToken',
  method: 'DELETE',
  path: '/tokens/:id',
  access: SIGNED_IN,
  summary: 'End a token; one that is restricted, with those that were made with it',
  answers: { 204: null },
  params: z.strictObject({ id: integer({ min: 1, max: Number.MAX_SAFE_INTEGER }) }),
  handle: async ({ params }, { store, caller }) => {
    const row = await store.getToken(params.id);
    // Others' ids say nothing: whether there is such a token is not for everybody to know.
    if (row === null || !mayManage(signedIn(caller.identity), row))
      throw new ApiFailure('TOKEN_NOT_FOUND', `you have no token ${params.id}`);
    await store.deleteToken(row.id);
    return { status: 204 };
  },
});

export const tokenRoutes: readonly Route[] = [listTokens, createToken, deleteToken];
