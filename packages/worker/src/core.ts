/**
 * The worker's side of the protocol as a deterministic machine. It owns what this worker has promised to masters:
 * which attempts it holds, which it refused, what it has reported and what of that is not acknowledged yet.
 * It does not own processes (the supervisor does), links or clocks: frames, events, the time and chance come in as
 * arguments, messages and orders go out as values. The agent runs it against the world, the simulation against a seed.
 *
 * Invariants:
 * 1. `start` is ordered at most once per attempt, unless a new supervisor says that it never heard of it.
 * 2. An attempt that was refused or killed before its dispatch never starts here, however often it is dispatched.
 * 3. A report that needs an acknowledgement is offered until `ack` for exactly its sequence arrives; a later report
 *    of the same attempt replaces it, because it says more.
 * 4. Attempts started or starting never exceed `slots`.
 * 5. Nothing is admitted unless a master answered within the scheduling lease; whatever runs is ordered killed in time for
 *    SIGKILL to be over 0.9 execution leases after the *sending* of the last heartbeat that was answered.
 *
 * `now` is in milliseconds on a clock that never steps and goes on during suspend; it looks like epoch time
 * so that people can read the `sentAt` of a heartbeat.
 */
import type {
  AttemptId,
  AttemptOutcome,
  AttemptReport,
  AttemptSpec,
  Cause,
  MasterToWorker,
  WorkerId,
  WorkerLoad,
  WorkerToMaster,
} from '@pelorus/protocol';
import { phrase, WIRE_VERSION } from '@pelorus/protocol';
import { DueQueue } from './due-queue.ts';
import { executionDeadline, LEASE_FRACTION, leaseKill } from './execution-lease.ts';

export { executionDeadline };

/** Of the time that a probe has, the supervisor gets this part. */
const PROBE_FRACTION = 0.9;

export const WORKER_CORE_LIMITS = {
  /** Settled attempts remembered, so that late duplicates of their dispatch or kill are answered. */
  settledMax: 100_000,
  settledKeepMs: 86_400_000,
  /** Outputs larger than this are not kept with a settled result. */
  settledOutputsBytes: 2048,
  heartbeatMs: 4_000,
  resendFirstMs: 1_000,
  resendMaxMs: 60_000,
  /** Heartbeats of one link that may be unanswered and still count when answered. */
  heartbeatsRemembered: 64,
  /** With several masters: how soon after a heartbeat the next one may say that a slot is free again, or that nothing more is taken. */
  newsMs: 250,
  /** Connections tried at a time; more are answered `busy`. */
  probesMax: 4,
  probeTimeoutMaxMs: 60_000,
} as const;

/** Names one connection to a master; chosen by whoever runs the core, never reused. */
export type LinkId = string;

/** An attempt that the supervisor holds, as it tells a new agent. */
export interface HeldAttempt {
  attempt: AttemptId;
  killGraceMs: number;
  executionLeaseMs: number;
  state:
    | { kind: 'starting' }
    | { kind: 'running'; startedAt: number }
    | { kind: 'finished'; outcome: AttemptOutcome }
    | { kind: 'lost'; detail: string };
}

export type SupervisorEvent =
  | { kind: 'started'; attempt: AttemptId; startedAt: number }
  | { kind: 'finished'; attempt: AttemptId; outcome: AttemptOutcome }
  | { kind: 'lost'; attempt: AttemptId; detail: string }
  /** It never ran and never will: its spec cannot be carried out. `at` is epoch ms. */
  | { kind: 'cannot_start'; attempt: AttemptId; cause: Cause; at: number }
  /** It never ran here, for want of room on this host's disks; another host may have it. */
  | { kind: 'no_room'; attempt: AttemptId; detail: string };

/** What came of a `probe` order. */
export interface ProbeEnd {
  id: string;
  ok: boolean;
  detail: string;
  tookMs: number;
}

export type SupervisorOrder =
  | { kind: 'start'; spec: AttemptSpec }
  /** `lease`: nobody may know how this ended but that it is gone; the supervisor answers `lost`. */
  | { kind: 'kill'; attempt: AttemptId; graceMs: number; cause: Cause; reason: 'order' | 'lease' }
  | { kind: 'forget'; attempt: AttemptId }
  /** Try a connection; answered by `probed`, if at all. */
  | { kind: 'probe'; id: string; connection: NonNullable<AttemptSpec['connection']>; timeoutMs: number }
  /** Execution leases count from this instant (the core's clock) until told otherwise. */
  | { kind: 'renew'; renewedAt: number };

/** What the host says of itself. */
export interface HostReading {
  /** 1-minute load average; −1 unknown. */
  loadAverage: number;
  cpuCount: number;
  freeMemoryBytes: number;
  totalMemoryBytes: number;
  /** Why nothing new can be taken at all (for instance a full disk), or null. */
  refusing: string | null;
}

export type WorkerInput =
  | { kind: 'link-up'; link: LinkId }
  | { kind: 'link-down'; link: LinkId }
  | { kind: 'frame'; link: LinkId; messages: MasterToWorker[] }
  | { kind: 'supervisor-events'; events: SupervisorEvent[] }
  | { kind: 'probed'; end: ProbeEnd }
  /** A supervisor was (re)connected and holds exactly these. */
  | { kind: 'supervisor-state'; held: HeldAttempt[] }
  | { kind: 'host'; reading: HostReading }
  | { kind: 'tick' }
  | { kind: 'drain' }
  | { kind: 'goodbye' };

/** The instant and the dice of one step. `chance` returns numbers in [0, 1). */
export interface Moment {
  now: number;
  chance: () => number;
}

export interface WorkerOutput {
  /** Per link, in the order in which they must be sent. */
  messages: { link: LinkId; messages: WorkerToMaster[] }[];
  orders: SupervisorOrder[];
}

export interface WorkerCoreOptions {
  worker: WorkerId;
  name: string;
  host: string;
  groups: string[];
  slots: number;
  features?: string[];
  heartbeatMs?: number;
  /** Above this 1-minute load average nothing new is taken; −1 = twice the number of cores. */
  maxLoadAverage?: number;
  /** Below this much free memory nothing new is taken. */
  reservedMemoryBytes?: number;
  /** What the supervisor holds from earlier incarnations. */
  adopted?: HeldAttempt[];
  /** Execution leases of adopted attempts count from here (the core's clock); absent: from never. */
  renewedAt?: number;
  supersedes?: WorkerId[];
  /** What `takeSettled` gave earlier incarnations, oldest first. */
  settled?: readonly SettledReport[];
  /** Reports of this incarnation are numbered above this, so that they follow those of earlier ones. */
  sequenceBase?: number;
}

interface Held {
  attempt: AttemptId;
  killGraceMs: number;
  executionLeaseMs: number;
  phase: 'starting' | 'running' | 'ended' | 'refused';
  /** Kept until the supervisor confirms the start. */
  spec: AttemptSpec | null;
  kill: { graceMs: number; cause: Cause; reason: 'order' | 'lease' } | null;
  report: AttemptReport;
  acked: boolean;
  tries: number;
  dueAt: number;
  link: LinkId | null;
}

interface LinkState {
  welcomed: boolean;
  helloAt: number;
  /** Instants of heartbeats not answered yet, oldest first. */
  heartbeatsSent: number[];
}

type ReportBody = AttemptReport extends infer R
  ? R extends AttemptReport
    ? Omit<R, 'attempt' | 'sequence'>
    : never
  : never;

/** A report that a master has acknowledged for good, and when, on the core's clock. */
export interface SettledReport {
  report: AttemptReport;
  at: number;
}

export interface WorkerTally {
  attempts: Record<'succeeded' | 'failed' | 'killed' | 'lost', number>;
  refused: number;
  /** Results that no master has acknowledged. */
  unacknowledged: number;
}

export class WorkerCore {
  readonly #options: WorkerCoreOptions;
  readonly #heartbeatMs: number;
  readonly #held = new Map<AttemptId, Held>();
  readonly #settled = new Map<AttemptId, SettledReport>();
  #newlySettled: SettledReport[] = [];
  readonly #links = new Map<LinkId, LinkState>();
  readonly #resends = new DueQueue<AttemptId>();
  /** Connections being tried, by id. */
  readonly #probes = new Map<string, { link: LinkId; startedAt: number; dueAt: number }>();
  #usedSlots = 0;
  readonly #ended = { succeeded: 0, failed: 0, killed: 0, lost: 0 };
  #refused = 0;
  #draining = false;
  #host: HostReading = { loadAverage: -1, cpuCount: 1, freeMemoryBytes: 0, totalMemoryBytes: 0, refusing: null };
  #hostKnown = false;
  #schedulingUntil = -Infinity;
  #renewedAt: number;
  #heartbeatAt = Infinity;
  #heartbeatSentAt = -Infinity;
  /** No live attempt's lease ends before this. */
  #expiryCheckAt = Infinity;

  #now = 0;
  #chance: () => number = () => 0;
  #orders: SupervisorOrder[] = [];
  #outbox = new Map<LinkId, WorkerToMaster[]>();
  readonly #touched = new Set<Held>();

  constructor(options: WorkerCoreOptions) {
    this.#options = options;
    this.#heartbeatMs = options.heartbeatMs ?? WORKER_CORE_LIMITS.heartbeatMs;
    this.#renewedAt = options.renewedAt ?? -Infinity;
    for (const one of options.settled ?? []) this.#settled.set(one.report.attempt, one);
    for (const held of options.adopted ?? []) this.#adopt(held);
    if (this.#usedSlots > 0) this.#expiryCheckAt = -Infinity;
  }

  /** Advances by one input; the caller sends the messages and carries out the orders, in order. */
  handle(input: WorkerInput, moment: Moment): WorkerOutput {
    this.#now = moment.now;
    this.#chance = moment.chance;
    this.#dispatchInput(input);
    this.#flushReports();
    this.#resends.dropUnless((due) => this.#counts(due));
    const messages = [...this.#outbox].map(([link, list]) => ({ link, messages: list }));
    const orders = this.#orders;
    this.#outbox = new Map();
    this.#orders = [];
    return { messages, orders };
  }

  /** When `tick` has something to do, on the core's clock; Infinity: never, as things stand. */
  get nextWakeAt(): number {
    let next = Math.min(this.#heartbeatAt, this.#resends.nextAt, this.#expiryCheckAt);
    for (const { dueAt } of this.#probes.values()) next = Math.min(next, dueAt);
    return next;
  }

  /** True when nothing runs and everything reported is acknowledged. */
  get idle(): boolean {
    if (this.#usedSlots > 0) return false;
    for (const held of this.#held.values()) if (!held.acked) return false;
    return true;
  }

  /** What was settled since it was asked last: whoever runs it keeps that for the next incarnation. */
  takeSettled(): SettledReport[] {
    const settled = this.#newlySettled;
    this.#newlySettled = [];
    return settled;
  }

  get usedSlots(): number {
    return this.#usedSlots;
  }

  /** Since its start: attempts that ended, dispatches refused; and what is still to be acknowledged. */
  get tally(): WorkerTally {
    let unacknowledged = 0;
    for (const { phase, acked } of this.#held.values()) if (phase === 'ended' && !acked) unacknowledged += 1;
    return { attempts: { ...this.#ended }, refused: this.#refused, unacknowledged };
  }

  /** What a heartbeat says now. */
  get load(): WorkerLoad {
    const { loadAverage, cpuCount, freeMemoryBytes, totalMemoryBytes } = this.#host;
    return {
      slots: this.#options.slots,
      usedSlots: this.#usedSlots,
      loadAverage,
      cpuCount,
      freeMemoryBytes,
      totalMemoryBytes,
      busy: this.#overload() !== null,
      draining: this.#draining,
    };
  }

  #dispatchInput(input: WorkerInput): void {
    switch (input.kind) {
      case 'link-up':
        return this.#onLinkUp(input.link);
      case 'link-down':
        return this.#onLinkDown(input.link);
      case 'frame':
        return this.#onFrame(input.link, input.messages);
      case 'supervisor-events':
        for (const event of input.events) this.#onSupervisorEvent(event);
        return;
      case 'probed':
        return this.#answerProbe(input.end);
      case 'supervisor-state':
        return this.#onSupervisorState(input.held);
      case 'host':
        this.#host = input.reading;
        this.#hostKnown = true;
        return;
      case 'tick':
        return this.#onTick();
      case 'drain':
        this.#draining = true;
        return this.#heartbeat();
      case 'goodbye':
        for (const link of this.#links.keys()) this.#send(link, { kind: 'goodbye', worker: this.#options.worker });
        return;
    }
  }

  // Links and leases

  #onLinkUp(link: LinkId): void {
    this.#links.set(link, { welcomed: false, helloAt: this.#now, heartbeatsSent: [] });
    const { worker, name, host, groups, features, supersedes } = this.#options;
    this.#send(link, {
      kind: 'hello',
      worker,
      name,
      host,
      version: WIRE_VERSION,
      features: features ?? [],
      groups,
      load: this.load,
      attempts: [...this.#held.keys()],
      supersedes: supersedes ?? [],
    });
    this.#heartbeatTo(link);
    this.#heartbeatAt = Math.min(this.#heartbeatAt, this.#now + this.#heartbeatMs);
  }

  #onLinkDown(link: LinkId): void {
    this.#links.delete(link);
    if (this.#links.size === 0) this.#heartbeatAt = Infinity;
  }

  #onFrame(link: LinkId, messages: MasterToWorker[]): void {
    const state = this.#links.get(link);
    if (!state) return;
    for (const message of messages) {
      switch (message.kind) {
        case 'welcome':
          this.#onWelcome(state, message.leaseMs);
          break;
        case 'lease':
          this.#onLease(state, message.sentAt, message.leaseMs);
          break;
        case 'dispatch':
          this.#onDispatch(link, message.spec);
          break;
        case 'kill':
          this.#onKill(link, message.attempt, message.graceMs, message.cause);
          break;
        case 'ack':
          this.#onAck(link, message.attempt, message.sequence, message.verdict);
          break;
        case 'query':
          this.#onQuery(link, message.attempts);
          break;
        case 'probe':
          this.#onProbe(link, message);
          break;
        case 'log-ack':
          // Of the shipping of logs, which goes on beside this machine.
          break;
        default:
          message satisfies never;
      }
    }
  }

  /** A master counts `hello` as a heartbeat, so its answer renews as one; it also wants to hear all that is unacknowledged. */
  #onWelcome(state: LinkState, leaseMs: number): void {
    state.welcomed = true;
    this.#renew(state.helloAt, leaseMs);
    for (const held of this.#held.values()) {
      if (held.acked) continue;
      held.tries = 0;
      this.#touched.add(held);
    }
  }

  #onLease(state: LinkState, sentAt: number, leaseMs: number): void {
    const index = state.heartbeatsSent.indexOf(sentAt);
    if (index < 0) return;
    state.heartbeatsSent.splice(0, index + 1);
    this.#renew(sentAt, leaseMs);
  }

  #renew(sentAt: number, leaseMs: number): void {
    this.#schedulingUntil = Math.max(this.#schedulingUntil, sentAt + leaseMs * LEASE_FRACTION);
    if (sentAt <= this.#renewedAt) return;
    this.#renewedAt = sentAt;
    this.#orders.push({ kind: 'renew', renewedAt: sentAt });
  }

  /** Other masters hear of what one of them made of this worker by its heartbeats alone. */
  #tellLoadSoon(): void {
    if (this.#links.size < 2) return;
    const at = Math.max(this.#now, this.#heartbeatSentAt + WORKER_CORE_LIMITS.newsMs);
    this.#heartbeatAt = Math.min(this.#heartbeatAt, at);
  }

  #heartbeat(): void {
    this.#heartbeatSentAt = this.#now;
    for (const link of this.#links.keys()) this.#heartbeatTo(link);
    this.#heartbeatAt = this.#links.size === 0 ? Infinity : this.#now + this.#heartbeatMs;
  }

  #heartbeatTo(link: LinkId): void {
    const sent = this.#links.get(link)?.heartbeatsSent;
    if (!sent) return;
    if (sent.at(-1) !== this.#now) sent.push(this.#now);
    if (sent.length > WORKER_CORE_LIMITS.heartbeatsRemembered) sent.shift();
    this.#send(link, {
      kind: 'heartbeat',
      worker: this.#options.worker,
      sentAt: this.#now,
      load: this.load,
      attempts: [...this.#held.keys()],
    });
  }

  // What masters ask

  #onDispatch(link: LinkId, spec: AttemptSpec): void {
    if (this.#restate(link, spec.attempt)) return;
    const refusal = this.#refusal();
    if (refusal !== null) {
      this.#tellLoadSoon();
      this.#refused += 1;
      return this.#refuse(link, spec.attempt, { kind: 'no_capacity', reason: refusal });
    }
    const held = this.#hold(spec.attempt, spec, 'starting', { kind: 'accepted' });
    held.link = link;
    held.spec = spec;
    this.#usedSlots += 1;
    this.#expiryCheckAt = Math.min(this.#expiryCheckAt, this.#termAt(held));
    this.#orders.push({ kind: 'start', spec });
    this.#touched.add(held);
  }

  #onKill(link: LinkId, attempt: AttemptId, graceMs: number, cause: Cause): void {
    const held = this.#held.get(attempt);
    if (!held || (held.phase !== 'starting' && held.phase !== 'running')) {
      if (!this.#restate(link, attempt)) this.#refuse(link, attempt, { kind: 'tombstoned' });
      return;
    }
    held.link = link;
    if (!held.kill) this.#orderKill(held, { graceMs, cause, reason: 'order' });
  }

  #onAck(link: LinkId, attempt: AttemptId, sequence: number, verdict: 'stored' | 'unknown'): void {
    const held = this.#held.get(attempt);
    if (!held || held.report.sequence !== sequence) return;
    held.link = link;
    held.acked = true;
    if (held.phase === 'ended' || held.phase === 'refused') return this.#settle(held);
    // Nobody knows this attempt, so nobody will ever want its result or stop it.
    if (verdict === 'unknown' && !held.kill) {
      this.#orderKill(held, {
        graceMs: held.killGraceMs,
        reason: 'order',
        cause: { kind: 'error', detail: phrase('unknown_attempt', {}) },
      });
    }
  }

  #onQuery(link: LinkId, attempts: AttemptId[]): void {
    for (const attempt of attempts) {
      if (this.#restate(link, attempt)) continue;
      this.#sendReport(link, { kind: 'never_seen', attempt, sequence: this.#options.sequenceBase ?? 0 });
    }
  }

  // Connections tried

  #onProbe(link: LinkId, { id, connection, timeoutMs }: Extract<MasterToWorker, { kind: 'probe' }>): void {
    if (this.#probes.has(id)) return;
    const { probesMax, probeTimeoutMaxMs } = WORKER_CORE_LIMITS;
    if (this.#probes.size >= probesMax) {
      const detail = `busy: this worker is trying ${probesMax} connections already`;
      return this.#send(link, { kind: 'probe-result', worker: this.#options.worker, id, ok: false, detail, tookMs: 0 });
    }
    const limitMs = Math.min(Math.max(timeoutMs, 1), probeTimeoutMaxMs);
    this.#probes.set(id, { link, startedAt: this.#now, dueAt: this.#now + limitMs });
    this.#orders.push({ kind: 'probe', id, connection, timeoutMs: Math.ceil(limitMs * PROBE_FRACTION) });
  }

  #answerProbe({ id, ok, detail, tookMs }: ProbeEnd): void {
    const probe = this.#probes.get(id);
    if (!this.#probes.delete(id) || !probe || !this.#links.has(probe.link)) return;
    this.#send(probe.link, { kind: 'probe-result', worker: this.#options.worker, id, ok, detail, tookMs });
  }

  /** The supervisor has its own, shorter limit; this one is for when it has gone. */
  #expireProbes(): void {
    for (const [id, { startedAt, dueAt }] of [...this.#probes]) {
      if (this.#now < dueAt) continue;
      const tookMs = Math.round(this.#now - startedAt);
      this.#answerProbe({ id, ok: false, detail: `no answer within ${Math.round(dueAt - startedAt)} ms`, tookMs });
    }
  }

  /** Says again what is known of an attempt; false when nothing is. */
  #restate(link: LinkId, attempt: AttemptId): boolean {
    const held = this.#held.get(attempt);
    if (held) {
      held.link = link;
      this.#touched.add(held);
      return true;
    }
    const settled = this.#settled.get(attempt);
    if (settled) this.#sendReport(link, settled.report);
    return settled !== undefined;
  }

  #refusal(): string | null {
    if (this.#draining) return 'the worker is draining';
    if (this.#now > this.#schedulingUntil) return 'the scheduling lease is over';
    if (this.#usedSlots >= this.#options.slots) return `all ${this.#options.slots} slots are taken`;
    return this.#overload();
  }

  #overload(): string | null {
    if (!this.#hostKnown) return null;
    const { loadAverage, cpuCount, freeMemoryBytes, refusing } = this.#host;
    if (refusing !== null) return refusing;
    const configured = this.#options.maxLoadAverage ?? -1;
    const maxLoadAverage = configured < 0 ? cpuCount * 2 : configured;
    if (loadAverage > maxLoadAverage) return `load average ${loadAverage} is above ${maxLoadAverage}`;
    const reserved = this.#options.reservedMemoryBytes ?? 0;
    return freeMemoryBytes < reserved ? `free memory ${freeMemoryBytes} is below ${reserved} bytes` : null;
  }

  #refuse(link: LinkId, attempt: AttemptId, body: ReportBody): void {
    const held = this.#hold(attempt, { killGraceMs: 0, executionLeaseMs: 0 }, 'refused', body);
    held.link = link;
    this.#touched.add(held);
  }

  // What the supervisor says

  #onSupervisorEvent(event: SupervisorEvent): void {
    const held = this.#held.get(event.attempt);
    if (!held) {
      if (event.kind !== 'started') this.#orders.push({ kind: 'forget', attempt: event.attempt });
      return;
    }
    if (held.phase === 'ended' || held.phase === 'refused') return;
    held.spec = null;
    if (event.kind === 'started') {
      if (held.phase === 'running') return;
      held.phase = 'running';
      return this.#report(held, { kind: 'running', startedAt: event.startedAt });
    }
    held.phase = 'ended';
    if (this.#usedSlots >= this.#options.slots) this.#tellLoadSoon();
    this.#usedSlots -= 1;
    const report = endingReport(event, held.kill?.reason === 'lease');
    if (report.kind === 'no_capacity') this.#refused += 1;
    else this.#ended[report.kind === 'finished' ? report.outcome.state : 'lost'] += 1;
    this.#report(held, report);
  }

  #onSupervisorState(list: HeldAttempt[]): void {
    const known = new Map(list.map((one) => [one.attempt, one]));
    for (const held of this.#held.values()) {
      if (held.phase === 'starting' || held.phase === 'running') this.#reconcile(held, known.get(held.attempt));
    }
    for (const one of list) {
      if (this.#settled.has(one.attempt)) this.#orders.push({ kind: 'forget', attempt: one.attempt });
      else if (!this.#held.has(one.attempt)) this.#touched.add(this.#adopt(one));
    }
    if (this.#renewedAt > -Infinity) this.#orders.push({ kind: 'renew', renewedAt: this.#renewedAt });
    this.#expiryCheckAt = this.#usedSlots > 0 ? this.#now : Infinity;
  }

  #reconcile(held: Held, state: HeldAttempt | undefined): void {
    const { attempt } = held;
    if (!state && held.spec) this.#orders.push({ kind: 'start', spec: held.spec });
    else if (!state)
      this.#onSupervisorEvent({ kind: 'lost', attempt, detail: 'the supervisor does not know it any more' });
    else if (state.state.kind === 'running')
      this.#onSupervisorEvent({ kind: 'started', attempt, startedAt: state.state.startedAt });
    else if (state.state.kind !== 'starting') this.#onSupervisorEvent({ attempt, ...state.state });
    if (held.kill && held.phase !== 'ended') this.#orders.push({ kind: 'kill', attempt, ...held.kill });
  }

  #adopt(one: HeldAttempt): Held {
    const live = one.state.kind === 'starting' || one.state.kind === 'running';
    const body: ReportBody = one.state.kind === 'starting' ? { kind: 'accepted' } : one.state;
    const phase = live ? (one.state.kind === 'running' ? 'running' : 'starting') : 'ended';
    if (live) this.#usedSlots += 1;
    return this.#hold(one.attempt, one, phase, body);
  }

  // Time

  #onTick(): void {
    if (this.#now >= this.#heartbeatAt) this.#heartbeat();
    if (this.#now >= this.#expiryCheckAt) this.#checkExecutionLeases();
    this.#expireProbes();
    for (let due = this.#resends.takeDue(this.#now); due; due = this.#resends.takeDue(this.#now)) {
      if (!this.#counts(due)) continue;
      const held = this.#held.get(due.key)!;
      held.tries += 1;
      this.#touched.add(held);
    }
  }

  /** Whether a report is still to be sent again at that instant: most have been acknowledged long before. */
  #counts({ key, at }: { key: AttemptId; at: number }): boolean {
    const held = this.#held.get(key);
    return held !== undefined && !held.acked && held.dueAt === at;
  }

  #checkExecutionLeases(): void {
    let next = Infinity;
    for (const held of this.#held.values()) {
      if ((held.phase !== 'starting' && held.phase !== 'running') || held.kill) continue;
      const termAt = this.#termAt(held);
      if (termAt > this.#now) next = Math.min(next, termAt);
      else this.#orderKill(held, { ...leaseKill(held), reason: 'lease' });
    }
    this.#expiryCheckAt = next;
  }

  #termAt(held: Held): number {
    return executionDeadline(this.#renewedAt, held).termAt;
  }

  #orderKill(held: Held, kill: { graceMs: number; cause: Cause; reason: 'order' | 'lease' }): void {
    held.kill = kill;
    this.#orders.push({ kind: 'kill', attempt: held.attempt, ...kill });
  }

  // Reports

  #hold(
    attempt: AttemptId,
    terms: { killGraceMs: number; executionLeaseMs: number },
    phase: Held['phase'],
    body: ReportBody,
  ): Held {
    const held: Held = {
      attempt,
      killGraceMs: terms.killGraceMs,
      executionLeaseMs: terms.executionLeaseMs,
      phase,
      spec: null,
      kill: null,
      report: { ...body, attempt, sequence: (this.#options.sequenceBase ?? 0) + 1 },
      acked: body.kind === 'accepted',
      tries: 0,
      dueAt: 0,
      link: null,
    };
    this.#held.set(attempt, held);
    return held;
  }

  #report(held: Held, body: ReportBody): void {
    held.report = { ...body, attempt: held.attempt, sequence: held.report.sequence + 1 };
    held.acked = false;
    held.tries = 0;
    this.#touched.add(held);
  }

  #flushReports(): void {
    for (const held of this.#touched) {
      for (const link of this.#routes(held)) this.#sendReport(link, held.report);
      if (!held.acked) this.#scheduleResend(held);
    }
    this.#touched.clear();
  }

  /** The master that last spoke of it; when that one is gone, whoever is there. */
  #routes(held: Held): LinkId[] {
    if (held.link !== null && this.#links.has(held.link)) return [held.link];
    return [...this.#links].filter(([, state]) => state.welcomed).map(([link]) => link);
  }

  #scheduleResend(held: Held): void {
    const { resendFirstMs, resendMaxMs } = WORKER_CORE_LIMITS;
    const pause = Math.min(resendMaxMs, resendFirstMs * 2 ** Math.min(held.tries, 16));
    held.dueAt = this.#now + pause * (0.75 + 0.5 * this.#chance());
    this.#resends.push(held.dueAt, held.attempt);
  }

  #settle(held: Held): void {
    if (held.phase === 'ended') this.#orders.push({ kind: 'forget', attempt: held.attempt });
    this.#held.delete(held.attempt);
    this.#touched.delete(held);
    const settled = { report: slim(held.report), at: this.#now };
    this.#settled.set(held.attempt, settled);
    this.#newlySettled.push(settled);
    for (const [attempt, { at }] of this.#settled) {
      const expired = at + WORKER_CORE_LIMITS.settledKeepMs < this.#now;
      if (!expired && this.#settled.size <= WORKER_CORE_LIMITS.settledMax) break;
      this.#settled.delete(attempt);
    }
  }

  #sendReport(link: LinkId, report: AttemptReport): void {
    this.#send(link, { kind: 'report', worker: this.#options.worker, report });
  }

  #send(link: LinkId, message: WorkerToMaster): void {
    const queue = this.#outbox.get(link);
    if (queue) queue.push(message);
    else this.#outbox.set(link, [message]);
  }
}

function endingReport(
  event: Exclude<SupervisorEvent, { kind: 'started' }>,
  leaseEnded: boolean,
): Extract<ReportBody, { kind: 'lost' | 'finished' | 'no_capacity' }> {
  switch (event.kind) {
    case 'lost':
      return { kind: 'lost', detail: event.detail };
    case 'finished':
      if (leaseEnded && event.outcome.state === 'killed')
        return { kind: 'lost', detail: 'killed: the execution lease was not renewed' };
      return { kind: 'finished', outcome: event.outcome };
    case 'no_room':
      return { kind: 'no_capacity', reason: event.detail };
    case 'cannot_start':
      return {
        kind: 'finished',
        outcome: {
          state: 'failed',
          cause: event.cause,
          outputs: {},
          outputsTruncated: false,
          startedAt: event.at,
          endedAt: event.at,
        },
      };
  }
}

/** A settled result is kept without large outputs: who needs them has them. */
function slim(report: AttemptReport): AttemptReport {
  if (report.kind !== 'finished') return report;
  const size = Object.entries(report.outcome.outputs).reduce(
    (sum, [name, value]) => sum + name.length + value.length,
    0,
  );
  if (size <= WORKER_CORE_LIMITS.settledOutputsBytes) return report;
  return { ...report, outcome: { ...report.outcome, outputs: {}, outputsTruncated: true } };
}
