/** From what is typed into the wizard to the request, and what is wrong with it. */
import type { BackfillRequest, ParameterDeclaration } from '@pelorus/protocol';
import { EMPTY_FORM, requestOf, type RunForm } from '../workflows/run-request.ts';

export interface WizardForm {
  kind: 'daily' | 'cron' | 'list';
  /** `YYYY-MM-DD`, of the zone. */
  start: string;
  end: string;
  /** `HH:MM`, of `daily`. */
  at: string;
  zone: string;
  cron: string;
  /** A date by line, of `list`. */
  list: string;
  mode: 'serial' | 'parallel';
  parallelism: string;
  order: 'ascending' | 'descending';
  continueAfterFailure: boolean;
  withDependents: boolean;
  /** What is said of each run; its date and zone are not used. */
  run: RunForm;
}

export const EMPTY_WIZARD: WizardForm = {
  kind: 'daily',
  start: '',
  end: '',
  at: '00:00',
  zone: 'UTC',
  cron: '',
  list: '',
  mode: 'serial',
  parallelism: '2',
  order: 'ascending',
  continueAfterFailure: false,
  withDependents: false,
  run: EMPTY_FORM,
};

/** Null: something is missing yet, or cannot be read. */
export function backfillOf(
  chosen: { project: string; workflow: string },
  form: WizardForm,
  declared: Record<string, ParameterDeclaration>,
): BackfillRequest | null {
  const run = requestOf(chosen, { ...form.run, date: '', zone: '', offeredZone: '' }, declared);
  const dates = datesOf(form);
  if (run === null || dates === null) return null;
  return {
    ...run,
    ...dates,
    zone: form.zone,
    order: form.order,
    ...(form.mode === 'serial' ? { mode: 'serial' } : { mode: 'parallel', parallelism: Number(form.parallelism) }),
    continueAfterFailure: form.continueAfterFailure,
    withDependents: form.withDependents,
  };
}

/** As clocks of the zone show them. */
function datesOf({ kind, start, end, at, cron, list }: WizardForm): Partial<BackfillRequest> | null {
  if (kind === 'list') {
    const dates = readDates(list);
    return typeof dates === 'number' || dates.length === 0 ? null : { dates };
  }
  if (start === '' || end === '') return null;
  if (kind === 'daily') {
    if (at === '') return null;
    return { startDate: `${start}T${at}`, endDate: `${end}T${at}` };
  }
  if (cron.trim() === '') return null;
  return { crontab: cron.trim(), startDate: start, endDate: end };
}

/** The date of each line, with the time of day where there is one; the number of the first that is none. */
export function readDates(list: string): string[] | number {
  const dates: string[] = [];
  for (const [index, line] of list.split('\n').entries()) {
    const text = line.trim();
    if (text === '') continue;
    const parts = /^(\d{4}-\d{2}-\d{2})(?:[T ](\d{2}:\d{2}(?::\d{2})?))?$/.exec(text);
    const [, day = '', time = '00:00'] = parts ?? [];
    if (!isDay(day) || Number.isNaN(Date.parse(`${day}T${time}Z`))) return index + 1;
    dates.push(`${day}T${time}`);
  }
  return dates;
}

/** Not the 30th of February. */
function isDay(day: string): boolean {
  const at = new Date(`${day}T00:00:00Z`);
  return !Number.isNaN(at.getTime()) && at.toISOString().startsWith(day);
}

/** The last `count` days that are over, in the zone. */
export function lastDays(count: number, zone: string, now: number): { start: string; end: string } {
  const today = dayIn(now, zone);
  return { start: addDays(today, -count), end: addDays(today, -1) };
}

export function lastMonth(zone: string, now: number): { start: string; end: string } {
  const end = addDays(`${dayIn(now, zone).slice(0, 8)}01`, -1);
  return { start: `${end.slice(0, 8)}01`, end };
}

function dayIn(at: number, zone: string): string {
  const format = { timeZone: zone, year: 'numeric', month: '2-digit', day: '2-digit' } as const;
  return new Intl.DateTimeFormat('en-CA', format).format(at);
}

function addDays(day: string, count: number): string {
  return new Date(Date.parse(`${day}T00:00:00Z`) + count * 86_400_000).toISOString().slice(0, 10);
}
