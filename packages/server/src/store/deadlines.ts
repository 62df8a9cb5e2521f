/**
 * Deadlines: at each instant of its cron expression a deadline asks whether its workflow (or a task of it) has succeeded since the
 * instant before. One that was missed is an alert, written in the transaction that moves the deadline on: so exactly one.
 */
import type { AlertRecord } from '@pelorus/engine';
import { lastFire, nextFire, type Cron } from '@pelorus/engine/planning';
import { runIdOf, type WorkflowDefinition } from '@pelorus/protocol/vocabulary';
import { insertAlert } from './alerts-outbox.ts';
import type { Database, Row, Sql } from './database.ts';
import type { Dialect } from './dialect.ts';
import { StoreError } from './port.ts';
import type { Cell } from './rows.ts';
import { cronOf } from './schedule-rows.ts';
import { SCHEDULE_LIMITS, type DeadlineFilter, type DeadlineRow, type SaveDeadline } from './schedules-port.ts';
import { taskNamesOf } from './task-names.ts';
import type { WriteContext } from './write-context.ts';

/** Rows for `toDeadlineRow`; the deadline is `d`. */
export const DEADLINE_SELECT = `
  select d.*, p.name as project, w.name as workflow
  from deadline d join project p on p.id = d.project_id join workflow w on w.id = d.workflow_id`;

/** From a row of `DEADLINE_SELECT`. */
export function toDeadlineRow(row: Row): DeadlineRow {
  return {
    id: row['id'] as number,
    projectId: row['project_id'] as number,
    project: row['project'] as string,
    workflowId: row['workflow_id'] as number,
    workflow: row['workflow'] as string,
    name: row['name'] as string,
    task: row['task'] as string | null,
    cron: row['cron'] as string,
    zone: row['zone'] as string,
    enabled: row['enabled'] === 1,
    recipients: JSON.parse(row['recipients'] as string) as string[],
    nextCheckAt: row['next_check_at'] as number | null,
    lastCheckAt: row['last_check_at'] as number | null,
    lastMissedAt: row['last_missed_at'] as number | null,
    updatedAt: row['updated_at'] as number,
    updatedBy: row['updated_by'] as string,
  };
}

// ---- as people make them

const WORKFLOW_KEPT = (dialect: Dialect): string =>
  `select project_id, name from workflow where id = ? and deleted_at is null ${dialect.forKeyShare}`;
const COUNT = `select count(*) as deadlines from deadline where workflow_id = ? and name <> ?`;
const UPSERT = (dialect: Dialect): string => `
  insert into deadline (project_id, workflow_id, name, task, cron, zone, enabled, recipients, next_check_at, updated_at, updated_by, changed)
  values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ${dialect.change})
  on conflict (workflow_id, name) do update set task = excluded.task, cron = excluded.cron, zone = excluded.zone,
    enabled = excluded.enabled, recipients = excluded.recipients, next_check_at = excluded.next_check_at, last_check_at = null,
    updated_at = excluded.updated_at, updated_by = excluded.updated_by, changed = excluded.changed
  returning id`;

export function* saveDeadline(c: WriteContext, save: SaveDeadline): Sql<DeadlineRow> {
  const { workflowId, name, task, cron, zone, enabled, recipients, user, at } = save;
  const workflow = yield* c.db.get(WORKFLOW_KEPT, workflowId);
  if (!workflow) throw new StoreError('NOT_FOUND', `There is no workflow ${workflowId}.`);
  const others = (yield* c.db.get(COUNT, workflowId, name))?.['deadlines'] as number;
  if (others >= SCHEDULE_LIMITS.deadlinesPerWorkflow)
    throw new StoreError(
      'CONFLICT',
      `Workflow '${workflow['name'] as string}' has ${others} deadlines; more do not fit.`,
    );
  const next = enabled ? fireAfter(cronOf(cron), zone, yield* c.now()) : null;
  const text = JSON.stringify(recipients);
  const cells = [workflowId, name, task, cron, zone, Number(enabled), text, next, at, user, c.nextChange()];
  const id = (yield* c.db.get(UPSERT, workflow['project_id'] as number, ...cells))!['id'] as number;
  return (yield* deadlineOfId(c.db, id))!;
}

/** INVARIANT for a zone that there is not: whoever saves it has checked it. */
function fireAfter(cron: Cron, zone: string, after: number): number | null {
  try {
    return nextFire(cron, zone, after);
  } catch (cause) {
    if (!(cause instanceof RangeError)) throw cause;
    throw new StoreError('INVARIANT', `There is no time zone '${zone}'.`, { cause });
  }
}

const BY_ID = `${DEADLINE_SELECT} where d.id = ?`;
const BY_NAME = `${DEADLINE_SELECT} where d.workflow_id = ? and d.name = ?`;

function* deadlineOfId(db: Database, id: number): Sql<DeadlineRow | null> {
  const row = yield* db.get(BY_ID, id);
  return row ? toDeadlineRow(row) : null;
}

export function* getDeadline(db: Database, key: { workflowId: number; name: string }): Sql<DeadlineRow | null> {
  const row = yield* db.get(BY_NAME, key.workflowId, key.name);
  return row ? toDeadlineRow(row) : null;
}

export function* listDeadlines(db: Database, filter: DeadlineFilter): Sql<DeadlineRow[]> {
  const conditions = ['d.id > ?'];
  const values: Cell[] = [filter.after ?? 0];
  const when = (condition: string, value: Cell | undefined): void => {
    if (value === undefined) return;
    conditions.push(condition);
    values.push(value);
  };
  when('d.workflow_id = ?', filter.workflowId);
  when('w.name = ?', filter.workflow);
  when('d.enabled = ?', filter.enabled === undefined ? undefined : Number(filter.enabled));
  const projectIds = filter.projectIds ?? null;
  if (projectIds !== null) when(db.dialect.isAmong('d.project_id'), JSON.stringify(projectIds));
  const sql = `${DEADLINE_SELECT} where ${conditions.join(' and ')} order by d.id limit ?`;
  return (yield* db.all(sql, ...values, filter.limit)).map(toDeadlineRow);
}

const DELETE = `delete from deadline where id = ?`;
/** As `deleted_schedule` remembers schedules; somebody else may be deleting the same. */
const REMEMBER = (dialect: Dialect): string => `
  insert into deleted_deadline (deadline_id, project_id, workflow, name, deleted_at, changed)
  select d.id, d.project_id, w.name, d.name, cast(? as bigint), ${dialect.change} from deadline d join workflow w on w.id = d.workflow_id`;
const REMEMBER_ONE = (dialect: Dialect): string => `${REMEMBER(dialect)} where d.id = ? on conflict do nothing`;

export function* deleteDeadline(c: WriteContext, id: number): Sql<DeadlineRow> {
  const found = yield* deadlineOfId(c.db, id);
  yield* c.db.run(REMEMBER_ONE, yield* c.now(), c.nextChange(), id);
  if (!found || (yield* c.db.run(DELETE, id)) === 0) throw new StoreError('NOT_FOUND', `There is no deadline ${id}.`);
  return found;
}

const REMEMBER_OF_WORKFLOW = (dialect: Dialect): string =>
  `${REMEMBER(dialect)} where d.workflow_id = ? on conflict do nothing`;
const DELETE_OF_WORKFLOW = `delete from deadline where workflow_id = ?`;

/** With their workflow. */
export function* deleteDeadlinesOf(c: WriteContext, workflowId: number): Sql<void> {
  yield* c.db.run(REMEMBER_OF_WORKFLOW, yield* c.now(), c.nextChange(), workflowId);
  yield* c.db.run(DELETE_OF_WORKFLOW, workflowId);
}

// ---- looking at those that are due

const DUE = (dialect: Dialect): string =>
  `${DEADLINE_SELECT} where d.next_check_at <= ? order by d.next_check_at, d.id limit ? ${dialect.skipLocked('d')}`;
/** Instants of one deadline at one look, after a long time without any master. */
const CHECKS_AT_ONCE = 10;
const MOVE_ON = (dialect: Dialect): string => `
  update deadline set last_check_at = ?, next_check_at = ?, last_missed_at = coalesce(?, last_missed_at), changed = ${dialect.change}
  where id = ?`;

/** Answers with how many were looked at, and how many instants were missed. */
export function* checkDeadlines(
  c: WriteContext,
  { now, limit }: { now: number; limit: number },
): Sql<{ checked: number; missed: number }> {
  const rows = yield* c.db.all(DUE, now, limit);
  let missed = 0;
  for (const row of rows) missed += yield* checkDeadline(c, toDeadlineRow(row), now);
  return { checked: rows.length, missed };
}

function* checkDeadline(c: WriteContext, deadline: DeadlineRow, now: number): Sql<number> {
  const cron = cronOf(deadline.cron);
  let next = deadline.nextCheckAt;
  let before = deadline.lastCheckAt ?? lastFire(cron, deadline.zone, next! - 1000) ?? 0;
  let [missed, missedAt] = [0, null as number | null];
  for (let checks = 0; next !== null && next <= now && checks < CHECKS_AT_ONCE; checks++) {
    if (!(yield* hasSucceeded(c.db, deadline, { after: before, by: next }))) {
      missed++;
      missedAt = next;
      yield* tellMissed(c, deadline, { after: before, by: next, now });
    }
    before = next;
    next = nextFire(cron, deadline.zone, next);
  }
  yield* c.db.run(MOVE_ON, before, next, missedAt, c.nextChange(), deadline.id);
  return missed;
}

/** After one instant, and at or before another; epoch ms. */
interface Span {
  after: number;
  by: number;
}

/** Of the cycle: submitted in it, or with a logical date in it. What started before it cannot be of it. */
const RUNS_OF_CYCLE = `
  workflow_id = ? and coalesce(started_at, 9007199254740991) > ? and (submitted_at > ? or logical_at > ?) and dry_run = 0`;
const SUCCEEDED = `select 1 from run where ${RUNS_OF_CYCLE} and state = 'succeeded' and ended_at <= ? limit 1`;
/** Runs that are looked through for a task, newest first. */
const RUNS_MAX = 1000;
const CANDIDATES = `
  select id, workflow_version from run where ${RUNS_OF_CYCLE} and started_at <= ? order by id desc limit ${RUNS_MAX}`;
const TASK_SUCCEEDED = `
  select 1 from task_run where run_id = ? and task = ? and state in ('succeeded', 'forced_success', 'reused')
    and (ended_at is null or ended_at <= ?)`;

function* hasSucceeded(db: Database, { workflowId, task }: DeadlineRow, { after, by }: Span): Sql<boolean> {
  if (task === null) return (yield* db.get(SUCCEEDED, workflowId, after, after, after, by)) !== undefined;
  for (const row of yield* db.all(CANDIDATES, workflowId, after, after, after, by)) {
    const { indexOf } = yield* taskNamesOf(db, workflowId, row['workflow_version'] as number);
    const index = indexOf.get(task);
    if (index !== undefined && (yield* db.get(TASK_SUCCEEDED, row['id'] as number, index, by))) return true;
  }
  return false;
}

const LATEST = `
  select v.version, v.definition from workflow w join workflow_version v on v.workflow_id = w.id and v.version = w.version
  where w.id = ?`;

function* tellMissed(c: WriteContext, deadline: DeadlineRow, { after, by, now }: Span & { now: number }): Sql<void> {
  const latest = yield* c.db.get(LATEST, deadline.workflowId);
  const { notify } = JSON.parse((latest?.['definition'] as string | undefined) ?? NO_DEFINITION) as Pick<
    WorkflowDefinition,
    'notify'
  >;
  const { project, workflow, name, task } = deadline;
  const alert: AlertRecord = {
    ...aboutNoRun({ project, workflow, workflowVersion: (latest?.['version'] as number | undefined) ?? 0 }),
    id: `deadline.${deadline.id}.${by}`,
    event: 'deadline-missed',
    task,
    at: now,
    recipients: deadline.recipients.length > 0 ? deadline.recipients : notify.to,
    submitUser: deadline.updatedBy,
    logicalDateAt: by,
    about: { kind: 'deadline', name, since: after, by, zone: deadline.zone },
  };
  yield* insertAlert(c, alertRowOf(alert, deadline.projectId));
}

const NO_DEFINITION = '{"notify":{"on":"none","to":[]}}';

/** What alerts have to say of a run, where there is none. */
export function aboutNoRun(of: {
  project: string;
  workflow: string;
  workflowVersion: number;
}): Pick<
  AlertRecord,
  | 'run'
  | 'project'
  | 'workflow'
  | 'workflowVersion'
  | 'execType'
  | 'state'
  | 'cause'
  | 'firstFailure'
  | 'startedAt'
  | 'endedAt'
  | 'timeoutMs'
> {
  const nothing = { cause: null, firstFailure: null, startedAt: null, endedAt: null, timeoutMs: null };
  return { run: runIdOf(0), ...of, execType: 'SCHEDULER', state: 'failed', ...nothing };
}

export function alertRowOf(alert: AlertRecord, projectId: number): Parameters<typeof insertAlert>[1] {
  const { id, run, at } = alert;
  return { id, run, at, projectId, recipients: [...new Set(alert.recipients)], content: JSON.stringify(alert) };
}
