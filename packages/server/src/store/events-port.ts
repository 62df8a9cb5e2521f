/** The part of the store's port that event streams read: what has changed since. */
import type { EventsAbout, RunId } from '@pelorus/protocol';
import type { BackfillRow } from './operations-port.ts';
import type { RunDetail, RunRow } from './port.ts';
import type { CalendarHead, DeadlineRow, MaintenanceRow, ScheduleRow, TickRow } from './schedules-port.ts';

export interface ChangesRequest {
  /** Runs; schedules with their ticks, deadlines, calendars and the switch that holds them still; backfills. */
  about: readonly EventsAbout[];
  /** Answers of earlier calls; 0: whatever was ever changed. */
  after: number;
  /** A page has more only where one change has written more rows. */
  limit: number;
  /** Any of these projects; null: all. */
  projectIds: number[] | null;
}

/** `changed`: when it was last written, as a position to go on from. */
export type Changed<Row> = Row & { changed: number };

/** What is left of a schedule or a deadline. */
export interface DeletedPart {
  id: number;
  projectId: number;
  project: string;
  workflow: string;
  name: string;
}

/** Each row once, as it is now, in the order of its last change; what was not asked for is empty. */
export interface Changes {
  runs: Changed<RunRow>[];
  schedules: Changed<ScheduleRow>[];
  deletedSchedules: Changed<DeletedPart>[];
  ticks: Changed<TickRow & { project: string }>[];
  maintenance: Changed<MaintenanceRow> | null;
  deadlines: Changed<DeadlineRow>[];
  deletedDeadlines: Changed<DeletedPart>[];
  calendars: Changed<CalendarHead>[];
  deletedCalendars: Changed<{ name: string }>[];
  backfills: Changed<BackfillRow>[];
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
   * Rows that were written after a position. Never skips a commit: a position that was answered stands for all commits up to it,
   * whenever they are asked for again and whatever they are asked about. (SQLite numbers changes in commit order, having one
   * writer. Where transactions commit in another order than they took their numbers, rows above the oldest transaction still
   * under way must be held back.) Task runs that change without their run are not told, nor dates that change without their backfill's
   * counts.
   */
  changesSince(request: ChangesRequest): Promise<Changes>;
  /** The position after everything that has been committed. */
  changesPosition(): Promise<number>;
}
