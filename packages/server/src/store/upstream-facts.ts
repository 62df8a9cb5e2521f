/** What dependent tasks ask: the latest run of a workflow in a span of logical dates, or one task of it. */
import type { UpstreamQuery } from '@pelorus/engine';
import type { Cause, RunState, TaskRunState } from '@pelorus/protocol';
import type { Dialect } from './dialect.ts';
import type { Database, Sql } from './database.ts';
import { taskNamesOf } from './task-names.ts';

/** The run that a question is about. `task` is null where the question is about the whole, or the task has no row. */
export interface UpstreamRun {
  run: number;
  state: RunState;
  task: { state: TaskRunState; cause: Cause | null } | null;
}

/** One answer per question, in their order, over one state of the database; null: no such run. */
export function upstreamRuns(db: Database, queries: UpstreamQuery[]): Sql<(UpstreamRun | null)[]> {
  return db.snapshot(answersTo(db, queries));
}

function* answersTo(db: Database, queries: UpstreamQuery[]): Sql<(UpstreamRun | null)[]> {
  const workflowIds = new Map<string, number[]>();
  const found: (UpstreamRun | null)[] = [];
  for (const query of queries) {
    const key = JSON.stringify([query.project, query.workflow]);
    let ids = workflowIds.get(key);
    if (!ids) workflowIds.set(key, (ids = yield* idsOf(db, query)));
    found.push(yield* upstreamRun(db, ids, query));
  }
  return found;
}

const IDS_OF_NAME = `
  select w.id from workflow w join project p on p.id = w.project_id where p.name = ? and w.name = ?`;

/** A deleted workflow and one made again under its name are the same to those that wait for it. */
function* idsOf(db: Database, { project, workflow }: UpstreamQuery): Sql<number[]> {
  return (yield* db.rows(IDS_OF_NAME, project, workflow)).map(([id]) => id as number);
}

/** Dry runs did nothing; nor did one that was stopped before it started, such as a discarded newcomer. */
const LATEST_RUN = (dialect: Dialect): string => `
  select id, logical_at, state, workflow_version from run ${dialect.along('run_logical')}
  where workflow_id = ? and dry_run = 0 and logical_at >= ? and logical_at < ?
    and (state <> 'stopped' or started_at is not null) and id <> ?
  order by logical_at desc, id desc limit 1`;
const TASK_RUN = `select state, cause from task_run where run_id = ? and task = ?`;

function* upstreamRun(db: Database, workflowIds: number[], query: UpstreamQuery): Sql<UpstreamRun | null> {
  let latest: { id: number; at: number; state: RunState; workflowId: number; version: number } | null = null;
  for (const workflowId of workflowIds) {
    const row = yield* db.get(LATEST_RUN, workflowId, query.from, query.to, query.except ?? 0);
    if (!row) continue;
    const [id, at] = [row['id'] as number, row['logical_at'] as number];
    if (latest && (latest.at > at || (latest.at === at && latest.id > id))) continue;
    latest = { id, at, state: row['state'] as RunState, workflowId, version: row['workflow_version'] as number };
  }
  if (!latest) return null;
  const task = query.task === null ? null : yield* taskRunNamed(db, latest, query.task);
  return { run: latest.id, state: latest.state, task };
}

function* taskRunNamed(
  db: Database,
  run: { id: number; workflowId: number; version: number },
  name: string,
): Sql<UpstreamRun['task']> {
  const index = (yield* taskNamesOf(db, run.workflowId, run.version)).indexOf.get(name);
  const row = index === undefined ? undefined : yield* db.get(TASK_RUN, run.id, index);
  if (!row) return null;
  const cause = row['cause'] as string | null;
  return { state: row['state'] as TaskRunState, cause: cause === null ? null : (JSON.parse(cause) as Cause) };
}
