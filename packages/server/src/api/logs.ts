/**
 * Task logs by line. Reads by range: of a log no more than a chunk and one page of lines is in memory, whatever its size
 * and wherever it is kept.
 */
import { formatAttemptId, type AttemptId, type AttemptKey } from '@pelorus/protocol';
import { LOG_CALL_BYTES, type LogStat, type LogStore } from '../logs/index.ts';
import { API_LIMITS } from './limits.ts';
import { LineCutter } from './log-lines.ts';
import { createLineIndexes, type LineIndex } from './log-index.ts';
import { createLogSearch, type Wanted } from './log-search.ts';
import { createLogTexts, readText, type LogText } from './log-text.ts';

/** Which lines of a log, at most `size`. */
export type LogQuery = { size: number } & (
  | { kind: 'lines'; from: number }
  /** The `from`-th line that is wanted, and those after it. */
  | { kind: 'search'; from: number; wanted: Wanted }
  /** From the first line on that begins at an offset or behind it. */
  | { kind: 'offset'; offset: number }
  /** The last ones before an offset; null: of all. */
  | { kind: 'tail'; before: number | null }
);

export interface LogLines {
  /** How many lines there are, or are wanted; null: that has not been counted, and would take long. */
  total: number | null;
  lines: string[];
  /** Offsets of the first of them, and behind the last; the same where there are none. */
  startByte: number;
  endByte: number;
  /** Offset of the end of the log as it was read. */
  sizeBytes: number;
}

export interface LogReader {
  /** Null: nothing of it has come. */
  stat(attempt: AttemptKey): Promise<LogStat | null>;
  /**
   * No log yet counts as an empty one; `note` is a last line that is not in it. Throws the signal's reason when it is aborted,
   * TOO_MANY_REQUESTS when too many logs are being searched.
   */
  read(attempt: AttemptKey, query: LogQuery, note: string | null, signal: AbortSignal): Promise<LogLines>;
  /** The whole text from an offset on; gaps are lines of it. */
  pieces(attempt: AttemptKey, signal: AbortSignal): AsyncIterable<Uint8Array>;
  /** The text of a log as it is now; null when there is none. */
  open(attempt: AttemptKey): Promise<{ text: LogText; stat: LogStat } | null>;
  /** Those of the lines that are wanted. Expressions are matched by threads; BAD_PARAMETER and the like as with `read`. */
  choose(lines: readonly string[], wanted: Wanted, signal: AbortSignal): Promise<string[]>;
  /** Where the last `count` lines before a position begin. */
  tailPosition(text: LogText, count: number, before: number): Promise<number>;
  /** Where the first line begins at a position or behind it. */
  linePosition(text: LogText, position: number): Promise<number>;
  readonly store: LogStore;
  close(): Promise<void>;
}

export function createLogReader(logs: LogStore): LogReader {
  const texts = createLogTexts(logs);
  const indexes = createLineIndexes();
  const search = createLogSearch();

  async function read(
    attempt: AttemptId,
    query: LogQuery,
    note: string | null,
    signal: AbortSignal,
  ): Promise<LogLines> {
    const opened = await texts.open(attempt);
    if (opened === null) return nothing(query, note);
    const { text, stat } = opened;
    const page = await pageOf({ attempt, text, signal }, query, note);
    return {
      total: page.total,
      lines: page.lines,
      startByte: text.offsetAt(page.start),
      endByte: text.offsetAt(page.end),
      sizeBytes: stat.size,
    };
  }

  async function pageOf(log: OpenLog, query: LogQuery, note: string | null): Promise<TextPage> {
    const { text, attempt, signal } = log;
    switch (query.kind) {
      case 'search': {
        const { total, lines, span } = await search.find(text, query.wanted, query, signal);
        const { start, end } = span ?? { start: text.length, end: text.length };
        return { total, lines, start, end: Math.min(end, text.length) };
      }
      case 'lines': {
        const index = await indexes.upToDate(attempt, text, signal);
        return withNote(await linesFrom(text, index, query, signal), note, query);
      }
      case 'offset': {
        const start = await linePosition(text, text.positionAt(query.offset));
        const page = await linesAt(text, start, query.size, signal);
        return withNote({ ...page, total: await cheapTotal(log) }, page.end >= text.length ? note : null, query);
      }
      case 'tail': {
        const before = query.before === null ? text.length : text.positionAt(query.before);
        const noted = before >= text.length ? note : null;
        const count = query.size - (noted === null ? 0 : 1);
        const start = await tailPosition(text, count, before);
        const page = await linesAt(text, start, count, signal, before);
        return withNote({ ...page, total: await cheapTotal(log) }, noted, query);
      }
    }
  }

  /** The number of lines if it is known, or soon will be. */
  async function cheapTotal({ attempt, text, signal }: OpenLog): Promise<number | null> {
    const counted = indexes.known(attempt, text)?.bytes ?? 0;
    if (text.length - counted > API_LIMITS.logCountBytes) return null;
    return (await indexes.upToDate(attempt, text, signal)).total;
  }

  return {
    stat: (attempt) => logs.stat(formatAttemptId(attempt)),
    read: (attempt, query, note, signal) => read(formatAttemptId(attempt), query, note, signal),
    pieces: (attempt, signal) => piecesOf(() => texts.open(formatAttemptId(attempt)), signal),
    open: (attempt) => texts.open(formatAttemptId(attempt)),
    choose: (lines, wanted, signal) => search.choose(lines, wanted, signal),
    tailPosition,
    linePosition,
    store: logs,
    close: () => search.close(),
  };
}

interface OpenLog {
  attempt: AttemptId;
  text: LogText;
  signal: AbortSignal;
}

interface TextPage {
  total: number | null;
  lines: string[];
  start: number;
  end: number;
}

function nothing(query: LogQuery, note: string | null): LogLines {
  const empty = withNote({ total: 0, lines: [], start: 0, end: 0 }, query.kind === 'search' ? null : note, query);
  return { total: empty.total, lines: empty.lines, startByte: 0, endByte: 0, sizeBytes: 0 };
}

/** The note is a line behind the last one. */
function withNote(page: TextPage, note: string | null, query: LogQuery): TextPage {
  if (note === null) return page;
  const total = page.total === null ? null : page.total + 1;
  const isWanted =
    query.kind !== 'lines' ||
    (page.total !== null && query.from + page.lines.length >= page.total && query.from <= page.total);
  if (!isWanted || page.lines.length >= query.size) return { ...page, total };
  return { ...page, total, lines: [...page.lines, note] };
}

/** The lines that a page names, of the part of the text that the index knows. */
async function linesFrom(
  text: LogText,
  index: LineIndex,
  { from, size }: { from: number; size: number },
  signal: AbortSignal,
): Promise<TextPage> {
  const { total } = index;
  if (from >= total) return { total, lines: [], start: text.length, end: text.length };
  const chunk = index.chunkBefore(from);
  // A chunk may begin in the middle of a line that an earlier one counts: that piece is not a line of its own.
  const page = await linesAt(text, chunk.position, size, signal, index.bytes, from - chunk.line);
  return { ...page, total };
}

/** Lines from a position on, but for the first `skip`, up to `until`. */
async function linesAt(
  text: LogText,
  position: number,
  size: number,
  signal: AbortSignal,
  until = text.length,
  skip = 0,
): Promise<Omit<TextPage, 'total'>> {
  const lines: string[] = [];
  let line = 0;
  let at = position;
  let start = position;
  let end = position;
  const cutter = new LineCutter((lineText, bytes) => {
    at += bytes;
    line += 1;
    if (line === skip) start = at;
    if (line <= skip || lines.length >= size) return;
    lines.push(lineText());
    end = at;
  });
  for (let read = position; read < until && lines.length < size;) {
    signal.throwIfAborted();
    const bytes = await text.read(read, Math.min(API_LIMITS.logReadChunkBytes, until - read));
    if (bytes.length === 0) break;
    read += bytes.length;
    cutter.push(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length));
  }
  if (lines.length < size) cutter.end();
  return { lines, start, end: Math.max(start, end) };
}

const LINE_END = 10;

/** Reads backwards. Of lines so long that they are not found soon, it begins in the middle. */
async function tailPosition(text: LogText, count: number, before: number): Promise<number> {
  if (count <= 0) return before;
  const lowest = Math.max(0, before - API_LIMITS.logScanBytes);
  let missing = count;
  // The end of the last line is not the end of the one before it.
  let end = before - ((await endsLine(text, before)) ? 1 : 0);
  while (end > lowest) {
    const begin = Math.max(lowest, end - API_LIMITS.logReadChunkBytes);
    const bytes = await readText(text, begin, end);
    for (let at = bytes.lastIndexOf(LINE_END); at !== -1; at = at === 0 ? -1 : bytes.lastIndexOf(LINE_END, at - 1)) {
      missing -= 1;
      if (missing === 0) return begin + at + 1;
    }
    end = begin;
  }
  return lowest;
}

async function endsLine(text: LogText, position: number): Promise<boolean> {
  return position > 0 && (await text.read(position - 1, 1))[0] === LINE_END;
}

async function linePosition(text: LogText, position: number): Promise<number> {
  if (position <= 0 || position >= text.length || (await endsLine(text, position))) return position;
  const limit = Math.min(text.length, position + API_LIMITS.logScanBytes);
  for (let at = position; at < limit;) {
    const bytes = await text.read(at, API_LIMITS.logReadChunkBytes);
    if (bytes.length === 0) break;
    const end = bytes.indexOf(LINE_END);
    if (end !== -1) return at + end + 1;
    at += bytes.length;
  }
  return limit;
}

async function* piecesOf(
  open: () => Promise<{ text: LogText } | null>,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array> {
  const opened = await open();
  if (opened === null) return;
  for (let at = 0; at < opened.text.length;) {
    signal.throwIfAborted();
    const bytes = await opened.text.read(at, LOG_CALL_BYTES);
    if (bytes.length === 0) return;
    yield bytes;
    at += bytes.length;
  }
}
