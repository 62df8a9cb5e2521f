/**
 * The master: a thin loop around `MasterCore`. It feeds inputs, makes each batch durable in one commit, and only then
 * lets the batch's messages go.
 *
 * Owns: one incarnation (id, token, lease), the mailbox, the commit pipeline, links to workers.
 *
 * Invariants
 * 1. `sends` of a batch leave after its commit resolved, in order; at most one commit is on its way.
 * 2. While a commit is on its way the core goes on deciding; what it decides waits for the next commit.
 * 3. A commit that failed for any reason but a fence: this incarnation fences itself, a new one forgets everything and
 *    adopts from the store, so whatever became of that commit, nothing of it can arrive later. Fenced by another: stop.
 * 4. The mailbox is bounded; a link that does not fit is hung up, and its worker dials and says everything again.
 */
import {
  type Batch,
  type Change,
  type Command,
  MasterCore,
  type RunContext,
  type Selector,
  sharedClock,
  type StoredRun,
  type Stranger,
  type WorkflowVersion,
} from '@pelorus/engine';
import {
  type CommandId,
  commandIdOf,
  LIMITS,
  type MasterId,
  masterIdOf,
  type LogAcknowledged,
  type LogPiece,
  type MasterLink,
  parseAttemptId,
  type RunId,
  runIdOf,
  type RunState,
  type WorkerToMaster,
} from '@pelorus/protocol';
import { randomBytes, randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import { type Fence, type LeaseKeeper, StoreError } from '../store/index.ts';
import { answerTo, type QuestionStore } from './answers.ts';
import { createVault, projectVault, type Vault } from '../vault/index.ts';
import { Backlog } from './backlog.ts';
import { ClaimFloor } from './claim-floor.ts';
import { type LiveRun, liveRunOf } from './live-run.ts';
import { Overload } from './overload.ts';
import type { MasterFigures, MasterObserver } from './observer.ts';
import { type Probed, Probes } from './probes.ts';
import { repeatedWarnings } from './repeated-warnings.ts';
import { type DueLooks, startDueLooks } from './due-looks.ts';
import { steadyClock } from './steady-clock.ts';
import { REFRESH_MS, TaskVaults } from './task-vaults.ts';

export interface MasterLog {
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

export interface MasterOptions {
  store: QuestionStore;
  log: MasterLog;
  /** Opens what tasks need of their projects. Default: without a key, so that what is sealed stays closed. */
  vault?: Vault;
  /** Epoch ms. */
  clock?: () => number;
  selector?: Selector;
  /** False: other masters may share the store. Default: true where the store is this process's alone. */
  alone?: boolean;
  /** How APIs reach this process's operations port; default: they cannot. */
  opsUrl?: string;
  /** Called with what a commit has made durable; must return at once. */
  onCommitted?: (changes: readonly Change[]) => void;
  /** Who measures and traces it. */
  observers?: readonly MasterObserver[];
  /** Takes pieces of logs as they come; without one they are not answered, and workers keep them. */
  logs?: LogSink;
  /** Called once when this incarnation is over against its will: somebody fenced it, or the store is gone for good. */
  onOver?: (reason: unknown) => void;
}

/** Logs go past the core: no run waits for them, and they need no fence, because the same bytes twice are the same bytes. */
export interface LogSink {
  /** Neither throws nor waits; answers once or not at all. */
  take(piece: LogPiece, answer: (acknowledged: LogAcknowledged) => void): void;
}

export interface Master {
  readonly id: MasterId;
  /** A worker dialled in; its frames are read from now on. */
  attachWorker(link: MasterLink): void;
  /** A command was just written: look at once instead of at the next poll. */
  commandHint(): void;
  /** What this master holds in memory of a run that it owns, or null. */
  liveRun(run: RunId): LiveRun | null;
  /** Runs `select 1` over a connection on a worker; at most 10 s. Null when there is no worker that could. */
  testConnection(projectId: number, name: string, signal: AbortSignal): Promise<ConnectionTest | null>;
  /** Looks through the runs in memory: for a look now and then. */
  figures(): MasterFigures;
  /** For how long it has made nothing durable, ms: neither what it decides nor, when that is nothing, its lease. */
  readonly stalledMs: number;
  /** Commits what was decided, then ends and gives its runs up. Tasks go on; another master, or the next, takes the runs over. */
  stop(): Promise<void>;
}

/** `worker` null: it could not even be tried, as `detail` says. */
export interface ConnectionTest extends Omit<Probed, 'worker'> {
  worker: string | null;
}

const COMMAND_POLL_MS = 1_000;
const RENEW_MS = 4_000;
const PULSE_MS = 1_000;
const HOUSEKEEP_MS = 5_000;
/** A pulse that comes this late means that the process, or its host, stood still. */
const STOOD_STILL_MS = 10_000;
const ADOPT_PAGE = 500;
/** How long new runs may wait while there are ticks to be decided. */
const FIRE_FIRST_MS = 2_000;
/** How often runs of masters that died are looked for. */
const ADOPT_MS = 1_000;
/** Runs that a master takes over at one look when it has too much to do already. */
const ADOPT_WHEN_BUSY = 50;
/** Commands get their numbers before they are committed: so far back may one turn up that was not there at the last look. */
const LATE_COMMANDS = 64;
/** Runs that are looked up at once for reports of attempts that this master knows nothing of. */
const STRANGERS_AT_ONCE = 50;
/** What `stop` waits for at most, until what was decided is committed, and then until the runs are given up. */
const STOP_COMMIT_MS = 5_000;
const RELEASE_MS = 2_000;
/** Consumed commands that are remembered, so that a read from before their commit cannot bring them back. */
const REMEMBERED_COMMANDS = 10_000;
/** Inputs handled before the event loop gets a turn. */
const SLICE = 2_000;
/** Decided but uncommitted changes above which inputs wait. */
const AHEAD_MAX = 20_000;
const TIMER_MAX_MS = 3_600_000;
const RECOVER_PAUSE_MS = 500;
const CACHED_VERSIONS = 512;
/** How long news that nobody waits for (an attempt runs, a lease) is gathered before it is committed. */
const GATHER_MS = 10;
const ASK_AGAIN_MS = 1_000;
/** How long workers remember what they have told and what was acknowledged. */
const RECALL_FOR_MS = 86_400_000;

/** Registers a new incarnation, adopts every run that has no living owner, and serves until `stop`. */
export async function startMaster(options: MasterOptions): Promise<Master> {
  const master = new MasterLoop(options);
  await master.start();
  return master;
}

interface AttachedLink {
  id: number;
  link: MasterLink;
}

type Input = { kind: 'frame'; link: number; messages: WorkerToMaster[] } | { kind: 'link-down'; link: number };

class MasterLoop implements Master {
  private fence = newFence();
  /** Whether the store has taken the incarnation of `fence`. */
  private registered = false;
  private keeper: LeaseKeeper | null = null;
  private since = 0;
  /** Number of the store's timeline in which this incarnation has registered; 0: not yet. */
  private timeline = 0;
  /** Renewals of its lease that the store has confirmed. */
  private renewals = 0;
  private readonly options: MasterOptions;
  private readonly store: QuestionStore;
  private readonly steady = steadyClock();
  /** Of the store, where other masters compare what this one has written. */
  private readonly shared = sharedClock(this.steady);
  private readonly clock: () => number;
  private core: MasterCore;
  private readonly links = new Map<number, AttachedLink>();
  private nextLink = 1;
  private mailbox: Input[] = [];
  private mailboxSize = 0;
  private pumpScheduled = false;
  private committing: Promise<void> | null = null;
  /** When it last made something durable, by `performance.now`. */
  private movedAt = performance.now();
  private pulseAt = 0;
  private pulseClockAt = 0;
  private waitingSince: number | null = null;
  private state: 'starting' | 'running' | 'recovering' | 'stopping' | 'over' = 'starting';
  private timer: NodeJS.Timeout | null = null;
  private timerAt = Infinity;
  private readonly intervals: NodeJS.Timeout[] = [];
  private claiming: Promise<void> | null = null;
  private claimAgain = false;
  private adopting = false;
  private readonly alone: boolean;
  private readonly overload = new Overload();
  private readonly listening: (() => void)[] = [];
  private dueLooks: DueLooks | null = null;
  /** Since when it has found something due at every look, by `performance.now`. */
  private firingSince: number | null = null;
  private claimedTo: CommandId | null = null;
  private readonly floor = new ClaimFloor();
  /** Null: a look takes all that waits. */
  private backlog: Backlog | null = null;
  /** How often runs were taken over since all that waits of this master's runs was read: it may be older than what was read before, and comes first. */
  private unread = 0;
  /** Since it last looked from the first it has left out nothing that it could have had. */
  private isWhole = false;
  private readonly commandsInFlight = new Set<CommandId>();
  private readonly commandsDone = new Set<CommandId>();
  private readonly versions = new Map<string, WorkflowVersion>();
  private readonly vault: Vault;
  private readonly vaults: TaskVaults;
  private readonly probes = new Probes();
  private readonly warnRepeated: MasterLog['warn'];

  constructor(options: MasterOptions) {
    this.options = options;
    this.store = options.store;
    this.warnRepeated = repeatedWarnings(
      (fields, message) => options.log.warn(fields, message),
      () => performance.now(),
    );
    this.alone = options.alone ?? !options.store.listen;
    this.vault = options.vault ?? createVault([]);
    this.vaults = new TaskVaults(this.store, this.vault);
    this.clock = options.clock ?? (this.alone ? () => this.steady.now() : () => this.shared.now());
    this.core = this.newCore();
  }

  get id(): MasterId {
    return this.fence.master;
  }

  get stalledMs(): number {
    return performance.now() - this.movedAt;
  }

  private newCore(): MasterCore {
    const { selector = 'lower_weight' } = this.options;
    return new MasterCore({ master: this.id, selector, alone: this.alone, random: Math.random });
  }

  async start(): Promise<void> {
    this.keeper =
      this.store.keepLease?.((error) =>
        this.options.log.warn(
          { master: this.id, error },
          'the thread that keeps the lease is gone; the event loop renews it alone',
        ),
      ) ?? null;
    await this.register([]);
    await this.learnTimeline();
    await this.learnTaskGroups();
    await this.learnDrained();
    await this.adopt();
    this.state = 'running';
    this.pulseAt = performance.now();
    this.pulseClockAt = this.clock();
    this.every(PULSE_MS, () => this.pulse());
    this.every(RENEW_MS, () => this.renew());
    this.every(REFRESH_MS, () => this.refreshVaults());
    this.every(HOUSEKEEP_MS, () => this.housekeep());
    this.every(ADOPT_MS, () => void this.adoptMore());
    this.every(COMMAND_POLL_MS, () => {
      this.lookFromFirst();
      this.commandHint();
    });
    this.listen();
    this.lookForDue();
    this.commandHint();
    this.schedulePump();
  }

  /** Schedules: any master fires them, and whoever is first claims the runs. */
  private lookForDue(): void {
    let { fence } = this;
    this.dueLooks = startDueLooks({
      nextDue: () => this.store.nextDue(),
      fire: (limit) => {
        fence = this.fence;
        if (this.state !== 'running') return null;
        this.firingSince ??= performance.now();
        return this.store.fireDue(fence, limit);
      },
      fired: (ticks) => {
        if (!ticks.more) this.firingSince = null;
        if (ticks.commands > 0) this.commandHint();
        if (ticks.fired + ticks.skipped > 0) this.observe((observer) => observer.ticked?.(ticks));
      },
      jumped: (byMs) => {
        this.options.log.warn(
          { master: this.id, byMs },
          'the clock of the database was put forward or back; what was jumped over counts as missed',
        );
      },
      failed: (error) => {
        this.firingSince = null;
        if (this.isFencedNow(error, fence)) this.over(error);
        else this.warnRepeated({ master: this.id, error }, 'schedules that are due could not be fired; trying again');
      },
    });
  }

  private listen(): void {
    const { store } = this;
    if (!store.listen) return;
    this.listening.push(
      store.listen('pelorus_command', () => this.commandHint()),
      store.listen('pelorus_master', () => void this.adoptMore()),
      store.listen('pelorus_task_group', () => {
        this.core.permitHint();
        this.schedulePump();
      }),
    );
  }

  private async register(supersedes: MasterId[], leftBehind: number | null = null): Promise<void> {
    const { master: id, token } = this.fence;
    this.registered = false;
    const { opsUrl = null } = this.options;
    await this.hearTime(() =>
      this.store.registerMaster({ id, token, host: hostname(), opsUrl, supersedes, leftBehind }),
    );
    this.since = this.clock();
    this.renewals = 0;
    this.registered = true;
    this.keeper?.renewed(this.fence);
  }

  /** What workers did in a time that the store has forgotten they remember for a day: until then they are asked first. */
  private async learnTimeline(): Promise<void> {
    const { core } = this;
    const timeline = await this.store.loadTimeline();
    if (!timeline) return;
    const { number, beganAt, runsBefore } = timeline;
    const isNews = this.timeline !== 0 && number !== this.timeline;
    this.timeline = number;
    if (runsBefore === 0 || this.clock() > beganAt + RECALL_FOR_MS) return;
    core.storeWentBack(runIdOf(runsBefore), this.clock());
    this.options.log[isNews ? 'error' : 'warn'](
      { master: this.id, timeline: number, beganAt, runsBefore },
      'the store may have forgotten what came last: workers are asked before tasks of older runs begin',
    );
    if (isNews) this.observe((observer) => observer.wentBack?.());
  }

  private async hearTime(ask: () => Promise<number>): Promise<void> {
    const askedAt = this.steady.now();
    const storeAt = await ask();
    this.shared.heard({ askedAt, answeredAt: this.steady.now(), storeAt });
  }

  private every(ms: number, action: () => void): void {
    const interval = setInterval(action, ms);
    interval.unref();
    this.intervals.push(interval);
  }

  /**
   * A process that was stopped, or whose host slept, has heard of nobody in that time, and says nothing of its workers: they
   * get their full time again.
   */
  private pulse(): void {
    if (this.registered) this.keeper?.sign(this.fence);
    this.steady.look();
    this.overload.look(this.core.runs.size);
    const at = performance.now();
    const stoodStill = at - this.pulseAt > STOOD_STILL_MS || this.clock() - this.pulseClockAt > STOOD_STILL_MS;
    this.pulseAt = at;
    this.pulseClockAt = this.clock();
    if (!stoodStill) return;
    this.options.log.warn({ master: this.id }, 'this process stood still for a while; its workers are waited for anew');
    this.core.bePatient(this.clock());
  }

  private refreshVaults(): void {
    this.vaults.refresh().catch((error: unknown) => {
      this.warnRepeated({ master: this.id, error }, 'secrets and connections could not be read again');
    });
  }

  private housekeep(): void {
    this.store.housekeep().catch((error: unknown) => {
      this.warnRepeated({ master: this.id, error }, 'the housekeeping of the store failed; trying again');
    });
  }

  private renew(): void {
    // The store would call an incarnation that it has not taken yet fenced, and that is no end: recovery goes on.
    if (!this.registered) return;
    const { fence } = this;
    this.hearTime(() => this.store.renewMaster(fence, this.clock(), this.renewals)).then(
      () => {
        if (fence === this.fence) this.renewals++;
        this.keeper?.renewed(fence);
        // A lease that is renewed beside a commit that never ends is no sign of life.
        if (this.state === 'running' && !this.committing) this.movedAt = performance.now();
      },
      (error: unknown) => {
        if (this.isFencedNow(error, fence)) this.over(error);
        else if (isWentBack(error) && this.state === 'running' && fence === this.fence) void this.recover(error);
        else this.warnRepeated({ master: this.id, error }, 'lease renewal failed');
      },
    );
  }

  // --------------------------------------------------------------------------------------------------- workers

  attachWorker(link: MasterLink): void {
    const id = this.nextLink++;
    this.links.set(id, { id, link });
    link.onFrame((messages) => {
      if (messages === null) {
        this.links.delete(id);
        this.probes.linkDown(id);
        this.push({ kind: 'link-down', link: id }, 1);
      } else {
        const rest = messages.filter(
          (message) => !this.takesLog(link, message) && !this.probes.hears(id, link, message),
        );
        if (rest.length > 0) this.push({ kind: 'frame', link: id, messages: rest }, rest.length);
      }
    });
  }

  private takesLog(link: MasterLink, message: WorkerToMaster): boolean {
    if (message.kind !== 'log') return false;
    this.options.logs?.take(message, (acknowledged) => link.send([acknowledged]));
    return true;
  }

  private push(input: Input, size: number): void {
    if (this.state === 'over') return;
    if (input.kind === 'frame' && this.mailboxSize + size > LIMITS.masterMailbox) {
      this.options.log.warn({ master: this.id, dropped: size }, 'mailbox full: hanging up, the worker will dial again');
      this.links.get(input.link)?.link.close();
      return;
    }
    this.mailbox.push(input);
    this.mailboxSize += size;
    this.schedulePump();
  }

  // ------------------------------------------------------------------------------------------------------ pump

  private schedulePump(): void {
    if (this.pumpScheduled) return;
    this.pumpScheduled = true;
    setImmediate(() => {
      this.pumpScheduled = false;
      this.pump();
    });
  }

  private pump(): void {
    if (this.state !== 'running' && this.state !== 'stopping') return;
    if (this.state === 'running' && this.core.pendingChanges() < AHEAD_MAX) this.feed();
    this.commitNext();
    this.armTimer();
    if (this.state === 'running' && this.mailbox.length > 0 && this.core.pendingChanges() < AHEAD_MAX)
      this.schedulePump();
  }

  private feed(): void {
    const at = this.clock();
    this.core.tick(at);
    let taken = 0;
    let handled = 0;
    while (taken < this.mailbox.length && handled < SLICE) {
      const input = this.mailbox[taken++]!;
      if (input.kind === 'link-down') this.core.linkDown(input.link);
      else this.feedFrame(input.link, input.messages, at);
      handled += input.kind === 'frame' ? input.messages.length : 1;
    }
    this.mailbox.splice(0, taken);
    this.mailboxSize -= handled;
  }

  private feedFrame(link: number, messages: WorkerToMaster[], at: number): void {
    if (this.options.observers) this.noteAccepted(messages, at);
    this.core.frame(link, messages, at);
  }

  /** Before the core hears of it: as long as the task is still `dispatched`, this is the first word. */
  private noteAccepted(messages: readonly WorkerToMaster[], at: number): void {
    for (const message of messages) {
      if (message.kind !== 'report' || message.report.kind !== 'accepted') continue;
      const key = parseAttemptId(message.report.attempt);
      const record = key && this.core.runs.get(key.run)?.tasks[key.task];
      if (record?.state !== 'dispatched' || record.attempts !== key?.n || record.readyAt === null) continue;
      const latencyMs = Math.max(0, at - record.readyAt);
      this.observe((observer) => observer.accepted?.(latencyMs));
    }
  }

  private observe(tell: (observer: MasterObserver) => void): void {
    for (const observer of this.options.observers ?? []) tell(observer);
  }

  private commitNext(): void {
    if (this.committing) return;
    const { core } = this;
    if (!core.isUrgent() && this.state === 'running' && (core.isIdle() || this.mayWait())) return;
    this.waitingSince = null;
    const batch = core.flush(this.clock());
    if (!batch) return;
    this.committing = this.commit(batch).finally(() => {
      this.committing = null;
      this.schedulePump();
    });
  }

  /** Whether what is pending may wait for company, and if so, until when: a timer sees to that. */
  private mayWait(): boolean {
    const now = performance.now();
    if (this.waitingSince === null) {
      this.waitingSince = now;
      setTimeout(() => this.schedulePump(), GATHER_MS);
    }
    return now - this.waitingSince < GATHER_MS;
  }

  private async commit(batch: Batch): Promise<void> {
    for (const { run, error } of batch.problems) this.options.log.error({ run, error }, 'run put aside');
    for (const unanswered of batch.unanswered)
      this.warnRepeated({ master: this.id, ...unanswered }, 'a worker gives no answer; sending again');
    const { fence } = this;
    const startedAt = performance.now();
    try {
      const { commands } = await this.store.commit(fence, batch.changes);
      if (commands > 0) this.commandHint();
    } catch (error) {
      if (fence !== this.fence) return;
      if (isFenced(error)) this.over(error);
      else void this.recover(error);
      return;
    }
    if (fence !== this.fence) return;
    this.movedAt = performance.now();
    this.rememberCommands(batch);
    this.vaults.forget(batch.ended);
    for (const [id, messages] of batch.sends) this.links.get(id)?.link.send(messages);
    this.askStore(this.core, batch);
    this.options.onCommitted?.(batch.changes);
    const committed = { changes: batch.changes, tookMs: performance.now() - startedAt, at: this.clock() };
    this.observe((observer) => observer.committed?.(committed));
  }

  private rememberCommands(batch: Batch): void {
    for (const change of batch.changes) {
      if (change.kind !== 'command-done') continue;
      this.commandsInFlight.delete(change.command);
      this.commandsDone.add(change.command);
    }
    for (const command of this.commandsDone) {
      if (this.commandsDone.size <= REMEMBERED_COMMANDS) break;
      this.commandsDone.delete(command);
    }
  }

  /** What the rules want to know, and what only the store can say where there are several masters. */
  private askStore(core: MasterCore, batch: Batch): void {
    for (const question of batch.questions)
      this.ask(core, question.kind, {
        ask: () => answerTo(this.store, question, this.clock(), Math.random()),
        tell: (event) => core.answer(question.run, event),
      });
    this.askForStrangers(core, batch.strangers);
    const { permits } = batch;
    if (permits)
      this.ask(core, 'task-groups', {
        ask: () => this.store.takePermits(this.fence, permits),
        tell: (granted) => core.permitsGranted(granted, this.clock()),
      });
    for (const worker of batch.silent)
      this.ask(core, 'worker-seen', {
        ask: () => this.store.workerSeenAt(worker),
        tell: (seenAt) => core.workerSeen(worker, seenAt, this.clock()),
      });
  }

  private askForStrangers(core: MasterCore, strangers: readonly Stranger[]): void {
    const byRun = Map.groupBy(strangers, ({ attempt }) => parseAttemptId(attempt)!.run);
    const runs = [...byRun.keys()];
    for (let from = 0; from < runs.length; from += STRANGERS_AT_ONCE) {
      const page = runs.slice(from, from + STRANGERS_AT_ONCE);
      this.ask(core, 'strangers', {
        ask: () => this.readRuns(core, page),
        tell: (found) => {
          const stored = new Map(found.map((run) => [run.spec.id, run]));
          for (const run of page)
            for (const stranger of byRun.get(run)!) core.strangerKnown(stranger, stored.get(run) ?? null);
        },
      });
    }
  }

  /** Until there is an answer. It goes to the core that asked; one that has been dropped since asks again by itself. */
  private ask<T>(
    core: MasterCore,
    about: string,
    question: { ask: () => Promise<T>; tell: (answer: T) => void },
  ): void {
    const isMoot = (): boolean => core !== this.core || this.isOver();
    const answer = async (): Promise<void> => {
      const said = await question.ask();
      if (isMoot()) return;
      question.tell(said);
      this.pump();
    };
    answer().catch((error: unknown) => {
      this.warnRepeated({ master: this.id, about, error }, 'the store gave no answer; asking again');
      setTimeout(() => !isMoot() && this.ask(core, about, question), ASK_AGAIN_MS);
    });
  }

  private armTimer(): void {
    const next = this.core.nextTickAt();
    if (next === null || next >= this.timerAt) return;
    if (this.timer) clearTimeout(this.timer);
    this.timerAt = next;
    this.timer = setTimeout(
      () => {
        this.timerAt = Infinity;
        this.timer = null;
        this.schedulePump();
      },
      Math.min(Math.max(next - this.clock(), 0), TIMER_MAX_MS),
    );
    this.timer.unref();
  }

  // -------------------------------------------------------------------------------------------------- commands

  commandHint(): void {
    if (this.state !== 'running' || this.firesFirst()) return;
    if (this.claiming) {
      this.claimAgain = true;
      return;
    }
    const { fence } = this;
    this.claiming = this.claim()
      .catch((error: unknown) => this.claimFailed(error, fence))
      .finally(() => {
        this.claiming = null;
        if (!this.claimAgain) return;
        this.claimAgain = false;
        this.commandHint();
      });
  }

  /** Ticks are decided before their runs are begun: that is little work for the many that wait, and then it is known who is late. */
  private firesFirst(): boolean {
    return this.firingSince !== null && performance.now() - this.firingSince < FIRE_FIRST_MS;
  }

  /** Only the fencing of the incarnation that there is now counts: recovery fences its own predecessors. */
  private isFencedNow(error: unknown, fence: Fence): boolean {
    return isFenced(error) && fence === this.fence;
  }

  private claimFailed(error: unknown, fence: Fence): void {
    if (this.isFencedNow(error, fence)) return this.over(error);
    // What was claimed and not carried out must not be overtaken by what comes later.
    this.readOlderFirst();
    this.warnRepeated({ master: this.id, error }, 'commands could not be read; trying again');
  }

  private claim(): Promise<void> {
    return this.backlog && this.unread === 0 ? this.claimInTurn(this.backlog) : this.claimInOrder();
  }

  /** While little waits: whatever there is, oldest first. */
  private async claimInOrder(): Promise<void> {
    const { core, unread } = this;
    const after = this.claimedTo;
    const ownOnly = this.overload.isFull() || this.backlog !== null;
    const limit = LIMITS.commandsPerClaim;
    const commands = await this.store.claimCommands(this.fence, this.lookFrom(after), limit, { ownOnly });
    if (core !== this.core) return;
    const fresh = this.unknownOf(commands);
    if (after !== null && this.hasOlderOnes(fresh)) this.readOlderFirst();
    if (after !== this.claimedTo || unread !== this.unread) {
      this.claimAgain = true;
      return;
    }
    const isAll = commands.length < limit;
    this.isWhole = isAll && !ownOnly && (after === null || this.isWhole);
    this.claimedTo = commands.at(-1)?.id ?? after;
    if (isAll) this.unread = 0;
    else if (!ownOnly) this.backlog = new Backlog();
    this.claimAgain ||= !isAll || this.backlog !== null;
    await this.begin(core, fresh);
  }

  /** While much waits: each project in turn. */
  private async claimInTurn(backlog: Backlog): Promise<void> {
    const { core } = this;
    const takesMore = !this.overload.isFull();
    this.isWhole = false;
    const claim = await this.store.claimFairly(this.fence, backlog.ask(takesMore));
    if (core !== this.core) return;
    if (this.unread > 0) {
      this.claimAgain = true;
      return;
    }
    const fresh = this.unknownOf(claim.commands);
    if (!backlog.passes(claim) && takesMore && fresh.length === 0) this.backlog = null;
    this.claimAgain ||= takesMore || fresh.length > 0;
    await this.begin(core, fresh);
  }

  private unknownOf(commands: readonly Command[]): Command[] {
    return commands.filter(({ id }) => !this.commandsInFlight.has(id) && !this.commandsDone.has(id));
  }

  private lookFromFirst(): void {
    if (this.isWhole && this.claimedTo !== null) this.floor.complete(this.claimedTo, performance.now());
    this.claimedTo = null;
    this.backlog?.beginAgain();
  }

  private readOlderFirst(): void {
    this.unread++;
    this.isWhole = false;
    this.claimedTo = null;
    this.backlog?.beginAgain();
    this.floor.forget();
  }

  private async begin(core: MasterCore, fresh: readonly Command[]): Promise<void> {
    const missing = [...new Set(fresh.map((command) => command.run))].filter((run) => !core.runs.has(run));
    await this.openRuns(core, missing);
    if (core !== this.core || this.state !== 'running') return;
    if (fresh.length > 0) this.observe((observer) => observer.claimed?.(fresh.length));
    for (const command of fresh) this.carryOut(core, command);
    this.pump();
  }

  /** Where several processes write commands, one with a lower number may have been committed since. */
  private lookFrom(after: CommandId | null): CommandId | null {
    if (after === null) return this.floor.from(performance.now());
    return this.alone ? after : commandIdOf(Math.max(0, after - LATE_COMMANDS));
  }

  /**
   * Whether some are of a run that has come from another master: then others of its commands may be older than what was claimed
   * before, and must be carried out first.
   */
  private hasOlderOnes(fresh: readonly Command[]): boolean {
    const known = new Set<RunId>();
    return fresh.some(({ run, action }) => {
      if (action.kind === 'start') known.add(run);
      return !known.has(run) && !this.core.runs.has(run);
    });
  }

  private carryOut(core: MasterCore, command: Command): void {
    this.commandsInFlight.add(command.id);
    core.command(command, this.clock());
  }

  private async openRuns(core: MasterCore, ids: RunId[]): Promise<void> {
    for (const stored of await this.readRuns(core, ids)) {
      const { id } = stored.spec;
      await this.orPutAside(core, id, async () => this.openRun(core, stored, await this.contextOf(stored)));
    }
  }

  /** Those that can be read. Of many, one that cannot is found by halves. */
  private async readRuns(core: MasterCore, ids: RunId[]): Promise<StoredRun[]> {
    if (ids.length <= 1) {
      const [id] = ids;
      return id === undefined ? [] : ((await this.orPutAside(core, id, () => this.store.loadRuns(ids))) ?? []);
    }
    try {
      return await this.store.loadRuns(ids);
    } catch (error) {
      if (!isOfContent(error)) throw error;
      const half = ids.length >> 1;
      return [...(await this.readRuns(core, ids.slice(0, half))), ...(await this.readRuns(core, ids.slice(half)))];
    }
  }

  /** What is wrong with one run keeps no other waiting. Null: it was put aside. */
  private async orPutAside<T>(core: MasterCore, run: RunId, act: () => Promise<T>): Promise<T | null> {
    try {
      return await act();
    } catch (error) {
      if (!isOfContent(error)) throw error;
      core.putAside(run, error);
      return null;
    }
  }

  private openRun(core: MasterCore, stored: StoredRun, context: RunContext): void {
    core.open(stored, context, this.clock());
    if (core === this.core && core.runs.has(stored.spec.id))
      this.observe((observer) => observer.runOpened?.(stored, context.workflow));
  }

  private async contextOf(stored: StoredRun): Promise<RunContext> {
    const { workflowId, workflowVersion } = stored.spec;
    const workflow = await this.versionOf(workflowId, workflowVersion);
    if (!workflow) throw new Error(`version ${workflowVersion} of its workflow is missing from the store`);
    const [vault, environments] = await Promise.all([
      this.vaults.contextOf(stored, workflow.definition),
      this.environmentsOf(stored, workflow.definition),
    ]);
    return { workflow, ...vault, ...(environments && { environments }), projectParams: {} };
  }

  /** As they are now; null where nothing names one. */
  private async environmentsOf(
    { spec }: StoredRun,
    { tasks }: WorkflowVersion['definition'],
  ): Promise<NonNullable<RunContext['environments']> | null> {
    const names = new Set(tasks.map((task) => task.environment ?? spec.environment).filter((name) => name !== null));
    if (names.size === 0) return null;
    const found = await this.store.loadEnvironments([...names]);
    return Object.fromEntries(found.map(({ name, variables }) => [name, variables]));
  }

  private async versionOf(workflowId: number, version: number): Promise<WorkflowVersion | null> {
    const key = `${workflowId}.${version}`;
    const cached = this.versions.get(key);
    if (cached) return cached;
    const loaded = await this.store.loadWorkflowVersion(workflowId, version);
    if (!loaded) return null;
    if (this.versions.size >= CACHED_VERSIONS) this.versions.delete(this.versions.keys().next().value!);
    this.versions.set(key, loaded);
    return loaded;
  }

  // -------------------------------------------------------------------------------------------------- recovery

  private async learnTaskGroups(): Promise<void> {
    const groups = await this.store.loadTaskGroups();
    this.core.setTaskGroups(new Map(groups.map(({ name, size }) => [name, size])));
  }

  private async learnDrained(): Promise<void> {
    const { core } = this;
    const names = await this.store.loadDrainedWorkers();
    core.setDrained(new Set(names), this.clock());
  }

  private async adopt(): Promise<void> {
    const { core, fence } = this;
    const isBusy = this.state === 'running' && this.overload.isFull();
    const limit = isBusy ? ADOPT_WHEN_BUSY : ADOPT_PAGE;
    let after: RunId | null = null;
    let adopted = 0;
    for (;;) {
      const page: RunId[] = await this.store.adoptRuns(fence, after, limit);
      // Commands of theirs may be older than what was claimed before.
      if (page.length > 0) this.readOlderFirst();
      await this.openRuns(core, page);
      // What has been read goes on while the rest is.
      this.schedulePump();
      adopted += page.length;
      if (page.length < limit || isBusy) break;
      after = page.at(-1)!;
    }
    core.adoptionFinished();
    if (adopted > 0) this.observe((observer) => observer.adopted?.(adopted));
    if (adopted > 0) this.options.log.info({ master: this.id, runs: adopted }, 'runs adopted');
  }

  private async adoptMore(): Promise<void> {
    if (this.state !== 'running' || this.adopting || this.firesFirst()) return;
    const { fence } = this;
    this.adopting = true;
    try {
      await this.learnTaskGroups();
      await this.learnDrained();
      await this.adopt();
      this.schedulePump();
    } catch (error) {
      // Some of them may be this master's by now without being in its memory.
      if (this.isFencedNow(error, fence)) this.over(error);
      else if (this.state === 'running' && fence === this.fence) await this.recover(error);
    } finally {
      this.adopting = false;
    }
  }

  /** What memory believes is no longer certain: forget it, and read what the store knows, as a new incarnation. */
  private async recover(reason: unknown): Promise<void> {
    this.state = 'recovering';
    this.options.log.error(
      { master: this.id, error: reason },
      isWentBack(reason)
        ? 'the store went back in time: reading everything again'
        : 'commit failed: reading everything again from the store',
    );
    this.observe((observer) => observer.recovering?.());
    this.commandsInFlight.clear();
    this.commandsDone.clear();
    this.backlog = null;
    this.readOlderFirst();
    this.mailbox = [];
    this.mailboxSize = 0;
    for (const { link } of this.links.values()) link.close();
    this.links.clear();
    const superseded: MasterId[] = [];
    const leftBehind = isWentBack(reason) ? this.timeline : null;
    while (!(await this.startAnew(superseded, leftBehind)))
      await new Promise((resolve) => setTimeout(resolve, RECOVER_PAUSE_MS));
    if (this.isOver()) return;
    this.state = 'running';
    this.commandHint();
    this.schedulePump();
  }

  /** True when there is nothing more to try: a new incarnation has everything, or the end has come meanwhile. */
  private async startAnew(superseded: MasterId[], leftBehind: number | null): Promise<boolean> {
    if (this.isOver()) return true;
    superseded.push(this.id);
    this.fence = newFence();
    this.core = this.newCore();
    this.vaults.forgetAll();
    try {
      await this.register(superseded, leftBehind);
      await this.learnTimeline();
      await this.learnTaskGroups();
      await this.learnDrained();
      await this.adopt();
      return true;
    } catch (error) {
      this.warnRepeated({ master: this.id, error }, 'the store does not answer; trying again');
      return false;
    }
  }

  private isOver(): boolean {
    return this.state === 'over';
  }

  private over(reason: unknown): void {
    if (this.state === 'over') return;
    this.end();
    if (isFenced(reason)) this.observe((observer) => observer.fenced?.());
    this.options.log.error({ master: this.id, error: reason }, 'this master is over');
    this.options.onOver?.(reason);
  }

  private end(): void {
    this.state = 'over';
    void this.keeper?.close();
    for (const interval of this.intervals) clearInterval(interval);
    this.dueLooks?.close();
    for (const stopListening of this.listening.splice(0)) stopListening();
    this.overload.close();
    if (this.timer) clearTimeout(this.timer);
    for (const { link } of this.links.values()) link.close();
    this.links.clear();
  }

  // ------------------------------------------------------------------------------------------------------- api

  liveRun(run: RunId): LiveRun | null {
    const held = this.core.runs.get(run);
    return held && this.state === 'running' ? liveRunOf(held, this.id, this.since) : null;
  }

  figures(): MasterFigures {
    const runs = new Map<RunState, number>();
    for (const { status } of this.core.runs.values()) runs.set(status.state, (runs.get(status.state) ?? 0) + 1);
    return {
      id: this.id,
      state: this.state,
      runs,
      queued: this.core.queueLengths(),
      mailbox: this.mailboxSize,
      pendingChanges: this.core.pendingChanges(),
      links: this.links.size,
    };
  }

  async testConnection(projectId: number, name: string, signal: AbortSignal): Promise<ConnectionTest | null> {
    const rows = await this.store.loadVault(projectId, null);
    const found = rows && projectVault(this.vault, projectId, rows).connection(name);
    if (found?.kind !== 'found') {
      const detail = found?.problem ?? `the project has no connection named ${name}`;
      return { ok: false, detail, tookMs: 0, worker: null };
    }
    return this.probes.ask(found.value, signal);
  }

  async stop(): Promise<void> {
    if (this.state === 'running') {
      this.pump();
      this.state = 'stopping';
      await atMost(STOP_COMMIT_MS, this.settle());
    }
    const { fence } = this;
    const mayHold = this.registered && !this.isOver();
    this.end();
    if (mayHold) await atMost(RELEASE_MS, this.release(fence));
  }

  /** Until nothing that was decided is uncommitted. What workers say meanwhile they say again to the next. */
  private async settle(): Promise<void> {
    await this.claiming;
    this.pump();
    while (this.committing) {
      await this.committing;
      this.pump();
    }
  }

  /** Others need not wait for the end of the lease. When it fails, they do. */
  private async release(fence: Fence): Promise<void> {
    await this.store.releaseMaster(fence).catch((error: unknown) => {
      this.options.log.warn(
        { master: this.id, error },
        'the runs are not given up; others take them when the lease ends',
      );
    });
  }
}

/** Waits for it, but not longer. */
async function atMost(ms: number, done: Promise<void>): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  await Promise.race([done, new Promise<void>((resolve) => (timer = setTimeout(resolve, ms)))]);
  clearTimeout(timer);
}

function newFence(): Fence {
  return { master: masterIdOf(`m-${randomUUID()}`), token: randomBytes(16).toString('hex') };
}

function isFenced(error: unknown): boolean {
  return error instanceof StoreError && error.code === 'FENCED';
}

function isWentBack(error: unknown): boolean {
  return error instanceof StoreError && error.code === 'WENT_BACK';
}

/** Of what a row says, or of our code: whatever the store or the system says has a code. */
function isOfContent(error: unknown): boolean {
  return !(error instanceof Error && 'code' in error);
}
