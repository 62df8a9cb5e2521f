/**
 * Where the lines of a log begin. Owns: per log one number for each chunk of its text, so that a page of a large log reads
 * a chunk or two.
 * Invariants: 1. a log is counted by one request at a time, and what it has counted stays when it is aborted; 2. only what
 * has been added since is counted; a text that has become shorter or another one is counted anew; 3. the last line counts
 * though it does not end yet.
 */
import type { AttemptId } from '@pelorus/protocol';
import { LOG_CALL_BYTES, Recent } from '../logs/index.ts';
import { API_LIMITS } from './limits.ts';
import type { LogText } from './log-text.ts';

export interface LineIndex {
  /** Lines there are up to where it has been counted. */
  readonly total: number;
  /** Up to here the text has been counted. */
  readonly bytes: number;
  /** A place at the beginning of a chunk before a line, and the number of the line that goes on there. */
  chunkBefore(line: number): { position: number; line: number };
}

export interface LineIndexes {
  /** Counts to the end of the text. Throws the signal's reason. */
  upToDate(attempt: AttemptId, text: LogText, signal: AbortSignal): Promise<LineIndex>;
  /** What has been counted so far. */
  known(attempt: AttemptId, text: LogText): LineIndex | null;
}

interface Counted {
  identity: string;
  bytes: number;
  lineEnds: number;
  /** Line ends before each chunk: `before[i]` belongs to position `i × logReadChunkBytes`. */
  before: number[];
  lastByteIsLineEnd: boolean;
}

export function createLineIndexes(): LineIndexes {
  const counted = new Recent<AttemptId, Counted>(API_LIMITS.logIndexEntries);
  const underWay = new Map<AttemptId, Promise<unknown>>();

  function current(attempt: AttemptId, text: LogText): Counted {
    const known = counted.get(attempt);
    if (known !== undefined && known.identity === text.identity && known.bytes <= text.length) return known;
    const fresh: Counted = { identity: text.identity, bytes: 0, lineEnds: 0, before: [0], lastByteIsLineEnd: true };
    counted.set(attempt, fresh);
    return fresh;
  }

  return {
    upToDate: async (attempt, text, signal) => {
      // Each waits for the one before, then counts what is left, mostly nothing.
      const before = underWay.get(attempt) ?? Promise.resolve();
      const mine = before
        .catch(() => undefined)
        .then(async () => {
          const own = current(attempt, text);
          await extend(own, text, signal);
          return viewOf(own);
        });
      underWay.set(attempt, mine);
      try {
        return await mine;
      } finally {
        if (underWay.get(attempt) === mine) underWay.delete(attempt);
      }
    },
    known: (attempt, text) => {
      const known = counted.get(attempt);
      return known?.identity === text.identity && known.bytes <= text.length ? viewOf(known) : null;
    },
  };
}

/** As it is now: the index may grow while a page is read by it. */
function viewOf({ bytes, lineEnds, before, lastByteIsLineEnd }: Counted): LineIndex {
  const chunks = before.length;
  return {
    total: lineEnds + (lastByteIsLineEnd ? 0 : 1),
    bytes,
    chunkBefore: (line) => {
      const chunk = lastChunkBefore(before, chunks, line);
      return { position: chunk * API_LIMITS.logReadChunkBytes, line: before[chunk] ?? 0 };
    },
  };
}

async function extend(index: Counted, text: LogText, signal: AbortSignal): Promise<void> {
  const chunkBytes = API_LIMITS.logReadChunkBytes;
  while (index.bytes < text.length) {
    signal.throwIfAborted();
    const read = await text.read(index.bytes, Math.min(LOG_CALL_BYTES, text.length - index.bytes));
    if (read.length === 0) return;
    const bytes = Buffer.from(read.buffer, read.byteOffset, read.length);
    for (let at = 0; at < bytes.length;) {
      const end = Math.min(bytes.length, at + chunkBytes - (index.bytes % chunkBytes));
      const piece = bytes.subarray(at, end);
      index.lineEnds += countLineEnds(piece);
      index.lastByteIsLineEnd = piece.at(-1) === LINE_END;
      index.bytes += piece.length;
      if (index.bytes % chunkBytes === 0) index.before.push(index.lineEnds);
      at = end;
    }
  }
}

const LINE_END = 10;

function countLineEnds(bytes: Buffer): number {
  let count = 0;
  for (let at = bytes.indexOf(LINE_END); at !== -1; at = bytes.indexOf(LINE_END, at + 1)) count += 1;
  return count;
}

/** The last chunk that begins before line `line` does: fewer line ends than `line` come before it. */
function lastChunkBefore(before: readonly number[], chunks: number, line: number): number {
  let low = 0;
  let high = chunks - 1;
  while (low < high) {
    const middle = Math.ceil((low + high) / 2);
    if ((before[middle] ?? 0) < line) low = middle;
    else high = middle - 1;
  }
  return low;
}
