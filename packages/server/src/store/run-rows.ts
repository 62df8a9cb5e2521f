/** New rows of runs and commands, whichever verb makes them. */
import type { CommandAction, CommandOutcome, ParentLink } from '@pelorus/engine';
import type { RunState } from '@pelorus/protocol';
import type { Dialect } from './dialect.ts';
import { RUN_COLUMNS } from './rows.ts';
import type { Cell, RunMaking } from './rows.ts';
import type { Row, Sql } from './database.ts';
import type { WriteContext } from './write-context.ts';

/** The user in whose name the store itself writes commands. */
export const SYSTEM_USER = 'pelorus';

export const VERSION = `select concurrency, project_files from workflow_version where workflow_id = ? and version = ?`;
const INSERT_RUN = (dialect: Dialect): string => `
  insert into run (
    project_id, project, workflow_id, workflow, workflow_version, parent_run, parent_task, parent_attempt, submitted_at, version,
    logical_at, dry_run, exec_type, submit_user, rerun_of, state, cause, wait_reason, turn, behind, ended_at, changed, spec
  ) values (?, ?, ?, ?, ?, ?, ?, ?, ?, 0, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ${dialect.change}, ?)
  on conflict (parent_run, parent_task, parent_attempt) where parent_run is not null do nothing
  returning ${RUN_COLUMNS.join(', ')}`;

/** Where a new run belongs. */
export interface RunPlace {
  projectId: number;
  workflowId: number;
  version: number;
}

/** How a new run begins, in the columns that say so. */
export interface RunEntry {
  state: RunState;
  cause: string | null;
  waitReason: string | null;
  turn: string | null;
  behind: number | null;
  endedAt: number | null;
}

/** The cells of its row; null when the parent's attempt has a child already. */
export function* insertRun(c: WriteContext, making: RunMaking, place: RunPlace, entry: RunEntry): Sql<Cell[] | null> {
  const { parent } = making;
  const [row] = yield* c.db.rows(
    INSERT_RUN,
    place.projectId,
    making.project,
    place.workflowId,
    making.workflow,
    place.version,
    parent?.run ?? null,
    parent?.task ?? null,
    parent?.attempt ?? null,
    making.submittedAt,
    making.logicalDateAt,
    making.dryRun ? 1 : 0,
    making.execType,
    making.submitUser,
    making.rerunOf,
    entry.state,
    entry.cause,
    entry.waitReason,
    entry.turn,
    entry.behind,
    entry.endedAt,
    c.nextChange(),
    making.rest,
  );
  if (!row) return null;
  c.runsChanged?.add(row[0] as number);
  return row;
}

/** The attempt that a child belongs to, in words for people. */
export function attemptName(parent: ParentLink | null): string {
  return parent ? `${parent.run}.${parent.task}.${parent.attempt}` : 'none';
}

const INSERT_COMMAND = `
  insert into command (run_id, action, user_name, at, idempotency_key, request_hash, done_at, outcome, project_id)
  values (?, ?, ?, ?, ?, ?, ?, ?, (select project_id from run where id = ?)) returning id`;

export interface NewCommand {
  run: number;
  action: CommandAction;
  user: string;
  at: number;
  idempotencyKey?: string | null;
  requestHash?: string | null;
  /** Of one that no master has to see. */
  outcome?: CommandOutcome;
}

/** Returns the command's id. */
export function* insertCommand(c: WriteContext, command: NewCommand): Sql<number> {
  const { run, action, user, at, idempotencyKey = null, requestHash = null, outcome } = command;
  const done = outcome === undefined ? [null, null] : [at, JSON.stringify(outcome)];
  if (outcome === undefined) c.commandsWritten++;
  const startOf = action.kind === 'start' && outcome === undefined ? run : null;
  const values = [run, JSON.stringify(action), user, at, idempotencyKey, requestHash, ...done, startOf];
  return insertedId(yield* c.db.get(INSERT_COMMAND, ...values));
}

/** From a statement that ends in `returning id`. */
export function insertedId(row: Row | undefined): number {
  return row?.['id'] as number;
}
