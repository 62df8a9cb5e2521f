/**
 * Finds lines in logs of any size. Owns: a few threads, started when the first search comes, and the queue in front of them.
 *
 * The text is cut into pieces that end with a line; threads look through several at a time, and their answers are put
 * together in order. This end only reads and cuts, so that other requests are not held up, whatever the expression.
 * Invariants: 1. of one search only a few pieces are in memory; 2. so many searches run at once, so many wait, one more is
 * refused; 3. threads without work do not keep the process alive.
 */
import { Worker } from 'node:worker_threads';
import { LIMITS } from '@pelorus/protocol';
import { LOG_CALL_BYTES } from '../logs/index.ts';
import { API_LIMITS } from './limits.ts';
import { lineText } from './log-lines.ts';
import type { LogText } from './log-text.ts';
import { ApiFailure, badParameter } from './problem.ts';

/** What a line must contain, or an expression of RE2 that it must match. */
export interface Wanted {
  kind: 'text' | 'expression';
  pattern: string;
}

export interface SearchPiece {
  id: number;
  wanted: Wanted;
  bytes: Uint8Array;
  /** Of a line that is too long only the beginning is here: then it is alone in the piece, and so many bytes of it are not. */
  missing: number;
}

export interface SearchedPiece {
  id: number;
  bytes: Uint8Array;
  /** Begin and end of each line found, flat. */
  lines: Uint32Array;
}

export interface Found {
  /** How many lines match. */
  total: number;
  /** Those from `from` on, at most `size`. */
  lines: string[];
  /** Positions of the first of them, and behind the last; null when there is none. */
  span: { start: number; end: number } | null;
}

export interface LogSearch {
  /** Throws TOO_MANY_REQUESTS when too many wait, and the signal's reason when it is aborted. */
  find(text: LogText, wanted: Wanted, page: { from: number; size: number }, signal: AbortSignal): Promise<Found>;
  close(): Promise<void>;
}

interface Cut {
  position: number;
  bytes: Uint8Array;
  missing: number;
}

interface Thread {
  worker: Worker;
  jobs: Map<number, { resolve: (answer: SearchedPiece) => void; reject: (error: unknown) => void }>;
}

export function createLogSearch(): LogSearch {
  const threads: Thread[] = [];
  const turns = createTurns();
  let count = 0;

  function threadForNext(): Thread {
    const idle = threads.find(({ jobs }) => jobs.size === 0);
    if (idle !== undefined) return idle;
    if (threads.length < API_LIMITS.logSearchThreads) return start();
    return threads.reduce((least, thread) => (thread.jobs.size < least.jobs.size ? thread : least));
  }

  function start(): Thread {
    const suffix = import.meta.url.endsWith('.ts') ? '.ts' : '.js';
    const worker = new Worker(new URL(`./log-search-thread${suffix}`, import.meta.url), {
      resourceLimits: { maxOldGenerationSizeMb: THREAD_MEMORY_MB },
    });
    const thread: Thread = { worker, jobs: new Map() };
    const lose = (error: unknown): void => {
      const at = threads.indexOf(thread);
      if (at !== -1) threads.splice(at, 1);
      for (const { reject } of thread.jobs.values()) reject(error);
      thread.jobs.clear();
    };
    worker.on('message', (answer: SearchedPiece) => {
      const job = thread.jobs.get(answer.id);
      thread.jobs.delete(answer.id);
      if (thread.jobs.size === 0) worker.unref();
      job?.resolve(answer);
    });
    worker.on('error', (error: Error) => lose(tooCostly(error)));
    worker.once('exit', () => lose(new Error('the thread that searched ended')));
    threads.push(thread);
    return thread;
  }

  function search(cut: Cut, wanted: Wanted): Promise<SearchedPiece> {
    const thread = threadForNext();
    const { promise, resolve, reject } = Promise.withResolvers<SearchedPiece>();
    count += 1;
    thread.jobs.set(count, { resolve, reject });
    thread.worker.ref();
    const piece: SearchPiece = { id: count, wanted, bytes: cut.bytes, missing: cut.missing };
    thread.worker.postMessage(piece, [cut.bytes.buffer as ArrayBuffer]);
    return promise;
  }

  return {
    find: (text, wanted, page, signal) =>
      turns(signal, async () => {
        const limit = AbortSignal.timeout(API_LIMITS.logSearchMs);
        const collector = collect(page);
        const ahead: { cut: Cut; answer: Promise<SearchedPiece> }[] = [];
        try {
          for await (const cut of cutText(text, AbortSignal.any([signal, limit]))) {
            const { position, missing } = cut;
            const answer = search(cut, wanted);
            // Whoever comes to it hears of its failure; it may fail before.
            answer.catch(() => undefined);
            ahead.push({ cut: { position, missing, bytes: EMPTY }, answer });
            if (ahead.length <= 2 * API_LIMITS.logSearchThreads) continue;
            const first = ahead.shift();
            if (first !== undefined) collector.take(first.cut, await first.answer);
          }
          for (const { cut, answer } of ahead) collector.take(cut, await answer);
        } catch (error) {
          throw limit.aborted && !signal.aborted ? tooCostly(error) : error;
        }
        return collector.found;
      }),
    close: async () => {
      await Promise.all(threads.map(({ worker }) => worker.terminate()));
    },
  };
}

const EMPTY = new Uint8Array();
const THREAD_MEMORY_MB = 256;

function tooCostly(cause: unknown): ApiFailure {
  const reason = cause instanceof Error ? cause.message : String(cause);
  return badParameter(
    'query',
    `query takes too much time or memory on this log (${reason}); look for something simpler`,
  );
}

/** Lets so many run, so many wait. */
function createTurns(): <Value>(signal: AbortSignal, action: () => Promise<Value>) => Promise<Value> {
  let running = 0;
  const waiting: (() => void)[] = [];
  return async (signal, action) => {
    if (running >= API_LIMITS.logSearchesAtOnce) {
      if (waiting.length >= API_LIMITS.logSearchQueueLength)
        throw new ApiFailure('TOO_MANY_REQUESTS', 'too many logs are being searched; try again soon', {
          retryAfterSeconds: API_LIMITS.retryAfterSeconds,
        });
      await new Promise<void>((resolve) => waiting.push(resolve));
    } else {
      running += 1;
    }
    try {
      signal.throwIfAborted();
      return await action();
    } finally {
      // A turn is handed on, or given back.
      const next = waiting.shift();
      if (next === undefined) running -= 1;
      else next();
    }
  };
}

/**
 * Pieces of whole lines, in order. What is read is handed on as it is; only the line that goes on from one read to the next is put
 * together, and is a piece of its own. Of a line that is longer than the limit only the beginning is kept.
 */
async function* cutText(text: LogText, signal: AbortSignal): AsyncGenerator<Cut> {
  let open = openLine(0);
  for (let position = 0; position < text.length;) {
    signal.throwIfAborted();
    const wanted = Math.min(API_LIMITS.logSearchPieceBytes, LOG_CALL_BYTES, text.length - position);
    const read = await text.read(position, wanted);
    if (read.length === 0) break;
    const at = position;
    position += read.length;
    const bytes = Buffer.from(read.buffer, read.byteOffset, read.length);
    const first = open.length === 0 ? -1 : bytes.indexOf(LINE_END);
    const last = bytes.lastIndexOf(LINE_END);
    if (last === -1) {
      open.add(bytes);
    } else {
      if (open.length > 0) {
        open.add(bytes.subarray(0, first));
        yield open.cut();
      }
      open = openLine(at + last + 1);
      open.add(bytes.subarray(last + 1));
      // After the copy of the last line: its memory goes to a thread.
      if (last > first) yield { position: at + first + 1, bytes: bytes.subarray(first + 1, last), missing: 0 };
    }
  }
  if (open.length > 0) yield open.cut();
}

const LINE_END = 10;

/** A line that has begun and not ended yet. */
function openLine(position: number) {
  const kept: Buffer[] = [];
  let keptBytes = 0;
  const line = {
    length: 0,
    add: (bytes: Buffer): void => {
      const piece = Buffer.from(bytes.subarray(0, LIMITS.logLineBytes - keptBytes));
      if (piece.length > 0) kept.push(piece);
      keptBytes += piece.length;
      line.length += bytes.length;
    },
    cut: (): Cut => ({
      position,
      bytes: new Uint8Array(Buffer.concat(kept)),
      missing: line.length - keptBytes,
    }),
  };
  return line;
}

/** Puts answers together in their order. */
function collect({ from, size }: { from: number; size: number }) {
  const found: Found = { total: 0, lines: [], span: null };
  return {
    found,
    take: ({ position, missing }: Cut, { bytes, lines }: SearchedPiece): void => {
      const count = lines.length / 2;
      const first = Math.max(0, from - found.total);
      const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
      for (let index = first; index < count && found.lines.length < size; index += 1) {
        const begin = lines[2 * index] ?? 0;
        const end = lines[2 * index + 1] ?? 0;
        // Between an empty piece's two ends there is one line of no bytes.
        found.lines.push(lineText(text.subarray(begin, end), missing));
        found.span = { start: found.span?.start ?? position + begin, end: position + end + missing + 1 };
      }
      found.total += count;
    },
  };
}
