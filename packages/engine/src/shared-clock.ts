/**
 * The clock of a master that shares its store with others: the store's, as far as its answers tell it. Instants that one master writes (when a worker was
 * last heard of, when a timer is due) are compared by another, and hosts may disagree by minutes. Between answers it goes on with the host's steady clock.
 *
 * Invariants: 1. the first answer sets it, back as well: the host's own time, which may be hours off, is nobody's before. 2. From then on it never goes back, and
 * never stands still either: where it is ahead of the store it goes at half speed until the store has caught up, so that no timer waits more than twice its time.
 */

/** Of a host: epoch ms that go on evenly, wherever they began. */
export interface HostClock {
  now(): number;
}

export interface SharedClock {
  /** Epoch ms of the store; before the first answer, of the host. */
  now(): number;
  /** Steady readings around a question, and the store's time in its answer. */
  heard(answer: { askedAt: number; answeredAt: number; storeAt: number }): void;
}

/** Differences below this are not worth a correction. */
const TOLERATED_MS = 20;
const SPEED_WHEN_AHEAD = 0.5;

/** Before the first answer it shows what the host shows. */
export function sharedClock(steady: HostClock): SharedClock {
  let ahead: number | null = null;
  let shown = -Infinity;
  let shownAt = 0;
  return {
    now() {
      const at = steady.now();
      if (ahead === null) return at;
      shown = Math.max(at + ahead, shown + (at - shownAt) * SPEED_WHEN_AHEAD);
      shownAt = at;
      return Math.round(shown);
    },
    heard({ askedAt, answeredAt, storeAt }) {
      // The store read its clock somewhere between the two: what lies within is no difference.
      const least = storeAt - answeredAt;
      const most = storeAt - askedAt;
      if (ahead === null || ahead < least - TOLERATED_MS || ahead > most + TOLERATED_MS) ahead = (least + most) / 2;
    },
  };
}
