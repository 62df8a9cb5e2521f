/**
 * The threads that look for lines. Owns: so many threads, started when there is something to do, and the pieces that wait for them.
 *
 * A thread is given one piece at a time and gives it back after a short while, ready or not; the next one goes to the search that
 * was worked on least. A search that costs little is so not held up by those that cost much, however many there are.
 * Invariants: 1. what a search may cost is counted in work that was done for it, never in time that it waited: CPU time of
 * the threads; 2. a search that is ended takes no thread any more, but for the slice that is under way; 3. threads without work
 * do not keep the process alive.
 */
import { Worker } from 'node:worker_threads';
import type { Wanted } from './log-search.ts';

/** What a thread is given: of a piece the lines from `begin` on. */
export interface SearchSlice {
  wanted: Wanted;
  bytes: Uint8Array;
  /** Of a line that is too long only the beginning is here: then it is alone in the piece, and so many bytes of it are not. */
  missing: number;
  begin: number;
}

export interface SearchedSlice {
  bytes: Uint8Array;
  /** Begin and end of each line found, flat. */
  lines: Uint32Array;
  /** Where the next slice begins; null: there is none. */
  next: number | null;
  /** CPU time. */
  workMs: number;
}

export interface SearchedPiece {
  bytes: Uint8Array;
  lines: number[];
}

export interface Searching {
  /** Lines of a piece of text. Rejects with what `end` was told. */
  look(bytes: Uint8Array, missing: number): Promise<SearchedPiece>;
  /** Lets go of it; what has not been answered rejects with this. */
  end(reason: unknown): void;
}

interface SearchThreadLimits {
  threads: number;
  /** CPU time that one search may cost. */
  workMs: number;
}

/** Why a search was ended from here. */
export class SearchTooCostly extends Error {}

interface Piece {
  slice: SearchSlice;
  lines: number[];
  resolve: (piece: SearchedPiece) => void;
  reject: (error: unknown) => void;
}

interface Search {
  waiting: Piece[];
  running: number;
  workMs: number;
  ended: { reason: unknown } | null;
}

interface Thread {
  worker: Worker;
  job: { search: Search; piece: Piece } | null;
}

export class SearchThreads {
  readonly #limits: SearchThreadLimits;
  readonly #threads = new Set<Thread>();
  readonly #searches = new Set<Search>();
  #closed = false;

  constructor(limits: SearchThreadLimits) {
    this.#limits = limits;
  }

  begin(wanted: Wanted): Searching {
    const search: Search = { waiting: [], running: 0, workMs: 0, ended: null };
    this.#searches.add(search);
    return {
      look: (bytes, missing) => {
        const { promise, resolve, reject } = Promise.withResolvers<SearchedPiece>();
        if (search.ended !== null) reject(search.ended.reason);
        else search.waiting.push({ slice: { wanted, bytes, missing, begin: 0 }, lines: [], resolve, reject });
        this.#pump();
        return promise;
      },
      end: (reason) => this.#end(search, reason),
    };
  }

  async close(): Promise<void> {
    this.#closed = true;
    for (const search of this.#searches) this.#end(search, new Error('searches are not answered any more'));
    await Promise.all([...this.#threads].map(({ worker }) => worker.terminate()));
  }

  /** Gives work to threads, as long as there is both. */
  #pump(): void {
    while (!this.#closed) {
      const search = leastWorkedOn(this.#searches);
      if (search === null) return;
      const thread = this.#idle();
      if (thread === null) return;
      const piece = search.waiting.shift();
      if (piece === undefined) return;
      search.running += 1;
      thread.job = { search, piece };
      thread.worker.ref();
      thread.worker.postMessage(piece.slice, [piece.slice.bytes.buffer as ArrayBuffer]);
    }
  }

  #idle(): Thread | null {
    for (const thread of this.#threads) if (thread.job === null) return thread;
    return this.#threads.size < this.#limits.threads ? this.#start() : null;
  }

  #start(): Thread {
    const suffix = import.meta.url.endsWith('.ts') ? '.ts' : '.js';
    const worker = new Worker(new URL(`./log-search-thread${suffix}`, import.meta.url), {
      resourceLimits: { maxOldGenerationSizeMb: THREAD_MEMORY_MB },
    });
    const thread: Thread = { worker, job: null };
    worker.on('message', (answer: SearchedSlice) => this.#take(thread, answer));
    worker.on('error', (error: Error & { code?: string }) => {
      const isCostly = error.code === 'ERR_WORKER_OUT_OF_MEMORY';
      this.#lose(thread, isCostly ? new SearchTooCostly('it needs too much memory') : error);
    });
    worker.once('exit', () => this.#lose(thread, new Error('the thread that searched ended')));
    this.#threads.add(thread);
    return thread;
  }

  #lose(thread: Thread, error: Error): void {
    if (!this.#threads.delete(thread)) return;
    const { job } = thread;
    thread.job = null;
    if (job !== null) this.#end(job.search, error, job.piece);
    this.#pump();
  }

  #take(thread: Thread, { bytes, lines, next, workMs }: SearchedSlice): void {
    const { job } = thread;
    thread.job = null;
    thread.worker.unref();
    if (job === null) return;
    const { search, piece } = job;
    search.running -= 1;
    search.workMs += workMs;
    for (const at of lines) piece.lines.push(at);
    if (search.ended !== null) piece.reject(search.ended.reason);
    else if (next === null) piece.resolve({ bytes, lines: piece.lines });
    else if (search.workMs >= this.#limits.workMs)
      this.#end(search, new SearchTooCostly(`it took ${Math.round(search.workMs)} ms of computing`), piece);
    else search.waiting.unshift({ ...piece, slice: { ...piece.slice, bytes, begin: next } });
    this.#pump();
  }

  #end(search: Search, reason: unknown, current?: Piece): void {
    search.ended ??= { reason };
    this.#searches.delete(search);
    current?.reject(reason);
    for (const { reject } of search.waiting.splice(0)) reject(reason);
  }
}

const THREAD_MEMORY_MB = 256;
/** Until it is known, a slice under way counts as this. */
const SLICE_GUESS_MS = 20;

function leastWorkedOn(searches: ReadonlySet<Search>): Search | null {
  let least: Search | null = null;
  const costOf = ({ workMs, running }: Search): number => workMs + running * SLICE_GUESS_MS;
  for (const search of searches)
    if (search.waiting.length > 0 && (least === null || costOf(search) < costOf(least))) least = search;
  return least;
}
