/**
 * The agent: runs the worker's machine ({@link WorkerCore}) against real links, one per master, the supervisor and the clock. It holds no
 * state of its own worth keeping: what must survive it is the supervisor's.
 *
 * Start: attach to the supervisor (one agent at a time, so one worker per data directory), learn what it holds, write
 * down this incarnation, only then say hello. Stop: goodbye, let go of the supervisor; tasks go on unless asked otherwise.
 */
import { randomBytes } from 'node:crypto';
import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import { availableParallelism, hostname } from 'node:os';
import { join, resolve } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import {
  LIMITS,
  workerIdOf,
  type MasterId,
  type MasterToWorker,
  type WorkerId,
  type WorkerLink,
} from '@pelorus/protocol';
import { bootClockMs } from './boot-clock.ts';
import {
  WorkerCore,
  type HeldAttempt,
  type LinkId,
  type SettledReport,
  type SupervisorEvent,
  type SupervisorOrder,
  type WorkerInput,
  type WorkerTally,
} from './core.ts';
import { createHostReader } from './host-reader.ts';
import { LogRoute } from './log-route.ts';
import { LogShipper, type ShipLimits } from './log-shipper.ts';
import { keepLinked, type LinkEnd, type MasterAddress } from './master-links.ts';
import { SettledResults } from './settled-results.ts';
import { connectSupervisor, type SupervisorConnection } from './supervisor/client.ts';
import type { AttemptLimits, SupervisorToAgent } from './supervisor/messages.ts';

/** The part of a pino logger that is used. */
export interface WorkerLog {
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

export interface WorkerOptions {
  /** The worker's own directory: attempts, journals, the supervisor's socket. One worker at a time. */
  dataDir: string;
  /** Attempt logs go to `<logDir>/<runId>/<attemptId>.log`. */
  logDir: string;
  name: string;
  /** Default: the host's name. */
  host?: string;
  /** Attempts at a time; default 100. */
  slots?: number;
  /** Default `['default']`. */
  groups?: string[];
  /** Default 4,000. */
  heartbeatMs?: number;
  /** 1-minute load average above which nothing new is taken; −1 (default): twice the cores. */
  maxLoadAverage?: number;
  /** Default 0.3 GiB. */
  reservedMemoryBytes?: number;
  /** What one attempt may take. */
  attemptLimits?: Partial<Omit<AttemptLimits, 'allMemoryBytes'>>;
  /** Most processes for script, http and sql attempts; default min(slots, 2 × cores, 32). */
  poolProcesses?: number;
  /** Longest log of one attempt; default: the product's limit. */
  logBytesPerAttempt?: number;
  /** With less room than this on the logs' disk, a task's output goes through a pipe, so that a full disk does not fail it; default 256 MiB. */
  logRoomBytes?: number;
  /** How long it is tried to stop on its server what a killed attempt had asked for; default 15,000. */
  cancelLimitMs?: number;
  /**
   * Logs are sent to the master, and deleted here when the log store has them. Default false: they stay, for a log store that
   * reads the very files that are written here.
   */
  shipsLogs?: boolean;
  shipLimits?: Partial<ShipLimits>;
  /** The supervisor ends this long after its last agent left, if nothing runs; default 5,000. */
  supervisorLonelyMs?: number;
  /** Opens a connection to the one master there is; called again, with back-off, whenever the last one broke. */
  connect?: () => Promise<WorkerLink>;
  /** The masters there are, asked again every 10 s: one link is kept to each. Instead of `connect`. */
  masters?: () => Promise<MasterAddress[]>;
  log: WorkerLog;
}

export interface Worker {
  /** This incarnation. */
  readonly id: WorkerId;
  readonly usedSlots: number;
  /** As of now. */
  figures(): WorkerFigures;
  /** Masters that it is connected to. */
  readonly linkCount: number;
  /** Process id of the supervisor it is attached to; 0 while there is none. */
  readonly supervisorPid: number;
  /** Takes nothing new; resolves when all attempts have ended and their results are acknowledged. */
  drain(): Promise<void>;
  /** Says goodbye and lets go. Tasks and supervisor go on unless `stopTasks`, which kills all and waits for it. */
  stop(options?: { stopTasks?: boolean }): Promise<void>;
}

/** What a worker says of itself to whoever measures it; `attempts` and `refused` count since its start. */
export interface WorkerFigures extends WorkerTally {
  slots: number;
  usedSlots: number;
  /** Over a limit of load or memory: it takes nothing. */
  busy: boolean;
  draining: boolean;
  /** Links to masters that are up. */
  links: number;
  /** Null: its logs stay where they are. */
  logs: { logs: number; unshippedBytes: number } | null;
}

const NO_TALLY: WorkerTally = {
  attempts: { succeeded: 0, failed: 0, killed: 0, lost: 0 },
  refused: 0,
  unacknowledged: 0,
};

/** What every worker can; whether it ships logs, and by what it limits tasks, is said beside it. */
const FEATURES = ['shell', 'python', 'script', 'http', 'sql', 'probe'];
const HOST_READING_MS = 2_000;
const ACK_WAIT_MS = 2_000;
/** A link that is still being opened, or does not say that it has closed, is not waited for longer. */
const LINK_CLOSE_MS = 1_000;
/**
 * Heartbeats are answered, so a link that says nothing for this long is dead, and what it may still deliver (a dispatch
 * from before the master gave this worker up) must not be heard. Shorter than a master's patience with a worker.
 */
const SILENCE_MS = 20_000;
const LOG_ROOM_BYTES = 256 * 1024 ** 2;
const CANCEL_LIMIT_MS = 15_000;
const RESERVED_MEMORY_BYTES = 0.3 * 1024 ** 3;
const ATTEMPT_LIMITS = {
  memoryBytes: null,
  processes: 4_096,
  openFiles: 65_536,
  workDirBytes: 20 * 1024 ** 3,
} as const;
const INCARNATIONS_REMEMBERED = 100;
/** Reports of one attempt within one incarnation are fewer. */
const SEQUENCES_PER_INCARNATION = 100;

/**
 * Starts a worker. Throws when another worker uses the data directory, no supervisor can be started, or neither `connect` nor
 * `masters` is given.
 */
export async function startWorker(options: WorkerOptions): Promise<Worker> {
  const agent = new Agent({ ...options, masters: options.masters ?? theOne(options.connect) });
  await agent.start();
  return agent;
}

function theOne(connect: WorkerOptions['connect']): () => Promise<MasterAddress[]> {
  if (!connect) throw new Error('a worker needs `connect` or `masters`');
  const list = [{ key: 'the master', connect }];
  return () => Promise.resolve(list);
}

interface OpenLink {
  link: WorkerLink;
  /** Once it has welcomed this worker. */
  master: MasterId | null;
  gone: Promise<LinkEnd>;
  /** Ends it; its address is not dialled again before `instead` is gone. */
  hangUp(instead: OpenLink | null): void;
}

type AgentOptions = WorkerOptions & { masters: () => Promise<MasterAddress[]> };

class Agent implements Worker {
  readonly id: WorkerId = workerIdOf(`w-${randomBytes(8).toString('hex')}`);
  readonly #options: AgentOptions;
  readonly #dataDir: string;
  readonly #slots: number;
  /** What turns the boot clock into the core's: an epoch that never steps. */
  readonly #epochAtBoot = Date.now() - bootClockMs();
  #core: WorkerCore | null = null;
  #settled: SettledResults | null = null;
  #supervisor: SupervisorConnection | null = null;
  /** In the order in which they were opened. */
  readonly #links = new Map<LinkId, OpenLink>();
  #linksOpened = 0;
  #wakeTimer: NodeJS.Timeout | null = null;
  #wakeAt = Infinity;
  #hostTimer: NodeJS.Timeout | null = null;
  readonly #machine = createHostReader();
  #refusing: string | null = null;
  readonly #stopping = new AbortController();
  #linkLoop: Promise<void> = Promise.resolve();
  #idleWaiters: (() => void)[] = [];
  #supervisorGone: () => void = () => {};
  #supervisorEnded = false;
  #early: SupervisorToAgent[] = [];
  readonly #shipper: LogShipper | null;
  readonly #logRoute: LogRoute<LinkId> | null;

  constructor(options: AgentOptions) {
    this.#options = options;
    this.#dataDir = resolve(options.dataDir);
    this.#slots = options.slots ?? 100;
    const { log, shipLimits: limits = {} } = options;
    const logDir = resolve(options.logDir);
    this.#shipper = options.shipsLogs === true ? new LogShipper({ logDir, worker: this.id, log, limits }) : null;
    this.#logRoute = this.#shipper && new LogRoute(this.#shipper, bootClockMs);
  }

  async start(): Promise<void> {
    const supervisor = await this.#connectSupervisor();
    const { name, host, groups, heartbeatMs, maxLoadAverage, reservedMemoryBytes } = this.#options;
    const earlier = recordIncarnation(this.#dataDir, this.id);
    this.#supervisor = supervisor;
    this.#settled = new SettledResults(this.#dataDir);
    this.#core = new WorkerCore({
      worker: this.id,
      name,
      host: host ?? hostname(),
      groups: groups ?? ['default'],
      slots: this.#slots,
      features: [...FEATURES, ...(this.#shipper ? ['logs'] : []), `limits:${supervisor.limits}`],
      heartbeatMs: heartbeatMs ?? 4_000,
      maxLoadAverage: maxLoadAverage ?? -1,
      reservedMemoryBytes: reservedMemoryBytes ?? RESERVED_MEMORY_BYTES,
      adopted: supervisor.held,
      supersedes: earlier.ids,
      settled: this.#settled.read(),
      sequenceBase: earlier.count * SEQUENCES_PER_INCARNATION,
      ...(supervisor.renewedAt === null ? {} : { renewedAt: supervisor.renewedAt + this.#epochAtBoot }),
    });
    this.#tellShipper(supervisor.held);
    void this.#shipper?.start();
    this.#hearEarly();
    this.#readHost();
    this.#hostTimer = setInterval(() => this.#readHost(), HOST_READING_MS);
    this.#options.log.info(
      { workerId: this.id, supervisorPid: supervisor.pid, held: supervisor.held.length, limits: supervisor.limits },
      'worker started',
    );
    this.#linkLoop = this.#keepLinked();
  }

  #tellShipper(held: readonly HeldAttempt[]): void {
    const isLive = ({ state }: HeldAttempt): boolean => state.kind === 'starting' || state.kind === 'running';
    const live = held.filter(isLive).map(({ attempt }) => attempt);
    const ended = held.filter((one) => !isLive(one)).map(({ attempt }) => attempt);
    this.#shipper?.hold({ live, ended });
  }

  get usedSlots(): number {
    return this.#core?.usedSlots ?? 0;
  }

  get linkCount(): number {
    return this.#links.size;
  }

  figures(): WorkerFigures {
    const load = this.#core?.load;
    return {
      slots: this.#slots,
      usedSlots: this.usedSlots,
      busy: load?.busy ?? false,
      draining: load?.draining ?? false,
      links: this.#links.size,
      ...(this.#core?.tally ?? NO_TALLY),
      logs: this.#shipper?.figures ?? null,
    };
  }

  get supervisorPid(): number {
    return this.#supervisor?.pid ?? 0;
  }

  async drain(): Promise<void> {
    this.#step({ kind: 'drain' });
    await this.#whenIdle();
  }

  async stop({ stopTasks = false }: { stopTasks?: boolean } = {}): Promise<void> {
    if (this.#stopping.signal.aborted) return;
    if (stopTasks && this.#supervisor) await this.#endSupervisor(this.#supervisor);
    await this.#shipper?.stop();
    this.#stopping.abort();
    this.#step({ kind: 'goodbye' });
    // The link delivers what was sent before it closes.
    for (const { link } of this.#links.values()) link.close();
    await Promise.race([this.#linkLoop, pause(LINK_CLOSE_MS)]);
    if (this.#hostTimer) clearInterval(this.#hostTimer);
    if (this.#wakeTimer) clearTimeout(this.#wakeTimer);
    this.#supervisor?.close();
    this.#supervisor = null;
    this.#settled?.close();
    this.#settled = null;
    this.#options.log.info({ workerId: this.id }, 'worker stopped');
  }

  // The core

  #step(input: WorkerInput): void {
    const core = this.#core;
    if (!core) return;
    const { messages, orders } = core.handle(input, { now: this.#now(), chance: Math.random });
    // Before the supervisor is told to forget them.
    this.#keep(core.takeSettled());
    for (const order of orders) this.#supervisor?.order(this.#onBootClock(order));
    for (const { link, messages: batch } of messages) this.#links.get(link)?.link.send(batch);
    this.#arm(core.nextWakeAt);
    if (this.#idleWaiters.length > 0 && core.idle) for (const resolveIdle of this.#idleWaiters.splice(0)) resolveIdle();
  }

  #keep(settled: SettledReport[]): void {
    try {
      this.#settled?.add(settled);
    } catch (error) {
      this.#options.log.warn(
        { workerId: this.id, error: (error as Error).message },
        'acknowledged results could not be written down; the next agent will not know them',
      );
    }
  }

  #arm(wakeAt: number): void {
    if (wakeAt >= this.#wakeAt) return;
    if (this.#wakeTimer) clearTimeout(this.#wakeTimer);
    this.#wakeAt = wakeAt;
    const waitMs = Math.min(Math.max(wakeAt - this.#now(), 1), 60_000);
    this.#wakeTimer = setTimeout(() => {
      this.#wakeAt = Infinity;
      this.#step({ kind: 'tick' });
    }, waitMs);
  }

  #now(): number {
    return bootClockMs() + this.#epochAtBoot;
  }

  #onBootClock(order: SupervisorOrder): SupervisorOrder {
    return order.kind === 'renew' ? { ...order, renewedAt: order.renewedAt - this.#epochAtBoot } : order;
  }

  #whenIdle(): Promise<void> {
    if (this.#core?.idle !== false) return Promise.resolve();
    return new Promise((done) => this.#idleWaiters.push(done));
  }

  #readHost(): void {
    this.#step({
      kind: 'host',
      reading: {
        ...this.#machine(),
        refusing: this.#supervisor ? this.#refusing : 'the supervisor is not there',
      },
    });
  }

  // Links

  #keepLinked(): Promise<void> {
    const { masters, log } = this.#options;
    return keepLinked({ masters, serve: (link) => this.#serve(link), log, signal: this.#stopping.signal });
  }

  /** Speaks over one link until it is gone. */
  #serve(link: WorkerLink): Promise<LinkEnd> {
    if (this.#stopping.signal.aborted) {
      link.close();
      return Promise.resolve({ instead: null });
    }
    this.#linksOpened += 1;
    const id: LinkId = `link-${this.#linksOpened}`;
    const { promise, resolve: end } = Promise.withResolvers<LinkEnd>();
    const hangUp = (instead: OpenLink | null): void => {
      clearInterval(watch);
      if (!this.#links.delete(id)) return;
      this.#logRoute?.linkDown(id);
      this.#step({ kind: 'link-down', link: id });
      link.close();
      end({ instead: instead && instead.gone });
    };
    this.#links.set(id, { link, master: null, gone: promise, hangUp });
    let heardAt = bootClockMs();
    const watch = setInterval(() => {
      if (bootClockMs() - heardAt > SILENCE_MS) hangUp(null);
    }, SILENCE_MS / 4);
    link.onFrame((messages) => {
      if (messages === null || bootClockMs() - heardAt > SILENCE_MS) return hangUp(null);
      heardAt = bootClockMs();
      if (this.#links.has(id)) this.#onFrame(id, messages);
    });
    this.#step({ kind: 'link-up', link: id });
    this.#logRoute?.linkUp(id, (pieces) => link.send(pieces));
    return promise;
  }

  #onFrame(link: LinkId, messages: MasterToWorker[]): void {
    this.#step({ kind: 'frame', link, messages });
    for (const message of messages) {
      if (message.kind === 'log-ack') this.#logRoute?.onAcknowledged(link, message);
      if (message.kind === 'welcome') this.#keepNewest(link, message.master);
    }
  }

  /** Two addresses may be one master, which answers over the link that greeted it last: the other one is given up. */
  #keepNewest(welcomed: LinkId, master: MasterId): void {
    const open = this.#links.get(welcomed);
    if (open) open.master = master;
    const same = [...this.#links.values()].filter((each) => each.master === master);
    const newest = same.at(-1);
    for (const older of same.slice(0, -1)) {
      this.#options.log.info({ workerId: this.id, master }, 'two addresses lead to one master: one link is kept');
      older.hangUp(newest ?? null);
    }
  }

  // The supervisor

  /** Together attempts may take what is not reserved: then the kernel ends the largest of them before it looks at anything else. */
  #attemptLimits(): AttemptLimits {
    const { attemptLimits, reservedMemoryBytes = RESERVED_MEMORY_BYTES } = this.#options;
    const { totalMemoryBytes } = this.#machine();
    const allMemoryBytes = Math.max(totalMemoryBytes - reservedMemoryBytes, totalMemoryBytes / 2);
    return { ...ATTEMPT_LIMITS, ...attemptLimits, allMemoryBytes: Math.floor(allMemoryBytes) };
  }

  #connectSupervisor(): Promise<SupervisorConnection> {
    const { logDir, poolProcesses, supervisorLonelyMs, logBytesPerAttempt, logRoomBytes, cancelLimitMs } =
      this.#options;
    const processes = poolProcesses ?? Math.min(this.#slots, 2 * availableParallelism(), 32);
    const limits = {
      outputsBytes: LIMITS.outputsBytesPerAttempt,
      logBytes: logBytesPerAttempt ?? LIMITS.logBytesPerAttempt,
      logRoomBytes: logRoomBytes ?? LOG_ROOM_BYTES,
    };
    return connectSupervisor(
      {
        dataDir: this.#dataDir,
        lonelyMs: supervisorLonelyMs ?? 5_000,
        settings: {
          logDir: resolve(logDir),
          slots: this.#slots,
          poolProcesses: processes,
          limits,
          cancelLimitMs: cancelLimitMs ?? CANCEL_LIMIT_MS,
          attempt: this.#attemptLimits(),
        },
      },
      { onMessages: (messages) => this.#onSupervisorMessages(messages), onClose: () => this.#onSupervisorGone() },
    );
  }

  /** What came before the core knew of this supervisor. */
  #hearEarly(): void {
    this.#onSupervisorMessages(this.#early.splice(0));
  }

  #onSupervisorMessages(messages: SupervisorToAgent[]): void {
    if (!this.#supervisor) {
      this.#early.push(...messages);
      return;
    }
    const events: SupervisorEvent[] = [];
    for (const message of messages) {
      if (message.kind === 'event') {
        events.push(message.event);
        if (message.event.kind === 'started') this.#shipper?.started(message.event.attempt);
        else this.#shipper?.ended(message.event.attempt);
      }
      if (message.kind === 'probed') this.#step({ kind: 'probed', end: message.end });
      if (message.kind !== 'health') continue;
      this.#refusing = message.refusing;
      this.#readHost();
    }
    if (events.length > 0) this.#step({ kind: 'supervisor-events', events });
  }

  #onSupervisorGone(): void {
    this.#supervisor = null;
    this.#early = [];
    this.#supervisorGone();
    if (this.#supervisorEnded || this.#stopping.signal.aborted) return;
    this.#options.log.warn({ workerId: this.id }, 'the supervisor is gone; starting another');
    this.#readHost();
    void this.#replaceSupervisor();
  }

  async #replaceSupervisor(): Promise<void> {
    while (!this.#stopping.signal.aborted && !this.#supervisor) {
      try {
        const supervisor = await this.#connectSupervisor();
        if (this.#stopping.signal.aborted) return supervisor.close();
        this.#supervisor = supervisor;
        this.#step({ kind: 'supervisor-state', held: supervisor.held });
        this.#tellShipper(supervisor.held);
        this.#hearEarly();
        this.#readHost();
      } catch (error) {
        this.#options.log.error({ workerId: this.id, error: (error as Error).message }, 'no supervisor');
        await pause(1_000, undefined, { signal: this.#stopping.signal }).catch(() => {});
      }
    }
  }

  /** Has everything killed and waits until the supervisor has ended and the masters know, or have had time to. */
  async #endSupervisor(supervisor: SupervisorConnection): Promise<void> {
    this.#step({ kind: 'drain' });
    const gone = new Promise<void>((done) => {
      this.#supervisorGone = done;
    });
    this.#supervisorEnded = true;
    supervisor.shutdown(true);
    await gone;
    await Promise.race([this.#whenIdle(), pause(ACK_WAIT_MS)]);
  }
}

/**
 * Adds this incarnation to the data directory's list and returns the earlier ones: whoever is attached to the
 * supervisor has taken their attempts over. `count` never falls, also when the oldest ids are dropped.
 */
function recordIncarnation(dataDir: string, id: WorkerId): { ids: WorkerId[]; count: number } {
  const path = join(dataDir, 'incarnations.json');
  const earlier = readIncarnations(path);
  const ids = [...earlier.ids, id].slice(-INCARNATIONS_REMEMBERED);
  writeFileSync(`${path}.new`, JSON.stringify({ ids, count: earlier.count + 1 }));
  renameSync(`${path}.new`, path);
  return earlier;
}

function readIncarnations(path: string): { ids: WorkerId[]; count: number } {
  try {
    return JSON.parse(readFileSync(path, 'utf8')) as { ids: WorkerId[]; count: number };
  } catch {
    return { ids: [], count: 0 };
  }
}
