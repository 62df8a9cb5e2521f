/**
 * Everything of one history in one place: time, chance, the store's model, the network, hosts, masters and what observes
 * them. Owns who is alive and what the faults are now; knows nothing of rules or invariants.
 */
import type { AttemptId, MasterId, MasterToWorker, WorkerId, WorkerToMaster } from '@pelorus/protocol';
import { masterIdOf } from '@pelorus/protocol';
import type { AttemptOutcome } from '@pelorus/protocol';
import type { UpstreamVerdict } from '../src/index.ts';
import type { Checker } from './checker.ts';
import { type Faults, NO_FAULTS } from './faults.ts';
import { Host, type HostOptions } from './host.ts';
import { Ledger, type SimProcess } from './ledger.ts';
import { MasterProcess } from './master-process.ts';
import { Network } from './network.ts';
import type { Random } from './random.ts';
import { ScheduleModel } from './schedules.ts';
import { MASTER_LEASE_MS, StoreModel } from './store-model.ts';
import { Tally } from './tally.ts';
import { Timeline } from './timeline.ts';
import type { Variant } from './variant.ts';

export interface WorldOptions {
  seed: number;
  random: Random;
  faults: Faults;
  variant: Variant;
  masterSlots: number;
  withSchedules: boolean;
  hosts: HostOptions[];
  /** Sizes by name. */
  taskGroups: ReadonlyMap<string, number>;
  /** Null: nobody listens, which is faster. */
  trace: ((line: string) => void) | null;
}

export class World {
  readonly timeline = new Timeline();
  readonly tally = new Tally();
  readonly ledger = new Ledger((host) => this.hosts.find(({ options }) => options.name === host)!.awake);
  /** What the store said to the questions of each attempt of a `dependent` task. */
  readonly verdicts = new Map<AttemptId, Set<UpstreamVerdict['kind']>>();
  readonly seed: number;
  readonly random: Random;
  readonly variant: Variant;
  readonly masterSlots: number;
  readonly withSchedules: boolean;
  readonly network: Network;
  readonly store: StoreModel;
  readonly schedules: ScheduleModel;
  readonly hosts: Host[];
  readonly taskGroups: ReadonlyMap<string, number>;
  /** Names of workers that somebody drained. */
  readonly drained = new Set<string>();
  /** Attempts that some master has placed. */
  readonly placedAttempts = new Set<AttemptId>();
  checker!: Checker;
  faults: Faults;
  private readonly masters: (MasterProcess | null)[];
  private readonly incarnations: MasterId[][];
  private readonly print: WorldOptions['trace'];
  private storeDownUntil = 0;

  constructor(options: WorldOptions) {
    this.seed = options.seed;
    this.random = options.random;
    this.faults = options.faults;
    this.variant = options.variant;
    this.masterSlots = options.masterSlots;
    this.withSchedules = options.withSchedules;
    this.print = options.trace;
    this.taskGroups = options.taskGroups;
    const { timeline, tally } = this;
    const trace = (line: () => string): void => this.trace(line);
    this.network = new Network({
      timeline,
      tally,
      random: options.random.fork('network'),
      faults: () => this.faults,
      trace,
    });
    this.store = new StoreModel({
      fenceChecked: options.variant.fenceNotChecked !== true,
      childEndsTold: options.variant.childEndsNotTold !== true,
      turns: options.variant.turns ?? 'passed',
      turnsForgetPause: options.variant.turnsForgetPause === true,
      takesWithoutFencing: options.variant.takesWithoutFencing === true,
      releaseKeepsMaster: options.variant.releasesTooEarly === true,
      taskGroups: options.taskGroups,
      now: () => timeline.now,
      committed: (fence, changes, before) => this.checker.committed(fence, changes, before),
    });
    this.schedules = new ScheduleModel(this.store, options.variant.ticks, () => this.checker.ticked());
    this.hosts = options.hosts.map((host) => new Host(this, host));
    this.masters = Array.from({ length: options.masterSlots }, () => null);
    this.incarnations = this.masters.map(() => []);
  }

  start(): void {
    for (let slot = 0; slot < this.masterSlots; slot++) this.startMaster(slot);
    for (const host of this.hosts) host.boot();
  }

  trace(line: () => string): void {
    this.print?.(`${((this.timeline.now - Date.UTC(2026, 0, 1)) / 1000).toFixed(3).padStart(9)}s  ${line()}`);
  }

  // -------------------------------------------------------------------------------------------------- masters

  master(slot: number): MasterProcess | null {
    return this.masters[slot] ?? null;
  }

  newMasterId(slot: number): MasterId {
    const ids = this.incarnations[slot]!;
    const id = masterIdOf(`m${slot}.${ids.length + 1}`);
    ids.push(id);
    return id;
  }

  /** A lone master holds the data directory's lock: whoever held it before is dead. One of several cannot know that. */
  predecessorsKnownDead(slot: number): MasterId[] {
    return this.masterSlots === 1 ? [...this.incarnations[slot]!] : [];
  }

  private startMaster(slot: number): void {
    if (this.masters[slot]) return;
    this.trace(() => `m${slot}: starts`);
    this.masters[slot] = new MasterProcess(this, slot);
  }

  crashMaster(master: MasterProcess, when: string): void {
    if (!master.actor.alive) return;
    this.tally.count(`fault: master crashed ${when}`);
    this.trace(() => `${master.id}: crashes ${when}`);
    this.endMaster(master, this.random.skewed(50, 40_000));
  }

  /** Somebody asks it to end; the next one comes a little later. */
  stopMaster(master: MasterProcess, restartAfterMs: number): void {
    if (!master.actor.alive || master.actor.paused) return;
    this.tally.count('fault: master asked to end');
    this.trace(() => `${master.id}: asked to end`);
    master.stop(() => this.endMaster(master, restartAfterMs));
  }

  /** It found out by itself that it is no longer in charge. */
  masterOver(master: MasterProcess): void {
    this.endMaster(master, this.random.between(50, 3_000));
  }

  private endMaster(master: MasterProcess, restartAfterMs: number): void {
    if (!master.actor.alive) return;
    master.actor.end();
    this.network.closeAllOf(master.actor, this.random.chance(0.8) ? 1 : 20_000);
    this.masters[master.slot] = null;
    this.timeline.after(restartAfterMs, () => this.startMaster(master.slot));
  }

  // ----------------------------------------------------------------------------------------------------- store

  storeDown(forMs: number): void {
    this.tally.count(forMs > MASTER_LEASE_MS ? 'fault: store outage past the lease of masters' : 'fault: store outage');
    this.trace(() => `the store is away for ${Math.round(forMs)} ms`);
    this.storeDownUntil = this.timeline.now + forMs;
  }

  storeIsDown(): boolean {
    return this.timeline.now < this.storeDownUntil;
  }

  // ------------------------------------------------------------------------------------------------ observation

  processStarted(process: SimProcess): void {
    this.trace(() => `${process.host}: process of ${process.attempt} starts`);
    this.checker.processStarts(process);
    this.ledger.start(process);
    this.tally.count('processes started');
  }

  processEnded(process: SimProcess, outcome: AttemptOutcome | null): void {
    this.trace(() => `${process.host}: process of ${process.attempt} ends ${outcome?.state ?? 'unseen'}`);
    this.ledger.end(process, this.timeline.now, outcome);
  }

  upstreamChecked(attempt: AttemptId, { kind, detail }: UpstreamVerdict): void {
    this.trace(() => `${attempt} is told: ${kind}, ${detail}`);
    this.tally.count(`upstream: ${kind}`);
    const told = this.verdicts.get(attempt);
    if (told) told.add(kind);
    else this.verdicts.set(attempt, new Set([kind]));
  }

  /** A master has it; `sentAt` by the clock of that agent. */
  heartbeatHeard(name: string, worker: WorkerId, sentAt: number): void {
    const host = this.hosts.find(({ options }) => options.name === name)!;
    host.heardTo = Math.max(host.heardTo, sentAt - host.clockOffs.get(worker)!);
  }

  reported(worker: WorkerId, messages: readonly WorkerToMaster[]): void {
    for (const message of messages) {
      if (message.kind !== 'heartbeat')
        this.trace(() => `${worker} says ${JSON.stringify(message.kind === 'report' ? message.report : message)}`);
    }
    this.checker.reported(worker, messages);
  }

  released(master: MasterId, worker: WorkerId, messages: readonly MasterToWorker[]): void {
    for (const message of messages)
      if (message.kind !== 'lease') this.trace(() => `${master} says to ${worker}: ${brief(message)}`);
    this.checker.released(master, worker, messages);
  }

  workerReceived(worker: WorkerId, messages: readonly MasterToWorker[]): void {
    for (const message of messages) if (message.kind !== 'lease') this.trace(() => `${worker} hears ${brief(message)}`);
    this.checker.workerReceived(worker, messages);
  }

  // ----------------------------------------------------------------------------------------------------- quiet

  /** From now on nothing goes wrong any more; what is down or stopped comes back as it was going to. */
  endFaults(): void {
    this.trace(() => 'faults end');
    this.faults = { ...NO_FAULTS, frameDelayMs: this.faults.frameDelayMs, storeDelayMs: this.faults.storeDelayMs };
    this.network.heal();
    this.schedules.end();
    this.storeDownUntil = 0;
  }
}

function brief(message: MasterToWorker): string {
  return message.kind === 'dispatch' ? `dispatch ${message.spec.attempt}` : JSON.stringify(message);
}
