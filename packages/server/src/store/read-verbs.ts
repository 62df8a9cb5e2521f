/**
 * The verbs that only read. They run in a reader's thread, on a connection of its own; each sees every commit
 * whose promise had resolved before it was asked.
 */
import { findSession, findSignIn, findToken, getToken, getUser, listTokens, listUsers } from './accounts.ts';
import { listAlertChannels, listAlerts, loadAlertChannel, nextAlertAt } from './alerts-outbox.ts';
import { getCommand, listChildRuns } from './api-reads.ts';
import { getBackfill, listBackfills } from './backfills.ts';
import {
  findSubmission,
  getBulkOperation,
  listBulkItems,
  listBulkOperations,
  listRunHeads,
} from './bulk-operations.ts';
import { listAudit } from './audit.ts';
import { SQLITE as dialect } from './dialect.ts';
import { listLogRuns, readLog, statLog } from './log-chunks.ts';
import { listEnvironments, loadEnvironments } from './environments.ts';
import {
  listMasters,
  listQueuedTasks,
  listWorkerAttempts,
  listWorkerDrains,
  listWorkerGroups,
  loadDrainedWorkers,
} from './fleet.ts';
import { listRuns } from './list-runs.ts';
import { findProjectFiles, listProjectFiles, loadContents, readContent } from './project-files.ts';
import { findProject, listProjects, projectsOfRuns } from './projects.ts';
import { grantsOf, listMembers } from './members.ts';
import type { WorkflowFilter, WorkflowRow, WorkflowVersionRow } from './port.ts';
import { ATTEMPT_COLUMNS, RUN_COLUMNS, TASK_RUN_COLUMNS, WORKER_COLUMNS } from './rows.ts';
import type { Cell } from './rows.ts';
import { getConnection, getSecret, listConnections, listSealed, listSecrets, loadVault } from './secrets.ts';
import type { Row, SqliteDatabase } from './sqlite-database.ts';
import { changedRuns, runChanges, runsPosition, runVersion } from './run-changes.ts';
import { taskDurations } from './task-durations.ts';
import { listTaskGroups, loadTaskGroups } from './task-groups.ts';
import { upstreamRuns } from './upstream-facts.ts';
import { lastRuns, pageWorkflows } from './workflow-pages.ts';
import { toWorkflowRow, WORKFLOW_SELECT } from './workflow-rows.ts';

const WORKFLOW = `${WORKFLOW_SELECT} where p.name = ? and w.name = ? and w.deleted_at is null`;

function getWorkflow(db: SqliteDatabase, request: { project: string; name: string }): WorkflowRow | null {
  const row = db.get(WORKFLOW, request.project, request.name);
  return row ? toWorkflowRow(row) : null;
}

function listWorkflows(db: SqliteDatabase, filter: WorkflowFilter): WorkflowRow[] {
  const conditions = ['w.id > ?', 'w.deleted_at is null', 'w.hidden = 0'];
  const values: Cell[] = [filter.after ?? 0];
  if (filter.project !== undefined) {
    conditions.push('p.name = ?');
    values.push(filter.project);
  }
  const projectIds = filter.projectIds ?? null;
  if (projectIds !== null) {
    conditions.push(dialect.isIn('w.project_id'));
    values.push(JSON.stringify(projectIds));
  }
  const sql = `${WORKFLOW_SELECT} where ${conditions.join(' and ')} order by w.id limit ?`;
  return db.all(sql, ...values, filter.limit).map(toWorkflowRow);
}

const VERSIONS = `
  select workflow_id, version, format, hash, created_at, created_by from workflow_version where workflow_id = ? order by version desc`;

function listWorkflowVersions(
  db: SqliteDatabase,
  workflowId: number,
): Omit<WorkflowVersionRow, 'definition' | 'files' | 'source'>[] {
  return db.all(VERSIONS, workflowId).map(toVersionHead);
}

function toVersionHead(row: Row): Omit<WorkflowVersionRow, 'definition' | 'files' | 'source'> {
  return {
    workflowId: row['workflow_id'] as number,
    version: row['version'] as number,
    hash: row['hash'] as string,
    format: row['format'] as 'yaml' | 'json',
    createdAt: row['created_at'] as number,
    createdBy: row['created_by'] as string,
  };
}

/** A version whose definition is still text: parsing it is left to whoever wants it. */
export type WorkflowVersionText = Omit<WorkflowVersionRow, 'definition'> & { definition: string };

const VERSION = `select * from workflow_version where workflow_id = ? and version = ?`;
const LATEST_VERSION = `select * from workflow_version where workflow_id = ? order by version desc limit 1`;
const CONTENT = `select bytes from content where sha256 = ?`;

function getWorkflowVersion(
  db: SqliteDatabase,
  request: { workflowId: number; version: number | null },
): WorkflowVersionText | null {
  const row =
    request.version === null
      ? db.get(LATEST_VERSION, request.workflowId)
      : db.get(VERSION, request.workflowId, request.version);
  if (!row) return null;
  const files = (JSON.parse(row['files'] as string) as { name: string; sha256: string }[]).map((file) => ({
    ...file,
    base64: Buffer.from(db.get(CONTENT, file.sha256)?.['bytes'] as Uint8Array).toString('base64'),
  }));
  return { ...toVersionHead(row), definition: row['definition'] as string, source: row['source'] as string, files };
}

const RUN = `select ${dialect.jsonRows(RUN_COLUMNS, 'id')} from run where id = ?`;
const TASK_RUNS = `select ${dialect.jsonRows(TASK_RUN_COLUMNS, 'task')} from task_run where run_id = ?`;
const ATTEMPTS = `select ${dialect.jsonRows(ATTEMPT_COLUMNS, 'dispatched_at, task, n')} from attempt where run_id = ?`;
const ATTEMPT = `select ${dialect.jsonRows(ATTEMPT_COLUMNS, 'n')} from attempt where run_id = ? and task = ? and n = ?`;

function getRun(db: SqliteDatabase, run: number): string {
  return db.text(RUN, run);
}

const ENDED_BEFORE = `select id from run where ${dialect.isIn('id')} and ended_at < ?`;

function runsEndedBefore(db: SqliteDatabase, request: { runs: readonly number[]; at: number }): number[] {
  return db.all(ENDED_BEFORE, JSON.stringify(request.runs), request.at).map((row) => row['id'] as number);
}

/** Runs with their rows: per table the JSON text of an array of rows. */
export interface RunTexts {
  runs: string;
  taskRuns: string;
  attempts: string;
}

function getRunDetail(db: SqliteDatabase, run: number): RunTexts {
  return snapshot(db, () => ({
    runs: db.text(RUN, run),
    taskRuns: db.text(TASK_RUNS, run),
    attempts: db.text(ATTEMPTS, run),
  }));
}

/** Several statements over one state of the database. */
function snapshot<T>(db: SqliteDatabase, read: () => T): T {
  db.run('begin');
  try {
    return read();
  } finally {
    db.run('commit');
  }
}

function getAttempt(db: SqliteDatabase, key: { run: number; task: number; n: number }): string {
  return db.text(ATTEMPT, key.run, key.task, key.n);
}

const LATEST_ATTEMPTS = `
  select ${dialect.jsonRows(
    ATTEMPT_COLUMNS.map((column) => `a.${column}`),
    'a.task',
  )} from attempt a where a.run_id = ?
    and not exists (select 1 from attempt b where b.run_id = a.run_id and b.task = a.task and b.n > a.n)`;

function loadRuns(db: SqliteDatabase, runs: number[]): RunTexts {
  return snapshot(db, () => ({
    runs: concatenated(runs.map((run) => db.text(RUN, run))),
    taskRuns: concatenated(runs.map((run) => db.text(TASK_RUNS, run))),
    attempts: concatenated(runs.map((run) => db.text(LATEST_ATTEMPTS, run))),
  }));
}

/** One JSON array of what is in all of them. */
function concatenated(arrays: string[]): string {
  return `[${arrays
    .filter((text) => text !== '[]')
    .map((text) => text.slice(1, -1))
    .join(',')}]`;
}

const TASK_RUN_COUNTS = `select state, count(*) as task_runs from task_run where run_id = ? group by state`;

function countTaskRuns(db: SqliteDatabase, run: number): Record<string, number> {
  return Object.fromEntries(
    db.all(TASK_RUN_COUNTS, run).map((row) => [row['state'] as string, row['task_runs'] as number]),
  );
}

const WORKERS = `select ${dialect.jsonRows(WORKER_COLUMNS, 'registered_at, id')} from worker`;

function listWorkers(db: SqliteDatabase): string {
  return db.text(WORKERS);
}

export const readVerbs = {
  grantsOf,
  getUser,
  findSignIn,
  listUsers,
  findSession,
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
  runChanges,
  runVersion,
  changedRuns,
  runsPosition,
  countTaskRuns,
  listWorkers,
  taskDurations,
  listTaskGroups,
  loadTaskGroups,
  upstreamRuns,
  getBackfill,
  listBackfills,
  getBulkOperation,
  listBulkOperations,
  listBulkItems,
  listRunHeads,
  findSubmission,
  listWorkerDrains,
  loadDrainedWorkers,
  listWorkerAttempts,
  listMasters,
  listWorkerGroups,
  listQueuedTasks,
  listEnvironments,
  loadEnvironments,
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
