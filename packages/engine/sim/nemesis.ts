/** Chooses when machines and processes die, stop or lose each other. */
import type { Faults } from './faults.ts';
import type { Random } from './random.ts';
import type { World } from './world.ts';

type Blow = { [Key in keyof Faults]: Faults[Key] extends number ? Key : never }[keyof Faults];

export class Nemesis {
  private readonly world: World;
  private readonly random: Random;
  private over = false;

  constructor(world: World, random: Random) {
    this.world = world;
    this.random = random;
    this.repeat('masterCrashMs', () => this.crashMaster());
    this.repeat('masterPauseMs', () => this.pauseMaster());
    this.repeat('agentCrashMs', () => this.random.pick(this.world.hosts).crashAgent(this.random.skewed(100, 120_000)));
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
    this.repeat('hostRebootMs', () => this.random.pick(this.world.hosts).reboot(this.random.between(3_000, 100_000)));
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

  private crashMaster(): void {
    const master = this.world.master(this.random.whole(0, this.world.masterSlots - 1));
    if (master) this.world.crashMaster(master, 'at some time');
  }

  private pauseMaster(): void {
    const master = this.world.master(this.random.whole(0, this.world.masterSlots - 1));
    if (master) this.pause(master.actor, 'master', 60_000);
  }

  private pauseAgent(): void {
    const { agent } = this.random.pick(this.world.hosts);
    if (agent) this.pause(agent.actor, 'agent', 120_000);
  }

  private pause(actor: { paused: boolean; pause(): void; resume(): void }, what: string, maxMs: number): void {
    if (actor.paused) return;
    this.world.tally.count(`fault: ${what} paused`);
    this.world.trace(() => `${what} paused`);
    actor.pause();
    this.world.timeline.after(this.random.skewed(500, maxMs), () => actor.resume());
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
