/** Schedules, ticks, calendars and deadlines as the resources answer them. Pure. */
import type {
  CalendarSummary,
  CalendarView,
  DeadlineView,
  MaintenanceView,
  ScheduleTick,
  ScheduleView,
} from '@pelorus/protocol';
import type { CalendarHead, CalendarRow, DeadlineRow, MaintenanceRow, ScheduleRow, TickRow } from '../../store/port.ts';
import { instantText } from '../views.ts';
import { flavourOf } from './times.ts';
import { fireOf } from './upcoming.ts';

function optionalInstant(at: number | null): string | null {
  return at === null ? null : instantText(at);
}

export function scheduleView(row: ScheduleRow): ScheduleView {
  const { options } = row;
  return {
    project: row.project,
    workflow: row.workflow,
    name: row.name,
    revision: row.version,
    online: row.online,
    cron: row.cron,
    flavour: flavourOf(row.cron),
    zone: row.zone,
    start: optionalInstant(row.startAt),
    end: optionalInstant(row.endAt),
    calendar: row.calendar,
    onHoliday: row.onHoliday,
    misfire: row.misfire,
    misfireMax: row.misfireMax,
    params: options.params,
    failurePolicy: options.failurePolicy,
    notifyType: options.notifyType,
    notifyMails: options.notifyMails,
    priority: options.priority,
    workerGroup: options.workerGroup,
    environment: options.environment,
    timeoutMs: options.timeoutMs,
    dependsOnPrevious: options.dependsOnPrevious,
    dependsOn: options.dependsOn,
    nextFire: nextFireOf(row),
    lastTickAt: optionalInstant(row.lastNominalAt),
    lastFiredAt: optionalInstant(row.lastFiredAt),
    lastRun: row.lastRun,
    fromDefinition: row.fromDefinition,
    createdAt: instantText(row.createdAt),
    createdBy: row.createdBy,
    updatedAt: instantText(row.updatedAt),
    updatedBy: row.updatedBy,
  };
}

function nextFireOf({ nextNominalAt, nextDueAt, zone }: ScheduleRow): ScheduleView['nextFire'] {
  if (nextNominalAt === null || nextDueAt === null) return null;
  return fireOf({ nominalAt: nextNominalAt, dueAt: nextDueAt }, zone);
}

export function tickView(row: TickRow): ScheduleTick {
  return {
    schedule: row.schedule,
    nominalAt: instantText(row.nominalAt),
    dueAt: instantText(row.dueAt),
    decidedAt: instantText(row.decidedAt),
    revision: row.scheduleVersion,
    outcome: row.outcome,
    reason: row.reason,
    detail: row.detail,
    run: row.run,
  };
}

export function calendarSummary(row: CalendarHead): CalendarSummary {
  const { name, description, dayCount, firstDay, lastDay, revision, schedules, updatedAt, updatedBy } = row;
  return {
    ...{ name, description, dayCount, firstDay, lastDay, revision, schedules },
    updatedAt: instantText(updatedAt),
    updatedBy,
  };
}

export function calendarView({ name, description, days, revision, updatedAt, updatedBy }: CalendarRow): CalendarView {
  return { name, description, days, revision, updatedAt: instantText(updatedAt), updatedBy };
}

export function maintenanceView({ paused, reason, at, by }: MaintenanceRow): MaintenanceView {
  return { paused, reason, since: optionalInstant(at), by };
}

export function deadlineView(row: DeadlineRow): DeadlineView {
  const { project, workflow, name, task, cron, zone, enabled, recipients, updatedAt, updatedBy } = row;
  return {
    ...{ project, workflow, name, task, cron, zone, enabled, recipients },
    nextCheckAt: optionalInstant(row.nextCheckAt),
    lastCheckAt: optionalInstant(row.lastCheckAt),
    lastMissedAt: optionalInstant(row.lastMissedAt),
    updatedAt: instantText(updatedAt),
    updatedBy,
  };
}
