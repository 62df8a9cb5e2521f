/**
 * Backfills as they are asked for and looked at.
 *
 * Invariants
 * 1. What a backfill will run is settled when it is made: its dates, when they were known then, never change.
 * 2. `ended_at` is set exactly when the state is one that is never left.
 */
import type {
  BackfillDateState,
  BackfillFilter,
  BackfillOptions,
  BackfillRow,
  NewBackfill,
} from './operations-port.ts';
import type { RequestKey } from './operations-port.ts';
import { StoreError } from './port.ts';
import { madeUnderKey, rememberKey } from './request-keys.ts';
import { insertedId } from './run-rows.ts';
import type { Cell } from './rows.ts';
import type { Database, Row, Sql } from './database.ts';
import type { WriteContext } from './write-context.ts';

const OPERATION = 'backfill';
const WORKFLOW = `
  select w.project_id, p.name as project, w.name from workflow w join project p on p.id = w.project_id
  where w.id = ? and w.deleted_at is null`;
const INSERT = `
  insert into backfill (
    project_id, project, workflow_id, workflow, workflow_version, start_at, end_at, crontab, zone, mode, parallelism, date_order, dates, options,
    state, wait_reason, counts, submit_user, created_at, updated_at
  ) values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 'pending', ?, ?, ?, ?, ?) returning id`;

export function* createBackfill(
  c: WriteContext,
  request: { backfill: NewBackfill; key: RequestKey },
): Sql<{ backfill: BackfillRow; repeated: boolean }> {
  const { backfill: made, key } = request;
  const keyed = { user: made.submitUser, key, operation: OPERATION, at: made.createdAt };
  const earlier = yield* madeUnderKey(c, keyed);
  if (earlier !== null) return { backfill: yield* requireBackfill(c.db, earlier), repeated: true };
  const workflow = yield* c.db.get(WORKFLOW, made.workflowId);
  if (!workflow) throw new StoreError('NOT_FOUND', `There is no workflow ${made.workflowId}.`);
  const counts = made.dates === null ? {} : { pending: made.dates.length };
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
      made.dates === null ? null : JSON.stringify(made.dates),
      JSON.stringify(made.options),
      made.waitReason,
      JSON.stringify(counts),
      made.submitUser,
      made.createdAt,
      made.createdAt,
    ),
  );
  yield* rememberKey(c, keyed, id);
  return { backfill: yield* requireBackfill(c.db, id), repeated: false };
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

const STOP = `
  update backfill set state = 'stopped', wait_reason = null, counts = ?, updated_at = ?, ended_at = ? where id = ? and ended_at is null`;

export function* stopBackfill(c: WriteContext, request: { id: number; at: number }): Sql<BackfillRow> {
  const { id, at } = request;
  const found = yield* requireBackfill(c.db, id);
  const counts = { ...found.counts };
  const open = (counts.pending ?? 0) + (counts.running ?? 0);
  delete counts.pending;
  delete counts.running;
  if (open > 0) counts.stopped = (counts.stopped ?? 0) + open;
  if ((yield* c.db.run(STOP, JSON.stringify(counts), at, at, id)) === 0)
    throw new StoreError('CONFLICT', `Backfill ${id} has ended: ${found.state}.`);
  return yield* requireBackfill(c.db, id);
}

function toBackfill(row: Row): BackfillRow {
  const dates = row['dates'] as string | null;
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
    dates: dates === null ? null : (JSON.parse(dates) as number[]),
    options: JSON.parse(row['options'] as string) as BackfillOptions,
    state: row['state'] as BackfillRow['state'],
    waitReason: row['wait_reason'] as string | null,
    counts: JSON.parse(row['counts'] as string) as Partial<Record<BackfillDateState, number>>,
    submitUser: row['submit_user'] as string,
    createdAt: row['created_at'] as number,
    updatedAt: row['updated_at'] as number,
    endedAt: row['ended_at'] as number | null,
  };
}
