/**
 * Finds lines in logs of any size. The text is cut into pieces that end with a line; threads look through several at a time, and
 * their answers are put together in order. This end only reads and cuts, so that other requests are not held up, whatever the
 * expression.
 * Invariants: 1. of one search only a few pieces are in memory; 2. so many searches are under way at once, one more is refused;
 * 3. a search is refused as too costly for the work that it takes, never because the machine has other work; 4. it is answered
 * within a time limit, whatever it waits for, and at once when its client has gone.
 */
import { LIMITS } from '@pelorus/protocol';
import { LOG_CALL_BYTES } from '../logs/index.ts';
import { API_LIMITS } from './limits.ts';
import { lineText } from './log-lines.ts';
import { SearchThreads, SearchTooCostly, type SearchedPiece, type Searching } from './log-search-threads.ts';
import type { LogText } from './log-text.ts';
import { ApiFailure, badParameter } from './problem.ts';

/** What a line must contain, or an expression of RE2 that it must match. */
export interface Wanted {
  kind: 'text' | 'expression';
  pattern: string;
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
  /**
   * Throws BAD_PARAMETER when it takes too much work, TOO_MANY_REQUESTS when too many are under way, LOG_SEARCH_BUSY when there is
   * no answer in time, and the signal's reason when it is aborted.
   */
  find(text: LogText, wanted: Wanted, page: { from: number; size: number }, signal: AbortSignal): Promise<Found>;
  /** Those of the lines that are wanted; refused as `find` is. */
  choose(lines: readonly string[], wanted: Wanted, signal: AbortSignal): Promise<string[]>;
  close(): Promise<void>;
}

interface LogSearchLimits {
  /** Until there is an answer, waiting included. */
  waitMs: number;
  /** CPU time of one search. */
  workMs: number;
}

interface Cut {
  position: number;
  bytes: Uint8Array;
  missing: number;
}

export function createLogSearch(limits: LogSearchLimits = LIMITS_OF_SEARCHES): LogSearch {
  const threads = new SearchThreads({ threads: API_LIMITS.logSearchThreads, workMs: limits.workMs });
  let underWay = 0;

  const search: LogSearch = {
    find: async (text, wanted, page, signal) => {
      signal.throwIfAborted();
      if (underWay >= API_LIMITS.logSearchesAtOnce)
        throw new ApiFailure('TOO_MANY_REQUESTS', 'too many logs are being searched; try again soon', {
          retryAfterSeconds: API_LIMITS.retryAfterSeconds,
        });
      const limit = AbortSignal.timeout(limits.waitMs);
      const stop = AbortSignal.any([signal, limit]);
      const searching = threads.begin(wanted);
      underWay += 1;
      const found = searchAll(text, searching, page, stop).finally(() => (underWay -= 1));
      try {
        return await unlessAborted(found, stop);
      } catch (error) {
        throw limit.aborted && !signal.aborted ? tooBusy(limits.waitMs) : failureOf(error);
      } finally {
        searching.end(new Error('the search has ended'));
      }
    },
    choose: async (lines, wanted, signal) => {
      if (wanted.kind === 'text') return lines.filter((line) => line.includes(wanted.pattern));
      const page = { from: 0, size: lines.length };
      return (await search.find(textOf(lines), wanted, page, signal)).lines;
    },
    close: () => threads.close(),
  };
  return search;
}

function textOf(lines: readonly string[]): LogText {
  const bytes = Buffer.from(lines.map((line) => `${line}\n`).join(''));
  return {
    length: bytes.length,
    identity: '',
    read: (position, length) => Promise.resolve(Uint8Array.from(bytes.subarray(position, position + length))),
    offsetAt: (position) => position,
    positionAt: (offset) => offset,
  };
}

const LIMITS_OF_SEARCHES: LogSearchLimits = { waitMs: API_LIMITS.logSearchMs, workMs: API_LIMITS.logSearchWorkMs };

async function searchAll(
  text: LogText,
  searching: Searching,
  page: { from: number; size: number },
  stop: AbortSignal,
): Promise<Found> {
  const collector = collect(page);
  const ahead: { cut: Omit<Cut, 'bytes'>; answer: Promise<SearchedPiece> }[] = [];
  for await (const { position, bytes, missing } of cutText(text, stop)) {
    const answer = searching.look(bytes, missing);
    // Whoever comes to it hears of its failure; it may fail before.
    answer.catch(() => undefined);
    ahead.push({ cut: { position, missing }, answer });
    if (ahead.length <= 2 * API_LIMITS.logSearchThreads) continue;
    const first = ahead.shift();
    if (first !== undefined) collector.take(first.cut, await first.answer);
  }
  for (const { cut, answer } of ahead) collector.take(cut, await answer);
  return collector.found;
}

/** Rejects as soon as the signal is aborted; what goes on then is nobody's business any more. */
async function unlessAborted<Value>(work: Promise<Value>, signal: AbortSignal): Promise<Value> {
  const { promise: aborted, reject } = Promise.withResolvers<never>();
  const onAbort = () => reject(signal.reason as Error);
  signal.addEventListener('abort', onAbort, { once: true });
  work.catch(() => undefined);
  try {
    signal.throwIfAborted();
    return await Promise.race([work, aborted]);
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
}

function failureOf(error: unknown): unknown {
  if (!(error instanceof SearchTooCostly)) return error;
  return badParameter(
    'query',
    `query takes too much time or memory on this log: ${error.message}; look for something simpler`,
  );
}

function tooBusy(waitMs: number): ApiFailure {
  return new ApiFailure('LOG_SEARCH_BUSY', `the log could not be searched within ${waitMs / 1000} s; try again later`, {
    retryAfterSeconds: API_LIMITS.logSearchRetryAfterSeconds,
  });
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
    take: ({ position, missing }: Omit<Cut, 'bytes'>, { bytes, lines }: SearchedPiece): void => {
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
