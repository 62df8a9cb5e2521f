/** What PostgreSQL and its sockets say when something went wrong, and what that means for whoever asked. */
import pg from 'pg';
import { ConstraintViolation } from './database.ts';
import { StoreError } from './port.ts';

/** Five characters of PostgreSQL, or a name of the system's like `ECONNRESET`; null: it has none. */
export function codeOf(error: unknown): string | null {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : null;
}

/** Class 23: integrity constraint violation. */
export function violates(error: unknown): boolean {
  return codeOf(error)?.startsWith('23') === true;
}

const SERIALIZATION_FAILURE = '40001';
const DEADLOCK_DETECTED = '40P01';

/** Somebody else was faster; with what is stored now the verb may do something else. */
export function isRace(error: unknown): boolean {
  const code = codeOf(error);
  return (
    code === SERIALIZATION_FAILURE ||
    code === DEADLOCK_DETECTED ||
    error instanceof ConstraintViolation ||
    isStalePlan(error)
  );
}

/** "cached plan must not change result type"; the code alone says only that something is not supported. */
export function isStalePlan(error: unknown): boolean {
  return error instanceof pg.DatabaseError && error.routine === 'RevalidateCachedQuery';
}

/**
 * Class 08 and 57P0x (shutdown, crash), 25P03 (stood still in a transaction for too long), 25006 (it has become a standby), what else
 * made the server end the session (a start of one finds no room on its disk), and whatever the socket says, which has no code of
 * PostgreSQL's. Any other error with a code was sent by a server that goes on.
 */
export function isConnectionLost(error: unknown): boolean {
  const code = codeOf(error) ?? '';
  if (/^[0-9A-Z]{5}$/.test(code) && !/^E[A-Z]+$/.test(code))
    return /^(?:08|57P|25P03$|25006$)/.test(code) || (endsSession(error) && !REFUSED_FOR_GOOD.test(code));
  return /^E[A-Z]+$/.test(code) || /[Cc]onnection|timeout/.test((error as Error)?.message ?? '');
}

/** A wrong user or password, no such database, no right to it: waiting does not help. */
const REFUSED_FOR_GOOD = /^(?:28|3D|42)/;

function endsSession(error: unknown): boolean {
  return error instanceof pg.DatabaseError && (error.severity === 'FATAL' || error.severity === 'PANIC');
}

/** 53: out of disk, memory or connections; 55P03: a lock took too long; 57014: cancelled by its time limit; 25006: read-only. */
export function isTrouble(error: unknown): boolean {
  const code = codeOf(error) ?? '';
  return isConnectionLost(error) || code.startsWith('53') || ['55P03', '57014'].includes(code) || isRace(error);
}

/** In the store's words, where whoever asked can do something about it; a bug stays what it is. */
export function toStoreError(error: unknown): unknown {
  if (error instanceof StoreError) return error;
  if (error instanceof ConstraintViolation)
    return new StoreError('CONFLICT', `The database refused a row: ${error.message}`, { cause: error });
  if (!isTrouble(error)) return error;
  return new StoreError(
    'UNAVAILABLE',
    `PostgreSQL did not take the request; nothing was stored: ${(error as Error).message}`,
    { cause: error },
  );
}
