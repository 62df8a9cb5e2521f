/**
 * One log that is followed.
 *
 * Owns: what was last seen of it, and the events that were made of that. It is looked at when it is written to through this
 * process, and every while, until it is over or stopped.
 */
import { formatAttemptId, type AttemptId, type AttemptKey } from '@pelorus/protocol';
import { LOGIC_WORKER, type AttemptRecord } from '@pelorus/engine';
import { Recent, type LogStat } from '../logs/index.ts';
import type { ApiLog } from './context.ts';
import { API_LIMITS } from './limits.ts';
import type { Batch } from './log-batches.ts';
import { hasEnded, lateNote } from './log-late.ts';
import type { LogText } from './log-text.ts';
import type { LogReader } from './logs.ts';

export interface LookParts {
  logs: LogReader;
  attemptOf: (attempt: AttemptKey) => Promise<AttemptRecord | null>;
  /** Epoch ms. */
  clock: () => number;
  log: ApiLog;
}

export interface Seen {
  text: LogText | null;
  stat: LogStat | null;
  /** Nothing more will come, or is waited for. */
  isOver: boolean;
  /** A last line that is not in the log. */
  note: string | null;
}

const BATCHES_KEPT = 16;
/** A burst of changes is one look. */
const LOOK_PAUSE_MS = 50;
/** The attempt's state is asked for no more often. */
const STATE_MS = 500;
const UNKNOWN: Seen = { text: null, stat: null, isOver: false, note: null };

export class FollowedLog {
  readonly id: AttemptId;
  followers = 0;
  readonly #parts: LookParts;
  readonly #endWatch: () => void;
  #seen = UNKNOWN;
  #batches = new Recent<number, Batch>(BATCHES_KEPT);
  /** Called at the next change. */
  readonly #waiters = new Set<() => void>();
  #isNews = false;
  #isStopped = false;
  #wake: () => void = () => undefined;

  constructor(attempt: AttemptKey, parts: LookParts) {
    this.id = formatAttemptId(attempt);
    this.#parts = parts;
    this.#endWatch = parts.logs.store.watch(this.id, () => {
      this.#isNews = true;
      this.#wake();
    });
    void this.#watch(createLook(attempt, parts));
  }

  get seen(): Seen {
    return this.#seen;
  }

  /** The last events made of all lines, by the offset at which they begin. */
  get batches(): Recent<number, Batch> {
    return this.#batches;
  }

  stop(): void {
    this.#endWatch();
    this.#isStopped = true;
    this.#wake();
  }

  /** Resolves with the next change, or when `signal` aborts. */
  change(signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      // It may have aborted while its reader was busy with something else: then nothing would tell it any more.
      if (signal.aborted) return resolve();
      const done = (): void => {
        this.#waiters.delete(done);
        signal.removeEventListener('abort', done);
        resolve();
      };
      this.#waiters.add(done);
      signal.addEventListener('abort', done, { once: true });
    });
  }

  async #watch(look: () => Promise<Seen>): Promise<void> {
    const { logs, log } = this.#parts;
    while (!this.#isStopped && !this.#seen.isOver) {
      this.#isNews = false;
      try {
        this.#see(await look());
      } catch (error) {
        log.warn({ err: error, attempt: this.id }, 'a log that is followed cannot be looked at; trying again');
      }
      await this.#pause(this.#seen.stat === null ? STATE_MS : logs.store.pollMs);
      await new Promise((resolve) => setTimeout(resolve, LOOK_PAUSE_MS).unref());
    }
  }

  #see(seen: Seen): void {
    const before = this.#seen;
    this.#seen = seen;
    const isOther = before.text?.identity !== seen.text?.identity;
    if (isOther || (before.text?.length ?? 0) > (seen.text?.length ?? 0)) this.#batches = new Recent(BATCHES_KEPT);
    if (before.text?.length === seen.text?.length && before.isOver === seen.isOver && before !== UNKNOWN) return;
    const waiters = [...this.#waiters];
    this.#waiters.clear();
    for (const waiter of waiters) waiter();
  }

  /** Until there is news, or it is stopped, or the time is over. */
  #pause(pauseMs: number): Promise<void> {
    return new Promise((resolve) => {
      if (this.#isNews || this.#isStopped) return resolve();
      const timer = setTimeout(resolve, pauseMs);
      timer.unref();
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }
}

/** Gives a function that looks at a log and at its attempt, and remembers since when the rest is awaited. */
function createLook(attempt: AttemptKey, { logs, attemptOf, clock }: LookParts): () => Promise<Seen> {
  let record: AttemptRecord | null = null;
  let askedAt = -Infinity;
  let late: { size: number; since: number } | null = null;
  return async () => {
    if (!hasEnded(record) && performance.now() - askedAt >= STATE_MS) {
      record = await attemptOf(attempt);
      askedAt = performance.now();
    }
    // After the state: what an attempt wrote before its end is in a log looked at after that.
    const opened = await logs.open(attempt);
    const stat = opened?.stat ?? null;
    const seen = { text: opened?.text ?? null, stat, isOver: false, note: null };
    if (!hasEnded(record)) return seen;
    if (stat?.complete === true || !logs.store.shipped || record.worker === LOGIC_WORKER)
      return { ...seen, isOver: true };
    const now = clock();
    const waitMs = record.state === 'lost' ? API_LIMITS.logLostMs : API_LIMITS.logLateMs;
    // Of one that ended long ago news comes soon, or not at all.
    late ??= { size: stat?.size ?? 0, since: Math.max(record.endedAt ?? now, now - waitMs + API_LIMITS.logLostMs) };
    if (late.size !== (stat?.size ?? 0)) late = { size: stat?.size ?? 0, since: now };
    if (now - late.since < waitMs) return seen;
    return { ...seen, isOver: true, note: lateNote(record) };
  };
}
