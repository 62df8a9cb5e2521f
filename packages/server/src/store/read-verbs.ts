/**
 * The verbs that only read. They run in a reader's thread, on a connection of its own; each sees every commit
 * whose promise had resolved before it was asked.
 */
import type { WorkflowFile } from '@pelorus/engine';
import type { RunId, TaskRunState } from '@pelorus/protocol';
import {
  findSession,
  findSignIn,
  findToken,
  getToken,
  getUser,
  listSessions,
  listTokens,
  listUsers,
} from './accounts.ts';
import { listAlertChannels, listAlerts, loadAlertChannel, nextAlertAt } from './alerts-outbox.ts';
import { getCommand, listChildRuns } from './api-reads.ts';
import { getBackfill, listBackfillDates, listBackfills, listUpstreams } from './backfills.ts';
import {
  findSubmission,
  getBulkOperation,
  listBulkItems,
  listBulkOperations,
  listRunHeads,
} from './bulk-operations.ts';
import { listAudit } from './audit.ts';
import type { Dialect } from './dialect.ts';
import { listLogRuns, readLog, statLog } from './log-chunks.ts';
import { listEnvironments, loadEnvironments } from './environments.ts';
import {
  listMasterPlaces,
  listMasters,
  listQueuedTasks,
  listWorkerAttempts,
  listWorkerDrains,
  listWorkerGroups,
  loadDrainedWorkers,
  masterOf,
  workerSeenAt,
} from './fleet.ts';
import { getCalendar, listCalendars } from './calendars.ts';
import { getDeadline, listDeadlines } from './deadlines.ts';
import { nextDue } from './fire-due.ts';
import { getMaintenance } from './maintenance.ts';
import { getSchedule, listSchedules } from './schedules.ts';
import { listTicks } from './ticks.ts';
import { listRuns } from './list-runs.ts';
import { findProjectFiles, listProjectFiles, loadContents, readContent } from './project-files.ts';
import { findProject, listProjects, projectsOfRuns } from './projects.ts';
import { grantsOf, listMembers } from './members.ts';
import type { WorkflowFilter, WorkflowRow, WorkflowText, WorkflowVersionRow } from './port.ts';
import { STORED_ATTEMPT_COLUMNS, RUN_COLUMNS, TASK_RUN_COLUMNS, WORKER_COLUMNS } from './rows.ts';
import type { Cell } from './rows.ts';
import { getConnection, getSecret, listConnections, listSealed, listSecrets, loadVault } from './secrets.ts';
import type { Database, Row, Sql } from './database.ts';
import { changesPosition, changesSince } from './changes-since.ts';
import { runChanges, runVersion } from './run-changes.ts';
import { runStats } from './run-stats.ts';
import { taskDurations } from './task-durations.ts';
import { listTaskGroups, loadTaskGroups } from './task-groups.ts';
import { loadTimeline } from './timelines.ts';
import { contentSizes, listLatestVersions } from './transfer.ts';
import { upstreamRuns } from './upstream-facts.ts';
import { lastRuns, pageWorkflows } from './workflow-pages.ts';
import { toWorkflowRow, WORKFLOW_SELECT } from './workflow-rows.ts';

const WORKFLOW = `${WORKFLOW_SELECT} where p.name = ? and w.name = ? and w.deleted_at is null`;

function* getWorkflow(db: Database, request: { project: string; name: string }): Sql<WorkflowRow | null> {
  const row = yield* db.get(WORKFLOW, request.project, request.name);
  return row ? toWorkflowRow(row) : null;
}

function* listWorkflows(db: Database, filter: WorkflowFilter): Sql<WorkflowRow[]> {
  const conditions = ['w.id > ?', 'w.deleted_at is null', 'w.hidden = 0'];
  const values: Cell[] = [filter.after ?? 0];
  if (filter.project !== undefined) {
    conditions.push('p.name = ?');
    values.push(filter.project);
  }
  const projectIds = filter.projectIds ?? null;
  if (projectIds !== null) {
    conditions.push(db.dialect.isAmong('w.project_id'));
    values.push(JSON.stringify(projectIds));
  }
  const sql = `${WORKFLOW_SELECT} where ${conditions.join(' and ')} order by w.id limit ?`;
  return (yield* db.all(sql, ...values, filter.limit)).map(toWorkflowRow);
}

const VERSIONS = `
  select workflow_id, version, format, hash, created_at, created_by, text_revision from workflow_version where workflow_id = ? order by version desc`;

function* listWorkflowVersions(
  db: Database,
  workflowId: number,
): Sql<Omit<WorkflowVersionRow, 'definition' | 'files' | 'source'>[]> {
  return (yield* db.all(VERSIONS, workflowId)).map(toVersionHead);
}

function toVersionHead(row: Row): Omit<WorkflowVersionRow, 'definition' | 'files' | 'source'> {
  return {
    workflowId: row['workflow_id'] as number,
    version: row['version'] as number,
    hash: row['hash'] as string,
    format: row['format'] as 'yaml' | 'json',
    createdAt: row['created_at'] as number,
    createdBy: row['created_by'] as string,
    textRevision: row['text_revision'] as number,
  };
}

const TEXT_OF_VERSION = `select source, format, text_revision from workflow_version where workflow_id = ? and version = ?`;

function* getWorkflowText(
  db: Database,
  { workflowId, version }: { workflowId: number; version: number },
): Sql<WorkflowText | null> {
  const row = yield* db.get(TEXT_OF_VERSION, workflowId, version);
  if (!row) return null;
  return {
    source: row['source'] as string,
    format: row['format'] as WorkflowText['format'],
    textRevision: row['text_revision'] as number,
  };
}

/** A version whose definition is still text: parsing it is left to whoever wants it. */
export type WorkflowVersionText = Omit<WorkflowVersionRow, 'definition'> & { definition: string };

const VERSION = `select * from workflow_version where workflow_id = ? and version = ?`;
const LATEST_VERSION = `select * from workflow_version where workflow_id = ? order by version desc limit 1`;
const CONTENT = `select bytes from content where sha256 = ?`;

function* getWorkflowVersion(
  db: Database,
  request: { workflowId: number; version: number | null },
): Sql<WorkflowVersionText | null> {
  const row =
    request.version === null
      ? yield* db.get(LATEST_VERSION, request.workflowId)
      : yield* db.get(VERSION, request.workflowId, request.version);
  if (!row) return null;
  const files: WorkflowFile[] = [];
  for (const file of JSON.parse(row['files'] as string) as { name: string; sha256: string }[]) {
    const bytes = (yield* db.get(CONTENT, file.sha256))?.['bytes'] as Uint8Array;
    files.push({ ...file, base64: Buffer.from(bytes).toString('base64') });
  }
  return { ...toVersionHead(row), definition: row['definition'] as string, source: row['source'] as string, files };
}

const RUN = (dialect: Dialect): string => `select ${dialect.jsonRows(RUN_COLUMNS, 'id')} from run where id = ?`;
const TASK_RUNS = (dialect: Dialect): string =>
  `select ${dialect.jsonRows(TASK_RUN_COLUMNS, 'task')} from task_run where run_id = ?`;
const ATTEMPTS = (dialect: Dialect): string =>
  `select ${dialect.jsonRows(STORED_ATTEMPT_COLUMNS, 'dispatched_at, task, n')} from attempt where run_id = ?`;
const ATTEMPT = (dialect: Dialect): string =>
  `select ${dialect.jsonRows(STORED_ATTEMPT_COLUMNS, 'n')} from attempt where run_id = ? and task = ? and n = ?`;

function* getRun(db: Database, run: number): Sql<string> {
  return yield* db.text(RUN, run);
}

const ENDED_BEFORE = (dialect: Dialect): string => `select id from run where ${dialect.isAmong('id')} and ended_at < ?`;

function* runsEndedBefore(db: Database, request: { runs: readonly number[]; at: number }): Sql<number[]> {
  return (yield* db.all(ENDED_BEFORE, JSON.stringify(request.runs), request.at)).map((row) => row['id'] as number);
}

/** Runs with their rows: per table the JSON text of an array of rows. */
export interface RunTexts {
  runs: string;
  taskRuns: string;
  attempts: string;
}

function getRunDetail(db: Database, run: number): Sql<RunTexts> {
  return db.snapshot(detailOf(db, run));
}

function* detailOf(db: Database, run: number): Sql<RunTexts> {
  return {
    runs: yield* db.text(RUN, run),
    taskRuns: yield* db.text(TASK_RUNS, run),
    attempts: yield* db.text(ATTEMPTS, run),
  };
}

function* getAttempt(db: Database, key: { run: number; task: number; n: number }): Sql<string> {
  return yield* db.text(ATTEMPT, key.run, key.task, key.n);
}

const RUNS_AMONG = (dialect: Dialect): string =>
  `select ${dialect.jsonRows(RUN_COLUMNS, 'id')} from run where ${dialect.isAmong('id')}`;
const TASK_RUNS_AMONG = (dialect: Dialect): string =>
  `select ${dialect.jsonRows(TASK_RUN_COLUMNS, 'run_id, task')} from task_run where ${dialect.isAmong('run_id')}`;
const LATEST_ATTEMPTS_AMONG = (dialect: Dialect): string => `
  select ${dialect.jsonRows(
    STORED_ATTEMPT_COLUMNS.map((column) => `a.${column}`),
    'a.run_id, a.task',
  )} from attempt a where ${dialect.isAmong('a.run_id')}
    and not exists (select 1 from attempt b where b.run_id = a.run_id and b.task = a.task and b.n > a.n)`;

function loadRuns(db: Database, runs: number[]): Sql<RunTexts> {
  return db.snapshot(textsOf(db, JSON.stringify(runs)));
}

function* textsOf(db: Database, runs: string): Sql<RunTexts> {
  const asked = [RUNS_AMONG, TASK_RUNS_AMONG, LATEST_ATTEMPTS_AMONG];
  const [found, taskRuns, attempts] = yield* db.together(asked.map((statement) => db.text(statement, runs)));
  return { runs: found!, taskRuns: taskRuns!, attempts: attempts! };
}

const TASK_RUN_COUNTS = `select state, count(*) as task_runs from task_run where run_id = ? group by state`;

function* countTaskRuns(db: Database, run: number): Sql<Record<string, number>> {
  return Object.fromEntries(
    (yield* db.all(TASK_RUN_COUNTS, run)).map((row) => [row['state'] as string, row['task_runs'] as number]),
  );
}

const TASK_RUN_COUNTS_OF = (dialect: Dialect): string => `
  select run_id, state, count(*) from task_run where ${dialect.isAmong('run_id')} group by run_id, state`;

function* countTaskRunsOf(
  db: Database,
  runs: readonly RunId[],
): Sql<Map<RunId, Partial<Record<TaskRunState, number>>>> {
  const counts = new Map<RunId, Partial<Record<TaskRunState, number>>>();
  const rows = (yield* db.rows(TASK_RUN_COUNTS_OF, JSON.stringify(runs))) as [RunId, TaskRunState, number][];
  for (const [run, state, count] of rows) counts.set(run, { ...counts.get(run), [state]: count });
  return counts;
}

const TASK_RUNS_OF = (dialect: Dialect): string =>
  `select ${dialect.jsonRows(
    TASK_RUN_COLUMNS.map((column) => (column === 'outputs' ? 'null' : column)),
    'run_id, task',
  )} from task_run where ${dialect.isAmong('run_id')}`;

function* taskRunsOf(db: Database, runs: readonly RunId[]): Sql<string> {
  return yield* db.text(TASK_RUNS_OF, JSON.stringify(runs));
}

const WORKERS = (dialect: Dialect): string =>
  `select ${dialect.jsonRows(WORKER_COLUMNS, 'registered_at, id')} from worker`;

function* listWorkers(db: Database): Sql<string> {
  return yield* db.text(WORKERS);
}

export const readVerbs = {
  grantsOf,
  getUser,
  findSignIn,
  listUsers,
  findSession,
  listSessions,
  findToken,
  getToken,
  listTokens,
  listMembers,
  listAudit,
  listProjects,
  findProject,
  projectsOfRuns,
  getWorkflow,
  listWorkflows,
  listWorkflowVersions,
  getWorkflowVersion,
  getWorkflowText,
  listLatestVersions,
  contentSizes,
  listSecrets,
  getSecret,
  listConnections,
  getConnection,
  loadVault,
  listSealed,
  listProjectFiles,
  findProjectFiles,
  readContent,
  loadContents,
  getRun,
  getRunDetail,
  getAttempt,
  getCommand,
  listChildRuns,
  loadRuns,
  listRuns,
  runStats,
  runChanges,
  runVersion,
  changesSince,
  changesPosition,
  countTaskRuns,
  countTaskRunsOf,
  taskRunsOf,
  listWorkers,
  taskDurations,
  listTaskGroups,
  loadTaskGroups,
  loadTimeline,
  upstreamRuns,
  getBackfill,
  listBackfills,
  listBackfillDates,
  listUpstreams,
  getBulkOperation,
  listBulkOperations,
  listBulkItems,
  listRunHeads,
  findSubmission,
  listWorkerDrains,
  loadDrainedWorkers,
  listWorkerAttempts,
  listMasters,
  masterOf,
  listMasterPlaces,
  workerSeenAt,
  listWorkerGroups,
  listQueuedTasks,
  listEnvironments,
  loadEnvironments,
  getSchedule,
  listSchedules,
  listTicks,
  getCalendar,
  listCalendars,
  getMaintenance,
  getDeadline,
  listDeadlines,
  nextDue,
  pageWorkflows,
  lastRuns,
  statLog,
  readLog,
  listLogRuns,
  runsEndedBefore,
  nextAlertAt,
  listAlerts,
  listAlertChannels,
  loadAlertChannel,
};
export type ReadVerbs = typeof readVerbs;
