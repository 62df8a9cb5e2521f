/**
 * Carries out operations on many runs, in the background and in the name of whoever asked for them.
 *
 * Owns: which operation this process works on, its lease, the one timer that looks for more.
 * Invariants
 * 1. An operation is worked on by one process at a time; when that dies, another takes it over after its lease, and finds by their
 *    keys the deeds that were not recorded.
 * 2. Each item is done under the rights that its sender has then, never more than the credentials gave at the time of asking.
 * 3. At most `API_LIMITS.bulkAtOnce` items at a time: people's requests do not wait for it.
 */
import { randomUUID } from 'node:crypto';
import { setTimeout } from 'node:timers/promises';
import { StoreError, type AuditStamp, type BulkOperation } from '../store/port.ts';
import type { Identity } from './access.ts';
import { auditForbidden, bulkStamp, settleItem } from './bulk-runs.ts';
import { createCaller, grantsReader } from './caller.ts';
import type { ApiContext } from './context.ts';
import { API_LIMITS } from './limits.ts';

/** What all requests have in common. */
export type BulkShared = Omit<ApiContext, 'caller' | 'again' | 'user' | 'connection' | 'startBulk'>;

export interface BulkRunner {
  /** There is something to do: look at once. */
  hint(): void;
  /** Ends when what is under way has been recorded; the rest is left to whoever comes next. */
  stop(): Promise<void>;
}

/** Begins at once with what an earlier process has left. */
export function startBulkRunner(shared: BulkShared): BulkRunner {
  const holder = randomUUID();
  const ending = new AbortController();
  let wake = new AbortController();

  async function loop(): Promise<void> {
    while (!ending.signal.aborted) {
      wake = new AbortController();
      const isIdle = await workOnce().catch((error: unknown) => {
        shared.log.warn({ err: error }, 'bulk operation interrupted; going on later');
        return true;
      });
      const until = AbortSignal.any([ending.signal, wake.signal]);
      if (isIdle)
        await setTimeout(API_LIMITS.bulkPollMs, undefined, { signal: until, ref: false }).catch(() => undefined);
    }
  }

  /** False when there may be more at once. */
  async function workOnce(): Promise<boolean> {
    const operation = await shared.store.claimBulkOperation(holder, shared.clock(), API_LIMITS.bulkLeaseMs);
    if (operation === null) return true;
    const context = await contextOf(shared, operation);
    while (!ending.signal.aborted) {
      const items = await shared.store.listBulkItems(operation.id, { state: 'pending', limit: API_LIMITS.bulkAtOnce });
      if (items.length === 0) break;
      const settled = await Promise.all(items.map((item) => settleItem(context, operation, item, ending.signal)));
      const refused = settled.map(({ code }, at) => ({ run: items[at]!.run, code }));
      await auditForbidden(shared.store, stampOf(shared, operation), refused);
      const batch = { items: settled, at: shared.clock(), leaseMs: API_LIMITS.bulkLeaseMs };
      if (!(await shared.store.settleBulkItems(operation.id, holder, batch))) break;
    }
    return false;
  }

  const running = loop();
  return {
    hint: () => wake.abort(),
    stop: async () => {
      ending.abort();
      await running;
    },
  };
}

/** One caller for the whole operation, with the rights that its sender has when it is taken up. */
async function contextOf(shared: BulkShared, operation: BulkOperation): Promise<ApiContext> {
  const { submitUser } = operation;
  const identity = await identityOf(shared, operation);
  const rule = { who: 'member', right: 'execute' } as const;
  const caller = createCaller(rule, { identity, address: '' }, grantsReader(shared.store, identity));
  return {
    ...shared,
    caller,
    user: submitUser,
    store: shared.store.audited(() => stampOf(shared, operation)),
    again: () => Promise.reject(new StoreError('UNAVAILABLE', 'nobody waits for the answer of a bulk operation')),
    connection: { secure: true, origin: '' },
    startBulk: () => undefined,
  };
}

function stampOf({ clock }: BulkShared, { submitUser, sender, action }: BulkOperation): AuditStamp {
  return bulkStamp({ user: submitUser, via: sender.via, address: '', at: clock() }, action.kind);
}

/** Never more than the credentials gave; nothing for an account that is gone or disabled. */
async function identityOf({ store }: BulkShared, { submitUser, sender }: BulkOperation): Promise<Identity> {
  const identity: Identity = { user: submitUser, ...sender, credential: null };
  if (sender.via === 'admin-token') return identity;
  const user = await store.getUser(submitUser);
  if (user === null || user.disabledAt !== null) return { ...identity, administrator: false, mask: 0 };
  return { ...identity, administrator: sender.administrator && user.administrator };
}
