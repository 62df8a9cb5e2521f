/**
 * The commit of a master: the hottest path of the product.
 *
 * Invariants that it holds whatever it is told:
 * S1 a fenced master writes nothing · S4 what has ended never changes · S5 one live attempt per task run (the index
 * `attempt_live`) · S11 the end of a child is a command to its parent, in the same transaction.
 * Each guard is a condition in the upsert itself; only when a row was not written is the stored one looked at, to tell
 * a repetition, which is harmless, from a bug.
 */
import type { CommandAction } from '@pelorus/engine';
import type { ConcurrencyPolicy, RunId, RunState } from '@pelorus/protocol';
import { insertAlert } from './alerts-outbox.ts';
import { beginRun } from './begin-run.ts';
import { StoreError } from './port.ts';
import type { Fence } from './port.ts';
import {
  ATTEMPT_COLUMNS,
  ATTEMPT_WIDTH,
  COMMAND_DONE_WIDTH,
  STATUS_WIDTH,
  TASK_RUN_COLUMNS,
  TASK_RUN_WIDTH,
  WORKER_COLUMNS,
  WORKER_WIDTH,
} from './rows.ts';
import type { Cell, ChildCommand, ChildStart, CommitRows } from './rows.ts';
import { attemptName, insertCommand, SYSTEM_USER, VERSION } from './run-rows.ts';
import { ConstraintViolation } from './database.ts';
import type { Database, Sql } from './database.ts';
import { passTurn } from './turns.ts';
import {
  checkFence,
  FORCEABLE_TASK_RUN_STATES,
  isTerminal,
  TERMINAL_ATTEMPT_STATES,
  TERMINAL_RUN_STATES,
  TERMINAL_TASK_RUN_STATES,
} from './write-context.ts';
import type { WriteContext } from './write-context.ts';

const UPDATE_STATUS = `
  update run set version = ?, state = ?, cause = ?, first_failure = ?, wait_reason = ?, owner = ?, started_at = ?, ended_at = ?,
    changed = ?
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
  on conflict (id) do update set ${assignments(WORKER_COLUMNS.slice(1).filter((column) => column !== 'seen_at'))},
    seen_at = case when excluded.seen_at > worker.seen_at then excluded.seen_at else worker.seen_at end`;
const COMMAND_DONE = `update command set done_at = ?, outcome = ? where id = ? and done_at is null`;

function assignments(columns: readonly string[]): string {
  return columns.map((column) => `${column} = excluded.${column}`).join(', ');
}

/** All changes of one commit, behind the fence. What would break S4 or S5 throws, and nothing of the commit is stored. */
export function* commit(c: WriteContext, request: { fence: Fence; rows: CommitRows }): Sql<{ commands: number }> {
  yield* checkFence(c, request.fence);
  const { rows } = request;
  noteRuns(c, rows);
  const commandsBefore = c.commandsWritten;
  yield* finishCommands(c, rows.commandsDone);
  const ended = yield* updateStatuses(c, request.fence.master, rows.statuses);
  yield* upsertTaskRuns(c.db, rows.taskRuns);
  yield* upsertAttempts(c.db, rows.attempts);
  yield* c.db.each(UPSERT_WORKER, WORKER_WIDTH, rows.workers);
  for (const child of rows.children) {
    if (child.kind === 'start-child') yield* startChild(c, child);
    else yield* commandChild(c, child);
  }
  for (const run of ended) yield* runEnded(c, run);
  for (const alert of rows.alerts) yield* insertAlert(c, alert);
  return { commands: c.commandsWritten - commandsBefore };
}

function noteRuns({ runsChanged }: WriteContext, { statuses, taskRuns, attempts }: CommitRows): void {
  if (runsChanged === null) return;
  for (let i = 0; i < statuses.length; i += STATUS_WIDTH) runsChanged.add(statuses[i] as number);
  for (let i = 0; i < taskRuns.length; i += TASK_RUN_WIDTH) runsChanged.add(taskRuns[i] as number);
  for (let i = 0; i < attempts.length; i += ATTEMPT_WIDTH) runsChanged.add(attempts[i] as number);
}

function* startChild(c: WriteContext, start: ChildStart): Sql<void> {
  const { making, projectId, workflowId, workflowVersion: version } = start;
  const policy = (yield* c.db.get(VERSION, workflowId, version))?.['concurrency'] as ConcurrencyPolicy | undefined;
  if (policy === undefined) {
    throw new StoreError(
      'INVARIANT',
      `Attempt ${attemptName(making.parent)} cannot start version ${version} of workflow ${workflowId}: there is none.`,
    );
  }
  const begun = yield* beginRun(c, { making, place: { projectId, workflowId, version }, policy });
  if (begun?.discarded) yield* runEnded(c, begun.run);
}

const LIVE_CHILD = `
  select id from run where parent_run = ? and parent_task = ? and parent_attempt = ? and state not in ${TERMINAL_RUN_STATES}`;

function* commandChild(c: WriteContext, command: ChildCommand): Sql<void> {
  const { parent, action, user, at } = command;
  const child = yield* c.db.get(LIVE_CHILD, parent.run, parent.task, parent.attempt);
  if (child) yield* insertCommand(c, { run: child['id'] as number, action, user, at });
}

const ENDED_RUN = `
  select workflow_id, turn, dry_run, state, ended_at, parent_run, parent_task, parent_attempt from run where id = ?`;
const STATE_OF = `select state from run where id = ?`;

/** What the end of a run is to others: S11, a command to its parent; and the turn of the next run of its workflow. */
function* runEnded(c: WriteContext, run: number): Sql<void> {
  const row = (yield* c.db.get(ENDED_RUN, run))!;
  const at = (row['ended_at'] as number | null) ?? (yield* c.now());
  const parent = row['parent_run'] as number | null;
  const parentState =
    parent === null ? undefined : ((yield* c.db.get(STATE_OF, parent))?.['state'] as string | undefined);
  if (parent !== null && parentState !== undefined && !isTerminal(parentState)) {
    const action: CommandAction = {
      kind: 'child-finished',
      task: row['parent_task'] as number,
      attempt: row['parent_attempt'] as number,
      child: run as RunId,
      state: row['state'] as RunState,
    };
    yield* insertCommand(c, { run: parent, action, user: SYSTEM_USER, at });
  }
  if (row['dry_run'] !== 0) return;
  yield* passTurn(c, { run, workflowId: row['workflow_id'] as number, waited: row['turn'] !== null, at });
}

const COMMAND_OUTCOME = `select outcome from command where id = ?`;

function* finishCommands(c: WriteContext, cells: Cell[]): Sql<void> {
  for (let i = 0; i < cells.length; i += COMMAND_DONE_WIDTH) {
    const [id, at, outcome] = cells.slice(i, i + COMMAND_DONE_WIDTH) as [number, number, string];
    if ((yield* c.db.run(COMMAND_DONE, at, outcome, id)) === 1) continue;
    const found = yield* c.db.get(COMMAND_OUTCOME, id);
    if (!found) throw new StoreError('INVARIANT', `There is no command ${id} to finish.`);
    if (found['outcome'] !== outcome) {
      throw new StoreError(
        'INVARIANT',
        `Command ${id} has ended with ${found['outcome'] as string}; it cannot end with ${outcome}.`,
      );
    }
  }
}

/** Cells of `UPDATE_STATUS`, in its order. */
const STATUS_UPDATE_WIDTH = 12;

/** Answers with the runs that ended by it. */
function* updateStatuses(c: WriteContext, master: string, cells: Cell[]): Sql<number[]> {
  const updates: Cell[] = [];
  for (let i = 0; i < cells.length; i += STATUS_WIDTH) {
    const [run, version, state, cause, firstFailure, waitReason, , startedAt, endedAt] = cells.slice(
      i,
      i + STATUS_WIDTH,
    );
    const written = [version, state, cause, firstFailure, waitReason, master, startedAt, endedAt] as Cell[];
    updates.push(...written, yield* c.nextChange(), run!, version!, master);
  }
  const unwritten = new Set(yield* c.db.each(UPDATE_STATUS, STATUS_UPDATE_WIDTH, updates));
  const ended: number[] = [];
  for (let i = 0; i < cells.length; i += STATUS_WIDTH) {
    const [run, , state] = cells.slice(i, i + 3) as [number, number, string];
    if (unwritten.has(i / STATUS_WIDTH)) {
      yield* explainStatus(c.db, master, cells.slice(i, i + STATUS_WIDTH));
      continue;
    }
    c.claims?.delete(run);
    if (isTerminal(state)) ended.push(run);
  }
  return ended;
}

const STORED_STATUS = `
  select version, state, cause, first_failure, wait_reason, owner, started_at, ended_at from run where id = ?`;

/** A status that was not written: fine when it says what is stored already, else a bug of the caller. */
function* explainStatus(db: Database, master: string, status: Cell[]): Sql<void> {
  const [run, version] = status as [number, number];
  const stored = (yield* db.rows(STORED_STATUS, run))[0];
  if (!stored) throw new StoreError('INVARIANT', `There is no run ${run} to write.`);
  // Versions and owners may differ: the same truth, told again.
  const same = [1, 2, 3, 4, 6, 7].every((i) => stored[i] === status[i + 1]);
  if (same) return;
  throw new StoreError(
    'INVARIANT',
    `Run ${run} is ${stored[1]} at version ${stored[0]}, owned by ${stored[5]}; ${master} cannot make it ${status[2]} at version ${version}.`,
  );
}

const STORED_TASK_RUN = `select ${TASK_RUN_COLUMNS.join(', ')} from task_run where run_id = ? and task = ?`;

/** Writes task runs; one that has ended stays as it is, unless an operator forces its success. */
export function* upsertTaskRuns(db: Database, cells: Cell[]): Sql<void> {
  for (const at of yield* db.each(UPSERT_TASK_RUN, TASK_RUN_WIDTH, cells)) {
    const row = cells.slice(at * TASK_RUN_WIDTH, (at + 1) * TASK_RUN_WIDTH);
    const stored = (yield* db.rows(STORED_TASK_RUN, row[0]!, row[1]!))[0]!;
    if (row.every((cell, column) => column === 2 || cell === stored[column])) continue;
    throw new StoreError(
      'INVARIANT',
      `Task ${row[1]} of run ${row[0]} is ${stored[3]} at version ${stored[2]}; it cannot become ${row[3]} at version ${row[2]}.`,
    );
  }
}

const STORED_ATTEMPT = `select ${ATTEMPT_COLUMNS.join(', ')} from attempt where run_id = ? and task = ? and n = ?`;

function* upsertAttempts(db: Database, cells: Cell[]): Sql<void> {
  const rowAt = (at: number): Cell[] => cells.slice(at * ATTEMPT_WIDTH, (at + 1) * ATTEMPT_WIDTH);
  let unwritten: number[];
  try {
    unwritten = yield* db.each(UPSERT_ATTEMPT, ATTEMPT_WIDTH, cells);
  } catch (error) {
    if (!(error instanceof ConstraintViolation)) throw error;
    const row = rowAt(error.position);
    throw new StoreError(
      'INVARIANT',
      `Attempt ${nameOf(row)} cannot be ${row[4]}: another attempt of its task run is live.`,
      { cause: error },
    );
  }
  for (const at of unwritten) {
    const row = rowAt(at);
    const stored = (yield* db.rows(STORED_ATTEMPT, row[0]!, row[1]!, row[2]!))[0]!;
    if (row.every((cell, column) => column === 3 || cell === stored[column])) continue;
    throw new StoreError(
      'INVARIANT',
      `Attempt ${nameOf(row)} is ${stored[4]} at version ${stored[3]}; it cannot become ${row[4]} at version ${row[3]}.`,
    );
  }
}

/** Of a row of `ATTEMPT_COLUMNS`. */
function nameOf(row: Cell[]): string {
  return `${row[0]}.${row[1]}.${row[2]}`;
}
