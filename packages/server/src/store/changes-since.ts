/** What has changed since, of everything that is told of over all projects. See `events-port.ts` for what it promises. */
import type { EventsAbout } from '@pelorus/protocol';
import { toBackfill } from './backfills.ts';
import { CALENDAR_HEADS, toCalendarHead } from './calendars.ts';
import type { Database, Row, Sql } from './database.ts';
import { DEADLINE_SELECT, toDeadlineRow } from './deadlines.ts';
import type { Dialect } from './dialect.ts';
import type { Changed, Changes, ChangesRequest, DeletedPart } from './events-port.ts';
import { toMaintenance } from './maintenance.ts';
import type { Cell } from './rows.ts';
import { textOf } from './run-scope.ts';
import { SCHEDULE_SELECT, toScheduleRow } from './schedule-rows.ts';
import { toTickRow } from './ticks.ts';

/** Tables whose rows say in `changed` when they were last written. Everybody may see those that are in no project. */
interface Counted {
  table: string;
  inProject: boolean;
}

const COUNTED: Record<EventsAbout, readonly Counted[]> = {
  runs: [{ table: 'run', inProject: true }],
  schedules: [
    { table: 'schedule', inProject: true },
    { table: 'deleted_schedule', inProject: true },
    { table: 'tick', inProject: true },
    { table: 'maintenance', inProject: false },
    { table: 'deadline', inProject: true },
    { table: 'deleted_deadline', inProject: true },
    { table: 'calendar', inProject: false },
    { table: 'deleted_calendar', inProject: false },
  ],
  backfills: [{ table: 'backfill', inProject: true }],
};

const POSITION = (dialect: Dialect): string => `select ${dialect.lastChange} as position`;

export function* changesPosition(db: Database): Sql<number> {
  return (yield* db.get(POSITION))?.['position'] as number;
}

/** `runs`: JSON text of their rows; `runPositions`: beside each its change. */
export type ChangeTexts = Omit<Changes, 'runs'> & { runs: string; runPositions: number[] };

export function changesSince(db: Database, request: ChangesRequest): Sql<ChangeTexts> {
  return db.snapshot(pageOfChanges(db, request));
}

function* pageOfChanges(db: Database, request: ChangesRequest): Sql<ChangeTexts> {
  const position = yield* changesPosition(db);
  const none: ChangeTexts = {
    ...{
      runs: '[]',
      runPositions: [],
      schedules: [],
      deletedSchedules: [],
      ticks: [],
      maintenance: null,
      deadlines: [],
      deletedDeadlines: [],
      calendars: [],
      deletedCalendars: [],
      backfills: [],
    },
    next: Math.max(request.after, position),
  };
  if (position <= request.after) return none;
  const end = (yield* endOfPage(db, request, position)) ?? position;
  const page = { ...request, upTo: end };
  const changes = { ...none, next: end };
  if (request.about.includes('runs')) Object.assign(changes, yield* runsOf(db, page));
  if (request.about.includes('schedules')) Object.assign(changes, yield* schedulesOf(db, page));
  if (request.about.includes('backfills')) changes.backfills = yield* rowsOf(db, BACKFILLS, page, toBackfill);
  return changes;
}

/** The change that a page ends with, so that none ends between rows of one change; null: everything fits. */
function* endOfPage(db: Database, request: ChangesRequest, position: number): Sql<number | null> {
  const parts: string[] = [];
  const values: Cell[] = [];
  for (const { table, inProject } of request.about.flatMap((about) => COUNTED[about])) {
    const { condition, values: bound } = since(
      db.dialect,
      { ...request, upTo: position },
      inProject ? 'project_id' : null,
    );
    const along = db.dialect.along(`${table}_changed`);
    parts.push(
      `select changed from (select changed from ${table} ${along} where ${condition} order by changed limit ?) ${table}_page`,
    );
    values.push(...bound, request.limit);
  }
  const sql = `select changed from (${parts.join(' union all ')}) page order by changed limit 1 offset ?`;
  return ((yield* db.get(sql, ...values, request.limit - 1))?.['changed'] as number | undefined) ?? null;
}

/** Changes after one and up to another, of projects that were asked for. */
type Page = ChangesRequest & { upTo: number };

/** `changed > 0` is what makes the indexes usable. `projectColumn` null: in no project. */
function since(
  dialect: Dialect,
  { after, upTo, projectIds }: Page,
  projectColumn: string | null,
  prefix = '',
): { condition: string; values: Cell[] } {
  const changed = `${prefix}changed`;
  const condition = `${changed} > 0 and ${changed} > ? and ${changed} <= ?`;
  if (projectIds === null || projectColumn === null) return { condition, values: [after, upTo] };
  // With a sign before it the column is in no index: a project has far more ticks than have just changed.
  const among = dialect.isAmong(`+${prefix}${projectColumn}`);
  return { condition: `${condition} and ${among}`, values: [after, upTo, JSON.stringify(projectIds)] };
}

function* runsOf(db: Database, page: Page): Sql<Pick<ChangeTexts, 'runs' | 'runPositions'>> {
  const { condition, values } = since(db.dialect, page, 'project_id');
  const sql = `select id, changed from run ${db.dialect.along('run_changed')} where ${condition} order by changed, id`;
  const found = (yield* db.rows(sql, ...values)) as [id: number, changed: number][];
  const ids = found.map(([id]) => id);
  return { runs: ids.length === 0 ? '[]' : yield* textOf(db, ids), runPositions: found.map(([, changed]) => changed) };
}

function* schedulesOf(db: Database, page: Page): Sql<Omit<Changes, 'runs' | 'backfills' | 'next'>> {
  return {
    schedules: yield* rowsOf(db, SCHEDULES, page, toScheduleRow),
    deletedSchedules: yield* rowsOf(db, DELETED_SCHEDULES, page, (row) => toDeletedPart(row, 'schedule_id')),
    ticks: yield* rowsOf(db, TICKS, page, (row) => ({ ...toTickRow(row), project: row['project'] as string })),
    maintenance: (yield* rowsOf(db, MAINTENANCE, page, toMaintenance))[0] ?? null,
    deadlines: yield* rowsOf(db, DEADLINES, page, toDeadlineRow),
    deletedDeadlines: yield* rowsOf(db, DELETED_DEADLINES, page, (row) => toDeletedPart(row, 'deadline_id')),
    calendars: yield* rowsOf(db, CALENDARS, page, toCalendarHead),
    deletedCalendars: yield* rowsOf(db, DELETED_CALENDARS, page, (row) => ({ name: row['name'] as string })),
  };
}

/** Rows of one table, which the select calls `s`. */
interface Rows {
  select: string;
  inProject: boolean;
  orderBy: string;
}

const SCHEDULES: Rows = { select: SCHEDULE_SELECT, inProject: true, orderBy: 's.id' };
const DELETED_SCHEDULES: Rows = {
  select: `select s.*, p.name as project from deleted_schedule s join project p on p.id = s.project_id`,
  ...{ inProject: true, orderBy: 's.schedule_id' },
};
const TICKS: Rows = {
  select: `select s.*, p.name as project from tick s join project p on p.id = s.project_id`,
  ...{ inProject: true, orderBy: 's.nominal_at, s.schedule_id' },
};
const BACKFILLS: Rows = { select: `select s.* from backfill s`, inProject: true, orderBy: 's.id' };
const MAINTENANCE: Rows = { select: `select s.* from maintenance s`, inProject: false, orderBy: 's.id' };
const DEADLINES: Rows = { select: `select s.* from (${DEADLINE_SELECT}) s`, inProject: true, orderBy: 's.id' };
const DELETED_DEADLINES: Rows = {
  select: `select s.*, p.name as project from deleted_deadline s join project p on p.id = s.project_id`,
  ...{ inProject: true, orderBy: 's.deadline_id' },
};
const CALENDARS: Rows = { select: `select s.* from (${CALENDAR_HEADS}) s`, inProject: false, orderBy: 's.name' };
const DELETED_CALENDARS: Rows = { select: `select s.* from deleted_calendar s`, inProject: false, orderBy: 's.name' };

function* rowsOf<T extends object>(db: Database, rows: Rows, page: Page, read: (row: Row) => T): Sql<Changed<T>[]> {
  const { condition, values } = since(db.dialect, page, rows.inProject ? 'project_id' : null, 's.');
  const sql = `${rows.select} where ${condition} order by s.changed, ${rows.orderBy}`;
  return (yield* db.all(sql, ...values)).map((row) => ({ ...read(row), changed: row['changed'] as number }));
}

function toDeletedPart(row: Row, id: 'schedule_id' | 'deadline_id'): DeletedPart {
  return {
    id: row[id] as number,
    projectId: row['project_id'] as number,
    project: row['project'] as string,
    workflow: row['workflow'] as string,
    name: row['name'] as string,
  };
}
