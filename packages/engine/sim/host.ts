/**
 * One worker machine: an agent (the real `WorkerCore` and a model of the shell around it) and a model of the supervisor
 * with its journal and its processes. Agent and supervisor die and come back apart from each other; a reboot takes all.
 *
 * Owns: the host's clock, the journal (survives everything), the processes, the agent's connections.
 * What is assumed of the real agent and supervisor, beyond their own contracts:
 * 1. The journal names an attempt before it is spawned, and a kill before it is signalled.
 * 2. An order that a supervisor has not read when its agent dies is never carried out later.
 * 3. The agent closes a connection on which nothing arrived for `SILENCE_MS`.
 * 4. A kill is over, and reported, when nothing of the attempt is left; what outlives the natural end of an attempt is swept
 *    right behind it.
 * 5. A supervisor that has died is followed within seconds by another, whether or not there is an agent: its guardian sees to that.
 * 6. Acknowledged reports are written down without a sync: a loss of power takes the last of them, and nothing of the journal.
 */
import {
  type AttemptId,
  type AttemptOutcome,
  type Cause,
  type MasterToWorker,
  parseAttemptId,
  type WorkerId,
  workerIdOf,
} from '@pelorus/protocol';
import {
  type HeldAttempt,
  type HostReading,
  type SettledReport,
  type SupervisorEvent,
  type SupervisorOrder,
  WorkerCore,
  type WorkerCoreOptions,
  type WorkerInput,
  executionDeadline,
} from '@pelorus/worker/core';
import { SCHEDULING_LEASE_MS } from '../src/index.ts';
import { type Behaviour, behaviourOf } from './behaviour.ts';
import type { SimProcess } from './ledger.ts';
import type { Connection } from './network.ts';
import { Random } from './random.ts';
import { Actor } from './timeline.ts';
import { Violation } from './violation.ts';
import type { World } from './world.ts';

const SILENCE_MS = 20_000;
const SEQUENCES_PER_INCARNATION = 1_000_000;
const READ_HOST_EVERY_MS = 2_000;
/** After its host woke up the supervisor has this long to end what has outlived its lease meanwhile. */
const WAKE_UP_MS = 1_500;
/** How long what a kill missed goes on. */
const ESCAPED_FOR_MS = 60_000;
const RESERVED_MEMORY_BYTES = 2 ** 30;
/** What was written down without a sync is on the disk after so long. */
const WRITE_BACK_MS = 30_000;

const AT_EASE: HostReading = {
  loadAverage: 1,
  cpuCount: 4,
  freeMemoryBytes: 8 * 2 ** 30,
  totalMemoryBytes: 16 * 2 ** 30,
  refusing: null,
};
const OVERLOADED = {
  load: { ...AT_EASE, loadAverage: 8.5 },
  memory: { ...AT_EASE, freeMemoryBytes: 2 ** 29 },
  disk: { ...AT_EASE, refusing: 'the disk is full' },
} satisfies Record<string, HostReading>;

export interface HostOptions {
  name: string;
  groups: string[];
  /** Types of tasks that it runs. */
  features: string[];
  slots: number;
  /** Of the host's clock against true time. */
  clockRate: number;
  clockOffsetMs: number;
}

interface JournalEntry {
  attempt: AttemptId;
  killGraceMs: number;
  executionLeaseMs: number;
  behaviour: Behaviour;
  state: 'starting' | 'running' | 'finished' | 'lost';
  startedAt: number;
  outcome: AttemptOutcome | null;
  detail: string;
  /** Journaled before the first signal. */
  kill: { reason: 'order' | 'lease'; cause: Cause; killAt: number } | null;
  process: SimProcess | null;
  /** How the first process of the attempt ended while others of it lived on and a kill was under way. */
  mainEnd: End | null;
}

type End = Pick<AttemptOutcome, 'state' | 'cause'>;

export class Host {
  readonly options: HostOptions;
  readonly world: World;
  readonly journal = new Map<AttemptId, JournalEntry>();
  renewedAt: number | null = null;
  incarnations: WorkerId[] = [];
  /** What its agents have written down of acknowledged reports, oldest first, and when. */
  private settled: { report: SettledReport; writtenAt: number }[] = [];
  supervisor: Supervisor | null = null;
  agent: Agent | null = null;
  /** What there is to read about its load now. */
  reading: HostReading = AT_EASE;
  /** What the wall clock was off when each incarnation read it, in ms. */
  readonly clockOffs = new Map<WorkerId, number>();
  /** The last instant at which a heartbeat was sent that some master has heard, by this host's clock. */
  heardTo = -Infinity;
  /** From its boot to the next failure. */
  hasPower = false;
  /** One for each boot. */
  private machine: Actor;
  private asleep = false;
  private wokeAt = -Infinity;

  constructor(world: World, options: HostOptions) {
    this.world = world;
    this.options = options;
    this.machine = new Actor(world.timeline);
  }

  /** The host's own idea of the time, in ms. It never steps. */
  clock(): number {
    return Math.floor(this.world.timeline.now * this.options.clockRate + this.options.clockOffsetMs);
  }

  private trueTimeOf(at: number): number {
    return (at - this.options.clockOffsetMs) / this.options.clockRate;
  }

  /** True milliseconds until the host's clock shows `at`. */
  until(at: number): number {
    return Math.max(0, this.trueTimeOf(at) - this.world.timeline.now);
  }

  boot(): void {
    this.hasPower = true;
    this.startSupervisor();
    this.startAgent();
  }

  startSupervisor(): void {
    if (this.supervisor) return;
    this.supervisor = new Supervisor(this);
    this.agent?.attached();
  }

  startAgent(): void {
    if (this.agent) return;
    // An agent that knows nothing of its predecessor's attempts must not speak for them.
    this.startSupervisor();
    if (this.supervisor!.actor.paused) return this.machine.after(500, () => this.startAgent());
    this.agent = new Agent(this);
  }

  crashAgent(restartAfterMs: number): void {
    if (!this.agent) return;
    this.world.tally.count('fault: agent crashed');
    this.world.trace(() => `${this.options.name}: agent crashes`);
    this.agent.die(1);
    this.agent = null;
    this.machine.after(restartAfterMs, () => this.startAgent());
  }

  /** Takes nothing new for `drainMs`, then says goodbye; the next one starts a little later. Tasks go on. */
  upgradeAgent(drainMs: number, restartAfterMs: number): void {
    const { agent } = this;
    if (!agent || agent.actor.paused) return;
    this.world.tally.count('fault: agent drained and replaced');
    this.world.trace(() => `${this.options.name}: agent drains`);
    agent.drain();
    agent.actor.after(drainMs, () => {
      agent.sayGoodbye();
      agent.actor.after(10, () => {
        agent.die(1);
        this.agent = null;
        this.machine.after(restartAfterMs, () => this.startAgent());
      });
    });
  }

  crashSupervisor(restartAfterMs: number): void {
    if (!this.supervisor) return;
    this.world.tally.count('fault: supervisor crashed');
    this.world.trace(() => `${this.options.name}: supervisor crashes`);
    this.supervisor.actor.end();
    this.supervisor = null;
    this.machine.after(restartAfterMs, () => {
      if (this.agent || !this.world.variant.supervisorHasNoGuardian) this.startSupervisor();
    });
  }

  /** Whether its processes execute, and have done so for longer than it takes to end those that must not. */
  get awake(): boolean {
    return !this.asleep && this.world.timeline.now > this.wokeAt + WAKE_UP_MS;
  }

  /** Everything on it stands still, but for its clock. */
  suspend(forMs: number): void {
    if (this.asleep) return;
    const { world } = this;
    world.tally.count('fault: host suspended');
    world.trace(() => `${this.options.name}: sleeps for ${Math.round(forMs)} ms`);
    this.asleep = true;
    const actors = [this.machine, this.agent?.actor, this.supervisor?.actor].filter((actor) => actor !== undefined);
    const { machine } = this;
    for (const actor of actors) actor.pause();
    world.timeline.after(forMs, () => {
      for (const actor of actors) actor.resume();
      if (machine === this.machine) this.wakeUp();
    });
  }

  private wakeUp(): void {
    const { world } = this;
    world.trace(() => `${this.options.name}: wakes up`);
    this.asleep = false;
    this.wokeAt = world.timeline.now;
    world.timeline.after(WAKE_UP_MS, () => {
      const supervised = this.supervisor && !this.supervisor.actor.paused;
      if (this.asleep || !supervised || this.supervisor!.actor.awakeSince > this.wokeAt) return;
      for (const { process } of this.journal.values()) if (process) world.checker.outlivedSleep(process);
    });
  }

  overload(what: keyof typeof OVERLOADED, forMs: number): void {
    this.world.tally.count(`fault: host overloaded (${what})`);
    this.world.trace(() => `${this.options.name}: ${what} at its limit for ${Math.round(forMs)} ms`);
    const reading = OVERLOADED[what];
    this.reading = reading;
    this.world.timeline.after(forMs, () => {
      if (this.reading === reading) this.reading = AT_EASE;
    });
  }

  /** Power is gone: nobody says goodbye, and what is on the disk is all that is left. */
  reboot(downMs: number): void {
    this.world.tally.count('fault: host rebooted');
    this.world.trace(() => `${this.options.name}: reboots`);
    this.hasPower = false;
    this.agent?.die(this.world.random.between(1, 30_000));
    this.agent = null;
    this.supervisor?.actor.end();
    this.supervisor = null;
    this.machine.end();
    this.machine = new Actor(this.world.timeline);
    this.asleep = false;
    this.reading = AT_EASE;
    // It is of the clock of a boot that is over.
    this.renewedAt = null;
    this.forgetUnsynced();
    for (const entry of this.journal.values()) {
      if (entry.process && entry.process.endedAt === null) this.world.processEnded(entry.process, null);
      if (entry.state === 'finished') continue;
      entry.state = 'lost';
      entry.detail = 'the host was rebooted';
    }
    this.machine.after(downMs, () => this.boot());
  }

  /** Acknowledged reports, for whoever asks again. */
  settle(reports: readonly SettledReport[]): void {
    for (const report of reports) this.settled.push({ report, writtenAt: this.world.timeline.now });
  }

  /** Those that its next agent begins with. */
  settledReports(): SettledReport[] {
    return this.settled.map(({ report }) => report);
  }

  private forgetUnsynced(): void {
    const syncedTo = this.world.timeline.now - WRITE_BACK_MS;
    const kept = this.settled.filter(({ writtenAt }) => writtenAt <= syncedTo);
    if (kept.length < this.settled.length) this.world.tally.count('path: acknowledged reports lost with the power');
    this.settled = kept;
  }

  held(): HeldAttempt[] {
    return [...this.journal.values()].map((entry) => {
      const { attempt, killGraceMs, executionLeaseMs } = entry;
      return { attempt, killGraceMs, executionLeaseMs, state: heldState(entry) };
    });
  }

  /** A process lives or dies whatever becomes of the supervisor; only who hears of it differs. */
  spawn(entry: JournalEntry): void {
    const key = parseAttemptId(entry.attempt)!;
    const startedAt = this.clock();
    const process: SimProcess = {
      attempt: entry.attempt,
      run: key.run,
      task: key.task,
      n: key.n,
      host: this.options.name,
      startedAt: this.world.timeline.now,
      endedAt: null,
      outcome: null,
    };
    Object.assign(entry, { state: 'running', startedAt, process });
    this.world.processStarted(process);
    this.machine.after(entry.behaviour.durationMs, () => this.mainEnds(entry, process, entry.behaviour.outcome));
  }

  term(entry: JournalEntry): void {
    const { process, behaviour } = entry;
    if (!process || behaviour.onTerm === 'ignores') return;
    this.machine.after(behaviour.termMs, () =>
      this.mainEnds(
        entry,
        process,
        behaviour.onTerm === 'exits'
          ? behaviour.outcome
          : { state: 'killed', cause: { kind: 'signal', name: 'SIGTERM' } },
      ),
    );
  }

  kill(entry: JournalEntry): void {
    const { process } = entry;
    const killed: End = { state: 'killed', cause: { kind: 'signal', name: 'SIGKILL' } };
    if (!process) return;
    this.machine.after(2, () => {
      if (this.world.variant.killsOnlyDirectChild) this.mainEnds(entry, process, killed);
      else this.exit(entry, process, entry.mainEnd ?? killed);
    });
  }

  /** What it has left behind lives on; unless it is being killed, that is not waited for. */
  private mainEnds(entry: JournalEntry, process: SimProcess, end: End): void {
    if (process.endedAt !== null || entry.mainEnd) return;
    if (!entry.kill || !entry.behaviour.escapes) return this.exit(entry, process, end);
    this.world.tally.count('path: something of a killed attempt outlived its first process');
    entry.mainEnd = end;
    if (!this.world.variant.killsOnlyDirectChild) return;
    this.machine.after(ESCAPED_FOR_MS, () => process.endedAt ?? this.world.processEnded(process, null));
    this.report(entry, end);
  }

  private exit(entry: JournalEntry, process: SimProcess, end: End): void {
    if (process.endedAt !== null) return;
    this.mustBeInTime(entry);
    this.world.processEnded(process, this.outcomeOf(entry, end));
    this.report(entry, end);
  }

  private report(entry: JournalEntry, end: End): void {
    entry.outcome = this.outcomeOf(entry, end);
    const { supervisor } = this;
    supervisor?.actor.do(() => supervisor.reaped(entry));
  }

  private outcomeOf({ behaviour, startedAt }: JournalEntry, end: End): AttemptOutcome {
    const outputs = end.state === 'succeeded' ? behaviour.outputs : {};
    return { ...end, outputs, outputsTruncated: false, startedAt, endedAt: this.clock() };
  }

  /** A supervisor that is there kills in time. */
  private mustBeInTime({ attempt }: JournalEntry): void {
    const { world, supervisor, renewedAt } = this;
    if (renewedAt === null || !supervisor || supervisor.actor.paused || !this.awake) return;
    const endsAt = this.trueTimeOf(renewedAt) + (world.checker.leases.get(attempt) ?? Infinity);
    if (world.timeline.now <= endsAt || supervisor.actor.awakeSince > endsAt - WAKE_UP_MS) return;
    const lateMs = Math.round(world.timeline.now - endsAt);
    throw new Violation('lease', `${attempt} lived on ${this.options.name} for ${lateMs} ms after its lease`);
  }
}

function heldState(entry: JournalEntry): HeldAttempt['state'] {
  switch (entry.state) {
    case 'starting':
      return { kind: 'starting' };
    case 'running':
      return { kind: 'running', startedAt: entry.startedAt };
    case 'finished':
      return { kind: 'finished', outcome: entry.outcome! };
    case 'lost':
      return { kind: 'lost', detail: entry.detail };
  }
}

/** Spawns, reaps, kills and enforces execution leases, whether or not an agent is there. */
class Supervisor {
  readonly actor: Actor;
  private readonly host: Host;

  constructor(host: Host) {
    this.host = host;
    this.actor = new Actor(host.world.timeline);
    for (const entry of host.journal.values()) this.findAgain(entry);
    this.tick();
  }

  /** By pid and start time: what runs is followed again, what ended has left its exit file. */
  private findAgain(entry: JournalEntry): void {
    if (entry.state === 'running' && entry.outcome) this.reaped(entry);
    if (entry.state === 'starting') {
      entry.state = 'lost';
      entry.detail = 'the supervisor ended while it was starting this';
    }
  }

  private tick(): void {
    this.actor.after(500, () => this.tick());
    if (!this.host.world.variant.supervisorIgnoresLeases)
      for (const entry of this.host.journal.values()) this.enforce(entry);
  }

  private enforce(entry: JournalEntry): void {
    const { host } = this;
    if (entry.state !== 'running' && entry.state !== 'starting') return;
    const now = host.clock();
    if (host.renewedAt === null) return;
    const { termAt, killAt } = executionDeadline(host.renewedAt, entry);
    if (!entry.kill && now >= termAt)
      this.beginKill(entry, { reason: 'lease', cause: { kind: 'error', detail: 'lease' }, killAt });
    if (entry.kill && now >= Math.min(entry.kill.killAt, killAt)) host.kill(entry);
  }

  private beginKill(entry: JournalEntry, kill: NonNullable<JournalEntry['kill']>): void {
    if (kill.reason === 'lease') this.host.world.tally.count('path: killed at the end of its execution lease');
    entry.kill = kill;
    this.host.term(entry);
  }

  order(order: SupervisorOrder): void {
    const { host } = this;
    switch (order.kind) {
      case 'start':
        return this.start(order.spec);
      case 'renew':
        if (order.renewedAt > host.heardTo)
          throw new Violation('lease', `${host.options.name} counts its leases from a heartbeat that nobody has heard`);
        host.renewedAt = Math.max(host.renewedAt ?? -Infinity, order.renewedAt);
        return;
      case 'forget':
        host.journal.delete(order.attempt);
        return;
      case 'kill': {
        const entry = host.journal.get(order.attempt);
        if (!entry || (entry.state !== 'running' && entry.state !== 'starting') || entry.kill) return;
        const killAt = host.clock() + order.graceMs;
        this.beginKill(entry, { reason: order.reason, cause: order.cause, killAt });
        this.actor.after(host.until(killAt), () => {
          if (entry.state === 'running') host.kill(entry);
        });
        return;
      }
      case 'probe':
        // No master of the simulation asks for one.
        return;
    }
  }

  private start(spec: Extract<SupervisorOrder, { kind: 'start' }>['spec']): void {
    const { host } = this;
    const { attempt, killGraceMs, executionLeaseMs } = spec;
    if (host.journal.has(attempt) && !host.world.variant.supervisorStartsTwice) return;
    const behaviour = behaviourOf(attempt, host.world.seed);
    const entry: JournalEntry = {
      attempt,
      killGraceMs,
      executionLeaseMs,
      behaviour,
      state: 'starting',
      startedAt: 0,
      outcome: null,
      detail: '',
      kill: null,
      process: null,
      mainEnd: null,
    };
    host.journal.set(attempt, entry);
    this.actor.after(behaviour.spawnMs, () => this.spawn(entry));
  }

  private spawn(entry: JournalEntry): void {
    const { host } = this;
    if (entry.state !== 'starting') return;
    const at = host.clock();
    if (entry.behaviour.cannotStart) {
      const cause: Cause = { kind: 'invalid', detail: 'its interpreter is missing' };
      Object.assign(entry, {
        state: 'finished',
        outcome: { state: 'failed', cause, outputs: {}, outputsTruncated: false, startedAt: at, endedAt: at },
      });
      return this.tell({ kind: 'cannot_start', attempt: entry.attempt, cause, at });
    }
    if (entry.kill) {
      entry.outcome = {
        state: 'killed',
        cause: entry.kill.cause,
        outputs: {},
        outputsTruncated: false,
        startedAt: at,
        endedAt: at,
      };
      return this.reaped(entry);
    }
    host.spawn(entry);
    this.tell({ kind: 'started', attempt: entry.attempt, startedAt: entry.startedAt });
  }

  reaped(entry: JournalEntry): void {
    const { attempt } = entry;
    if (entry.kill?.reason === 'lease') {
      Object.assign(entry, { state: 'lost', detail: 'killed: its execution lease was not renewed' });
      return this.tell({ kind: 'lost', attempt, detail: entry.detail });
    }
    entry.state = 'finished';
    const outcome = entry.outcome!;
    // Killed by somebody else than us (an operator's `kill`): a failure by signal.
    if (outcome.state === 'killed' && !entry.kill) entry.outcome = { ...outcome, state: 'failed' };
    this.tell({ kind: 'finished', attempt, outcome: entry.outcome! });
  }

  private tell(event: SupervisorEvent): void {
    this.host.agent?.heard(this, event);
  }
}

/** The shell around `WorkerCore`: dials every master, carries frames and orders, wakes it when it asks. */
class Agent {
  readonly actor: Actor;
  readonly id: WorkerId;
  private readonly host: Host;
  private readonly core: WorkerCore;
  /** Its clock is that of the boot, which the supervisor goes by, and what it once read on the wall. */
  private readonly clockOffMs: number;
  private readonly random: Random;
  private readonly connections = new Map<string, { connection: Connection; slot: number; heardAt: number }>();
  private readonly dialling = new Set<number>();
  private nextLink = 1;
  private wakeAt = Infinity;
  /** What it read last. */
  private reading: HostReading = AT_EASE;

  constructor(host: Host) {
    const { world, options } = host;
    this.host = host;
    this.actor = new Actor(world.timeline);
    const number = host.incarnations.length + 1;
    this.id = workerIdOf(`${options.name}.${number}`);
    this.random = new Random(world.random.whole(0, 0xffffffff));
    const adopted = host.supervisor ? host.held() : [];
    if (adopted.some((held) => held.state.kind === 'running'))
      world.tally.count('path: agent found running attempts again');
    if (adopted.some((held) => held.state.kind === 'finished'))
      world.tally.count('path: agent found results of its predecessor');
    const coreOptions: WorkerCoreOptions = {
      worker: this.id,
      name: options.name,
      host: options.name,
      groups: options.groups,
      features: options.features,
      slots: options.slots,
      reservedMemoryBytes: RESERVED_MEMORY_BYTES,
      adopted,
      supersedes: [...host.incarnations],
      settled: host.settledReports(),
      sequenceBase: number * SEQUENCES_PER_INCARNATION,
    };
    this.clockOffMs = Math.round(world.random.between(-1, 1) * world.faults.wallClockOffMs);
    host.clockOffs.set(this.id, this.clockOffMs);
    if (host.renewedAt !== null) coreOptions.renewedAt = host.renewedAt + this.clockOffMs;
    this.core = world.variant.workerCore?.(coreOptions) ?? new WorkerCore(coreOptions);
    host.incarnations.push(this.id);
    this.readHost();
    for (let slot = 0; slot < world.masterSlots; slot++) this.redial(slot);
    if (!world.variant.agentNeverHangsUp) this.actor.after(1_000, () => this.watch());
    this.wake();
  }

  /** That it would take one more attempt, as it says itself. */
  get hasRoom(): boolean {
    const { busy, draining, usedSlots, slots } = this.core.load;
    return !busy && !draining && usedSlots < slots && !this.actor.paused;
  }

  get idle(): boolean {
    return this.core.idle;
  }

  die(peersLearnAfterMs: number): void {
    this.actor.end();
    this.host.world.network.closeAllOf(this.actor, peersLearnAfterMs);
  }

  drain(): void {
    this.input({ kind: 'drain' });
  }

  sayGoodbye(): void {
    this.input({ kind: 'goodbye' });
  }

  /** A supervisor is back. */
  attached(): void {
    this.actor.after(5, () => {
      if (this.host.supervisor) this.input({ kind: 'supervisor-state', held: this.host.held() });
    });
  }

  heard(from: Supervisor, event: SupervisorEvent): void {
    this.actor.after(1, () => {
      if (this.host.supervisor === from) this.input({ kind: 'supervisor-events', events: [event] });
    });
  }

  private readHost(): void {
    this.actor.after(READ_HOST_EVERY_MS, () => this.readHost());
    this.reading = this.host.reading;
    this.input({ kind: 'host', reading: this.reading });
  }

  private input(input: WorkerInput): void {
    const { messages, orders } = this.core.handle(input, { now: this.clock(), chance: this.random.next });
    this.host.settle(this.core.takeSettled());
    const starts = input.kind === 'frame' && orders.some(({ kind }) => kind === 'start');
    if (starts && this.host.clock() > this.host.heardTo + SCHEDULING_LEASE_MS)
      throw new Violation('lease', `${this.id} starts something though its scheduling lease is over`);
    if (starts && this.reading !== AT_EASE)
      throw new Violation('overload', `${this.id} starts something though it is over its limits`);
    for (const { link, messages: frame } of messages) {
      this.host.world.reported(this.id, frame);
      this.connections.get(link)?.connection.toMaster.send(frame);
    }
    const { supervisor } = this.host;
    if (supervisor && orders.length > 0) {
      // Both must live until the order is read: see the second assumption.
      this.actor.after(1, () => {
        for (const order of orders) supervisor.actor.do(() => supervisor.order(this.onBootClock(order)));
      });
    }
    this.wake();
  }

  private clock(): number {
    return this.host.clock() + this.clockOffMs;
  }

  private onBootClock(order: SupervisorOrder): SupervisorOrder {
    return order.kind === 'renew' ? { ...order, renewedAt: order.renewedAt - this.clockOffMs } : order;
  }

  private wake(): void {
    const at = this.core.nextWakeAt;
    if (at >= this.wakeAt || at === Infinity) return;
    this.wakeAt = at;
    this.actor.after(this.host.until(at - this.clockOffMs) + 1, () => {
      this.wakeAt = Infinity;
      this.input({ kind: 'tick' });
    });
  }

  private redial(slot: number): void {
    if (this.dialling.has(slot)) return;
    this.dialling.add(slot);
    this.actor.after(this.random.between(50, 3_000), () => {
      this.dialling.delete(slot);
      if (!this.dial(slot)) this.redial(slot);
    });
  }

  private dial(slot: number): boolean {
    const { world, options } = this.host;
    const master = world.master(slot);
    const { network, timeline } = world;
    const blocked = Math.max(
      network.blockedUntil(`${options.name}>m${slot}`),
      network.blockedUntil(`m${slot}>${options.name}`),
    );
    if (!master || blocked > timeline.now) return false;
    const link = `${this.id}/${this.nextLink++}`;
    const connection = master.accept(options.name, this.id, {
      actor: this.actor,
      received: (messages) => this.received(link, messages),
      closed: () => this.closed(link),
    });
    if (!connection) return false;
    this.connections.set(link, { connection, slot, heardAt: timeline.now });
    this.input({ kind: 'link-up', link });
    return true;
  }

  private received(link: string, messages: MasterToWorker[]): void {
    const open = this.connections.get(link);
    if (!open) return;
    open.heardAt = this.host.world.timeline.now;
    this.host.world.workerReceived(this.id, messages);
    this.input({ kind: 'frame', link, messages });
  }

  private closed(link: string): void {
    const open = this.connections.get(link);
    if (!open) return;
    this.connections.delete(link);
    this.input({ kind: 'link-down', link });
    this.redial(open.slot);
  }

  private watch(): void {
    this.actor.after(1_000, () => this.watch());
    const { timeline, network, tally } = this.host.world;
    for (const [link, { connection, heardAt }] of this.connections) {
      if (timeline.now - heardAt <= SILENCE_MS) continue;
      tally.count('path: agent hung up on a silent master');
      network.close(connection, 1, this.random.between(1, 10_000));
      this.closed(link);
    }
  }
}
