/** From what is typed into the form of a schedule to what is stored. */
import type {
  HolidayRuleName,
  MisfirePolicyName,
  ScheduleBody,
  SchedulePreviewBody,
  ScheduleView,
} from '@pelorus/protocol';
import { readLines } from '../workflows/run-request.ts';

export interface ScheduleForm {
  project: string;
  workflow: string;
  name: string;
  cron: string;
  zone: string;
  start: string;
  end: string;
  calendar: string;
  onHoliday: HolidayRuleName;
  misfire: MisfirePolicyName;
  misfireMax: string;
  dependsOnPrevious: boolean;
  /** `name = value` by line. */
  params: string;
  online: boolean;
}

export function formOf(schedule: ScheduleView | null, project: string): ScheduleForm {
  return {
    project: schedule?.project ?? project,
    workflow: schedule?.workflow ?? '',
    name: schedule?.name ?? 'default',
    cron: schedule?.cron ?? '0 2 * * *',
    zone: schedule?.zone ?? Intl.DateTimeFormat().resolvedOptions().timeZone,
    start: schedule?.start ?? '',
    end: schedule?.end ?? '',
    calendar: schedule?.calendar ?? '',
    onHoliday: schedule?.onHoliday ?? 'skip',
    misfire: schedule?.misfire ?? 'fire_last',
    misfireMax: String(schedule?.misfireMax ?? 100),
    dependsOnPrevious: schedule?.dependsOnPrevious ?? false,
    params: Object.entries(schedule?.params ?? {})
      .map(([name, value]) => `${name} = ${typeof value === 'string' ? value : JSON.stringify(value)}`)
      .join('\n'),
    online: schedule?.online ?? true,
  };
}

export function timesOf(form: ScheduleForm): SchedulePreviewBody {
  return {
    cron: form.cron.trim(),
    zone: form.zone.trim(),
    start: form.start.trim() || null,
    end: form.end.trim() || null,
    calendar: form.calendar || null,
    onHoliday: form.calendar === '' ? null : form.onHoliday,
  };
}

/** Null: a line of the parameters cannot be read. What the form does not show stays as it is. */
export function bodyOf(form: ScheduleForm, before: ScheduleView | null): ScheduleBody | null {
  const params = readLines(form.params);
  if (typeof params === 'number') return null;
  const kept: ScheduleBody['params'] = {};
  for (const [name, text] of Object.entries(params)) {
    const known = before?.params[name];
    // A value that was not a text and was not touched stays what it was.
    kept[name] = known !== undefined && typeof known !== 'string' && JSON.stringify(known) === text ? known : text;
  }
  const { failurePolicy, notifyType, notifyMails, priority, workerGroup, environment, timeoutMs, dependsOn } =
    before ?? {};
  return {
    ...timesOf(form),
    online: form.online,
    misfire: form.misfire,
    misfireMax: Number(form.misfireMax),
    params: kept,
    dependsOnPrevious: form.dependsOnPrevious,
    ...(before === null
      ? {}
      : {
          failurePolicy: failurePolicy ?? null,
          notifyType: notifyType ?? null,
          notifyMails: notifyMails ?? null,
          priority: priority ?? null,
          workerGroup: workerGroup ?? null,
          environment: environment ?? null,
          timeoutMs: timeoutMs ?? null,
          dependsOn: dependsOn ?? [],
        }),
  };
}
