/** Accounts. They are disabled, never deleted: what they did refers to them. */
import { z } from 'zod';
import type { SignInLink, UserView } from '@pelorus/protocol';
import type { UserRow } from '../../store/access-port.ts';
import { ADMINISTRATOR, SIGNED_IN, isRestricted } from '../access.ts';
import { userView } from '../access-views.ts';
import { signInLinkAnswer, userAnswer, userPage } from '../answers/access.ts';
import { jsonBody } from '../body.ts';
import type { ApiContext } from '../context.ts';
import { newSecret, secretHash } from '../credentials.ts';
import { readTextCursor, writeTextCursor } from '../cursor.ts';
import { API_LIMITS } from '../limits.ts';
import { ApiFailure, badParameter } from '../problem.ts';
import { created, ok, route, type Route } from '../route.ts';
import { cursor, email, limit, newPassword, newUserName, someName } from '../schemas.ts';
import { checkPassword } from '../sign-in.ts';
import { instantText } from '../views.ts';

const userPath = z.strictObject({ name: someName });

const listUsers = route({
  id: 'listUsers',
  method: 'GET',
  path: '/users',
  access: ADMINISTRATOR,
  summary: 'All users, by name',
  answers: { 200: userPage },
  query: z.strictObject({ limit: limit(API_LIMITS.userPageDefault), cursor }),
  handle: async ({ query }, { store }) => {
    const after = readTextCursor(query.cursor);
    const rows = await store.listUsers({ ...(after === null ? {} : { after }), limit: query.limit + 1 });
    const items = rows.slice(0, query.limit);
    const last = items.at(-1);
    const nextCursor = rows.length > items.length && last !== undefined ? writeTextCursor(last.name) : null;
    return ok({ items: items.map(userView), nextCursor });
  },
});

const getUser = route({
  id: 'getUser',
  method: 'GET',
  path: '/users/:name',
  access: SIGNED_IN,
  summary: 'One user: administrators see all, others themselves',
  answers: { 200: userAnswer },
  params: userPath,
  handle: async ({ params }, context) => {
    const { caller } = context;
    if (caller.identity?.administrator !== true && params.name !== caller.user)
      throw onlyForAdministrators(params.name);
    return ok(userView(await loadUser(context, params.name)));
  },
});

function onlyForAdministrators(name: string): ApiFailure {
  return new ApiFailure('FORBIDDEN', `only an administrator may do this for another user than oneself: ${name}`);
}

async function loadUser({ store }: Pick<ApiContext, 'store'>, name: string): Promise<UserRow> {
  const row = await store.getUser(name);
  if (row === null) throw new ApiFailure('USER_NOT_FOUND', `there is no user ${name}`);
  return row;
}

const putUser = route({
  id: 'putUser',
  method: 'PUT',
  path: '/users/:name',
  access: ADMINISTRATOR,
  summary: 'Create a user or change one; disabling ends all sessions and tokens of the user',
  answers: { 200: userAnswer, 201: userAnswer },
  params: z.strictObject({ name: newUserName }),
  body: jsonBody(
    z.strictObject({
      email: email.nullable().optional(),
      administrator: z.boolean().optional(),
      disabled: z.boolean().optional(),
      password: newPassword.optional(),
    }),
  ),
  handle: async ({ params, body }, { store, user, passwords, clock }) => {
    const { email: address, administrator, disabled, password } = body;
    if (password !== undefined && (await store.getUser(params.name)) !== null)
      throw badParameter('password', 'password is for new users only; POST /users/{name}/password changes it');
    const saved = await store.saveUser({
      name: params.name,
      ...(address === undefined ? {} : { email: address }),
      ...(administrator === undefined ? {} : { administrator }),
      ...(disabled === undefined ? {} : { disabled }),
      ...(password === undefined ? {} : { passwordHash: await passwords.hash(password) }),
      by: user,
      at: clock(),
    });
    const json: UserView = userView(saved.user);
    return { status: saved.created ? 201 : 200, body: { json } };
  },
});

const setPassword = route({
  id: 'setPassword',
  method: 'POST',
  path: '/users/:name/password',
  access: SIGNED_IN,
  summary: 'Change the own password, with the present one, or as an administrator set that of anybody',
  answers: { 204: null },
  params: userPath,
  body: jsonBody(
    z.strictObject({ current: z.string().min(1).max(API_LIMITS.passwordMax).optional(), new: newPassword }),
  ),
  handle: async ({ params, body }, context) => {
    const { store, passwords, clock, user } = context;
    const change = isReset(context, params.name)
      ? await resetOf(context, params.name)
      : await ownChange(context, body.current);
    const passwordHash = await passwords.hash(body.new);
    await store.setPassword({ ...change, passwordHash, by: user, at: clock() });
    return { status: 204 };
  },
});

/** By somebody else, or with the token of the configuration, which no password opens. */
function isReset({ caller }: ApiContext, name: string): boolean {
  const { identity } = caller;
  if (identity?.administrator === true) return name !== caller.user || identity.via === 'admin-token';
  if (name !== caller.user) throw onlyForAdministrators(name);
  return false;
}

interface PasswordChange {
  user: string;
  expected?: string | null;
  keepSession: number | null;
  endTokens: boolean;
}

async function resetOf(context: ApiContext, name: string): Promise<PasswordChange> {
  const { name: user } = await loadUser(context, name);
  return { user, keepSession: null, endTokens: true };
}

/**
 * Who has no password yet, having come by a link, sets one without. A token alone never does: it would become more than it
 * is, and outlive its own end.
 */
async function ownChange(context: ApiContext, current: string | undefined): Promise<PasswordChange> {
  const { store, caller } = context;
  const { identity, user } = caller;
  if (identity !== null && isRestricted(identity))
    throw new ApiFailure('FORBIDDEN', 'a token that is restricted cannot change the password');
  const found = await store.findSignIn({ name: user });
  if (found === null) throw new ApiFailure('USER_NOT_FOUND', `there is no user ${user}`);
  const keepSession = identity?.via === 'session' ? Number(identity.credential) : null;
  if (found.passwordHash === null) {
    if (identity?.via !== 'session')
      throw new ApiFailure('FORBIDDEN', 'the first password is set in a session, or by an administrator');
    return { user, expected: null, keepSession, endTokens: false };
  }
  if (current === undefined) throw badParameter('current', 'current is required: the present password');
  const { passwordHash } = await checkPassword(context, { found, login: { name: user }, password: current });
  return { user, expected: passwordHash, keepSession, endTokens: false };
}

const createSignInLink = route({
  id: 'createSignInLink',
  method: 'POST',
  path: '/users/:name/sign-in-link',
  access: ADMINISTRATOR,
  summary: 'A link by which the user signs in once, within 15 minutes; it ends the one made before',
  answers: { 201: signInLinkAnswer },
  params: userPath,
  handle: async ({ params }, context) => {
    const { store, user, clock, connection } = context;
    const { name } = await loadUser(context, params.name);
    const code = newSecret();
    const at = clock();
    const expiresAt = at + API_LIMITS.signInLinkMs;
    await store.createSignInLink({ user: name, hash: secretHash(code), expiresAt, by: user, at });
    const answer: SignInLink = {
      user: name,
      url: `${connection.origin}/?code=${code}`,
      expiresAt: instantText(expiresAt),
    };
    return created(answer);
  },
});

export const userRoutes: readonly Route[] = [listUsers, getUser, putUser, setPassword, createSignInLink];
