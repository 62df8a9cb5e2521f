/** Chooses when machines and processes die, stop or lose each other. */
import type { Faults } from './faults.ts';
import type { Host } from './host.ts';
import type { Random } from './random.ts';
import type { World } from './world.ts';

type Blow = { [Key in keyof Faults]: Faults[Key] extends number ? Key : never }[keyof Faults];

/** Past the lease of a master, and past what it waits for a silent worker. */
const MASTER_PAUSE_MAX_MS = 150_000;
/** Less than what masters wait beyond the execution lease: nobody else can kill what a stopped supervisor holds. */
const SUPERVISOR_PAUSE_MAX_MS = 12_000;

export class Nemesis {
  private readonly world: World;
  private readonly random: Random;
  private over = false;

  constructor(world: World, random: Random) {
    this.world = world;
    this.random = random;
    this.repeat('masterCrashMs', () => this.crashMaster());
    this.repeat('masterPauseMs', () => this.pauseMaster());
    this.repeat('masterStopMs', () => this.stopMaster());
    this.repeat('masterBusyMs', () => this.overloadMaster());
    this.repeat('agentCrashMs', () => this.random.pick(this.world.hosts).crashAgent(this.absenceMs()));
    this.repeat('agentPauseMs', () => this.pauseAgent());
    this.repeat('agentDrainMs', () =>
      this.random
        .pick(this.world.hosts)
        .upgradeAgent(this.random.skewed(100, 40_000), this.random.between(200, 20_000)),
    );
    this.repeat('operatorDrainMs', () => this.drainWorker());
    this.repeat('supervisorCrashMs', () =>
      this.random.pick(this.world.hosts).crashSupervisor(this.random.between(50, 5_000)),
    );
    this.repeat('supervisorPauseMs', () => this.pauseSupervisor());
    this.repeat('hostSuspendMs', () => this.random.pick(this.world.hosts).suspend(this.random.skewed(1_000, 300_000)));
    this.repeat('hostBusyMs', () => this.overload());
    this.repeat('rollingRestartMs', () => this.restartEverything());
    this.repeat('hostRebootMs', () => this.cutPower(this.random.pick(this.world.hosts)));
    this.repeat('partitionMs', () => this.partition());
    this.repeat('storeOutageMs', () => this.world.storeDown(this.random.skewed(200, 60_000)));
  }

  private repeat(kind: Blow, blow: () => void): void {
    const meanMs = this.world.faults[kind];
    if (meanMs === Infinity) return;
    this.world.timeline.after(-Math.log(1 - this.random.next()) * meanMs, () => {
      if (this.over) return;
      blow();
      this.repeat(kind, blow);
    });
  }

  end(): void {
    this.over = true;
  }

  /** Of an agent: until it is started again, or until somebody notices; then masters have given its attempts up. */
  private absenceMs(): number {
    return this.random.between(100, this.random.pick([2_000, 20_000, 180_000]));
  }

  private crashMaster(): void {
    const master = this.world.master(this.random.whole(0, this.world.masterSlots - 1));
    if (master) this.world.crashMaster(master, 'at some time');
  }

  private pauseMaster(): void {
    const master = this.world.master(this.random.whole(0, this.world.masterSlots - 1));
    if (master) this.pause(master.actor, 'master', MASTER_PAUSE_MAX_MS);
  }

  private pauseAgent(): void {
    const { agent } = this.random.pick(this.world.hosts);
    if (agent) this.pause(agent.actor, 'agent', 120_000);
  }

  private pauseSupervisor(): void {
    const { supervisor } = this.random.pick(this.world.hosts);
    if (supervisor) this.pause(supervisor.actor, 'supervisor', SUPERVISOR_PAUSE_MAX_MS);
  }

  private stopMaster(): void {
    const master = this.world.master(this.random.whole(0, this.world.masterSlots - 1));
    if (master) this.world.stopMaster(master, this.random.skewed(50, 40_000));
  }

  private overloadMaster(): void {
    const master = this.world.master(this.random.whole(0, this.world.masterSlots - 1));
    if (!master) return;
    this.world.tally.count('fault: master overloaded');
    master.overload(this.random.skewed(1_000, 60_000));
  }

  private overload(): void {
    const what = this.random.pick(['load', 'memory', 'disk'] as const);
    this.random.pick(this.world.hosts).overload(what, this.random.skewed(1_000, 90_000));
  }

  /** As an upgrade does it: nothing is without its successor for long, and tasks go on. */
  private restartEverything(): void {
    const { world, random } = this;
    world.tally.count('fault: rolling restart of everything');
    world.trace(() => 'everything is restarted, one after the other');
    let afterMs = 0;
    const next = (action: () => void): void => {
      world.timeline.after(afterMs, () => this.over || action());
      afterMs += random.between(1_000, 8_000);
    };
    for (let slot = 0; slot < world.masterSlots; slot++) {
      next(() => {
        const master = world.master(slot);
        if (master) world.stopMaster(master, random.between(50, 3_000));
      });
    }
    for (const host of world.hosts) {
      next(() => host.upgradeAgent(random.between(50, 5_000), random.between(50, 3_000)));
      next(() => host.crashSupervisor(random.between(50, 1_000)));
    }
  }

  private pause(actor: { paused: boolean; pause(): void; resume(): void }, what: string, maxMs: number): void {
    if (actor.paused) return;
    this.world.tally.count(`fault: ${what} paused`);
    this.world.trace(() => `${what} paused`);
    actor.pause();
    this.world.timeline.after(this.random.skewed(500, maxMs), () => actor.resume());
  }

  /** When it is back it fails again now and then. */
  private cutPower(host: Host): void {
    if (!host.hasPower) return;
    const downMs = this.random.skewed(3_000, 100_000);
    host.reboot(downMs);
    if (!this.random.chance(0.5)) return;
    this.world.timeline.after(downMs + this.random.between(1_000, 30_000), () => this.over || this.cutPower(host));
  }

  private drainWorker(): void {
    const { name } = this.random.pick(this.world.hosts).options;
    this.world.tally.count('people: worker drained');
    this.world.trace(() => `${name} is drained`);
    this.world.drained.add(name);
    this.world.timeline.after(this.random.skewed(1_000, 60_000), () => {
      this.world.trace(() => `${name} is drained no more`);
      this.world.drained.delete(name);
    });
  }

  private partition(): void {
    const host = this.random.pick(this.world.hosts).options.name;
    const master = `m${this.random.whole(0, this.world.masterSlots - 1)}`;
    const forMs = this.random.skewed(2_000, 150_000);
    const ways = this.random.pick([
      [`${host}>${master}`],
      [`${master}>${host}`],
      [`${host}>${master}`, `${master}>${host}`],
    ]);
    this.world.tally.count(ways.length === 1 ? 'fault: one-way partition' : 'fault: partition');
    this.world.trace(() => `no frames ${ways.join(' and ')} for ${Math.round(forMs)} ms`);
    for (const way of ways) this.world.network.block(way, forMs);
  }
}
