/**
 * Schedules, what became of their ticks, calendars, the switch that holds them all still, and deadlines, as the HTTP API reads and
 * answers them. Instants are RFC 3339 texts in UTC.
 */
import type { NotifyType } from './routes.ts';
import type { Priority } from './states.ts';
import type { FailurePolicy, ParameterValue, ScheduleSpec } from './workflow.ts';

export type MisfirePolicyName = ScheduleSpec['misfire'];
export type HolidayRuleName = NonNullable<ScheduleSpec['onHoliday']>;
/** Five fields, weekdays 0 to 7 from Sunday; or Quartz's six or seven, seconds first, weekdays 1 to 7 from Sunday. */
export type CronFlavour = 'unix' | 'quartz';

/** The schedule that is meant when none is named, and the one in a workflow's definition. */
export const DEFAULT_SCHEDULE_NAME = 'default';

/** The one that speaks for its workflow where one is needed: the one called `default`, else the first of them; null: there is none. */
export function leadingSchedule<Schedule extends { name: string }>(schedules: readonly Schedule[]): Schedule | null {
  return schedules.find(({ name }) => name === DEFAULT_SCHEDULE_NAME) ?? schedules[0] ?? null;
}

/** Names of cron expressions, in lower case, and what they stand for. */
export const CRON_MACROS: Readonly<Record<string, string>> = {
  '@yearly': '0 0 1 1 *',
  '@annually': '0 0 1 1 *',
  '@monthly': '0 0 1 * *',
  '@weekly': '0 0 * * 0',
  '@daily': '0 0 * * *',
  '@midnight': '0 0 * * *',
  '@hourly': '0 * * * *',
};

/** What a schedule follows from. */
export interface ScheduleTimesBody {
  cron: string;
  /** IANA name; absent: UTC. */
  zone?: string;
  /** The same, as definitions call it. */
  timezone?: string;
  /** Bounds of nominal instants, inclusive: RFC 3339, or a date or a time of day of the zone. A date means all of it. */
  start?: string | null;
  end?: string | null;
  /** Name of a calendar of holidays. */
  calendar?: string | null;
  /** Absent: `skip`. */
  onHoliday?: HolidayRuleName | null;
}

/** Body of `PUT …/schedules/{name}`: all of it; what is absent is as the workflow says, or as usual. */
export interface ScheduleBody extends ScheduleTimesBody {
  /** Absent: as it is; of a new one, offline. */
  online?: boolean;
  /** Absent: `fire_last`. */
  misfire?: MisfirePolicyName;
  /** Of `fire_all`: how many missed ticks fire; absent: 100. */
  misfireMax?: number;
  params?: Record<string, ParameterValue>;
  failurePolicy?: FailurePolicy | null;
  notifyType?: NotifyType | null;
  /** E-mail addresses and names of alert channels. */
  notifyMails?: string[] | null;
  priority?: Priority | null;
  workerGroup?: string | null;
  environment?: string | null;
  timeoutMs?: number | null;
  /** Each run waits for the one of the tick before it. */
  dependsOnPrevious?: boolean;
  /** `workflow` or `project/workflow`: each run waits for their runs of the covering cycle. */
  dependsOn?: string[];
}

/** One instant at which a schedule fires. */
export interface ScheduleFire {
  /** Which the cron expression means: the logical date of the run. */
  nominalAt: string;
  /** When it fires: later or earlier where the nominal instant falls on a holiday. */
  dueAt: string;
  /** The due instant as clocks of the zone show it, with their offset, e.g. `2026-03-29T03:00:00+02:00`. */
  local: string;
}

export interface ScheduleView {
  project: string;
  workflow: string;
  name: string;
  /** Counts its edits. */
  revision: number;
  online: boolean;
  cron: string;
  flavour: CronFlavour;
  zone: string;
  start: string | null;
  end: string | null;
  calendar: string | null;
  onHoliday: HolidayRuleName | null;
  misfire: MisfirePolicyName;
  misfireMax: number;
  params: Record<string, ParameterValue>;
  failurePolicy: FailurePolicy | null;
  notifyType: NotifyType | null;
  notifyMails: string[] | null;
  priority: Priority | null;
  workerGroup: string | null;
  environment: string | null;
  timeoutMs: number | null;
  dependsOnPrevious: boolean;
  dependsOn: string[];
  /** Null: it is offline, or nothing is to come. */
  nextFire: ScheduleFire | null;
  /** Nominal instants of the last tick that was decided, and of the last one that fired, with its run. */
  lastTickAt: string | null;
  lastFiredAt: string | null;
  lastRun: number | null;
  /** It comes from the workflow's definition: saving that may change or remove it. */
  fromDefinition: boolean;
  createdAt: string;
  createdBy: string;
  updatedAt: string;
  /** Its runs are submitted in this user's name. */
  updatedBy: string;
}

/** One schedule with the next instants at which it fires, or would if it were online. */
export interface ScheduleDetail extends ScheduleView {
  nextFires: ScheduleFire[];
}

/** Body of `POST /schedules/preview`. */
export interface SchedulePreviewBody extends ScheduleTimesBody {
  /** How many, 1 to 1000; absent: 10. */
  n?: number;
  /** RFC 3339: those after it; absent: now. */
  from?: string;
}

export interface SchedulePreview {
  /** Null: the expression cannot be read. */
  flavour: CronFlavour | null;
  zone: string;
  /** All that is wrong, in words, with the member of the body that it is about; then there are no fires. */
  problems: { field: string; message: string }[];
  /** Fewer than were asked for: no more are to come, or `warnings` say why. */
  fires: ScheduleFire[];
  warnings: string[];
}

export type TickOutcomeName = 'fired' | 'skipped';
/** Missed, and passed over by policy; on a holiday; another instant that was due at the same time fired for it; no run could be made. */
export type TickReasonName = 'misfire' | 'holiday' | 'merged' | 'error';

/** What became of one tick. */
export interface ScheduleTick {
  schedule: string;
  nominalAt: string;
  dueAt: string;
  decidedAt: string;
  /** Revision of the schedule by then. */
  revision: number;
  outcome: TickOutcomeName;
  /** Null: it fired. */
  reason: TickReasonName | null;
  detail: string | null;
  run: number | null;
}

/** JSON body of `PUT /calendars/{name}`; it takes iCalendar and CSV, too. */
export interface CalendarBody {
  description?: string;
  /** Holidays, `YYYY-MM-DD`. */
  days: string[];
}

export interface CalendarSummary {
  name: string;
  description: string;
  dayCount: number;
  firstDay: string | null;
  lastDay: string | null;
  /** Counts its edits. */
  revision: number;
  /** How many schedules name it. */
  schedules: number;
  updatedAt: string;
  updatedBy: string;
}

export interface CalendarView {
  name: string;
  description: string;
  /** `YYYY-MM-DD`, ascending. */
  days: string[];
  revision: number;
  updatedAt: string;
  updatedBy: string;
}

export interface CalendarSaved extends CalendarView {
  /** What was read otherwise than it was written, such as rules without an end. */
  warnings: string[];
}

/** Content types of calendars that are imported. */
export const ICS_CONTENT_TYPE = 'text/calendar';
export const CSV_CONTENT_TYPE = 'text/csv';

/** While it is on nothing ticks; what was due meanwhile is missed, and decided by each schedule's misfire policy afterwards. */
export interface MaintenanceView {
  paused: boolean;
  reason: string;
  /** Of the last change; null: it was never changed. */
  since: string | null;
  by: string | null;
}

export interface MaintenanceBody {
  paused: boolean;
  reason?: string;
}

/** Body of `PUT …/deadlines/{name}`. */
export interface DeadlineBody {
  /** The instants by which something must have succeeded since the one before, e.g. `0 6 * * *`. */
  cron: string;
  /** IANA name; absent: UTC. */
  zone?: string;
  /** The same, as definitions call it. */
  timezone?: string;
  /** Absent: the workflow as a whole. */
  task?: string | null;
  /** Absent: true. */
  enabled?: boolean;
  /** E-mail addresses and names of alert channels; none: whom the workflow's `notify` names. */
  recipients?: string[];
}

export interface DeadlineView {
  project: string;
  workflow: string;
  name: string;
  task: string | null;
  cron: string;
  zone: string;
  enabled: boolean;
  recipients: string[];
  nextCheckAt: string | null;
  lastCheckAt: string | null;
  lastMissedAt: string | null;
  updatedAt: string;
  updatedBy: string;
}
