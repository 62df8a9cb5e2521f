/**
 * What event streams send. An event says what is now true, not what happened in between: several changes of the same thing may
 * be told as one. Each carries an id; a client that comes back with the last one it had misses nothing.
 */
import type { RunState } from './states.ts';
import type { BackfillStateName, BackfillSummary } from './operations.ts';
import type { RunView, TaskView } from './routes.ts';
import type { CalendarSummary, DeadlineView, MaintenanceView, ScheduleTick, ScheduleView } from './schedules.ts';

/** Events of `GET /runs/{id}/events`. */
export type RunEvent =
  /** The run and all its tasks, in the order of the definition; of a large run in several parts. Replaces what was known. */
  | { event: 'snapshot'; data: RunSnapshot }
  /** A task with its attempts, as it is now. */
  | { event: 'task'; data: TaskView }
  /** The run as it is now, after the tasks that changed with it. */
  | { event: 'run'; data: RunView }
  /** The run has ended and all was told. */
  | { event: 'end'; data: { state: RunState } };

/** Events of `GET /backfills/{id}/events`. */
export type BackfillEvent =
  /** The backfill as it is now; its dates are asked for by themselves. */
  | { event: 'backfill'; data: BackfillSummary }
  /** It has ended, and the event before was the last. */
  | { event: 'end'; data: { state: BackfillStateName } };

export interface RunSnapshot {
  run: RunView;
  /** Of this part. */
  tasks: TaskView[];
  /** Which part this is, from 1; `isLast`: no more follow. */
  part: number;
  isLast: boolean;
}

/** What `GET /events` may be asked about. */
export const EVENTS_ABOUT = ['runs', 'schedules', 'backfills'] as const;
export type EventsAbout = (typeof EVENTS_ABOUT)[number];

/** Events of `GET /events`, of whatever it is asked about. */
export type ChangeEvent =
  | RunsEvent
  /** A tick that was decided: it fired, or why it did not. */
  | { event: 'tick'; data: TickOfWorkflow }
  /** A schedule that was made, edited or switched, or that has another tick before it: as it is now. */
  | { event: 'schedule'; data: ScheduleView }
  | { event: 'schedule-deleted'; data: { project: string; workflow: string; name: string } }
  /** A deadline that was made, edited, looked at or missed: as it is now, with when it was missed last. */
  | { event: 'deadline'; data: DeadlineView }
  | { event: 'deadline-deleted'; data: { project: string; workflow: string; name: string } }
  /** A calendar that was made or has other days; its days are asked for by themselves. */
  | { event: 'calendar'; data: CalendarSummary }
  | { event: 'calendar-deleted'; data: { name: string } }
  /** All schedules are held still, or go on. */
  | { event: 'maintenance'; data: MaintenanceView }
  /** A backfill that was made, steered, or has got further: as it is now. */
  | { event: 'backfill'; data: BackfillSummary };

export interface TickOfWorkflow extends ScheduleTick {
  project: string;
  workflow: string;
}

/** Events of `GET /events` about runs alone. */
export type RunsEvent =
  /** The stream has begun: whatever changes from now on is told. */
  | { event: 'ready'; data: { now: string } }
  /** A run that was submitted or has changed, as it is now. Tasks that change without their run are not told. */
  | { event: 'run'; data: RunView };

/** Events of `GET /attempts/{id}/logs?follow=true`. */
export type LogEvent =
  /** Whole lines, and the offsets of the first and behind the last; the latter is the event's id. */
  | { event: 'lines'; data: { lines: string[]; startByte: number; endByte: number } }
  /** The attempt has ended and all was told; unless `complete`, the note says what is missing. */
  | { event: 'end'; data: { complete: boolean; sizeBytes: number; note: string | null } };

/** Any stream, before the server ends it though it has more to tell: come back when the reason allows it. */
export interface StreamClosed {
  event: 'closed';
  data: { reason: StreamCloseReason };
}

/** `withdrawn`: the session, the token or the right to read has ended; `closing`: the server shuts down. */
export type StreamCloseReason = 'withdrawn' | 'closing';
