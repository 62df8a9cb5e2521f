/**
 * Checking passwords and codes. Every try is counted before anything is looked at, for the account that is named and for the
 * address that it comes from, in the store: so that several processes, and requests at the same moment, count as one.
 */
import { createHash } from 'node:crypto';
import { isIPv6 } from 'node:net';
import type { SessionRow, SignInRow, TryBucket } from '../store/access-port.ts';
import { StoreError } from '../store/port.ts';
import type { ApiContext } from './context.ts';
import { isSecret, newSecret, secretHash } from './credentials.ts';
import { API_LIMITS } from './limits.ts';
import { ApiFailure } from './problem.ts';

type Needed = Pick<ApiContext, 'store' | 'caller' | 'passwords' | 'clock'>;

export interface OpenedSession {
  session: SessionRow;
  /** For the cookie; nothing else ever holds it. */
  secret: string;
}

export type Login = { name: string } | { email: string };

/**
 * Throws `SIGN_IN_FAILED` without saying which of name and password was wrong or that the account is disabled, after the same
 * time in each case; `TOO_MANY_REQUESTS` when there have been too many tries.
 */
export async function signIn(context: Needed, login: Login, password: string): Promise<OpenedSession> {
  const { store, clock } = context;
  const found = await store.findSignIn(login);
  const stored = await checkPassword(context, { found, login, password });
  const secret = newSecret();
  try {
    const session = await store.createSession({ ...newSession(context, secret, clock()), ...stored });
    return { session, secret };
  } catch (error) {
    // Disabled, or given another password while this one was being checked.
    if (error instanceof StoreError && error.code === 'CONFLICT') throw signInFailed(found);
    throw error;
  }
}

function newSession({ caller }: Needed, secret: string, at: number) {
  return {
    hash: secretHash(secret),
    at,
    endsAt: at + API_LIMITS.sessionMaxMs,
    address: caller.address,
    limit: API_LIMITS.sessionsPerUser,
  };
}

/** The user with the hash that the password fits. */
export async function checkPassword(
  { store, caller, passwords, clock }: Needed,
  { found, login, password }: { found: SignInRow | null; login: Login; password: string },
): Promise<{ user: string; passwordHash: string }> {
  const account = accountBucket(found === null ? login : { name: found.user.name });
  const address = addressBucket('address', caller.address);
  await countTry(store, [account, address], clock());
  const stored = found?.passwordHash ?? null;
  const fits = await passwords.fits(password, stored);
  if (found === null || stored === null || !fits || found.user.disabledAt !== null) throw signInFailed(found);
  await store.forgiveTry({ empty: account.key, giveBack: address.key });
  return { user: found.user.name, passwordHash: stored };
}

function signInFailed(found: SignInRow | null): ApiFailure {
  return new ApiFailure(
    'SIGN_IN_FAILED',
    'name and password do not fit, or the account may not sign in',
    found === null ? {} : { about: `users/${found.user.name}` },
  );
}

/** Uses up the code of a sign-in link. Throws as `signIn` does. */
export async function redeemCode(context: Needed, code: string): Promise<OpenedSession> {
  const { store, caller, clock } = context;
  const at = clock();
  const address = addressBucket('code', caller.address);
  await countTry(store, [address], at);
  const secret = newSecret();
  const request = { hash: secretHash(code), session: newSession(context, secret, at) };
  const session = isSecret(code) ? await store.redeemSignInLink(request) : null;
  if (session === null)
    throw new ApiFailure('SIGN_IN_FAILED', 'the link has been used, has expired, or was replaced by a newer one');
  return { session, secret };
}

async function countTry(store: ApiContext['store'], buckets: TryBucket[], at: number): Promise<void> {
  const waitMs = await store.takeTry({ buckets, at });
  if (waitMs > 0)
    throw new ApiFailure('TOO_MANY_REQUESTS', 'there have been too many tries to sign in; wait a while', {
      retryAfterSeconds: Math.ceil(waitMs / 1000),
    });
}

/** By a hash: what is typed into the field for names is now and then a password. */
function accountBucket(login: Login): TryBucket {
  const named = 'name' in login ? `name ${login.name.toLowerCase()}` : `email ${login.email}`;
  const key = `account ${createHash('sha256').update(named).digest('base64url')}`;
  return { key, capacity: API_LIMITS.accountTries, leakMs: API_LIMITS.accountTryMs };
}

function addressBucket(kind: string, address: string): TryBucket {
  const key = `${kind} ${networkOf(address)}`;
  return { key, capacity: API_LIMITS.addressTries, leakMs: API_LIMITS.addressTryMs };
}

/** One customer has 2⁶⁴ addresses of IPv6, and shares one of IPv4. */
function networkOf(address: string): string {
  if (!isIPv6(address) || /^::ffff:\d/i.test(address)) return address.replace(/^::ffff:/i, '');
  const [head = '', tail] = address.replace(/%.*$/, '').split('::');
  const first = head === '' ? [] : head.split(':');
  const last = tail === undefined || tail === '' ? [] : tail.split(':');
  const zeros =
    tail === undefined ? [] : Array.from({ length: Math.max(0, 8 - first.length - last.length) }, () => '0');
  return `${[...first, ...zeros, ...last].slice(0, 4).join(':')}::/64`;
}
