/** The secrets by which requests are recognised: how they are made, how they travel, and what of them is stored. */
import { createHash, randomBytes } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import { API_LIMITS } from './limits.ts';
import { ApiFailure } from './problem.ts';

/** What a request carries to say who sends it. */
export type Presented = { kind: 'none' } | { kind: 'session'; secret: string } | { kind: 'bearer'; secret: string };

export const SESSION_COOKIE = 'pelorus_session';
export const TOKEN_PREFIX = 'plr_';
const SECRET_BYTES = 32;
const SECRET = /^[A-Za-z0-9_-]{43}$/;

/** 256 bits of chance. */
export function newSecret(): string {
  return randomBytes(SECRET_BYTES).toString('base64url');
}

/** Whether a text can be a secret that `newSecret` made; others need not be looked up. */
export function isSecret(text: string): boolean {
  return SECRET.test(text);
}

/** What is stored of a secret. Guessing 256 bits is hopeless, so it needs no salt and no slowness. */
export function secretHash(secret: string): string {
  return createHash('sha256').update(secret).digest('hex');
}

/**
 * Throws the 400 for a request with two kinds of credentials, the 401 for a header that is no bearer token. The secret has
 * not been looked at.
 */
export function presentedBy(headers: IncomingHttpHeaders): Presented {
  const cookies = cookiesNamed(headers.cookie ?? '', SESSION_COOKIE);
  const { authorization } = headers;
  if (cookies.length > 1)
    throw new ApiFailure('BAD_REQUEST', `the cookie ${SESSION_COOKIE} is sent ${cookies.length} times`);
  const [cookie] = cookies;
  if (authorization === undefined) return cookie === undefined ? { kind: 'none' } : { kind: 'session', secret: cookie };
  if (cookie !== undefined)
    throw new ApiFailure(
      'BAD_REQUEST',
      `the request carries the cookie ${SESSION_COOKIE} and the header Authorization; send one of them`,
    );
  const secret = /^Bearer +(\S+)$/i.exec(authorization)?.[1];
  if (secret === undefined) throw new ApiFailure('NOT_SIGNED_IN', 'the header Authorization must be: Bearer <token>');
  return { kind: 'bearer', secret };
}

function cookiesNamed(header: string, name: string): string[] {
  return header.split(';').flatMap((part) => {
    const at = part.indexOf('=');
    return at > 0 && part.slice(0, at).trim() === name ? [part.slice(at + 1).trim()] : [];
  });
}

/** The header that gives a browser its session; `secure`: it reached us by TLS. */
export function sessionCookie(secret: string, secure: boolean): string {
  return cookie(secret, Math.floor(API_LIMITS.sessionMaxMs / 1000), secure);
}

/** The header that takes it away. */
export function noSessionCookie(secure: boolean): string {
  return cookie('', 0, secure);
}

function cookie(value: string, maxAgeSeconds: number, secure: boolean): string {
  const parts = [`${SESSION_COOKIE}=${value}`, 'Path=/', 'HttpOnly', 'SameSite=Lax', `Max-Age=${maxAgeSeconds}`];
  return [...parts, ...(secure ? ['Secure'] : [])].join('; ');
}
