/**
 * What became of each tick.
 *
 * Invariants
 * 1. A tick has one row for ever (until it is too old): whoever decides it holds its schedule's row, and inserts the tick's row together
 *    with the run that it fires. A row that is there already means that the instant has been decided: it fires nothing again.
 * 2. `run_id` is set exactly when the outcome is `fired`.
 */
import { nextTick, type Tick } from '@pelorus/engine/planning';
import type { RunId } from '@pelorus/protocol';
import type { Database, Row, Sql } from './database.ts';
import type { Dialect } from './dialect.ts';
import type { Cell } from './rows.ts';
import { loadHolidays, storedTick, timingOf, toScheduleRow } from './schedule-rows.ts';
import { SCHEDULE_LIMITS, type TickFilter, type TickReason, type TickRow } from './schedules-port.ts';
import type { WriteContext } from './write-context.ts';

const COLUMNS = {
  schedule_id: 'integer',
  nominal_at: 'integer',
  schedule: 'text',
  project_id: 'integer',
  workflow_id: 'integer',
  workflow: 'text',
  due_at: 'integer',
  decided_at: 'integer',
  schedule_version: 'integer',
  outcome: 'text',
  reason: 'text',
  detail: 'text',
  run_id: 'integer',
} as const;
/** A row to be. */
export type NewTick = Record<keyof typeof COLUMNS, Cell>;

const NAMES = Object.keys(COLUMNS).join(', ');
const INSERT = (dialect: Dialect): string =>
  `insert into tick (${NAMES}, changed) select ${NAMES}, ${dialect.change} from ${dialect.tableOf(COLUMNS)} t`;

/** None of them may be there: see `decidedAmong`. */
export function* insertTicks(c: WriteContext, ticks: readonly NewTick[]): Sql<void> {
  if (ticks.length > 0) yield* c.db.run(INSERT, c.nextChange(), JSON.stringify(ticks));
}

const DECIDED = (dialect: Dialect): string => `
  select tick.schedule_id, tick.nominal_at from ${dialect.tableOf({ s: 'integer', n: 'integer' })} t
  join tick on tick.schedule_id = t.s and tick.nominal_at = t.n`;

/** The key of a tick among others. */
export function tickKey(schedule: number, nominalAt: number): string {
  return `${schedule} ${nominalAt}`;
}

/** Which of these have rows already. */
export function* decidedAmong(
  c: WriteContext,
  ticks: readonly { schedule: number; nominalAt: number }[],
): Sql<ReadonlySet<string>> {
  if (ticks.length === 0) return new Set();
  const asked = JSON.stringify(ticks.map(({ schedule, nominalAt }) => ({ s: schedule, n: nominalAt })));
  const rows = (yield* c.db.rows(DECIDED, asked)) as [number, number][];
  return new Set(rows.map(([schedule, nominalAt]) => tickKey(schedule, nominalAt)));
}

/** What a row of a tick says besides its outcome. */
export function tickOf(
  schedule: { id: number; name: string; version: number; projectId: number; workflowId: number; workflow: string },
  at: { nominalAt: number; dueAt: number; decidedAt: number },
  outcome: { run: number | null; reason: TickReason | null; detail: string | null },
): NewTick {
  return {
    schedule_id: schedule.id,
    nominal_at: at.nominalAt,
    schedule: schedule.name,
    project_id: schedule.projectId,
    workflow_id: schedule.workflowId,
    workflow: schedule.workflow,
    due_at: at.dueAt,
    decided_at: at.decidedAt,
    schedule_version: schedule.version,
    outcome: outcome.run === null ? 'skipped' : 'fired',
    reason: outcome.reason,
    detail: outcome.detail,
    run_id: outcome.run,
  };
}

// ---- what an edit leaves undecided

/** Ticks that one edit records at most; what is due beyond them is a matter of the misfire policy no more. */
const UNDECIDED_MAX = 1000;
const WORKFLOW_NAME = `select name from workflow where id = ?`;

/** Rows for ticks that are due by now and that an edit takes out of the way. `row`: of `schedule`, locked, before the edit. */
export function* recordUndecided(c: WriteContext, row: Row, { now, why }: { now: number; why: string }): Sql<void> {
  const first = storedTick(row);
  if (first === null || first.dueAt > now) return;
  const workflow = (yield* c.db.get(WORKFLOW_NAME, row['workflow_id'] as number))?.['name'] as string;
  const schedule = { ...toScheduleRow(row), workflow };
  const timing = timingOf(schedule, yield* loadHolidays(c.db, [schedule.calendar]));
  const rows: NewTick[] = [];
  for (let tick: Tick | null = first; tick && tick.dueAt <= now && rows.length < UNDECIDED_MAX;) {
    const { dueAt } = tick;
    const reason = tick.isHoliday ? 'holiday' : 'misfire';
    for (const nominalAt of [...tick.merged, tick.nominalAt])
      rows.push(tickOf(schedule, { nominalAt, dueAt, decidedAt: now }, { run: null, reason, detail: why }));
    tick = nextTick(timing, dueAt);
  }
  const keys = rows.map((each) => ({ schedule: schedule.id, nominalAt: each.nominal_at as number }));
  const decided = yield* decidedAmong(c, keys);
  yield* insertTicks(
    c,
    rows.filter(({ nominal_at }) => !decided.has(tickKey(schedule.id, nominal_at as number))),
  );
}

// ---- reading

export function* listTicks(db: Database, filter: TickFilter): Sql<TickRow[]> {
  const conditions: string[] = [];
  const values: Cell[] = [];
  const when = (condition: string, ...bound: (Cell | undefined)[]): void => {
    if (bound.includes(undefined)) return;
    conditions.push(condition);
    values.push(...(bound as Cell[]));
  };
  when('schedule_id = ?', filter.scheduleId);
  when('workflow_id = ?', filter.workflowId);
  when('outcome = ?', filter.outcome);
  when('reason = ?', filter.reason);
  when('nominal_at >= ?', filter.nominalFrom);
  when('nominal_at <= ?', filter.nominalTo);
  when('(nominal_at, schedule_id) < (?, ?)', filter.before?.nominalAt, filter.before?.scheduleId);
  const projectIds = filter.projectIds ?? null;
  if (projectIds?.length === 1) when('project_id = ?', projectIds[0]);
  else if (projectIds !== null) when(db.dialect.isAmong('project_id'), JSON.stringify(projectIds));
  const where = conditions.length > 0 ? `where ${conditions.join(' and ')}` : '';
  const sql = `select * from tick ${where} order by nominal_at desc, schedule_id desc limit ?`;
  return (yield* db.all(sql, ...values, filter.limit)).map(toTickRow);
}

/** From a row of `tick`. */
export function toTickRow(row: Row): TickRow {
  return {
    scheduleId: row['schedule_id'] as number,
    schedule: row['schedule'] as string,
    projectId: row['project_id'] as number,
    workflowId: row['workflow_id'] as number,
    workflow: row['workflow'] as string,
    nominalAt: row['nominal_at'] as number,
    dueAt: row['due_at'] as number,
    decidedAt: row['decided_at'] as number,
    scheduleVersion: row['schedule_version'] as number,
    outcome: row['outcome'] as TickRow['outcome'],
    reason: row['reason'] as TickReason | null,
    detail: row['detail'] as string | null,
    run: row['run_id'] as RunId | null,
  };
}

// ---- forgetting

const PURGE_AT_ONCE = 5000;
const PURGE = `
  delete from tick where (schedule_id, nominal_at) in (
    select schedule_id, nominal_at from tick where nominal_at < ? and decided_at < ? limit ${PURGE_AT_ONCE})`;

const PURGE_DELETED = ['schedule', 'deadline', 'calendar'].map(
  (kind) => `delete from deleted_${kind} where deleted_at < ?`,
);

/** What was deleted is remembered as long as ticks. To be called now and then; what one call leaves, the next takes. */
export function* purgeTicks(c: WriteContext): Sql<void> {
  const before = (yield* c.now()) - SCHEDULE_LIMITS.tickRetentionMs;
  yield* c.db.run(PURGE, before, before);
  for (const purge of PURGE_DELETED) yield* c.db.run(purge, before);
}
