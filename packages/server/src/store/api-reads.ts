/** Reads that only people ask for: what became of a command, which runs a run started. */
import type { CommandAction, CommandOutcome } from '@pelorus/engine';
import { commandIdOf, runIdOf, type RunState } from '@pelorus/protocol/vocabulary';
import type { ChildRunRow, CommandRow } from './port.ts';
import type { Database, Sql } from './database.ts';

const COMMAND = `select id, run_id, action, user_name, at, done_at, outcome from command where id = ?`;

export function* getCommand(db: Database, command: number): Sql<CommandRow | null> {
  const row = yield* db.get(COMMAND, command);
  if (!row) return null;
  const outcome = row['outcome'] as string | null;
  return {
    id: commandIdOf(row['id'] as number),
    run: runIdOf(row['run_id'] as number),
    action: JSON.parse(row['action'] as string) as CommandAction,
    user: row['user_name'] as string,
    at: row['at'] as number,
    doneAt: row['done_at'] as number | null,
    outcome: outcome === null ? null : (JSON.parse(outcome) as CommandOutcome),
  };
}

const CHILDREN = `
  select id, project_id, parent_task, parent_attempt, state from run
  where parent_run = ? order by parent_task, parent_attempt limit ?`;

export function* listChildRuns(db: Database, request: { run: number; limit: number }): Sql<ChildRunRow[]> {
  return (yield* db.all(CHILDREN, request.run, request.limit)).map((row) => ({
    run: runIdOf(row['id'] as number),
    projectId: row['project_id'] as number,
    task: row['parent_task'] as number,
    attempt: row['parent_attempt'] as number,
    state: row['state'] as RunState,
  }));
}
