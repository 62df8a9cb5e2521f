/** Logs as rows, for clusters small enough to keep them in the database; part of the store's port. */
import type { AttemptId, LogGap, RunId } from '@pelorus/protocol';

export interface StoredLog {
  /** Offset of its end, gaps included. */
  size: number;
  complete: boolean;
  gaps: LogGap[];
}

/** The rules of `LogStore` (server/logs), which is made of it: each verb that writes answers with the size that is durable then. */
export interface LogRows {
  /** What is stored already is skipped; nothing is stored behind a hole. */
  appendLog(attempt: AttemptId, offset: number, bytes: Uint8Array): Promise<number>;
  markLogGap(attempt: AttemptId, gap: LogGap): Promise<number>;
  /** Complete when the log has this size. */
  completeLog(attempt: AttemptId, total: number): Promise<number>;
  /** Deletes chunks that lie in gaps, or all of a run: at most `limit`; answers how many there were. */
  dropLogChunks(request: { attempt: AttemptId; limit: number } | { run: RunId; limit: number }): Promise<number>;
  statLog(attempt: AttemptId): Promise<StoredLog | null>;
  /** Bytes from `offset` on, at most `length` and at most a few chunks; none at the end and in a gap. */
  readLog(attempt: AttemptId, offset: number, length: number): Promise<Uint8Array>;
  /** Runs that have logs here, by id. */
  listLogRuns(after: RunId | null, limit: number): Promise<RunId[]>;
}

/** Which of these runs ended before an instant. */
export interface EndedRuns {
  runsEndedBefore(runs: readonly RunId[], at: number): Promise<RunId[]>;
}
