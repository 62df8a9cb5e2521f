/**
 * Where logs are kept. They outlive the worker that made them; one adapter per kind of place, and `contract.ts` in the tests
 * holds what each must do.
 *
 * Rules for every adapter
 * 1. Offsets count every byte that a task wrote, those of gaps as well. The size of a log is the offset of its end.
 * 2. What `append`, `markGap` and `complete` answer is the size that is durable then: whoever sends goes on from there. The
 *    same bytes may be given again, and pieces that overlap: what is there stays.
 * 3. Nothing is stored behind a hole: a piece that begins behind the end is refused, which the answer shows.
 * 4. A gap for the reason `limit` also drops what is stored of it, so that a log stays within its limit; any other begins at
 *    the end of what is stored.
 * 5. A complete log that is appended to is not complete until it is completed again.
 * 6. Reads cost what they read, wherever in the log it is.
 * 7. Trouble of the place (network, disk, credentials) is a `LogStoreError`.
 */
import type { AttemptId, LogGap, RunId } from '@pelorus/protocol';

export class LogStoreError extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'LogStoreError';
  }
}

export interface LogStat {
  size: number;
  /** The attempt has ended and all of its log is here. */
  complete: boolean;
  /** In order, without overlap. */
  gaps: LogGap[];
  /** Another text here: another log, of which nothing may be remembered. */
  generation: string;
}

export interface LogStore {
  readonly kind: 'directory' | 's3' | 'database';
  /** False: workers write here themselves, so that nothing is ever on its way. */
  readonly shipped: boolean;
  /** How often it is worth while to look whether a log has grown, in ms. */
  readonly pollMs: number;
  append(attempt: AttemptId, offset: number, bytes: Uint8Array): Promise<number>;
  markGap(attempt: AttemptId, gap: LogGap): Promise<number>;
  /** The log is complete if it has this size. */
  complete(attempt: AttemptId, total: number): Promise<number>;
  /** Null: nothing of it has ever come. */
  stat(attempt: AttemptId): Promise<LogStat | null>;
  /**
   * Bytes from `offset` on, up to `length` of them, at least one unless there is none; none at the end and in a gap. They are in
   * memory of their own, which the caller may hand on.
   */
  read(attempt: AttemptId, offset: number, length: number): Promise<Uint8Array>;
  /** Runs of which there are logs, by id. */
  listRuns(after: RunId | null, limit: number): Promise<RunId[]>;
  /** Deletes all logs of a run. */
  deleteRun(run: RunId): Promise<void>;
  /** Told after each change made through this object; those of other processes show in `stat`. Gives the end of it. */
  watch(attempt: AttemptId, listener: () => void): () => void;
  close(): Promise<void>;
}

/** Bytes that one call of `append` or `read` should be about. */
export const LOG_CALL_BYTES = 1024 * 1024;

/** Who wants to know of changes. */
export class LogWatchers {
  readonly #listeners = new Map<AttemptId, Set<() => void>>();

  watch(attempt: AttemptId, listener: () => void): () => void {
    const own = this.#listeners.get(attempt) ?? new Set();
    this.#listeners.set(attempt, own.add(listener));
    return () => {
      own.delete(listener);
      if (own.size === 0 && this.#listeners.get(attempt) === own) this.#listeners.delete(attempt);
    };
  }

  tell(attempt: AttemptId): void {
    for (const listener of this.#listeners.get(attempt) ?? []) listener();
  }
}

/** Remembers what was used last. */
export class Recent<Key, Value> {
  readonly #entries = new Map<Key, Value>();
  readonly #limit: number;

  constructor(limit: number) {
    this.#limit = limit;
  }

  get(key: Key): Value | undefined {
    const value = this.#entries.get(key);
    if (value === undefined) return undefined;
    this.#entries.delete(key);
    this.#entries.set(key, value);
    return value;
  }

  set(key: Key, value: Value): void {
    this.#entries.delete(key);
    this.#entries.set(key, value);
    for (const oldest of this.#entries.keys()) {
      if (this.#entries.size <= this.#limit) break;
      this.#entries.delete(oldest);
    }
  }

  delete(key: Key): void {
    this.#entries.delete(key);
  }
}
