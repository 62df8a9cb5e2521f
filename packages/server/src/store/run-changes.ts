/** What has changed since: of one run, and of all runs. See `events-port.ts` for what each promises. */
import { SQLITE as dialect } from './dialect.ts';
import type { ChangedRunsRequest } from './events-port.ts';
import type { RunTexts } from './read-verbs.ts';
import { ATTEMPT_COLUMNS, RUN_COLUMNS, TASK_RUN_COLUMNS } from './rows.ts';
import type { Cell } from './rows.ts';
import type { SqliteDatabase } from './sqlite-database.ts';

const RUN = `select ${dialect.jsonRows(RUN_COLUMNS, 'id')} from run where id = ?`;
const CHANGED_TASKS = `
  select task from task_run where run_id = ? and version > ? union select task from attempt where run_id = ? and version > ?`;
const TASK_RUNS = `
  select ${dialect.jsonRows(TASK_RUN_COLUMNS, 'task')} from task_run where run_id = ? and task in (${CHANGED_TASKS})`;
const ATTEMPTS = `
  select ${dialect.jsonRows(ATTEMPT_COLUMNS, 'dispatched_at, task, n')} from attempt where run_id = ? and task in (${CHANGED_TASKS})`;

export function runChanges(db: SqliteDatabase, request: { run: number; version: number }): RunTexts {
  const { run, version } = request;
  db.run('begin');
  try {
    const runs = db.text(RUN, run);
    if (runs === '[]') return { runs, taskRuns: '[]', attempts: '[]' };
    const values = [run, run, version, run, version];
    return { runs, taskRuns: db.text(TASK_RUNS, ...values), attempts: db.text(ATTEMPTS, ...values) };
  } finally {
    db.run('commit');
  }
}

const VERSION = `
  select max(version) as version from (
    select version from run where id = ?
    union all select version from task_run where run_id = ?
    union all select version from attempt where run_id = ?)`;

export function runVersion(db: SqliteDatabase, run: number): number | null {
  return db.get(VERSION, run, run, run)?.['version'] as number | null;
}

const POSITION = `select coalesce(max(changed), 0) as position from run where changed > 0`;
// `changed > 0` is what makes the index usable.
const CHANGED = `select id, changed from run ${dialect.along('run_changed')} where changed > 0 and changed > ?`;
const ROW = `select ${dialect.jsonRow(RUN_COLUMNS)} from run where id = ?`;

/** `runs`: JSON text of the rows; `positions`: beside each its change. */
export interface ChangedRunTexts {
  runs: string;
  positions: number[];
  next: number;
}

export function changedRuns(db: SqliteDatabase, request: ChangedRunsRequest): ChangedRunTexts {
  const { after, limit, projectIds } = request;
  db.run('begin');
  try {
    const wanted = projectIds === null ? '' : ` and ${dialect.isIn('project_id')}`;
    const values: Cell[] = [after, ...(projectIds === null ? [] : [JSON.stringify(projectIds)]), limit];
    const found = db.rows(`${CHANGED}${wanted} order by changed limit ?`, ...values) as [id: number, changed: number][];
    const next = found.length < limit ? Math.max(after, runsPosition(db)) : found.at(-1)![1];
    return {
      runs: `[${found.map(([id]) => db.text(ROW, id)).join(',')}]`,
      positions: found.map(([, changed]) => changed),
      next,
    };
  } finally {
    db.run('commit');
  }
}

export function runsPosition(db: SqliteDatabase): number {
  return db.get(POSITION)?.['position'] as number;
}
