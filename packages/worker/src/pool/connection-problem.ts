/** What is wrong when a connection to a database cannot be made, in words for whoever set it up. */
import { decoded } from '../secrets/known-secrets.ts';
import type { CancelHandle, Connection } from './messages.ts';

interface DriverError extends Error {
  code?: string;
  errors?: Error[];
}

/** One sentence about an error of a driver. It may hold what the driver said, so it must be masked before it is shown. */
export function connectionProblem(error: unknown, { kind, url }: Connection): string {
  const { code = '', message } = deepest(error);
  const place = placeOf(kind, url);
  switch (code) {
    case 'ECONNREFUSED':
      return `nothing listens at ${place.host} (connection refused)`;
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return `the host name ${place.hostname} is not known`;
    case 'EHOSTUNREACH':
    case 'ENETUNREACH':
      return `${place.host} cannot be reached from this worker`;
    case 'ETIMEDOUT':
      return `${place.host} does not answer`;
    case 'ECONNRESET':
    case 'EPIPE':
    case 'PROTOCOL_CONNECTION_LOST':
      return notThatServer(place.host, kind);
    case 'ERR_INVALID_URL':
      return UNREADABLE;
    case '28P01':
    case 'ER_ACCESS_DENIED_ERROR':
      return `the server does not accept the password of user ${place.user} (${message})`;
    case '28000':
    case 'ER_DBACCESS_DENIED_ERROR':
      return `the server does not let user ${place.user} in (${message})`;
    case '3D000':
    case 'ER_BAD_DB_ERROR':
      return `there is no database named ${place.database}`;
  }
  if (/^connection terminated unexpectedly/i.test(message)) return notThatServer(place.host, kind);
  if (error instanceof URIError) return UNREADABLE;
  if (/timeout expired|connection terminated due to connection timeout/i.test(message))
    return `${place.host} does not answer`;
  return message;
}

/** What a handle stands for, without its password. */
export function handleText(handle: CancelHandle): string {
  const { host } = placeOf(handle.kind, handle.url);
  return handle.kind === 'postgres'
    ? `backend ${handle.backendPid} of PostgreSQL at ${host}`
    : `connection ${handle.connectionId} of MySQL at ${host}`;
}

const UNREADABLE =
  'the address cannot be read; characters of user and password that mean something in an address must be percent-encoded';

function notThatServer(host: string, kind: Connection['kind']): string {
  return `${host} closed the connection; is it a ${kind === 'postgres' ? 'PostgreSQL' : 'MySQL'} server?`;
}

/** Drivers give the errors of several addresses of one host together, with no message of their own. */
function deepest(error: unknown): { code?: string; message: string } {
  if (!(error instanceof Error)) return { message: String(error) };
  const { errors, code, message, name } = error as DriverError;
  const first = errors?.[0];
  if (message === '' && first) return deepest(first);
  return { ...(code === undefined ? {} : { code }), message: message === '' ? (code ?? name) : message };
}

function placeOf(kind: Connection['kind'], url: string) {
  const parsed = URL.parse(url);
  const hostname = parsed?.hostname || 'localhost';
  return {
    hostname,
    host: `${hostname}:${parsed?.port || (kind === 'postgres' ? '5432' : '3306')}`,
    user: decoded(parsed?.username ?? '') || '(none given)',
    database: decoded(parsed?.pathname.slice(1) ?? ''),
  };
}
