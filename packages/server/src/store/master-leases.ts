/** Incarnations of masters: their rows, tokens and leases. What a row means is in `masters.ts`. */
import { ConstraintViolation } from './database.ts';
import type { Sql } from './database.ts';
import { StoreError } from './port.ts';
import type { Fence, MasterStore } from './port.ts';
import { followTimeline } from './timelines.ts';
import { checkFence, wentBack } from './write-context.ts';
import type { WriteContext } from './write-context.ts';

const INSERT_MASTER = `
  insert into master (id, token, host, ops_url, registered_at, renewed_at, lease_until, timeline) values (?, ?, ?, ?, ?, ?, ?, ?)`;
const FENCE_MASTER = `update master set fenced_at = ? where id = ? and fenced_at is null`;

export function* registerMaster(c: WriteContext, master: Parameters<MasterStore['registerMaster']>[0]): Sql<number> {
  const now = yield* c.now();
  for (const id of (master.supersedes ?? []).toSorted()) yield* c.db.run(FENCE_MASTER, now, id);
  try {
    const { id, token, host, opsUrl = null, leftBehind } = master;
    const timeline = yield* followTimeline(c, leftBehind);
    yield* c.db.run(INSERT_MASTER, id, token, host, opsUrl, now, now, (yield* c.now()) + c.masterLeaseMs, timeline);
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

const RENEW_MASTER = `
  update master set renewed_at = ?, lease_until = ?, renewals = renewals + 1 where id = ? and renewals >= ?`;

export function* renewMaster(
  c: WriteContext,
  { fence, at, confirmed = 0 }: { fence: Fence; at: number; confirmed?: number | undefined },
): Sql<number> {
  yield* checkFence(c, fence);
  const now = yield* c.now();
  const renewed = yield* c.db.run(RENEW_MASTER, at, now + c.masterLeaseMs, fence.master, confirmed);
  if (renewed === 0) throw wentBack(fence.master);
  return now;
}

const HOLD_LEASE = `update master set lease_until = ? where id = ?`;

/** In the place of the event loop, which counts its own renewals: by this one no renewal that the store has forgotten is hidden. */
export function* holdLease(c: Pick<WriteContext, 'db' | 'now' | 'masterLeaseMs'>, fence: Fence): Sql<void> {
  yield* checkFence(c, fence);
  yield* c.db.run(HOLD_LEASE, (yield* c.now()) + c.masterLeaseMs, fence.master);
}
