/** What has changed since of one run. See `events-port.ts` for what it promises. */
import type { Dialect } from './dialect.ts';
import type { RunTexts } from './read-verbs.ts';
import { STORED_ATTEMPT_COLUMNS, RUN_COLUMNS, TASK_RUN_COLUMNS } from './rows.ts';
import type { Database, Sql } from './database.ts';

const RUN = (dialect: Dialect): string => `select ${dialect.jsonRows(RUN_COLUMNS, 'id')} from run where id = ?`;
const CHANGED_TASKS = `
  select task from task_run where run_id = ? and version > ? union select task from attempt where run_id = ? and version > ?`;
const TASK_RUNS = (dialect: Dialect): string => `
  select ${dialect.jsonRows(TASK_RUN_COLUMNS, 'task')} from task_run where run_id = ? and task in (${CHANGED_TASKS})`;
const ATTEMPTS = (dialect: Dialect): string => `
  select ${dialect.jsonRows(STORED_ATTEMPT_COLUMNS, 'dispatched_at, task, n')} from attempt where run_id = ? and task in (${CHANGED_TASKS})`;

export function runChanges(db: Database, request: { run: number; version: number }): Sql<RunTexts> {
  return db.snapshot(changesOf(db, request));
}

function* changesOf(db: Database, request: { run: number; version: number }): Sql<RunTexts> {
  const { run, version } = request;
  const runs = yield* db.text(RUN, run);
  if (runs === '[]') return { runs, taskRuns: '[]', attempts: '[]' };
  const values = [run, run, version, run, version];
  return { runs, taskRuns: yield* db.text(TASK_RUNS, ...values), attempts: yield* db.text(ATTEMPTS, ...values) };
}

const VERSION = `
  select max(version) as version from (
    select version from run where id = ?
    union all select version from task_run where run_id = ?
    union all select version from attempt where run_id = ?) versions`;

export function* runVersion(db: Database, run: number): Sql<number | null> {
  return (yield* db.get(VERSION, run, run, run))?.['version'] as number | null;
}
