/** The part of the store's port that event streams read: what has changed since. */
import type { RunId } from '@pelorus/protocol';
import type { RunDetail, RunRow } from './port.ts';

export interface ChangedRunsRequest {
  /** Answers of earlier calls; 0: whatever was ever changed. */
  after: number;
  limit: number;
  /** Any of these projects; null: all. */
  projectIds: number[] | null;
}

export interface ChangedRuns {
  /** In the order of their last change; each once, as it is now. `changed`: when that was, as a position to go on from. */
  rows: (RunRow & { changed: number })[];
  /** Where to go on: everything up to here has been answered, or is in no project that was asked for. */
  next: number;
}

export interface EventStore {
  /**
   * The run as it is now, with the task runs that changed after `version` of the run, and all attempts of these tasks. From
   * version -1: everything. Null: there is no such run. The changes of a run are stored in the order of their versions, by its
   * owner alone, so asking with the highest version seen misses nothing.
   */
  runChanges(run: RunId, version: number): Promise<RunDetail | null>;
  /** The highest version of the run and anything in it that is stored; null: there is no such run. */
  runVersion(run: RunId): Promise<number | null>;
  /**
   * Runs that were submitted or whose row was written after a position. Never skips a commit: a position that was answered
   * stands for all commits up to it, whenever they are asked for again. (SQLite numbers changes in commit order, having one writer.
   * Where transactions commit in another order than they took their numbers, rows above the oldest transaction still
   * under way must be held back.) Task runs that change without their run are not told.
   */
  changedRuns(request: ChangedRunsRequest): Promise<ChangedRuns>;
  /** The position after everything that has been committed. */
  runsPosition(): Promise<number>;
}
