/**
 * Logs in files `<folder>/<run>/<attempt>.log`; gaps and the end in `<attempt>.log.meta` beside, which most logs that are still
 * written have not. The file holds what is left of the log, without gaps.
 *
 * With `writtenInPlace` the worker of this machine writes to the very same files, so that nothing is shipped: this end only
 * reads, and a log is complete at any time.
 */
import { constants } from 'node:fs';
import { open, opendir, rm, stat as statFile, type FileHandle } from 'node:fs/promises';
import path from 'node:path';
import {
  gapToMark,
  heldBefore,
  logSize,
  placeInLog,
  runIdOf,
  withGap,
  type AttemptId,
  type LogGap,
  type LogMeta,
  type RunId,
} from '@pelorus/protocol';
import { LogMetas, NO_META } from './log-metas.ts';
import { openInFolder, unlessMissing } from './missing-files.ts';
import { LOG_CALL_BYTES, LogStoreError, LogWatchers, type LogStat, type LogStore } from './port.ts';

export interface DirectoryLogsOptions {
  folder: string;
  writtenInPlace: boolean;
}

const POLL_MS = 250;

/** Logs in a folder, which is made with the first of them. */
export function openDirectoryLogs(options: DirectoryLogsOptions): LogStore {
  return new DirectoryLogs(options);
}

class DirectoryLogs implements LogStore {
  readonly kind = 'directory';
  readonly shipped: boolean;
  readonly pollMs = POLL_MS;
  readonly #folder: string;
  readonly #metas = new LogMetas((attempt) => this.#fileOf(attempt));
  readonly #watchers = new LogWatchers();

  constructor({ folder, writtenInPlace }: DirectoryLogsOptions) {
    this.shipped = !writtenInPlace;
    this.#folder = folder;
  }

  append(attempt: AttemptId, offset: number, bytes: Uint8Array): Promise<number> {
    return this.#change(attempt, async (file, heldBytes, meta) => {
      const size = logSize(heldBytes, meta.gaps);
      const end = offset + bytes.length;
      if (offset > size || end <= size) return size;
      if (meta.total !== null) await this.#metas.write(attempt, { ...meta, total: null });
      await writeAll(file, bytes.subarray(size - offset), heldBytes);
      await file.datasync();
      return end;
    });
  }

  markGap(attempt: AttemptId, gap: LogGap): Promise<number> {
    return this.#change(attempt, async (file, heldBytes, meta) => {
      const size = logSize(heldBytes, meta.gaps);
      const marked = gapToMark(gap, size, meta.gaps);
      if (marked === null) return size;
      const gaps = withGap(meta.gaps, marked);
      await file.truncate(heldBefore(gaps.at(-1)?.from ?? marked.from, meta.gaps));
      await this.#metas.write(attempt, { gaps, total: null });
      await file.datasync();
      return gap.to;
    });
  }

  complete(attempt: AttemptId, total: number): Promise<number> {
    return asTrouble(async () => {
      const meta = await this.#metas.of(attempt);
      const found = await unlessMissing(statFile(this.#fileOf(attempt)));
      const size = logSize(found?.size ?? 0, meta.gaps);
      if (size === total && meta.total !== total) await this.#metas.write(attempt, { ...meta, total });
      this.#watchers.tell(attempt);
      return size;
    });
  }

  stat(attempt: AttemptId): Promise<LogStat | null> {
    return asTrouble(async () => {
      const file = unlessMissing(statFile(this.#fileOf(attempt)));
      const [found, meta] = await Promise.all([file, this.#metas.read(attempt)]);
      if (found === null && meta === NO_META) return null;
      const size = logSize(found?.size ?? 0, meta.gaps);
      const complete = !this.shipped || meta.total === size;
      return { size, complete, gaps: meta.gaps, generation: String(found?.ino ?? '') };
    });
  }

  read(attempt: AttemptId, offset: number, length: number): Promise<Uint8Array> {
    return asTrouble(async () => {
      const place = placeInLog(offset, (await this.#metas.of(attempt)).gaps);
      if (place.kind === 'gap') return new Uint8Array();
      const wanted = Math.min(length, LOG_CALL_BYTES, place.until - offset);
      const handle = await unlessMissing(open(this.#fileOf(attempt), 'r'));
      if (handle === null) return new Uint8Array();
      try {
        const { bytesRead, buffer } = await handle.read(Buffer.allocUnsafeSlow(wanted), 0, wanted, place.position);
        return buffer.subarray(0, bytesRead);
      } finally {
        await handle.close();
      }
    });
  }

  listRuns(after: RunId | null, limit: number): Promise<RunId[]> {
    return asTrouble(() => listRuns(this.#folder, after, limit));
  }

  deleteRun(run: RunId): Promise<void> {
    return asTrouble(() => rm(path.join(this.#folder, String(run)), { recursive: true, force: true }));
  }

  watch(attempt: AttemptId, listener: () => void): () => void {
    return this.#watchers.watch(attempt, listener);
  }

  close(): Promise<void> {
    return Promise.resolve();
  }

  #fileOf(attempt: AttemptId): string {
    return path.join(this.#folder, attempt.slice(0, attempt.indexOf('.')), `${attempt}.log`);
  }

  /** Runs `write` over the open file and its meta; what it does is on the disk once this resolves. */
  #change(
    attempt: AttemptId,
    write: (file: FileHandle, heldBytes: number, meta: LogMeta) => Promise<number>,
  ): Promise<number> {
    return asTrouble(async () => {
      const meta = await this.#metas.of(attempt);
      const handle = await openInFolder(this.#fileOf(attempt), constants.O_RDWR | constants.O_CREAT);
      try {
        return await write(handle, (await handle.stat()).size, meta);
      } finally {
        await handle.close();
        this.#watchers.tell(attempt);
      }
    });
  }
}

async function writeAll(file: FileHandle, bytes: Uint8Array, position: number): Promise<void> {
  for (let at = 0; at < bytes.length;) {
    const { bytesWritten } = await file.write(bytes, at, bytes.length - at, position + at);
    at += bytesWritten;
  }
}

/** The smallest ids above `after`; of the folder's entries no more than twice as many are in memory. */
async function listRuns(folder: string, after: RunId | null, limit: number): Promise<RunId[]> {
  const entries = await unlessMissing(opendir(folder, { bufferSize: 1024 }));
  if (entries === null) return [];
  let smallest: number[] = [];
  for await (const entry of entries) {
    const run = /^[1-9]\d{0,15}$/.test(entry.name) ? Number(entry.name) : 0;
    if (run > (after ?? 0)) smallest.push(run);
    if (smallest.length >= 2 * limit) smallest = smallest.sort((left, right) => left - right).slice(0, limit);
  }
  return smallest
    .sort((left, right) => left - right)
    .slice(0, limit)
    .map(runIdOf);
}

async function asTrouble<Value>(action: () => Promise<Value>): Promise<Value> {
  try {
    return await action();
  } catch (error) {
    throw new LogStoreError(`the log files cannot be used: ${error instanceof Error ? error.message : String(error)}`, {
      cause: error,
    });
  }
}
