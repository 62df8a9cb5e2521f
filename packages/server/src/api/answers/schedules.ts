/** Schedules, ticks, calendars, maintenance, deadlines. */
import { z } from 'zod';
import { PRIORITIES } from '@pelorus/protocol';
import type {
  CalendarSaved,
  CalendarSummary,
  CalendarView,
  DeadlineView,
  MaintenanceView,
  ScheduleDetail,
  ScheduleFire,
  SchedulePreview,
  ScheduleTick,
  ScheduleView,
  TickOfWorkflow,
} from '@pelorus/protocol';
import { countAnswer, instantAnswer, pageOf, schemaOf } from './schema-of.ts';

const runNumber = z.int().min(1);
const flavour = z.enum(['unix', 'quartz']);

const scheduleFire = schemaOf<ScheduleFire>()(
  'ScheduleFire',
  z.strictObject({ nominalAt: instantAnswer, dueAt: instantAnswer, local: z.iso.datetime({ offset: true }) }),
);

const scheduleMembers = {
  project: z.string(),
  workflow: z.string(),
  name: z.string(),
  revision: z.int().min(1),
  online: z.boolean(),
  cron: z.string(),
  flavour,
  zone: z.string(),
  start: instantAnswer.nullable(),
  end: instantAnswer.nullable(),
  calendar: z.string().nullable(),
  onHoliday: z.enum(['skip', 'shift_next', 'shift_previous']).nullable(),
  misfire: z.enum(['fire_all', 'fire_last', 'skip']),
  misfireMax: z.int().min(1),
  params: z.record(z.string(), z.union([z.string(), z.number(), z.boolean()])),
  failurePolicy: z.enum(['end', 'continue']).nullable(),
  notifyType: z.enum(['NONE', 'SUCCESS', 'FAILURE', 'ALL']).nullable(),
  notifyMails: z.array(z.string()).nullable(),
  priority: z.enum(PRIORITIES).nullable(),
  workerGroup: z.string().nullable(),
  environment: z.string().nullable(),
  timeoutMs: z.number().min(0).nullable(),
  dependsOnPrevious: z.boolean(),
  dependsOn: z.array(z.string()),
  nextFire: scheduleFire.nullable(),
  lastTickAt: instantAnswer.nullable(),
  lastFiredAt: instantAnswer.nullable(),
  lastRun: runNumber.nullable(),
  fromDefinition: z.boolean(),
  createdAt: instantAnswer,
  createdBy: z.string(),
  updatedAt: instantAnswer,
  updatedBy: z.string(),
};

export const scheduleAnswer = schemaOf<ScheduleView>()('ScheduleView', z.strictObject(scheduleMembers));
export const schedulePage = pageOf('SchedulePage', scheduleAnswer);

export const scheduleDetail = schemaOf<ScheduleDetail>()(
  'ScheduleDetail',
  z.strictObject({ ...scheduleMembers, nextFires: z.array(scheduleFire) }),
);

export const schedulePreview = schemaOf<SchedulePreview>()(
  'SchedulePreview',
  z.strictObject({
    flavour: flavour.nullable(),
    zone: z.string(),
    problems: z.array(z.strictObject({ field: z.string(), message: z.string() })),
    fires: z.array(scheduleFire),
    warnings: z.array(z.string()),
  }),
);

const tickMembers = {
  schedule: z.string(),
  nominalAt: instantAnswer,
  dueAt: instantAnswer,
  decidedAt: instantAnswer,
  revision: z.int().min(1),
  outcome: z.enum(['fired', 'skipped']),
  reason: z.enum(['misfire', 'holiday', 'merged', 'error']).nullable(),
  detail: z.string().nullable(),
  run: runNumber.nullable(),
};
const tickAnswer = schemaOf<ScheduleTick>()('ScheduleTick', z.strictObject(tickMembers));
export const tickOfWorkflow = schemaOf<TickOfWorkflow>()(
  'TickOfWorkflow',
  z.strictObject({ ...tickMembers, project: z.string(), workflow: z.string() }),
);
export const tickPage = pageOf('ScheduleTickPage', tickAnswer);

export const calendarSummaryAnswer = schemaOf<CalendarSummary>()(
  'CalendarSummary',
  z.strictObject({
    name: z.string(),
    description: z.string(),
    dayCount: countAnswer,
    firstDay: z.iso.date().nullable(),
    lastDay: z.iso.date().nullable(),
    revision: z.int().min(1),
    schedules: countAnswer,
    updatedAt: instantAnswer,
    updatedBy: z.string(),
  }),
);
export const calendarPage = pageOf('CalendarPage', calendarSummaryAnswer);

const calendarMembers = {
  name: z.string(),
  description: z.string(),
  days: z.array(z.iso.date()),
  revision: z.int().min(1),
  updatedAt: instantAnswer,
  updatedBy: z.string(),
};
export const calendarAnswer = schemaOf<CalendarView>()('CalendarView', z.strictObject(calendarMembers));
export const calendarSaved = schemaOf<CalendarSaved>()(
  'CalendarSaved',
  z.strictObject({ ...calendarMembers, warnings: z.array(z.string()) }),
);

export const maintenanceAnswer = schemaOf<MaintenanceView>()(
  'MaintenanceView',
  z.strictObject({
    paused: z.boolean(),
    reason: z.string(),
    since: instantAnswer.nullable(),
    by: z.string().nullable(),
  }),
);

export const deadlineAnswer = schemaOf<DeadlineView>()(
  'DeadlineView',
  z.strictObject({
    project: z.string(),
    workflow: z.string(),
    name: z.string(),
    task: z.string().nullable(),
    cron: z.string(),
    zone: z.string(),
    enabled: z.boolean(),
    recipients: z.array(z.string()),
    nextCheckAt: instantAnswer.nullable(),
    lastCheckAt: instantAnswer.nullable(),
    lastMissedAt: instantAnswer.nullable(),
    updatedAt: instantAnswer,
    updatedBy: z.string(),
  }),
);
export const deadlinePage = pageOf('DeadlinePage', deadlineAnswer);
