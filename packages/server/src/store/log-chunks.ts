/**
 * Logs in chunks of bounded size.
 *
 * Invariants
 * 1. `log.size` is the end of the last chunk or gap; up to there everything is in a chunk or in a gap.
 * 2. No chunk is longer than `CHUNK_BYTES`; a short last one is rewritten by the next append, so that a log which grows by
 *    lines does not become a row per line.
 * 3. Chunks that lie in a gap are never read; they are deleted bit by bit, because deleting them all may take long.
 */
import {
  gapToMark,
  parseAttemptId,
  withGap,
  type AttemptId,
  type AttemptKey,
  type LogGap,
} from '@pelorus/protocol/vocabulary';
import type { StoredLog } from './log-port.ts';
import { StoreError } from './port.ts';
import { lockNamed, type Database, type Row, type Sql } from './database.ts';
import type { WriteContext } from './write-context.ts';

const CHUNK_BYTES = 64 * 1024;
/** A last chunk shorter than this is rewritten together with what is appended. */
const SHORT_CHUNK_BYTES = 16 * 1024;
/** Bytes that one read answers with. */
const READ_BYTES = 1024 * 1024;

const LOG = `select size, complete, gaps from log where run_id = ? and task = ? and n = ?`;

export function* statLog(db: Database, attempt: AttemptId): Sql<StoredLog | null> {
  const row = yield* db.get(LOG, ...keyOf(attempt));
  return row === undefined ? null : toLog(row);
}

function toLog(row: Row): StoredLog {
  return {
    size: row['size'] as number,
    complete: row['complete'] === 1,
    gaps: JSON.parse(row['gaps'] as string) as LogGap[],
  };
}

function keyOf(attempt: AttemptId): [number, number, number] {
  const key: AttemptKey | null = parseAttemptId(attempt);
  if (key === null) throw new StoreError('INVARIANT', `${attempt} is not the id of an attempt.`);
  return [key.run, key.task, key.n];
}

const UPSERT_LOG = `
  insert into log (run_id, task, n, size, complete, gaps) values (?, ?, ?, ?, ?, ?)
  on conflict (run_id, task, n) do update set size = excluded.size, complete = excluded.complete, gaps = excluded.gaps`;

function* saveLog(c: WriteContext, attempt: AttemptId, log: StoredLog): Sql<number> {
  yield* c.db.run(UPSERT_LOG, ...keyOf(attempt), log.size, log.complete ? 1 : 0, JSON.stringify(log.gaps));
  return log.size;
}

/** Two masters may have pieces of one log, for a worker that went from one to the other. */
function lockLog(c: WriteContext, attempt: AttemptId): Sql<void> {
  return lockNamed(c.db, `log ${attempt}`);
}

const EMPTY: StoredLog = { size: 0, complete: false, gaps: [] };
const LAST_CHUNK = `
  select start, bytes from log_chunk where run_id = ? and task = ? and n = ? and start < ? order by start desc limit 1`;
const UPSERT_CHUNK = `
  insert into log_chunk (run_id, task, n, start, bytes) values (?, ?, ?, ?, ?)
  on conflict (run_id, task, n, start) do update set bytes = excluded.bytes`;

export function* appendLog(
  c: WriteContext,
  request: { attempt: AttemptId; offset: number; bytes: Uint8Array },
): Sql<number> {
  const { attempt, offset, bytes } = request;
  yield* lockLog(c, attempt);
  const log = (yield* statLog(c.db, attempt)) ?? EMPTY;
  const end = offset + bytes.length;
  if (offset > log.size || end <= log.size) return log.size;
  const key = keyOf(attempt);
  let start = log.size;
  let fresh = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).subarray(log.size - offset);
  const last = yield* c.db.get(LAST_CHUNK, ...key, log.size);
  const lastBytes = last?.['bytes'] as Uint8Array | undefined;
  const lastStart = last?.['start'] as number | undefined;
  if (lastBytes !== undefined && lastStart !== undefined && lastStart + lastBytes.length === log.size) {
    if (lastBytes.length < SHORT_CHUNK_BYTES) {
      start = lastStart;
      fresh = Buffer.concat([lastBytes, fresh]);
    }
  }
  for (let at = 0; at < fresh.length; at += CHUNK_BYTES)
    yield* c.db.run(UPSERT_CHUNK, ...key, start + at, fresh.subarray(at, at + CHUNK_BYTES));
  return yield* saveLog(c, attempt, { ...log, size: end, complete: false });
}

export function* markLogGap(c: WriteContext, request: { attempt: AttemptId; gap: LogGap }): Sql<number> {
  const { attempt, gap } = request;
  yield* lockLog(c, attempt);
  const log = (yield* statLog(c.db, attempt)) ?? EMPTY;
  const marked = gapToMark(gap, log.size, log.gaps);
  if (marked === null) return log.size;
  const gaps = withGap(log.gaps, marked);
  yield* cutLastChunk(c, attempt, gaps.at(-1)?.from ?? marked.from);
  return yield* saveLog(c, attempt, { size: gap.to, complete: false, gaps });
}

/** The chunk that reaches into a gap ends where the gap begins. */
function* cutLastChunk(c: WriteContext, attempt: AttemptId, at: number): Sql<void> {
  const key = keyOf(attempt);
  const row = yield* c.db.get(LAST_CHUNK, ...key, at);
  if (row === undefined) return;
  const start = row['start'] as number;
  const bytes = row['bytes'] as Uint8Array;
  if (start + bytes.length > at) yield* c.db.run(UPSERT_CHUNK, ...key, start, bytes.subarray(0, at - start));
}

export function* completeLog(c: WriteContext, request: { attempt: AttemptId; total: number }): Sql<number> {
  yield* lockLog(c, request.attempt);
  const log = (yield* statLog(c.db, request.attempt)) ?? EMPTY;
  if (log.size !== request.total) return log.size;
  return yield* saveLog(c, request.attempt, { ...log, complete: true });
}

const CHUNKS_IN = `
  select start from log_chunk where run_id = ? and task = ? and n = ? and start >= ? and start < ? order by start limit ?`;
const DELETE_CHUNKS = `delete from log_chunk where run_id = ? and task = ? and n = ? and start >= ? and start <= ?`;
const LOGS_OF_RUN = `select task, n, size from log where run_id = ? order by task, n limit ?`;
const DELETE_LOG = `delete from log where run_id = ? and task = ? and n = ?`;

export function* dropLogChunks(
  c: WriteContext,
  request: { attempt?: AttemptId; run?: number; limit: number },
): Sql<number> {
  if (request.attempt !== undefined) return yield* dropInGaps(c, request.attempt, request.limit);
  return request.run === undefined ? 0 : yield* dropRun(c, request.run, request.limit);
}

function* dropInGaps(c: WriteContext, attempt: AttemptId, limit: number): Sql<number> {
  let dropped = 0;
  for (const { from, to } of (yield* statLog(c.db, attempt))?.gaps ?? []) {
    if (dropped >= limit) break;
    dropped += yield* dropBetween(c, keyOf(attempt), from, to, limit - dropped);
  }
  return dropped;
}

/** A log goes when its last chunk has gone. */
function* dropRun(c: WriteContext, run: number, limit: number): Sql<number> {
  let dropped = 0;
  for (const row of yield* c.db.all(LOGS_OF_RUN, run, limit)) {
    if (dropped >= limit) break;
    const key: [number, number, number] = [run, row['task'] as number, row['n'] as number];
    const chunks = yield* dropBetween(c, key, 0, Number.MAX_SAFE_INTEGER, limit - dropped);
    dropped += chunks;
    if (dropped >= limit) break;
    yield* c.db.run(DELETE_LOG, ...key);
    dropped += 1;
  }
  return dropped;
}

function* dropBetween(
  c: WriteContext,
  key: [number, number, number],
  from: number,
  to: number,
  limit: number,
): Sql<number> {
  const found = yield* c.db.all(CHUNKS_IN, ...key, from, to, limit);
  const last = found.at(-1)?.['start'] as number | undefined;
  if (last !== undefined) yield* c.db.run(DELETE_CHUNKS, ...key, from, last);
  return found.length;
}

const CHUNKS_FROM = `
  select start, bytes from log_chunk where run_id = ? and task = ? and n = ? and start >= ? order by start limit ?`;

export function* readLog(
  db: Database,
  request: { attempt: AttemptId; offset: number; length: number },
): Sql<Uint8Array> {
  const { attempt, offset } = request;
  const key = keyOf(attempt);
  const gap = (yield* statLog(db, attempt))?.gaps.find((one) => offset < one.to);
  const end = Math.min(offset + Math.min(request.length, READ_BYTES), gap?.from ?? Infinity);
  if (end <= offset) return new Uint8Array();
  const first = yield* db.get(LAST_CHUNK, ...key, offset + 1);
  if (first === undefined) return new Uint8Array();
  const start = first['start'] as number;
  const pieces = [(first['bytes'] as Uint8Array).subarray(offset - start)];
  let at = offset + (pieces[0]?.length ?? 0);
  const rows = at < end ? yield* db.all(CHUNKS_FROM, ...key, at, Math.ceil((end - at) / SHORT_CHUNK_BYTES) + 1) : [];
  for (const row of rows) {
    if (row['start'] !== at || at >= end) break;
    const bytes = row['bytes'] as Uint8Array;
    pieces.push(bytes);
    at += bytes.length;
  }
  const bytes = Buffer.concat(pieces);
  // A copy, because what leaves the thread takes all of its buffer along.
  return Uint8Array.from(bytes.subarray(0, end - offset));
}

const RUNS = `select distinct run_id from log where run_id > ? order by run_id limit ?`;

export function* listLogRuns(db: Database, request: { after: number | null; limit: number }): Sql<number[]> {
  return (yield* db.all(RUNS, request.after ?? 0, request.limit)).map((row) => row['run_id'] as number);
}
