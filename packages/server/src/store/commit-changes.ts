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
import { isConstraintError } from './sqlite-database.ts';
import type { SqliteDatabase } from './sqlite-database.ts';
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
    seen_at = max(worker.seen_at, excluded.seen_at)`;
const COMMAND_DONE = `update command set done_at = ?, outcome = ? where id = ? and done_at is null`;

function assignments(columns: readonly string[]): string {
  return columns.map((column) => `${column} = excluded.${column}`).join(', ');
}

/** All changes of one commit, behind the fence. What would break S4 or S5 throws, and nothing of the commit is stored. */
export function commit(c: WriteContext, request: { fence: Fence; rows: CommitRows }): { commands: number } {
  checkFence(c, request.fence);
  const { rows } = request;
  const commandsBefore = c.commandsWritten;
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
  for (const run of ended) runEnded(c, run);
  for (const alert of rows.alerts) insertAlert(c, alert);
  return { commands: c.commandsWritten - commandsBefore };
}

function startChild(c: WriteContext, start: ChildStart): void {
  const { making, projectId, workflowId, workflowVersion: version } = start;
  const policy = c.db.get(VERSION, workflowId, version)?.['concurrency'] as ConcurrencyPolicy | undefined;
  if (policy === undefined) {
    throw new StoreError(
      'INVARIANT',
      `Attempt ${attemptName(making.parent)} cannot start version ${version} of workflow ${workflowId}: there is none.`,
    );
  }
  const begun = beginRun(c, { making, place: { projectId, workflowId, version }, policy });
  if (begun?.discarded) runEnded(c, begun.run);
}

const LIVE_CHILD = `
  select id from run where parent_run = ? and parent_task = ? and parent_attempt = ? and state not in ${TERMINAL_RUN_STATES}`;

function commandChild(c: WriteContext, command: ChildCommand): void {
  const { parent, action, user, at } = command;
  const child = c.db.get(LIVE_CHILD, parent.run, parent.task, parent.attempt);
  if (child) insertCommand(c, { run: child['id'] as number, action, user, at });
}

const ENDED_RUN = `
  select workflow_id, turn, dry_run, state, ended_at, parent_run, parent_task, parent_attempt from run where id = ?`;
const STATE_OF = `select state from run where id = ?`;

/** What the end of a run is to others: S11, a command to its parent; and the turn of the next run of its workflow. */
function runEnded(c: WriteContext, run: number): void {
  const row = c.db.get(ENDED_RUN, run)!;
  const at = (row['ended_at'] as number | null) ?? c.now();
  const parent = row['parent_run'] as number | null;
  const parentState = parent === null ? undefined : (c.db.get(STATE_OF, parent)?.['state'] as string | undefined);
  if (parent !== null && parentState !== undefined && !isTerminal(parentState)) {
    const action: CommandAction = {
      kind: 'child-finished',
      task: row['parent_task'] as number,
      attempt: row['parent_attempt'] as number,
      child: run as RunId,
      state: row['state'] as RunState,
    };
    insertCommand(c, { run: parent, action, user: SYSTEM_USER, at });
  }
  if (row['dry_run'] !== 0) return;
  passTurn(c, { run, workflowId: row['workflow_id'] as number, waited: row['turn'] !== null, at });
}

const COMMAND_OUTCOME = `select outcome from command where id = ?`;

function finishCommands(c: WriteContext, cells: Cell[]): void {
  for (let i = 0; i < cells.length; i += COMMAND_DONE_WIDTH) {
    const [id, at, outcome] = cells.slice(i, i + COMMAND_DONE_WIDTH) as [number, number, string];
    if (c.db.run(COMMAND_DONE, at, outcome, id) === 1) continue;
    const found = c.db.get(COMMAND_OUTCOME, id);
    if (!found) throw new StoreError('INVARIANT', `There is no command ${id} to finish.`);
    if (found['outcome'] !== outcome) {
      throw new StoreError(
        'INVARIANT',
        `Command ${id} has ended with ${found['outcome'] as string}; it cannot end with ${outcome}.`,
      );
    }
  }
}

/** Answers with the runs that ended by it. */
function updateStatuses(c: WriteContext, master: string, cells: Cell[]): number[] {
  const ended: number[] = [];
  const update = c.db.statement(UPDATE_STATUS);
  for (let i = 0; i < cells.length; i += STATUS_WIDTH) {
    const [run, version, state, cause, firstFailure, waitReason, , startedAt, endedAt] = cells.slice(
      i,
      i + STATUS_WIDTH,
    ) as [number, ...Cell[]];
    const written = update.run(
      version!,
      state!,
      cause!,
      firstFailure!,
      waitReason!,
      master,
      startedAt!,
      endedAt!,
      ++c.runsChanged,
      run,
      version!,
      master,
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
  throw new StoreError(
    'INVARIANT',
    `Run ${run} is ${stored[1]} at version ${stored[0]}, owned by ${stored[5]}; ${master} cannot make it ${status[2]} at version ${version}.`,
  );
}

const STORED_TASK_RUN = `select ${TASK_RUN_COLUMNS.join(', ')} from task_run where run_id = ? and task = ?`;

/** Writes task runs; one that has ended stays as it is, unless an operator forces its success. */
export function upsertTaskRuns(db: SqliteDatabase, cells: Cell[]): void {
  const upsert = db.statement(UPSERT_TASK_RUN);
  for (let i = 0; i < cells.length; i += TASK_RUN_WIDTH) {
    const row = cells.slice(i, i + TASK_RUN_WIDTH);
    if (upsert.run(...row).changes !== 0) continue;
    const stored = db.rows(STORED_TASK_RUN, row[0]!, row[1]!)[0]!;
    if (row.every((cell, column) => column === 2 || cell === stored[column])) continue;
    throw new StoreError(
      'INVARIANT',
      `Task ${row[1]} of run ${row[0]} is ${stored[3]} at version ${stored[2]}; it cannot become ${row[3]} at version ${row[2]}.`,
    );
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
      throw new StoreError(
        'INVARIANT',
        `Attempt ${name} cannot be ${row[4]}: another attempt of its task run is live.`,
        { cause: error },
      );
    }
    if (written !== 0) continue;
    const stored = db.rows(STORED_ATTEMPT, row[0]!, row[1]!, row[2]!)[0]!;
    if (row.every((cell, column) => column === 3 || cell === stored[column])) continue;
    throw new StoreError(
      'INVARIANT',
      `Attempt ${name} is ${stored[4]} at version ${stored[3]}; it cannot become ${row[4]} at version ${row[3]}.`,
    );
  }
}
