/** The flags that say when a schedule fires and how its runs are made: of `schedule create`, `update` and `preview`. */
import {
  PRIORITIES,
  type FailurePolicy,
  type HolidayRuleName,
  type MisfirePolicyName,
  type NotifyType,
  type Priority,
  type ScheduleBody,
  type ScheduleTimesBody,
  type ScheduleView,
} from '@pelorus/protocol/vocabulary';
import { Option, type Command } from 'commander';
import { usageFailure } from './failure.ts';
import type { WorkflowName } from './references.ts';
import { paramsOf } from './run-order.ts';
import { collectList, collectText, durationFlag, wholeNumber, type Session } from './session.ts';

export interface TimesFlags {
  cron?: string;
  zone?: string;
  start?: string;
  end?: string;
  calendar?: string;
  onHoliday?: HolidayRuleName;
}

export interface ScheduleFlags extends TimesFlags {
  online?: boolean;
  misfire?: MisfirePolicyName;
  misfireMax?: number;
  param?: string[];
  failurePolicy?: FailurePolicy;
  notify?: Lowercase<NotifyType>;
  notifyTo?: string[];
  priority?: Priority;
  workerGroup?: string;
  environment?: string;
  timeout?: string;
  dependsOnPrevious?: boolean;
  dependsOn?: string[];
}

/** Members of a schedule that `--clear` sets back, as flags call them. */
const CLEARED: Readonly<Record<string, keyof ScheduleBody>> = {
  start: 'start',
  end: 'end',
  calendar: 'calendar',
  'on-holiday': 'onHoliday',
  param: 'params',
  'failure-policy': 'failurePolicy',
  notify: 'notifyType',
  'notify-to': 'notifyMails',
  priority: 'priority',
  'worker-group': 'workerGroup',
  environment: 'environment',
  timeout: 'timeoutMs',
  'depends-on-previous': 'dependsOnPrevious',
  'depends-on': 'dependsOn',
};

export function addTimes(command: Command): Command {
  return command
    .option('--cron <expression>', "five fields ('0 6 * * 1'), or Quartz's six or seven ('0 0 6 ? * MON')")
    .option('--zone <name>', 'the zone in which it is meant, e.g. Europe/Berlin; without: UTC')
    .option('--start <moment>', 'nothing before it: a day or a time of the zone, or RFC 3339')
    .option('--end <moment>', 'nothing after it; a day counts whole')
    .option('--calendar <name>', 'a calendar of holidays, see pelorus calendar list')
    .addOption(
      new Option('--on-holiday <rule>', 'what becomes of what falls on one').choices([
        'skip',
        'shift_next',
        'shift_previous',
      ]),
    );
}

export function addScheduleFlags(command: Command): Command {
  return addTimes(command)
    .addOption(
      new Option('--misfire <policy>', 'which of the ticks that were missed fire').choices([
        'fire_all',
        'fire_last',
        'skip',
      ]),
    )
    .option('--misfire-max <n>', 'with fire_all: at most so many', wholeNumber('--misfire-max', 1))
    .option('-p, --param <name=value>', 'a start parameter of its runs; may be repeated', collectText)
    .addOption(
      new Option('--failure-policy <policy>', 'what a failed task does to the others').choices(['end', 'continue']),
    )
    .addOption(
      new Option('--notify <when>', 'who is told about the ends of its runs').choices([
        'none',
        'success',
        'failure',
        'all',
      ]),
    )
    .option('--notify-to <who>', 'an address or an alert channel; may be repeated', collectList)
    .addOption(new Option('--priority <priority>', 'before or after other runs').choices(PRIORITIES))
    .option('--worker-group <name>', 'where tasks run that name no group')
    .option('--environment <name>', 'the environment of tasks that name none')
    .option('--timeout <duration>', 'how long a run may take, e.g. 2h')
    .option('--depends-on-previous', 'each run waits for the one of the tick before it')
    .option(
      '--depends-on <workflow>',
      "each run waits for that workflow's covering cycle; may be repeated",
      collectList,
    );
}

/** What was given; nothing else. */
export function timesOf({ cron, zone, start, end, calendar, onHoliday }: TimesFlags): Partial<ScheduleTimesBody> {
  return {
    ...(cron === undefined ? {} : { cron }),
    ...(zone === undefined ? {} : { zone }),
    ...(start === undefined ? {} : { start }),
    ...(end === undefined ? {} : { end }),
    ...(calendar === undefined ? {} : { calendar }),
    ...(onHoliday === undefined ? {} : { onHoliday }),
  };
}

/** What was given; parameters become what the workflow declares. */
export async function scheduleOf(
  session: Session,
  name: WorkflowName,
  flags: ScheduleFlags,
): Promise<Partial<ScheduleBody>> {
  const params = await paramsOf(session, name, flags);
  const { online, misfire, misfireMax, failurePolicy, priority, workerGroup, environment } = flags;
  const { timeout, notify, notifyTo, dependsOnPrevious, dependsOn } = flags;
  return {
    ...timesOf(flags),
    ...(online === undefined ? {} : { online }),
    ...(misfire === undefined ? {} : { misfire }),
    ...(misfireMax === undefined ? {} : { misfireMax }),
    ...(params === null ? {} : { params }),
    ...(failurePolicy === undefined ? {} : { failurePolicy }),
    ...(notify === undefined ? {} : { notifyType: notify.toUpperCase() as NotifyType }),
    ...(notifyTo === undefined ? {} : { notifyMails: notifyTo }),
    ...(priority === undefined ? {} : { priority }),
    ...(workerGroup === undefined ? {} : { workerGroup }),
    ...(environment === undefined ? {} : { environment }),
    ...(timeout === undefined ? {} : { timeoutMs: durationFlag('--timeout', timeout) }),
    ...(dependsOnPrevious === undefined ? {} : { dependsOnPrevious }),
    ...(dependsOn === undefined ? {} : { dependsOn }),
  };
}

/** A stored schedule as a body that would save it again, without what `cleared` names. */
export function bodyOf(view: ScheduleView, cleared: readonly string[]): ScheduleBody {
  const { cron, zone, start, end, calendar, onHoliday, misfire, misfireMax, params, failurePolicy } = view;
  const { notifyType, notifyMails, priority, workerGroup, environment, timeoutMs, dependsOnPrevious, dependsOn } = view;
  const body: ScheduleBody = {
    ...{ cron, zone, start, end, calendar, onHoliday, misfire, misfireMax, params, failurePolicy },
    ...{ notifyType, notifyMails, priority, workerGroup, environment, timeoutMs, dependsOnPrevious, dependsOn },
  };
  for (const flag of cleared) {
    const member = CLEARED[flag];
    if (member === undefined)
      throw usageFailure(`--clear must be one of ${Object.keys(CLEARED).join(', ')}, not "${flag}"`);
    delete body[member];
  }
  return body;
}
