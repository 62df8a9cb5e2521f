/** Many runs at once, each with its start command: what masters make for schedules. Two statements, however many they are. */
import type { Sql } from './database.ts';
import type { Dialect } from './dialect.ts';
import type { Cell, RunMaking } from './rows.ts';
import type { RunPlace } from './run-rows.ts';
import type { WriteContext } from './write-context.ts';

export interface StartedRun {
  /** From `reserveRuns`. */
  run: number;
  making: RunMaking;
  place: RunPlace;
}

const NEW_IDS = (dialect: Dialect): string => dialect.newRunIds;

/** Ids for runs that are inserted in this transaction, ascending. */
export function* reserveRuns(c: WriteContext, count: number): Sql<number[]> {
  if (count === 0) return [];
  const ids = (yield* c.db.rows(NEW_IDS, count)).map(([id]) => id as number);
  return ids.toSorted((a, b) => a - b);
}

const RUN_COLUMNS = {
  id: 'integer',
  project_id: 'integer',
  project: 'text',
  workflow_id: 'integer',
  workflow: 'text',
  workflow_version: 'integer',
  submitted_at: 'integer',
  version: 'integer',
  logical_at: 'integer',
  dry_run: 'integer',
  exec_type: 'text',
  submit_user: 'text',
  state: 'text',
  spec: 'text',
} as const;
const RUN_NAMES = Object.keys(RUN_COLUMNS).join(', ');
const INSERT_RUNS = (dialect: Dialect): string => `
  insert into run (${RUN_NAMES}, changed) ${dialect.givenIdentity}
  select ${RUN_NAMES}, ${dialect.change} from ${dialect.tableOf(RUN_COLUMNS)} t order by id`;

const COMMAND_COLUMNS = {
  run_id: 'integer',
  project_id: 'integer',
  action: 'text',
  user_name: 'text',
  at: 'integer',
} as const;
const COMMAND_NAMES = Object.keys(COMMAND_COLUMNS).join(', ');
const INSERT_COMMANDS = (dialect: Dialect): string => `
  insert into command (${COMMAND_NAMES}) select ${COMMAND_NAMES} from ${dialect.tableOf(COMMAND_COLUMNS)} t order by run_id`;

const START = JSON.stringify({ kind: 'start' });

/** Only for runs that start at once, whatever others of their workflow do, have no parent, and pin no files. */
export function* insertStartedRuns(c: WriteContext, runs: readonly StartedRun[]): Sql<void> {
  if (runs.length === 0) return;
  const rows = runs.map(({ run, making, place }): Record<keyof typeof RUN_COLUMNS, Cell> => ({
    id: run,
    project_id: place.projectId,
    project: making.project,
    workflow_id: place.workflowId,
    workflow: making.workflow,
    workflow_version: place.version,
    submitted_at: making.submittedAt,
    version: 0,
    logical_at: making.logicalDateAt,
    dry_run: making.dryRun ? 1 : 0,
    exec_type: making.execType,
    submit_user: making.submitUser,
    state: 'queued',
    spec: making.rest,
  }));
  yield* c.db.run(INSERT_RUNS, c.nextChange(), JSON.stringify(rows));
  const commands = runs.map(({ run, making, place }): Record<keyof typeof COMMAND_COLUMNS, Cell> => ({
    run_id: run,
    project_id: place.projectId,
    action: START,
    user_name: making.submitUser,
    at: making.submittedAt,
  }));
  yield* c.db.run(INSERT_COMMANDS, JSON.stringify(commands));
  c.commandsWritten += runs.length;
  for (const { run } of runs) c.runsChanged?.add(run);
}
