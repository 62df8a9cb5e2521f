/**
 * When a master looks for what is due: schedules and deadlines.
 *
 * Owns one timer. Between looks it knows from the store how long nothing is due; it never knows what is due, nor decides it: that is
 * the store's, in one transaction. So a look too many costs a read, and a look too few is made up for by the next, of any master.
 *
 * Invariants
 * 1. At most one look at a time; none once it has been closed.
 * 2. While something is due and is not somebody else's it looks again at once; otherwise it waits, at most `POLL_MS`, because others
 *    save schedules meanwhile.
 */
import type { FiredTicks } from '../store/index.ts';

/** What may have been saved by others is noticed this late. */
const POLL_MS = 500;
/** Something is due and somebody else has it before him. */
const BUSY_MS = 50;
/** Schedules of one transaction. */
export const SCHEDULES_AT_ONCE = 500;
/** A clock that goes this much faster or slower than the time that has passed was put forward or back. */
export const CLOCK_JUMP_MS = 60_000;

export interface DueLooksOptions {
  nextDue(): Promise<{ inMs: number | null; now: number }>;
  /** Null: not now. */
  fire(limit: number): Promise<FiredTicks> | null;
  fired(ticks: FiredTicks): void;
  /** The database's clock differs by so much from what it should show; forward is positive. */
  jumped(byMs: number): void;
  failed(error: unknown): void;
  /** Ms, from any moment on; never put back. Default: the process's. */
  elapsed?: () => number;
}

export interface DueLooks {
  close(): void;
}

export function startDueLooks(options: DueLooksOptions): DueLooks {
  const { elapsed = () => performance.now() } = options;
  let timer: NodeJS.Timeout | null = null;
  let closed = false;
  let seen: { clock: number; elapsed: number } | null = null;

  const noteClock = (now: number, at: number): void => {
    const off = seen === null ? 0 : now - seen.clock - (at - seen.elapsed);
    seen = { clock: now, elapsed: at };
    if (Math.abs(off) > CLOCK_JUMP_MS) options.jumped(Math.round(off));
  };
  /** Answers with how long to wait. */
  const look = async (): Promise<number> => {
    const { inMs, now } = await options.nextDue();
    noteClock(now, elapsed());
    if (inMs === null || inMs > 0) return Math.min(inMs ?? POLL_MS, POLL_MS);
    for (;;) {
      const firing = closed ? null : options.fire(SCHEDULES_AT_ONCE);
      if (firing === null) return POLL_MS;
      const ticks = await firing;
      if (closed) return POLL_MS;
      options.fired(ticks);
      if (ticks.more) continue;
      if (ticks.paused || ticks.nextInMs === null) return POLL_MS;
      return Math.min(Math.max(ticks.nextInMs, BUSY_MS), POLL_MS);
    }
  };
  const next = (): void => {
    void look()
      .catch((error: unknown) => {
        if (!closed) options.failed(error);
        return POLL_MS;
      })
      .then((waitMs) => {
        if (closed) return;
        timer = setTimeout(next, waitMs);
        timer.unref();
      });
  };
  next();
  return {
    close: () => {
      closed = true;
      if (timer) clearTimeout(timer);
    },
  };
}
