/** What of a log is sent next, read from its file. */
import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { placeInLog, type LogGap, type LogPiece } from '@pelorus/protocol';
import { readLogGaps } from './attempt-log.ts';
import type { ShippedLog } from './shipped-log.ts';

export interface NextPiece extends Pick<LogPiece, 'offset' | 'base64' | 'gap' | 'end'> {
  bytes: number;
}

/** Then what cannot be read is a gap. */
const READ_TRIES = 20;
/** Reads that are not worth a trip to another thread. */
const SMALL_BYTES = 64 * 1024;

/** At most `pieceBytes` of it; null: there is nothing to send, or it cannot be read now. */
export async function nextPiece(log: ShippedLog, pieceBytes: number): Promise<NextPiece | null> {
  const { sent: offset, size } = log;
  const endAt = (at: number): { end?: true } => (log.ended && at === size ? { end: true } : {});
  const gaps = readLogGaps(log.path);
  const cut = gaps.findLast(({ reason, from }) => reason === 'limit' && from < offset);
  if (cut !== undefined && cut.to > log.cutTold) {
    // Before anything behind it: what was sent of it must not count any more.
    log.cutTold = cut.to;
    return gapPiece(cut.from, cut, {});
  }
  const place = placeInLog(offset, gaps);
  if (place.kind === 'gap') return gapPiece(offset, place.gap, endAt(place.gap.to));
  if (offset >= size) return log.ended && log.endSent !== offset ? { offset, base64: '', bytes: 0, end: true } : null;
  const length = Math.min(pieceBytes, place.until - offset, size - offset);
  const bytes = await readPiece(log.path, place.position, length, gaps);
  if (bytes === null || bytes.length === 0) {
    log.failures += 1;
    if (log.failures < READ_TRIES) return null;
    log.failures = 0;
    return gapPiece(offset, { from: offset, to: size, reason: 'unreadable' }, endAt(size));
  }
  log.failures = 0;
  return { offset, base64: bytes.toString('base64'), bytes: bytes.length, ...endAt(offset + bytes.length) };
}

function gapPiece(offset: number, { to, reason }: LogGap, end: { end?: true }): NextPiece {
  return { offset, base64: '', gap: { to, reason }, bytes: 0, ...end };
}

/** Null when the file was cut back while it was read: then nobody knows what the bytes were. */
async function readPiece(
  path: string,
  position: number,
  length: number,
  gaps: readonly LogGap[],
): Promise<Buffer | null> {
  if (length <= SMALL_BYTES) return readSmall(path, position, length, gaps);
  const file = await open(path, 'r').catch(() => null);
  if (file === null) return null;
  try {
    const { bytesRead, buffer } = await file.read(Buffer.allocUnsafe(length), 0, length, position);
    const { size } = await file.stat();
    return size >= position + bytesRead && areSame(readLogGaps(path), gaps) ? buffer.subarray(0, bytesRead) : null;
  } catch {
    return null;
  } finally {
    await file.close();
  }
}

/** In one go: of most logs that is all there is to read, and four trips to another thread cost more than the reading. */
function readSmall(path: string, position: number, length: number, gaps: readonly LogGap[]): Buffer | null {
  let file: number | null = null;
  try {
    file = openSync(path, 'r');
    const buffer = Buffer.allocUnsafe(length);
    const bytes = readSync(file, buffer, 0, length, position);
    return fstatSync(file).size >= position + bytes && areSame(readLogGaps(path), gaps)
      ? buffer.subarray(0, bytes)
      : null;
  } catch {
    return null;
  } finally {
    if (file !== null) closeSync(file);
  }
}

function areSame(left: readonly LogGap[], right: readonly LogGap[]): boolean {
  return left.length === right.length && JSON.stringify(left) === JSON.stringify(right);
}
