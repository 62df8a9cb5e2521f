/**
 * Connections between agents and masters. While one lives its frames arrive in order, except what the faults do to them:
 * lost, delivered twice, held up, broken off. A break loses what is in flight, and each end learns of it in its own time.
 */
import type { MasterToWorker, WorkerId, WorkerToMaster } from '@pelorus/protocol';
import type { Faults } from './faults.ts';
import type { Random } from './random.ts';
import type { Tally } from './tally.ts';
import type { Actor, Timeline } from './timeline.ts';

export interface End<In> {
  actor: Actor;
  received: (messages: In[]) => void;
  closed: () => void;
}

export interface NetworkContext {
  timeline: Timeline;
  random: Random;
  tally: Tally;
  faults: () => Faults;
  trace: (line: () => string) => void;
}

type Message = MasterToWorker | WorkerToMaster;

/** One way of a connection. */
class Pipe<M extends Message> {
  private readonly network: Network;
  private readonly connection: Connection;
  private readonly to: End<M>;
  private readonly route: string;
  private arrivesFrom = 0;

  constructor(network: Network, connection: Connection, to: End<M>, route: string) {
    this.network = network;
    this.connection = connection;
    this.to = to;
    this.route = route;
  }

  send(messages: M[]): void {
    if (messages.length === 0 || !this.connection.alive) return;
    const { random, tally, timeline } = this.network.context;
    const faults = this.network.context.faults();
    const frame = JSON.stringify(messages);
    if (random.chance(faults.breakLink)) return this.network.break(this.connection);
    if (random.chance(faults.dropFrame)) {
      tally.count('fault: frame lost');
      // A handshake that is lost takes the connection with it; everything else must survive the loss of a frame.
      if (messages.some(isHandshake)) this.network.break(this.connection);
      return;
    }
    if (random.chance(faults.delayFrame) && !messages.some(isHandshake)) {
      tally.count('fault: frame overtaken by others');
      return this.deliver(frame, random.skewed(1, 60_000));
    }
    if (random.chance(faults.stallFrame)) {
      tally.count('fault: frames held up');
      this.arrivesFrom = timeline.now + random.skewed(1_000, 120_000);
    }
    const [low, high] = faults.frameDelayMs;
    const delayed = timeline.now + random.between(low, high);
    this.arrivesFrom = Math.max(this.arrivesFrom, delayed, this.network.blockedUntil(this.route));
    this.deliver(frame, this.arrivesFrom - timeline.now);
    if (!random.chance(faults.duplicateFrame)) return;
    tally.count('fault: frame delivered twice');
    this.deliver(frame, this.arrivesFrom - timeline.now + random.skewed(1, 90_000));
  }

  private deliver(frame: string, delayMs: number): void {
    this.to.actor.after(delayMs, () => {
      if (this.connection.alive) this.to.received(JSON.parse(frame) as M[]);
    });
  }
}

function isHandshake(message: Message): boolean {
  return message.kind === 'hello' || message.kind === 'welcome';
}

export class Connection {
  alive = true;
  readonly toMaster: Pipe<WorkerToMaster>;
  readonly toWorker: Pipe<MasterToWorker>;
  readonly ends: {
    host: string;
    workerId: WorkerId;
    worker: End<MasterToWorker>;
    master: End<WorkerToMaster>;
    slot: number;
  };

  constructor(network: Network, ends: Connection['ends']) {
    this.ends = ends;
    this.toMaster = new Pipe(network, this, ends.master, `${ends.host}>m${ends.slot}`);
    this.toWorker = new Pipe(network, this, ends.worker, `m${ends.slot}>${ends.host}`);
  }
}

export class Network {
  readonly context: NetworkContext;
  private readonly blocked = new Map<string, number>();
  private readonly open = new Set<Connection>();

  constructor(context: NetworkContext) {
    this.context = context;
  }

  connect(ends: Connection['ends']): Connection {
    const connection = new Connection(this, ends);
    this.open.add(connection);
    return connection;
  }

  /** Neither end did it; each finds out by itself, at once or much later. */
  break(connection: Connection): void {
    if (!connection.alive) return;
    const { random, tally } = this.context;
    tally.count('fault: link broken');
    this.close(
      connection,
      random.chance(0.5) ? 1 : random.between(1, 25_000),
      random.chance(0.5) ? 1 : random.between(1, 25_000),
    );
  }

  close(connection: Connection, workerLearnsAfterMs: number, masterLearnsAfterMs: number): void {
    if (!connection.alive) return;
    connection.alive = false;
    this.open.delete(connection);
    const { worker, master } = connection.ends;
    worker.actor.after(workerLearnsAfterMs, worker.closed);
    master.actor.after(masterLearnsAfterMs, master.closed);
  }

  /** All connections of a process that is gone. */
  closeAllOf(actor: Actor, learnAfterMs: number): void {
    for (const connection of [...this.open]) {
      const { worker, master } = connection.ends;
      if (worker.actor === actor || master.actor === actor) this.close(connection, learnAfterMs, learnAfterMs);
    }
  }

  random(): Connection | null {
    return this.open.size === 0 ? null : this.context.random.pick([...this.open]);
  }

  /** Frames of this route (`host>m0`, `m0>host`) wait until then. */
  block(route: string, forMs: number): void {
    this.blocked.set(route, this.context.timeline.now + forMs);
  }

  blockedUntil(route: string): number {
    return this.blocked.get(route) ?? 0;
  }

  heal(): void {
    this.blocked.clear();
  }
}
