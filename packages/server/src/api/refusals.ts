/**
 * Refusals on their way into the audit. Owns: those being written. Invariant: of refusals that are alike at most one write
 * is under way and one waits, which gathers what comes meanwhile; so strangers cannot pile up work for the store.
 */
import type { Refusal } from '../store/access-port.ts';
import type { ApiStore } from '../store/port.ts';
import type { ApiLog } from './context.ts';

export interface Refusals {
  /** Resolves when it is stored, or could not be: the answer is a refusal in any case. */
  record(refusal: Omit<Refusal, 'times'>): Promise<void>;
}

interface Gathering {
  refusal: Refusal;
  stored: Promise<void>;
}

export function createRefusals(store: ApiStore, log: ApiLog): Refusals {
  const writing = new Map<string, Promise<void>>();
  const waiting = new Map<string, Gathering>();
  const write = (key: string, refusal: Refusal): Promise<void> => {
    const stored = store
      .writeAudit([refusal])
      .catch((err: unknown) => log.warn({ err, action: refusal.stamp.action }, 'a refusal could not be audited'))
      .finally(() => {
        if (writing.get(key) === stored) writing.delete(key);
      });
    writing.set(key, stored);
    return stored;
  };
  return {
    record: (refusal) => {
      const { user, via, address, action } = refusal.stamp;
      const key = JSON.stringify([user, via, address, action, refusal.code, refusal.target]);
      const before = writing.get(key);
      if (before === undefined) return write(key, { ...refusal, times: 1 });
      const gathered = waiting.get(key);
      if (gathered !== undefined) {
        gathered.refusal.times += 1;
        return gathered.stored;
      }
      const next: Gathering = {
        refusal: { ...refusal, times: 1 },
        stored: before.then(() => {
          waiting.delete(key);
          return write(key, next.refusal);
        }),
      };
      waiting.set(key, next);
      return next.stored;
    },
  };
}
