/**
 * Logs in files `<folder>/<run>/<attempt>.log`; gaps and the end in `<attempt>.log.meta` beside, which most logs that are still
 * written have not. The file holds what is left of the log, without gaps.
 *
 * With `writtenInPlace` the worker of this machine writes to the very same files, so that nothing is shipped: this end only
 * reads, and a log is complete at any time.
 */
import { constants, existsSync } from 'node:fs';
import { mkdir, open, opendir, readFile, rename, rm, stat as statFile, type FileHandle } from 'node:fs/promises';
import path from 'node:path';
import {
  formatLogMeta,
  gapToMark,
  heldBefore,
  logSize,
  parseLogMeta,
  placeInLog,
  runIdOf,
  withGap,
  type AttemptId,
  type LogMeta,
  type RunId,
} from '@pelorus/protocol';
import { LOG_CALL_BYTES, LogStoreError, LogWatchers, Recent, type LogStat, type LogStore } from './port.ts';

export interface DirectoryLogsOptions {
  folder: string;
  writtenInPlace: boolean;
}

const NOTHING: LogMeta = { gaps: [], total: null };
/** Of logs seen lately; each is small unless the log has many gaps. */
const METAS_KEPT = 10_000;
const POLL_MS = 250;

/** Logs in a folder, which is made with the first of them. */
export function openDirectoryLogs({ folder, writtenInPlace }: DirectoryLogsOptions): LogStore {
  const metas = new Recent<AttemptId, LogMeta>(METAS_KEPT);
  const watchers = new LogWatchers();
  const fileOf = (attempt: AttemptId): string =>
    path.join(folder, attempt.slice(0, attempt.indexOf('.')), `${attempt}.log`);

  async function readMeta(attempt: AttemptId): Promise<LogMeta> {
    const file = `${fileOf(attempt)}.meta`;
    // Most have none, and an error costs more than a look.
    const text = existsSync(file) ? await unlessMissing(readFile(file, 'utf8')) : null;
    const meta = text === null ? NOTHING : (parseLogMeta(text) ?? NOTHING);
    metas.set(attempt, meta);
    return meta;
  }

  /** Written beside and renamed, so that it is never half there. A gap that is forgotten would shift all behind it: hence the sync. */
  async function writeMeta(attempt: AttemptId, meta: LogMeta): Promise<void> {
    const file = `${fileOf(attempt)}.meta`;
    const handle = await openInFolder(`${file}.new`, 'w');
    try {
      await handle.writeFile(formatLogMeta(meta));
      if (meta.gaps.length > 0) await handle.datasync();
    } finally {
      await handle.close();
    }
    await rename(`${file}.new`, file);
    metas.set(attempt, meta);
  }

  /** Runs `write` over the open file and its meta; what it does is on the disk once this resolves. */
  async function change(
    attempt: AttemptId,
    write: (file: FileHandle, heldBytes: number, meta: LogMeta) => Promise<number>,
  ): Promise<number> {
    return asTrouble(async () => {
      const meta = metas.get(attempt) ?? (await readMeta(attempt));
      const handle = await openInFolder(fileOf(attempt), constants.O_RDWR | constants.O_CREAT);
      try {
        return await write(handle, (await handle.stat()).size, meta);
      } finally {
        await handle.close();
        watchers.tell(attempt);
      }
    });
  }

  return {
    kind: 'directory',
    shipped: !writtenInPlace,
    pollMs: POLL_MS,
    append: (attempt, offset, bytes) =>
      change(attempt, async (file, heldBytes, meta) => {
        const size = logSize(heldBytes, meta.gaps);
        const end = offset + bytes.length;
        if (offset > size || end <= size) return size;
        if (meta.total !== null) await writeMeta(attempt, { ...meta, total: null });
        await writeAll(file, bytes.subarray(size - offset), heldBytes);
        await file.datasync();
        return end;
      }),
    markGap: (attempt, gap) =>
      change(attempt, async (file, heldBytes, meta) => {
        const size = logSize(heldBytes, meta.gaps);
        const marked = gapToMark(gap, size, meta.gaps);
        if (marked === null) return size;
        const gaps = withGap(meta.gaps, marked);
        await file.truncate(heldBefore(gaps.at(-1)?.from ?? marked.from, meta.gaps));
        await writeMeta(attempt, { gaps, total: null });
        await file.datasync();
        return gap.to;
      }),
    complete: (attempt, total) =>
      asTrouble(async () => {
        const meta = metas.get(attempt) ?? (await readMeta(attempt));
        const found = await unlessMissing(statFile(fileOf(attempt)));
        const size = logSize(found?.size ?? 0, meta.gaps);
        if (size === total && meta.total !== total) await writeMeta(attempt, { ...meta, total });
        watchers.tell(attempt);
        return size;
      }),
    stat: (attempt) =>
      asTrouble(async () => {
        const [found, meta] = await Promise.all([unlessMissing(statFile(fileOf(attempt))), readMeta(attempt)]);
        if (found === null && meta === NOTHING) return null;
        const size = logSize(found?.size ?? 0, meta.gaps);
        const complete = writtenInPlace || meta.total === size;
        return { size, complete, gaps: meta.gaps, generation: String(found?.ino ?? '') } satisfies LogStat;
      }),
    read: (attempt, offset, length) =>
      asTrouble(async () => {
        const meta = metas.get(attempt) ?? (await readMeta(attempt));
        const place = placeInLog(offset, meta.gaps);
        if (place.kind === 'gap') return new Uint8Array();
        const wanted = Math.min(length, LOG_CALL_BYTES, place.until - offset);
        const handle = await unlessMissing(open(fileOf(attempt), 'r'));
        if (handle === null) return new Uint8Array();
        try {
          const { bytesRead, buffer } = await handle.read(Buffer.allocUnsafeSlow(wanted), 0, wanted, place.position);
          return buffer.subarray(0, bytesRead);
        } finally {
          await handle.close();
        }
      }),
    listRuns: (after, limit) => asTrouble(() => listRuns(folder, after, limit)),
    deleteRun: (run) => asTrouble(() => rm(path.join(folder, String(run)), { recursive: true, force: true })),
    watch: (attempt, listener) => watchers.watch(attempt, listener),
    close: () => Promise.resolve(),
  };
}

/** Makes the folder when it is missing, which is found out by trying: mostly it is there. */
async function openInFolder(file: string, flags: string | number): Promise<FileHandle> {
  const opened = await unlessMissing(open(file, flags, 0o640));
  if (opened !== null) return opened;
  await mkdir(path.dirname(file), { recursive: true });
  return open(file, flags, 0o640);
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

async function unlessMissing<Value>(answer: Promise<Value>): Promise<Value | null> {
  try {
    return await answer;
  } catch (error) {
    if (error instanceof Error && 'code' in error && (error.code === 'ENOENT' || error.code === 'ENOTDIR')) return null;
    throw error;
  }
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
