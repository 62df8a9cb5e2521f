/**
 * One start of a master: the real `MasterCore` inside the same loop as the server's (feed inputs, flush, one commit,
 * only then send), with the places where it can die or be stopped laid open.
 *
 * What is assumed of the loop, beyond the store's port:
 * 1. A commit that failed ends the incarnation: memory is dropped, and the next one supersedes it, so that a commit
 *    whose outcome is unknown is either visible to the recovery's reads or fenced.
 * 2. Runs that lose their owner later are looked for again and again, not only at the start; an adoption that failed
 *    half-way ends the incarnation as well.
 * 3. The clock of a master is the store's, told with the answer to its registration and to every renewal of its lease; the
 *    clock of its host, of its own process start, is off by as much as the seed says. What it makes of both is the real code.
 * 4. Commands of one run are carried out in the order in which they were given: what was claimed and could not be
 *    carried out, or was another master's when it was passed over, is claimed again before anything newer.
 */
import {
  type CommandId,
  formatAttemptId,
  type MasterId,
  masterIdOf,
  type MasterToWorker,
  parseAttemptId,
  type RunId,
  type WorkerId,
  type WorkerLoad,
  type WorkerToMaster,
} from '@pelorus/protocol';
import {
  type Batch,
  type Change,
  type Command,
  type HostClock,
  isLive,
  LOGIC_WORKER,
  MasterCore,
  type ParentLink,
  type Question,
  type SharedClock,
  sharedClock,
  type Tick,
} from '../src/index.ts';
import { answerTo } from './answers.ts';
import type { Connection, End } from './network.ts';
import type { SimTick } from './schedules.ts';
import { StoreClient, type StoreResult } from './store-client.ts';
import type { Fence, StoreFailure, StoreModel } from './store-model.ts';
import { Actor } from './timeline.ts';
import { Violation } from './violation.ts';
import type { World } from './world.ts';

const RENEW_MS = 4_000;
const COMMAND_POLL_MS = 1_000;
const ADOPT_EVERY_MS = 3_000;
const LOOK_FOR_DUE_MS = 500;
const SCHEDULES_AT_ONCE = 2;
const ADOPT_PAGE = 3;
/** Of one look, while it is overloaded. */
const ADOPT_WHEN_BUSY = 1;
const COMMANDS_PER_CLAIM = 8;
const RECOVER_PAUSE_MS = 500;
const ASK_AGAIN_MS = 1_000;
/** A pulse (they come every `COMMAND_POLL_MS`) that is this late means that the process stood still. */
const STOOD_STILL_MS = 10_000;

type Input = { kind: 'frame'; link: number; messages: WorkerToMaster[] } | { kind: 'link-down'; link: number };

export class MasterProcess {
  readonly actor: Actor;
  readonly slot: number;
  id: MasterId;
  private readonly world: World;
  private fence: Fence;
  private drained: ReadonlySet<string> = new Set();
  private core: MasterCore;
  private store: StoreClient;
  private readonly links = new Map<number, Connection>();
  private nextLink = 1;
  private mailbox: Input[] = [];
  private pumpScheduled = false;
  private committing = false;
  private state: 'starting' | 'running' | 'recovering' | 'stopping' | 'over' = 'starting';
  private wakeAt = Infinity;
  private pulseAt = 0;
  private overloaded = false;
  private claimedTo: CommandId | null = null;
  private readonly hostClock: HostClock;
  private readonly sharedClock: SharedClock;
  private claiming = false;
  private claimAgain = false;
  private adopting = false;
  private hasFired = false;
  /** What a broken one believes is next. */
  private readonly ticksRemembered = new Map<number, Tick | null>();
  private readonly commandsInFlight = new Set<CommandId>();
  /** What each worker said last, as far as this master has looked at it. */
  private readonly loads = new Map<WorkerId, WorkerLoad>();

  constructor(world: World, slot: number) {
    this.world = world;
    this.slot = slot;
    this.actor = new Actor(world.timeline);
    this.store = new StoreClient(world, this.actor);
    const offMs = Math.round(world.random.between(-1, 1) * world.faults.wallClockOffMs);
    this.hostClock = { now: () => world.timeline.now + offMs };
    this.sharedClock = (world.variant.masterClock ?? sharedClock)(this.hostClock);
    this.id = masterIdOf('');
    this.fence = { master: this.id, token: '' };
    this.core = this.newCore();
    this.begin(world.predecessorsKnownDead(slot), 0);
    this.every(RENEW_MS, () => this.renew());
    this.every(COMMAND_POLL_MS, () => {
      this.pulse();
      this.claimedTo = null;
      this.claim();
    });
    this.every(ADOPT_EVERY_MS, () => this.adoptMore());
    if (world.schedules.schedules.length > 0) this.every(LOOK_FOR_DUE_MS, () => this.fireDue());
  }

  private fireDue(): void {
    const { world, fence } = this;
    const { schedules, variant } = world;
    const broken = variant.ticks;
    if (broken === 'again after a takeover' && !this.hasFired)
      this.store.call(
        'fire',
        () => schedules.fireLastAgain(fence),
        () => {},
      );
    this.hasFired = true;
    const apart: SimTick[] | null = broken === 'rows apart' ? [] : null;
    const remembered = broken === 'from memory' ? this.ticksRemembered : null;
    this.store.call(
      'fire',
      () => schedules.fireDue(fence, SCHEDULES_AT_ONCE, { remembered, apart }),
      (result) => {
        if (result.ok && result.value > 0) world.tally.count('path: ticks fired', result.value);
        if (result.ok && apart)
          this.store.call(
            'ticks',
            () => schedules.writeTicks(fence, apart),
            () => {},
          );
        if (result.ok && result.value > 0) this.claim();
        if (!result.ok && result.code === 'FENCED') this.over();
      },
    );
  }

  private newCore(): MasterCore {
    const options = {
      master: this.id,
      selector: 'lower_weight',
      alone: this.world.masterSlots === 1,
      random: this.world.random.fork('master').next,
    } as const;
    const core = this.world.variant.masterCore?.(options) ?? new MasterCore(options);
    core.setTaskGroups(this.world.taskGroups);
    this.learnDrained(core);
    return core;
  }

  /** `ask` is answered with the store's time. */
  private hearTime(
    verb: string,
    ask: (model: StoreModel) => number,
    then: (result: StoreResult<number>) => void,
  ): void {
    const askedAt = this.hostClock.now();
    this.store.call(verb, ask, (result) => {
      if (result.ok) this.sharedClock.heard({ askedAt, answeredAt: this.hostClock.now(), storeAt: result.value });
      then(result);
    });
  }

  private learnDrained(core: MasterCore): void {
    this.drained = new Set(this.world.drained);
    core.setDrained(this.drained, this.clock());
  }

  private checkPlaces(batch: Batch): void {
    for (const change of batch.changes) {
      if (change.kind !== 'attempt' || change.record.state !== 'dispatched') continue;
      const { worker } = change.record;
      const attempt = formatAttemptId(change.record);
      const name = worker.slice(0, worker.lastIndexOf('.'));
      if (this.drained.has(name) && !this.world.placedAttempts.has(attempt))
        throw new Violation('drain', `${attempt} was placed on ${worker}, which is drained`);
      if (this.loads.get(worker)?.busy === true && !this.world.placedAttempts.has(attempt))
        throw new Violation(
          'overload',
          `${attempt} was placed on ${worker}, which had said that it is over its limits`,
        );
      this.world.placedAttempts.add(attempt);
    }
  }

  private every(ms: number, action: () => void): void {
    this.actor.after(ms, () => {
      this.every(ms, action);
      if (this.state === 'running') action();
    });
  }

  /** It has so much to do that it takes on little more for a while, and keeps what it has. */
  overload(forMs: number): void {
    if (this.overloaded) return;
    this.overloaded = true;
    this.actor.after(forMs, () => {
      this.overloaded = false;
    });
  }

  /** Whoever was stopped has heard of nobody in that time, and says nothing of its workers. */
  private pulse(): void {
    const at = this.clock();
    if (at - this.pulseAt > STOOD_STILL_MS) {
      this.world.tally.count('path: master stood still');
      this.core.bePatient(at);
    }
    this.pulseAt = at;
  }

  /** A new incarnation with nothing in memory but what the store says. */
  private begin(supersedes: MasterId[], delayMs: number): void {
    this.id = this.world.newMasterId(this.slot);
    this.fence = { master: this.id, token: `token of ${this.id}` };
    this.core = this.newCore();
    this.loads.clear();
    const again = (): void => this.begin([...supersedes, this.id], RECOVER_PAUSE_MS);
    this.actor.after(delayMs, () => this.register(supersedes, again));
  }

  private register(supersedes: MasterId[], again: () => void): void {
    const { core } = this;
    this.hearTime(
      'register',
      (model) => model.registerMaster({ id: this.id, token: this.fence.token, supersedes }),
      (result) => {
        if (!result.ok) return again();
        const ready = (): void => {
          core.adoptionFinished();
          this.pulseAt = this.clock();
          this.state = 'running';
          this.claim();
          this.schedulePump();
        };
        this.adoptPage(null, ready, again);
      },
    );
  }

  private adoptPage(after: RunId | null, done: () => void, failed: (code: StoreFailure) => void): void {
    const { core } = this;
    const isBusy = this.state === 'running' && this.overloaded;
    const page = isBusy ? ADOPT_WHEN_BUSY : ADOPT_PAGE;
    this.store.call(
      'adopt',
      (model) => model.adoptRuns(this.fence, after, page),
      (result) => {
        if (core !== this.core) return;
        if (!result.ok) return failed(result.code);
        const adopted = result.value.map(({ run }) => run);
        for (const { released } of result.value)
          if (released) this.world.tally.count('path: run adopted that was handed back');
        if (adopted.length > 0 && !this.world.variant.commandsOvertake) this.claimedTo = null;
        this.openRuns(
          adopted,
          () => (isBusy || adopted.length < page ? done() : this.adoptPage(adopted.at(-1)!, done, failed)),
          failed,
        );
      },
    );
  }

  private openRuns(ids: RunId[], done: () => void, failed: (code: StoreFailure) => void): void {
    if (ids.length === 0) return done();
    const { core } = this;
    this.store.read(
      (model) => model.loadRuns(ids),
      (result) => {
        if (core !== this.core) return;
        if (!result.ok) return failed(result.code);
        for (const stored of result.value) {
          const { workflow } = this.world.store.runs.get(stored.spec.id)!;
          if (stored.status.state !== 'queued') this.world.tally.count('path: run adopted');
          if (stored.status.state === 'waiting' && stored.spec.gate)
            this.world.tally.count('path: run adopted that waits at its gate');
          if (
            stored.tasks.some(
              ({ task, state }) =>
                isLive(state) && stored.attempts.find((one) => one.task === task)?.worker === LOGIC_WORKER,
            )
          ) {
            this.world.tally.count('path: run adopted that waits for a child');
          }
          core.open(stored, { workflow, projectParams: {} }, this.clock());
        }
        done();
      },
    );
  }

  /** For runs whose owner died after this master started. */
  private adoptMore(): void {
    this.learnDrained(this.core);
    if (this.adopting) return;
    this.adopting = true;
    const finish = (): void => {
      this.adopting = false;
      this.schedulePump();
    };
    // Half-way they may be owned but not held: nobody would ever look for them again.
    this.adoptPage(null, finish, (code) => this.failed(code));
  }

  private clock(): number {
    return this.sharedClock.now();
  }

  private renew(): void {
    this.hearTime(
      'renew',
      (model) => model.renewMaster(this.fence),
      (result) => {
        if (!result.ok && result.code === 'FENCED') this.over();
      },
    );
  }

  // --------------------------------------------------------------------------------------------------- workers

  /** Null while nobody listens. */
  accept(host: string, workerId: WorkerId, worker: End<MasterToWorker>): Connection | null {
    if (!this.actor.alive || this.state === 'over' || this.state === 'starting') return null;
    const link = this.nextLink++;
    const connection = this.world.network.connect({
      host,
      workerId,
      slot: this.slot,
      worker,
      master: {
        actor: this.actor,
        received: (messages) => {
          this.world.checker.heard(this.id, workerId, messages);
          for (const message of messages)
            if (message.kind === 'heartbeat') this.world.heartbeatHeard(host, workerId, message.sentAt);
          this.push({ kind: 'frame', link, messages });
        },
        closed: () => {
          this.links.delete(link);
          this.push({ kind: 'link-down', link });
        },
      },
    });
    this.links.set(link, connection);
    return connection;
  }

  private push(input: Input): void {
    if (this.state === 'over') return;
    this.mailbox.push(input);
    this.schedulePump();
  }

  // ------------------------------------------------------------------------------------------------------ pump

  private schedulePump(): void {
    if (this.pumpScheduled) return;
    this.pumpScheduled = true;
    this.actor.after(this.world.random.between(0, 1), () => {
      this.pumpScheduled = false;
      this.pump();
    });
  }

  private pump(): void {
    if (this.state !== 'running' && this.state !== 'stopping') return;
    const at = this.clock();
    this.core.tick(at);
    const inputs = this.mailbox;
    this.mailbox = [];
    for (const input of inputs) {
      if (input.kind === 'link-down') this.core.linkDown(input.link);
      else this.hear(input.link, input.messages, at);
    }
    this.commitNext();
    this.armTimer();
  }

  private hear(link: number, messages: WorkerToMaster[], at: number): void {
    for (const message of messages)
      if (message.kind === 'hello' || message.kind === 'heartbeat') this.loads.set(message.worker, message.load);
    this.core.frame(link, messages, at);
  }

  private commitNext(): void {
    if (this.committing) return;
    const batch = this.core.flush(this.clock());
    if (!batch) return;
    this.checkPlaces(batch);
    for (const { run, error } of batch.problems)
      throw new Violation('defect', `the rules of run ${run} threw`, { cause: error });
    const { random, variant } = this.world;
    if (random.chance(this.world.faults.crashBeforeCommit)) return this.world.crashMaster(this, 'before its commit');
    if (variant.sendBeforeCommit) this.release(batch);
    if (variant.acksBeforeCommit) this.release(batch, (message) => message.kind === 'ack');
    if (variant.unfencedWhenNothingChanges && batch.changes.length === 0) return this.committed(batch, false);
    this.committing = true;
    const { core } = this;
    this.store.call(
      'commit',
      (model) => model.commit(this.fence, batch.changes),
      (result) => {
        this.committing = false;
        if (core !== this.core) return;
        const unknown = !result.ok && result.code === 'UNKNOWN_OUTCOME';
        if (result.ok || (unknown && variant.unknownOutcomeIs === 'executed'))
          this.committed(batch, result.ok && result.value > 0);
        else if (unknown && variant.unknownOutcomeIs === 'lost') this.schedulePump();
        else {
          if (result.code === 'FENCED' && batch.changes.length === 0)
            this.world.tally.count('path: fenced master had nothing to write and something to say');
          this.failed(result.code);
        }
      },
    );
  }

  /** `wroteCommands`: the commit itself holds commands, of children or of runs whose turn has come. */
  private committed(batch: Batch, wroteCommands: boolean): void {
    const { random, faults, variant } = this.world;
    if (random.chance(faults.crashBeforeSend)) return this.world.crashMaster(this, 'between its commit and sending');
    for (const change of batch.changes)
      if (change.kind === 'command-done') this.commandsInFlight.delete(change.command);
    if (!variant.sendBeforeCommit) this.release(batch);
    this.askStore(batch);
    if (random.chance(faults.crashAfterSend)) return this.world.crashMaster(this, 'after sending');
    if (wroteCommands) this.claim();
    this.schedulePump();
  }

  private release(batch: Batch, which: (message: MasterToWorker) => boolean = () => true): void {
    for (const [link, all] of batch.sends) {
      const messages = all.filter(which);
      const connection = this.links.get(link);
      if (!connection) continue;
      this.world.released(this.id, connection.ends.workerId, messages);
      connection.toWorker.send(messages);
    }
  }

  /** What the rules want to know, and what only the store can say where there are several masters. */
  private askStore(batch: Batch): void {
    const { core } = this;
    for (const question of batch.questions) this.askFor(question);
    for (const stranger of batch.strangers) {
      const { run } = parseAttemptId(stranger.attempt)!;
      this.ask(
        (model) => model.loadRuns([run])[0] ?? null,
        (stored) => core.strangerKnown(stranger, stored),
      );
    }
    const { permits } = batch;
    if (permits)
      this.ask(
        (model) => model.takePermits(this.fence, permits, this.world.tally),
        (granted) => core.permitsGranted(granted, this.clock()),
        'write',
      );
    for (const worker of batch.silent)
      this.ask(
        (model) => model.workerSeenAt(worker),
        (seenAt) => core.workerSeen(worker, seenAt, this.clock()),
      );
  }

  private askFor(question: Question): void {
    const { core } = this;
    const { run } = question;
    this.ask(
      (model) => answerTo(model, question),
      (answer) => {
        const at = this.clock();
        if (answer.kind === 'gate-checked' || question.kind === 'check-gate')
          return answer.kind === 'gate-checked' && core.answer(run, { ...answer, at });
        const { task } = question;
        if (answer.kind === 'upstream-checked') {
          this.world.upstreamChecked(formatAttemptId({ run, task, n: answer.n }), answer.verdict);
        }
        core.answer(run, { ...answer, task, at, random: this.world.random.next() });
      },
    );
  }

  /** Until there is an answer; a core that has been dropped since asks again by itself. */
  private ask<T>(question: (model: StoreModel) => T, tell: (answer: T) => void, how: 'read' | 'write' = 'read'): void {
    const { core } = this;
    const answered = (result: StoreResult<T>): void => {
      if (core !== this.core || this.state !== 'running') return;
      if (!result.ok) return this.actor.after(ASK_AGAIN_MS, () => this.ask(question, tell, how));
      tell(result.value);
      this.schedulePump();
    };
    if (how === 'read') this.store.read(question, answered);
    else this.store.call('permits', question, answered);
  }

  private failed(code: StoreFailure): void {
    if (code === 'FENCED') return this.over();
    if (this.state === 'stopping') return this.stopped();
    this.recover();
  }

  /** What memory believes is no longer certain. */
  private recover(): void {
    this.world.tally.count('path: master dropped its memory');
    this.world.trace(() => `${this.id}: commit failed, reading everything again`);
    this.state = 'recovering';
    this.commandsInFlight.clear();
    this.claimedTo = null;
    this.mailbox = [];
    this.closeLinks();
    this.claiming = false;
    this.claimAgain = false;
    this.adopting = false;
    this.begin([this.id], 0);
  }

  private closeLinks(): void {
    for (const connection of this.links.values()) this.world.network.close(connection, 5, 0);
    this.links.clear();
  }

  private armTimer(): void {
    const next = this.core.nextTickAt();
    if (next === null || next >= this.wakeAt) return;
    this.wakeAt = next;
    this.actor.after(next - this.clock(), () => {
      this.wakeAt = Infinity;
      this.schedulePump();
    });
  }

  // -------------------------------------------------------------------------------------------------- commands

  /** The API wrote a command: a hint, nothing more. */
  commandHint(): void {
    if (this.state === 'running') this.claim();
  }

  private claim(): void {
    if (this.claiming) {
      this.claimAgain = true;
      return;
    }
    this.claiming = true;
    const { core } = this;
    const stop = (code: StoreFailure | null): void => {
      if (core !== this.core) return;
      this.claiming = false;
      // What was claimed and not carried out must not be overtaken by what comes later.
      if (code !== null && !this.world.variant.commandsOvertake) this.claimedTo = null;
      if (code === 'FENCED') return this.over();
      if (!this.claimAgain || this.state !== 'running') return;
      this.claimAgain = false;
      this.claim();
    };
    const after = this.claimedTo;
    this.store.call(
      'claim',
      (model) => model.claimCommands(this.fence, after, COMMANDS_PER_CLAIM, this.overloaded),
      (result) => {
        if (core !== this.core) return;
        if (!result.ok) return stop(result.code);
        const commands = result.value;
        const fresh = commands.filter((command) => !this.commandsInFlight.has(command.id));
        const overtaking = after !== this.claimedTo || (after !== null && this.hasOlderOnes(fresh));
        if (overtaking && !this.world.variant.commandsOvertake) {
          this.claimedTo = null;
          this.claimAgain = true;
          return stop(null);
        }
        this.claimedTo = commands.at(-1)?.id ?? this.claimedTo;
        const missing = [...new Set(fresh.map((command) => command.run))].filter((run) => !core.runs.has(run));
        this.openRuns(
          missing,
          () => {
            this.carryOut(fresh);
            if (commands.length === COMMANDS_PER_CLAIM) this.claimAgain = true;
            stop(null);
          },
          stop,
        );
      },
    );
  }

  /** A run that has come from another master: some of its commands may be older than what was claimed before. */
  private hasOlderOnes(fresh: Command[]): boolean {
    const known = new Set(this.core.runs.keys());
    return fresh.some(({ run, action }) => {
      const isNew = !known.has(run) && action.kind === 'start';
      if (isNew) known.add(run);
      return !known.has(run);
    });
  }

  private carryOut(commands: Command[]): void {
    if (this.state !== 'running') return;
    for (const command of commands) {
      if (this.commandsInFlight.has(command.id)) continue;
      this.commandsInFlight.add(command.id);
      this.core.command(command, this.clock());
    }
    this.pump();
  }

  // ------------------------------------------------------------------------------------------------------- end

  private stopped: () => void = () => {};

  /** Commits what it has decided, hands its runs back and ends; `done` is told, however it went. */
  stop(done: () => void): void {
    if (this.state === 'stopping') return;
    if (this.state !== 'running') return done();
    this.stopped = done;
    if (this.world.variant.releasesTooEarly) return this.handBack(() => this.actor.after(3_000, done));
    this.state = 'stopping';
    this.windDown();
  }

  private windDown(): void {
    if (this.state !== 'stopping') return;
    this.pump();
    if (this.committing || this.claiming || this.adopting) return this.actor.after(20, () => this.windDown());
    this.state = 'over';
    this.closeLinks();
    this.handBack(this.stopped);
  }

  private handBack(then: () => void): void {
    this.store.call(
      'release',
      (model) => model.releaseRuns(this.fence),
      (result) => {
        if (result.ok && result.value > 0) this.world.tally.count('path: master handed its runs back');
        if (!result.ok) this.world.tally.count('path: master could not hand its runs back');
        then();
      },
    );
  }

  /** Somebody took over: forget everything; a supervisor of processes starts a new one. */
  private over(): void {
    if (this.state === 'over') return;
    this.world.tally.count('path: master found itself fenced');
    this.world.trace(() => `${this.id}: fenced`);
    this.state = 'over';
    this.closeLinks();
    this.world.masterOver(this);
  }
}

/** So that a batch's durable part can be named in a trace. */
export function describeChanges(changes: readonly Change[]): string {
  return changes.map(describeChange).join(', ');
}

function describeChange(change: Change): string {
  switch (change.kind) {
    case 'run':
      return `run ${change.status.run} ${change.status.state}`;
    case 'task-run':
      return `task ${change.record.run}.${change.record.task} ${change.record.state}`;
    case 'attempt': {
      const { run, task, n, state, worker } = change.record;
      return `attempt ${run}.${task}.${n} ${state} on ${worker}`;
    }
    case 'late-result':
      return `attempt ${change.run}.${change.task}.${change.n} says late that it ${change.result.state}`;
    case 'command-done':
      return `command ${change.command} ${change.outcome.kind}`;
    case 'worker':
      return `worker ${change.record.id} ${change.record.state}`;
    case 'start-child':
      return `child of ${nameOf(change.parent)}: ${change.child.workflow}`;
    case 'child-command':
      return `${change.action.kind} for the child of ${nameOf(change.parent)}`;
    default:
      return change.kind;
  }
}

function nameOf({ run, task, attempt }: ParentLink): string {
  return `${run}.${task}.${attempt}`;
}
