/** Calendars of holidays. A change of one is a change of the schedules that name it: what comes next is reckoned anew with it. */
import type { Database, Row, Sql } from './database.ts';
import type { Dialect } from './dialect.ts';
import { problemOfDays } from './calendar-days.ts';
import { StoreError } from './port.ts';
import { firstTick, SCHEDULE_SELECT, tickCells, toScheduleRow } from './schedule-rows.ts';
import { timingOfRow } from './schedules.ts';
import { SCHEDULE_LIMITS, type CalendarHead, type CalendarRow } from './schedules-port.ts';
import { recordUndecided } from './ticks.ts';
import type { WriteContext } from './write-context.ts';

const COUNT = `select count(*) as calendars from calendar`;
const ALONE = (dialect: Dialect): string => `select * from calendar where name = ? ${dialect.forUpdate}`;
const UPSERT = (dialect: Dialect): string => `
  insert into calendar (name, description, days, revision, updated_at, updated_by, changed) values (?, ?, ?, 1, ?, ?, ${dialect.change})
  on conflict (name) do update set description = excluded.description, days = excluded.days, revision = calendar.revision + 1,
    updated_at = excluded.updated_at, updated_by = excluded.updated_by, changed = excluded.changed
  returning *`;

export function* saveCalendar(
  c: WriteContext,
  calendar: { name: string; description: string; days: string[]; user: string; at: number },
): Sql<CalendarRow> {
  const { name, description, user, at } = calendar;
  const ascending = [...new Set(calendar.days)].toSorted();
  const problem = problemOfDays(ascending);
  if (problem !== null) throw new StoreError('CONFLICT', `Calendar '${name}': ${problem}.`);
  const days = JSON.stringify(ascending);
  const found = yield* c.db.get(ALONE, name);
  if (found && found['days'] === days && found['description'] === description) return toCalendarRow(found);
  if (!found && ((yield* c.db.get(COUNT))?.['calendars'] as number) >= SCHEDULE_LIMITS.calendars)
    throw new StoreError('CONFLICT', `There are ${SCHEDULE_LIMITS.calendars} calendars; more do not fit.`);
  const saved = toCalendarRow((yield* c.db.get(UPSERT, name, description, days, at, user, c.nextChange()))!);
  if (found && found['days'] !== days) yield* reckonAnew(c, name);
  return saved;
}

const NAMING = (dialect: Dialect): string =>
  `select * from schedule where calendar = ? and online = 1 order by id ${dialect.forUpdate}`;
const SET_NEXT = (dialect: Dialect): string =>
  `update schedule set next_due_at = ?, next_nominal_at = ?, next_tick = ?, changed = ${dialect.change} where id = ?`;

function* reckonAnew(c: WriteContext, name: string): Sql<void> {
  const rows = yield* c.db.all(NAMING, name);
  const now = yield* c.now();
  for (const row of rows) {
    // By the calendar as it is now: which holidays they were on matters no more.
    yield* recordUndecided(c, row, { now, why: 'the calendar was changed before it was decided' });
    const next = firstTick(yield* timingOfRow(c.db, row), now);
    yield* c.db.run(SET_NEXT, ...tickCells(next), c.nextChange(), row['id'] as number);
  }
}

function toCalendarRow(row: Row): CalendarRow {
  return {
    name: row['name'] as string,
    description: row['description'] as string,
    days: JSON.parse(row['days'] as string) as string[],
    revision: row['revision'] as number,
    updatedAt: row['updated_at'] as number,
    updatedBy: row['updated_by'] as string,
  };
}

const CALENDAR = `select * from calendar where name = ?`;

export function* getCalendar(db: Database, name: string): Sql<CalendarRow | null> {
  const row = yield* db.get(CALENDAR, name);
  return row ? toCalendarRow(row) : null;
}

/** Rows for `toCalendarHead`. */
export const CALENDAR_HEADS = `
  select c.*, (select count(*) from schedule s where s.calendar = c.name) as schedules from calendar c`;
const CALENDARS = `${CALENDAR_HEADS} order by c.name`;

export function* listCalendars(db: Database): Sql<CalendarHead[]> {
  return (yield* db.all(CALENDARS)).map(toCalendarHead);
}

/** From a row of `CALENDAR_HEADS`. */
export function toCalendarHead(row: Row): CalendarHead {
  const { days, ...head } = toCalendarRow(row);
  const [firstDay = null, lastDay = null] = [days[0], days.at(-1)];
  return { ...head, dayCount: days.length, firstDay, lastDay, schedules: row['schedules'] as number };
}

const NAMED_BY = `${SCHEDULE_SELECT} where s.calendar = ? order by s.id limit 1`;
const DELETE = `delete from calendar where name = ?`;
const REMEMBER = (dialect: Dialect): string => `
  insert into deleted_calendar (name, deleted_at, changed) values (?, ?, ${dialect.change})
  on conflict (name) do update set deleted_at = excluded.deleted_at, changed = excluded.changed`;

export function* deleteCalendar(c: WriteContext, name: string): Sql<null> {
  if (!(yield* c.db.get(ALONE, name))) throw new StoreError('NOT_FOUND', `There is no calendar '${name}'.`);
  const used = yield* c.db.get(NAMED_BY, name);
  if (used) {
    const { name: schedule, project, workflow } = toScheduleRow(used);
    throw new StoreError(
      'CONFLICT',
      `Calendar '${name}' is named by schedule '${schedule}' of ${project}/${workflow}.`,
    );
  }
  yield* c.db.run(REMEMBER, name, yield* c.now(), c.nextChange());
  yield* c.db.run(DELETE, name);
  return null;
}
