/**
 * What is due, decided by whichever master looks first.
 *
 * A look takes schedules that are due and that nobody else has before him, decides their ticks (`decideDue`), and writes, in one
 * transaction: a row for each tick, the run of each that fires with its start command, and what each schedule has before it next.
 * So a crash before the commit has decided nothing and after it everything, and nobody else can have decided the same.
 *
 * Invariants
 * 1. Rows are locked in this order: the master, schedules (never waited for), workflows, lines of workflows by id.
 * 2. Only the stored tick of a schedule begins a decision; the instants come from the database's clock.
 * 3. A schedule that cannot be decided gets a tick that says why, and an alert; the others are not touched by it.
 */
import type { AlertRecord, Decided, Interval, RunGate, Tick } from '@pelorus/engine';
import { coveringCycle, decideDue, resolveStartParameters, windowsOf } from '@pelorus/engine/planning';
import { runIdOf, type ConcurrencyPolicy, type WorkflowDefinition } from '@pelorus/protocol/vocabulary';
import { insertAlert } from './alerts-outbox.ts';
import { beginRun } from './begin-run.ts';
import type { Database, Row, Sql } from './database.ts';
import { aboutNoRun, alertRowOf, checkDeadlines } from './deadlines.ts';
import type { Dialect } from './dialect.ts';
import { isPaused } from './maintenance.ts';
import { newRunOf } from './new-run.ts';
import type { Fence } from './port.ts';
import { encodeNewRun } from './rows.ts';
import { insertStartedRuns, reserveRuns, type StartedRun } from './run-batch.ts';
import { loadHolidays, SCHEDULE_SELECT, storedTick, tickCells, timingOf, toScheduleRow } from './schedule-rows.ts';
import type { FiredTicks, ScheduleRow, TickReason } from './schedules-port.ts';
import { decidedAmong, insertTicks, tickKey, tickOf, type NewTick } from './ticks.ts';
import { checkFence } from './write-context.ts';
import type { WriteContext } from './write-context.ts';

/** Ticks of one schedule that one look decides. */
const TICKS_PER_SCHEDULE = 100;
/** Of all schedules together: those beyond are left for the next look. */
const TICKS_AT_ONCE = 2000;

const NEXT = `
  select (select min(next_due_at) from schedule where next_due_at is not null) as tick,
    (select min(next_check_at) from deadline where next_check_at is not null) as deadline`;

export function* fireDue(c: WriteContext, request: { fence: Fence; limit: number }): Sql<FiredTicks> {
  yield* checkFence(c, request.fence);
  const now = yield* c.now();
  const next = yield* nextAt(c.db);
  if (next === null || next > now) return quiet({ now, nextInMs: next === null ? null : next - now });
  if (yield* isPaused(c)) return quiet({ now, nextInMs: null, paused: true });
  const commandsBefore = c.commandsWritten;
  const due = yield* takeDue(c, now, request.limit);
  const { fired, skipped } = yield* decideAll(c, due, now);
  const deadlines = yield* checkDeadlines(c, { now, limit: request.limit });
  const after = yield* nextAt(c.db);
  return {
    ...{ fired, skipped, missedDeadlines: deadlines.missed, now, paused: false },
    commands: c.commandsWritten - commandsBefore,
    // What others have before them is due as well, but theirs: only one who was given something looks again at once.
    more: due.length + deadlines.checked > 0 && after !== null && after <= now,
    nextInMs: after === null ? null : Math.max(0, after - now),
  };
}

function quiet(known: Pick<FiredTicks, 'now' | 'nextInMs'> & { paused?: boolean }): FiredTicks {
  return { fired: 0, skipped: 0, missedDeadlines: 0, commands: 0, more: false, paused: false, ...known };
}

const NOW = (dialect: Dialect): string => `select ${dialect.nowMs} as now`;

/** For looks that cost nobody anything. */
export function* nextDue(db: Database): Sql<{ inMs: number | null; now: number }> {
  const now = (yield* db.get(NOW))?.['now'] as number;
  const next = yield* nextAt(db);
  return { inMs: next === null ? null : Math.max(0, next - now), now };
}

function* nextAt(db: Database): Sql<number | null> {
  const row = yield* db.get(NEXT);
  const instants = [row?.['tick'] as number | null, row?.['deadline'] as number | null].filter((at) => at !== null);
  return instants.length === 0 ? null : Math.min(...instants);
}

// ---------------------------------------------------------------------------------------------------- taking

/** A schedule that is due, its row locked. */
interface Due {
  schedule: ScheduleRow;
  next: Tick;
  place: Place | null;
}

/** What its runs are made of. */
interface Place {
  version: number;
  /** Its latest version's, without tasks. */
  definition: WorkflowDefinition;
  concurrency: ConcurrencyPolicy;
  /** It names files of the project, which each run pins. */
  hasFiles: boolean;
}

const DUE = (dialect: Dialect): string => `
  ${SCHEDULE_SELECT} where s.next_due_at <= ? order by s.next_due_at, s.id limit ? ${dialect.skipLocked('s')}`;
/** Whoever deletes one has its schedules locked first, so nobody is waited for. */
const WORKFLOWS = (dialect: Dialect): string => `
  select w.id, w.version from workflow w where ${dialect.isAmong('w.id')} and w.deleted_at is null order by w.id ${dialect.forKeyShare}`;

function* takeDue(c: WriteContext, now: number, limit: number): Sql<Due[]> {
  const rows = yield* c.db.all(DUE, now, limit);
  if (rows.length === 0) return [];
  const schedules = rows.map(toScheduleRow);
  const ids = [...new Set(schedules.map(({ workflowId }) => workflowId))];
  const latest = new Map<number, number>();
  for (const row of yield* c.db.all(WORKFLOWS, JSON.stringify(ids)))
    latest.set(row['id'] as number, row['version'] as number);
  const places = yield* loadPlaces(c, latest);
  return schedules.map((schedule, i) => ({
    schedule,
    next: storedTick(rows[i]!)!,
    place: places.get(schedule.workflowId) ?? null,
  }));
}

const VERSIONS = (dialect: Dialect): string => `
  select v.workflow_id, v.version, v.definition, v.concurrency, v.project_files
  from ${dialect.tableOf({ w: 'integer', n: 'integer' })} t join workflow_version v on v.workflow_id = t.w and v.version = t.n`;

/** Versions that are remembered; they never change. */
const REMEMBERED_VERSIONS = 50_000;

function* loadPlaces(c: WriteContext, latest: ReadonlyMap<number, number>): Sql<Map<number, Place>> {
  const places = new Map<number, Place>();
  const unknown: { w: number; n: number }[] = [];
  for (const [workflowId, version] of latest) {
    const known = c.runMakings.get(`${workflowId}.${version}`) as Place | undefined;
    if (known) places.set(workflowId, known);
    else unknown.push({ w: workflowId, n: version });
  }
  if (unknown.length === 0) return places;
  for (const row of yield* c.db.all(VERSIONS, JSON.stringify(unknown))) {
    const place = toPlace(row);
    const workflowId = row['workflow_id'] as number;
    places.set(workflowId, place);
    if (c.runMakings.size >= REMEMBERED_VERSIONS) c.runMakings.clear();
    c.runMakings.set(`${workflowId}.${place.version}`, place);
  }
  return places;
}

function toPlace(row: Row): Place {
  const definition = JSON.parse(row['definition'] as string) as WorkflowDefinition;
  return {
    version: row['version'] as number,
    definition: { ...definition, tasks: [] },
    concurrency: row['concurrency'] as ConcurrencyPolicy,
    hasFiles: row['project_files'] !== '[]',
  };
}

// -------------------------------------------------------------------------------------------------- deciding

/** What has been found out about one schedule, before anything is written. */
interface Decision {
  due: Due;
  decided: Decided;
  /** Why nothing of it can run. */
  problem: string | null;
}

function* decideAll(c: WriteContext, due: readonly Due[], now: number): Sql<{ fired: number; skipped: number }> {
  if (due.length === 0) return { fired: 0, skipped: 0 };
  const holidaysOf = yield* loadHolidays(
    c.db,
    due.map(({ schedule }) => schedule.calendar),
  );
  const decisions: Decision[] = [];
  let ticks = 0;
  for (const each of due) {
    if (ticks >= TICKS_AT_ONCE) break;
    const decision = decide(each, holidaysOf, now);
    decisions.push(decision);
    ticks += decision.decided.ticks.length;
  }
  // Lines of workflows are locked in this order.
  decisions.sort((a, b) => a.due.schedule.workflowId - b.due.schedule.workflowId);
  const writing = new Writing(now);
  yield* writing.prepare(c, decisions);
  for (const decision of decisions) yield* writing.take(c, decision);
  return yield* writing.write(c);
}

/** Never throws for what is stored: a schedule that makes no sense any more has come to its end. */
function decide(due: Due, holidaysOf: (calendar: string) => ReadonlySet<number>, now: number): Decision {
  const { schedule, next, place } = due;
  try {
    const { misfire, misfireMax } = schedule;
    const timing = timingOf(schedule, holidaysOf);
    const decided = decideDue({ timing, next, misfire, misfireMax }, now, TICKS_PER_SCHEDULE);
    return {
      due,
      decided,
      problem: place === null ? 'its workflow has no version to run' : problemOf(schedule, place),
    };
  } catch (error) {
    const problem = error instanceof Error ? error.message : String(error);
    return { due, decided: { ticks: [{ tick: next, skipped: null }], next: null }, problem };
  }
}

function problemOf({ options }: ScheduleRow, { definition }: Place): string | null {
  const params = resolveStartParameters(definition, options.params);
  return params.ok ? null : params.problems.join('; ');
}

// --------------------------------------------------------------------------------------------------- writing

/** A run to be, and the tick that it is of. */
interface Firing {
  decision: Decision;
  tick: Tick;
  gate: RunGate | null;
}

class Writing {
  readonly #now: number;
  readonly #ticks: NewTick[] = [];
  readonly #started: StartedRun[] = [];
  readonly #moved: Record<string, number | string | null>[] = [];
  readonly #alerts: { schedule: ScheduleRow; version: number; nominalAt: number; problem: string }[] = [];
  readonly #cycles = new Map<string, Interval | null>();
  #ids: number[] = [];
  #decided: ReadonlySet<string> = new Set();
  #fired = 0;

  constructor(now: number) {
    this.#now = now;
  }

  *prepare(c: WriteContext, decisions: readonly Decision[]): Sql<void> {
    const keys = decisions.flatMap(({ due, decided }) =>
      decided.ticks.flatMap(({ tick }) =>
        [...tick.merged, tick.nominalAt].map((nominalAt) => ({ schedule: due.schedule.id, nominalAt })),
      ),
    );
    this.#decided = yield* decidedAmong(c, keys);
    const together = decisions.filter(isStartedTogether);
    const firing = together.flatMap((decision) =>
      decision.decided.ticks.filter((each) => each.skipped === null && this.#isNew(decision, each.tick.nominalAt)),
    );
    this.#ids = yield* reserveRuns(c, firing.length);
  }

  #isNew({ due }: Decision, nominalAt: number): boolean {
    return !this.#decided.has(tickKey(due.schedule.id, nominalAt));
  }

  *take(c: WriteContext, decision: Decision): Sql<void> {
    const { schedule } = decision.due;
    let { lastFiredAt, lastRun } = schedule as { lastFiredAt: number | null; lastRun: number | null };
    for (const { tick, skipped } of decision.decided.ticks) {
      this.#recordMerged(decision, tick);
      if (!this.#isNew(decision, tick.nominalAt)) continue;
      if (skipped !== null || decision.problem !== null) {
        this.#skip(decision, tick, skipped ?? 'error', skipped === null ? decision.problem : null);
        continue;
      }
      const gate = yield* this.#gateOf(c, schedule, tick, lastRun === null ? null : [lastRun, lastFiredAt!]);
      const run = yield* this.#start(c, { decision, tick, gate });
      this.#fired++;
      this.#record(schedule, tick, tick.nominalAt, { run, reason: null, detail: null });
      [lastRun, lastFiredAt] = [run, tick.nominalAt];
    }
    const last = decision.decided.ticks.at(-1)?.tick.nominalAt ?? schedule.lastNominalAt;
    const [due_at, nominal_at, next_tick] = tickCells(decision.decided.next);
    this.#moved.push({ id: schedule.id, due_at, nominal_at, next_tick, last, fired: lastFiredAt, run: lastRun });
  }

  #skip(decision: Decision, tick: Tick, reason: TickReason, detail: string | null): void {
    const { schedule, place } = decision.due;
    this.#record(schedule, tick, tick.nominalAt, { run: null, reason, detail });
    if (detail === null) return;
    const { nominalAt } = tick;
    this.#alerts.push({ schedule, version: place?.version ?? 0, nominalAt, problem: detail });
  }

  #recordMerged(decision: Decision, tick: Tick): void {
    const detail = `due at once with that of ${new Date(tick.nominalAt).toISOString()}, which counts for it`;
    for (const nominalAt of tick.merged)
      if (this.#isNew(decision, nominalAt))
        this.#record(decision.due.schedule, tick, nominalAt, { run: null, reason: 'merged', detail });
  }

  #record(schedule: ScheduleRow, tick: Tick, nominalAt: number, outcome: Parameters<typeof tickOf>[2]): void {
    this.#ticks.push(tickOf(schedule, { nominalAt, dueAt: tick.dueAt, decidedAt: this.#now }, outcome));
  }

  // ---- gates

  *#gateOf(
    c: WriteContext,
    schedule: ScheduleRow,
    tick: Tick,
    last: [run: number, logicalDateAt: number] | null,
  ): Sql<RunGate | null> {
    const { dependsOnPrevious, dependsOn } = schedule.options;
    const previous = dependsOnPrevious && last ? { run: runIdOf(last[0]), logicalDateAt: last[1] } : null;
    const workflows: RunGate['workflows'] = [];
    for (const name of dependsOn) {
      const slash = name.indexOf('/');
      const [project, workflow] =
        slash === -1 ? [schedule.project, name] : [name.slice(0, slash), name.slice(slash + 1)];
      // Its own cycle before is what `dependsOnPrevious` is for.
      if (project === schedule.project && workflow === schedule.workflow) continue;
      const cycle = yield* this.#cycleOf(c, { project, workflow, at: tick.nominalAt, zone: schedule.zone });
      if (cycle) workflows.push({ project, workflow, ...cycle });
    }
    return previous || workflows.length > 0 ? { previous, workflows } : null;
  }

  /** By the workflow's own schedule; of one without, the day. */
  *#cycleOf(
    c: WriteContext,
    of: { project: string; workflow: string; at: number; zone: string },
  ): Sql<Interval | null> {
    const { project, workflow, at, zone } = of;
    const key = JSON.stringify([project, workflow, at, zone]);
    const known = this.#cycles.get(key);
    if (known !== undefined) return known;
    const row = yield* c.db.get(OWN_SCHEDULE, project, workflow);
    const cycle = row ? yield* ownCycle(c, toScheduleRow(row), at) : null;
    const found = cycle ?? windowsOf('today', { at, zone })?.[0] ?? null;
    this.#cycles.set(key, found);
    return found;
  }

  // ---- runs

  *#start(c: WriteContext, { decision, tick, gate }: Firing): Sql<number> {
    const { schedule } = decision.due;
    const place = decision.due.place!;
    const { params, failurePolicy, notifyType, notifyMails, priority, workerGroup, environment, timeoutMs } =
      schedule.options;
    const run = newRunOf(
      place.definition,
      {
        ...{ params, failurePolicy, notifyType, notifyMails, priority, workerGroup, environment, timeoutMs },
        dryRun: false,
        extras: null,
      },
      {
        ...{ project: schedule.project, workflow: schedule.workflow, version: place.version },
        ...{ execType: 'SCHEDULER', mode: 'whole', plan: { run: 'all', reuse: [] } },
        ...{ submitUser: schedule.updatedBy, proxyUser: null, queue: null },
        ...{ logicalDateAt: tick.nominalAt, zone: schedule.zone, submittedAt: this.#now },
      },
    );
    const making = encodeNewRun({ ...run, ...(gate && { gate }) });
    const at = { projectId: schedule.projectId, workflowId: schedule.workflowId, version: place.version };
    if (!isStartedTogether(decision)) {
      const begun = yield* beginRun(c, { making, place: at, policy: place.concurrency });
      return begun!.run;
    }
    const id = this.#ids.shift()!;
    this.#started.push({ run: id, making, place: at });
    return id;
  }

  *write(c: WriteContext): Sql<{ fired: number; skipped: number }> {
    yield* insertStartedRuns(c, this.#started);
    yield* insertTicks(c, this.#ticks);
    if (this.#moved.length > 0) yield* c.db.run(MOVE_ON, c.nextChange(), JSON.stringify(this.#moved));
    for (const alert of this.#alerts) yield* tellFailed(c, alert, this.#now);
    return { fired: this.#fired, skipped: this.#ticks.length - this.#fired };
  }
}

/** Nothing about its runs depends on what other runs there are. */
function isStartedTogether({ due: { place } }: Decision): boolean {
  return place !== null && place.concurrency === 'parallel' && !place.hasFiles;
}

/** The default one, else the oldest. */
const OWN_SCHEDULE = `
  ${SCHEDULE_SELECT} where p.name = ? and w.name = ? and w.deleted_at is null and s.online = 1
  order by case when s.name = 'default' then 0 else 1 end, s.id limit 1`;

function* ownCycle(c: WriteContext, schedule: ScheduleRow, at: number): Sql<Interval | null> {
  return coveringCycle(timingOf(schedule, yield* loadHolidays(c.db, [schedule.calendar])), at);
}

const MOVE_ON = (dialect: Dialect): string => `
  update schedule set next_due_at = t.due_at, next_nominal_at = t.nominal_at, next_tick = t.next_tick,
    last_nominal_at = t.last, last_fired_at = t.fired, last_run_id = t.run, changed = ${dialect.change}
  from ${dialect.tableOf({
    id: 'integer',
    due_at: 'integer',
    nominal_at: 'integer',
    next_tick: 'text',
    last: 'integer',
    fired: 'integer',
    run: 'integer',
  })} t where schedule.id = t.id`;

function* tellFailed(
  c: WriteContext,
  failed: { schedule: ScheduleRow; version: number; nominalAt: number; problem: string },
  now: number,
): Sql<void> {
  const { schedule, version: workflowVersion, nominalAt, problem } = failed;
  const { project, workflow, name, options } = schedule;
  const place = c.runMakings.get(`${schedule.workflowId}.${workflowVersion}`) as Place | undefined;
  const alert: AlertRecord = {
    ...aboutNoRun({ project, workflow, workflowVersion }),
    id: `schedule.${schedule.id}.${nominalAt}`,
    event: 'schedule-failed',
    task: null,
    at: now,
    recipients: options.notifyMails ?? place?.definition.notify.to ?? [],
    submitUser: schedule.updatedBy,
    logicalDateAt: nominalAt,
    about: { kind: 'schedule', name, problem },
  };
  yield* insertAlert(c, alertRowOf(alert, schedule.projectId));
}
