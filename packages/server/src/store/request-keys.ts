/**
 * Idempotency keys of requests that make something else than a run. A key belongs to its user for 24 h, whatever it was
 * given for: those of runs live in `command` beside these, and each side looks at the other.
 */
import type { Sql } from './database.ts';
import type { RequestKey } from './operations-port.ts';
import { StoreError } from './port.ts';
import type { WriteContext } from './write-context.ts';

export const IDEMPOTENCY_MS = 24 * 3_600_000;

export interface KeyedRequest {
  user: string;
  key: RequestKey;
  operation: string;
  at: number;
}

const FIND = `select operation, subject_id, request_hash, at from request_key where user_name = ? and idempotency_key = ?`;
const FIND_COMMAND = `select run_id, at from command where user_name = ? and idempotency_key = ?`;
const FORGET = `delete from request_key where user_name = ? and idempotency_key = ?`;
const REMEMBER = `
  insert into request_key (user_name, idempotency_key, operation, subject_id, request_hash, at) values (?, ?, ?, ?, ?, ?)`;
const FORGET_OLD = `delete from request_key where at < ?`;

/** Id of what the same request made earlier; null: it is new. Throws CONFLICT when the key was given for something else. */
export function* madeUnderKey(c: WriteContext, { user, key, operation, at }: KeyedRequest): Sql<number | null> {
  const { idempotencyKey, requestHash } = key;
  if (idempotencyKey === null) return null;
  const command = yield* c.db.get(FIND_COMMAND, user, idempotencyKey);
  if (command && at - (command['at'] as number) < IDEMPOTENCY_MS)
    throw usedElsewhere(`about run ${command['run_id'] as number}`);
  const found = yield* c.db.get(FIND, user, idempotencyKey);
  if (!found) return null;
  if (at - (found['at'] as number) >= IDEMPOTENCY_MS) {
    yield* c.db.run(FORGET, user, idempotencyKey);
    return null;
  }
  if (found['operation'] === operation && found['request_hash'] === requestHash) return found['subject_id'] as number;
  throw usedElsewhere(`${found['operation'] as string} ${found['subject_id'] as number}`);
}

/** In the transaction that makes the subject. */
export function* rememberKey(c: WriteContext, { user, key, operation, at }: KeyedRequest, subject: number): Sql<void> {
  if (key.idempotencyKey === null) return;
  yield* c.db.run(FORGET_OLD, at - IDEMPOTENCY_MS);
  yield* c.db.run(REMEMBER, user, key.idempotencyKey, operation, subject, key.requestHash, at);
}

/** For requests whose keys are kept elsewhere. */
export function* refuseKeyOfOther(c: WriteContext, user: string, key: string | null, at: number): Sql<void> {
  const found = key === null ? undefined : yield* c.db.get(FIND, user, key);
  if (found && at - (found['at'] as number) < IDEMPOTENCY_MS)
    throw usedElsewhere(`${found['operation'] as string} ${found['subject_id'] as number}`);
}

function usedElsewhere(what: string): StoreError {
  return new StoreError('CONFLICT', `This idempotency key was used for another request, ${what}.`);
}
