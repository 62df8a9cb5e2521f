/** People and programs with every kind of right in the projects that are `own`, and none in those that are `foreign`. */
import { newSecret, secretHash, SESSION_COOKIE, TOKEN_PREFIX } from '../../../src/api/credentials.ts';
import { NOW, type ApiUnderTest } from '../api-under-test.ts';

/** Who sends a request. `bits`: effective ones in `own`; nobody but an administrator has any in `foreign`. */
export interface Principal {
  name: string;
  user: string;
  headers: Record<string, string>;
  signedIn: boolean;
  administrator: boolean;
  bits: number;
  /** A token that leaves its owner less than all. */
  restricted: boolean;
}

/** What members of an `own` project may. */
export const MEMBERS = { viewer: 2, operator: 3, editor: 7, 'w-only': 4, 'x-only': 1 } as const;
const ALL_BITS = 15;

/** The accounts behind all principals; who is `gone` is switched off once there is a token of theirs. */
export async function makeUsers({ store }: ApiUnderTest): Promise<void> {
  for (const name of [...Object.keys(MEMBERS), 'owner', 'strange-owner', 'gone', 'homely-guest', 'strange-guest'])
    await store.saveUser({ name, by: 'admin', at: NOW });
  await store.saveUser({ name: 'chief', administrator: true, by: 'admin', at: NOW });
}

/** The headers that present a new token. */
export async function makeToken(
  { store }: ApiUnderTest,
  user: string,
  limits: { mask?: number; projects?: string[] } = {},
): Promise<Record<string, string>> {
  const secret = TOKEN_PREFIX + newSecret();
  await store.createToken({
    ...{ user, hash: secretHash(secret), name: 'test', mask: ALL_BITS, projects: null, parent: null },
    ...{ expiresAt: null, at: NOW, limit: 100 },
    ...limits,
  });
  return { authorization: `Bearer ${secret}` };
}

export async function makePrincipals(api: ApiUnderTest): Promise<Principal[]> {
  const principal = async (
    name: string,
    user: string,
    bits: number,
    { administrator = false, ...limits }: { mask?: number; projects?: string[]; administrator?: boolean } = {},
  ): Promise<Principal> => ({
    ...{ name, user, headers: await makeToken(api, user, limits), signedIn: true, administrator, bits },
    restricted: limits.mask !== undefined || limits.projects !== undefined,
  });
  const goneHeaders = await makeToken(api, 'gone');
  await api.store.saveUser({ name: 'gone', disabled: true, by: 'admin', at: NOW });
  const nobody = { user: '', signedIn: false, administrator: false, bits: 0, restricted: false };
  return [
    { ...nobody, name: 'anonymous', headers: {} },
    { ...nobody, name: 'disabled user', headers: goneHeaders },
    { ...nobody, name: 'made-up token', headers: { authorization: `Bearer ${TOKEN_PREFIX}${newSecret()}` } },
    ...(await Promise.all(Object.entries(MEMBERS).map(([name, bits]) => principal(name, name, bits)))),
    await principal('owner', 'owner', ALL_BITS),
    await principal('token of the owner that may read', 'owner', 2, { mask: 2 }),
    await principal('token of the owner for another project', 'owner', 0, { projects: ['elsewhere'] }),
    await principal('token of an administrator that may read', 'chief', 0, { mask: 2 }),
    await principal('administrator', 'chief', ALL_BITS, { administrator: true }),
  ];
}

/** The cookie of a session that a sign-in link has opened. */
export async function makeSession({ store }: ApiUnderTest, user: string): Promise<string> {
  const [code, session] = [newSecret(), newSecret()];
  await store.createSignInLink({ user, hash: secretHash(code), expiresAt: null, by: 'admin', at: NOW });
  await store.redeemSignInLink({
    hash: secretHash(code),
    session: { hash: secretHash(session), at: NOW, endsAt: NOW + 86_400_000, address: '127.0.0.1', limit: 10 },
  });
  return `${SESSION_COOKIE}=${session}`;
}
