/**
 * The invariants, checked at each step that can break one: a transaction, a process start, a message leaving a master, and
 * after every step what the durable state promises about its own future. Reads only; throws `Violation`.
 *
 * Owns: what it has seen of reports (who said what) and of kills (which worker was told). Everything else is looked up.
 */
import {
  type AttemptId,
  type AttemptReport,
  type AttemptSpec,
  type CommandId,
  formatAttemptId,
  isTerminalRun,
  isTerminalTaskRun,
  type MasterId,
  type MasterToWorker,
  parseAttemptId,
  type RunId,
  type TaskDefinition,
  type WorkerId,
  type WorkerToMaster,
} from '@pelorus/protocol';
import {
  type AttemptRecord,
  type Change,
  type Command,
  firesBetween,
  isNews,
  LOGIC_WORKER,
  type ParentLink,
  type RunStatus,
  type TaskRunRecord,
} from '../src/index.ts';
import { retryDelayMs } from '../src/attempts.ts';
import { caseOf, isPassedThrough, momentsOf, predecessorsOf, verdictOf } from './dag.ts';
import type { SimProcess } from './ledger.ts';
import { missingChild, wrongAttemptEnd, wrongRunEnd, wrongStart } from './lineage.ts';
import { describeChanges } from './master-process.ts';
import { describe } from './random-workflow.ts';
import { ancestorsOf, lineOf } from './turns.ts';
import { type DurableRun, type Fence, isTerminalAttempt, type StoreModel } from './store-model.ts';
import { type Invariant, Violation } from './violation.ts';
import type { World } from './world.ts';

/** How long a master leaves a worker alone that refused. */
const REFUSAL_PAUSE_MS = 500;
/** How often a task may be placed in vain: more is not a race for a slot, but a loop. */
const PLACED_MAX = 40;
/** For how long a task may wait for a worker that has room, or beyond its pause. */
const IDLE_MAX_MS = 60_000;

export class Checker {
  /** When a task last ended. */
  progressAt = 0;
  private readonly world: World;
  private readonly reports = new Map<string, AttemptReport>();
  private readonly dispatchesHeard = new Set<string>();
  /** Attempts for which a host's agent heard a kill before it heard of the attempt. */
  private readonly killedFirst = new Set<string>();
  /** How long the master that sent an attempt said it may go on unheard of, in ms. */
  readonly leases = new Map<AttemptId, number>();
  /** When each master last carried out a transaction, and when it first heard each report. */
  private readonly committedAt = new Map<MasterId, number>();
  private readonly reportsHeard = new Map<string, number>();
  private readonly touched = new Set<RunId>();
  /** When a worker last refused something of a master, by that master's clock. */
  private readonly refusedAt = new Map<string, number>();
  /** Since when a task has been waiting for what is there: a worker with room, or the end of its own pause. */
  private heldUpSince = new Map<string, number>();
  /** Runs that the transaction in hand sets going. */
  private readonly resumed = new Set<RunId>();
  /** Attempts that have been written. */
  private readonly made = new Set<string>();

  constructor(world: World) {
    this.world = world;
  }

  // ----------------------------------------------------------------------------------------------- transactions

  committed(fence: Fence, changes: readonly Change[], before: ReadonlyMap<RunId, RunStatus>): void {
    const { world } = this;
    world.trace(() => `${fence.master} commits ${changes.length === 0 ? 'nothing' : describeChanges(changes)}`);
    world.tally.count('transactions');
    if (!world.store.holds(fence))
      fail('S1', `${fence.master} is fenced and commits ${describeChanges(changes) || 'nothing'}`);
    this.committedAt.set(fence.master, world.timeline.now);
    this.resumed.clear();
    for (const change of changes)
      if (change.kind === 'run' && change.status.state === 'running') this.resumed.add(change.status.run);
    for (const change of changes) this.changeWritten(change, before, fence);
    for (const [id, status] of before) this.runWritten(id, status);
  }

  private changeWritten(change: Change, before: ReadonlyMap<RunId, RunStatus>, fence: Fence): void {
    switch (change.kind) {
      case 'attempt':
        this.mustLeaveRefusersAlone(fence.master, change.record);
        return this.attemptWritten(change.record, before.get(change.record.run)!);
      case 'task-run':
        return this.taskWritten(change.record);
      case 'start-child':
        return this.childStarted(change.parent);
      case 'child-command':
        return this.childCommanded(change.parent, change.action.kind);
      case 'command-done': {
        const { run, action } = this.world.store.commands[change.command - 1]!;
        if (change.outcome.kind === 'applied') this.mustHaveEffect(this.world.store.commands[change.command - 1]!);
        // What was asked of a run that waited for its turn may be looked at after its start: it could not apply before.
        if (action.kind !== 'start') this.mustBeInOrder(run, change.command);
        if (action.kind === 'child-finished') this.world.tally.count(`path: end of a child ${change.outcome.kind}`);
        return this.touch(run);
      }
      default:
        return;
    }
  }

  /** What is said to be applied has its effect in the same transaction. */
  private mustHaveEffect({ run: id, action }: Command): void {
    const { status, tasks, workflow, spec } = this.world.store.runs.get(id)!;
    const { state } = status;
    const { gate } = spec;
    const index = 'task' in action ? workflow.definition.tasks.findIndex(({ name }) => name === action.task) : -1;
    const task = tasks[index]?.state ?? 'pending';
    const happened = {
      start: state !== 'queued' && (state !== 'waiting' || gate !== undefined),
      stop: state === 'stopping' || isTerminalRun(state),
      'force-success': task === 'forced_success',
      'kill-task': task === 'killing' || isTerminalTaskRun(task),
      pause: true,
      resume: true,
      'child-finished': true,
    };
    if (!happened[action.kind])
      fail(
        'defect',
        `${JSON.stringify(action)} of run ${id} is said to be applied, but the run is ${state}, its task ${task}`,
      );
  }

  /** People and parents mean their commands in the order in which they gave them: a pause after a resume is not one before it. */
  private mustBeInOrder(run: RunId, id: CommandId): void {
    const [first] = this.world.store.waitingCommands(run);
    if (first && first.id < id)
      fail('defect', `command ${id} of run ${run} is answered before command ${first.id} (${first.action.kind})`);
  }

  /** Whoever refused gets nothing new from the same master for a while, or the two of them would do nothing else. */
  private mustLeaveRefusersAlone(master: MasterId, record: AttemptRecord): void {
    const key = `${master} ${record.worker}`;
    if (record.state === 'lost' && record.cause?.kind === 'no_capacity') this.refusedAt.set(key, record.endedAt!);
    if (this.made.has(`${record.run}.${record.task}.${record.n}`) || record.state !== 'dispatched') return;
    const pauseMs = record.dispatchedAt - (this.refusedAt.get(key) ?? -Infinity);
    if (pauseMs >= 0 && pauseMs < REFUSAL_PAUSE_MS)
      fail(
        'overload',
        `${record.run}.${record.task}.${record.n} is placed ${pauseMs} ms after ${record.worker} refused`,
      );
    if (pauseMs < 2 * REFUSAL_PAUSE_MS) this.world.tally.count('path: placed again where one was refused');
  }

  private countReasons({ run, task, state, cause, waitReason }: TaskRunRecord): void {
    const { tally, store } = this.world;
    if (state === 'queued' && waitReason) tally.count(`path: task waits (${waitReason.split(':')[0]})`);
    if (waitReason?.includes('waiting for its return')) tally.count('path: attempt waits for its lost worker');
    if (cause?.kind === 'dispatch_timeout') tally.count('path: dispatch timeout');
    if (state === 'failed' && cause?.kind === 'worker_lost') tally.count('path: task failed with its worker');
    const latest = store.runs.get(run)!.attempts[task]!.at(-1);
    if (state === 'queued' && latest?.cause?.kind === 'worker_lost')
      tally.count('path: task queued again after its worker was lost');
  }

  private taskWritten(record: TaskRunRecord): void {
    const { run, task, state, cause, attempts } = record;
    const { tally, store, timeline } = this.world;
    this.countReasons(record);
    if (attempts - record.retries > PLACED_MAX)
      fail('overload', `task ${task} of run ${run} was placed ${attempts} times, for ${record.retries} retries`);
    if (isTerminalTaskRun(state)) this.progressAt = timeline.now;
    if (cause?.kind === 'branch' || cause?.kind === 'not_triggered') tally.count(`path: task skipped (${cause.kind})`);
    if (cause?.kind === 'chose') tally.count('path: branch chosen');
    if (state === 'failed' && attempts === 0 && cause?.kind === 'invalid') tally.count('path: switch could not choose');
    if (state !== 'forced_success') return;
    const before = store.runs.get(run)!.forced.find((forced) => forced.task === task)?.before?.state;
    tally.count(`path: success forced (${before ?? 'pending'})`);
  }

  private childStarted(parent: ParentLink): void {
    const { store, tally } = this.world;
    const wrong = wrongStart(store, parent);
    if (wrong !== null) fail('S11', wrong);
    const { spec, workflow, status } = store.childOf(parent)!;
    if (isTerminalRun(status.state)) tally.count('path: child discarded');
    this.world.trace(() => `run ${spec.id} is a child: ${describe(workflow.definition)}`);
    tally.count('child runs');
    if (spec.depth === 2) tally.count('path: runs nested three deep');
    if (parent.attempt > 1) tally.count('path: child started again for a retry');
    this.touch(spec.id);
  }

  private childCommanded(parent: ParentLink, action: string): void {
    const child = this.world.store.childOf(parent);
    if (!child)
      return fail(
        'S11',
        `a ${action} is for the child of ${parent.run}.${parent.task}.${parent.attempt}, which has none`,
      );
    this.world.tally.count(`path: ${action} handed to a child`);
    this.touch(child.spec.id);
  }

  /** Its rows are looked at again after this step, and those of the run above it. */
  private touch(id: RunId): void {
    this.touched.add(id);
    const { parent } = this.world.store.runs.get(id)!.spec;
    if (parent) this.touched.add(parent.run);
  }

  /** Of a host that has slept and is awake again: what was given up meanwhile must be gone by now. */
  outlivedSleep({ attempt, host, endedAt }: SimProcess): void {
    const record = this.world.store.attempt(attempt);
    if (endedAt !== null || !record) return;
    this.world.tally.count('path: process lived on after its host had slept');
    if (isTerminalAttempt(record))
      fail('S2', `${attempt} is ${record.state} and still lives on ${host}, which has slept and is awake again`);
  }

  private attemptWritten(record: AttemptRecord, runBefore: RunStatus): void {
    const { world } = this;
    const name = `${record.run}.${record.task}.${record.n}`;
    const run = world.store.runs.get(record.run)!;
    const process = world.ledger.byAttempt.get(name as AttemptId);
    if (!this.made.has(name)) this.attemptMade(record, run, runBefore);
    const outlived = isTerminalAttempt(record) ? wrongAttemptEnd(world.store, record) : null;
    if (outlived !== null) fail('S11', outlived);
    if (isTerminalAttempt(record) && process && world.ledger.lives(process)) {
      fail(
        'S2',
        `attempt ${name} is ${record.state} (${record.cause?.kind ?? 'no cause'}), but its process lives on ${process.host}`,
      );
    }
    if (record.worker === LOGIC_WORKER && record.state === 'failed') {
      world.tally.count(`path: logic attempt failed (${record.cause?.kind ?? 'no cause'})`);
    }
    if (record.state === 'lost') this.countLost(record);
  }

  private countLost(record: AttemptRecord): void {
    const { tally, ledger, store } = this.world;
    tally.count(`path: attempt lost (${record.cause?.kind ?? 'no cause'})`);
    const leaseMs = this.leases.get(formatAttemptId(record));
    if (record.cause?.kind !== 'worker_lost' || leaseMs === undefined) return;
    for (const process of ledger.byAttempt.values()) {
      const outlives = ledger.lives(process) && this.leases.get(process.attempt)! > leaseMs;
      if (outlives && store.attempt(process.attempt)?.worker === record.worker)
        return tally.count('path: attempt lost while one with a longer lease goes on there');
    }
  }

  private attemptMade(record: AttemptRecord, run: DurableRun, runBefore: RunStatus): void {
    const name = `${record.run}.${record.task}.${record.n}`;
    this.made.add(name);
    if (runBefore.state === 'stopping' || isTerminalRun(runBefore.state)) {
      fail('S9', `attempt ${name} is made while its run is ${runBefore.state}`);
    }
    const paused = runBefore.state === 'pausing' || runBefore.state === 'paused';
    if (paused && !this.resumed.has(record.run))
      fail('S9', `attempt ${name} is made while its run is ${runBefore.state}`);
    if (record.worker !== LOGIC_WORKER) this.mustFitTaskGroup(run, record.task);
    this.mustBeReady('S3', record, run);
  }

  private mustFitTaskGroup(run: DurableRun, task: number): void {
    const share = run.workflow.definition.tasks[task]!.taskGroup;
    if (!share) return;
    const held = this.world.store.heldBy(share.name);
    const size = this.world.taskGroups.get(share.name)!;
    if (held > size)
      fail('S10', `task group ${share.name} of size ${size} holds ${held} with task ${task} of run ${run.spec.id}`);
    if (held === size) this.world.tally.count('path: task group full');
  }

  private mustBeReady(invariant: Invariant, record: { run: RunId; task: number; n: number }, run: DurableRun): void {
    const verdicts = momentsOf(run).map((moment) => verdictOf(moment, record.task));
    if (verdicts.includes('run')) return;
    const name = `attempt ${record.run}.${record.task}.${record.n}`;
    fail(invariant, `${name} begins, but by the rows its trigger rule says ${verdicts.join(', ')}`);
  }

  private runWritten(id: RunId, before: RunStatus): void {
    const run = this.world.store.runs.get(id)!;
    this.touch(id);
    this.countOwners(run, before);
    if (before.startedAt === null && run.status.startedAt !== null) this.mustBeItsTurn(run);
    if (isTerminalRun(before.state) || !isTerminalRun(run.status.state)) return;
    if (!run.spec.dryRun)
      for (const other of lineOf(this.world.store.runs, run.spec.workflowId)) this.touch(other.spec.id);
    const outlived = wrongRunEnd(this.world.store, id);
    if (outlived !== null) fail('S11', outlived);
    const alive = this.world.ledger.liveOfRun(id);
    if (alive.length > 0)
      fail('S9', `run ${id} is shown ${run.status.state}, but ${alive.map((one) => one.attempt).join(', ')} live`);
    this.world.tally.count(`run ended: ${run.status.state}${run.spec.dryRun ? ' (dry run)' : ''}`);
    if (run.status.cause?.kind === 'superseded') this.world.tally.count('path: run superseded');
  }

  /** All that came before it have ended, but for the runs that it belongs to; with `serial_priority` those after it too. */
  private mustBeItsTurn({ spec, workflow, status, waited }: DurableRun): void {
    const { concurrency } = workflow.definition;
    const { runs } = this.world.store;
    if (concurrency === 'parallel' || spec.dryRun) return;
    const above = ancestorsOf(runs, spec);
    const others = lineOf(runs, spec.workflowId).filter((one) => one.spec.id !== spec.id && !above.includes(one));
    const ahead = others.find(
      (one) => one.status.startedAt !== null || (concurrency === 'serial_wait' && one.spec.id < spec.id),
    );
    if (ahead && !above.some((one) => one.spec.workflowId === spec.workflowId)) {
      fail(
        'turns',
        `run ${spec.id} (${concurrency}) becomes ${status.state} while run ${ahead.spec.id} is ${ahead.status.state}`,
      );
    }
    this.world.tally.count(`path: run of a ${concurrency} workflow started${waited ? ' when its turn came' : ''}`);
    if (waited && spec.parent) this.world.tally.count('path: child started when its turn came');
  }

  private countOwners({ spec, status }: DurableRun, before: RunStatus): void {
    const above = spec.parent && this.world.store.runs.get(spec.parent.run)!.status.owner;
    if (above && before.owner === null && status.owner !== above)
      this.world.tally.count("path: child of another master's run");
  }

  // --------------------------------------------------------------------------------------------------- processes

  processStarts(process: SimProcess): void {
    const { world } = this;
    const { attempt, run, task, n, host } = process;
    if (world.ledger.byAttempt.has(attempt)) fail('S2', `attempt ${attempt} starts a second process, on ${host}`);
    // Its start was under way when the host fell asleep: like one that ran, it has a moment to be ended.
    if (!world.ledger.isAwake(host)) return world.tally.count('path: process started as its host woke up');
    const others = world.ledger.liveOfTask(run, task);
    if (others.length > 0)
      fail('S2', `${attempt} starts on ${host} while ${others[0]!.attempt} lives on ${others[0]!.host}`);
    const { slots } = world.hosts.find(({ options }) => options.name === host)!.options;
    const running = world.ledger.liveOnHost(host);
    if (running >= slots) fail('S10', `${attempt} starts on ${host}, where ${running} processes fill ${slots} slots`);
    const durable = world.store.runs.get(run)!;
    const record = durable.attempts[task]?.[n - 1];
    if (!record) fail('S6', `${attempt} starts, but no such attempt is in the store`);
    if (isTerminalRun(durable.status.state))
      fail('S9', `${attempt} starts after its run was shown ${durable.status.state}`);
    if (this.killedFirst.has(`${host} ${attempt}`))
      fail('S9', `${attempt} starts on ${host}, which had been told to kill it`);
    this.mustBeReady('S3', process, durable);
    if (isTerminalAttempt(record)) fail('S5', `${attempt} starts although it is ${record.state} in the store`);
    if (durable.stoppingSince !== null)
      world.tally.count('path: process started while its run was stopping (its dispatch was on the way)');
  }

  workerReceived(worker: WorkerId, messages: readonly MasterToWorker[]): void {
    const host = hostOf(worker);
    for (const message of messages) {
      if (message.kind === 'dispatch') {
        const key = `${host} ${message.spec.attempt}`;
        if (this.dispatchesHeard.has(key)) this.world.tally.count('path: dispatch heard again');
        this.dispatchesHeard.add(key);
      }
      if (message.kind !== 'kill') continue;
      const key = `${host} ${message.attempt}`;
      if (this.dispatchesHeard.has(key)) continue;
      this.killedFirst.add(key);
      this.world.tally.count('path: kill heard before its dispatch');
    }
  }

  // ---------------------------------------------------------------------------------------------------- messages

  reported(worker: WorkerId, messages: readonly WorkerToMaster[]): void {
    for (const message of messages) {
      if (message.kind !== 'report') continue;
      const { report } = message;
      const key = `${worker} ${report.attempt} ${report.sequence}`;
      if (this.reports.has(key)) this.world.tally.count(`path: report ${report.kind} sent again`);
      else this.reportedFirst(report);
      this.reports.set(key, report);
    }
  }

  private reportedFirst(report: AttemptReport): void {
    const { tally } = this.world;
    tally.count(`report: ${report.kind}`);
    if (report.kind !== 'no_capacity') return;
    const [why] = REFUSALS.find(([, pattern]) => pattern.test(report.reason)) ?? ['otherwise'];
    tally.count(`path: dispatch refused (${why})`);
  }

  /** A report has come to a master: from here on a look at its fence counts for the acknowledgement. */
  heard(master: MasterId, worker: WorkerId, messages: readonly WorkerToMaster[]): void {
    for (const message of messages) {
      if (message.kind !== 'report') continue;
      const key = `${master} ${worker} ${message.report.attempt} ${message.report.sequence}`;
      if (!this.reportsHeard.has(key)) this.reportsHeard.set(key, this.world.timeline.now);
    }
  }

  released(master: MasterId, worker: WorkerId, messages: readonly MasterToWorker[]): void {
    for (const message of messages) {
      if (message.kind === 'ack') this.acknowledged(master, worker, message);
      if (message.kind === 'dispatch') {
        this.leases.set(message.spec.attempt, message.spec.executionLeaseMs);
        this.dispatched(master, worker, message.spec);
      }
      if (message.kind === 'kill') this.killSent(master, worker, message.attempt);
    }
  }

  private acknowledged(master: MasterId, worker: WorkerId, ack: Extract<MasterToWorker, { kind: 'ack' }>): void {
    const key = `${worker} ${ack.attempt} ${ack.sequence}`;
    const report = this.reports.get(key);
    if (!report)
      return fail(
        'defect',
        `${master} acknowledges report ${ack.sequence} of ${ack.attempt}, which ${worker} never made`,
      );
    const heardAt = this.reportsHeard.get(`${master} ${key}`) ?? Infinity;
    if ((this.committedAt.get(master) ?? -Infinity) < heardAt)
      return fail(
        'S6',
        `${master} acknowledges ${report.kind} of ${ack.attempt} without having looked whether it is still in charge`,
      );
    const { run: id } = parseAttemptId(ack.attempt)!;
    const record = this.world.store.attempt(ack.attempt);
    if (record) this.mustBeKept(report, record);
    const ended = isTerminalRun(this.world.store.runs.get(id)!.status.state);
    const settled = ended || record === null || isTerminalAttempt(record);
    if (ack.verdict === 'unknown') {
      this.world.tally.count('path: report answered with unknown');
      if (!settled)
        fail('S6', `${master} tells ${worker} that ${ack.attempt} is unknown, but it is ${record.state} in the store`);
      return;
    }
    if (record === null)
      return fail('S6', `${master} acknowledges ${report.kind} of ${ack.attempt}, which is not in the store`);
    if (settled && !this.world.variant.masterCore) this.countStale(report, record);
    if (settled || record.worker !== worker) return;
    if (!effectOf(report, record, this.world.store.runs.get(id)!)) {
      fail('S6', `${master} acknowledges ${report.kind} of ${ack.attempt}, but the store says ${record.state}`);
    }
  }

  /** A result that its attempt ended without: the first stays with the attempt. */
  private mustBeKept(report: AttemptReport, record: AttemptRecord): void {
    if (report.kind !== 'finished') return;
    if (isNews(record, { ...report.outcome, reportedAt: this.world.timeline.now }))
      fail(
        'evidence',
        `${report.attempt} is ${record.state}, and that it ${report.outcome.state} is acknowledged and not kept`,
      );
    if (record.late) this.world.tally.count('path: late result kept with its attempt');
  }

  private countStale(report: AttemptReport, record: AttemptRecord): void {
    if (report.kind === 'finished' && record.state === 'lost')
      this.world.tally.count('path: result came after the attempt was given up');
  }

  private dispatched(master: MasterId, worker: WorkerId, { attempt, action }: AttemptSpec): void {
    const record = this.world.store.attempt(attempt);
    if (!record) return fail('S6', `${master} dispatches ${attempt}, which is not in the store`);
    // A master that was stopped between its commit and its sends cannot know what its successor has decided since.
    const inCharge = this.world.store.masters.get(master)?.fencedAt === null;
    if (record.kill && inCharge) fail('S9', `${master} dispatches ${attempt} to ${worker} after its kill is durable`);
    const host = this.world.hosts.find(({ options }) => options.name === hostOf(worker))!;
    if (!host.options.features.includes(action.type))
      fail('features', `${master} sends ${attempt}, a ${action.type} task, to ${worker}, which runs no such tasks`);
    this.world.tally.count('dispatches sent');
  }

  private killSent(master: MasterId, worker: WorkerId, attempt: AttemptId): void {
    const record = this.world.store.attempt(attempt);
    const live = record !== null && !isTerminalAttempt(record);
    if (live && !record.kill)
      fail(
        'defect',
        `${master} tells ${worker} to kill ${attempt}, which is ${record.state} and which nobody asked to kill`,
      );
    this.world.tally.count(live ? 'kills sent' : 'path: kill of a leftover attempt');
  }

  // -------------------------------------------------------------------------------------------------- schedules

  /** S8, as far as one look can tell: no tick twice, and each run of a schedule is that of one tick. */
  ticked(): void {
    const { schedules, store, tally } = this.world;
    tally.count('transactions of ticks');
    const seen = new Set<string>();
    const runs = new Set<RunId>();
    for (const { schedule, nominalAt, run } of schedules.ticks) {
      const key = `${schedule} ${nominalAt}`;
      if (seen.has(key)) fail('S8', `schedule ${schedule} has decided ${nominalAt} twice`);
      seen.add(key);
      if (run !== null) runs.add(run);
    }
    for (const { spec } of store.runs.values())
      if (spec.execType === 'SCHEDULER' && spec.parent === null && spec.rerunOf === null && !runs.has(spec.id))
        fail('S8', `run ${spec.id} of a schedule (${spec.logicalDateAt}) has no tick`);
  }

  /** S8: every instant from the first that was decided to the last has its row. */
  noTickIsMissing(): void {
    const { schedules } = this.world;
    for (const { id, timing } of schedules.schedules) {
      const decided = schedules.ticks.filter(({ schedule }) => schedule === id).map(({ nominalAt }) => nominalAt);
      const from = Math.min(...decided);
      const to = Math.max(...decided);
      const wanted = decided.length === 0 ? [] : firesBetween(timing.cron, timing.zone, { from, to, limit: Infinity });
      const missing = wanted.find((at) => !decided.includes(at));
      if (missing !== undefined) fail('S8', `schedule ${id} has never decided ${missing}`);
    }
  }

  // ------------------------------------------------------------------------------------------------ after a step

  /** L4 over what the step touched: whatever has not ended has, in the store alone, something that will move it. */
  afterStep(): void {
    for (const id of this.touched) {
      const run = this.world.store.runs.get(id)!;
      if (!isTerminalRun(run.status.state)) this.mustHaveCause(id, run);
    }
    this.touched.clear();
  }

  /** The same for every run, however long ago it was touched. */
  everyRunHasACause(): void {
    for (const id of this.world.store.runs.keys()) this.touched.add(id);
    this.afterStep();
  }

  /** L3, once nothing goes wrong any more: no task waits long while a worker of its group has room, or after its pause. */
  nobodyIsHeldUp(): void {
    const { store, timeline } = this.world;
    const since = new Map<string, number>();
    for (const { spec, status, tasks, workflow } of store.runs.values()) {
      if (status.state !== 'running') continue;
      for (const record of tasks) {
        const longestMs = record ? this.longestWaitOf(record, workflow.definition.tasks[record.task]!) : null;
        if (!record || longestMs === null) continue;
        const key = `${spec.id}.${record.task} ${record.state} ${record.readyAt} ${record.wakeAt}`;
        const at = this.heldUpSince.get(key) ?? timeline.now;
        since.set(key, at);
        if (timeline.now - at > longestMs)
          fail(
            'L3',
            `task ${record.task} of run ${spec.id} waits (${record.waitReason}) for more than ${longestMs} ms`,
          );
      }
    }
    this.heldUpSince = since;
  }

  /** Null: it may wait for as long as it takes. A clock that has gone too fast goes at half speed for a while. */
  private longestWaitOf({ state, retries }: TaskRunRecord, definition: TaskDefinition): number | null {
    switch (state) {
      case 'queued':
        return this.hasRoomFor(definition) ? IDLE_MAX_MS : null;
      case 'delayed':
        return 2 * definition.delayMs + IDLE_MAX_MS;
      case 'retry_wait':
        return 2 * retryDelayMs(definition.retry, retries - 1, 1) + IDLE_MAX_MS;
      default:
        return null;
    }
  }

  private hasRoomFor({ workerGroup, taskGroup, action }: TaskDefinition): boolean {
    if (taskGroup || action.type === 'sub_workflow') return false;
    const { hosts, drained } = this.world;
    return hosts.some(
      ({ options, agent }) =>
        options.groups.includes(workerGroup ?? 'default') &&
        options.features.includes(action.type) &&
        !drained.has(options.name) &&
        agent?.hasRoom === true,
    );
  }

  /** Somebody of its workflow is under way, whose end will be its turn. */
  private mustHaveItsTurnAhead({ spec, turn }: DurableRun): void {
    const { store } = this.world;
    const isUnderWay = (one: DurableRun): boolean =>
      one.turn === null || (one.turn === 'superseded' && store.waitingCommands(one.spec.id).length > 0);
    if (!lineOf(store.runs, spec.workflowId).some(isUnderWay))
      fail('L4', `run ${spec.id} waits for its turn (${turn}) although nobody else of its workflow is under way`);
  }

  private mustHaveCause(id: RunId, run: DurableRun): void {
    const { state, owner, waitReason } = run.status;
    if (run.turn === 'serial_wait' || run.turn === 'serial_priority') return this.mustHaveItsTurnAhead(run);
    if (isAtGate(run)) {
      if (owner === null || !this.world.store.masters.has(owner)) fail('L4', `run ${id} waits and has no owner`);
      return;
    }
    if (state === 'queued' || state === 'waiting') {
      if (this.world.store.waitingCommands(id).length === 0)
        fail('L4', `run ${id} is ${state} and no command is on its way`);
      return;
    }
    if (owner === null || !this.world.store.masters.has(owner)) fail('L4', `run ${id} is ${state} and has no owner`);
    if (state === 'paused' && waitReason === null) fail('L4', `run ${id} is paused and does not say what for`);
    const open = run.workflow.definition.tasks.flatMap((_, task) =>
      isTerminalTaskRun(run.tasks[task]?.state ?? 'pending') ? [] : [task],
    );
    if (open.length === 0) fail('L4', `run ${id} is ${state} although all of its tasks have ended`);
    for (const task of open) {
      const missing = missingCause(this.world.store, run, task);
      if (missing !== null) fail('L4', `run ${id} is ${state}, task ${task}: ${missing}`);
    }
  }
}

/** It has had its start, and nothing of it has begun. */
function isAtGate({ spec, status }: DurableRun): boolean {
  const { state, startedAt, version } = status;
  return spec.gate !== undefined && startedAt === null && (state === 'paused' || (state === 'waiting' && version > 0));
}

const REFUSALS: readonly [string, RegExp][] = [
  ['draining', /draining/],
  ['scheduling lease', /scheduling lease/],
  ['slots', /slots/],
  ['load', /load average/],
  ['memory', /free memory/],
  ['disk', /disk/],
];

/** What an acknowledged report must have done, when it was not stale. */
function effectOf(report: AttemptReport, record: AttemptRecord, run: DurableRun): boolean {
  switch (report.kind) {
    case 'running':
      return record.state !== 'dispatched';
    case 'finished':
    case 'no_capacity':
    case 'tombstoned':
      return isTerminalAttempt(record) || waitsForWorker(run, record.task);
    case 'lost':
      return isTerminalAttempt(record) || waitsForWorker(run, record.task);
    case 'accepted':
    case 'never_seen':
      return true;
  }
}

function waitsForWorker(run: DurableRun, task: number): boolean {
  const said = run.tasks[task]!.waitReason !== null || run.attempts[task]!.at(-1)!.kill !== null;
  return run.workflow.definition.tasks[task]!.onWorkerLost === 'wait' && said;
}

/** Null when the rows say what will move this task run; else what is missing. */
function missingCause(store: StoreModel, run: DurableRun, task: number): string | null {
  const record = run.tasks[task];
  const { state } = run.status;
  if (!record || record.state === 'pending') {
    const of = caseOf(run);
    if (state === 'stopping' && !isPassedThrough(of, task)) return 'it is pending in a run that is being stopped';
    const waits = predecessorsOf(of, task).some((pred) => !isTerminalTaskRun(run.tasks[pred]?.state ?? 'pending'));
    return waits ? null : 'it is pending although all of its predecessors have ended';
  }
  switch (record.state) {
    case 'delayed':
    case 'retry_wait':
      if (state === 'stopping') return `it is ${record.state} in a run that is being stopped`;
      return record.wakeAt === null ? `it is ${record.state} and has no timer` : null;
    case 'queued':
      if (state !== 'running') return `it is queued in a run that is ${state}`;
      // A workflow that is looked up is not a wait: the question is asked with the commit, and again by whoever takes over.
      if (isSubWorkflow(run, task)) return record.readyAt === null ? 'it is queued and does not say since when' : null;
      return record.waitReason === null || record.readyAt === null ? 'it is queued and does not say what for' : null;
    case 'paused':
      return state === 'pausing' || state === 'paused' ? null : `it is paused in a run that is ${state}`;
    case 'dispatched':
    case 'running':
    case 'killing':
      return missingAttempt(store, run, record);
    default:
      return null;
  }
}

function isSubWorkflow(run: DurableRun, task: number): boolean {
  return run.workflow.definition.tasks[task]!.action.type === 'sub_workflow';
}

function missingAttempt(store: StoreModel, run: DurableRun, record: TaskRunRecord): string | null {
  const latest = run.attempts[record.task]!.at(-1);
  if (!latest) return `it is ${record.state} without an attempt`;
  if (latest.n !== record.attempts) return `it counts ${record.attempts} attempts, but ${latest.n} are there`;
  if (isTerminalAttempt(latest)) return `it is ${record.state}, but its latest attempt is ${latest.state}`;
  if (record.state === 'killing' && !latest.kill) return 'it is being killed, but its attempt says nothing of it';
  if (run.status.state === 'stopping' && !latest.kill) return 'its run is being stopped, but nobody kills its attempt';
  return isSubWorkflow(run, record.task) ? missingChild(store, latest) : null;
}

function hostOf(worker: WorkerId): string {
  return worker.slice(0, worker.lastIndexOf('.'));
}

function fail(invariant: Invariant, message: string): never {
  throw new Violation(invariant, message);
}
