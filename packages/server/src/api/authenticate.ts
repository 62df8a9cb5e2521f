/**
 * Who sends a request. Every request asks the store, nothing is kept here: a session, token or account that has ended has
 * ended for the next request, whichever process it reaches. (A look-up takes the reader's thread some tens of microseconds.)
 */
import { createHash, timingSafeEqual } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import type { ApiStore } from '../store/port.ts';
import { OWNER_BITS, isRestricted, type Identity } from './access.ts';
import { administrator } from './caller.ts';
import type { ApiLog } from './context.ts';
import { isSecret, presentedBy, secretHash, TOKEN_PREFIX, type Presented } from './credentials.ts';
import { isSafeMethod } from './guard.ts';
import { API_LIMITS } from './limits.ts';
import { isSessionOver } from './session-life.ts';
import { ApiFailure } from './problem.ts';

export interface Authenticator {
  /** The 400 for two kinds of credentials, the 403 for a change that a page of another site may have sent with our cookie. */
  check(request: Sent): Presented;
  /** Null: nobody; the 401 for credentials that are not valid. */
  identify(presented: Presented): Promise<Identity | null>;
}

export interface Sent {
  method: string;
  headers: IncomingHttpHeaders;
}

export interface AuthenticatorOptions {
  store: ApiStore;
  clock: () => number;
  log: ApiLog;
  /** The administrator's bearer token of the configuration. */
  adminToken: string | null;
  /** Whom requests without credentials stand for; null: nobody. */
  stranger: Identity | null;
}

/** Whom the token of the configuration stands for. */
export const ADMIN_USER = 'admin';

export function createAuthenticator(options: AuthenticatorOptions): Authenticator {
  const adminDigest = options.adminToken === null ? null : digest(options.adminToken);
  return {
    check: ({ method, headers }) => {
      const presented = presentedBy(headers);
      if (presented.kind === 'session' && !isSafeMethod(method)) requireOwnPage(headers);
      return presented;
    },
    identify: async (presented) => {
      if (presented.kind === 'none') return options.stranger;
      if (presented.kind === 'session') return sessionIdentity(options, presented.secret);
      const { secret } = presented;
      if (adminDigest !== null && timingSafeEqual(digest(secret), adminDigest)) return administrator(ADMIN_USER);
      return tokenIdentity(options, secret);
    },
  };
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}

/** The guard has refused a foreign `Origin`; here one must be there, or the browser's word that the page is ours. */
function requireOwnPage(headers: IncomingHttpHeaders): void {
  if (headers.origin !== undefined || headers['sec-fetch-site'] === 'same-origin') return;
  throw new ApiFailure(
    'CROSS_ORIGIN',
    'a change that is sent with a session cookie must carry the header Origin, as browsers do; programs use a token',
  );
}

async function sessionIdentity({ store, clock, log }: AuthenticatorOptions, secret: string): Promise<Identity> {
  const session = isSecret(secret) ? await store.findSession(secretHash(secret)) : null;
  const now = clock();
  if (session === null || session.disabled || isSessionOver(session, now))
    throw new ApiFailure('NOT_SIGNED_IN', 'the session has ended; sign in again');
  if (now - session.seenAt >= API_LIMITS.sessionTouchMs)
    await store
      .touchSession({ id: session.id, at: now })
      .catch((err: unknown) => log.warn({ err, session: session.id }, 'a session could not be prolonged'));
  return {
    user: session.user,
    administrator: session.administrator,
    via: 'session',
    mask: OWNER_BITS,
    projects: null,
    credential: String(session.id),
  };
}

async function tokenIdentity({ store, clock, log }: AuthenticatorOptions, secret: string): Promise<Identity> {
  const token =
    secret.startsWith(TOKEN_PREFIX) && isSecret(secret.slice(TOKEN_PREFIX.length))
      ? await store.findToken(secretHash(secret))
      : null;
  const now = clock();
  if (token === null || token.disabled || (token.expiresAt !== null && now >= token.expiresAt))
    throw new ApiFailure('NOT_SIGNED_IN', 'the token is not valid, or not any more');
  if (now - (token.usedAt ?? 0) >= API_LIMITS.tokenTouchMs)
    await store
      .touchToken({ id: token.id, at: now })
      .catch((err: unknown) => log.warn({ err, token: token.id }, 'the use of a token could not be noted'));
  return {
    user: token.user,
    administrator: token.administrator && !isRestricted(token),
    via: 'token',
    mask: token.mask,
    projects: token.projects,
    credential: String(token.id),
  };
}
