/** Who may talk to the API at all, before any route or credential is looked at: host names, other web sites. */
import type { IncomingHttpHeaders } from 'node:http';
import { ApiFailure } from './problem.ts';

export interface GuardOptions {
  /** Besides the loopback names; `*` allows all. */
  allowedHosts: readonly string[];
}

export interface GuardedRequest {
  method: string;
  headers: IncomingHttpHeaders;
}

/** Throws the refusal, if there is one. */
export type Guard = (request: GuardedRequest) => void;

const SAFE_METHODS = new Set(['GET', 'HEAD', 'OPTIONS']);

/** Requests by it change nothing. */
export function isSafeMethod(method: string): boolean {
  return SAFE_METHODS.has(method);
}

export function createGuard(options: GuardOptions): Guard {
  const hosts = new Set(options.allowedHosts.map((host) => host.toLowerCase()));
  return (request) => {
    if (!hosts.has('*')) checkHost(request.headers.host, hosts);
    if (!isSafeMethod(request.method)) checkOrigin(request.headers);
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

/** A proxy may write the port into the Host header where browsers leave it out, as it is the usual one. */
function isOwnOrigin(origin: string, host: string | undefined): boolean {
  const from = URL.parse(origin);
  if (from === null || from.host === '' || hostName(host) === null) return false;
  return URL.parse(`${from.protocol}//${host}`)?.host === from.host;
}

/** A browser says where a request that may change something comes from; other clients send neither header. */
function checkOrigin(headers: IncomingHttpHeaders): void {
  const site = headers['sec-fetch-site'];
  const foreignSite = site !== undefined && site !== 'same-origin' && site !== 'none';
  const { origin } = headers;
  if (foreignSite || (origin !== undefined && !isOwnOrigin(origin, headers.host)))
    throw new ApiFailure('CROSS_ORIGIN', "requests that change something are taken from this server's own pages only");
}
