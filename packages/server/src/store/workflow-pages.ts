/** Pages of workflows by name, and the last runs of each for the row of bars beside it. */
import { runIdOf, type RunState } from '@pelorus/protocol/vocabulary';
import type { Dialect } from './dialect.ts';
import type { LastRun, WorkflowPageFilter } from './operations-port.ts';
import type { WorkflowRow } from './port.ts';
import type { Cell } from './rows.ts';
import type { Database, Row, Sql } from './database.ts';
import { toWorkflowRow, WORKFLOW_SELECT } from './workflow-rows.ts';

export function* pageWorkflows(db: Database, filter: WorkflowPageFilter): Sql<WorkflowRow[]> {
  const conditions = ['w.deleted_at is null', 'w.hidden = 0'];
  const values: Cell[] = [];
  const add = (condition: string, ...cells: Cell[]): void => {
    conditions.push(condition);
    values.push(...cells);
  };
  if (filter.projectIds !== undefined && filter.projectIds !== null)
    add(db.dialect.isAmong('w.project_id'), JSON.stringify(filter.projectIds));
  if (filter.project !== undefined) add('p.name = ?', filter.project);
  if (filter.contains !== undefined) add(contains(db.dialect), filter.contains.toLowerCase());
  if (filter.label !== undefined) add(db.dialect.hasMember('w.labels'), filter.label.name, filter.label.value);
  if (filter.after !== undefined) add('(p.name, w.name) > (?, ?)', filter.after.project, filter.after.name);
  const sql = `${WORKFLOW_SELECT} where ${conditions.join(' and ')} order by p.name, w.name limit ?`;
  return (yield* db.all(sql, ...values, filter.limit)).map(toWorkflowRow);
}

/** Of (text in lower case). Not `like`: % and _ mean themselves. */
export function contains(dialect: Dialect): string {
  return dialect.containsText('lower(w.name)');
}

const PAIRS = (dialect: Dialect): string =>
  `select workflow_id, state from run_count where runs > 0 and ${dialect.isAmong('workflow_id')}`;
const RUNS_OF_PAIR = (dialect: Dialect): string => `
  select id, workflow_id, state, submitted_at, started_at, ended_at from run ${dialect.along('run_workflow')}
  where workflow_id = ? and state = ? order by coalesce(started_at, 9007199254740991) desc, id desc limit ?`;

/** The first of each (workflow, state), merged: a seek for each pair, however many runs there are. */
export function* lastRuns(db: Database, request: { workflowIds: number[]; count: number }): Sql<LastRun[]> {
  const pairs = (yield* db.rows(PAIRS, JSON.stringify(request.workflowIds))) as [number, string][];
  const found: LastRun[] = [];
  for (const [workflow, state] of pairs)
    found.push(...(yield* db.all(RUNS_OF_PAIR, workflow, state, request.count)).map(toLastRun));
  found.sort((a, b) => startOf(b) - startOf(a) || b.run - a.run);
  return [...Map.groupBy(found, (run) => run.workflowId).values()].flatMap((runs) => runs.slice(0, request.count));
}

function toLastRun(row: Row): LastRun {
  return {
    run: runIdOf(row['id'] as number),
    workflowId: row['workflow_id'] as number,
    state: row['state'] as RunState,
    submittedAt: row['submitted_at'] as number,
    startedAt: row['started_at'] as number | null,
    endedAt: row['ended_at'] as number | null,
  };
}

function startOf(run: LastRun): number {
  return run.startedAt ?? Number.MAX_SAFE_INTEGER;
}
