/** New rows of runs and commands, whichever verb makes them. */
import type { CommandAction, ParentLink } from '@pelorus/engine';
import type { RunMaking } from './rows.ts';
import type { Row } from './sqlite-database.ts';
import type { WriteContext } from './write-context.ts';

export const VERSION_EXISTS = `select 1 from workflow_version where workflow_id = ? and version = ?`;
const INSERT_RUN = `
  insert into run (
    project_id, project, workflow_id, workflow, workflow_version, parent_run, parent_task, parent_attempt, submitted_at, version, state, spec
  ) values (?, ?, ?, ?, ?, ?, ?, ?, ?, 0, 'queued', ?)
  on conflict (parent_run, parent_task, parent_attempt) where parent_run is not null do nothing
  returning id`;

/** Null when the parent's attempt has a child already. */
export function insertRun(
  c: WriteContext,
  making: RunMaking,
  projectId: number,
  workflowId: number,
  version: number,
): number | null {
  const { project, workflow, parent, submittedAt, rest } = making;
  const row = c.db.get(
    INSERT_RUN,
    projectId,
    project,
    workflowId,
    workflow,
    version,
    parent?.run ?? null,
    parent?.task ?? null,
    parent?.attempt ?? null,
    submittedAt,
    rest,
  );
  return row ? insertedId(row) : null;
}

/** The attempt that a child belongs to, in words for people. */
export function attemptName(parent: ParentLink | null): string {
  return parent ? `${parent.run}.${parent.task}.${parent.attempt}` : 'none';
}

const INSERT_COMMAND = `
  insert into command (run_id, action, user_name, at, idempotency_key, request_hash) values (?, ?, ?, ?, ?, ?) returning id`;

export interface NewCommand {
  run: number;
  action: CommandAction;
  user: string;
  at: number;
  idempotencyKey?: string | null;
  requestHash?: string | null;
}

/** Returns the command's id. */
export function insertCommand(c: WriteContext, command: NewCommand): number {
  const { run, action, user, at, idempotencyKey = null, requestHash = null } = command;
  return insertedId(c.db.get(INSERT_COMMAND, run, JSON.stringify(action), user, at, idempotencyKey, requestHash));
}

/** From a statement that ends in `returning id`. */
export function insertedId(row: Row | undefined): number {
  return row?.['id'] as number;
}
