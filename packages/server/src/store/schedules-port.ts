/**
 * The part of the store's port that is about time: schedules, what became of each of their ticks, calendars of holidays, the
 * switch that holds everything still, deadlines.
 *
 * Rules for every adapter:
 * 1. What is due is judged by the database's clock, never by the caller's.
 * 2. A tick is a row, one per schedule and nominal instant, for ever; the run it fired is made in the same transaction.
 * 3. Only the stored next tick fires: what else a cron expression says is computed when that one has been decided.
 */
import type { RunId, RunSettings } from '@pelorus/protocol';
import type { Fence } from './port.ts';
import type { VisibleProjects } from './projects-port.ts';

export const MISFIRE_POLICIES = ['fire_all', 'fire_last', 'skip'] as const;
/** What becomes of ticks that were missed: the last `misfireMax` of them fire, only the last one does, or none. */
export type MisfirePolicy = (typeof MISFIRE_POLICIES)[number];
export const HOLIDAY_RULES = ['skip', 'shift_next', 'shift_previous'] as const;
export type HolidayRule = (typeof HOLIDAY_RULES)[number];

/** The name of a schedule that nobody gave one, and of the one in a workflow's definition. */
export const DEFAULT_SCHEDULE = 'default';
export const SCHEDULE_LIMITS = {
  /** Schedules of one workflow. */
  perWorkflow: 100,
  /** `misfireMax`, and what it is when nobody says. */
  misfireMax: 1000,
  misfireMaxDefault: 100,
  /** Days of one calendar. */
  calendarDays: 10_000,
  calendars: 1000,
  /** Days of a calendar one after the other: what is shifted past them has to look at each. */
  holidaysInARow: 400,
  deadlinesPerWorkflow: 100,
  /** Ticks are kept this long. */
  tickRetentionMs: 400 * 86_400_000,
} as const;

/** How each of its runs is made; null: as the workflow says. */
export interface ScheduleOptions extends Omit<RunSettings, 'dryRun' | 'extras'> {
  /** Each run waits for the one of the tick before it. */
  dependsOnPrevious: boolean;
  /** `workflow` or `project/workflow`: each run waits for their runs of the covering cycle. */
  dependsOn: string[];
}

export interface ScheduleTimes {
  /** Checked by whoever saves it: an adapter refuses what `parseCron` does, with INVARIANT. */
  cron: string;
  /** IANA name. */
  zone: string;
  /** Bounds of nominal instants, both inclusive, epoch ms; null: none. */
  startAt: number | null;
  endAt: number | null;
  misfire: MisfirePolicy;
  misfireMax: number;
  /** The name of a calendar; null: no holidays. */
  calendar: string | null;
  /** Null: `skip`, where there is a calendar. */
  onHoliday: HolidayRule | null;
}

export interface ScheduleRow extends ScheduleTimes {
  id: number;
  projectId: number;
  project: string;
  workflowId: number;
  workflow: string;
  /** Unique in the workflow. */
  name: string;
  /** Counts its edits, from 1. */
  version: number;
  online: boolean;
  options: ScheduleOptions;
  /** When the next tick is decided, and which instant it is about; null: never, or it is offline. */
  nextDueAt: number | null;
  nextNominalAt: number | null;
  /** The last tick that was decided. */
  lastNominalAt: number | null;
  /** The last tick that fired, and its run. */
  lastFiredAt: number | null;
  lastRun: RunId | null;
  /** It comes from the workflow's definition: saving that may change or remove it. */
  fromDefinition: boolean;
  createdAt: number;
  createdBy: string;
  updatedAt: number;
  /** Its runs are submitted in this user's name. */
  updatedBy: string;
}

export interface SaveSchedule extends ScheduleTimes {
  workflowId: number;
  name: string;
  /** Absent: as it is; of a new one, offline. */
  online?: boolean;
  options: ScheduleOptions;
  /** PRECONDITION unless this is its version; null: unless there is none. Absent: whatever there is. */
  ifVersion?: number | null;
  user: string;
  at: number;
}

export interface ScheduleFilter extends VisibleProjects {
  /** Exact. */
  project?: string;
  workflow?: string;
  workflowId?: number;
  online?: boolean;
  calendar?: string;
  /** Part of the name of the schedule or of its workflow, whatever the case. */
  contains?: string;
  /** Schedules with greater ids. */
  after?: number;
  limit: number;
}

export const TICK_OUTCOMES = ['fired', 'skipped'] as const;
export type TickOutcome = (typeof TICK_OUTCOMES)[number];
/**
 * Why a tick fired nothing: it was missed, and the policy passes over it; it fell on a holiday; a later one of the same
 * instant, after shifts, fired for it too; no run could be made.
 */
export const TICK_REASONS = ['misfire', 'holiday', 'merged', 'error'] as const;
export type TickReason = (typeof TICK_REASONS)[number];

export interface TickRow {
  scheduleId: number;
  /** Name of the schedule when it was decided. */
  schedule: string;
  projectId: number;
  workflowId: number;
  workflow: string;
  /** The instant that the cron expression means: the logical date of its run. */
  nominalAt: number;
  /** When it was to be decided: the nominal instant, shifted where that is a holiday. */
  dueAt: number;
  decidedAt: number;
  /** Of the schedule. */
  scheduleVersion: number;
  outcome: TickOutcome;
  reason: TickReason | null;
  /** For people. */
  detail: string | null;
  run: RunId | null;
}

export interface TickFilter extends VisibleProjects {
  scheduleId?: number;
  workflowId?: number;
  outcome?: TickOutcome;
  reason?: TickReason;
  /** Inclusive bounds of the nominal instant. */
  nominalFrom?: number;
  nominalTo?: number;
  /** Newest nominal instant first; those after this one, page by page. */
  before?: { nominalAt: number; scheduleId: number };
  limit: number;
}

/** A named set of days that are holidays. */
export interface CalendarRow {
  name: string;
  description: string;
  /** `YYYY-MM-DD`, ascending, each once. */
  days: string[];
  /** Counts its edits, from 1. */
  revision: number;
  updatedAt: number;
  updatedBy: string;
}
export type CalendarHead = Omit<CalendarRow, 'days'> & {
  dayCount: number;
  firstDay: string | null;
  lastDay: string | null;
  /** How many schedules name it. */
  schedules: number;
};

/** While it is on, no tick is decided; afterwards they are late, and their misfire policies decide. */
export interface MaintenanceRow {
  paused: boolean;
  reason: string;
  /** Of the last change; null: never changed. */
  at: number | null;
  by: string | null;
}

/** "Must have succeeded by then": looked at at each instant of its cron expression. */
export interface DeadlineRow {
  id: number;
  projectId: number;
  project: string;
  workflowId: number;
  workflow: string;
  /** Unique in the workflow. */
  name: string;
  /** Null: the workflow as a whole. */
  task: string | null;
  /** The instants at which something must have been done since the one before, e.g. `0 6 * * *`. */
  cron: string;
  /** IANA name. */
  zone: string;
  enabled: boolean;
  /** E-mail addresses and names of alert channels; empty: whom the workflow's `notify` names. */
  recipients: string[];
  nextCheckAt: number | null;
  lastCheckAt: number | null;
  /** When it was missed last. */
  lastMissedAt: number | null;
  updatedAt: number;
  updatedBy: string;
}

export interface SaveDeadline {
  workflowId: number;
  name: string;
  task: string | null;
  cron: string;
  zone: string;
  enabled: boolean;
  recipients: string[];
  user: string;
  at: number;
}

export interface DeadlineFilter extends VisibleProjects {
  workflowId?: number;
  /** Exact. */
  workflow?: string;
  enabled?: boolean;
  /** Deadlines with greater ids. */
  after?: number;
  limit: number;
}

/** What the api role asks for about schedules. */
export interface ScheduleStore {
  /**
   * Creates or replaces it. What changes its times counts from now on: no tick before now is decided again. `changed` false:
   * it was so already. NOT_FOUND for the workflow or the calendar; CONFLICT for one more than fit.
   */
  saveSchedule(save: SaveSchedule): Promise<{ schedule: ScheduleRow; created: boolean; changed: boolean }>;
  /** Nothing happens when it is so already. NOT_FOUND. */
  setScheduleOnline(change: {
    scheduleId: number;
    online: boolean;
    user: string;
    at: number;
  }): Promise<{ schedule: ScheduleRow; changed: boolean }>;
  getSchedule(workflowId: number, name: string): Promise<ScheduleRow | null>;
  /** By id. */
  listSchedules(filter: ScheduleFilter): Promise<ScheduleRow[]>;
  /** Its ticks stay. NOT_FOUND. */
  deleteSchedule(scheduleId: number, user: string, at: number): Promise<void>;
  /** Newest first; ticks of deleted schedules too. */
  listTicks(filter: TickFilter): Promise<TickRow[]>;

  /**
   * Creates or replaces it; schedules that name it take it into account from now on. CONFLICT for one more than fit, for more
   * days, or for more of them in a row.
   */
  saveCalendar(calendar: {
    name: string;
    description: string;
    days: string[];
    user: string;
    at: number;
  }): Promise<CalendarRow>;
  getCalendar(name: string): Promise<CalendarRow | null>;
  /** By name. */
  listCalendars(): Promise<CalendarHead[]>;
  /** NOT_FOUND; CONFLICT while a schedule names it. */
  deleteCalendar(name: string): Promise<void>;

  /** Once it resolves with `paused`, nothing ticks. */
  setMaintenance(change: { paused: boolean; reason: string; user: string; at: number }): Promise<MaintenanceRow>;
  getMaintenance(): Promise<MaintenanceRow>;

  /** Creates or replaces it; it is looked at from its next instant on. NOT_FOUND for the workflow; CONFLICT for one more than fit. */
  saveDeadline(save: SaveDeadline): Promise<DeadlineRow>;
  getDeadline(workflowId: number, name: string): Promise<DeadlineRow | null>;
  /** By id. */
  listDeadlines(filter: DeadlineFilter): Promise<DeadlineRow[]>;
  /** NOT_FOUND. */
  deleteDeadline(deadlineId: number): Promise<void>;
}

/** What came of one look at what is due. */
export interface FiredTicks {
  /** Runs that were made. */
  fired: number;
  /** Ticks that fired nothing. */
  skipped: number;
  /** Deadlines that were missed. */
  missedDeadlines: number;
  /** Start commands that were written: more than none, and a look is worth it. */
  commands: number;
  /** Something was left for the next look. */
  more: boolean;
  paused: boolean;
  /** How long until something is due, ms; null: nothing is to come. Counted from the answer: the clocks may differ. */
  nextInMs: number | null;
  /** By the database's clock, epoch ms. */
  now: number;
}

/** What the master role asks for about schedules. */
export interface ScheduleMasterStore {
  /** How long until something is due, ms; 0: it is; null: nothing is to come. `now`: by the database's clock, epoch ms. */
  nextDue(): Promise<{ inMs: number | null; now: number }>;
  /**
   * Decides ticks that are due, of `limit` schedules at most, and looks at deadlines that are: the rows of the ticks, the runs that
   * they fire and when each schedule is due next, in one transaction. Any master may ask at any time, several at once: what one
   * has before it the others pass over. A schedule whose run cannot be made gets a tick that says so, and an alert.
   */
  fireDue(fence: Fence, limit: number): Promise<FiredTicks>;
}
