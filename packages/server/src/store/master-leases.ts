/** Incarnations of masters: their rows, tokens and leases. What a row means is in `masters.ts`. */
import { ConstraintViolation } from './database.ts';
import type { Sql } from './database.ts';
import { StoreError } from './port.ts';
import type { Fence } from './port.ts';
import { checkFence } from './write-context.ts';
import type { WriteContext } from './write-context.ts';

const INSERT_MASTER = `
  insert into master (id, token, host, ops_url, registered_at, renewed_at, lease_until) values (?, ?, ?, ?, ?, ?, ?)`;
const FENCE_MASTER = `update master set fenced_at = ? where id = ? and fenced_at is null`;

export function* registerMaster(
  c: WriteContext,
  master: { id: string; token: string; host: string; opsUrl?: string | null; at: number; supersedes?: string[] },
): Sql<number> {
  const now = yield* c.now();
  for (const id of (master.supersedes ?? []).toSorted()) yield* c.db.run(FENCE_MASTER, now, id);
  try {
    const { id, token, host, opsUrl = null, at } = master;
    yield* c.db.run(INSERT_MASTER, id, token, host, opsUrl, at, at, (yield* c.now()) + c.masterLeaseMs);
  } catch (error) {
    if (error instanceof ConstraintViolation)
      throw new StoreError('CONFLICT', `Master ${master.id} is registered already; each start makes a new id.`, {
        cause: error,
      });
    throw error;
  }
  return now;
}

const RELEASE_MASTER = `update master set fenced_at = ? where id = ? and token = ? and fenced_at is null`;

export function* releaseMaster(c: WriteContext, { fence }: { fence: Fence }): Sql<null> {
  if ((yield* c.db.run(RELEASE_MASTER, yield* c.now(), fence.master, fence.token)) > 0) c.mastersEnded++;
  return null;
}

const RENEW_MASTER = `update master set renewed_at = ?, lease_until = ? where id = ?`;

export function* renewMaster(
  c: Pick<WriteContext, 'db' | 'now' | 'masterLeaseMs'>,
  request: { fence: Fence; at: number },
): Sql<number> {
  yield* checkFence(c, request.fence);
  const now = yield* c.now();
  yield* c.db.run(RENEW_MASTER, request.at, now + c.masterLeaseMs, request.fence.master);
  return now;
}
