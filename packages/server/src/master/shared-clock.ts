/**
 * The clock of a master that shares its store with others: the store's, as far as its answers tell it. Instants that one master writes (when a worker was
 * last heard of, when a timer is due) are compared by another, and hosts may disagree by minutes. Between answers it goes on with the host's steady clock. It never goes back:
 * where it was ahead it stands still until the store has caught up.
 */
import type { SteadyClock } from './steady-clock.ts';

export interface SharedClock {
  /** Epoch ms of the store. */
  now(): number;
  /** Steady readings around a question, and the store's time in its answer. */
  heard(answer: { askedAt: number; answeredAt: number; storeAt: number }): void;
}

/** Differences below this are not worth a correction. */
const TOLERATED_MS = 20;

export function sharedClock(steady: Pick<SteadyClock, 'now'>): SharedClock {
  let ahead = 0;
  let latest = -Infinity;
  return {
    now() {
      latest = Math.max(latest, Math.round(steady.now() + ahead));
      return latest;
    },
    heard({ askedAt, answeredAt, storeAt }) {
      // The store read its clock somewhere between the two: what lies within is no difference.
      const least = storeAt - answeredAt;
      const most = storeAt - askedAt;
      if (ahead < least - TOLERATED_MS || ahead > most + TOLERATED_MS) ahead = (least + most) / 2;
    },
  };
}
