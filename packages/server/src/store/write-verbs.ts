/**
 * The verbs that write, each the body of one transaction (or savepoint) on the writer's connection.
 * They run in the writer's thread, one after the other, so a read inside a verb sees no concurrent change.
 * What they are given and what they answer is plain cells or small objects that cross between threads.
 */
import type { CommandAction, Connection, ParentLink } from '@pelorus/engine';
import type { RunId, RunState } from '@pelorus/protocol';
import { StoreError } from './port.ts';
import type { Fence, ProjectRow, SaveWorkflow, WorkflowRow } from './port.ts';
import {
  ATTEMPT_COLUMNS, ATTEMPT_WIDTH, COMMAND_COLUMNS, COMMAND_DONE_WIDTH, RUN_COLUMNS, STATUS_WIDTH, TASK_RUN_COLUMNS,
  TASK_RUN_WIDTH, WORKER_COLUMNS, WORKER_WIDTH,
} from './rows.ts';
import type { Cell, ChildCommand, ChildStart, CommitRows, RunMaking } from './rows.ts';
import { isConstraintError } from './sqlite-database.ts';
import type { Row, SqliteDatabase } from './sqlite-database.ts';
import { toProjectRow, toWorkflowRow, WORKFLOW_SELECT } from './workflow-rows.ts';

/** What the writer's verbs share. */
export interface WriteContext {
  db: SqliteDatabase;
  /** The database's clock, epoch ms: leases are judged by this one only. */
  now: () => number;
  masterLeaseMs: number;
  /**
   * Runs without an owner row whose commands a master has been given: run → master. It needs no durability,
   * because all masters of this database live in this process, and it saves an fsync between a submit and its start.
   */
  claims: Map<number, string>;
}

const IDEMPOTENCY_MS = 24 * 3_600_000;

/** S4 in SQL. A test holds the lists against the protocol's. */
export const TERMINAL_RUN_STATES = `('succeeded', 'stopped', 'failed', 'dependency_failed')`;
export const TERMINAL_TASK_RUN_STATES = `('succeeded', 'forced_success', 'reused', 'failed', 'killed', 'upstream_failed', 'skipped')`;
export const TERMINAL_ATTEMPT_STATES = `('succeeded', 'failed', 'killed', 'lost')`;
/** What an operator may overrule with force success while the run goes on. */
const FORCEABLE_TASK_RUN_STATES = `('failed', 'killed', 'upstream_failed', 'skipped')`;

// ---- projects and workflows

const INSERT_PROJECT = `insert into project (name, description, owner, created_at) values (?, ?, ?, ?) on conflict (name) do nothing`;
const PROJECT_BY_NAME = `select * from project where name = ?`;

function ensureProject(c: WriteContext, p: { name: string; description: string; owner: string; at: number }): ProjectRow {
  const found = c.db.get(PROJECT_BY_NAME, p.name);
  if (found) return toProjectRow(found);
  c.db.run(INSERT_PROJECT, p.name, p.description, p.owner, p.at);
  return toProjectRow(requireRow(c.db.get(PROJECT_BY_NAME, p.name), `project '${p.name}'`));
}

function requireRow(row: Row | undefined, what: string): Row {
  if (!row) throw new StoreError('NOT_FOUND', `There is no ${what}.`);
  return row;
}

/** A workflow to save whose definition is text already and whose files have been decoded. */
export type SaveWorkflowRequest = Omit<SaveWorkflow, 'definition' | 'files'> & {
  description: string;
  definition: string;
  files: { name: string; sha256: string; bytes: Uint8Array }[];
};

const WORKFLOW_BY_NAME = `${WORKFLOW_SELECT} where p.name = ? and w.name = ? and w.deleted_at is null`;
const INSERT_WORKFLOW = `
  insert into workflow (project_id, name, description, version, hash, hidden, created_at, updated_at, updated_by)
  values (?, ?, ?, 1, ?, ?, ?, ?, ?) returning id`;
const UPDATE_WORKFLOW = `update workflow set description = ?, version = ?, hash = ?, updated_at = ?, updated_by = ? where id = ?`;
const INSERT_VERSION = `
  insert into workflow_version (workflow_id, version, definition, files, source, format, hash, created_at, created_by)
  values (?, ?, ?, ?, ?, ?, ?, ?, ?)`;
const INSERT_CONTENT = `insert into content (sha256, bytes) values (?, ?) on conflict (sha256) do nothing`;

function saveWorkflow(c: WriteContext, save: SaveWorkflowRequest): { workflow: WorkflowRow; created: boolean; changed: boolean } {
  const project = requireRow(c.db.get(PROJECT_BY_NAME, save.project), `project '${save.project}'`);
  const found = c.db.get(WORKFLOW_BY_NAME, save.project, save.name);
  if (found && save.mustBeNew) {
    throw new StoreError('CONFLICT', `Workflow '${save.name}' already exists in project '${save.project}'.`);
  }
  if (found && found['hash'] === save.hash) return { workflow: toWorkflowRow(found), created: false, changed: false };
  let version = 1;
  let id: number;
  if (found) {
    version = (found['version'] as number) + 1;
    id = found['id'] as number;
    c.db.run(UPDATE_WORKFLOW, save.description, version, save.hash, save.at, save.user, id);
  } else {
    id = insertedId(c.db.get(
      INSERT_WORKFLOW, project['id'] as number, save.name, save.description, save.hash, save.hidden ? 1 : 0, save.at, save.at, save.user,
    ));
  }
  for (const file of save.files) c.db.run(INSERT_CONTENT, file.sha256, file.bytes);
  const files = JSON.stringify(save.files.map(({ name, sha256 }) => ({ name, sha256 })));
  c.db.run(INSERT_VERSION, id, version, save.definition, files, save.source, save.format, save.hash, save.at, save.user);
  const workflow = toWorkflowRow(requireRow(c.db.get(WORKFLOW_BY_NAME, save.project, save.name), `workflow '${save.name}'`));
  return { workflow, created: !found, changed: true };
}

function insertedId(row: Row | undefined): number {
  return row?.['id'] as number;
}

const LIVE_RUNS_OF_WORKFLOW = `
  select coalesce(sum(runs), 0) as live from run_count where workflow_id = ? and state not in ${TERMINAL_RUN_STATES}`;
const DELETE_WORKFLOW = `update workflow set deleted_at = ?, deleted_by = ? where id = ? and deleted_at is null`;

function deleteWorkflow(c: WriteContext, request: { workflowId: number; user: string; at: number }): null {
  const live = c.db.get(LIVE_RUNS_OF_WORKFLOW, request.workflowId)?.['live'] as number;
  if (live > 0) {
    throw new StoreError('CONFLICT', `Workflow ${request.workflowId} has runs that have not ended: ${live}. Stop them first.`);
  }
  if (c.db.run(DELETE_WORKFLOW, request.at, request.user, request.workflowId) === 0) {
    throw new StoreError('NOT_FOUND', `There is no workflow ${request.workflowId}.`);
  }
  return null;
}

const UPSERT_CONNECTION = `
  insert into connection (project_id, name, kind, url) values (?, ?, ?, ?)
  on conflict (project_id, name) do update set kind = excluded.kind, url = excluded.url`;

function saveConnection(c: WriteContext, request: { project: string; connection: Connection }): null {
  const project = requireRow(c.db.get(PROJECT_BY_NAME, request.project), `project '${request.project}'`);
  const { name, kind, url } = request.connection;
  c.db.run(UPSERT_CONNECTION, project['id'] as number, name, kind, url);
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

const RUN_BY_ID = `select ${RUN_COLUMNS.join(', ')} from run where id = ?`;
const VERSION_EXISTS = `select 1 from workflow_version where workflow_id = ? and version = ?`;
const INSERT_RUN = `
  insert into run (
    project_id, project, workflow_id, workflow, workflow_version, parent_run, parent_task, parent_attempt, submitted_at, version, state, spec
  ) values (?, ?, ?, ?, ?, ?, ?, ?, ?, 0, 'queued', ?)
  on conflict (parent_run, parent_task, parent_attempt) where parent_run is not null do nothing
  returning id`;
const INSERT_COMMAND = `
  insert into command (run_id, action, user_name, at, idempotency_key, request_hash) values (?, ?, ?, ?, ?, ?) returning id`;

/** Answers with the row of the run. */
function submitRun(c: WriteContext, request: SubmitRequest): { run: Cell[]; command: number; repeated: boolean } {
  const { making, idempotencyKey, requestHash, taskRuns } = request;
  const earlier = commandOfKey(c, making.submitUser, idempotencyKey, making.submittedAt);
  if (earlier) {
    refuseOtherRequest(earlier, 'start', requestHash);
    const run = c.db.rows(RUN_BY_ID, earlier['run_id'] as number)[0]!;
    return { run, command: earlier['id'] as number, repeated: true };
  }
  const workflow = requireRow(
    c.db.get(WORKFLOW_BY_NAME, making.project, making.workflow), `workflow '${making.workflow}' in project '${making.project}'`,
  );
  const workflowId = workflow['id'] as number;
  const version = request.workflowVersion ?? (workflow['version'] as number);
  requireRow(c.db.get(VERSION_EXISTS, workflowId, version), `version ${version} of workflow '${making.workflow}'`);
  const run = insertRun(c, making, workflow['project_id'] as number, workflowId, version);
  if (run === null) throw new StoreError('CONFLICT', `Attempt ${attemptName(making.parent)} has a child run already.`);
  for (let i = 0; i < taskRuns.length; i += TASK_RUN_WIDTH) taskRuns[i] = run;
  upsertTaskRuns(c.db, taskRuns);
  const command = insertCommand(c, run, { kind: 'start' }, making.submitUser, making.submittedAt, idempotencyKey, requestHash);
  return { run: c.db.rows(RUN_BY_ID, run)[0]!, command, repeated: false };
}

/** Null when the parent's attempt has a child already. */
function insertRun(c: WriteContext, making: RunMaking, projectId: number, workflowId: number, version: number): number | null {
  const { project, workflow, parent, submittedAt, rest } = making;
  const row = c.db.get(
    INSERT_RUN, projectId, project, workflowId, workflow, version,
    parent?.run ?? null, parent?.task ?? null, parent?.attempt ?? null, submittedAt, rest,
  );
  return row ? insertedId(row) : null;
}

function attemptName(parent: ParentLink | null): string {
  return parent ? `${parent.run}.${parent.task}.${parent.attempt}` : 'none';
}

function insertCommand(
  c: WriteContext, run: number, action: CommandAction, user: string, at: number, key: string | null, hash: string | null,
): number {
  return insertedId(c.db.get(INSERT_COMMAND, run, JSON.stringify(action), user, at, key, hash));
}

const COMMAND_OF_KEY = `select id, run_id, action, at, request_hash from command where user_name = ? and idempotency_key = ?`;
const FORGET_KEY = `update command set idempotency_key = null where id = ?`;

/** The command that a user gave under this key within the last 24 h. */
function commandOfKey(c: WriteContext, user: string, key: string | null, at: number): Row | undefined {
  if (key === null) return undefined;
  const found = c.db.get(COMMAND_OF_KEY, user, key);
  if (found && at - (found['at'] as number) >= IDEMPOTENCY_MS) {
    c.db.run(FORGET_KEY, found['id'] as number);
    return undefined;
  }
  return found;
}

function refuseOtherRequest(earlier: Row, kind: CommandAction['kind'], hash: string | null): void {
  const action = JSON.parse(earlier['action'] as string) as CommandAction;
  if (action.kind === kind && earlier['request_hash'] === hash) return;
  throw new StoreError('CONFLICT', `This idempotency key was used for another request, about run ${earlier['run_id'] as number}.`);
}

const RUN_STATE = `select state from run where id = ?`;

function requestCommand(
  c: WriteContext, request: { run: number; action: CommandAction; user: string; at: number; idempotencyKey: string | null },
): number {
  const hash = `${request.run} ${JSON.stringify(request.action)}`;
  const earlier = commandOfKey(c, request.user, request.idempotencyKey, request.at);
  if (earlier) {
    refuseOtherRequest(earlier, request.action.kind, hash);
    return earlier['id'] as number;
  }
  const state = requireRow(c.db.get(RUN_STATE, request.run), `run ${request.run}`)['state'] as string;
  if (isTerminal(state)) {
    throw new StoreError('CONFLICT', `Run ${request.run} has ended: ${state}.`);
  }
  return insertCommand(c, request.run, request.action, request.user, request.at, request.idempotencyKey, hash);
}

// ---- masters

const INSERT_MASTER = `
  insert into master (id, token, host, registered_at, renewed_at, lease_until) values (?, ?, ?, ?, ?, ?)`;
const FENCE_MASTER = `update master set fenced_at = ? where id = ? and fenced_at is null`;

function registerMaster(
  c: WriteContext, master: { id: string; token: string; host: string; at: number; supersedes?: string[] },
): null {
  for (const id of master.supersedes ?? []) c.db.run(FENCE_MASTER, c.now(), id);
  try {
    c.db.run(INSERT_MASTER, master.id, master.token, master.host, master.at, master.at, c.now() + c.masterLeaseMs);
  } catch (error) {
    if (isConstraintError(error)) throw new StoreError('CONFLICT', `Master ${master.id} is registered already; each start makes a new id.`, { cause: error });
    throw error;
  }
  return null;
}

const CHECK_FENCE = `select 1 from master where id = ? and token = ? and fenced_at is null`;

/** Rule 3 of the port. SQLite has one writer, so reading the row inside the write transaction locks it as well. */
function checkFence(c: WriteContext, fence: Fence): void {
  if (!c.db.get(CHECK_FENCE, fence.master, fence.token)) {
    throw new StoreError('FENCED', `Master ${fence.master} is no longer in charge; another one took over.`);
  }
}

const RENEW_MASTER = `update master set renewed_at = ?, lease_until = ? where id = ?`;

function renewMaster(c: WriteContext, request: { fence: Fence; at: number }): null {
  checkFence(c, request.fence);
  c.db.run(RENEW_MASTER, request.at, c.now() + c.masterLeaseMs, request.fence.master);
  return null;
}

const IS_FENCED = `select 1 from master where id = ? and fenced_at is not null`;

/** Whether somebody else is in charge of a run that has no owner row yet. */
function isClaimedByAnother(c: WriteContext, run: number, master: string): boolean {
  const holder = c.claims.get(run);
  return holder !== undefined && holder !== master && !c.db.get(IS_FENCED, holder);
}

const WAITING_COMMANDS = `
  select ${COMMAND_COLUMNS.map((column) => `c.${column}`).join(', ')}, r.owner
  from command c join run r on r.id = c.run_id
  where c.done_at is null and c.id > ?
    and (r.owner is null or r.owner = ? or exists (select 1 from master m where m.id = r.owner and m.fenced_at is not null))
  order by c.id limit ?`;

/** Answers with the rows of the commands. */
function claimCommands(c: WriteContext, request: { fence: Fence; after: number | null; limit: number }): Cell[][] {
  checkFence(c, request.fence);
  const { master } = request.fence;
  const claimed: Cell[][] = [];
  let after = request.after ?? 0;
  for (;;) {
    const wanted = request.limit - claimed.length;
    const page = c.db.rows(WAITING_COMMANDS, after, master, wanted);
    for (const row of page) {
      const owner = row.pop();
      const [id, run] = row as [number, number];
      after = id;
      if (owner !== master) {
        if (isClaimedByAnother(c, run, master)) continue;
        c.claims.set(run, master);
      }
      claimed.push(row);
    }
    if (page.length < wanted || claimed.length === request.limit) return claimed;
  }
}

const FENCE_EXPIRED = `update master set fenced_at = ? where id <> ? and fenced_at is null and lease_until < ?`;
const ORPHANED_RUNS = `
  select r.id from run r
  where r.state not in ${TERMINAL_RUN_STATES} and r.id > ?
    and (r.owner is null or exists (select 1 from master m where m.id = r.owner and m.fenced_at is not null))
  order by r.id limit ?`;
const SET_OWNER = `update run set owner = ? where id = ?`;

/** Fences masters whose lease is over, then takes their runs and those of nobody. */
function adoptRuns(c: WriteContext, request: { fence: Fence; after: number | null; limit: number }): number[] {
  checkFence(c, request.fence);
  const { master } = request.fence;
  const now = c.now();
  c.db.run(FENCE_EXPIRED, now, master, now);
  const adopted: number[] = [];
  let after = request.after ?? 0;
  while (adopted.length < request.limit) {
    const page = c.db.rows(ORPHANED_RUNS, after, request.limit - adopted.length);
    if (page.length === 0) break;
    for (const [run] of page as [number][]) {
      after = run;
      if (isClaimedByAnother(c, run, master)) continue;
      c.db.run(SET_OWNER, master, run);
      adopted.push(run);
    }
  }
  return adopted;
}

// ---- the commit

const UPDATE_STATUS = `
  update run set version = ?, state = ?, cause = ?, first_failure = ?, wait_reason = ?, owner = ?, started_at = ?, ended_at = ?
  where id = ? and state not in ${TERMINAL_RUN_STATES} and version <= ?
    and (owner is null or owner = ? or exists (select 1 from master m where m.id = run.owner and m.fenced_at is not null))`;
const UPSERT_TASK_RUN = `
  insert into task_run (${TASK_RUN_COLUMNS.join(', ')}) values (${TASK_RUN_COLUMNS.map(() => '?').join(', ')})
  on conflict (run_id, task) do update set ${assignments(TASK_RUN_COLUMNS.slice(2))}
  where excluded.version >= task_run.version and (task_run.state not in ${TERMINAL_TASK_RUN_STATES}
    or (excluded.state = 'forced_success' and task_run.state in ${FORCEABLE_TASK_RUN_STATES}))`;
const UPSERT_ATTEMPT = `
  insert into attempt (${ATTEMPT_COLUMNS.join(', ')}) values (${ATTEMPT_COLUMNS.map(() => '?').join(', ')})
  on conflict (run_id, task, n) do update set ${assignments(ATTEMPT_COLUMNS.slice(3))}
  where excluded.version >= attempt.version and attempt.state not in ${TERMINAL_ATTEMPT_STATES}`;
const UPSERT_WORKER = `
  insert into worker (${WORKER_COLUMNS.join(', ')}) values (${WORKER_COLUMNS.map(() => '?').join(', ')})
  on conflict (id) do update set ${assignments(WORKER_COLUMNS.slice(1))}`;
const COMMAND_DONE = `update command set done_at = ?, outcome = ? where id = ? and done_at is null`;

function assignments(columns: readonly string[]): string {
  return columns.map((column) => `${column} = excluded.${column}`).join(', ');
}

function commit(c: WriteContext, request: { fence: Fence; rows: CommitRows }): null {
  checkFence(c, request.fence);
  const { rows } = request;
  finishCommands(c, rows.commandsDone);
  const ended = updateStatuses(c, request.fence.master, rows.statuses);
  upsertTaskRuns(c.db, rows.taskRuns);
  upsertAttempts(c.db, rows.attempts);
  for (let i = 0; i < rows.workers.length; i += WORKER_WIDTH) {
    c.db.statement(UPSERT_WORKER).run(...rows.workers.slice(i, i + WORKER_WIDTH));
  }
  for (const child of rows.children) {
    if (child.kind === 'start-child') startChild(c, child);
    else commandChild(c, child);
  }
  for (const run of ended) tellParent(c, run);
  return null;
}

function startChild(c: WriteContext, start: ChildStart): void {
  const { making, projectId, workflowId, workflowVersion } = start;
  if (!c.db.get(VERSION_EXISTS, workflowId, workflowVersion)) {
    throw new StoreError('INVARIANT', `Attempt ${attemptName(making.parent)} cannot start version ${workflowVersion} of workflow ${workflowId}: there is none.`);
  }
  const run = insertRun(c, making, projectId, workflowId, workflowVersion);
  if (run !== null) insertCommand(c, run, { kind: 'start' }, making.submitUser, making.submittedAt, null, null);
}

const LIVE_CHILD = `
  select id from run where parent_run = ? and parent_task = ? and parent_attempt = ? and state not in ${TERMINAL_RUN_STATES}`;

function commandChild(c: WriteContext, command: ChildCommand): void {
  const { parent, action, user, at } = command;
  const child = c.db.get(LIVE_CHILD, parent.run, parent.task, parent.attempt);
  if (child) insertCommand(c, child['id'] as number, action, user, at, null, null);
}

/** The user in whose name the store itself writes commands. */
const SYSTEM_USER = 'pelorus';
const CHILD_OF_LIVE_PARENT = `
  select child.parent_run, child.parent_task, child.parent_attempt, child.state, child.ended_at
  from run child join run parent on parent.id = child.parent_run
  where child.id = ? and parent.state not in ${TERMINAL_RUN_STATES}`;

/** S11: the end of a child is a command to its parent, in the transaction in which it ends. */
function tellParent(c: WriteContext, child: number): void {
  const row = c.db.get(CHILD_OF_LIVE_PARENT, child);
  if (!row) return;
  const action: CommandAction = {
    kind: 'child-finished', task: row['parent_task'] as number, attempt: row['parent_attempt'] as number, child: child as RunId, state: row['state'] as RunState,
  };
  insertCommand(c, row['parent_run'] as number, action, SYSTEM_USER, (row['ended_at'] as number | null) ?? c.now(), null, null);
}

const COMMAND_OUTCOME = `select outcome from command where id = ?`;

function finishCommands(c: WriteContext, cells: Cell[]): void {
  for (let i = 0; i < cells.length; i += COMMAND_DONE_WIDTH) {
    const [id, at, outcome] = cells.slice(i, i + COMMAND_DONE_WIDTH) as [number, number, string];
    if (c.db.run(COMMAND_DONE, at, outcome, id) === 1) continue;
    const found = c.db.get(COMMAND_OUTCOME, id);
    if (!found) throw new StoreError('INVARIANT', `There is no command ${id} to finish.`);
    if (found['outcome'] !== outcome) {
      throw new StoreError('INVARIANT', `Command ${id} has ended with ${found['outcome'] as string}; it cannot end with ${outcome}.`);
    }
  }
}

/** Answers with the runs that ended by it. */
function updateStatuses(c: WriteContext, master: string, cells: Cell[]): number[] {
  const ended: number[] = [];
  const update = c.db.statement(UPDATE_STATUS);
  for (let i = 0; i < cells.length; i += STATUS_WIDTH) {
    const [run, version, state, cause, firstFailure, waitReason, , startedAt, endedAt] = cells.slice(i, i + STATUS_WIDTH) as [number, ...Cell[]];
    const written = update.run(
      version!, state!, cause!, firstFailure!, waitReason!, master, startedAt!, endedAt!, run, version!, master,
    ).changes;
    if (written === 0) {
      explainStatus(c.db, master, cells.slice(i, i + STATUS_WIDTH));
      continue;
    }
    c.claims.delete(run);
    if (isTerminal(state as string)) ended.push(run);
  }
  return ended;
}

function isTerminal(state: string): boolean {
  return TERMINAL_RUN_STATES.includes(`'${state}'`);
}

const STORED_STATUS = `
  select version, state, cause, first_failure, wait_reason, owner, started_at, ended_at from run where id = ?`;

/** A status that was not written: fine when it says what is stored already, else a bug of the caller. */
function explainStatus(db: SqliteDatabase, master: string, status: Cell[]): void {
  const [run, version] = status as [number, number];
  const stored = db.rows(STORED_STATUS, run)[0];
  if (!stored) throw new StoreError('INVARIANT', `There is no run ${run} to write.`);
  // Versions and owners may differ: the same truth, told again.
  const same = [1, 2, 3, 4, 6, 7].every((i) => stored[i] === status[i + 1]);
  if (same) return;
  throw new StoreError('INVARIANT', `Run ${run} is ${stored[1]} at version ${stored[0]}, owned by ${stored[5]}; ${master} cannot make it ${status[2]} at version ${version}.`);
}

const STORED_TASK_RUN = `select ${TASK_RUN_COLUMNS.join(', ')} from task_run where run_id = ? and task = ?`;

function upsertTaskRuns(db: SqliteDatabase, cells: Cell[]): void {
  const upsert = db.statement(UPSERT_TASK_RUN);
  for (let i = 0; i < cells.length; i += TASK_RUN_WIDTH) {
    const row = cells.slice(i, i + TASK_RUN_WIDTH);
    if (upsert.run(...row).changes !== 0) continue;
    const stored = db.rows(STORED_TASK_RUN, row[0]!, row[1]!)[0]!;
    if (row.every((cell, column) => column === 2 || cell === stored[column])) continue;
    throw new StoreError('INVARIANT', `Task ${row[1]} of run ${row[0]} is ${stored[3]} at version ${stored[2]}; it cannot become ${row[3]} at version ${row[2]}.`);
  }
}

const STORED_ATTEMPT = `select ${ATTEMPT_COLUMNS.join(', ')} from attempt where run_id = ? and task = ? and n = ?`;

function upsertAttempts(db: SqliteDatabase, cells: Cell[]): void {
  const upsert = db.statement(UPSERT_ATTEMPT);
  for (let i = 0; i < cells.length; i += ATTEMPT_WIDTH) {
    const row = cells.slice(i, i + ATTEMPT_WIDTH);
    const name = `${row[0]}.${row[1]}.${row[2]}`;
    let written;
    try {
      written = upsert.run(...row).changes;
    } catch (error) {
      if (!isConstraintError(error)) throw error;
      throw new StoreError('INVARIANT', `Attempt ${name} cannot be ${row[4]}: another attempt of its task run is live.`, { cause: error });
    }
    if (written !== 0) continue;
    const stored = db.rows(STORED_ATTEMPT, row[0]!, row[1]!, row[2]!)[0]!;
    if (row.every((cell, column) => column === 3 || cell === stored[column])) continue;
    throw new StoreError('INVARIANT', `Attempt ${name} is ${stored[4]} at version ${stored[3]}; it cannot become ${row[4]} at version ${row[3]}.`);
  }
}

/** Answered once the writer has opened the database. */
function open(): null {
  return null;
}

export const writeVerbs = {
  open,
  ensureProject, saveWorkflow, deleteWorkflow, saveConnection, submitRun, requestCommand,
  registerMaster, renewMaster, claimCommands, adoptRuns, commit,
};
export type WriteVerbs = typeof writeVerbs;
