/**
 * Logs as objects of an S3-compatible store. All that is to be known of a log is in the names of its objects (`object-log.ts`),
 * so that one listing tells it.
 *
 * Invariants
 * 1. Each process writes objects of names of its own (`<writer>`), so that one which has been taken over for dead and is not
 *    never replaces what its successor wrote. Chunks may overlap; then they hold the same bytes.
 * 2. A chunk below `SHORT_CHUNK_BYTES` is rewritten, longer, by the next append of the process that wrote it: a log that
 *    grows by lines does not become an object per line. None is longer than `CHUNK_BYTES`.
 * 3. Bytes of chunks that lie in a gap are never read.
 */
import { randomBytes } from 'node:crypto';
import { gapToMark, runIdOf, type AttemptId, type LogGap, type RunId } from '@pelorus/protocol';
import {
  chunkAt,
  chunkKey,
  endKey,
  gapKey,
  joined,
  logFolder,
  logFrom,
  runFolder,
  type ObjectLog,
} from './object-log.ts';
import { LogWatchers, Recent, type LogStat, type LogStore } from './port.ts';
import type { S3Client, S3Object } from './s3-client.ts';

const CHUNK_BYTES = 1024 * 1024;
const SHORT_CHUNK_BYTES = 64 * 1024;
/** Logs kept in mind, of which each may hold a short chunk. */
const LOGS_KEPT = 1000;
const POLL_MS = 2000;
const DELETES_AT_ONCE = 8;

/** Logs in a bucket that exists. */
export function openObjectLogs(client: S3Client): LogStore {
  return new ObjectLogs(client);
}

class ObjectLogs implements LogStore {
  readonly kind = 's3';
  readonly shipped = true;
  readonly pollMs = POLL_MS;
  readonly #client: S3Client;
  readonly #writer = randomBytes(4).toString('hex');
  readonly #logs = new Recent<AttemptId, ObjectLog>(LOGS_KEPT);
  readonly #watchers = new LogWatchers();

  constructor(client: S3Client) {
    this.#client = client;
  }

  append(attempt: AttemptId, offset: number, bytes: Uint8Array): Promise<number> {
    return this.#change(attempt, async (log) => {
      if (offset > log.size || offset + bytes.length <= log.size) return;
      await this.#write(attempt, log, bytes.subarray(log.size - offset));
    });
  }

  markGap(attempt: AttemptId, gap: LogGap): Promise<number> {
    return this.#change(attempt, async (log) => {
      const marked = gapToMark(gap, log.size, log.gaps);
      if (marked === null) return;
      await this.#client.put(gapKey(attempt, { ...gap, from: marked.from }), new Uint8Array());
      log.gaps = joined([...log.gaps, marked]);
      log.size = gap.to;
      log.short = null;
      const dropped = log.chunks.filter((chunk) => chunk.start >= marked.from);
      log.chunks = log.chunks.filter((chunk) => chunk.start < marked.from);
      await this.#deleteAll(dropped.map((chunk) => chunk.key));
    });
  }

  complete(attempt: AttemptId, total: number): Promise<number> {
    return this.#change(attempt, async (log) => {
      if (log.size !== total || log.totals.has(total)) return;
      await this.#client.put(endKey(attempt, total), new Uint8Array());
      log.totals = new Set([...log.totals, total]);
    });
  }

  async stat(attempt: AttemptId): Promise<LogStat | null> {
    const { size, gaps, totals, chunks } = await this.#load(attempt);
    if (chunks.length === 0 && gaps.length === 0 && totals.size === 0) return null;
    return { size, gaps, complete: totals.has(size), generation: '' };
  }

  async read(attempt: AttemptId, offset: number, length: number): Promise<Uint8Array> {
    const log = await this.#known(attempt);
    const gap = log.gaps.find((one) => offset < one.to);
    const end = Math.min(offset + Math.min(length, CHUNK_BYTES), gap?.from ?? Infinity);
    const chunk = chunkAt(log.chunks, offset);
    if (chunk === null || end <= offset) return new Uint8Array();
    const wanted = Math.min(end, chunk.end) - offset;
    return (await this.#client.get(chunk.key, offset - chunk.start, wanted)) ?? new Uint8Array();
  }

  async listRuns(after: RunId | null, limit: number): Promise<RunId[]> {
    // A tilde sorts behind all that is in the run's own folder, and before the next run's.
    const startAfter = after === null ? {} : { startAfter: `${runFolder(after)}~` };
    const { folders } = await this.#client.list({ prefix: 'logs/', byFolder: true, ...startAfter });
    return folders.flatMap((name) => (/^\d{16}$/.test(name) ? [runIdOf(Number(name))] : [])).slice(0, limit);
  }

  async deleteRun(run: RunId): Promise<void> {
    for (;;) {
      const { objects, next } = await this.#client.list({ prefix: runFolder(run) });
      await this.#deleteAll(objects.map((object) => object.key));
      if (next === null) return;
    }
  }

  watch(attempt: AttemptId, listener: () => void): () => void {
    return this.#watchers.watch(attempt, listener);
  }

  close(): Promise<void> {
    return Promise.resolve();
  }

  /** What is known of it, for whoever writes: nobody else writes the same log, or it is the same that they write. */
  async #known(attempt: AttemptId): Promise<ObjectLog> {
    return this.#logs.get(attempt) ?? (await this.#load(attempt));
  }

  async #load(attempt: AttemptId): Promise<ObjectLog> {
    const objects: S3Object[] = [];
    let next: string | null = null;
    do {
      const page = await this.#client.list({ prefix: logFolder(attempt), next });
      objects.push(...page.objects);
      ({ next } = page);
    } while (next !== null);
    const short = this.#logs.get(attempt)?.short ?? null;
    const log = logFrom(objects, logFolder(attempt));
    // Somebody else has gone on: what this process would rewrite is not the last chunk any more.
    const isLast = short !== null && short.start + short.bytes.length === log.size;
    log.short = isLast ? short : null;
    this.#logs.set(attempt, log);
    return log;
  }

  /** After a failure nothing that was known holds. */
  async #change(attempt: AttemptId, write: (log: ObjectLog) => Promise<void>): Promise<number> {
    const log = await this.#known(attempt);
    try {
      await write(log);
    } catch (error) {
      this.#logs.delete(attempt);
      throw error;
    } finally {
      this.#watchers.tell(attempt);
    }
    return log.size;
  }

  async #write(attempt: AttemptId, log: ObjectLog, fresh: Uint8Array): Promise<void> {
    const { short } = log;
    const bytes = short === null ? fresh : Buffer.concat([short.bytes, fresh]);
    let start = short?.start ?? log.size;
    for (let at = 0; at < bytes.length; at += CHUNK_BYTES) {
      const piece = bytes.subarray(at, at + CHUNK_BYTES);
      const key = at === 0 && short !== null ? short.key : chunkKey(attempt, start, this.#writer);
      await this.#client.put(key, piece);
      const end = start + piece.length;
      log.chunks = [...log.chunks.filter((chunk) => chunk.key !== key), { key, start, end }];
      log.size = Math.max(log.size, end);
      log.short = piece.length < SHORT_CHUNK_BYTES ? { key, start, bytes: piece } : null;
      start = end;
    }
  }

  async #deleteAll(keys: string[]): Promise<void> {
    for (let at = 0; at < keys.length; at += DELETES_AT_ONCE)
      await Promise.all(keys.slice(at, at + DELETES_AT_ONCE).map((key) => this.#client.delete(key)));
  }
}
