/**
 * Everything a master decides, without I/O: many runs, the workers it hears of, placement, timers, what must be sent
 * again. The loop around it feeds inputs, makes each batch durable, and only then lets its messages go.
 *
 * Owns: the runs in memory, placement queues, worker sessions, timers, the outbox (derived from live attempts).
 * Does not own: the store, links, clocks. Time and chance are arguments.
 *
 * Invariants
 * 1. Nothing in a batch's `sends` may leave before the batch's `changes` are durable under an unfenced master (S1, S6).
 * 2. A live attempt is in the `held` set of exactly one session and has a reason to move: an outbox entry, a timer, or
 *    a worker whose silence has a deadline, which is that of its own execution lease (L4).
 * 3. An acknowledgement is only ever part of a batch, also when its report changed nothing.
 * 4. A run that cannot be opened, or whose rules threw, is put aside; the others go on. Nothing that it had asked for is lost: its
 *    start and the reports about it wait for a master that can carry them out.
 */
import {
  ATTEMPT_RANK,
  type AttemptId,
  type AttemptKey,
  type AttemptReport,
  formatAttemptId,
  isTerminalRun,
  isTerminalTaskRun,
  LIMITS,
  type MasterId,
  type MasterToWorker,
  parseAttemptId,
  phrase,
  type RunId,
  type UpstreamCondition,
  type WorkerId,
  type WorkerLoad,
  type WorkerToMaster,
  WIRE_VERSION,
} from '@pelorus/protocol';
import { alertOf } from './alerts.ts';
import { apply } from './apply.ts';
import { executionLeaseMsOf, resolveAttempt } from './attempt-spec.ts';
import { decide } from './decide.ts';
import { isAtGate } from './gate.ts';
import type { Decision, Effect, Event, TimerKind } from './events.ts';
import {
  type PermitAsk,
  type PermitKey,
  Placement,
  type Selector,
  type Waiting,
  type WorkerView,
} from './placement.ts';
import { Recall, type RecallStep } from './recall.ts';
import { refuseUnknownCommand, refuseUnknownWords } from './unknown-words.ts';
import { resultOfForgotten } from './late-result.ts';
import type { AttemptRecord, Change, Command, RunSpec, StoredRun, WorkerRecord } from './records.ts';
import { isLive, LOGIC_WORKER, openRun, type Run, type RunContext, stateOf, taskOf } from './run.ts';
import { TimerQueue } from './timer-queue.ts';

export const SCHEDULING_LEASE_MS = 15_000;
/** After the execution lease of an attempt, so that its processes are certainly gone before it runs again. */
const LOSS_GRACE_MS = 15_000;
const RESEND_FIRST_MS = 1_000;
const RESEND_MAX_MS = 60_000;
/** How long a worker that refused is left alone. */
const REFUSAL_PAUSE_MS = 500;
/** How old `seenAt` of a connected worker may get in the store; less than the grace, which allows for it. */
const SEEN_EVERY_MS = 8_000;
/** Ended runs remembered, so that rows read before their end was durable do not bring them back. */
const ENDED_REMEMBERED = 10_000;
/** A worker that does not list an attempt this long after we sent it is asked about it. */
const QUERY_AFTER_MS = 10_000;
/** What was sent so often without an answer is told: after 16 s, so of a kill when its grace is over. */
const TOLD_AFTER_TRIES = 5;
/** How the reason begins for which a run does not move when the rules threw on it. */
const PUT_ASIDE = phrase('put_aside', { detail: '' });
/** How often tasks that wait for a task group which several masters share ask for their turn. */
const PERMIT_POLL_MS = 1_000;

/** Names one connection; the loop makes them up. */
export type LinkId = number;

export interface Batch {
  changes: Change[];
  sends: Map<LinkId, MasterToWorker[]>;
  /** Runs that reached their end in this batch. */
  ended: RunId[];
  problems: { run: RunId; error: unknown }[];
  /** What workers have been sent several times and not answered; once each. */
  unanswered: { worker: WorkerId; attempt: AttemptId; need: 'dispatch' | 'kill' | 'query' }[];
  /** Questions to the store, to be asked once the batch is durable; `answer` takes what it says. */
  questions: Question[];
  /** Only where other masters share the store. `strangerKnown` takes what the store says of each. */
  strangers: Stranger[];
  /** Likewise: workers that this master has not heard of for too long; `workerSeen` takes when anybody last did. */
  silent: WorkerId[];
  /** Likewise: who wants to be placed in a task group. `permitsGranted` takes the answer; there is no other question until then. */
  permits: PermitAsk | null;
}

/** What a worker said of an attempt whose run is not in memory: a report, or (null) just that it holds it. */
export interface Stranger {
  worker: WorkerId;
  attempt: AttemptId;
  report: AttemptReport | null;
  /** When, epoch ms. */
  at: number;
}

export type Question =
  | { kind: 'resolve-child'; run: RunId; task: number; project: string; workflow: string; version: 'latest' | number }
  | {
      kind: 'check-upstream';
      run: RunId;
      task: number;
      n: number;
      project: string;
      upstream: UpstreamCondition;
      logicalDateAt: number;
      zone: string;
    }
  | { kind: 'check-gate'; run: RunId; spec: RunSpec };

interface Session {
  id: WorkerId;
  link: LinkId | null;
  lastHeardAt: number;
  /** When it is looked next whether it is silent for too long; Infinity: the store is being asked. */
  checkAt: number;
  refusedUntil: number;
  load: WorkerLoad | null;
  /** Somebody wants it to get nothing new. */
  drained: boolean;
  view: WorkerView;
  record: WorkerRecord | null;
  supersedes: readonly WorkerId[];
}

interface Outstanding {
  run: RunId;
  task: number;
  n: number;
  need: 'dispatch' | 'kill' | 'query' | 'nothing';
  tries: number;
  sentAt: number;
  /** When it is sent next; a timer that was armed for another time is passed over. */
  resendAt: number;
}

type Timer =
  | { kind: 'run'; at: number; run: RunId; timer: TimerKind; task: number; n: number }
  | { kind: 'resend'; at: number; attempt: AttemptId }
  | { kind: 'worker-check'; at: number; worker: WorkerId }
  | { kind: 'look'; at: number }
  | { kind: 'permits'; at: number };

export interface MasterCoreOptions {
  master: MasterId;
  selector: Selector;
  /** In [0, 1). */
  random: () => number;
  /**
   * False: other masters share the store. Then a run that is not in memory may be theirs, and a worker that is silent here
   * may be talking to them, so that only the store can say what has ended and who is gone. Default true.
   */
  alone?: boolean;
}

export class MasterCore {
  readonly runs = new Map<RunId, Run>();
  private readonly options: MasterCoreOptions;
  protected readonly placement: Placement;
  private readonly sessions = new Map<WorkerId, Session>();
  private readonly workerOfLink = new Map<LinkId, WorkerId>();
  /** Earlier incarnation → the connected worker that has taken its attempts over. */
  private readonly followers = new Map<WorkerId, WorkerId>();
  private readonly outstanding = new Map<AttemptId, Outstanding>();
  private readonly quarantined = new Set<RunId>();
  private readonly endedHere = new Set<RunId>();
  private readonly timers = new TimerQueue<Timer>();
  private timersAfterPrune = 0;
  private drained: ReadonlySet<string> = new Set();
  private adopted = false;
  private recall: Recall | null = null;

  private changes: Change[] = [];
  private sends = new Map<LinkId, MasterToWorker[]>();
  private ended: RunId[] = [];
  private problems: Batch['problems'] = [];
  private unanswered: Batch['unanswered'] = [];
  private questions: Question[] = [];
  private strangers: Stranger[] = [];
  private silent: WorkerId[] = [];
  private unplaced: Waiting[] = [];
  private permitsAsked = false;
  private permitsDue = false;
  private permitLookArmed = false;
  /** Attempts first sent in this batch; their resend timers are armed with it. */
  private firstSent: AttemptId[] = [];
  private urgent = false;

  constructor(options: MasterCoreOptions) {
    this.options = options;
    this.placement = this.newPlacement(options);
  }

  /** Like the rules, it can be replaced by a broken one. */
  protected newPlacement({ selector, random, alone }: MasterCoreOptions): Placement {
    return new Placement(selector, random, alone === false);
  }

  // --------------------------------------------------------------------------------------------------- inputs

  /** Takes a run into memory: a new one (still `queued` or `waiting`) or one that some master left behind. */
  open(stored: StoredRun, context: RunContext, at: number): void {
    const { id } = stored.spec;
    if (this.runs.has(id) || this.endedHere.has(id) || isTerminalRun(stored.status.state)) return;
    try {
      refuseUnknownWords(stored, context.workflow.definition);
      const run = openRun({ ...stored, status: { ...stored.status, owner: this.options.master } }, context);
      this.runs.set(id, run);
      if (run.status.waitReason?.startsWith(PUT_ASIDE)) this.explainRun(run, null);
      if (isAtGate({ run, status: run.status })) this.questions.push({ kind: 'check-gate', run: id, spec: run.spec });
      else if (run.status.state !== 'queued' && run.status.state !== 'waiting') this.resumeRun(run, at);
    } catch (error) {
      this.putAside(id, error);
    }
  }

  /** Nothing more is decided about this run here. `error` is told once. */
  putAside(id: RunId, error: unknown): void {
    if (this.quarantined.has(id)) return;
    this.quarantined.add(id);
    this.problems.push({ run: id, error });
    const run = this.runs.get(id);
    if (!run) return;
    const detail = error instanceof Error ? error.message : String(error);
    this.explainRun(run, phrase('put_aside', { detail }));
  }

  private explainRun(run: Run, waitReason: string | null): void {
    run.status = { ...run.status, version: ++run.version, waitReason };
    this.changes.push({ kind: 'run', status: run.status });
  }

  /** The task groups that there are, by name, and how much each may hold at once. */
  setTaskGroups(sizes: ReadonlyMap<string, number>): void {
    this.placement.setTaskGroups(sizes);
  }

  /** Names of workers that get nothing new, whatever they say themselves; what they run goes on. */
  setDrained(names: ReadonlySet<string>, at: number): void {
    this.drained = names;
    for (const session of this.sessions.values()) {
      const drained = names.has(session.view.name);
      if (drained === session.drained) continue;
      session.drained = drained;
      this.urgent = true;
      refreshAccepting(session, at);
      if (session.record && session.link !== null) this.recordWorker(session, connectedState(session), at);
    }
  }

  /**
   * The store went back in time when there were no runs but those before `runsBefore`: of these nothing begins unless the workers that
   * are there have said that they know nothing of it. To be said before any run is opened.
   */
  storeWentBack(runsBefore: RunId, at: number): void {
    this.recall = this.newRecall(runsBefore, at);
    this.timers.push({ kind: 'look', at: this.recall.gatheredAt });
  }

  protected newRecall(runsBefore: RunId, at: number): Recall {
    return new Recall(runsBefore, at);
  }

  /** All runs that this master could claim are open: a report for any other is for a run that has ended. */
  adoptionFinished(): void {
    this.adopted = true;
  }

  command(command: Command, at: number): void {
    this.urgent = true;
    const run = this.runs.get(command.run);
    const isKnown = !run || this.isKnown(command);
    const decision =
      run && isKnown ? this.step(run, { kind: 'command', action: command.action, user: command.user, at }) : null;
    const isAside = this.quarantined.has(command.run);
    if (!isKnown || (isAside && command.action.kind === 'start')) return;
    const refusal = decision ? decision.refusal : isAside ? 'the run is put aside' : 'the run has ended';
    const outcome = refusal === null ? ({ kind: 'applied' } as const) : ({ kind: 'refused', reason: refusal } as const);
    this.changes.push({ kind: 'command-done', command: command.id, outcome, at });
  }

  /** Whether it can be carried out; else its run waits for a master that can, and so does the command. */
  private isKnown({ run, action }: Command): boolean {
    try {
      refuseUnknownCommand(action);
      return true;
    } catch (error) {
      this.putAside(run, error);
      return false;
    }
  }

  /** What the store said to a question. */
  answer(run: RunId, event: Extract<Event, { kind: 'child-resolved' | 'upstream-checked' | 'gate-checked' }>): void {
    const held = this.runs.get(run);
    this.urgent = true;
    if (held) this.step(held, event);
  }

  /**
   * What the store says of a stranger's run (null: there is none). What has ended there gets its final answer, for that never
   * changes; anything else is left to the master whose run it is, and the worker goes on telling.
   */
  strangerKnown({ worker, attempt, report, at }: Stranger, stored: StoredRun | null): void {
    const key = parseAttemptId(attempt);
    if (!key || this.runs.has(key.run) || this.quarantined.has(key.run) || isOpenIn(stored, key)) return;
    this.answerForgotten(worker, attempt, { report, at });
  }

  /** When any master last heard of `worker` or of one that has taken it over, by the store (null: never). */
  workerSeen(worker: WorkerId, seenAt: number | null, at: number): void {
    const lastHeardAt = this.sessions.get(worker)?.lastHeardAt ?? -Infinity;
    this.giveUp(worker, Math.max(lastHeardAt, seenAt ?? -Infinity), at);
  }

  /** Which of the last `permits` were granted: durably, for this master. */
  permitsGranted(granted: readonly PermitKey[], at: number): void {
    this.permitsAsked = false;
    this.urgent = true;
    this.placement.grant(granted, at);
  }

  /** A task group may have room again: a reason to ask at once instead of at the next poll. */
  permitHint(): void {
    if (!this.placement.awaitsPermits()) return;
    this.permitsDue = true;
    this.urgent = true;
  }

  frame(link: LinkId, messages: readonly WorkerToMaster[], at: number): void {
    for (const message of messages) this.message(link, message, at);
  }

  linkDown(link: LinkId): void {
    const worker = this.workerOfLink.get(link);
    this.workerOfLink.delete(link);
    const session = worker === undefined ? undefined : this.sessions.get(worker);
    if (!session || session.link !== link) return;
    session.link = null;
    session.view.accepting = false;
  }

  /** Fires what is due. */
  tick(at: number): void {
    for (let timer = this.timers.takeDue(at); timer; timer = this.timers.takeDue(at)) {
      this.urgent = true;
      this.fire(timer, at);
    }
    for (const session of this.sessions.values()) refreshAccepting(session, at);
    if (this.timers.size > 10_000 && this.timers.size > this.timersAfterPrune * 2) this.pruneTimers();
  }

  /** Counts the silence of every worker from now: nobody was listening before. */
  bePatient(at: number): void {
    for (const session of this.sessions.values()) session.lastHeardAt = Math.max(session.lastHeardAt, at);
  }

  /** When `tick` has something to do, or null. */
  nextTickAt(): number | null {
    this.timers.dropUnless((timer) => timer.kind !== 'resend' || this.isToBeSent(timer));
    return this.timers.nextAt();
  }

  /** Places what can be placed and hands over what is to be made durable; null when there is nothing at all. */
  flush(at: number): Batch | null {
    this.place(at);
    const permits = this.askForPermits(at);
    if (permits === null && !this.hasGathered()) return null;
    const batch: Batch = {
      changes: this.changes,
      sends: this.sends,
      ended: this.ended,
      problems: this.problems,
      unanswered: this.unanswered,
      questions: this.questions,
      strangers: this.strangers,
      silent: this.silent,
      permits,
    };
    this.urgent = false;
    this.changes = [];
    this.sends = new Map();
    this.ended = [];
    this.problems = [];
    this.unanswered = [];
    this.questions = [];
    this.strangers = [];
    this.silent = [];
    return batch;
  }

  /** Whether `flush` would hand over nothing, as things stand. */
  isIdle(): boolean {
    return !this.hasGathered() && this.placement.isIdle() && this.recall === null;
  }

  private hasGathered(): boolean {
    return (
      this.changes.length > 0 ||
      this.sends.size > 0 ||
      this.problems.length > 0 ||
      this.unanswered.length > 0 ||
      this.questions.length > 0 ||
      this.strangers.length > 0 ||
      this.silent.length > 0
    );
  }

  /**
   * Whether somebody waits for what `flush` would hand over. That an attempt runs, or a lease, can wait a few
   * milliseconds for company: a short task then costs one commit, not two.
   */
  isUrgent(): boolean {
    return this.urgent;
  }

  /** Ready tasks that wait for a slot or for their task group, by worker group. */
  queueLengths(): ReadonlyMap<string, number> {
    const lengths = new Map<string, number>();
    for (const { group, item } of this.placement.waiting())
      if (this.isWaiting(item)) lengths.set(group, (lengths.get(group) ?? 0) + 1);
    for (const item of this.recall?.waiting() ?? []) {
      const run = this.runs.get(item.run);
      if (!run || !this.isWaiting(item)) continue;
      const group = groupOf(run, item.task);
      lengths.set(group, (lengths.get(group) ?? 0) + 1);
    }
    return lengths;
  }

  private isWaiting({ run: id, task, readyAt }: Waiting): boolean {
    const record = this.runs.get(id)?.tasks[task];
    return record?.state === 'queued' && record.readyAt === readyAt;
  }

  /** How many changes wait for `flush`. */
  pendingChanges(): number {
    return this.changes.length;
  }

  // -------------------------------------------------------------------------------------------------- deciding

  private step(run: Run, event: Event): Decision | null {
    if (this.quarantined.has(run.spec.id)) return null;
    try {
      const decision = this.decide(run, event);
      apply(run, decision.changes);
      this.absorb(run, decision);
      return decision;
    } catch (error) {
      this.putAside(run.spec.id, error);
      return null;
    }
  }

  /** The rules. Broken ones, which the simulation must notice, come in by overriding this. */
  protected decide(run: Run, event: Event): Decision {
    return decide(run, event);
  }

  private absorb(run: Run, decision: Decision): void {
    for (const change of decision.changes) {
      this.changes.push(change);
      if (change.kind === 'attempt') this.track(run, change.record);
    }
    for (const effect of decision.effects) this.carryOut(run, effect);
    if (this.recall) this.dismissUnwanted(this.recall, run);
    if (!isTerminalRun(run.status.state)) return;
    this.runs.delete(run.spec.id);
    this.ended.push(run.spec.id);
    this.rememberEnded(run.spec.id);
  }

  private rememberEnded(run: RunId): void {
    this.endedHere.add(run);
    if (this.endedHere.size <= ENDED_REMEMBERED) return;
    for (const oldest of this.endedHere) return void this.endedHere.delete(oldest);
  }

  private track(run: Run, record: AttemptRecord): void {
    const id = formatAttemptId(record);
    const live = record.state === 'dispatched' || record.state === 'running' || record.state === 'killing';
    this.trackGroup(run, record, live);
    const session = this.sessions.get(record.worker);
    if (live) return void (session && this.hold(session, id));
    session?.view.held.delete(id);
    this.outstanding.delete(id);
  }

  /** What a task group holds is derived from live attempts, here and when a run is taken over. */
  private trackGroup(run: Run, record: AttemptRecord, live: boolean): void {
    const { taskGroup } = taskOf(run, record.task);
    if (!taskGroup || record.worker === LOGIC_WORKER) return;
    if (live) this.placement.hold(taskGroup.name, taskGroup.weight, formatAttemptId(record));
    else this.placement.release(taskGroup.name, formatAttemptId(record));
  }

  private carryOut(run: Run, effect: Effect): void {
    switch (effect.kind) {
      case 'ready':
        return this.enqueue(run, effect.task, effect.readyAt);
      case 'resolve-child':
      case 'check-upstream':
        return this.ask(run, effect);
      case 'check-gate':
        this.questions.push({ ...effect, spec: run.spec });
        return;
      case 'timer':
        return this.timers.push({ ...effect, kind: 'run' });
      case 'notify':
        return this.alert(run, effect);
      case 'dispatch': {
        const key = parseAttemptId(effect.spec.attempt)!;
        this.expectAnswer(effect.spec.attempt, key, 'dispatch', key.run);
        return this.send(effect.worker, { kind: 'dispatch', spec: effect.spec });
      }
      case 'kill':
        return this.kill(effect);
    }
  }

  /** Into the commit that stores what it reports. */
  private alert(run: Run, effect: Extract<Effect, { kind: 'notify' }>): void {
    const alert = alertOf(run, effect);
    if (alert) this.changes.push({ kind: 'alert', alert });
  }

  private ask(run: Run, effect: Extract<Effect, { kind: 'resolve-child' | 'check-upstream' }>): void {
    const { action } = taskOf(run, effect.task);
    const { project, logicalDateAt, zone } = run.spec;
    if (effect.kind === 'resolve-child' && action.type === 'sub_workflow') {
      this.questions.push({ ...effect, project, workflow: action.workflow, version: action.version });
    } else if (effect.kind === 'check-upstream' && action.type === 'dependent') {
      this.questions.push({ ...effect, project, upstream: action.upstream, logicalDateAt, zone });
    }
  }

  private kill(effect: Extract<Effect, { kind: 'kill' }>): void {
    const key = parseAttemptId(effect.attempt)!;
    this.expectAnswer(effect.attempt, key, 'kill', key.run);
    const { worker, attempt, graceMs, cause } = effect;
    this.takeBackDispatch(attempt);
    if (this.sessions.has(worker)) return this.send(worker, { kind: 'kill', attempt, graceMs, cause });
    // Declared lost before: nobody will ever answer for it, so the next tick ends it.
    this.timers.push({ kind: 'worker-check', at: 0, worker });
  }

  /** A dispatch that waits for the commit which also holds its kill must not leave: that attempt never starts. */
  private takeBackDispatch(attempt: AttemptId): void {
    for (const [link, messages] of this.sends) {
      const kept = messages.filter((message) => message.kind !== 'dispatch' || message.spec.attempt !== attempt);
      if (kept.length < messages.length) this.sends.set(link, kept);
    }
  }

  private expectAnswer(
    attempt: AttemptId,
    key: { task: number; n: number },
    need: Outstanding['need'],
    run: RunId,
  ): void {
    this.outstanding.set(attempt, {
      run,
      task: key.task,
      n: key.n,
      need,
      tries: 0,
      sentAt: -Infinity,
      resendAt: Infinity,
    });
    this.firstSent.push(attempt);
  }

  private enqueue(run: Run, task: number, readyAt: number): void {
    const definition = taskOf(run, task);
    const item = { run: run.spec.id, task, readyAt, type: definition.action.type, taskGroup: definition.taskGroup };
    if (this.recall?.covers(run.spec.id)) this.recall.add(nextAttempt(run, task), item);
    else this.lineUp(run, item);
    this.unplaced.push(item);
  }

  private lineUp(run: Run, item: Waiting): void {
    const { priority } = taskOf(run, item.task);
    this.placement.enqueue(groupOf(run, item.task), run.spec.priority, priority ?? 'medium', item);
  }

  private place(at: number): void {
    if (this.recall?.hasNews(at)) this.followRecall(this.recall, at);
    const { random } = this.options;
    this.placement.placeAll((item, worker) => {
      const run = this.runs.get(item.run);
      if (!run || !this.isWaiting(item)) return null;
      this.step(run, { kind: 'placed', task: item.task, worker: worker.id, at, random: random() });
      const attempt = run.attempts[item.task];
      return attempt && attempt.state === 'dispatched' && isLive(stateOf(run, item.task))
        ? formatAttemptId(attempt)
        : null;
    });
    for (const item of this.unplaced) this.explainWait(item);
    this.unplaced = [];
    this.armResends(at);
  }

  /** At once for whoever has begun to wait, or when something was given back; for those who wait on, by the poll. */
  private askForPermits(at: number): PermitAsk | null {
    const { placement } = this;
    placement.giveBackOld(at);
    const ask =
      !this.permitsAsked && (this.permitsDue || placement.hasPermitNews())
        ? placement.takePermitAsk((item) => this.isWaiting(item))
        : null;
    if (!this.permitsAsked) this.permitsDue = false;
    if (ask) this.permitsAsked = true;
    if (!this.permitLookArmed && placement.awaitsPermits()) {
      this.permitLookArmed = true;
      this.timers.push({ kind: 'permits', at: at + PERMIT_POLL_MS });
    }
    return ask;
  }

  private explainWait(item: Waiting): void {
    const run = this.runs.get(item.run);
    if (!run || stateOf(run, item.task) !== 'queued') return;
    const reason = this.recall?.asksFor(nextAttempt(run, item.task))
      ? phrase('recalled', {})
      : this.placement.reasonOf(groupOf(run, item.task), item);
    this.step(run, { kind: 'not-placed', task: item.task, reason });
  }

  // ---------------------------------------------------------------------------------------------------- recall

  private followRecall(recall: Recall, at: number): void {
    const workers = [...this.sessions.values()].map(({ id, link }) => ({ id, connected: link !== null }));
    const { asks, adopt, free, unfit } = recall.take(workers, (item) => this.isWaiting(item));
    for (const { worker, attempts } of asks) this.send(worker, { kind: 'query', attempts });
    for (const { item, worker } of adopt) this.beginWhereKnown(item, worker, at);
    for (const item of free) {
      this.lineUp(this.runs.get(item.run)!, item);
      this.unplaced.push(item);
    }
    for (const { worker, attempt } of unfit) this.endForgotten(worker, attempt);
  }

  /** The worker begins it no second time; it answers with how far it is. */
  private beginWhereKnown({ run, task }: RecallStep['adopt'][number]['item'], worker: WorkerId, at: number): void {
    this.step(this.runs.get(run)!, { kind: 'placed', task, worker, at, random: this.options.random() });
  }

  /** A worker may have begun it; the store has not, for it went back in time since. */
  private isAhead(run: Run, { task, n }: AttemptKey): boolean {
    if (!this.recall?.covers(run.spec.id) || isTerminalTaskRun(stateOf(run, task))) return false;
    return n > (run.tasks[task]?.attempts ?? 0);
  }

  /** Its task waits for a worker already, because those that were there knew nothing. */
  private recallLate(recall: Recall, run: Run, { task, n }: AttemptKey): void {
    const record = run.tasks[task];
    const attempt = nextAttempt(run, task);
    if (record?.state !== 'queued' || record.readyAt === null || n !== record.attempts + 1) return;
    if (!recall.asksFor(attempt)) this.enqueue(run, task, record.readyAt);
  }

  private dismissUnwanted(recall: Recall, run: Run): void {
    const dropped = recall.dropUnwanted((attempt) => {
      const key = parseAttemptId(attempt)!;
      return key.run !== run.spec.id || this.isAhead(run, key);
    });
    for (const { worker, attempt } of dropped) this.endForgotten(worker, attempt);
  }

  // --------------------------------------------------------------------------------------------------- workers

  private message(link: LinkId, message: WorkerToMaster, at: number): void {
    switch (message.kind) {
      case 'hello':
        return this.hello(link, message, at);
      case 'heartbeat':
        return this.heartbeat(link, message, at);
      case 'report':
        return this.report(link, message, at);
      case 'goodbye':
        return this.goodbye(message.worker, at);
      case 'log':
      case 'probe-result':
        // Taken out of the frame before: neither is decided about.
        return;
    }
  }

  private hello(link: LinkId, hello: Extract<WorkerToMaster, { kind: 'hello' }>, at: number): void {
    this.urgent = true;
    const session = this.sessionOf(hello.worker, at);
    session.link = link;
    session.lastHeardAt = at;
    this.workerOfLink.set(link, hello.worker);
    session.supersedes = hello.supersedes;
    for (const earlier of hello.supersedes) this.followers.set(earlier, hello.worker);
    const { name, host, groups, features } = hello;
    Object.assign(session.view, { name, host, groups, features, slots: hello.load.slots });
    session.drained = this.drained.has(hello.name);
    this.takeLoad(session, hello.load, at);
    this.recordWorker(session, connectedState(session), at);
    this.send(hello.worker, {
      kind: 'welcome',
      master: this.options.master,
      version: WIRE_VERSION,
      leaseMs: SCHEDULING_LEASE_MS,
    });
    this.send(hello.worker, {
      kind: 'lease',
      sentAt: at,
      leaseMs: SCHEDULING_LEASE_MS,
      accepting: session.view.accepting,
    });
    const predecessors = new Set<WorkerId>(hello.supersedes);
    this.takeOver(predecessors, hello.worker, at);
    this.recall?.arrived(hello.worker);
    for (const attempt of hello.attempts) this.claimAttempt(session, attempt, predecessors, at);
    countOthers(session, hello.attempts);
    for (const attempt of session.view.held) this.askAbout(session, attempt, at);
  }

  private sessionOf(worker: WorkerId, at: number): Session {
    const known = this.sessions.get(worker);
    if (known) return known;
    const view: WorkerView = {
      id: worker,
      name: worker,
      host: '',
      groups: [],
      features: [],
      slots: 0,
      accepting: false,
      held: new Set(),
      usedByOthers: 0,
      pressure: 0,
      credit: 0,
    };
    const session: Session = {
      id: worker,
      link: null,
      lastHeardAt: at,
      checkAt: Infinity,
      refusedUntil: 0,
      load: null,
      drained: false,
      view,
      record: null,
      supersedes: [],
    };
    this.sessions.set(worker, session);
    this.placement.workers.set(worker, view);
    this.checkAt(session, this.lostAt([], at));
    return session;
  }

  private hold(session: Session, attempt: AttemptId): void {
    session.view.held.add(attempt);
    this.checkAt(session, this.lostAt([attempt], session.lastHeardAt));
  }

  /** The supervisor of all of `predecessors` now answers to `worker`, and so do their attempts, also those that wait for its return. */
  private takeOver(predecessors: Set<WorkerId>, worker: WorkerId, at: number): void {
    predecessors.delete(worker);
    if (predecessors.size === 0) return;
    for (const [attempt, { run, task }] of this.outstanding) {
      const holder = this.runs.get(run)?.attempts[task]?.worker;
      if (holder !== undefined && predecessors.has(holder)) this.rebind(attempt, worker);
    }
    for (const earlier of predecessors) {
      const session = this.sessions.get(earlier);
      if (session) this.removeSession(session, at);
    }
  }

  private rebind(attempt: AttemptId, worker: WorkerId): void {
    const key = parseAttemptId(attempt)!;
    const run = this.runs.get(key.run);
    if (!run) return;
    const old = this.sessions.get(run.attempts[key.task]?.worker ?? worker);
    old?.view.held.delete(attempt);
    this.step(run, { kind: 'rebound', task: key.task, n: key.n, worker });
  }

  /** An attempt that the worker says it holds: ours to follow, or a leftover to be killed. */
  private claimAttempt(session: Session, attempt: AttemptId, predecessors: ReadonlySet<WorkerId>, at: number): void {
    const key = parseAttemptId(attempt);
    if (!key) return;
    const run = this.runs.get(key.run);
    const latest = run?.attempts[key.task];
    const current = run && latest && latest.n === key.n && isLive(stateOf(run, key.task));
    if (current && predecessors.has(latest.worker)) this.rebind(attempt, session.id);
    else if (current && latest.worker === session.id) this.hold(session, attempt);
    else if (this.recall && run && this.isAhead(run, key)) {
      this.recall.holds(session.id, attempt);
      this.recallLate(this.recall, run, key);
    } else if (run || this.hasEnded(key.run)) this.answerForgotten(session.id, attempt, { report: null, at });
    else if (this.options.alone === false) this.strangers.push({ worker: session.id, attempt, report: null, at });
    if (current && !this.outstanding.has(attempt)) this.askAbout(session, attempt, at);
  }

  /** Sends what the attempt's state calls for: the dispatch again, the kill again, or a question. */
  private askAbout(session: Session, attempt: AttemptId, at: number): void {
    const key = parseAttemptId(attempt)!;
    const latest = this.runs.get(key.run)?.attempts[key.task];
    if (!latest || latest.n !== key.n) return void session.view.held.delete(attempt);
    const need = latest.kill ? 'kill' : latest.state === 'dispatched' ? 'dispatch' : 'query';
    this.expectAnswer(attempt, key, need, key.run);
    this.resend(attempt, at);
  }

  private heartbeat(link: LinkId, beat: Extract<WorkerToMaster, { kind: 'heartbeat' }>, at: number): void {
    const session = this.sessions.get(beat.worker);
    if (!session || this.workerOfLink.get(link) !== beat.worker) return;
    session.lastHeardAt = at;
    this.takeLoad(session, beat.load, at);
    countOthers(session, beat.attempts);
    const unseen = at - (session.record?.seenAt ?? -Infinity) >= SEEN_EVERY_MS;
    if (unseen || connectedState(session) !== session.record?.state)
      this.recordWorker(session, connectedState(session), at);
    this.send(beat.worker, {
      kind: 'lease',
      sentAt: beat.sentAt,
      leaseMs: SCHEDULING_LEASE_MS,
      accepting: session.view.accepting,
    });
    const listed = new Set(beat.attempts);
    for (const attempt of session.view.held) {
      const outstanding = this.outstanding.get(attempt);
      if (
        listed.has(attempt) ||
        !outstanding ||
        outstanding.need !== 'nothing' ||
        at - outstanding.sentAt < QUERY_AFTER_MS
      )
        continue;
      this.askAbout(session, attempt, at);
    }
  }

  private takeLoad(session: Session, load: WorkerLoad, at: number): void {
    this.urgent ||= this.placement.queueLength() > 0;
    session.load = load;
    session.view.slots = load.slots;
    const cpu = load.loadAverage < 0 ? 0 : load.loadAverage / Math.max(1, load.cpuCount * 2);
    const memory = load.totalMemoryBytes > 0 ? 1 - load.freeMemoryBytes / load.totalMemoryBytes : 0;
    session.view.pressure = Math.min(1, Math.max(cpu, memory));
    refreshAccepting(session, at);
  }

  private report(link: LinkId, message: { worker: WorkerId; report: AttemptReport }, at: number): void {
    const { report, worker } = message;
    const session = this.sessions.get(worker);
    const key = parseAttemptId(report.attempt);
    if (!session || !key || this.workerOfLink.get(link) !== worker) return;
    session.lastHeardAt = Math.max(session.lastHeardAt, at);
    const run = this.runs.get(key.run);
    if (!run) return this.reportOfNoRun(session, report, at);
    if (this.recall && this.isAhead(run, key)) return this.reportAhead(this.recall, run, { worker, report, key });
    if (report.kind === 'no_capacity') this.leaveAlone(session, at);
    this.answered(report);
    const random = this.options.random();
    const decision = this.step(run, { kind: 'report', task: key.task, n: key.n, report, worker, at, random });
    if (report.kind !== 'running' && report.kind !== 'accepted') this.urgent = true;
    if (decision && needsAck(report))
      this.send(worker, { kind: 'ack', attempt: report.attempt, sequence: report.sequence, verdict: 'stored' });
  }

  /** Not acknowledged before its attempt is made here: the worker says it again then. */
  private reportAhead(
    recall: Recall,
    run: Run,
    { worker, report, key }: { worker: WorkerId; report: AttemptReport; key: AttemptKey },
  ): void {
    this.urgent = true;
    const { attempt, sequence } = report;
    if (recall.heard(worker, report)) this.send(worker, { kind: 'ack', attempt, sequence, verdict: 'unknown' });
    else if (report.kind !== 'never_seen') this.recallLate(recall, run, key);
  }

  /** Its run has ended (then the report is a repetition), or is somebody else's, or has not been adopted yet. */
  private reportOfNoRun(session: Session, report: AttemptReport, at: number): void {
    const { run } = parseAttemptId(report.attempt)!;
    if (this.hasEnded(run)) {
      session.view.held.delete(report.attempt);
      this.answerForgotten(session.id, report.attempt, { report, at });
    } else if (this.options.alone === false && needsAck(report)) {
      this.strangers.push({ worker: session.id, attempt: report.attempt, report, at });
    }
  }

  /** Of a run that is not in memory: certain, without asking the store. */
  private hasEnded(run: RunId): boolean {
    if (this.quarantined.has(run)) return false;
    return this.endedHere.has(run) || (this.adopted && this.options.alone !== false);
  }

  /** The last word on an attempt that nobody wants any more: its report moves nothing, or it is to be killed. */
  private answerForgotten(worker: WorkerId, attempt: AttemptId, { report, at }: Pick<Stranger, 'report' | 'at'>): void {
    if (!report) return this.endForgotten(worker, attempt);
    const late = resultOfForgotten(attempt, report, at);
    if (late) this.changes.push(late);
    if (needsAck(report)) this.send(worker, { kind: 'ack', attempt, sequence: report.sequence, verdict: 'unknown' });
  }

  private endForgotten(worker: WorkerId, attempt: AttemptId): void {
    this.send(worker, { kind: 'kill', attempt, graceMs: 0, cause: { kind: 'worker_lost', worker } });
  }

  protected leaveAlone(session: Session, at: number): void {
    session.refusedUntil = at + REFUSAL_PAUSE_MS;
    refreshAccepting(session, at);
    this.timers.push({ kind: 'look', at: session.refusedUntil });
  }

  /** A dispatch is answered by anything but silence; a kill only by the end of the attempt. */
  private answered(report: AttemptReport): void {
    const outstanding = this.outstanding.get(report.attempt);
    if (!outstanding || outstanding.need === 'kill') return;
    outstanding.need = 'nothing';
  }

  private goodbye(worker: WorkerId, at: number): void {
    const session = this.sessions.get(worker);
    if (!session) return;
    session.link = null;
    session.lastHeardAt = at;
    session.view.accepting = false;
    const isEmpty = session.view.held.size === 0 && this.recall?.isHolder(worker) !== true;
    if (isEmpty) this.removeSession(session, at);
    else this.recordWorker(session, 'offline', at);
  }

  private removeSession(session: Session, at: number): void {
    this.sessions.delete(session.id);
    this.recall?.gone(session.id);
    this.placement.workers.delete(session.id);
    if (session.link !== null) this.workerOfLink.delete(session.link);
    for (const earlier of session.supersedes)
      if (this.followers.get(earlier) === session.id) this.followers.delete(earlier);
    if (session.record) this.recordWorker(session, 'offline', at);
  }

  private recordWorker(session: Session, state: WorkerRecord['state'], at: number): void {
    const { id, name, host, groups, slots, features } = session.view;
    const seenAt = state === 'offline' ? session.lastHeardAt : at;
    session.record = {
      id,
      name,
      host,
      groups,
      slots,
      state,
      registeredAt: session.record?.registeredAt ?? at,
      seenAt,
      supersedes: session.supersedes,
      load: session.load,
      features,
    };
    this.changes.push({ kind: 'worker', record: session.record });
  }

  private send(worker: WorkerId, message: MasterToWorker): void {
    const link = this.sessions.get(worker)?.link ?? null;
    if (link === null) return;
    const messages = this.sends.get(link);
    if (messages) messages.push(message);
    else this.sends.set(link, [message]);
  }

  // ---------------------------------------------------------------------------------------------------- timers

  private fire(timer: Timer, at: number): void {
    switch (timer.kind) {
      case 'run': {
        const run = this.runs.get(timer.run);
        if (run) this.step(run, { ...timer, kind: 'timer', at, random: this.options.random() });
        return;
      }
      case 'resend':
        if (this.isToBeSent(timer)) this.resend(timer.attempt, at);
        return;
      case 'worker-check':
        return this.checkWorker(timer, at);
      case 'look':
        return;
      case 'permits':
        this.permitLookArmed = false;
        this.permitsDue = true;
        return;
    }
  }

  /** First sends were made by the effect itself; from then on the outbox repeats them, ever more rarely. */
  private armResends(at: number): void {
    for (const attempt of this.firstSent) {
      const outstanding = this.outstanding.get(attempt);
      if (outstanding?.sentAt !== -Infinity) continue;
      outstanding.sentAt = at;
      this.armResend(attempt, outstanding, at + RESEND_FIRST_MS);
    }
    this.firstSent = [];
  }

  private armResend(attempt: AttemptId, outstanding: Outstanding, at: number): void {
    outstanding.resendAt = at;
    this.timers.push({ kind: 'resend', at, attempt });
  }

  /** Most have been answered long before. */
  private isToBeSent({ attempt, at }: Extract<Timer, { kind: 'resend' }>): boolean {
    const outstanding = this.outstanding.get(attempt);
    return outstanding?.resendAt === at && outstanding.need !== 'nothing';
  }

  private resend(attempt: AttemptId, at: number): void {
    const outstanding = this.outstanding.get(attempt);
    if (!outstanding || outstanding.need === 'nothing') return;
    const run = this.runs.get(outstanding.run);
    const record = run?.attempts[outstanding.task];
    if (!run || !record || record.n !== outstanding.n || !isLive(stateOf(run, record.task)))
      return void this.outstanding.delete(attempt);
    outstanding.sentAt = at;
    const pause = Math.min(RESEND_FIRST_MS * 2 ** outstanding.tries++, RESEND_MAX_MS);
    this.armResend(attempt, outstanding, at + Math.round(pause * (1 + this.options.random() * 0.2)));
    const { need } = outstanding;
    if (outstanding.tries === TOLD_AFTER_TRIES) this.unanswered.push({ worker: record.worker, attempt, need });
    try {
      this.sendNeed(run, record, need);
    } catch (error) {
      this.putAside(run.spec.id, error);
    }
  }

  private sendNeed(run: Run, record: AttemptRecord, need: Outstanding['need']): void {
    const attempt = formatAttemptId(record);
    if (need === 'query') return this.send(record.worker, { kind: 'query', attempts: [attempt] });
    if (need === 'kill')
      return this.send(record.worker, {
        kind: 'kill',
        attempt,
        graceMs: LIMITS.killGraceMs,
        cause: record.kill!.cause,
      });
    const resolved = resolveAttempt(run, record.task, record.n);
    // What it needs may be gone since it was sent first, a secret for instance: then a worker that has not got it says so.
    this.send(
      record.worker,
      resolved.kind === 'ready' ? { kind: 'dispatch', spec: resolved.spec } : { kind: 'query', attempts: [attempt] },
    );
  }

  /** Arms the next look at its silence; a later one that was armed before is passed over when it comes. */
  private checkAt(session: Session, at: number): void {
    if (at >= session.checkAt) return;
    session.checkAt = at;
    this.timers.push({ kind: 'worker-check', at, worker: session.id });
  }

  private checkWorker({ worker, at: armedFor }: Extract<Timer, { kind: 'worker-check' }>, at: number): void {
    const session = this.sessions.get(worker);
    if (session) {
      if (session.checkAt !== armedFor) return;
      session.checkAt = Infinity;
      const lostAt = this.lostAt(session.view.held, session.lastHeardAt);
      if (at < lostAt) return this.checkAt(session, lostAt);
    }
    if (this.options.alone === false) this.silent.push(worker);
    else this.giveUp(worker, session?.lastHeardAt ?? -Infinity, at);
  }

  /** When the first of `attempts` is lost if nobody hears its worker again; without any, when that worker is forgotten. */
  private lostAt(attempts: Iterable<AttemptId>, heardAt: number): number {
    let leaseMs = Infinity;
    for (const attempt of attempts) leaseMs = Math.min(leaseMs, this.executionLeaseOf(attempt));
    return heardAt + (leaseMs === Infinity ? LIMITS.executionLeaseMs : leaseMs) + LOSS_GRACE_MS;
  }

  protected executionLeaseOf(attempt: AttemptId): number {
    const key = parseAttemptId(attempt)!;
    const run = this.runs.get(key.run);
    return run ? executionLeaseMsOf(taskOf(run, key.task)) : LIMITS.executionLeaseMs;
  }

  /** Nobody has heard `worker` since `heardAt`: what it held for longer than a lease lasts is lost, the rest has time. */
  private giveUp(worker: WorkerId, heardAt: number, at: number): void {
    const session = this.sessions.get(worker);
    const held = session ? session.view.held : this.attemptsOf(worker);
    this.urgent = true;
    for (const attempt of [...held]) {
      if (at < this.lostAt([attempt], heardAt)) continue;
      held.delete(attempt);
      this.declareLost(attempt, worker, at);
    }
    const nextAt = this.lostAt(held, heardAt);
    if (session && (held.size > 0 || at < nextAt)) this.checkAt(session, nextAt);
    else if (session) this.removeSession(session, at);
    else if (held.size > 0) this.timers.push({ kind: 'worker-check', at: nextAt, worker });
  }

  /** Live attempts of a worker that was declared lost before. */
  private attemptsOf(worker: WorkerId): Set<AttemptId> {
    const found = new Set<AttemptId>();
    for (const [attempt, { run, task }] of this.outstanding) {
      if (this.runs.get(run)?.attempts[task]?.worker === worker) found.add(attempt);
    }
    return found;
  }

  private declareLost(attempt: AttemptId, worker: WorkerId, at: number): void {
    this.takeBackDispatch(attempt);
    const key = parseAttemptId(attempt)!;
    const run = this.runs.get(key.run);
    if (run)
      this.step(run, { kind: 'worker-lost', task: key.task, n: key.n, worker, at, random: this.options.random() });
  }

  private pruneTimers(): void {
    this.timers.prune((timer) => {
      if (timer.kind === 'resend') return this.isToBeSent(timer);
      if (timer.kind !== 'run') return true;
      const run = this.runs.get(timer.run);
      if (!run) return false;
      return timer.task === -1 || timer.timer !== 'attempt-timeout' || run.attempts[timer.task]?.n === timer.n;
    });
    this.timersAfterPrune = this.timers.size;
  }

  // -------------------------------------------------------------------------------------------------- recovery

  /** Puts back into place what is not stored because it follows from what is. */
  private resumeRun(run: Run, at: number): void {
    const { spec, status } = run;
    this.timers.push({
      kind: 'run',
      at: (status.startedAt ?? at) + spec.timeoutMs,
      run: spec.id,
      timer: 'run-timeout',
      task: -1,
      n: 0,
    });
    for (let task = 0; task < run.tasks.length; task++) {
      const record = run.tasks[task];
      if (!record) continue;
      if (record.state === 'queued') this.requeue(run, task, record.readyAt ?? at, record.attempts);
      else if (record.wakeAt !== null)
        this.timers.push({ kind: 'run', at: record.wakeAt, run: spec.id, timer: 'wake', task, n: record.attempts });
      else if (isLive(record.state)) this.follow(run, run.attempts[task]!, at);
    }
  }

  private requeue(run: Run, task: number, readyAt: number, n: number): void {
    if (taskOf(run, task).action.type === 'sub_workflow')
      return this.ask(run, { kind: 'resolve-child', run: run.spec.id, task });
    this.enqueue(run, task, readyAt);
    const { dispatchTimeoutMs } = taskOf(run, task);
    if (dispatchTimeoutMs === null) return;
    this.timers.push({
      kind: 'run',
      at: readyAt + dispatchTimeoutMs,
      run: run.spec.id,
      timer: 'dispatch-timeout',
      task,
      n,
    });
  }

  private followWorker(run: Run, attempt: AttemptRecord, at: number): void {
    this.trackGroup(run, attempt, true);
    const id = formatAttemptId(attempt);
    const follower = this.followers.get(attempt.worker);
    if (follower !== undefined && !this.sessions.has(attempt.worker)) this.rebind(id, follower);
    const session = this.sessionOf(follower ?? attempt.worker, at);
    this.hold(session, id);
    this.askAbout(session, id, at);
  }

  private follow(run: Run, attempt: AttemptRecord, at: number): void {
    if (attempt.worker === LOGIC_WORKER)
      this.ask(run, { kind: 'check-upstream', run: run.spec.id, task: attempt.task, n: attempt.n });
    else this.followWorker(run, attempt, at);
    const { timeout } = taskOf(run, attempt.task);
    if (!timeout || attempt.startedAt === null) return;
    this.timers.push({
      kind: 'run',
      at: attempt.startedAt + timeout.afterMs,
      run: run.spec.id,
      timer: 'attempt-timeout',
      task: attempt.task,
      n: attempt.n,
    });
  }
}

function nextAttempt(run: Run, task: number): AttemptId {
  return formatAttemptId({ run: run.spec.id, task, n: (run.tasks[task]?.attempts ?? 0) + 1 });
}

function groupOf(run: Run, task: number): string {
  return taskOf(run, task).workerGroup ?? run.spec.workerGroup ?? 'default';
}

/** Whether the store still expects something of this attempt, or has not come to it (again): its master knows. */
function isOpenIn(stored: StoredRun | null, key: AttemptKey): boolean {
  if (!stored || isTerminalRun(stored.status.state)) return false;
  const latest = stored.attempts.find((attempt) => attempt.task === key.task);
  if (!latest || latest.n < key.n) return true;
  return latest.n === key.n && ATTEMPT_RANK[latest.state] < ATTEMPT_RANK.succeeded;
}

function connectedState({ load, drained }: Session): 'draining' | 'online' {
  return drained || load?.draining === true ? 'draining' : 'online';
}

/** What it runs of `held` is this master's; the other slots it uses are other masters', or not known to be over yet. */
function countOthers({ view, load }: Session, held: readonly AttemptId[]): void {
  let own = 0;
  for (const attempt of held) if (view.held.has(attempt)) own++;
  view.usedByOthers = Math.max(0, (load?.usedSlots ?? 0) - own);
}

function refreshAccepting(session: Session, at: number): void {
  const { load } = session;
  session.view.accepting =
    load !== null &&
    session.link !== null &&
    !load.busy &&
    !load.draining &&
    !session.drained &&
    at >= session.refusedUntil &&
    at < session.lastHeardAt + SCHEDULING_LEASE_MS;
}

function needsAck(report: AttemptReport): boolean {
  return report.kind !== 'accepted' && report.kind !== 'never_seen';
}
