/** What all ways to list runs begin and end with: names to workflow ids, how many runs each (workflow, state) pair has, and the rows of a page. */
import type { Database, Sql } from './database.ts';
import type { Dialect } from './dialect.ts';
import type { RunFilter } from './port.ts';
import { RUN_COLUMNS } from './rows.ts';
import { contains } from './workflow-pages.ts';

export interface ListRequest {
  filter: RunFilter;
  from: number;
  size: number;
  /** False: the total is not asked for, and no run is counted that is not looked at anyway. */
  counted?: boolean;
}

export interface Pair {
  workflowId: number;
  state: string;
  runs: number;
}

/** Ids of the workflows, deleted ones as well, that the filter's names and projects allow; null when it has neither. Workflows are never renamed. */
export function* resolveWorkflows(db: Database, filter: RunFilter): Sql<number[] | null> {
  const conditions: string[] = [];
  const values: (string | null)[] = [];
  const exact = (column: string, name: string | undefined) => {
    if (name === undefined) return;
    conditions.push(`${column} = ?`);
    values.push(name);
  };
  const prefixed = (column: string, prefixes: string[] | undefined) => {
    if (prefixes === undefined) return;
    conditions.push(db.dialect.beginsWithAny(column));
    values.push(JSON.stringify(prefixes));
  };
  exact('p.name', filter.project);
  exact('w.name', filter.workflow);
  prefixed('p.name', filter.projectPrefixes);
  prefixed('w.name', filter.workflowPrefixes);
  if (filter.projectIds !== undefined && filter.projectIds !== null) {
    conditions.push(db.dialect.isAmong('w.project_id'));
    values.push(JSON.stringify(filter.projectIds));
  }
  if (filter.workflowGlob !== undefined) {
    conditions.push(db.dialect.matchesGlob('w.name'));
    values.push(db.dialect.globPattern(filter.workflowGlob));
  }
  if (filter.workflowContains !== undefined) {
    conditions.push(contains(db.dialect));
    values.push(filter.workflowContains.toLowerCase());
  }
  if (filter.label !== undefined) {
    conditions.push(db.dialect.hasMember('w.labels'));
    values.push(filter.label.name, filter.label.value);
  }
  if (conditions.length === 0) return null;
  const sql = `select w.id from workflow w join project p on p.id = w.project_id where ${conditions.join(' and ')}`;
  return (yield* db.rows(sql, ...values)).map((row) => row[0] as number);
}

/** As `run_count` keeps it, exactly; null: any. Pairs without runs are left out. */
export function* countPairs(db: Database, workflowIds: number[] | null, states: readonly string[] | null): Sql<Pair[]> {
  const conditions = ['runs > 0'];
  const values: string[] = [];
  for (const [column, list] of [
    ['workflow_id', workflowIds],
    ['state', states],
  ] as const) {
    if (list === null) continue;
    conditions.push(column === 'state' ? db.dialect.isIn(column) : db.dialect.isAmong(column));
    values.push(JSON.stringify(list));
  }
  return (yield* db.all(
    `select workflow_id, state, runs from run_count where ${conditions.join(' and ')}`,
    ...values,
  )).map((row) => ({
    workflowId: row['workflow_id'] as number,
    state: row['state'] as string,
    runs: row['runs'] as number,
  }));
}

const RUN_IN_LIST = (dialect: Dialect): string => `select ${dialect.jsonRow(RUN_COLUMNS)} from run where id = ?`;

/** JSON text of the rows of runs, in the order of their ids here. */
export function* textOf(db: Database, ids: readonly number[]): Sql<string> {
  const rows: string[] = [];
  for (const id of ids) rows.push(yield* db.text(RUN_IN_LIST, id));
  return `[${rows.join(',')}]`;
}
