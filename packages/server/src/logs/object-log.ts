/**
 * What the names of a log's objects tell. Below `logs/<run>/<attempt>/` there are
 *
 *   c<start>-<writer>          a chunk of bytes; its length is the object's
 *   g<from>-<to>-<reason>      a gap, empty
 *   e<total>                   the end, empty
 *
 * Numbers have 16 digits, so that names sort as they count.
 */
import { LOG_GAP_REASONS, type AttemptId, type LogGap, type LogGapReason, type RunId } from '@pelorus/protocol';
import type { S3Object } from './s3-client.ts';

export interface Chunk {
  key: string;
  start: number;
  end: number;
}

/** What is known of a log. */
export interface ObjectLog {
  /** By start. */
  chunks: Chunk[];
  gaps: LogGap[];
  size: number;
  totals: ReadonlySet<number>;
  /** The last chunk, while this process may rewrite it. */
  short: { key: string; start: number; bytes: Uint8Array } | null;
}

export function runFolder(run: RunId | string): string {
  return `logs/${digits(run)}/`;
}

export function chunkKey(attempt: AttemptId, start: number, writer: string): string {
  return `${logFolder(attempt)}c${digits(start)}-${writer}`;
}

export function gapKey(attempt: AttemptId, { from, to, reason }: LogGap): string {
  return `${logFolder(attempt)}g${digits(from)}-${digits(to)}-${reason}`;
}

export function endKey(attempt: AttemptId, total: number): string {
  return `${logFolder(attempt)}e${digits(total)}`;
}

export function logFolder(attempt: AttemptId): string {
  return `${runFolder(attempt.slice(0, attempt.indexOf('.')))}${attempt}/`;
}

function digits(value: number | string): string {
  return String(value).padStart(16, '0');
}

const CHUNK_NAME = /^c(\d{16})-[\da-f]{8}$/;
const GAP_NAME = /^g(\d{16})-(\d{16})-([a-z]+)$/;
const END_NAME = /^e(\d{16})$/;

/** The log whose objects these are. */
export function logFrom(objects: readonly S3Object[], folder: string): ObjectLog {
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

/** In order. Of gaps that overlap one is left, with the reason of the one that reaches furthest; so are gaps that touch for one reason. */
export function joined(gaps: readonly LogGap[]): LogGap[] {
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
export function chunkAt(chunks: readonly Chunk[], offset: number): Chunk | null {
  let best: Chunk | null = null;
  for (const chunk of chunks) {
    const holds = chunk.start <= offset && offset < chunk.end;
    if (holds && (best === null || chunk.start > best.start || chunk.end > best.end)) best = chunk;
  }
  return best;
}
