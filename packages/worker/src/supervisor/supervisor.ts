/**
 * The supervisor: the process that tasks belong to. It outlives the agent, obeys one agent at a time, enforces execution
 * leases whether or not one is there, and keeps every result until the agent says forget.
 *
 * Invariants:
 * 1. Orders of an agent count only while it is attached; what an earlier one had still in flight is never read.
 * 2. `start` of an attempt that is held is nothing: one attempt, one start.
 * 3. An attempt whose lease was not renewed gets TERM at its `termAt` and SIGKILL no later than its `killAt`.
 */
import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import { join } from 'node:path';
import { phrase, type AttemptId, type AttemptSpec } from '@pelorus/protocol/vocabulary';
import { bootClockMs, hostBootId } from '../boot-clock.ts';
import type { HeldAttempt, SupervisorEvent, SupervisorOrder } from '../core.ts';
import { executionDeadline, leaseKill } from '../execution-lease.ts';
import { openLineChannel, type LineChannel } from '../line-channel.ts';
import { isAttemptId } from './attempt-directory.ts';
import { openAttemptGroups, type AttemptGroups } from './attempt-groups.ts';
import { CallRunner } from './call-runner.ts';
import { compileCacheEnvironment, pruneCompileCache } from './compile-cache.ts';
import { DiskWatch } from './disk-watch.ts';
import {
  SUPERVISOR_VERSION,
  type AgentToSupervisor,
  type Runner,
  type SupervisorSettings,
  type SupervisorToAgent,
} from './messages.ts';
import { Seal } from '../secrets/seal.ts';
import { createOomCounter } from './oom-counter.ts';
import { OutputMasker } from './output-masker.ts';
import { ProbeRunner } from './probe-runner.ts';
import { ProcessRunner } from './process-runner.ts';

export interface SupervisorOptions {
  dataDir: string;
  socketPath: string;
  settings: SupervisorSettings;
  env: Record<string, string>;
  /** Without an agent and without running attempts it ends after this time. */
  lonelyMs: number;
}

interface Agent {
  pid: number;
  channel: LineChannel<SupervisorToAgent>;
}

const TICK_MS = 1_000;
const HURRY_MS = 30;
const PRUNE_MS = 3_600_000;
const LEASE_TICK_MS = 250;
/** A task that ends sooner is told once, when it ends: its outcome says when it started. */
const STARTED_HELD_BACK_MS = 20;

export class Supervisor {
  readonly #options: SupervisorOptions;
  readonly #bootId = hostBootId();
  readonly #processes: ProcessRunner;
  readonly #calls: CallRunner;
  readonly #probes: ProbeRunner;
  readonly #masker: OutputMasker;
  readonly #groups: AttemptGroups | null;
  readonly #disk = new DiskWatch<AttemptId>();
  readonly #runners: Runner[];
  readonly #server: Server;
  readonly #timers: NodeJS.Timeout[] = [];
  #settings: SupervisorSettings;
  #agent: Agent | null = null;
  #renewedAt: number | null;
  #lonelySince = performance.now();
  #refusing: string | null = null;
  #ending = false;
  #hurrying = false;
  #finishing = false;
  /** Oldest first, with the instant at which it is told, by `performance.now`. */
  readonly #startedHeldBack = new Map<AttemptId, { event: SupervisorEvent; tellAt: number }>();
  #tellsSoon = false;
  #finish: () => void = () => {};
  /** Resolves when it has ended by itself or by order. */
  readonly finished: Promise<void>;

  constructor(options: SupervisorOptions) {
    this.#options = options;
    this.#settings = options.settings;
    this.finished = new Promise((resolve) => {
      this.#finish = resolve;
    });
    this.#renewedAt = readLease(options.dataDir, this.#bootId);
    const emit = (event: SupervisorEvent): void => this.#onEvent(event);
    this.#groups = openAttemptGroups(options.dataDir, () => this.#settings.attempt);
    const shared = {
      dataDir: options.dataDir,
      bootId: this.#bootId,
      env: options.env,
      emit,
      settings: () => this.#settings,
      oom: createOomCounter(),
      groups: this.#groups,
      seal: Seal.of(options.dataDir),
      onDiskTrouble: (detail: string) => this.#onDiskTrouble(detail),
    };
    const poolEnv = { ...options.env, ...compileCacheEnvironment(options.dataDir) };
    this.#masker = new OutputMasker(options.dataDir, poolEnv);
    this.#processes = new ProcessRunner({ ...shared, masker: this.#masker, slots: options.settings.slots });
    this.#calls = new CallRunner({ ...shared, env: poolEnv, poolProcesses: options.settings.poolProcesses });
    this.#runners = [this.#processes, this.#calls];
    this.#probes = new ProbeRunner(options.dataDir, poolEnv, (end) =>
      this.#agent?.channel.send({ kind: 'probed', end }),
    );
    this.#server = createServer((socket) => this.#onConnection(socket));
  }

  /** Finds earlier attempts, then listens. Must be called with the data directory's lock held. */
  async run(): Promise<void> {
    pruneCompileCache(this.#options.dataDir);
    this.#processes.adopt();
    this.#calls.adopt();
    rmSync(this.#options.socketPath, { force: true });
    await new Promise<void>((resolve, reject) => {
      this.#server.once('error', reject);
      this.#server.listen(this.#options.socketPath, resolve);
    });
    this.#timers.push(
      setInterval(() => this.#tick(), TICK_MS),
      setInterval(() => this.#enforceLeases(), LEASE_TICK_MS),
      setInterval(() => pruneCompileCache(this.#options.dataDir), PRUNE_MS),
    );
  }

  // The agent

  #onConnection(socket: Socket): void {
    let agent: Agent | null = null;
    const channel: LineChannel<SupervisorToAgent> = openLineChannel<SupervisorToAgent, AgentToSupervisor>(
      socket,
      (messages) => {
        for (const message of messages) {
          if (message.kind === 'attach') agent = this.#attach(message, channel);
          else if (agent !== null && agent === this.#agent) this.#obey(message);
        }
      },
      () => {
        if (agent === null || agent !== this.#agent) return;
        this.#agent = null;
        this.#lonelySince = performance.now();
      },
    );
  }

  #attach(
    message: Extract<AgentToSupervisor, { kind: 'attach' }>,
    channel: LineChannel<SupervisorToAgent>,
  ): Agent | null {
    if (this.#agent || this.#ending) {
      channel.send({ kind: 'refused', agentPid: this.#agent?.pid ?? 0 });
      channel.end();
      return null;
    }
    this.#agent = { pid: message.agentPid, channel };
    this.#settings = message.settings;
    this.#groups?.limit();
    this.#processes.slots = message.settings.slots;
    this.#calls.limit = message.settings.poolProcesses;
    channel.send({
      kind: 'attached',
      version: SUPERVISOR_VERSION,
      pid: process.pid,
      held: this.#held(),
      renewedAt: this.#renewedAt,
      limits: this.#groups?.kind ?? 'rlimit',
    });
    if (this.#refusing !== null) channel.send({ kind: 'health', refusing: this.#refusing });
    this.#startedHeldBack.clear();
    return this.#agent;
  }

  #obey(message: Exclude<AgentToSupervisor, { kind: 'attach' }>): void {
    if (message.kind === 'order') return this.#carryOut(message.order);
    if (message.killTasks) this.#killAll();
    this.#ending = true;
    this.#endIfDone();
  }

  #carryOut(order: SupervisorOrder): void {
    switch (order.kind) {
      case 'start':
        return this.#start(order.spec);
      case 'kill': {
        const { kind: _kind, attempt, ...rest } = order;
        return this.#runnerOf(attempt)?.kill(attempt, rest);
      }
      case 'forget':
        return this.#runnerOf(order.attempt)?.forget(order.attempt);
      case 'probe':
        return this.#probes.probe(order);
      case 'renew':
        this.#renewedAt = Math.max(this.#renewedAt ?? -Infinity, order.renewedAt);
        return writeLease(this.#options.dataDir, this.#bootId, this.#renewedAt);
    }
  }

  #start(spec: AttemptSpec): void {
    if (this.#runnerOf(spec.attempt)) return;
    // The id becomes a directory's name.
    if (!isAttemptId(spec.attempt))
      return this.#refuse(spec.attempt, `${JSON.stringify(spec.attempt)} is not an attempt id`);
    switch (spec.action.type) {
      case 'shell':
      case 'python':
        return this.#processes.start(spec);
      case 'script':
      case 'http':
      case 'sql':
        return this.#calls.start(spec);
      default:
        return this.#refuse(spec.attempt, `a ${spec.action.type} task is not run by a worker`);
    }
  }

  #refuse(attempt: AttemptId, detail: string): void {
    this.#onEvent({ kind: 'cannot_start', attempt, at: Date.now(), cause: { kind: 'invalid', detail } });
  }

  #runnerOf(attempt: AttemptId): Runner | undefined {
    return this.#runners.find((runner) => runner.holds(attempt));
  }

  #held(): HeldAttempt[] {
    return this.#runners.flatMap((runner) => runner.held());
  }

  // What runners say

  #onEvent(event: SupervisorEvent): void {
    if (event.kind === 'started') {
      this.#startedHeldBack.set(event.attempt, { event, tellAt: performance.now() + STARTED_HELD_BACK_MS });
      if (!this.#tellsSoon) this.#tellStartedIn(STARTED_HELD_BACK_MS);
      return;
    }
    this.#startedHeldBack.delete(event.attempt);
    this.#agent?.channel.send({ kind: 'event', event });
    if (this.#ending) setImmediate(() => this.#endIfDone());
  }

  #tellStartedIn(ms: number): void {
    this.#tellsSoon = true;
    setTimeout(() => this.#tellStarted(), ms);
  }

  #tellStarted(): void {
    this.#tellsSoon = false;
    const now = performance.now();
    for (const [attempt, { event, tellAt }] of this.#startedHeldBack) {
      if (tellAt > now) return this.#tellStartedIn(tellAt - now);
      this.#startedHeldBack.delete(attempt);
      this.#agent?.channel.send({ kind: 'event', event });
    }
  }

  #onDiskTrouble(detail: string): void {
    if (this.#refusing === null) this.#refuseBecause(detail);
  }

  #refuseBecause(detail: string | null): void {
    this.#refusing = detail;
    this.#agent?.channel.send({ kind: 'health', refusing: detail });
  }

  /** Nothing else would write while nothing is taken, so only a try says whether there is room again. */
  #tryDisk(): void {
    for (const directory of [this.#options.dataDir, this.#settings.logDir]) if (!hasRoom(directory)) return;
    this.#refuseBecause(null);
    for (const runner of this.#runners) runner.diskHasRoom();
  }

  // Time

  #tick(): void {
    for (const runner of this.#runners) runner.tick();
    this.#masker.tick();
    this.#groups?.tick();
    this.#watchDisk();
    this.#probes.tick();
    if (this.#refusing !== null) this.#tryDisk();
    const lonely = this.#agent === null && performance.now() - this.#lonelySince > this.#options.lonelyMs;
    if (lonely || this.#ending) this.#endIfDone();
  }

  #enforceLeases(): void {
    if (this.#renewedAt === null || this.#liveCount() === 0) return;
    const now = bootClockMs();
    for (const one of this.#held()) {
      if (one.state.kind !== 'running' && one.state.kind !== 'starting') continue;
      const { termAt, killAt } = executionDeadline(this.#renewedAt, one);
      if (now < termAt) continue;
      const { cause, graceMs } = leaseKill(one);
      this.#runnerOf(one.attempt)?.kill(one.attempt, {
        reason: 'lease',
        cause,
        graceMs: Math.max(0, Math.min(graceMs, killAt - now)),
      });
    }
  }

  #watchDisk(): void {
    const { workDirBytes } = this.#settings.attempt;
    const over = this.#disk.turn(() => this.#runners.flatMap((runner) => runner.onDisk()), workDirBytes);
    for (const { attempt, killGraceMs } of this.#held()) {
      if (!over.includes(attempt)) continue;
      const detail = `its work directory holds more than ${workDirBytes} bytes, the limit of this worker`;
      this.#runnerOf(attempt)?.kill(attempt, {
        reason: 'limit',
        graceMs: killGraceMs,
        cause: { kind: 'error', detail },
      });
    }
  }

  #killAll(): void {
    for (const one of this.#held()) {
      this.#runnerOf(one.attempt)?.kill(one.attempt, {
        reason: 'order',
        graceMs: one.killGraceMs,
        cause: { kind: 'error', detail: phrase('stopped_with_worker', {}) },
      });
    }
  }

  #liveCount(): number {
    return this.#runners.reduce((sum, runner) => sum + runner.liveCount(), 0);
  }

  /** Nobody should wait for the next second when the end has been asked for. */
  #hurry(): void {
    if (this.#hurrying) return;
    this.#hurrying = true;
    setTimeout(() => {
      this.#hurrying = false;
      this.#tick();
    }, HURRY_MS);
  }

  #endIfDone(): void {
    if (this.#liveCount() > 0 || this.#finishing) return;
    if (this.#runners.some((runner) => runner.busy)) {
      if (this.#ending) this.#hurry();
      return;
    }
    this.#finishing = true;
    for (const timer of this.#timers) clearInterval(timer);
    for (const runner of this.#runners) runner.close();
    this.#probes.close();
    this.#masker.close();
    this.#agent?.channel.end();
    this.#server.close();
    void (this.#groups?.close() ?? Promise.resolve()).then(this.#finish);
  }
}

/**
 * The last renewal is kept on disk, so that a supervisor's restart neither forgets nor prolongs a lease. Under another name first:
 * neither death nor a full disk leaves half of it, which the next supervisor would take for no lease at all.
 */
function writeLease(dataDir: string, bootId: string, renewedAt: number): void {
  try {
    const path = join(dataDir, 'lease.json');
    mkdirSync(dataDir, { recursive: true });
    writeFileSync(`${path}.new`, JSON.stringify({ bootId, renewedAt }));
    renameSync(`${path}.new`, path);
  } catch {
    // The lease in memory holds; after a restart an older one counts, which is the safe side.
  }
}

function readLease(dataDir: string, bootId: string): number | null {
  try {
    const lease = JSON.parse(readFileSync(join(dataDir, 'lease.json'), 'utf8')) as {
      bootId: string;
      renewedAt: number;
    };
    return lease.bootId === bootId ? lease.renewedAt : null;
  } catch {
    return null;
  }
}

/** What a few attempts need at least. */
const ROOM_BYTES = 1024 ** 2;

function hasRoom(directory: string): boolean {
  const path = join(directory, '.room');
  try {
    mkdirSync(directory, { recursive: true, mode: 0o700 });
    writeFileSync(path, Buffer.alloc(ROOM_BYTES), { mode: 0o600, flush: true });
    return true;
  } catch {
    return false;
  } finally {
    rmSync(path, { force: true });
  }
}
