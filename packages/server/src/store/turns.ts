/**
 * Runs of one workflow taking turns (execution semantics, section 8).
 *
 * Owns the columns `turn` and `behind` of `run`. A run that waits for its turn is `waiting`, has no start command, and in `turn`
 * says how it waits: `serial_wait` (the oldest goes next), `serial_priority` (the newest goes next, before all others) or
 * `superseded` (told to stop; never goes). `behind` names the run in its wait reason.
 *
 * Invariants
 * 1. Whoever goes next is found by a query in the transaction that ends the run before, and gets its start command there.
 *    A crash loses neither; a sweep (`startForgotten`) would repair even a database that lost one.
 * 2. Nobody is started while another run of the workflow is active: not terminal, not waiting for its turn, not a dry run.
 *    Where a database has several writers, admitting and starting must first lock the workflow's row.
 * 3. A run is never behind itself: one whose ancestors are of the same workflow does not wait for them.
 */
import type { CommandAction, ParentLink } from '@pelorus/engine';
import { phrase, type Cause, type ConcurrencyPolicy, type RunId } from '@pelorus/protocol/vocabulary';
import type { Row, Sql } from './database.ts';
import type { Dialect } from './dialect.ts';
import { insertCommand, SYSTEM_USER } from './run-rows.ts';
import { TERMINAL_RUN_STATES } from './write-context.ts';
import type { WriteContext } from './write-context.ts';

const LOCK_FOR_SHARE = (dialect: Dialect): string => `select 1 from workflow where id = ? ${dialect.forShare}`;
/** Whoever makes a run holds the key of its workflow already, and so do others: a stronger lock would be a deadlock. */
const LOCK_FOR_UPDATE = (dialect: Dialect): string => `select 1 from workflow where id = ? ${dialect.forNoKeyUpdate}`;

/**
 * Where a database has several writers: who joins the line or gives the turn away holds the workflow's row alone; who only ends a
 * run shares it, so that ends of parallel runs do not wait for each other.
 */
function* lockLine(c: WriteContext, workflowId: number, how: 'share' | 'update'): Sql<void> {
  if (c.db.dialect.forUpdate !== '') yield* c.db.get(how === 'share' ? LOCK_FOR_SHARE : LOCK_FOR_UPDATE, workflowId);
}

/** How a new run begins. */
export type Admission =
  | { kind: 'start' }
  | { kind: 'wait'; turn: 'serial_wait' | 'serial_priority'; behind: number; reason: string }
  | { kind: 'discard'; cause: Extract<Cause, { kind: 'discarded' }> };

export interface Newcomer {
  workflowId: number;
  policy: ConcurrencyPolicy;
  dryRun: boolean;
  parent: ParentLink | null;
}

/** What becomes of a run that is about to be made. */
export function* admit(c: WriteContext, newcomer: Newcomer): Sql<Admission> {
  const { workflowId, policy, dryRun, parent } = newcomer;
  if (policy === 'parallel' || dryRun) return { kind: 'start' };
  yield* lockLine(c, workflowId, 'update');
  const other = yield* latestInLine(c, workflowId, Number.MAX_SAFE_INTEGER);
  if (other === null || (parent && (yield* descendsFrom(c, parent.run, workflowId)))) return { kind: 'start' };
  if (policy === 'serial_discard') return { kind: 'discard', cause: { kind: 'discarded', runId: other } };
  const behind = policy === 'serial_wait' ? other : ((yield* activeRun(c, workflowId)) ?? other);
  return { kind: 'wait', turn: policy, behind, reason: waitReason(policy, behind) };
}

function waitReason(turn: 'serial_wait' | 'serial_priority', behind: number): string {
  return turn === 'serial_wait' ? phrase('behind_run', { run: behind }) : phrase('until_stopped', { run: behind });
}

const ACTIVE = (dialect: Dialect): string =>
  `run ${dialect.along('run_active')} where workflow_id = ? and turn is null and dry_run = 0 and state not in ${TERMINAL_RUN_STATES}`;
const WAITING = (dialect: Dialect): string => `run ${dialect.along('run_turn')} where workflow_id = ?`;
const LATEST_ACTIVE = (dialect: Dialect): string => `select max(id) as id from ${ACTIVE(dialect)} and id < ?`;
const LATEST_OF_TURN = (dialect: Dialect): string =>
  `select max(id) as id from ${WAITING(dialect)} and turn = ? and id < ?`;

/** The newest run before `before` that has not ended; null when all have. */
function* latestInLine(c: WriteContext, workflowId: number, before: number): Sql<number | null> {
  const rows = [yield* c.db.get(LATEST_ACTIVE, workflowId, before)];
  for (const turn of ['serial_wait', 'serial_priority', 'superseded'])
    rows.push(yield* c.db.get(LATEST_OF_TURN, workflowId, turn, before));
  const newest = rows.reduce((best, row) => Math.max(best, (row?.['id'] as number | null) ?? 0), 0);
  return newest === 0 ? null : newest;
}

function* activeRun(c: WriteContext, workflowId: number): Sql<number | null> {
  return (
    ((yield* c.db.get(LATEST_ACTIVE, workflowId, Number.MAX_SAFE_INTEGER))?.['id'] as number | null | undefined) ?? null
  );
}

const WORKFLOW_AND_PARENT = `select workflow_id, parent_run from run where id = ?`;

/** Whether `run` or a run above it is of the workflow. As deep as sub-workflows nest. */
function* descendsFrom(c: WriteContext, run: number, workflowId: number): Sql<boolean> {
  for (let at: number | null = run; at !== null;) {
    const row: Row | undefined = yield* c.db.get(WORKFLOW_AND_PARENT, at);
    if (row?.['workflow_id'] === workflowId) return true;
    at = (row?.['parent_run'] as number | null | undefined) ?? null;
  }
  return false;
}

const STOPPABLE = (dialect: Dialect): string => `select id from ${ACTIVE(dialect)} and state <> 'stopping' and id <> ?`;
const STOPPABLE_WAITING = (dialect: Dialect): string =>
  `select id from ${WAITING(dialect)} and turn in ('serial_wait', 'serial_priority') and id <> ?`;
const SUPERSEDE = `update run set turn = 'superseded' where id = ?`;

/** `serial_priority`: tells every other run of the workflow to stop, each at most once by the same newcomer. */
export function* supersedeOthers(
  c: WriteContext,
  newcomer: { run: number; workflowId: number; at: number },
): Sql<void> {
  const { run, workflowId, at } = newcomer;
  const action: CommandAction = { kind: 'stop', supersededBy: run as RunId };
  for (const [id] of (yield* c.db.rows(STOPPABLE, workflowId, run)) as [number][])
    yield* insertCommand(c, { run: id, action, user: SYSTEM_USER, at });
  for (const [id] of (yield* c.db.rows(STOPPABLE_WAITING, workflowId, run)) as [number][]) {
    yield* c.db.run(SUPERSEDE, id);
    yield* insertCommand(c, { run: id, action, user: SYSTEM_USER, at });
  }
}

const OF_RUNS = (dialect: Dialect): string => `(select workflow_id from run where ${dialect.isAmong('id')})`;
const WAITED_FOR = (dialect: Dialect): string =>
  `select distinct workflow_id from run ${dialect.along('run_turn')} where turn is not null and workflow_id in ${OF_RUNS(dialect)}`;
const SHARE_LINES = (dialect: Dialect): string =>
  `select 1 from workflow where id in ${OF_RUNS(dialect)} order by id ${dialect.forShare}`;

/** Of the workflows of these runs, those in which somebody waits for a turn. */
export function* workflowsWaitedFor(c: WriteContext, runs: readonly number[]): Sql<ReadonlySet<number>> {
  const rows = (yield* c.db.rows(WAITED_FOR, JSON.stringify(runs))) as [number][];
  return new Set(rows.map(([workflowId]) => workflowId));
}

export interface EndedRun {
  run: number;
  workflowId: number;
  /** It was waiting for its turn. */
  waited: boolean;
  at: number;
}

/**
 * To be called with all runs that a transaction ends, after all of them are written. `waitedFor`: what `workflowsWaitedFor` has said
 * of them in this transaction; `isLast`: the verb ends with this.
 */
export function* passTurns(
  c: WriteContext,
  ended: readonly EndedRun[],
  { waitedFor, isLast }: { waitedFor: ReadonlySet<number>; isLast: boolean },
): Sql<void> {
  for (const { run, waited } of ended) if (waited) yield* c.db.run(LEAVE_LINE, run);
  const calm = ended.filter(({ workflowId }) => !waitedFor.has(workflowId)).map(({ run }) => run);
  const surprising = yield* shareLines(c, calm, { isLast: isLast && waitedFor.size === 0 });
  const isWaitedFor = new Set([...waitedFor, ...surprising]);
  const workflows = new Set(ended.map(({ workflowId }) => workflowId).filter((id) => isWaitedFor.has(id)));
  for (const workflowId of [...workflows].toSorted((a, b) => a - b)) {
    yield* lockLine(c, workflowId, 'update');
    for (const { run, at } of ended.filter((each) => each.workflowId === workflowId)) {
      yield* startNext(c, workflowId, at);
      yield* closeRanks(c, workflowId, run);
    }
  }
}

/**
 * Of the workflows of these runs, in which nobody waited at the last look, those in which somebody does now: a newcomer that has seen one of
 * the runs active holds the row of the workflow until it stands in line. In the others nobody will, before the transaction ends, who
 * does not see that the runs have ended.
 */
function* shareLines(
  c: WriteContext,
  runs: readonly number[],
  { isLast }: { isLast: boolean },
): Sql<ReadonlySet<number>> {
  if (runs.length === 0 || c.db.dialect.forShare === '') return new Set();
  const ids = JSON.stringify(runs);
  const pieces = [shareWorkflows(c, ids), nobodyWaits(c, ids)];
  const [, isCalm] = yield* isLast ? c.db.finish(pieces) : c.db.together(pieces);
  return isCalm ? new Set() : yield* workflowsWaitedFor(c, runs);
}

function* shareWorkflows(c: WriteContext, ids: string): Sql<boolean> {
  yield* c.db.run(SHARE_LINES, ids);
  return true;
}

function* nobodyWaits(c: WriteContext, ids: string): Sql<boolean> {
  return yield* c.db.hasRows(0, WAITED_FOR, ids);
}

const LEAVE_LINE = `update run set turn = null, behind = null where id = ?`;
const NEWEST_WITH_PRIORITY = (dialect: Dialect): string =>
  `select max(id) as id from ${WAITING(dialect)} and turn = 'serial_priority'`;
const OLDEST_WAITING = (dialect: Dialect): string =>
  `select min(id) as id from ${WAITING(dialect)} and turn = 'serial_wait'`;
/** It is nobody's until its start command is claimed, and looks like any run that has just been submitted. */
const GIVE_TURN = (dialect: Dialect): string =>
  `update run set turn = null, behind = null, state = 'queued', wait_reason = null, changed = ${dialect.change} where id = ?`;

function* startNext(c: WriteContext, workflowId: number, at: number): Sql<void> {
  if ((yield* activeRun(c, workflowId)) !== null) return;
  const next = ((yield* c.db.get(NEWEST_WITH_PRIORITY, workflowId))?.['id'] ??
    (yield* c.db.get(OLDEST_WAITING, workflowId))?.['id'] ??
    null) as number | null;
  if (next === null) return;
  yield* c.db.run(GIVE_TURN, c.nextChange(), next);
  c.runsChanged?.add(next);
  yield* insertCommand(c, { run: next, action: { kind: 'start' }, user: SYSTEM_USER, at });
}

const BEHIND = (dialect: Dialect): string => `select id, turn from run ${dialect.along('run_behind')} where behind = ?`;
const NOW_BEHIND = (dialect: Dialect): string =>
  `update run set behind = ?, wait_reason = ?, changed = ${dialect.change} where id = ?`;

/** Wait reasons that name the run which has ended name another one now. */
function* closeRanks(c: WriteContext, workflowId: number, ended: number): Sql<void> {
  for (const [id, turn] of (yield* c.db.rows(BEHIND, ended)) as [number, string][]) {
    if (turn !== 'serial_wait' && turn !== 'serial_priority') continue;
    const behind = turn === 'serial_wait' ? yield* latestInLine(c, workflowId, id) : yield* activeRun(c, workflowId);
    if (behind !== null) yield* c.db.run(NOW_BEHIND, behind, waitReason(turn, behind), c.nextChange(), id);
  }
}

/** Seen without a lock, so that a look costs nobody anything while there is nothing to do. */
const STUCK_WORKFLOWS = (dialect: Dialect): string => `
  select distinct w.workflow_id from run w ${dialect.along('run_turn')}
  where w.turn in ('serial_wait', 'serial_priority') and not exists (
    select 1 from run a ${dialect.along('run_active')} where a.workflow_id = w.workflow_id
      and a.turn is null and a.dry_run = 0 and a.state not in ${TERMINAL_RUN_STATES})
  order by w.workflow_id limit ?`;
/** What one look repairs. */
const STUCK_AT_ONCE = 100;

/** Level-triggered: starts whoever could run and was not started, whatever the reason. */
export function* startForgotten(c: WriteContext, at: number): Sql<void> {
  for (const [workflowId] of (yield* c.db.rows(STUCK_WORKFLOWS, STUCK_AT_ONCE)) as [number][]) {
    yield* lockLine(c, workflowId, 'update');
    yield* startNext(c, workflowId, at);
  }
}
