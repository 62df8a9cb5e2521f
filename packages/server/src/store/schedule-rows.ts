/** Rows of schedules, and what is reckoned from them: their timing, and the tick that comes next. */
import { dayNumber, nextTick, parseCron, type Cron, type ScheduleTiming, type Tick } from '@pelorus/engine/planning';
import type { RunId } from '@pelorus/protocol';
import type { Database, Row, Sql } from './database.ts';
import type { Dialect } from './dialect.ts';
import { StoreError } from './port.ts';
import type { ScheduleOptions, ScheduleRow } from './schedules-port.ts';

export const SCHEDULE_SELECT = `
  select s.*, p.name as project, w.name as workflow
  from schedule s join project p on p.id = s.project_id join workflow w on w.id = s.workflow_id`;

/** From a row of `SCHEDULE_SELECT`. */
export function toScheduleRow(row: Row): ScheduleRow {
  return {
    id: row['id'] as number,
    projectId: row['project_id'] as number,
    project: row['project'] as string,
    workflowId: row['workflow_id'] as number,
    workflow: row['workflow'] as string,
    name: row['name'] as string,
    version: row['version'] as number,
    online: row['online'] === 1,
    cron: row['cron'] as string,
    zone: row['zone'] as string,
    startAt: row['start_at'] as number | null,
    endAt: row['end_at'] as number | null,
    misfire: row['misfire'] as ScheduleRow['misfire'],
    misfireMax: row['misfire_max'] as number,
    calendar: row['calendar'] as string | null,
    onHoliday: row['on_holiday'] as ScheduleRow['onHoliday'],
    options: JSON.parse(row['options'] as string) as ScheduleOptions,
    nextDueAt: row['next_due_at'] as number | null,
    nextNominalAt: row['next_nominal_at'] as number | null,
    lastNominalAt: row['last_nominal_at'] as number | null,
    lastFiredAt: row['last_fired_at'] as number | null,
    lastRun: row['last_run_id'] as RunId | null,
    fromDefinition: row['from_definition'] === 1,
    createdAt: row['created_at'] as number,
    createdBy: row['created_by'] as string,
    updatedAt: row['updated_at'] as number,
    updatedBy: row['updated_by'] as string,
  };
}

/** The tick that the row says comes next. */
export function storedTick(row: Row): Tick | null {
  const [dueAt, nominalAt] = [row['next_due_at'] as number | null, row['next_nominal_at'] as number | null];
  if (dueAt === null || nominalAt === null) return null;
  const rest = JSON.parse((row['next_tick'] as string | null) ?? '{}') as { merged?: number[]; isHoliday?: boolean };
  return { dueAt, nominalAt, merged: rest.merged ?? [], isHoliday: rest.isHoliday ?? false };
}

/** Cells of `next_due_at`, `next_nominal_at` and `next_tick`. */
export function tickCells(tick: Tick | null): [number | null, number | null, string | null] {
  if (tick === null) return [null, null, null];
  const { dueAt, nominalAt, merged, isHoliday } = tick;
  const rest = merged.length > 0 || isHoliday ? JSON.stringify({ merged, isHoliday }) : null;
  return [dueAt, nominalAt, rest];
}

/** INVARIANT for an expression that cannot be read: whoever saves one has checked it. */
export function cronOf(text: string): Cron {
  const parsed = parseCron(text);
  if ('cron' in parsed) return parsed.cron;
  throw new StoreError('INVARIANT', `The cron expression '${text}' cannot be read: ${parsed.problems.join('; ')}`);
}

type TimingColumns = Pick<ScheduleRow, 'cron' | 'zone' | 'startAt' | 'endAt' | 'onHoliday' | 'calendar'>;

/** `holidaysOf` knows the calendars that schedules name. */
export function timingOf(
  schedule: TimingColumns,
  holidaysOf: (calendar: string) => ReadonlySet<number>,
): ScheduleTiming {
  const { zone, startAt, endAt, onHoliday, calendar } = schedule;
  const holidays = calendar === null ? NO_HOLIDAYS : holidaysOf(calendar);
  return { cron: cronOf(schedule.cron), zone, startAt, endAt, onHoliday, holidays };
}

const NO_HOLIDAYS: ReadonlySet<number> = new Set();

/** INVARIANT for a zone that there is not, as for a cron expression. */
export function firstTick(timing: ScheduleTiming, after: number): Tick | null {
  try {
    return nextTick(timing, after);
  } catch (cause) {
    if (!(cause instanceof RangeError)) throw cause;
    throw new StoreError('INVARIANT', `There is no time zone '${timing.zone}'.`, { cause });
  }
}

const CALENDARS = (dialect: Dialect): string => `select name, days from calendar where ${dialect.isIn('name')}`;

/** Holidays of each calendar; one that there is not has none. */
export function* loadHolidays(
  db: Database,
  names: readonly (string | null)[],
): Sql<(calendar: string) => ReadonlySet<number>> {
  const wanted = [...new Set(names.filter((name) => name !== null))];
  const found = new Map<string, ReadonlySet<number>>();
  if (wanted.length > 0)
    for (const row of yield* db.all(CALENDARS, JSON.stringify(wanted)))
      found.set(row['name'] as string, new Set((JSON.parse(row['days'] as string) as string[]).map(dayOfText)));
  return (calendar) => found.get(calendar) ?? NO_HOLIDAYS;
}

function dayOfText(text: string): number {
  const [year, month, day] = text.split('-').map(Number) as [number, number, number];
  return dayNumber({ year, month, day });
}
