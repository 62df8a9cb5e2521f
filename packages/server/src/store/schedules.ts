/**
 * Schedules as people and definitions make them. What fires them is in `fire-due.ts`.
 *
 * Invariants
 * 1. `next_due_at` is set exactly while the schedule is online and something is to come; it is reckoned in the transaction that changes
 *    anything it follows from (the times, the switch, the calendar), from that transaction's now on: nothing is caught up by an edit.
 * 2. Ticks that were due before an edit and not decided yet get rows that say so: none vanishes.
 * 3. Rows are locked in this order: the schedule, its workflow, its calendar.
 */
import { scheduleBound, type ScheduleTiming } from '@pelorus/engine/planning';
import type { ScheduleSpec } from '@pelorus/protocol';
import type { Database, Row, Sql } from './database.ts';
import { deleteDeadlinesOf } from './deadlines.ts';
import type { Dialect } from './dialect.ts';
import { StoreError } from './port.ts';
import { firstTick, loadHolidays, SCHEDULE_SELECT, tickCells, timingOf, toScheduleRow } from './schedule-rows.ts';
import {
  DEFAULT_SCHEDULE,
  SCHEDULE_LIMITS,
  type SaveSchedule,
  type ScheduleFilter,
  type ScheduleOptions,
  type ScheduleRow,
  type ScheduleTimes,
} from './schedules-port.ts';
import { recordUndecided } from './ticks.ts';
import type { Cell } from './rows.ts';
import type { WriteContext } from './write-context.ts';

// ---- reading

const BY_NAME = `${SCHEDULE_SELECT} where s.workflow_id = ? and s.name = ?`;
const BY_ID = `${SCHEDULE_SELECT} where s.id = ?`;

export function* getSchedule(db: Database, key: { workflowId: number; name: string }): Sql<ScheduleRow | null> {
  const row = yield* db.get(BY_NAME, key.workflowId, key.name);
  return row ? toScheduleRow(row) : null;
}

export function* listSchedules(db: Database, filter: ScheduleFilter): Sql<ScheduleRow[]> {
  const conditions = ['s.id > ?'];
  const values: Cell[] = [filter.after ?? 0];
  const when = (condition: string, value: Cell | undefined): void => {
    if (value === undefined) return;
    conditions.push(condition);
    values.push(value);
  };
  when('p.name = ?', filter.project);
  when('w.name = ?', filter.workflow);
  when('s.workflow_id = ?', filter.workflowId);
  when('s.calendar = ?', filter.calendar);
  when('s.online = ?', filter.online === undefined ? undefined : Number(filter.online));
  const text = filter.contains?.toLowerCase();
  // Not `like`: % and _ mean themselves.
  when(db.dialect.containsText("(lower(w.name) || ' ' || lower(s.name))"), text);
  const projectIds = filter.projectIds ?? null;
  if (projectIds !== null) when(db.dialect.isAmong('s.project_id'), JSON.stringify(projectIds));
  const sql = `${SCHEDULE_SELECT} where ${conditions.join(' and ')} order by s.id limit ?`;
  return (yield* db.all(sql, ...values, filter.limit)).map(toScheduleRow);
}

// ---- saving

const NAMED_ALONE = (dialect: Dialect): string =>
  `select * from schedule where workflow_id = ? and name = ? ${dialect.forUpdate}`;
/** Nobody deletes it meanwhile. */
const WORKFLOW_KEPT = (dialect: Dialect): string =>
  `select project_id, name from workflow where id = ? and deleted_at is null ${dialect.forKeyShare}`;
const CALENDAR_KEPT = (dialect: Dialect): string => `select 1 from calendar where name = ? ${dialect.forShare}`;
const COUNT_OF_WORKFLOW = `select count(*) as schedules from schedule where workflow_id = ?`;
const INSERT = (dialect: Dialect): string => `
  insert into schedule (
    project_id, workflow_id, name, version, online, cron, zone, start_at, end_at, misfire, misfire_max, calendar, on_holiday, options,
    next_due_at, next_nominal_at, next_tick, from_definition, created_at, created_by, updated_at, updated_by, changed
  ) values (?, ?, ?, 1, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ${dialect.change}) returning id`;
const UPDATE = (dialect: Dialect): string => `
  update schedule set version = version + 1, online = ?, cron = ?, zone = ?, start_at = ?, end_at = ?, misfire = ?, misfire_max = ?,
    calendar = ?, on_holiday = ?, options = ?, next_due_at = ?, next_nominal_at = ?, next_tick = ?, from_definition = ?,
    updated_at = ?, updated_by = ?, changed = ${dialect.change}
  where id = ?`;

export type SavedSchedule = { schedule: ScheduleRow; created: boolean; changed: boolean };

export function* saveSchedule(c: WriteContext, save: SaveSchedule): Sql<SavedSchedule> {
  const found = yield* c.db.get(NAMED_ALONE, save.workflowId, save.name);
  refuseUnexpected(save, found);
  const online = save.online ?? found?.['online'] === 1;
  return yield* writeSchedule(c, found, { ...save, online, fromDefinition: found?.['from_definition'] === 1 });
}

function refuseUnexpected({ name, ifVersion }: SaveSchedule, found: Row | undefined): void {
  if (ifVersion === undefined || ifVersion === ((found?.['version'] as number | undefined) ?? null)) return;
  const now = found ? `has version ${found['version'] as number}` : 'does not exist';
  throw new StoreError('PRECONDITION', `Schedule '${name}' ${now}: somebody changed it meanwhile.`);
}

interface Written extends ScheduleTimes {
  workflowId: number;
  name: string;
  online: boolean;
  options: ScheduleOptions;
  fromDefinition: boolean;
  user: string;
  at: number;
}

/** `found`: its row, locked. */
function* writeSchedule(c: WriteContext, found: Row | undefined, written: Written): Sql<SavedSchedule> {
  const workflow = yield* c.db.get(WORKFLOW_KEPT, written.workflowId);
  if (!workflow) throw new StoreError('NOT_FOUND', `There is no workflow ${written.workflowId}.`);
  const { calendar, online } = written;
  if (calendar !== null && !(yield* c.db.get(CALENDAR_KEPT, calendar)))
    throw new StoreError('NOT_FOUND', `There is no calendar '${calendar}'.`);
  const settings = settingCells(written);
  const timing = timingOf(written, yield* loadHolidays(c.db, [calendar]));
  const now = yield* c.now();
  const first = firstTick(timing, now);
  if (!found) {
    yield* refuseOneMore(c, written.workflowId, workflow['name'] as string);
    const { workflowId, name, fromDefinition, at, user } = written;
    const cells = [
      ...settings,
      ...tickCells(online ? first : null),
      Number(fromDefinition),
      at,
      user,
      at,
      user,
      c.nextChange(),
    ];
    const id = (yield* c.db.get(INSERT, workflow['project_id'] as number, workflowId, name, ...cells))!['id'] as number;
    return { schedule: yield* requireSchedule(c.db, id), created: true, changed: true };
  }
  const id = found['id'] as number;
  const isSame = settings.every((cell, i) => cell === found[SETTINGS[i]!]);
  if (isSame && (found['from_definition'] === 1) === written.fromDefinition)
    return { schedule: yield* requireSchedule(c.db, id), created: false, changed: false };
  const isKept = online && found['online'] === 1 && TIMES.every((column) => cellOf(settings, column) === found[column]);
  if (!isKept) yield* recordUndecided(c, found, { now, why: 'the schedule was changed before it was decided' });
  const next = isKept ? storedCells(found) : tickCells(online ? first : null);
  const signed = [Number(written.fromDefinition), written.at, written.user, c.nextChange()];
  yield* c.db.run(UPDATE, ...settings, ...next, ...signed, id);
  return { schedule: yield* requireSchedule(c.db, id), created: false, changed: true };
}

/** Columns that people set, in the order of the statements. */
const SETTINGS = [
  'online',
  'cron',
  'zone',
  'start_at',
  'end_at',
  'misfire',
  'misfire_max',
  'calendar',
  'on_holiday',
  'options',
] as const;
/** Of these, what the next tick follows from. */
const TIMES = ['cron', 'zone', 'start_at', 'end_at', 'calendar', 'on_holiday'] as const;

function settingCells(written: Written): Cell[] {
  const { online, cron, zone, startAt, endAt, misfire, misfireMax, calendar, onHoliday, options } = written;
  const text = JSON.stringify(options);
  return [Number(online), cron, zone, startAt, endAt, misfire, misfireMax, calendar, onHoliday, text];
}

function cellOf(settings: readonly Cell[], column: (typeof SETTINGS)[number]): Cell {
  return settings[SETTINGS.indexOf(column)]!;
}

function storedCells(row: Row): Cell[] {
  return [row['next_due_at'] as Cell, row['next_nominal_at'] as Cell, row['next_tick'] as Cell];
}

function* refuseOneMore(c: WriteContext, workflowId: number, workflow: string): Sql<void> {
  const count = (yield* c.db.get(COUNT_OF_WORKFLOW, workflowId))?.['schedules'] as number;
  if (count >= SCHEDULE_LIMITS.perWorkflow)
    throw new StoreError('CONFLICT', `Workflow '${workflow}' has ${count} schedules; more do not fit.`);
}

function* requireSchedule(db: Database, id: number): Sql<ScheduleRow> {
  const row = yield* db.get(BY_ID, id);
  if (!row) throw new StoreError('NOT_FOUND', `There is no schedule ${id}.`);
  return toScheduleRow(row);
}

// ---- the switch

const ALONE = (dialect: Dialect): string => `select * from schedule where id = ? ${dialect.forUpdate}`;
const SWITCH = (dialect: Dialect): string => `
  update schedule set version = version + 1, online = ?, next_due_at = ?, next_nominal_at = ?, next_tick = ?, updated_at = ?, updated_by = ?,
    changed = ${dialect.change}
  where id = ?`;

export function* setScheduleOnline(
  c: WriteContext,
  change: { scheduleId: number; online: boolean; user: string; at: number },
): Sql<{ schedule: ScheduleRow; changed: boolean }> {
  const { scheduleId, online, user, at } = change;
  const found = yield* c.db.get(ALONE, scheduleId);
  if (!found) throw new StoreError('NOT_FOUND', `There is no schedule ${scheduleId}.`);
  const changed = (found['online'] === 1) !== online;
  if (changed) {
    const now = yield* c.now();
    if (!online) yield* recordUndecided(c, found, { now, why: 'the schedule was taken offline before it was decided' });
    const next = online ? firstTick(yield* timingOfRow(c.db, found), now) : null;
    yield* c.db.run(SWITCH, Number(online), ...tickCells(next), at, user, c.nextChange(), scheduleId);
  }
  return { schedule: yield* requireSchedule(c.db, scheduleId), changed };
}

/** From a row of `schedule`. */
export function* timingOfRow(db: Database, row: Row): Sql<ScheduleTiming> {
  const schedule = toScheduleRow(row);
  return timingOf(schedule, yield* loadHolidays(db, [schedule.calendar]));
}

// ---- deleting

const DELETE = `delete from schedule where id = ?`;
/** So that those who watch are told, and those who come back later. */
const REMEMBER = (dialect: Dialect): string => `
  insert into deleted_schedule (schedule_id, project_id, workflow, name, deleted_at, changed)
  select s.id, s.project_id, w.name, s.name, cast(? as bigint), ${dialect.change} from schedule s join workflow w on w.id = s.workflow_id`;
const REMEMBER_ONE = (dialect: Dialect): string => `${REMEMBER(dialect)} where s.id = ?`;

export function* deleteSchedule(
  c: WriteContext,
  request: { scheduleId: number; user: string; at: number },
): Sql<ScheduleRow> {
  const { scheduleId } = request;
  const found = yield* c.db.get(ALONE, scheduleId);
  const schedule = yield* requireSchedule(c.db, scheduleId);
  const now = yield* c.now();
  yield* recordUndecided(c, found!, { now, why: 'the schedule was deleted before it was decided' });
  yield* c.db.run(REMEMBER_ONE, now, c.nextChange(), scheduleId);
  yield* c.db.run(DELETE, scheduleId);
  return schedule;
}

const OF_WORKFLOW_ALONE = (dialect: Dialect): string =>
  `select * from schedule where workflow_id = ? order by id ${dialect.forUpdate}`;

/** To be asked before the workflow's row is locked: masters lock schedules first. */
export function* lockSchedulesOf(c: WriteContext, workflowId: number): Sql<void> {
  if (c.db.dialect.forUpdate !== '') yield* c.db.all(OF_WORKFLOW_ALONE, workflowId);
}

const ONLINE_OF_WORKFLOW = `${SCHEDULE_SELECT} where s.workflow_id = ? and s.online = 1 order by s.name limit 1`;
const REMEMBER_OF_WORKFLOW = (dialect: Dialect): string => `${REMEMBER(dialect)} where s.workflow_id = ?`;
const DELETE_OF_WORKFLOW = `delete from schedule where workflow_id = ?`;

/** PRECONDITION while one is online. */
export function* deleteSchedulesOf(c: WriteContext, workflowId: number): Sql<void> {
  const online = yield* c.db.get(ONLINE_OF_WORKFLOW, workflowId);
  if (online) {
    const { name, project, workflow } = toScheduleRow(online);
    throw new StoreError(
      'PRECONDITION',
      `Schedule '${name}' of ${project}/${workflow} is online: take it offline first.`,
    );
  }
  yield* c.db.run(REMEMBER_OF_WORKFLOW, yield* c.now(), c.nextChange(), workflowId);
  yield* c.db.run(DELETE_OF_WORKFLOW, workflowId);
  yield* deleteDeadlinesOf(c, workflowId);
}

// ---- the block of a definition

/** What a workflow definition says of its schedule, and what the version before said. */
export interface DefinedSchedule {
  now: ScheduleSpec | null;
  before: ScheduleSpec | null;
}

/** Whether `applyDefined` has anything to do; then the schedule is to be locked before the workflow is written. */
export function isRedefined({ now, before }: DefinedSchedule): boolean {
  return JSON.stringify(now) !== JSON.stringify(before);
}

/**
 * A block that is the same as in the version before leaves the schedule as people have set it since. One that is new or another
 * replaces what it says; it sets the switch only when the schedule is new or the block's `online` has changed. Without a block
 * the schedule that came from one goes.
 */
export function* applyDefined(
  c: WriteContext,
  defined: DefinedSchedule,
  save: { workflowId: number; user: string; at: number },
): Sql<void> {
  if (!isRedefined(defined)) return;
  const { workflowId, user, at } = save;
  const found = yield* c.db.get(NAMED_ALONE, workflowId, DEFAULT_SCHEDULE);
  const { now, before } = defined;
  if (now === null) {
    if (found?.['from_definition'] === 1) yield* deleteSchedule(c, { scheduleId: found['id'] as number, user, at });
    return;
  }
  const isSwitched = now.online !== (before?.online ?? false);
  const online = !found || isSwitched ? now.online : found['online'] === 1;
  const options = found ? (JSON.parse(found['options'] as string) as ScheduleOptions) : PLAIN_OPTIONS;
  yield* writeSchedule(c, found, {
    ...timesOf(now),
    misfireMax: (found?.['misfire_max'] as number | undefined) ?? SCHEDULE_LIMITS.misfireMaxDefault,
    ...{ workflowId, name: DEFAULT_SCHEDULE, online, fromDefinition: true, user, at },
    options: { ...options, dependsOnPrevious: now.dependsOnPrevious, dependsOn: now.dependsOn },
  });
}

const PLAIN_OPTIONS: ScheduleOptions = {
  params: {},
  failurePolicy: null,
  notifyType: null,
  notifyMails: null,
  priority: null,
  workerGroup: null,
  environment: null,
  timeoutMs: null,
  dependsOnPrevious: false,
  dependsOn: [],
};

function timesOf(spec: ScheduleSpec): Omit<ScheduleTimes, 'misfireMax'> {
  const { cron, timezone, misfire, calendar, onHoliday } = spec;
  const [startAt, endAt] = [boundOf(spec.start, timezone, 'start'), boundOf(spec.end, timezone, 'end')];
  return { cron, zone: timezone, startAt, endAt, misfire, calendar, onHoliday };
}

/** The definition has been checked: whatever is written is a date or a time. */
function boundOf(text: string | null, zone: string, side: 'start' | 'end'): number | null {
  return text === null ? null : scheduleBound(text, zone, side);
}
