/**
 * Task logs by line. Owns: per file an index of where lines begin, one entry a chunk, so that a page of a large log
 * reads a chunk or two.
 * Invariants: 1. no more than a chunk and one page of lines of a log is in memory; 2. a log only grows, and one that
 * has become shorter or another file is indexed anew; 3. the last line counts though it does not end yet.
 */
import { open, type FileHandle } from 'node:fs/promises';
import path from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { formatAttemptId, type AttemptKey } from '@pelorus/protocol';
import { API_LIMITS } from './limits.ts';
import { LineCutter } from './log-lines.ts';

export interface LogQuery {
  /** First line, or first matching line, from 0. */
  from: number;
  /** How many lines at most. */
  size: number;
  /** Null: every line. */
  matches: ((line: string) => boolean) | null;
}

export interface LogLines {
  /** How many lines there are, or match. */
  total: number;
  lines: string[];
}

export interface LogReader {
  /** No log yet counts as an empty one. Throws the signal's reason when it is aborted. */
  read(attempt: AttemptKey, query: LogQuery, signal: AbortSignal): Promise<LogLines>;
}

/** Logs in files `<folder>/<run>/<attempt>.log`. */
export function openLogDirectory(folder: string): LogReader {
  const indexes = new Map<string, LineIndex>();
  return {
    read: async (attempt, query, signal) => {
      const file = path.join(folder, String(attempt.run), `${formatAttemptId(attempt)}.log`);
      const handle = await openIfThere(file);
      if (handle === null) return { total: 0, lines: [] };
      try {
        if (query.matches !== null) return await search(handle, query, query.matches, signal);
        return await readPage(handle, await indexOf(indexes, file, handle, signal), query, signal);
      } finally {
        await handle.close();
      }
    },
  };
}

async function openIfThere(file: string): Promise<FileHandle | null> {
  try {
    return await open(file, 'r');
  } catch (error) {
    if (error instanceof Error && 'code' in error && (error.code === 'ENOENT' || error.code === 'ENOTDIR')) return null;
    throw error;
  }
}

interface LineIndex {
  inode: number;
  /** Up to here the file has been counted. */
  bytes: number;
  /** Line ends before `bytes`. */
  lineEnds: number;
  /** Line ends before each chunk: `before[i]` belongs to offset `i × logReadChunkBytes`. */
  before: number[];
  lastByteIsLineEnd: boolean;
}

/** Counts only what has been added since the last time. */
async function indexOf(
  indexes: Map<string, LineIndex>,
  file: string,
  handle: FileHandle,
  signal: AbortSignal,
): Promise<LineIndex> {
  const { ino, size } = await handle.stat();
  const known = indexes.get(file);
  const usable = known !== undefined && known.inode === ino && known.bytes <= size;
  const index = usable
    ? { ...known, before: [...known.before] }
    : { inode: ino, bytes: 0, lineEnds: 0, before: [0], lastByteIsLineEnd: true };
  await extend(index, handle, size, signal);
  indexes.delete(file);
  indexes.set(file, index);
  const oldest = indexes.keys().next();
  if (indexes.size > API_LIMITS.logIndexEntries && oldest.done !== true) indexes.delete(oldest.value);
  return index;
}

async function extend(index: LineIndex, handle: FileHandle, size: number, signal: AbortSignal): Promise<void> {
  const chunkBytes = API_LIMITS.logReadChunkBytes;
  const buffer = Buffer.allocUnsafe(chunkBytes);
  while (index.bytes < size) {
    signal.throwIfAborted();
    const wanted = Math.min(chunkBytes - (index.bytes % chunkBytes), size - index.bytes);
    const { bytesRead } = await handle.read(buffer, 0, wanted, index.bytes);
    if (bytesRead === 0) return;
    index.lineEnds += countLineEnds(buffer, bytesRead);
    index.lastByteIsLineEnd = buffer[bytesRead - 1] === LINE_END;
    index.bytes += bytesRead;
    if (index.bytes % chunkBytes === 0) index.before.push(index.lineEnds);
  }
}

const LINE_END = 10;

function countLineEnds(buffer: Buffer, length: number): number {
  let count = 0;
  for (let at = buffer.indexOf(LINE_END); at !== -1 && at < length; at = buffer.indexOf(LINE_END, at + 1)) count += 1;
  return count;
}

/** The page that `query` names, of the part of the file that the index knows. */
async function readPage(handle: FileHandle, index: LineIndex, query: LogQuery, signal: AbortSignal): Promise<LogLines> {
  const total = index.lineEnds + (index.lastByteIsLineEnd ? 0 : 1);
  if (query.from >= total) return { total, lines: [] };
  const chunk = lastChunkBefore(index.before, query.from);
  const lines: string[] = [];
  let line = index.before[chunk] ?? 0;
  // A chunk may begin in the middle of a line that an earlier one counts: that piece is not a line of its own.
  const cutter = new LineCutter((text) => {
    if (line >= query.from && lines.length < query.size) lines.push(text());
    line += 1;
  });
  let offset = chunk * API_LIMITS.logReadChunkBytes;
  const buffer = Buffer.allocUnsafe(API_LIMITS.logReadChunkBytes);
  while (offset < index.bytes && lines.length < query.size) {
    signal.throwIfAborted();
    const { bytesRead } = await handle.read(buffer, 0, Math.min(buffer.length, index.bytes - offset), offset);
    if (bytesRead === 0) break;
    offset += bytesRead;
    cutter.push(buffer.subarray(0, bytesRead));
  }
  if (lines.length < query.size) cutter.end();
  return { total, lines };
}

/** The last chunk that begins before line `line` does: fewer line ends than `line` come before it. */
function lastChunkBefore(before: number[], line: number): number {
  let low = 0;
  let high = before.length - 1;
  while (low < high) {
    const middle = Math.ceil((low + high) / 2);
    if ((before[middle] ?? 0) < line) low = middle;
    else high = middle - 1;
  }
  return low;
}

async function search(
  handle: FileHandle,
  query: LogQuery,
  matches: (line: string) => boolean,
  signal: AbortSignal,
): Promise<LogLines> {
  const lines: string[] = [];
  let total = 0;
  const cutter = new LineCutter((text) => {
    const line = text();
    if (!matches(line)) return;
    if (total >= query.from && lines.length < query.size) lines.push(line);
    total += 1;
  });
  const buffer = Buffer.allocUnsafe(SEARCH_CHUNK_BYTES);
  const { size } = await handle.stat();
  for (let offset = 0; offset < size;) {
    signal.throwIfAborted();
    const { bytesRead } = await handle.read(buffer, 0, Math.min(buffer.length, size - offset), offset);
    if (bytesRead === 0) break;
    offset += bytesRead;
    cutter.push(buffer.subarray(0, bytesRead));
    await setImmediate();
  }
  cutter.end();
  return { total, lines };
}

/** Small, because a slow regular expression over one chunk holds up everything else. */
const SEARCH_CHUNK_BYTES = 16 * 1024;
