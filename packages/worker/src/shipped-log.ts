/** One log on its way from this disk to the log store: how far it is. */
import type { AttemptId } from '@pelorus/protocol';

export interface ShippedLog {
  attempt: AttemptId;
  path: string;
  /** Offset up to which the log store has it; null: it has to be asked. */
  acked: number | null;
  /** Offset of what is sent next. */
  sent: number;
  /** Pieces on their way: where each ends, and what it costs. */
  flying: { end: number; isEnd: boolean; bytes: number }[];
  flyingBytes: number;
  /** Offset of its end, as last seen. */
  size: number;
  /** The attempt has ended. */
  ended: boolean;
  /** Size for which an end was sent; null: none is on its way. */
  endSent: number | null;
  endAcked: number | null;
  /** Up to here it has been given up for want of room. */
  givenUpTo: number;
  /** End of the last cut that the log store was told of; −1: it may know of none. */
  cutTold: number;
  /** Since when less of it is there than had been sent; null: that is not so. */
  shrunkenSince: number | null;
  /** Reads in a row that failed. */
  failures: number;
  lookMs: number;
  lookAt: number;
  /** When it is tried again if nothing is heard. */
  answerBy: number;
  tries: number;
  queued: boolean;
}

/** `isNew`: the log store has nothing of it; else it has to be asked. */
export function newShippedLog(
  log: Pick<ShippedLog, 'attempt' | 'path' | 'ended' | 'lookMs' | 'lookAt'>,
  isNew: boolean,
): ShippedLog {
  return {
    ...log,
    acked: isNew ? 0 : null,
    sent: 0,
    flying: [],
    flyingBytes: 0,
    size: 0,
    endSent: null,
    endAcked: null,
    givenUpTo: 0,
    cutTold: -1,
    shrunkenSince: null,
    failures: 0,
    answerBy: Infinity,
    tries: 0,
    queued: false,
  };
}

/** Whether there is something of it to be sent, or to be asked. */
export function hasMore(log: ShippedLog): boolean {
  if (log.acked === null) return log.flying.length === 0;
  return log.size > log.sent || (log.ended && log.endAcked !== log.size && log.endSent !== log.size);
}

/** Bytes that the log store does not have, and that were not given up. */
export function unshipped(log: ShippedLog): number {
  return Math.max(0, log.size - Math.max(log.acked ?? 0, log.givenUpTo));
}
