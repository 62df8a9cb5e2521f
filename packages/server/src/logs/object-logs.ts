/**
 * Logs as objects of an S3-compatible store. All that is to be known of a log is in the names below
 * `logs/<run>/<attempt>/`, so that one listing tells it:
 *
 *   c<start>-<writer>          a chunk of bytes; its length is the object's
 *   g<from>-<to>-<reason>      a gap, empty
 *   e<total>                   the end, empty
 *
 * Numbers have 16 digits, so that names sort as they count.
 *
 * Invariants
 * 1. Each process writes objects of names of its own (`<writer>`), so that one which has been taken over for dead and is not
 *    never replaces what its successor wrote. Chunks may overlap; then they hold the same bytes.
 * 2. A chunk below `SHORT_CHUNK_BYTES` is rewritten, longer, by the next append of the process that wrote it: a log that
 *    grows by lines does not become an object per line. None is longer than `CHUNK_BYTES`.
 * 3. Bytes of chunks that lie in a gap are never read.
 */
import { randomBytes } from 'node:crypto';
import {
  gapToMark,
  LOG_GAP_REASONS,
  runIdOf,
  type AttemptId,
  type LogGap,
  type LogGapReason,
  type RunId,
} from '@pelorus/protocol';
import { LogWatchers, Recent, type LogStat, type LogStore } from './port.ts';
import type { S3Client, S3Object } from './s3-client.ts';

interface Chunk {
  key: string;
  start: number;
  end: number;
}

/** What is known of a log. */
interface ObjectLog {
  /** By start. */
  chunks: Chunk[];
  gaps: LogGap[];
  size: number;
  totals: ReadonlySet<number>;
  /** The last chunk, while this process may rewrite it. */
  short: { key: string; start: number; bytes: Uint8Array } | null;
}

const CHUNK_BYTES = 1024 * 1024;
const SHORT_CHUNK_BYTES = 64 * 1024;
/** Logs kept in mind, of which each may hold a short chunk. */
const LOGS_KEPT = 1000;
const POLL_MS = 2000;
const DELETES_AT_ONCE = 8;

/** Logs in a bucket that exists. */
export function openObjectLogs(client: S3Client): LogStore {
  const writer = randomBytes(4).toString('hex');
  const logs = new Recent<AttemptId, ObjectLog>(LOGS_KEPT);
  const watchers = new LogWatchers();

  async function load(attempt: AttemptId): Promise<ObjectLog> {
    const objects: S3Object[] = [];
    let next: string | null = null;
    do {
      const page = await client.list({ prefix: folderOf(attempt), next });
      objects.push(...page.objects);
      ({ next } = page);
    } while (next !== null);
    const short = logs.get(attempt)?.short ?? null;
    const log = logFrom(objects, folderOf(attempt));
    // Somebody else has gone on: what this process would rewrite is not the last chunk any more.
    const isLast = short !== null && short.start + short.bytes.length === log.size;
    log.short = isLast ? short : null;
    logs.set(attempt, log);
    return log;
  }

  /** What is known of it, for whoever writes: nobody else writes the same log, or it is the same that they write. */
  const known = async (attempt: AttemptId): Promise<ObjectLog> => logs.get(attempt) ?? (await load(attempt));

  /** After a failure nothing that was known holds. */
  async function change(attempt: AttemptId, write: (log: ObjectLog) => Promise<void>): Promise<number> {
    const log = await known(attempt);
    try {
      await write(log);
    } catch (error) {
      logs.delete(attempt);
      throw error;
    } finally {
      watchers.tell(attempt);
    }
    return log.size;
  }

  async function append(attempt: AttemptId, log: ObjectLog, fresh: Uint8Array): Promise<void> {
    const { short } = log;
    const bytes = short === null ? fresh : Buffer.concat([short.bytes, fresh]);
    let start = short?.start ?? log.size;
    for (let at = 0; at < bytes.length; at += CHUNK_BYTES) {
      const piece = bytes.subarray(at, at + CHUNK_BYTES);
      const key = at === 0 && short !== null ? short.key : `${folderOf(attempt)}c${digits(start)}-${writer}`;
      await client.put(key, piece);
      const end = start + piece.length;
      log.chunks = [...log.chunks.filter((chunk) => chunk.key !== key), { key, start, end }];
      log.size = Math.max(log.size, end);
      log.short = piece.length < SHORT_CHUNK_BYTES ? { key, start, bytes: piece } : null;
      start = end;
    }
  }

  async function deleteAll(keys: string[]): Promise<void> {
    for (let at = 0; at < keys.length; at += DELETES_AT_ONCE)
      await Promise.all(keys.slice(at, at + DELETES_AT_ONCE).map((key) => client.delete(key)));
  }

  return {
    kind: 's3',
    shipped: true,
    pollMs: POLL_MS,
    append: (attempt, offset, bytes) =>
      change(attempt, async (log) => {
        if (offset > log.size || offset + bytes.length <= log.size) return;
        await append(attempt, log, bytes.subarray(log.size - offset));
      }),
    markGap: (attempt, gap) =>
      change(attempt, async (log) => {
        const marked = gapToMark(gap, log.size, log.gaps);
        if (marked === null) return;
        const { from } = marked;
        await client.put(`${folderOf(attempt)}g${digits(from)}-${digits(gap.to)}-${gap.reason}`, new Uint8Array());
        log.gaps = joined([...log.gaps, marked]);
        log.size = gap.to;
        log.short = null;
        const dropped = log.chunks.filter((chunk) => chunk.start >= from);
        log.chunks = log.chunks.filter((chunk) => chunk.start < from);
        await deleteAll(dropped.map((chunk) => chunk.key));
      }),
    complete: (attempt, total) =>
      change(attempt, async (log) => {
        if (log.size !== total || log.totals.has(total)) return;
        await client.put(`${folderOf(attempt)}e${digits(total)}`, new Uint8Array());
        log.totals = new Set([...log.totals, total]);
      }),
    stat: async (attempt) => {
      const { size, gaps, totals, chunks } = await load(attempt);
      if (chunks.length === 0 && gaps.length === 0 && totals.size === 0) return null;
      return { size, gaps, complete: totals.has(size), generation: '' } satisfies LogStat;
    },
    read: async (attempt, offset, length) => {
      const log = await known(attempt);
      const gap = log.gaps.find((one) => offset < one.to);
      const end = Math.min(offset + Math.min(length, CHUNK_BYTES), gap?.from ?? Infinity);
      const chunk = chunkAt(log.chunks, offset);
      if (chunk === null || end <= offset) return new Uint8Array();
      const wanted = Math.min(end, chunk.end) - offset;
      return (await client.get(chunk.key, offset - chunk.start, wanted)) ?? new Uint8Array();
    },
    listRuns: async (after, limit) => {
      // A slash and what follows it sort behind the run's own name, and before the next run's.
      const startAfter = after === null ? {} : { startAfter: `logs/${digits(after)}/~` };
      const { folders } = await client.list({ prefix: 'logs/', byFolder: true, ...startAfter });
      return folders.flatMap((name) => (/^\d{16}$/.test(name) ? [runIdOf(Number(name))] : [])).slice(0, limit);
    },
    deleteRun: async (run) => {
      for (;;) {
        const { objects, next } = await client.list({ prefix: `logs/${digits(run)}/` });
        await deleteAll(objects.map((object) => object.key));
        if (next === null) return;
      }
    },
    watch: (attempt, listener) => watchers.watch(attempt, listener),
    close: () => Promise.resolve(),
  };
}

function folderOf(attempt: AttemptId): string {
  return `logs/${digits(attempt.slice(0, attempt.indexOf('.')))}/${attempt}/`;
}

function digits(value: number | string | RunId): string {
  return String(value).padStart(16, '0');
}

const CHUNK_NAME = /^c(\d{16})-[\da-f]{8}$/;
const GAP_NAME = /^g(\d{16})-(\d{16})-([a-z]+)$/;
const END_NAME = /^e(\d{16})$/;

function logFrom(objects: readonly S3Object[], folder: string): ObjectLog {
  const chunks: Chunk[] = [];
  const found: LogGap[] = [];
  const totals = new Set<number>();
  for (const { key, sizeBytes } of objects) {
    const name = key.slice(folder.length);
    const chunk = CHUNK_NAME.exec(name);
    if (chunk) chunks.push({ key, start: Number(chunk[1]), end: Number(chunk[1]) + sizeBytes });
    const gap = GAP_NAME.exec(name);
    if (gap && isReason(gap[3])) found.push({ from: Number(gap[1]), to: Number(gap[2]), reason: gap[3] });
    const end = END_NAME.exec(name);
    if (end) totals.add(Number(end[1]));
  }
  const gaps = joined(found);
  return { chunks, gaps, size: reach(chunks, gaps), totals, short: null };
}

function isReason(text: string | undefined): text is LogGapReason {
  return LOG_GAP_REASONS.some((reason) => reason === text);
}

/** Of gaps that overlap one is left, with the reason of the one that reaches furthest; so are gaps that touch for one reason. */
function joined(gaps: readonly LogGap[]): LogGap[] {
  const inOrder = gaps.toSorted((left, right) => left.from - right.from || left.to - right.to);
  const result: LogGap[] = [];
  for (const gap of inOrder) {
    const last = result.at(-1);
    if (last === undefined || gap.from > last.to || (gap.from === last.to && gap.reason !== last.reason))
      result.push(gap);
    else if (gap.to > last.to) result[result.length - 1] = { from: last.from, to: gap.to, reason: gap.reason };
  }
  return result;
}

/** Up to where everything is in a chunk or in a gap. */
function reach(chunks: readonly Chunk[], gaps: readonly LogGap[]): number {
  const spans = [...chunks.map(({ start, end }) => ({ from: start, to: end })), ...gaps];
  let size = 0;
  for (const { from, to } of spans.sort((left, right) => left.from - right.from)) {
    if (from > size) break;
    size = Math.max(size, to);
  }
  return size;
}

/** Of those that hold the byte, the one that begins last: it was written for what follows. */
function chunkAt(chunks: readonly Chunk[], offset: number): Chunk | null {
  let best: Chunk | null = null;
  for (const chunk of chunks) {
    const holds = chunk.start <= offset && offset < chunk.end;
    if (holds && (best === null || chunk.start > best.start || chunk.end > best.end)) best = chunk;
  }
  return best;
}
