/** Who may talk to the API at all, before any route is looked at: host names, other web sites, the token. */
import { createHash, timingSafeEqual } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import { ApiFailure } from './problem.ts';

export interface GuardOptions {
  adminToken: string | null;
  /** Besides the loopback names; `*` allows all. */
  allowedHosts: readonly string[];
}

export interface GuardedRequest {
  method: string;
  /** Path without the query. */
  path: string;
  headers: IncomingHttpHeaders;
}

/** Throws the refusal, if there is one. */
export type Guard = (request: GuardedRequest) => void;

const SAFE_METHODS = new Set(['GET', 'HEAD', 'OPTIONS']);
const OPEN_PATHS = new Set(['/livez', '/readyz']);

export function createGuard(options: GuardOptions): Guard {
  const hosts = new Set(options.allowedHosts.map((host) => host.toLowerCase()));
  return (request) => {
    if (!hosts.has('*')) checkHost(request.headers.host, hosts);
    if (!SAFE_METHODS.has(request.method)) checkOrigin(request.headers);
    if (options.adminToken !== null && !OPEN_PATHS.has(request.path))
      checkToken(request.headers.authorization, options.adminToken);
  };
}

/** A page of another site can make a browser resolve that site's name to this server; the Host header gives it away. */
function checkHost(header: string | undefined, hosts: ReadonlySet<string>): void {
  const name = hostName(header);
  if (name !== null && (isLoopback(name) || hosts.has(name))) return;
  throw new ApiFailure(
    'FOREIGN_HOST',
    `the Host header ${JSON.stringify(header ?? '')} does not name this server; use localhost, or add the name to the allowed hosts`,
  );
}

function hostName(header: string | undefined): string | null {
  if (header === undefined || !/^[\w.:[\]-]+$/.test(header)) return null;
  return URL.parse(`http://${header}`)?.hostname.toLowerCase() ?? null;
}

function isLoopback(name: string): boolean {
  return name === 'localhost' || name.endsWith('.localhost') || name === '[::1]' || /^127(\.\d{1,3}){3}$/.test(name);
}

/** A browser says where a request that may change something comes from; other clients send neither header. */
function checkOrigin(headers: IncomingHttpHeaders): void {
  const site = headers['sec-fetch-site'];
  const foreignSite = site !== undefined && site !== 'same-origin' && site !== 'none';
  const { origin } = headers;
  const foreignOrigin = origin !== undefined && URL.parse(origin)?.host !== headers.host;
  if (foreignSite || foreignOrigin)
    throw new ApiFailure('CROSS_ORIGIN', "requests that change something are taken from this server's own pages only");
}

function checkToken(header: string | undefined, token: string): void {
  const given = /^Bearer +(\S+)$/i.exec(header ?? '')?.[1];
  if (given !== undefined && timingSafeEqual(digest(given), digest(token))) return;
  throw new ApiFailure(
    'NOT_SIGNED_IN',
    given === undefined ? 'send the header Authorization: Bearer <token>' : 'the token is not valid',
  );
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
