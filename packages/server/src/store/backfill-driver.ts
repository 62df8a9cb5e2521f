/**
 * What drives backfills: rows. The transaction that ends a run of a backfill settles its date and makes the runs of the dates that
 * come next; nobody has to remember to do so.
 *
 * Owns the rows of `backfill_date` and `backfill_run`, and of `backfill` the columns that say how far it is.
 *
 * Invariants
 * 1. Whoever changes anything of a backfill holds its row, so that each date is begun by one transaction only and has at most one
 *    run that has not ended; the tally in its row is that of its dates.
 * 2. Rows are locked in this order: master, runs, backfills by their ids, workflows. Only `driveForgotten` asks for several
 *    backfills while it holds workflows, and it waits for none.
 * 3. A date has one run for each of its workflows, made when the one before has succeeded, and again only when somebody asks for it: whatever
 *    becomes of its runs, no date goes on for ever.
 * 4. A backfill has ended when no date is pending or running, and not before.
 */
import type { RunPlan } from '@pelorus/engine';
import { planRun, resolveStartParameters } from '@pelorus/engine/planning';
import {
  phrase,
  type Cause,
  type ConcurrencyPolicy,
  type RunSettings,
  type WorkflowDefinition,
} from '@pelorus/protocol/vocabulary';
import { beginRun } from './begin-run.ts';
import type { Row, Sql } from './database.ts';
import type { Dialect } from './dialect.ts';
import { newRunOf } from './new-run.ts';
import type { BackfillDateState, BackfillDependent, BackfillOptions, BackfillState } from './operations-port.ts';
import type { NewRun } from './port.ts';
import { encodeNewRun } from './rows.ts';
import { insertCommand } from './run-rows.ts';
import type { RunPlace } from './run-rows.ts';
import { TERMINAL_RUN_STATES } from './write-context.ts';
import type { WriteContext } from './write-context.ts';

/** Dates that one transaction begins at most; a look of a master sees to the rest. */
export const DATES_BEGUN_AT_ONCE = 100;
/** What one look of a master drives at most. */
const FORGOTTEN_AT_ONCE = 20;

/** A backfill whose row this transaction holds, as it is by now; `saveTally` writes it. */
export interface HeldBackfill {
  row: Row;
  id: number;
  state: BackfillState;
  stopping: boolean;
  /** The logical date that did not succeed, epoch ms. */
  haltedAt: number | null;
  continueAfterFailure: boolean;
  counts: Record<BackfillDateState, number>;
  atOnce: number;
  dependents: BackfillDependent[];
  endedAt: number | null;
}

const HOLD = (dialect: Dialect): string => `select * from backfill where id = ? ${dialect.forNoKeyUpdate}`;
const HOLD_IF_FREE = (dialect: Dialect): string => `select * from backfill b where b.id = ? ${dialect.skipLocked('b')}`;

/** Locks it until the end of the transaction. Null: there is none, or with `free` another transaction has it. */
export function* holdBackfill(c: WriteContext, id: number, how: 'wait' | 'free' = 'wait'): Sql<HeldBackfill | null> {
  const row = yield* c.db.get(how === 'wait' ? HOLD : HOLD_IF_FREE, id);
  if (!row) return null;
  return {
    row,
    id,
    state: row['state'] as BackfillState,
    stopping: row['stopping'] === 1,
    haltedAt: row['halted_at'] as number | null,
    continueAfterFailure: row['continue_after_failure'] === 1,
    counts: {
      ...{ pending: 0, running: 0, succeeded: 0, failed: 0, stopped: 0, skipped: 0 },
      ...(JSON.parse(row['counts'] as string) as Partial<Record<BackfillDateState, number>>),
    },
    atOnce: row['at_once'] as number,
    dependents: JSON.parse(row['dependents'] as string) as BackfillDependent[],
    endedAt: row['ended_at'] as number | null,
  };
}

const SAVE = (dialect: Dialect): string => `
  update backfill set state = ?, stopping = ?, halted_at = ?, continue_after_failure = ?, counts = ?, pending_dates = ?, running_dates = ?,
    at_once = ?, wait_reason = ?, updated_at = ?, ended_at = ?, changed = ${dialect.change}
  where id = ?`;

/** Writes how far it is; it ends by that when nothing of it is open. */
export function* saveTally(c: WriteContext, held: HeldBackfill, at: number): Sql<void> {
  endIfDone(held, at);
  const { counts } = held;
  const kept = Object.fromEntries(Object.entries(counts).filter(([, dates]) => dates > 0));
  yield* c.db.run(
    SAVE,
    held.state,
    held.stopping ? 1 : 0,
    held.haltedAt,
    held.continueAfterFailure ? 1 : 0,
    JSON.stringify(kept),
    counts.pending,
    counts.running,
    held.atOnce,
    waitReason(held),
    at,
    held.endedAt,
    c.nextChange(),
    held.id,
  );
}

function endIfDone(held: HeldBackfill, at: number): void {
  const { counts } = held;
  if (held.endedAt !== null || counts.pending + counts.running > 0) return;
  held.endedAt = at;
  held.state = finalState(held);
}

/** What was discarded only has done nothing, and that is no success. */
function finalState({ counts, stopping }: HeldBackfill): BackfillState {
  if (stopping) return counts.failed + counts.stopped + counts.skipped === 0 ? 'succeeded' : 'stopped';
  if (counts.failed > 0) return 'failed';
  return counts.stopped > 0 || counts.succeeded === 0 ? 'stopped' : 'succeeded';
}

function waitReason({ state, stopping, haltedAt, counts, endedAt }: HeldBackfill): string | null {
  if (endedAt !== null) return null;
  if (stopping) return phrase('backfill_stopping', { runs: counts.running });
  if (haltedAt !== null) return phrase('backfill_halted', { date: instantText(haltedAt), runs: counts.running });
  return state === 'paused' ? phrase('backfill_paused', {}) : null;
}

const instantText = (at: number): string => new Date(at).toISOString();

// ---- what became of a date

/** A run that has ended. */
export interface EndedRun {
  run: number;
  state: string;
  cause: string | null;
}

const BACKFILL_OF_RUN = `select backfill_id from backfill_date where run_id = ? and state = 'running'`;
const DATE_OF_RUN = `
  select position, logical_at, step from backfill_date where run_id = ? and state = 'running' and backfill_id = ?`;

/** Settles the dates of those runs that are a backfill's. Answers with the backfills, each locked, in the order of their ids; save each. */
export function* settleDates(c: WriteContext, ended: readonly EndedRun[], at: number): Sql<HeldBackfill[]> {
  const byBackfill = new Map<number, EndedRun[]>();
  for (const run of ended) {
    const id = (yield* c.db.get(BACKFILL_OF_RUN, run.run))?.['backfill_id'] as number | undefined;
    if (id !== undefined) byBackfill.set(id, [...(byBackfill.get(id) ?? []), run]);
  }
  const settled: HeldBackfill[] = [];
  for (const [id, runs] of [...byBackfill].sort(([one], [other]) => one - other)) {
    const held = yield* holdBackfill(c, id);
    if (held === null) continue;
    for (const run of runs) yield* settleDate(c, held, run, at);
    settled.push(held);
  }
  return settled;
}

const SETTLE = `update backfill_date set state = ?, reason = ?, ended_at = ? where backfill_id = ? and position = ?`;
const NEXT_STEP = `update backfill_date set state = 'pending', step = step + 1, run_id = null where backfill_id = ? and position = ?`;

function* settleDate(c: WriteContext, held: HeldBackfill, ended: EndedRun, at: number): Sql<void> {
  const date = yield* c.db.get(DATE_OF_RUN, ended.run, held.id);
  if (!date) return;
  const position = date['position'] as number;
  held.counts.running--;
  const outcome = outcomeOf(ended);
  if (outcome.state === 'succeeded' && (date['step'] as number) < held.dependents.length) {
    const why = endsWithoutNext(held);
    if (why === null) {
      held.counts.pending++;
      yield* c.db.run(NEXT_STEP, held.id, position);
      return;
    }
    yield* c.db.run(NEXT_STEP, held.id, position);
    Object.assign(outcome, { state: 'stopped', reason: why });
  }
  held.counts[outcome.state]++;
  yield* c.db.run(SETTLE, outcome.state, outcome.reason, at, held.id, position);
  if (outcome.state === 'failed' || outcome.state === 'stopped') yield* halt(c, held, date['logical_at'] as number, at);
}

function endsWithoutNext({ stopping, haltedAt }: HeldBackfill): string | null {
  if (stopping) return STOPPED;
  return haltedAt === null ? null : haltedBy(haltedAt);
}

const STOPPED = 'the backfill was stopped';
const haltedBy = (date: number): string => `the date ${instantText(date)} did not succeed`;

interface Outcome {
  state: 'succeeded' | 'failed' | 'stopped' | 'skipped';
  reason: string | null;
}

function outcomeOf({ state, cause }: EndedRun): Outcome {
  if (state === 'succeeded') return { state, reason: null };
  if (state !== 'stopped') return { state: 'failed', reason: null };
  const why = cause === null ? null : (JSON.parse(cause) as Cause);
  if (why?.kind === 'discarded') return { state: 'skipped', reason: discardedFor(why.runId) };
  if (why?.kind === 'superseded')
    return { state, reason: `run ${why.runId} of the workflow took its place (serial_priority)` };
  return { state, reason: null };
}

const discardedFor = (run: number): string => `run ${run} of the workflow had not ended (serial_discard)`;

/** The dates that have not begun never will, unless somebody asks for them again. */
function* halt(c: WriteContext, held: HeldBackfill, date: number, at: number): Sql<void> {
  if (held.continueAfterFailure || held.haltedAt !== null) return;
  held.haltedAt = date;
  yield* stopPending(c, held, haltedBy(date), at);
}

const STOP_PENDING = `
  update backfill_date set state = 'stopped', reason = ?, ended_at = ? where backfill_id = ? and state = 'pending'`;

function* stopPending(c: WriteContext, held: HeldBackfill, reason: string, at: number): Sql<void> {
  if (held.counts.pending === 0) return;
  yield* c.db.run(STOP_PENDING, reason, at, held.id);
  held.counts.stopped += held.counts.pending;
  held.counts.pending = 0;
}

/** Nothing of it begins any more. */
export function* stopDates(c: WriteContext, held: HeldBackfill, at: number): Sql<void> {
  held.stopping = true;
  if (held.state === 'paused') held.state = 'running';
  yield* stopPending(c, held, STOPPED, at);
}

const RUNNING = `select run_id from backfill_date d where d.backfill_id = ? and d.state = 'running' order by run_id`;

/** Tells the runs that go on to stop. */
export function* stopRuns(c: WriteContext, held: HeldBackfill, request: { user: string; at: number }): Sql<void> {
  for (const [run] of (yield* c.db.rows(RUNNING, held.id)) as [number][])
    yield* insertCommand(c, { run, action: { kind: 'stop' }, ...request });
}

// ---- which dates begin

const NEXT_DATES = `
  select position, logical_at, step, runs from backfill_date
  where backfill_id = ? and state = 'pending' order by position limit ?`;

/**
 * Begins as many dates as there is room for, `limit` at most, and answers how many it went through. A date whose run cannot be made
 * has failed; one whose run is discarded at once was skipped, and the next has its turn.
 */
export function* beginDates(
  c: WriteContext,
  held: HeldBackfill,
  { at, limit }: { at: number; limit: number },
): Sql<number> {
  if (held.endedAt !== null || held.state === 'paused') return 0;
  held.state = 'running';
  if (!hasRoom(held)) return 0;
  const maker = new RunMaker(c, held, at);
  held.atOnce = yield* maker.datesAtOnce();
  let begun = 0;
  while (begun < limit && hasRoom(held)) {
    const room = Math.min(held.atOnce - held.counts.running, limit - begun);
    const dates = yield* c.db.all(NEXT_DATES, held.id, room);
    if (dates.length === 0) break;
    for (const date of dates) {
      yield* beginDate(c, held, { date, maker, at });
      begun++;
      if (held.counts.pending === 0) break;
    }
  }
  return begun;
}

function hasRoom({ counts, atOnce }: HeldBackfill): boolean {
  return counts.pending > 0 && counts.running < atOnce;
}

const INSERT_RUN_OF_DATE = `insert into backfill_run (backfill_id, position, n, run_id) values (?, ?, ?, ?)`;
const BEGIN = `
  update backfill_date set state = ?, reason = ?, run_id = ?, runs = ?, begun_at = coalesce(begun_at, cast(? as bigint)), ended_at = ?
  where backfill_id = ? and position = ? and state = 'pending'`;

function* beginDate(
  c: WriteContext,
  held: HeldBackfill,
  { date, maker, at }: { date: Row; maker: RunMaker; at: number },
): Sql<void> {
  const { position, logical_at: logicalAt, step, runs } = date as Record<string, number>;
  const made = yield* maker.make(step!, logicalAt!);
  const run = made.kind === 'refused' ? null : made.run;
  const n = runs! + (run === null ? 0 : 1);
  if (run !== null) yield* c.db.run(INSERT_RUN_OF_DATE, held.id, position!, n, run);
  const state = STATES[made.kind];
  held.counts.pending--;
  held.counts[state]++;
  const ended = state === 'running' ? null : at;
  yield* c.db.run(BEGIN, state, made.reason, run, n, at, ended, held.id, position!);
  if (state === 'failed') yield* halt(c, held, logicalAt!, at);
}

const STATES = { begun: 'running', discarded: 'skipped', refused: 'failed' } as const;

type Made =
  | { kind: 'begun'; run: number; reason: null }
  | { kind: 'discarded'; run: number; reason: string }
  | { kind: 'refused'; reason: string };

/** What runs of one of its workflows are made of, looked up once in a transaction. */
type Template =
  | { kind: 'template'; place: RunPlace; policy: ConcurrencyPolicy; run: NewRun }
  | { kind: 'refused'; reason: string };

/** Whoever makes a run holds the key of its workflow, so that it is not deleted meanwhile. */
const WORKFLOW_TO_RUN = (dialect: Dialect): string => {
  const select = `
    select w.project_id, p.name as project, w.name, w.version from workflow w join project p on p.id = w.project_id
    where w.id = ? and w.deleted_at is null`;
  return dialect.forKeyShare === '' ? select : `${select} ${dialect.forKeyShare} of w`;
};
const VERSION_TO_RUN = `select definition, concurrency from workflow_version where workflow_id = ? and version = ?`;
const POLICY = `
  select v.concurrency from workflow w join workflow_version v on v.workflow_id = w.id and v.version = coalesce(?, w.version) where w.id = ?`;
const DISCARDED = `select cause from run where id = ?`;

class RunMaker {
  readonly #c: WriteContext;
  readonly #held: HeldBackfill;
  readonly #at: number;
  readonly #templates = new Map<number, Template>();

  constructor(c: WriteContext, held: HeldBackfill, at: number) {
    this.#c = c;
    this.#held = held;
    this.#at = at;
  }

  /** Where runs of a workflow discard or stop each other, those of one backfill do not: they come one after the other. */
  *datesAtOnce(): Sql<number> {
    const { row, dependents } = this.#held;
    const workflows = [row['workflow_id'] as number, ...dependents.map(({ workflowId }) => workflowId)];
    for (const [step, workflowId] of workflows.entries()) {
      const version = step === 0 ? (row['workflow_version'] as number | null) : null;
      const policy = (yield* this.#c.db.get(POLICY, version, workflowId))?.['concurrency'];
      if (policy === 'serial_discard' || policy === 'serial_priority') return 1;
    }
    return row['parallelism'] as number;
  }

  *make(step: number, logicalDateAt: number): Sql<Made> {
    const template = this.#templates.get(step) ?? (yield* this.#template(step));
    this.#templates.set(step, template);
    if (template.kind === 'refused') return template;
    const { place, policy } = template;
    const making = encodeNewRun({ ...template.run, logicalDateAt });
    const begun = yield* beginRun(this.#c, { making, place, policy });
    if (begun === null) throw new Error('a run without a parent is always made');
    if (!begun.discarded) return { kind: 'begun', run: begun.run, reason: null };
    const cause = (yield* this.#c.db.get(DISCARDED, begun.run))?.['cause'] as string;
    const other = (JSON.parse(cause) as Extract<Cause, { kind: 'discarded' }>).runId;
    return { kind: 'discarded', run: begun.run, reason: discardedFor(other) };
  }

  *#template(step: number): Sql<Template> {
    const { row, dependents } = this.#held;
    const workflowId = step === 0 ? (row['workflow_id'] as number) : dependents[step - 1]!.workflowId;
    const workflow = yield* this.#c.db.get(WORKFLOW_TO_RUN, workflowId);
    if (!workflow) return refused(`workflow ${nameOfStep(this.#held, step)} was deleted`);
    const pinned = step === 0 ? (row['workflow_version'] as number | null) : null;
    const version = pinned ?? (workflow['version'] as number);
    const stored = yield* this.#c.db.get(VERSION_TO_RUN, workflowId, version);
    if (!stored) return refused(`workflow ${nameOfStep(this.#held, step)} has no version ${version}`);
    const definition = JSON.parse(stored['definition'] as string) as WorkflowDefinition;
    const options = optionsOf(row, step);
    const plan = planOf(definition, options, this.#at);
    if (plan.kind === 'refused') return refused(`version ${version} cannot run so: ${plan.reason}`);
    const run = newRunOf(definition, options, {
      ...{ project: workflow['project'] as string, workflow: workflow['name'] as string, version, plan: plan.plan },
      execType: 'COMPLEMENT_DATA',
      mode: options.selection.kind,
      submitUser: row['submit_user'] as string,
      ...{ proxyUser: null, queue: null, logicalDateAt: 0, zone: row['zone'] as string, submittedAt: this.#at },
    });
    const place = { projectId: workflow['project_id'] as number, workflowId, version };
    return { kind: 'template', place, policy: stored['concurrency'] as ConcurrencyPolicy, run };
  }
}

const refused = (reason: string): Template & { kind: 'refused' } => ({ kind: 'refused', reason });

function nameOfStep({ row, dependents }: HeldBackfill, step: number): string {
  const { project, workflow } = step === 0 ? (row as { project: string; workflow: string }) : dependents[step - 1]!;
  return `${project}/${workflow}`;
}

/** Workflows that come after the backfill's own run whole, and as they say. */
function optionsOf(row: Row, step: number): BackfillOptions {
  const options = JSON.parse(row['options'] as string) as BackfillOptions;
  if (step === 0) return options;
  const { dryRun, notifyType, notifyMails } = options;
  return { ...AS_THE_WORKFLOW_SAYS, selection: { kind: 'whole' }, dryRun, notifyType, notifyMails };
}

const AS_THE_WORKFLOW_SAYS: RunSettings = {
  params: {},
  failurePolicy: null,
  priority: null,
  workerGroup: null,
  environment: null,
  dryRun: false,
  timeoutMs: null,
  notifyType: null,
  notifyMails: null,
  extras: null,
};

type Planned = { kind: 'plan'; plan: RunPlan } | { kind: 'refused'; reason: string };

/** Versions change while a backfill goes on: what could be run when it was asked for may not be there any more. */
function planOf(definition: WorkflowDefinition, { selection, params }: BackfillOptions, at: number): Planned {
  const names = selection.kind === 'whole' ? [] : selection.tasks;
  const known = new Set(names.length === 0 ? [] : definition.tasks.map(({ name }) => name));
  const unknown = names.filter((name) => !known.has(name));
  if (unknown.length > 0) return { kind: 'refused', reason: `it has no task ${unknown.slice(0, 10).join(', ')}` };
  const given = resolveStartParameters(definition, params);
  if (!given.ok) return { kind: 'refused', reason: given.problems.slice(0, 10).join('; ') };
  const result = planRun(definition, selection, at);
  if (result.kind === 'refused') return { kind: 'refused', reason: result.problems.join('; ') };
  return { kind: 'plan', plan: result.plan };
}

// ---- what somebody forgot

/** Seen without a lock, so that a look costs nobody anything while there is nothing to do. */
const IDLE = `
  select id from backfill
  where ended_at is null and ((state <> 'paused' and pending_dates > 0 and running_dates < at_once) or pending_dates + running_dates = 0)
  order by id limit ?`;
const LOST = `
  select d.backfill_id, d.run_id, r.state, r.cause from backfill_date d join run r on r.id = d.run_id
  where d.state = 'running' and r.state in ${TERMINAL_RUN_STATES} order by d.backfill_id, d.run_id limit ?`;

/**
 * Level-triggered: settles dates whose runs have ended and begins dates for which there is room, whatever the reason that nobody did.
 * A backfill that is in somebody's hands is left to them. To be called before workflows are locked.
 */
export function* driveForgotten(c: WriteContext, at: number): Sql<void> {
  const lost = Map.groupBy(
    (yield* c.db.rows(LOST, DATES_BEGUN_AT_ONCE)) as [number, number, string, string | null][],
    ([id]) => id,
  );
  const idle = ((yield* c.db.rows(IDLE, FORGOTTEN_AT_ONCE)) as [number][]).map(([id]) => id);
  let budget = DATES_BEGUN_AT_ONCE;
  for (const id of new Set([...lost.keys(), ...idle].toSorted((a, b) => a - b))) {
    const held = yield* holdBackfill(c, id, 'free');
    if (held === null) continue;
    for (const [, run, state, cause] of lost.get(id) ?? []) yield* settleDate(c, held, { run, state, cause }, at);
    budget -= yield* beginDates(c, held, { at, limit: budget });
    yield* saveTally(c, held, at);
    if (budget <= 0) return;
  }
}

/** Of backfills whose dates were settled: begins what comes next and writes how far they are. */
export function* driveSettled(c: WriteContext, settled: readonly HeldBackfill[], at: number): Sql<void> {
  let budget = DATES_BEGUN_AT_ONCE;
  for (const held of settled) {
    budget -= yield* beginDates(c, held, { at, limit: budget });
    yield* saveTally(c, held, at);
  }
}
