/** How long each task of a workflow usually takes: the median over its last runs. */
import type { Dialect } from './dialect.ts';
import type { Database, Sql } from './database.ts';
import { taskNamesOf } from './task-names.ts';

/**
 * Attempts looked at for one answer. A workflow with more tasks than this is judged by its last run alone.
 * Measured at 10,000 tasks: 1 µs an attempt, and 60 ms to read the names of a version for the first time.
 */
const ATTEMPTS_MAX = 50_000;

/** In ms, by task name; tasks that never succeeded in these runs are missing. */
export function* taskDurations(db: Database, request: { workflowId: number; limit: number }): Sql<Map<string, number>> {
  const durations = new Map<string, number[]>();
  let budget = ATTEMPTS_MAX;
  for (const run of yield* lastRuns(db, request.workflowId, request.limit)) {
    if (budget <= 0) break;
    budget -= yield* gather(db, run, durations);
  }
  return new Map([...durations].map(([name, list]) => [name, median(list)]));
}

interface PastRun {
  id: number;
  workflowId: number;
  version: number;
}

const LAST_RUNS_OF_STATE = (dialect: Dialect): string => `
  select id, coalesce(started_at, 9007199254740991) as start from run ${dialect.along('run_workflow')}
  where workflow_id = ? and state = ? order by coalesce(started_at, 9007199254740991) desc, id desc limit ?`;
const VERSION_OF_RUN = `select workflow_version as version from run where id = ?`;

/** Newest first. A run that failed tells as much of the tasks that succeeded in it. */
function* lastRuns(db: Database, workflowId: number, limit: number): Sql<PastRun[]> {
  const runs: [id: number, start: number][] = [];
  for (const state of ['succeeded', 'failed'])
    runs.push(...((yield* db.rows(LAST_RUNS_OF_STATE, workflowId, state, limit)) as [id: number, start: number][]));
  runs.sort((a, b) => b[1] - a[1] || b[0] - a[0]);
  const last: PastRun[] = [];
  for (const [id] of runs.slice(0, limit))
    last.push({ id, workflowId, version: (yield* db.get(VERSION_OF_RUN, id))?.['version'] as number });
  return last;
}

const SUCCEEDED = `
  select task, ended_at - started_at from attempt where run_id = ? and state = 'succeeded' and started_at is not null`;

function* gather(db: Database, run: PastRun, durations: Map<string, number[]>): Sql<number> {
  const rows = (yield* db.rows(SUCCEEDED, run.id)) as [task: number, ms: number][];
  if (rows.length === 0) return 0;
  const { names } = yield* taskNamesOf(db, run.workflowId, run.version);
  for (const [task, ms] of rows) {
    const name = names[task];
    if (name === undefined) continue;
    const list = durations.get(name);
    if (list) list.push(ms);
    else durations.set(name, [ms]);
  }
  return rows.length;
}

/** Of an even number, the lower one of the two in the middle: a duration that there was. */
function median(list: number[]): number {
  return list.sort((a, b) => a - b)[(list.length - 1) >> 1]!;
}
