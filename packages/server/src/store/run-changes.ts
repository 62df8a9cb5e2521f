/** What has changed since: of one run, and of all runs. See `events-port.ts` for what each promises. */
import type { Dialect } from './dialect.ts';
import type { ChangedRunsRequest } from './events-port.ts';
import type { RunTexts } from './read-verbs.ts';
import { textOf } from './run-scope.ts';
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

const VERSION = `
  select max(version) as version from (
    select version from run where id = ?
    union all select version from task_run where run_id = ?
    union all select version from attempt where run_id = ?) versions`;

export function* runVersion(db: Database, run: number): Sql<number | null> {
  return (yield* db.get(VERSION, run, run, run))?.['version'] as number | null;
}

const POSITION = (dialect: Dialect): string => `select ${dialect.lastChange} as position`;
// `changed > 0` is what makes the index usable.
const CHANGED = (dialect: Dialect): string =>
  `select id, changed from run ${dialect.along('run_changed')} where changed > 0 and changed > ? and changed <= ${dialect.lastChange}`;

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
  const wanted = projectIds === null ? '' : ` and ${db.dialect.isAmong('project_id')}`;
  const values: Cell[] = [after, ...(projectIds === null ? [] : [JSON.stringify(projectIds)]), limit];
  const found = (yield* db.rows(`${CHANGED(db.dialect)}${wanted} order by changed, id limit ?`, ...values)) as [
    id: number,
    changed: number,
  ][];
  const next = found.length < limit ? Math.max(after, yield* runsPosition(db)) : found.at(-1)![1];
  // Where several runs share a number, a page that is full must not end between them.
  if (found.length === limit) found.push(...(yield* restOf(db, request, found)));
  return {
    runs: yield* textOf(
      db,
      found.map(([id]) => id),
    ),
    positions: found.map(([, changed]) => changed),
    next,
  };
}

/** Runs that changed with the last one of a page and are not on it. */
function* restOf(
  db: Database,
  { projectIds }: ChangedRunsRequest,
  found: readonly [id: number, changed: number][],
): Sql<[id: number, changed: number][]> {
  const [id, changed] = found.at(-1)!;
  const wanted = projectIds === null ? '' : ` and ${db.dialect.isAmong('project_id')}`;
  const values: Cell[] = [changed, id, ...(projectIds === null ? [] : [JSON.stringify(projectIds)])];
  const sql = `select id, changed from run where changed > 0 and changed = ? and id > ?${wanted} order by id`;
  return (yield* db.rows(sql, ...values)) as [id: number, changed: number][];
}

export function* runsPosition(db: Database): Sql<number> {
  return (yield* db.get(POSITION))?.['position'] as number;
}
