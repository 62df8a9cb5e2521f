/** From what is typed into the form of a schedule to what is stored. */
import type {
  HolidayRuleName,
  MisfirePolicyName,
  NotifyType,
  ScheduleBody,
  SchedulePreviewBody,
  ScheduleView,
} from '@pelorus/protocol';
import { formatDuration, parseDuration } from '@pelorus/protocol/duration';
import type { RunDefaults } from '../workflows/run-defaults.tsx';
import { readLines } from '../workflows/run-request.ts';

export interface ScheduleForm extends RunDefaults {
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
  /** `workflow` or `project/workflow`, with commas or spaces between them. */
  dependsOn: string;
  /** `name = value` by line. */
  params: string;
  /** As a definition has it, such as `2h`; empty: as the workflow says. */
  timeLimit: string;
  /** Empty: as the workflow says, which then says whom to tell, too. */
  notifyType: NotifyType | '';
  /** E-mail addresses and names of alert channels, with commas or spaces between them. */
  notifyMails: string;
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
    dependsOn: schedule?.dependsOn.join(', ') ?? '',
    params: Object.entries(schedule?.params ?? {})
      .map(([name, value]) => `${name} = ${typeof value === 'string' ? value : JSON.stringify(value)}`)
      .join('\n'),
    priority: schedule?.priority ?? '',
    failurePolicy: schedule?.failurePolicy ?? '',
    workerGroup: schedule?.workerGroup ?? '',
    environment: schedule?.environment ?? '',
    timeLimit: typeof schedule?.timeoutMs === 'number' ? formatDuration(schedule.timeoutMs) : '',
    notifyType: schedule?.notifyType ?? '',
    notifyMails: schedule?.notifyMails?.join(', ') ?? '',
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

/** Null: a line of the parameters, or the time limit, cannot be read. */
export function bodyOf(form: ScheduleForm, before: ScheduleView | null): ScheduleBody | null {
  const params = readLines(form.params);
  const timeoutMs = timeLimitOf(form);
  if (typeof params === 'number' || timeoutMs === undefined) return null;
  const kept: ScheduleBody['params'] = {};
  for (const [name, text] of Object.entries(params)) {
    const known = before?.params[name];
    // A value that was not a text and was not touched stays what it was.
    kept[name] = known !== undefined && typeof known !== 'string' && JSON.stringify(known) === text ? known : text;
  }
  return {
    ...timesOf(form),
    online: form.online,
    misfire: form.misfire,
    misfireMax: Number(form.misfireMax),
    params: kept,
    dependsOnPrevious: form.dependsOnPrevious,
    dependsOn: namesOf(form.dependsOn),
    priority: form.priority || null,
    failurePolicy: form.failurePolicy || null,
    workerGroup: form.workerGroup.trim() || null,
    environment: form.environment.trim() || null,
    timeoutMs,
    notifyType: form.notifyType || null,
    notifyMails: form.notifyType === '' ? null : namesOf(form.notifyMails),
  };
}

/** In ms; null: as the workflow says. Undefined: what is typed is no duration. */
export function timeLimitOf({ timeLimit }: ScheduleForm): number | null | undefined {
  const text = timeLimit.trim();
  if (text === '') return null;
  return parseDuration(text) || undefined;
}

/** Whether the part that is folded away says anything. */
export function hasAdvanced(form: ScheduleForm): boolean {
  const { dependsOnPrevious, dependsOn, priority, failurePolicy, workerGroup, environment, timeLimit, notifyType } =
    form;
  const texts = [dependsOn, priority, failurePolicy, workerGroup, environment, timeLimit, notifyType];
  return dependsOnPrevious || texts.some((text) => text !== '');
}

/** Names with commas or spaces between them. */
export function namesOf(text: string): string[] {
  return text.split(/[\s,，]+/).filter(Boolean);
}
