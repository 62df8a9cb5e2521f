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
import { driveSettled, settleDates } from './backfill-driver.ts';
import { beginRun } from './begin-run.ts';
import type { Bulk } from './bulk.ts';
import { StoreError } from './port.ts';
import type { Fence } from './port.ts';
import {
  ATTEMPT_COLUMNS,
  ATTEMPT_WIDTH,
  COMMAND_DONE_WIDTH,
  LATE_RESULT_WIDTH,
  STATUS_WIDTH,
  TASK_RUN_COLUMNS,
  TASK_RUN_WIDTH,
  WORKER_COLUMNS,
  WORKER_WIDTH,
} from './rows.ts';
import type { Cell, ChildCommand, ChildStart, CommitRows } from './rows.ts';
import { attemptName, insertCommand, SYSTEM_USER, VERSION } from './run-rows.ts';
import { ConstraintViolation } from './database.ts';
import type { Database, Row, Sql } from './database.ts';
import type { Dialect } from './dialect.ts';
import { passTurns, workflowsWaitedFor } from './turns.ts';
import {
  checkFence,
  FORCEABLE_TASK_RUN_STATES,
  isTerminal,
  TERMINAL_ATTEMPT_STATES,
  TERMINAL_RUN_STATES,
  TERMINAL_TASK_RUN_STATES,
} from './write-context.ts';
import type { WriteContext } from './write-context.ts';

const MAY_WRITE_RUN = `(owner is null or owner = ? or exists (select 1 from master m where m.id = run.owner and m.fenced_at is not null))`;
const STATUS_COLUMNS = ['version', 'state', 'cause', 'first_failure', 'wait_reason', 'owner', 'started_at', 'ended_at'];
/** The cells of these columns, then the change, the run's id, its version and its owner. */
const UPDATE_STATUS: Bulk = {
  each: `
    update run set ${STATUS_COLUMNS.map((column) => `${column} = ?`).join(', ')}, changed = ?
    where id = ? and state not in ${TERMINAL_RUN_STATES} and version <= ? and ${MAY_WRITE_RUN}`,
  all: (rows) => `
    update run set ${STATUS_COLUMNS.map((column, i) => `${column} = n.c${i}`).join(', ')},
      changed = coalesce(n.c8, pg_current_xact_id()::text::bigint)
    from ${rows} n
    where id = n.c9 and state not in ${TERMINAL_RUN_STATES} and version <= n.c10 and ${MAY_WRITE_RUN.replace('?', 'n.c11')}
    returning id`,
  types: ['bigint', 'text', 'text', 'text', 'text', 'text', 'bigint', 'bigint', 'bigint', 'bigint', 'bigint', 'text'],
  key: [9],
};
const UPSERT_TASK_RUN = upsert('task_run', TASK_RUN_COLUMNS, {
  key: 2,
  texts: ['state', 'cause', 'wait_reason', 'outputs'],
  update: `${assignments(TASK_RUN_COLUMNS.slice(2))}
    where excluded.version >= task_run.version and (task_run.state not in ${TERMINAL_TASK_RUN_STATES}
      or (excluded.state = 'forced_success' and task_run.state in ${FORCEABLE_TASK_RUN_STATES}))`,
});
const UPSERT_ATTEMPT = upsert('attempt', ATTEMPT_COLUMNS, {
  key: 3,
  texts: ['state', 'cause', 'worker', 'kill_intent'],
  update: `${assignments(ATTEMPT_COLUMNS.slice(3))}
    where excluded.version >= attempt.version and attempt.state not in ${TERMINAL_ATTEMPT_STATES}`,
});
/**
 * `isNews`, of rows. A run that has ended keeps it as well, whoever is told.
 */
const isLateNews = (state: string, cause: string): string => `
  late is null and state in ${TERMINAL_ATTEMPT_STATES} and state <> ${state}
    and not (${state} = 'killed' and kill_intent is not null) and coalesce(cause, '') <> coalesce(${cause}, '')`;
const KEEP_LATE_RESULT: Bulk = {
  each: `update attempt set late = ?6 where run_id = ?1 and task = ?2 and n = ?3 and ${isLateNews('?4', '?5')}`,
  all: (rows) => `
    update attempt set late = r.c5 from ${rows} r
    where run_id = r.c0 and task = r.c1 and n = r.c2 and ${isLateNews('r.c3', 'r.c4')} returning run_id, task, n`,
  types: ['bigint', 'bigint', 'bigint', 'text', 'text', 'text'],
  key: [0, 1, 2],
};
/** Several masters tell of one worker: of its state and its load the latest word counts. */
const UPSERT_WORKER = upsert('worker', WORKER_COLUMNS, {
  key: 1,
  texts: ['id', 'name', 'host', 'groups', 'state', 'supersedes', 'load', 'features'],
  update: `${assignments(WORKER_COLUMNS.slice(1).filter((column) => !['seen_at', 'state', 'load'].includes(column)))},
    load = case when excluded.seen_at >= worker.seen_at then excluded.load else worker.load end,
    state = case when excluded.seen_at >= worker.seen_at then excluded.state else worker.state end,
    seen_at = case when excluded.seen_at > worker.seen_at then excluded.seen_at else worker.seen_at end`,
});
const COMMAND_DONE: Bulk = {
  each: `update command set done_at = ?2, outcome = ?3 where id = ?1 and done_at is null`,
  all: (rows) => `
    update command set done_at = n.c1, outcome = n.c2 from ${rows} n where id = n.c0 and done_at is null returning id`,
  types: ['bigint', 'bigint', 'text'],
  key: [0],
};

/** The first `key` columns are the primary key. */
function upsert(
  table: string,
  columns: readonly string[],
  { key, texts, update }: { key: number; texts: readonly string[]; update: string },
): Bulk {
  const into = `insert into ${table} (${columns.join(', ')})`;
  const keys = columns.slice(0, key);
  const conflict = `on conflict (${keys.join(', ')}) do update set ${update}`;
  return {
    each: `${into} values (${columns.map(() => '?').join(', ')}) ${conflict}`,
    // `where true`: or else SQLite's parser, and a reader, would take `on` for a part of a join.
    all: (rows) =>
      `${into} select ${columns.map((_, i) => `n.c${i}`).join(', ')} from ${rows} n where true ${conflict} returning ${keys.join(', ')}`,
    types: columns.map((column) => (texts.includes(column) ? 'text' : 'bigint')),
    key: keys.map((_, i) => i),
  };
}

function assignments(columns: readonly string[]): string {
  return columns.map((column) => `${column} = excluded.${column}`).join(', ');
}

/** All changes of one commit, behind the fence. What would break S4 or S5 throws, and nothing of the commit is stored. */
export function* commit(c: WriteContext, request: { fence: Fence; rows: CommitRows }): Sql<{ commands: number }> {
  const { fence, rows } = request;
  const { statuses, children, alerts } = rows;
  noteRuns(c, rows);
  const ending = endingRuns(statuses);
  let ended: ReadonlySet<number> = new Set();
  const write = [
    checkFence(c, fence),
    finishCommands(c, rows.commandsDone),
    (function* (): Sql<void> {
      ended = yield* updateStatuses(c, fence.master, statuses);
    })(),
    upsertTaskRuns(c.db, rows.taskRuns),
    upsertAttempts(c.db, rows.attempts),
    keepLateResults(c.db, rows.lateResults),
    upsertWorkers(c.db, rows.workers),
  ];
  if (ending.length + children.length + alerts.length === 0) {
    yield* c.db.finish<void>(write);
    return { commands: 0 };
  }
  const commandsBefore = c.commandsWritten;
  let ends = NO_ENDS;
  const look = (function* (): Sql<void> {
    ends = yield* lookAtEnds(c, ending);
  })();
  yield* c.db.together<void>([...write, look]);
  for (const child of children) {
    if (child.kind === 'start-child') yield* startChild(c, child);
    else yield* commandChild(c, child);
  }
  for (const alert of alerts) yield* insertAlert(c, alert);
  const runs = ends.runs.filter((row) => ended.has(row['id'] as number));
  yield* runsEnded(c, { ...ends, runs }, { isLast: true });
  return { commands: c.commandsWritten - commandsBefore };
}

/** Several masters hear of the same workers: all write them in the same order. */
function* upsertWorkers(db: Database, cells: Cell[]): Sql<void> {
  const rows: Cell[][] = [];
  for (let i = 0; i < cells.length; i += WORKER_WIDTH) rows.push(cells.slice(i, i + WORKER_WIDTH));
  rows.sort(([a], [b]) => (a! < b! ? -1 : 1));
  yield* db.bulk(UPSERT_WORKER, rows.flat());
}

function noteRuns({ runsChanged }: WriteContext, { statuses, taskRuns, attempts, lateResults }: CommitRows): void {
  if (runsChanged === null) return;
  for (let i = 0; i < statuses.length; i += STATUS_WIDTH) runsChanged.add(statuses[i] as number);
  for (let i = 0; i < taskRuns.length; i += TASK_RUN_WIDTH) runsChanged.add(taskRuns[i] as number);
  for (let i = 0; i < attempts.length; i += ATTEMPT_WIDTH) runsChanged.add(attempts[i] as number);
  for (let i = 0; i < lateResults.length; i += LATE_RESULT_WIDTH) runsChanged.add(lateResults[i] as number);
}

function* startChild(c: WriteContext, start: ChildStart): Sql<void> {
  const { making, projectId, workflowId, workflowVersion: version } = start;
  const pinned = yield* c.db.get(VERSION, workflowId, version);
  if (!pinned) {
    throw new StoreError(
      'INVARIANT',
      `Attempt ${attemptName(making.parent)} cannot start version ${version} of workflow ${workflowId}: there is none.`,
    );
  }
  const begun = yield* beginRun(c, {
    making,
    place: { projectId, workflowId, version },
    policy: pinned['concurrency'] as ConcurrencyPolicy,
    filesWanted: pinned['project_files'] as string,
  });
  if (begun?.discarded) yield* runsEnded(c, yield* lookAtEnds(c, [begun.run]), { isLast: false });
}

const LIVE_CHILD = `
  select id from run where parent_run = ? and parent_task = ? and parent_attempt = ? and state not in ${TERMINAL_RUN_STATES}`;

function* commandChild(c: WriteContext, command: ChildCommand): Sql<void> {
  const { parent, action, user, at } = command;
  const child = yield* c.db.get(LIVE_CHILD, parent.run, parent.task, parent.attempt);
  if (child) yield* insertCommand(c, { run: child['id'] as number, action, user, at });
}

/** Of the cells of statuses, the runs that end by them. */
function endingRuns(cells: readonly Cell[]): number[] {
  const runs: number[] = [];
  for (let i = 0; i < cells.length; i += STATUS_WIDTH)
    if (isTerminal(cells[i + 2] as string)) runs.push(cells[i] as number);
  return runs;
}

/** Runs that have ended, and of their workflows those in which somebody waits for a turn. */
interface Ends {
  runs: readonly Row[];
  waitedFor: ReadonlySet<number>;
}
const NO_ENDS: Ends = { runs: [], waitedFor: new Set() };

const ENDED_RUNS = (dialect: Dialect): string => `
  select id, workflow_id, turn, dry_run, state, cause, exec_type, ended_at, parent_run, parent_task, parent_attempt
  from run where ${dialect.isAmong('id')} order by id`;
const STATE_OF = `select state from run where id = ?`;

function* lookAtEnds(c: WriteContext, runs: readonly number[]): Sql<Ends> {
  if (runs.length === 0) return NO_ENDS;
  let waitedFor: ReadonlySet<number> = new Set();
  const [rows] = yield* c.db.together<Row[]>([
    c.db.all(ENDED_RUNS, JSON.stringify(runs)),
    (function* (): Sql<Row[]> {
      waitedFor = yield* workflowsWaitedFor(c, runs);
      return [];
    })(),
  ]);
  return { runs: rows!, waitedFor };
}

/**
 * What the end of runs is to others: where they are a backfill's, its dates and what comes next; a command to each parent (S11);
 * and the turn of the next run of the workflow. Backfills are
 * locked before workflows, see `backfill-driver.ts`.
 */
function* runsEnded(c: WriteContext, { runs, waitedFor }: Ends, { isLast }: { isLast: boolean }): Sql<void> {
  if (runs.length === 0) return;
  const dated = runs
    .filter((row) => row['exec_type'] === 'COMPLEMENT_DATA')
    .map((row) => ({
      run: row['id'] as number,
      state: row['state'] as string,
      cause: row['cause'] as string | null,
    }));
  const at = (runs[0]!['ended_at'] as number | null) ?? (yield* c.now());
  const backfills = dated.length === 0 ? [] : yield* settleDates(c, dated, at);
  yield* c.db.together(runs.filter((row) => row['parent_run'] !== null).map((row) => tellParent(c, row)));
  const ended = runs
    .filter((row) => row['dry_run'] === 0)
    .map((row) => ({
      run: row['id'] as number,
      workflowId: row['workflow_id'] as number,
      waited: row['turn'] !== null,
      at: (row['ended_at'] as number | null) ?? at,
    }));
  yield* passTurns(c, ended, { waitedFor, isLast: isLast && backfills.length === 0 });
  yield* driveSettled(c, backfills, at);
}

function* tellParent(c: WriteContext, child: Row): Sql<void> {
  const parent = child['parent_run'] as number;
  const at = (child['ended_at'] as number | null) ?? (yield* c.now());
  const state = (yield* c.db.get(STATE_OF, parent))?.['state'] as string | undefined;
  if (state === undefined || isTerminal(state)) return;
  const action: CommandAction = {
    kind: 'child-finished',
    task: child['parent_task'] as number,
    attempt: child['parent_attempt'] as number,
    child: child['id'] as RunId,
    state: child['state'] as RunState,
  };
  yield* insertCommand(c, { run: parent, action, user: SYSTEM_USER, at });
}

const COMMAND_OUTCOME = `select outcome from command where id = ?`;

function* finishCommands(c: WriteContext, cells: Cell[]): Sql<void> {
  for (const position of yield* c.db.bulk(COMMAND_DONE, cells)) {
    const [id, , outcome] = cells.slice(position * COMMAND_DONE_WIDTH) as [number, number, string];
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

/** Answers with the runs that ended by it. */
function* updateStatuses(c: WriteContext, master: string, cells: Cell[]): Sql<ReadonlySet<number>> {
  const updates: Cell[] = [];
  for (let i = 0; i < cells.length; i += STATUS_WIDTH) {
    const [run, version, state, cause, firstFailure, waitReason, , startedAt, endedAt] = cells.slice(
      i,
      i + STATUS_WIDTH,
    );
    const written = [version, state, cause, firstFailure, waitReason, master, startedAt, endedAt] as Cell[];
    updates.push(...written, c.nextChange(), run!, version!, master);
  }
  const unwritten = new Set(yield* c.db.bulk(UPDATE_STATUS, updates));
  const ended = new Set<number>();
  for (let i = 0; i < cells.length; i += STATUS_WIDTH) {
    const [run, , state] = cells.slice(i, i + 3) as [number, number, string];
    if (unwritten.has(i / STATUS_WIDTH)) {
      yield* explainStatus(c.db, master, cells.slice(i, i + STATUS_WIDTH));
      continue;
    }
    c.claims?.delete(run);
    if (isTerminal(state)) ended.add(run);
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
  for (const at of yield* db.bulk(UPSERT_TASK_RUN, cells)) {
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
    unwritten = yield* db.bulk(UPSERT_ATTEMPT, cells);
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

/** What is no news, or of no attempt, is passed over. */
function* keepLateResults(db: Database, cells: Cell[]): Sql<void> {
  yield* db.bulk(KEEP_LATE_RESULT, cells);
}

/** Of a row of `ATTEMPT_COLUMNS`. */
function nameOf(row: Cell[]): string {
  return `${row[0]}.${row[1]}.${row[2]}`;
}
