/** What has changed since: of one run, and of all runs. See `events-port.ts` for what each promises. */
import type { Dialect } from './dialect.ts';
import type { ChangedRunsRequest } from './events-port.ts';
import type { RunTexts } from './read-verbs.ts';
import { textOf } from './list-runs.ts';
import { ATTEMPT_COLUMNS, RUN_COLUMNS, TASK_RUN_COLUMNS } from './rows.ts';
import type { Cell } from './rows.ts';
import type { Database, Sql } from './database.ts';

const RUN = (dialect: Dialect): string => `select ${dialect.jsonRows(RUN_COLUMNS, 'id')} from run where id = ?`;
const CHANGED_TASKS = `
  select task from task_run where run_id = ? and version > ? union select task from attempt where run_id = ? and version > ?`;
const TASK_RUNS = (dialect: Dialect): string => `
  select ${dialect.jsonRows(TASK_RUN_COLUMNS, 'task')} from task_run where run_id = ? and task in (${CHANGED_TASKS})`;
const ATTEMPTS = (dialect: Dialect): string => `
  select ${dialect.jsonRows(ATTEMPT_COLUMNS, 'dispatched_at, task, n')} from attempt where run_id = ? and task in (${CHANGED_TASKS})`;

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

const POSITION = `select coalesce(max(changed), 0) as position from run where changed > 0`;
// `changed > 0` is what makes the index usable.
const CHANGED = (dialect: Dialect): string =>
  `select id, changed from run ${dialect.along('run_changed')} where changed > 0 and changed > ?`;

/** `runs`: JSON text of the rows; `positions`: beside each its change. */
export interface ChangedRunTexts {
  runs: string;
  positions: number[];
  next: number;
}

export function changedRuns(db: Database, request: ChangedRunsRequest): Sql<ChangedRunTexts> {
  return db.snapshot(changedSince(db, request));
}

function* changedSince(db: Database, request: ChangedRunsRequest): Sql<ChangedRunTexts> {
  const { after, limit, projectIds } = request;
  const wanted = projectIds === null ? '' : ` and ${db.dialect.isIn('project_id')}`;
  const values: Cell[] = [after, ...(projectIds === null ? [] : [JSON.stringify(projectIds)]), limit];
  const found = (yield* db.rows(`${CHANGED(db.dialect)}${wanted} order by changed limit ?`, ...values)) as [
    id: number,
    changed: number,
  ][];
  const next = found.length < limit ? Math.max(after, yield* runsPosition(db)) : found.at(-1)![1];
  return {
    runs: yield* textOf(
      db,
      found.map(([id]) => id),
    ),
    positions: found.map(([, changed]) => changed),
    next,
  };
}

export function* runsPosition(db: Database): Sql<number> {
  return (yield* db.get(POSITION))?.['position'] as number;
}
