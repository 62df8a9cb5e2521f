/**
 * The verbs that write, each the body of one transaction (or savepoint) on the writer's connection.
 * They run in the writer's thread, one after the other, so a read inside a verb sees no concurrent change.
 * What they are given and what they answer is plain cells or small objects that cross between threads.
 */
import type { CommandAction } from '@pelorus/engine';
import type { ConcurrencyPolicy, ScheduleSpec, WorkflowDefinition } from '@pelorus/protocol';
import {
  createSession,
  createSignInLink,
  createToken,
  deleteToken,
  endSession,
  forgiveTry,
  redeemSignInLink,
  saveUser,
  setPassword,
  takeTry,
  touchSession,
  touchToken,
} from './accounts.ts';
import { claimAlerts, deleteAlertChannel, saveAlertChannel, settleAlert } from './alerts-outbox.ts';
import { createBackfill, pauseBackfill, resumeBackfill, retryBackfill, stopBackfill } from './backfills.ts';
import { writeAudit } from './audit.ts';
import { beginRun } from './begin-run.ts';
import { deleteCalendar, saveCalendar } from './calendars.ts';
import { deleteDeadline, saveDeadline } from './deadlines.ts';
import type { Dialect } from './dialect.ts';
import { fireDue } from './fire-due.ts';
import { setMaintenance } from './maintenance.ts';
import {
  applyDefined,
  deleteSchedule,
  deleteSchedulesOf,
  isRedefined,
  lockSchedulesOf,
  saveSchedule,
  setScheduleOnline,
} from './schedules.ts';
import { purgeTicks } from './ticks.ts';
import { claimBulkOperation, createBulkOperation, settleBulkItems } from './bulk-operations.ts';
import { commit, upsertTaskRuns } from './commit-changes.ts';
import { deleteEnvironment, saveEnvironment } from './environments.ts';
import { deleteWorkerGroup, drainWorker, saveWorkerGroup, undrainWorker } from './fleet.ts';
import { deleteMember, saveMember, setProjectOwner } from './members.ts';
import { appendLog, completeLog, dropLogChunks, markLogGap } from './log-chunks.ts';
import { registerMaster, releaseMaster, renewMaster } from './master-leases.ts';
import { claimFairly } from './claim-fairly.ts';
import { adoptRuns, claimCommands } from './masters.ts';
import { StoreError } from './port.ts';
import { addProjectFiles, deleteProjectFile, saveProjectFile, type AddProjectFiles } from './project-files.ts';
import type { ProjectRow, SavedWorkflow, SaveWorkflow } from './port.ts';
import { RUN_COLUMNS, TASK_RUN_WIDTH } from './rows.ts';
import { changeProject, createProject, deleteProject } from './projects.ts';
import type { Cell, RunMaking } from './rows.ts';
import { IDEMPOTENCY_MS, refuseKeyOfOther } from './request-keys.ts';
import { attemptName, insertCommand, insertedId } from './run-rows.ts';
import { deleteConnection, deleteSecret, reseal, saveConnection, saveSecret } from './secrets.ts';
import type { Row, Sql } from './database.ts';
import { takePermits } from './task-group-permits.ts';
import { deleteTaskGroup, insertTaskGroupMembers, saveTaskGroup } from './task-groups.ts';
import type { TaskGroupMember } from './task-groups.ts';
import { ensureTimeline } from './timelines.ts';
import { toProjectRow, toWorkflowRow, WORKFLOW_SELECT } from './workflow-rows.ts';
import { isTerminal, TERMINAL_RUN_STATES } from './write-context.ts';
import type { WriteContext } from './write-context.ts';

// ---- projects and workflows

const INSERT_PROJECT = `insert into project (name, description, owner, created_at) values (?, ?, ?, ?) on conflict (name) do nothing`;
const PROJECT_BY_NAME = `select * from project where name = ?`;
/** It may be added to, and is not deleted meanwhile. */
const PROJECT_TO_ADD_TO = (dialect: Dialect): string => `${PROJECT_BY_NAME} ${dialect.forKeyShare}`;

function* ensureProject(
  c: WriteContext,
  p: { name: string; description: string; owner: string; at: number },
): Sql<ProjectRow> {
  const found = yield* c.db.get(PROJECT_BY_NAME, p.name);
  if (found) return toProjectRow(found);
  yield* c.db.run(INSERT_PROJECT, p.name, p.description, p.owner, p.at);
  return toProjectRow(requireRow(yield* c.db.get(PROJECT_BY_NAME, p.name), `project '${p.name}'`));
}

function requireRow(row: Row | undefined, what: string): Row {
  if (!row) throw new StoreError('NOT_FOUND', `There is no ${what}.`);
  return row;
}

/** A workflow to save whose definition is text already and whose files have been decoded. */
export type SaveWorkflowRequest = Omit<SaveWorkflow, 'definition' | 'files' | 'projectFiles'> & {
  /** A JSON array of names. */
  projectFiles: string;
  description: string;
  /** JSON text. */
  labels: string;
  definition: string;
  /** What the definition says of its schedule. */
  schedule: ScheduleSpec | null;
  concurrency: ConcurrencyPolicy;
  taskGroupMembers: TaskGroupMember[];
  files: { name: string; sha256: string; bytes: Uint8Array }[];
};

const WORKFLOW_BY_NAME = `${WORKFLOW_SELECT} where p.name = ? and w.name = ? and w.deleted_at is null`;
const INSERT_WORKFLOW = `
  insert into workflow (project_id, name, description, labels, version, hash, hidden, created_at, updated_at, updated_by)
  values (?, ?, ?, ?, 1, ?, ?, ?, ?, ?) returning id`;
const UPDATE_WORKFLOW = `update workflow set description = ?, labels = ?, version = ?, hash = ?, text_revision = 0, updated_at = ?, updated_by = ? where id = ?`;
const INSERT_VERSION = `
  insert into workflow_version (workflow_id, version, definition, concurrency, files, project_files, source, format, hash, created_at, created_by)
  values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`;
const INSERT_CONTENT = `
  insert into content (sha256, bytes, kept) values (?, ?, 1) on conflict (sha256) do update set kept = 1 where content.kept = 0`;

function* saveWorkflow(c: WriteContext, save: SaveWorkflowRequest): Sql<SavedWorkflow> {
  const project = requireRow(yield* c.db.get(PROJECT_TO_ADD_TO, save.project), `project '${save.project}'`);
  const found = yield* c.db.get(WORKFLOW_BY_NAME, save.project, save.name);
  if (found && save.mustBeNew) {
    throw new StoreError('CONFLICT', `Workflow '${save.name}' already exists in project '${save.project}'.`);
  }
  refuseUnexpected(save, found);
  if (found && found['hash'] === save.hash) return yield* saveText(c, save);
  const defined = { now: save.hidden ? null : save.schedule, before: yield* scheduleBefore(c, found) };
  if (found && isRedefined(defined)) yield* lockSchedulesOf(c, found['id'] as number);
  let version = 1;
  let id: number;
  if (found) {
    version = (found['version'] as number) + 1;
    id = found['id'] as number;
    yield* c.db.run(UPDATE_WORKFLOW, save.description, save.labels, version, save.hash, save.at, save.user, id);
  } else {
    id = insertedId(
      yield* c.db.get(
        INSERT_WORKFLOW,
        project['id'] as number,
        save.name,
        save.description,
        save.labels,
        save.hash,
        save.hidden ? 1 : 0,
        save.at,
        save.at,
        save.user,
      ),
    );
  }
  for (const file of save.files) yield* c.db.run(INSERT_CONTENT, file.sha256, file.bytes);
  const files = JSON.stringify(save.files.map(({ name, sha256 }) => ({ name, sha256 })));
  yield* c.db.run(
    INSERT_VERSION,
    id,
    version,
    save.definition,
    save.concurrency,
    files,
    save.projectFiles,
    save.source,
    save.format,
    save.hash,
    save.at,
    save.user,
  );
  yield* insertTaskGroupMembers(c, { workflowId: id, version }, save.taskGroupMembers);
  yield* applyDefined(c, defined, { workflowId: id, user: save.user, at: save.at });
  const workflow = toWorkflowRow(
    requireRow(yield* c.db.get(WORKFLOW_BY_NAME, save.project, save.name), `workflow '${save.name}'`),
  );
  return { workflow, created: !found, changed: true, textChanged: false };
}

/** Nobody else changes it meanwhile. */
const WORKFLOW_TO_REWORD = (dialect: Dialect): string =>
  dialect.forNoKeyUpdate === '' ? WORKFLOW_BY_NAME : `${WORKFLOW_BY_NAME} ${dialect.forNoKeyUpdate} of w`;
const TEXT = `select source, format from workflow_version where workflow_id = ? and version = ?`;
const REWORD_VERSION = `
  update workflow_version set source = ?, format = ?, text_revision = ? where workflow_id = ? and version = ?`;
const REWORD_WORKFLOW = `update workflow set text_revision = ?, updated_at = ?, updated_by = ? where id = ?`;

/** What is stored means the same: it keeps its version and gets this text. */
function* saveText(c: WriteContext, save: SaveWorkflowRequest): Sql<SavedWorkflow> {
  const found = yield* c.db.get(WORKFLOW_TO_REWORD, save.project, save.name);
  // Somebody was quicker: it means something else, or is not there any more.
  if (found?.['hash'] !== save.hash) return yield* saveWorkflow(c, save);
  refuseUnexpected(save, found);
  const workflow = toWorkflowRow(found);
  const { id, version } = workflow;
  const text = yield* c.db.get(TEXT, id, version);
  // Programs write JSON, which holds no comments: it is no reason to give up a text that somebody wrote in YAML.
  const keeps = save.format === 'json' && text?.['format'] === 'yaml';
  const isSame = save.source === text?.['source'] && save.format === text['format'];
  if (keeps || isSame) return { workflow, created: false, changed: false, textChanged: false };
  const textRevision = workflow.textRevision + 1;
  yield* c.db.run(REWORD_VERSION, save.source, save.format, textRevision, id, version);
  yield* c.db.run(REWORD_WORKFLOW, textRevision, save.at, save.user, id);
  const reworded = { ...workflow, textRevision, updatedAt: save.at, updatedBy: save.user };
  return { workflow: reworded, created: false, changed: false, textChanged: true };
}

const DEFINITION = `select definition from workflow_version where workflow_id = ? and version = ?`;

/** What the latest version says of its schedule. */
function* scheduleBefore(c: WriteContext, workflow: Row | undefined): Sql<ScheduleSpec | null> {
  if (!workflow) return null;
  const row = yield* c.db.get(DEFINITION, workflow['id'] as number, workflow['version'] as number);
  if (!row) return null;
  return (JSON.parse(row['definition'] as string) as Partial<WorkflowDefinition>).schedule ?? null;
}

function refuseUnexpected({ name, ifVersion, ifTextRevision }: SaveWorkflowRequest, found: Row | undefined): void {
  const isVersion = ifVersion === undefined || ifVersion === ((found?.['version'] as number | undefined) ?? null);
  if (isVersion && (ifTextRevision === undefined || ifTextRevision === found?.['text_revision'])) return;
  const now = found ? `has version ${found['version'] as number}` : 'does not exist';
  throw new StoreError('PRECONDITION', `Workflow '${name}' ${now}: somebody changed it meanwhile.`);
}

/** In the order of their names, so that two at once wait for each other rather than for ever; answered in theirs. */
function* saveTogether(
  c: WriteContext,
  { workflows, files }: { workflows: SaveWorkflowRequest[]; files: AddProjectFiles },
): Sql<SavedWorkflow[]> {
  yield* addProjectFiles(c, files);
  const byName = [...workflows.entries()].sort(([, one], [, other]) => (one.name < other.name ? -1 : 1));
  const saved: SavedWorkflow[] = [];
  for (const [at, workflow] of byName) saved[at] = yield* saveWorkflow(c, workflow);
  return saved;
}

const LIVE_RUNS_OF_WORKFLOW = `
  select coalesce(sum(runs), 0) as live from run_count where workflow_id = ? and state not in ${TERMINAL_RUN_STATES}`;
const WORKFLOW_ALONE = (dialect: Dialect): string => `select 1 from workflow where id = ? ${dialect.forUpdate}`;
const DELETE_WORKFLOW = `update workflow set deleted_at = ?, deleted_by = ? where id = ? and deleted_at is null`;

function* deleteWorkflow(c: WriteContext, request: { workflowId: number; user: string; at: number }): Sql<null> {
  yield* lockSchedulesOf(c, request.workflowId);
  yield* c.db.get(WORKFLOW_ALONE, request.workflowId);
  const live = (yield* c.db.get(LIVE_RUNS_OF_WORKFLOW, request.workflowId))?.['live'] as number;
  if (live > 0) {
    throw new StoreError(
      'CONFLICT',
      `Workflow ${request.workflowId} has runs that have not ended: ${live}. Stop them first.`,
    );
  }
  if ((yield* c.db.run(DELETE_WORKFLOW, request.at, request.user, request.workflowId)) === 0) {
    throw new StoreError('NOT_FOUND', `There is no workflow ${request.workflowId}.`);
  }
  yield* deleteSchedulesOf(c, request.workflowId);
  return null;
}

// ---- submitting and commanding

export interface SubmitRequest {
  making: RunMaking;
  workflowVersion: number | null;
  idempotencyKey: string | null;
  requestHash: string | null;
  /** Cells of task runs; their run id is filled in here. */
  taskRuns: Cell[];
}

/** Of (version; null: the latest, project, workflow): what a run of it is made of. It is not deleted meanwhile. */
const WORKFLOW_TO_RUN = (dialect: Dialect): string => `
  select w.id, w.project_id, v.version, v.concurrency, v.project_files
  from workflow w join project p on p.id = w.project_id
    left join workflow_version v on v.workflow_id = w.id and v.version = coalesce(?, w.version)
  where p.name = ? and w.name = ? and w.deleted_at is null ${dialect.forKeyShare === '' ? '' : `${dialect.forKeyShare} of w`}`;
const RUN_BY_ID = `select ${RUN_COLUMNS.join(', ')} from run where id = ?`;

/** Answers with the row of the run. */
function* submitRun(c: WriteContext, request: SubmitRequest): Sql<{ run: Cell[]; command: number; repeated: boolean }> {
  const { making, idempotencyKey, requestHash, taskRuns } = request;
  const earlier = yield* commandOfKey(c, making.submitUser, idempotencyKey, making.submittedAt);
  if (earlier) {
    refuseOtherRequest(earlier, 'start', requestHash);
    const run = (yield* c.db.rows(RUN_BY_ID, earlier['run_id'] as number))[0]!;
    return { run, command: earlier['id'] as number, repeated: true };
  }
  yield* refuseKeyOfOther(c, making.submitUser, idempotencyKey, making.submittedAt);
  const { workflow: name, project } = making;
  const [found] = yield* c.db.together<Row | undefined>([
    c.db.get(WORKFLOW_TO_RUN, request.workflowVersion, project, name),
    ensureTimeline(c),
  ]);
  const workflow = requireRow(found, `workflow '${name}' in project '${project}'`);
  if (workflow['version'] === null)
    throw new StoreError('NOT_FOUND', `There is no version ${request.workflowVersion} of workflow '${name}'.`);
  const begun = yield* beginRun(c, {
    making,
    place: {
      projectId: workflow['project_id'] as number,
      workflowId: workflow['id'] as number,
      version: workflow['version'] as number,
    },
    policy: making.concurrency ?? (workflow['concurrency'] as ConcurrencyPolicy),
    idempotencyKey,
    requestHash,
    filesWanted: workflow['project_files'] as string,
    writeTaskRuns: (run) => {
      for (let i = 0; i < taskRuns.length; i += TASK_RUN_WIDTH) taskRuns[i] = run;
      return upsertTaskRuns(c.db, taskRuns);
    },
  });
  if (begun === null)
    throw new StoreError('CONFLICT', `Attempt ${attemptName(making.parent)} has a child run already.`);
  return { run: begun.row, command: begun.command, repeated: false };
}

const COMMAND_OF_KEY = `select id, run_id, action, at, request_hash from command where user_name = ? and idempotency_key = ?`;
const FORGET_KEY = `update command set idempotency_key = null where id = ?`;

/** The command that a user gave under this key within the last 24 h. */
function* commandOfKey(c: WriteContext, user: string, key: string | null, at: number): Sql<Row | undefined> {
  if (key === null) return undefined;
  const found = yield* c.db.get(COMMAND_OF_KEY, user, key);
  if (found && at - (found['at'] as number) >= IDEMPOTENCY_MS) {
    yield* c.db.run(FORGET_KEY, found['id'] as number);
    return undefined;
  }
  return found;
}

function refuseOtherRequest(earlier: Row, kind: CommandAction['kind'], hash: string | null): void {
  const action = JSON.parse(earlier['action'] as string) as CommandAction;
  if (action.kind === kind && earlier['request_hash'] === hash) return;
  throw new StoreError(
    'CONFLICT',
    `This idempotency key was used for another request, about run ${earlier['run_id'] as number}.`,
  );
}

const RUN_STATE = `select state from run where id = ?`;

function* requestCommand(
  c: WriteContext,
  request: { run: number; action: CommandAction; user: string; at: number; idempotencyKey: string | null },
): Sql<number> {
  const hash = `${request.run} ${JSON.stringify(request.action)}`;
  const earlier = yield* commandOfKey(c, request.user, request.idempotencyKey, request.at);
  if (earlier) {
    refuseOtherRequest(earlier, request.action.kind, hash);
    return earlier['id'] as number;
  }
  yield* refuseKeyOfOther(c, request.user, request.idempotencyKey, request.at);
  const state = requireRow(yield* c.db.get(RUN_STATE, request.run), `run ${request.run}`)['state'] as string;
  if (isTerminal(state)) {
    throw new StoreError('CONFLICT', `Run ${request.run} has ended: ${state}.`);
  }
  return yield* insertCommand(c, { ...request, requestHash: hash });
}

const FOLD_RUN_COUNTS = (dialect: Dialect): string => dialect.foldRunCounts;
/** What one call adds up at most. */
const FOLD_ROWS = 50_000;

/** What has to be done now and then, by whichever master comes first. */
function* housekeep(c: WriteContext): Sql<null> {
  if (c.db.dialect.foldRunCounts !== '') yield* c.db.run(FOLD_RUN_COUNTS, FOLD_ROWS);
  yield* purgeTicks(c);
  return null;
}

/** Done by the writer itself: it cannot be part of a transaction. */
// oxlint-disable-next-line require-yield -- a verb that says no statement is still one
function* purgeFreed(): Sql<null> {
  return null;
}

/** Answered once the writer has opened the database. */
// oxlint-disable-next-line require-yield -- as above
function* open(): Sql<null> {
  return null;
}

export const writeVerbs = {
  open,
  saveUser,
  setPassword,
  createSession,
  touchSession,
  endSession,
  createToken,
  touchToken,
  deleteToken,
  createSignInLink,
  redeemSignInLink,
  takeTry,
  forgiveTry,
  saveMember,
  deleteMember,
  setProjectOwner,
  writeAudit,
  ensureProject,
  createProject,
  changeProject,
  deleteProject,
  saveWorkflow,
  saveTogether,
  deleteWorkflow,
  saveSecret,
  deleteSecret,
  saveConnection,
  deleteConnection,
  saveProjectFile,
  deleteProjectFile,
  reseal,
  purgeFreed,
  submitRun,
  requestCommand,
  registerMaster,
  releaseMaster,
  renewMaster,
  claimCommands,
  claimFairly,
  adoptRuns,
  commit,
  housekeep,
  saveTaskGroup,
  deleteTaskGroup,
  saveAlertChannel,
  deleteAlertChannel,
  claimAlerts,
  settleAlert,
  appendLog,
  markLogGap,
  completeLog,
  dropLogChunks,
  createBackfill,
  stopBackfill,
  pauseBackfill,
  resumeBackfill,
  retryBackfill,
  createBulkOperation,
  claimBulkOperation,
  settleBulkItems,
  drainWorker,
  undrainWorker,
  saveWorkerGroup,
  deleteWorkerGroup,
  saveEnvironment,
  deleteEnvironment,
  saveSchedule,
  setScheduleOnline,
  deleteSchedule,
  saveCalendar,
  deleteCalendar,
  setMaintenance,
  saveDeadline,
  deleteDeadline,
  fireDue,
  takePermits,
};
export type WriteVerbs = typeof writeVerbs;
