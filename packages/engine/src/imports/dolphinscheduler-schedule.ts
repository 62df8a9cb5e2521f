/** The schedule of a DolphinScheduler workflow, offline, and what it says about the runs that it starts. */
import { checkCron, isZone } from '../cron/index.ts';
import { workerGroupOf, type DsNames } from './dolphinscheduler-task.ts';
import { codeOf } from './dolphinscheduler-file.ts';
import { shown, textOf, type Json } from './foreign-json.ts';
import type { ReportLog } from './report.ts';

/** Keys of the workflow: `schedule`, and what runs of it have. */
export function scheduleKeys(
  given: Json | null,
  { timezone, names, log }: { timezone: string; names: DsNames; log: ReportLog },
): Record<string, unknown> {
  if (given === null) return {};
  const crontab = textOf(given['crontab'])?.trim().replace(/\s+/g, ' ') ?? '';
  const wrong = checkCron(crontab);
  if (wrong !== null) {
    log.add(`schedule ${shown(crontab || '?')}`, 'unsupported', null, wrong);
    return runKeys(given, names, log);
  }
  const zone = zoneOf(textOf(given['timezoneId'])) ?? null;
  const [start, end] = ['startTime', 'endTime'].map((field) => instantOf(given[field]));
  const why = [
    'it is offline: put it online when the old one is off',
    ...(zone === null ? [`the file names no zone that is known; times are meant in ${timezone}`] : []),
  ];
  log.add(`schedule ${shown(crontab)}`, 'changed', 'schedule', why.join('; '));
  return {
    schedule: {
      cron: crontab,
      timezone: zone ?? timezone,
      ...(start ? { start } : {}),
      ...(end && (!start || end > start) ? { end } : {}),
    },
    ...runKeys(given, names, log),
  };
}

/** `GMT+8` and the like are written as offsets. */
function zoneOf(text: string | null): string | null {
  if (text === null) return null;
  const parts = /^(?:GMT|UTC)([+-])(\d{1,2})(?::?(\d{2}))?$/.exec(text.trim());
  const zone =
    parts === null ? text.trim() : `${parts[1] ?? '+'}${(parts[2] ?? '').padStart(2, '0')}:${parts[3] ?? '00'}`;
  return isZone(zone) ? zone : null;
}

/** As clocks show it, or as an instant where it says its offset or is a number of milliseconds; null: none that could be read. */
function instantOf(value: unknown): string | null {
  if (typeof value === 'number')
    return Number.isFinite(value) && value > 0 && value < 253_370_764_800_000 ? new Date(value).toISOString() : null;
  const text = textOf(value)?.trim() ?? '';
  const parts = /^(\d{4}-\d{2}-\d{2})[T ](\d{2}:\d{2}:\d{2})(?:\.\d+)?(Z|[+-]\d{2}:?\d{2})?$/.exec(text);
  const [, date = '', time = '', offset = ''] = parts ?? [];
  if (parts === null || Number.isNaN(Date.parse(`${date}T${time}Z`))) return null;
  return `${date}T${time}${offset.replace(/^([+-]\d{2}):?(\d{2})$/, '$1:$2')}`;
}

const NOTIFY: Readonly<Record<string, string>> = { SUCCESS: 'success', FAILURE: 'failure', ALL: 'all' };

function runKeys(given: Json, names: DsNames, log: ReportLog): Record<string, unknown> {
  const keys: Record<string, unknown> = {};
  const word = (field: string): string => textOf(given[field])?.toUpperCase() ?? '';
  const failure = word('failureStrategy');
  if (failure === 'CONTINUE' || failure === 'END') {
    keys['failurePolicy'] = failure.toLowerCase();
    log.add(
      'schedule failureStrategy',
      'mapped',
      `failurePolicy: ${failure.toLowerCase()}`,
      'of all runs of the workflow',
    );
  }
  const priority = word('workflowInstancePriority') || word('processInstancePriority');
  if (/^(?:HIGHEST|HIGH|LOW|LOWEST)$/.test(priority)) {
    keys['priority'] = priority.toLowerCase();
    log.add('schedule priority', 'mapped', `priority: ${priority.toLowerCase()}`, 'of all runs of the workflow');
  }
  const notify = NOTIFY[word('warningType')];
  if (notify !== undefined) {
    keys['notify'] = { when: notify, to: [] };
    log.add(
      'schedule warningType',
      'changed',
      `notify.when: ${notify}`,
      'who is told is not in the file: set `notify.to`',
    );
  }
  const defaults = defaultsOf(given, names, log);
  if (Object.keys(defaults).length > 0) keys['defaults'] = defaults;
  const tenant = textOf(given['tenantCode']);
  if (tenant !== null && tenant !== 'default')
    log.add(`schedule tenantCode ${shown(tenant)}`, 'unsupported', null, 'tasks run as the user of their worker');
  return keys;
}

function defaultsOf(given: Json, names: DsNames, log: ReportLog): Record<string, string> {
  const defaults: Record<string, string> = {};
  const workerGroup = workerGroupOf(textOf(given['workerGroup']));
  if (workerGroup !== null) {
    defaults['workerGroup'] = workerGroup;
    log.add('schedule workerGroup', 'mapped', `defaults.workerGroup: ${workerGroup}`, 'of tasks without one');
  }
  const code = codeOf(given['environmentCode']);
  const environment = code === null ? undefined : names.environments.get(code);
  if (environment !== undefined) {
    defaults['environment'] = environment;
    log.add('schedule environmentCode', 'mapped', `defaults.environment: ${environment}`, 'of tasks without one');
  } else if (code !== null)
    log.add(
      `schedule environmentCode ${code}`,
      'unsupported',
      null,
      'the file has only its number: say its name when importing',
    );
  return defaults;
}
