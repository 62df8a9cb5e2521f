/** Makes a run together with what it begins with, whoever asks: a person, a schedule, a parent. One transaction. */
import type { PinnedFile, RunPlan } from '@pelorus/engine';
import type { ConcurrencyPolicy } from '@pelorus/protocol';
import type { Sql } from './database.ts';
import type { Dialect } from './dialect.ts';
import { keepPins, pinsFor } from './project-files.ts';
import type { Cell, RunMaking } from './rows.ts';
import { insertCommand, insertRun } from './run-rows.ts';
import type { RunEntry, RunPlace } from './run-rows.ts';
import { admit, supersedeOthers } from './turns.ts';
import type { Admission } from './turns.ts';
import type { WriteContext } from './write-context.ts';

export interface Beginning {
  making: RunMaking;
  place: RunPlace;
  policy: ConcurrencyPolicy;
  idempotencyKey?: string | null;
  requestHash?: string | null;
  /** The column `project_files` of the version, where it has been read already. */
  filesWanted?: string;
  /** Writes the first rows of the run's tasks. */
  writeTaskRuns?: (run: number) => Sql<void>;
}

export interface BegunRun {
  run: number;
  /** As it was inserted. */
  row: Cell[];
  /** Its start command; of a run that waits or was discarded, a record of the submission. */
  command: number;
  discarded: boolean;
}

/** Null when the parent's attempt has a child already. */
export function* beginRun(c: WriteContext, beginning: Beginning): Sql<BegunRun | null> {
  const { place, policy } = beginning;
  const pins = yield* pinsFor(c, place, { given: beginning.making.files, filesWanted: beginning.filesWanted });
  const making = withPins(beginning.making, pins);
  const { workflowId } = place;
  const admission = yield* admit(c, { workflowId, policy, dryRun: making.dryRun, parent: making.parent });
  const row = yield* insertRun(c, making, place, entryOf(admission, making.submittedAt));
  if (row === null) return null;
  const run = row[0] as number;
  yield* keepPins(c, run, pins);
  if (beginning.writeTaskRuns) yield* beginning.writeTaskRuns(run);
  if (admission.kind === 'discard') yield* discardTaskRuns(c, run, beginning, JSON.stringify(admission.cause));
  const command = yield* insertStart(c, run, beginning, admission);
  if (admission.kind === 'wait' && admission.turn === 'serial_priority') {
    yield* supersedeOthers(c, { run, workflowId, at: making.submittedAt });
  }
  return { run, row, command, discarded: admission.kind === 'discard' };
}

/** Most runs pin nothing. */
function withPins(making: RunMaking, pins: readonly PinnedFile[]): RunMaking {
  if (pins.length === 0 || making.files) return making;
  return { ...making, rest: JSON.stringify({ ...(JSON.parse(making.rest) as object), files: pins }) };
}

const QUEUED: RunEntry = { state: 'queued', cause: null, waitReason: null, turn: null, behind: null, endedAt: null };

function entryOf(admission: Admission, at: number): RunEntry {
  switch (admission.kind) {
    case 'start':
      return QUEUED;
    case 'wait':
      return {
        ...QUEUED,
        state: 'waiting',
        waitReason: admission.reason,
        turn: admission.turn,
        behind: admission.behind,
      };
    case 'discard':
      return { ...QUEUED, state: 'stopped', cause: JSON.stringify(admission.cause), endedAt: at };
  }
}

function* insertStart(c: WriteContext, run: number, beginning: Beginning, admission: Admission): Sql<number> {
  const { making, idempotencyKey = null, requestHash = null } = beginning;
  const { submitUser: user, submittedAt: at } = making;
  const command = { run, action: { kind: 'start' as const }, user, at, idempotencyKey, requestHash };
  switch (admission.kind) {
    case 'start':
      return yield* insertCommand(c, command);
    case 'wait':
      return yield* insertCommand(c, { ...command, outcome: { kind: 'applied' } });
    case 'discard': {
      const reason = `run ${admission.cause.runId} of the workflow has not ended`;
      return yield* insertCommand(c, { ...command, outcome: { kind: 'refused', reason } });
    }
  }
}

const DISCARD_TASK_RUNS = (dialect: Dialect): string => `
  insert into task_run (run_id, task, version, state, cause, attempts, retries, ended_at)
  select cast(? as bigint), task, 0, case when disabled or unplanned then 'skipped' else 'killed' end,
    case when disabled then '{"kind":"disabled"}' when unplanned then '{"kind":"not_selected"}' else ? end, 0, 0, cast(? as bigint)
  from (
    select task, disabled <> 0 as disabled, cast(? as text) is not null and not (${dialect.isAmong('task')}) as unplanned
    from ${dialect.tasksOfVersion} t
  ) t where true
  on conflict do nothing`;

/** A run that has ended has no task that has not. */
function* discardTaskRuns(c: WriteContext, run: number, { making, place }: Beginning, cause: string): Sql<void> {
  const { plan } = JSON.parse(making.rest) as { plan: RunPlan };
  const planned = plan.run === 'all' ? null : JSON.stringify(plan.run);
  yield* c.db.run(DISCARD_TASK_RUNS, run, cause, making.submittedAt, planned, planned, place.workflowId, place.version);
}
