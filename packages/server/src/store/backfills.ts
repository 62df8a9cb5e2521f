/**
 * Backfills as they are asked for, looked at and steered; what drives them is in `backfill-driver.ts`.
 *
 * Invariants
 * 1. What a backfill will run is settled when it is made: its dates never change, and each is a row from the start.
 * 2. `ended_at` is set exactly when the state is one that is left by a retry only.
 */
import type { RunId, WorkflowDefinition } from '@pelorus/protocol';
import { beginDates, DATES_BEGUN_AT_ONCE, holdBackfill, saveTally, stopDates, stopRuns } from './backfill-driver.ts';
import type { HeldBackfill } from './backfill-driver.ts';
import type { Database, Row, Sql } from './database.ts';
import type { Dialect } from './dialect.ts';
import type {
  BackfillDateFilter,
  BackfillDateRow,
  BackfillDateState,
  BackfillDependent,
  BackfillFilter,
  BackfillOptions,
  BackfillRetry,
  BackfillRow,
  NewBackfill,
  WorkflowUpstreams,
} from './operations-port.ts';
import type { RequestKey } from './operations-port.ts';
import { StoreError } from './port.ts';
import type { ScheduleOptions } from './schedules-port.ts';
import { madeUnderKey, rememberKey } from './request-keys.ts';
import { insertedId } from './run-rows.ts';
import type { Cell } from './rows.ts';
import type { WriteContext } from './write-context.ts';
import { ensureTimeline } from './timelines.ts';

const OPERATION = 'backfill';
const WORKFLOW = `
  select w.project_id, p.name as project, w.name from workflow w join project p on p.id = w.project_id
  where w.id = ? and w.deleted_at is null`;
const INSERT = `
  insert into backfill (
    project_id, project, workflow_id, workflow, workflow_version, start_at, end_at, crontab, zone, mode, parallelism, date_order,
    continue_after_failure, dependents, options, state, counts, date_count, pending_dates, at_once, submit_user, created_at, updated_at
  ) values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 'pending', ?, ?, ?, ?, ?, ?, ?) returning id`;
const INSERT_DATES = (dialect: Dialect): string => `
  insert into backfill_date (backfill_id, position, logical_at, state)
  select cast(? as bigint), d.key, d.value, 'pending' from ${dialect.numbersOf('?', 'd')}`;
const RUNS = `select run_id from backfill_run where backfill_id = ? order by run_id limit ?`;

export interface CreatedBackfill {
  backfill: BackfillRow;
  repeated: boolean;
  runs: RunId[];
}

export function* createBackfill(
  c: WriteContext,
  request: { backfill: NewBackfill; key: RequestKey },
): Sql<CreatedBackfill> {
  const { backfill: made, key } = request;
  const keyed = { user: made.submitUser, key, operation: OPERATION, at: made.createdAt };
  const earlier = yield* madeUnderKey(c, keyed);
  if (earlier !== null) return yield* created(c.db, earlier, true);
  const workflow = yield* c.db.get(WORKFLOW, made.workflowId);
  if (!workflow) throw new StoreError('NOT_FOUND', `There is no workflow ${made.workflowId}.`);
  const { dates } = made;
  const id = insertedId(
    yield* c.db.get(
      INSERT,
      workflow['project_id'] as number,
      workflow['project'] as string,
      made.workflowId,
      workflow['name'] as string,
      made.workflowVersion,
      made.startAt,
      made.endAt,
      made.crontab,
      made.zone,
      made.mode,
      made.parallelism,
      made.order,
      made.continueAfterFailure ? 1 : 0,
      JSON.stringify(made.dependents),
      JSON.stringify(made.options),
      JSON.stringify({ pending: dates.length }),
      dates.length,
      dates.length,
      made.parallelism,
      made.submitUser,
      made.createdAt,
      made.createdAt,
    ),
  );
  yield* c.db.run(INSERT_DATES, id, JSON.stringify(dates));
  yield* rememberKey(c, keyed, id);
  yield* drive(c, (yield* holdBackfill(c, id))!, made.createdAt);
  return yield* created(c.db, id, false);
}

function* created(db: Database, id: number, repeated: boolean): Sql<CreatedBackfill> {
  const runs = (yield* db.rows(RUNS, id, DATES_BEGUN_AT_ONCE)).map(([run]) => run as RunId);
  return { backfill: yield* requireBackfill(db, id), repeated, runs };
}

function* drive(c: WriteContext, held: HeldBackfill, at: number): Sql<BackfillRow> {
  yield* ensureTimeline(c);
  yield* beginDates(c, held, { at, limit: DATES_BEGUN_AT_ONCE });
  yield* saveTally(c, held, at);
  return yield* requireBackfill(c.db, held.id);
}

const BY_ID = `select * from backfill where id = ?`;

export function* getBackfill(db: Database, id: number): Sql<BackfillRow | null> {
  const row = yield* db.get(BY_ID, id);
  return row ? toBackfill(row) : null;
}

function* requireBackfill(db: Database, id: number): Sql<BackfillRow> {
  const found = yield* getBackfill(db, id);
  if (found === null) throw new StoreError('NOT_FOUND', `There is no backfill ${id}.`);
  return found;
}

export function* listBackfills(db: Database, filter: BackfillFilter): Sql<BackfillRow[]> {
  const conditions = ['id < ?'];
  const values: Cell[] = [filter.before ?? Number.MAX_SAFE_INTEGER];
  for (const [column, list] of [
    ['project_id', filter.projectIds ?? undefined],
    ['workflow_id', filter.workflowIds],
  ] as const) {
    if (list === undefined) continue;
    conditions.push(db.dialect.isAmong(column));
    values.push(JSON.stringify(list));
  }
  if (filter.state !== undefined) {
    conditions.push('state = ?');
    values.push(filter.state);
  }
  const sql = `select * from backfill where ${conditions.join(' and ')} order by id desc limit ?`;
  return (yield* db.all(sql, ...values, filter.limit)).map(toBackfill);
}

const DATES = (state: string): string => `
  select position, logical_at, state, run_id, runs, step, reason, begun_at, ended_at from backfill_date
  where backfill_id = ? and position > ? ${state} order by position limit ?`;
const ALL_DATES = DATES('');
const DATES_IN_STATE = DATES('and state = ?');

export function* listBackfillDates(
  db: Database,
  { id, filter }: { id: number; filter: BackfillDateFilter },
): Sql<BackfillDateRow[]> {
  const { after = -1, state, limit } = filter;
  const rows =
    state === undefined
      ? yield* db.all(ALL_DATES, id, after, limit)
      : yield* db.all(DATES_IN_STATE, id, after, state, limit);
  return rows.map((row) => ({
    position: row['position'] as number,
    logicalAt: row['logical_at'] as number,
    state: row['state'] as BackfillDateState,
    run: row['run_id'] as RunId | null,
    runs: row['runs'] as number,
    step: row['step'] as number,
    reason: row['reason'] as string | null,
    begunAt: row['begun_at'] as number | null,
    endedAt: row['ended_at'] as number | null,
  }));
}

// ---- steering

function* hold(c: WriteContext, id: number): Sql<HeldBackfill> {
  const held = yield* holdBackfill(c, id);
  if (held === null) throw new StoreError('NOT_FOUND', `There is no backfill ${id}.`);
  return held;
}

function* holdOpen(c: WriteContext, id: number): Sql<HeldBackfill> {
  const held = yield* hold(c, id);
  if (held.endedAt !== null) throw new StoreError('CONFLICT', `Backfill ${id} has ended: ${held.state}.`);
  return held;
}

function refuseStopping({ id, stopping }: HeldBackfill): void {
  if (stopping) throw new StoreError('CONFLICT', `Backfill ${id} is being stopped.`);
}

export function* stopBackfill(
  c: WriteContext,
  request: { id: number; runs: boolean; user: string; at: number },
): Sql<BackfillRow> {
  const { id, runs, user, at } = request;
  const held = yield* holdOpen(c, id);
  yield* stopDates(c, held, at);
  if (runs) yield* stopRuns(c, held, { user, at });
  yield* saveTally(c, held, at);
  return yield* requireBackfill(c.db, id);
}

export function* pauseBackfill(c: WriteContext, { id, at }: { id: number; at: number }): Sql<BackfillRow> {
  const held = yield* holdOpen(c, id);
  refuseStopping(held);
  if (held.state !== 'paused') {
    held.state = 'paused';
    yield* saveTally(c, held, at);
  }
  return yield* requireBackfill(c.db, id);
}

export function* resumeBackfill(c: WriteContext, { id, at }: { id: number; at: number }): Sql<BackfillRow> {
  const held = yield* holdOpen(c, id);
  refuseStopping(held);
  if (held.state !== 'paused') return yield* requireBackfill(c.db, id);
  held.state = 'running';
  return yield* drive(c, held, at);
}

const REOPEN = (dialect: Dialect): string => `
  update backfill_date set state = 'pending', run_id = null, reason = null, ended_at = null
  where backfill_id = ? and ${dialect.isIn('state')}`;
const RETRIED: Record<BackfillRetry, BackfillDateState[]> = {
  failed: ['failed'],
  stopped: ['stopped'],
  all: ['failed', 'stopped', 'skipped'],
};

export function* retryBackfill(
  c: WriteContext,
  request: { id: number; dates: BackfillRetry; continueAfterFailure?: boolean; at: number },
): Sql<BackfillRow> {
  const { id, dates, continueAfterFailure, at } = request;
  const held = yield* hold(c, id);
  if (held.endedAt === null) refuseStopping(held);
  const states = RETRIED[dates];
  const again = states.reduce((sum, state) => sum + held.counts[state], 0);
  if (again === 0) throw new StoreError('CONFLICT', `Backfill ${id} has no date to begin again: ${dates}.`);
  if (!(yield* c.db.get(WORKFLOW, held.row['workflow_id'] as number)))
    throw new StoreError('CONFLICT', `The workflow of backfill ${id} was deleted.`);
  yield* c.db.run(REOPEN, id, JSON.stringify(states));
  for (const state of states) held.counts[state] = 0;
  held.counts.pending += again;
  held.endedAt = null;
  held.stopping = false;
  held.haltedAt = null;
  held.state = 'running';
  if (continueAfterFailure !== undefined) held.continueAfterFailure = continueAfterFailure;
  return yield* drive(c, held, at);
}

// ---- who depends on whom

const NAMING_OTHERS = `
  select w.id, w.project_id, p.name as project, w.name, v.definition
  from workflow w join project p on p.id = w.project_id join workflow_version v on v.workflow_id = w.id and v.version = w.version
  where w.id > ? and w.deleted_at is null and w.hidden = 0
    and (v.definition like '%"type":"dependent"%' or v.definition like '%"dependsOn":["%'
      or exists (select 1 from schedule s where s.workflow_id = w.id and s.options like '%"dependsOn":["%'))
  order by w.id limit ?`;
const SCHEDULES_OF = (dialect: Dialect): string => `
  select workflow_id, options from schedule where ${dialect.isAmong('workflow_id')} and options like '%"dependsOn":["%'`;

export function* listUpstreams(
  db: Database,
  { after, limit }: { after: number; limit: number },
): Sql<WorkflowUpstreams[]> {
  const rows = yield* db.all(NAMING_OTHERS, after, limit);
  const ids = rows.map((row) => row['id'] as number);
  const scheduled = Map.groupBy(
    yield* db.all(SCHEDULES_OF, JSON.stringify(ids)),
    (row) => row['workflow_id'] as number,
  );
  return rows.map((row) => {
    const project = row['project'] as string;
    const definition = JSON.parse(row['definition'] as string) as WorkflowDefinition;
    const schedules = scheduled.get(row['id'] as number) ?? [];
    const named = schedules.flatMap(({ options }) => (JSON.parse(options as string) as ScheduleOptions).dependsOn);
    return {
      workflowId: row['id'] as number,
      projectId: row['project_id'] as number,
      project,
      workflow: row['name'] as string,
      upstreams: [...new Set([...upstreamsIn(definition), ...named])].map((name) => placed(name, project)),
    };
  });
}

function upstreamsIn({ tasks, schedule }: WorkflowDefinition): string[] {
  const named = tasks.flatMap(({ action }) => (action.type === 'dependent' ? namesIn(action.upstream) : []));
  return [...named, ...(schedule?.dependsOn ?? [])];
}

type Upstream = Extract<WorkflowDefinition['tasks'][number]['action'], { type: 'dependent' }>['upstream'];

function namesIn(condition: Upstream): string[] {
  if ('and' in condition) return condition.and.flatMap(namesIn);
  return 'or' in condition ? condition.or.flatMap(namesIn) : [condition.workflow];
}

/** `project/workflow`, or the name alone of one in the same project. */
function placed(name: string, project: string): { project: string; workflow: string } {
  const slash = name.indexOf('/');
  return slash < 0 ? { project, workflow: name } : { project: name.slice(0, slash), workflow: name.slice(slash + 1) };
}

/** From a row of `backfill`. */
export function toBackfill(row: Row): BackfillRow {
  return {
    id: row['id'] as number,
    projectId: row['project_id'] as number,
    project: row['project'] as string,
    workflowId: row['workflow_id'] as number,
    workflow: row['workflow'] as string,
    workflowVersion: row['workflow_version'] as number | null,
    startAt: row['start_at'] as number,
    endAt: row['end_at'] as number,
    crontab: row['crontab'] as string | null,
    zone: row['zone'] as string,
    mode: row['mode'] as BackfillRow['mode'],
    parallelism: row['parallelism'] as number,
    order: row['date_order'] as BackfillRow['order'],
    continueAfterFailure: row['continue_after_failure'] === 1,
    dependents: JSON.parse(row['dependents'] as string) as BackfillDependent[],
    options: JSON.parse(row['options'] as string) as BackfillOptions,
    state: row['state'] as BackfillRow['state'],
    waitReason: row['wait_reason'] as string | null,
    counts: JSON.parse(row['counts'] as string) as Partial<Record<BackfillDateState, number>>,
    dateCount: row['date_count'] as number,
    submitUser: row['submit_user'] as string,
    createdAt: row['created_at'] as number,
    updatedAt: row['updated_at'] as number,
    endedAt: row['ended_at'] as number | null,
  };
}
