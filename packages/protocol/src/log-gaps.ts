/**
 * Offsets of a log that has gaps. Offsets count every byte that the task wrote; the file (or whatever holds the log) has
 * only those that are left. What is missing is written down beside it: in order, without overlap, each `from` < `to`.
 */
import { LIMITS } from './limits.ts';

/**
 * Why bytes are missing:
 * - `limit`: the log reached its limit; the log itself says so where it goes on.
 * - `spool`: the worker had no room to keep them until the log store would take them.
 * - `truncated`: the task emptied its own log.
 * - `unreadable`: the worker could not read them.
 */
export const LOG_GAP_REASONS = ['limit', 'spool', 'truncated', 'unreadable'] as const;
export type LogGapReason = (typeof LOG_GAP_REASONS)[number];

/** Bytes that are missing: those at `from` and following, before `to`. */
export interface LogGap {
  from: number;
  to: number;
  reason: LogGapReason;
}

/** Where a byte of a log is: so many bytes from the beginning of what is left, and nothing missing up to `until`; or in a gap. */
export type LogPlace = { kind: 'bytes'; position: number; until: number } | { kind: 'gap'; gap: LogGap };

/** Of a log of which `heldBytes` are left. */
export function logSize(heldBytes: number, gaps: readonly LogGap[]): number {
  return gaps.reduce((size, { from, to }) => size + (to - from), heldBytes);
}

/** `until` is Infinity behind the last gap. */
export function placeInLog(offset: number, gaps: readonly LogGap[]): LogPlace {
  let missing = 0;
  for (const gap of gaps) {
    if (offset < gap.from) return { kind: 'bytes', position: offset - missing, until: gap.from };
    if (offset < gap.to) return { kind: 'gap', gap };
    missing += gap.to - gap.from;
  }
  return { kind: 'bytes', position: offset - missing, until: Infinity };
}

/** How many of the bytes that are left come before an offset. */
export function heldBefore(offset: number, gaps: readonly LogGap[]): number {
  const missing = gaps.reduce((sum, { from, to }) => sum + Math.max(0, Math.min(to, offset) - from), 0);
  return offset - missing;
}

/** The offset of a position among the bytes that are left; where a gap begins there, the one before it. */
export function offsetOfHeld(position: number, gaps: readonly LogGap[]): number {
  let offset = position;
  for (const { from, to } of gaps) if (from < offset) offset += to - from;
  return offset;
}

/**
 * The gaps of a log that is cut back to `from` and goes on at `to`: gaps within are part of the new one, and one that
 * touches it for the same reason is joined with it, so that a log never has many.
 */
export function withGap(gaps: readonly LogGap[], gap: LogGap): LogGap[] {
  const kept = gaps.flatMap((one) => (one.from < gap.from ? [{ ...one, to: Math.min(one.to, gap.from) }] : []));
  const last = kept.at(-1);
  const full = kept.length >= LIMITS.logGaps;
  if (last === undefined || (!full && (last.to < gap.from || last.reason !== gap.reason))) return [...kept, gap];
  return [...kept.slice(0, -1), { from: last.from, to: gap.to, reason: gap.reason }];
}

/**
 * What a gap changes in a log of this size: where it begins then, or null when it changes nothing. Bytes that are there are better
 * than a gap, unless the log is to be no longer than its limit. Behind the end there can be none.
 */
export function gapToMark(gap: LogGap, size: number, gaps: readonly LogGap[]): LogGap | null {
  if (gap.from > size || gap.to < size) return null;
  if (gap.reason !== 'limit') return gap.to === size ? null : { ...gap, from: size };
  return gaps.some(({ from, to }) => from <= gap.from && to >= gap.to) ? null : gap;
}

/** As text beside a log; `total` when the end of the log is known. */
export interface LogMeta {
  gaps: LogGap[];
  /** Size of a log that is complete. */
  total: number | null;
}

export function formatLogMeta(meta: LogMeta): string {
  return `${JSON.stringify(meta)}\n`;
}

/** Null for what is no such text. */
export function parseLogMeta(text: string): LogMeta | null {
  try {
    const { gaps, total } = JSON.parse(text) as Partial<LogMeta>;
    if (!Array.isArray(gaps) || !gaps.every(isGap)) return null;
    return { gaps, total: isOffset(total) ? total : null };
  } catch {
    return null;
  }
}

function isGap(value: unknown): value is LogGap {
  const { from, to, reason } = (value ?? {}) as Partial<LogGap>;
  return isOffset(from) && isOffset(to) && from < to && LOG_GAP_REASONS.includes(reason as LogGapReason);
}

/** True for a number of bytes. */
export function isOffset(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}
