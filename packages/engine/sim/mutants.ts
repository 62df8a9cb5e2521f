/**
 * Deliberately broken variants. Each breaks one rule that the design rests on, and the simulation must notice it within a
 * bounded number of histories; a mutant that lives on means an invariant that nobody checks or a fault that never happens.
 */
import {
  type AttemptId,
  type AttemptSpec,
  formatAttemptId,
  isTerminalTaskRun,
  LIMITS,
  type MasterToWorker,
  type RunId,
  type WorkerToMaster,
} from '@pelorus/protocol';
import {
  type Moment,
  WorkerCore,
  type WorkerCoreOptions,
  type WorkerInput,
  type WorkerOutput,
} from '@pelorus/worker/core';
import {
  type Batch,
  type Change,
  type CommandAction,
  type Decision,
  type Event,
  type HostClock,
  isLive,
  type LinkId,
  MasterCore,
  type MasterCoreOptions,
  type PermitKey,
  Placement,
  type Run,
  type RunContext,
  type SharedClock,
  sharedClock,
  stateOf,
  type StoredRun,
} from '../src/index.ts';
import { branchesOf } from './dag.ts';
import type { Habits } from './commander.ts';
import { type Faults, NO_FAULTS } from './faults.ts';
import type { Variant } from './variant.ts';
import type { Invariant } from './violation.ts';

export interface Mutant {
  name: string;
  variant: Variant;
  /** Faults that it needs; the seed chooses the others. */
  faults?: Partial<Faults>;
  people?: Partial<Habits>;
  masters?: number;
  /** Every history has schedules. */
  schedules?: boolean;
  /** One of these must notice it; that others notice it too is fine. */
  caughtBy: Invariant[];
}

/** Sends each message of a kind once and never again. */
class SendsOnce extends MasterCore {
  protected readonly only: MasterToWorker['kind'] = 'dispatch';
  private readonly sent = new Set<AttemptId>();

  override flush(at: number): Batch | null {
    const batch = super.flush(at);
    if (!batch) return null;
    for (const [link, messages] of batch.sends)
      batch.sends.set(
        link,
        messages.filter((message) => this.isFirst(message)),
      );
    return batch;
  }

  private isFirst(message: MasterToWorker): boolean {
    if (message.kind !== this.only) return true;
    const attempt =
      message.kind === 'dispatch' ? message.spec.attempt : message.kind === 'kill' ? message.attempt : null;
    if (attempt === null) return true;
    const first = !this.sent.has(attempt);
    this.sent.add(attempt);
    return first;
  }
}

class KillsOnce extends SendsOnce {
  protected override readonly only = 'kill';
}

/** Takes a report of any attempt for one of the latest. */
class IgnoresAttemptNumbers extends MasterCore {
  protected override decide(run: Run, event: Event): Decision {
    if (event.kind !== 'report') return super.decide(run, event);
    const latest = run.attempts[event.task];
    return super.decide(run, latest ? { ...event, n: latest.n, worker: latest.worker } : event);
  }
}

/** Forgets, when an attempt fails, that its run is being stopped and that the attempt was to be killed. */
class RetriesAgainstStop extends MasterCore {
  protected override decide(run: Run, event: Event): Decision {
    const failed =
      event.kind === 'report' && event.report.kind === 'finished' && event.report.outcome.state === 'failed';
    const latest = failed ? run.attempts[event.task] : undefined;
    if (!failed || !latest?.kill || run.status.state !== 'stopping') return super.decide(run, event);
    const attempts = run.attempts.with(event.task, { ...latest, kill: null });
    return super.decide({ ...run, attempts, status: { ...run.status, state: 'running' } }, event);
  }
}

/** Believes the last result it hears, not the first. */
class OverwritesResults extends MasterCore {
  protected override decide(run: Run, event: Event): Decision {
    const record = event.kind === 'report' ? run.tasks[event.task] : undefined;
    const late =
      event.kind === 'report' &&
      event.report.kind === 'finished' &&
      record !== undefined &&
      isTerminalTaskRun(record.state);
    if (!late || run.attempts[event.task]?.n !== event.n) return super.decide(run, event);
    const changes = [
      { kind: 'task-run', record: { ...record, state: 'failed', version: run.version + 1, endedAt: event.at } },
    ] as const;
    return { changes: [...changes], effects: [], refusal: null };
  }
}

class DismissesLateResults extends MasterCore {
  protected override decide(run: Run, event: Event): Decision {
    const decision = super.decide(run, event);
    return { ...decision, changes: decision.changes.filter(({ kind }) => kind !== 'late-result') };
  }
}

class OpensGates extends MasterCore {
  protected override decide(run: Run, event: Event): Decision {
    if (event.kind !== 'gate-checked') return super.decide(run, event);
    return super.decide(run, { ...event, verdict: { ...event.verdict, kind: 'satisfied' } });
  }
}

class ForgetsGates extends MasterCore {
  private readonly takenOver = new Set<RunId>();

  override open(stored: StoredRun, context: RunContext, at: number): void {
    if (stored.status.state === 'waiting') this.takenOver.add(stored.spec.id);
    super.open(stored, context, at);
  }

  override flush(at: number): Batch | null {
    const batch = super.flush(at);
    if (batch)
      batch.questions = batch.questions.filter(({ kind, run }) => kind !== 'check-gate' || !this.takenOver.has(run));
    return batch;
  }
}

/** After a takeover it starts anew what was running, instead of asking the workers. */
class RunsAgainAfterTakeover extends MasterCore {
  override open(stored: StoredRun, context: RunContext, at: number): void {
    const tasks = stored.tasks.map((task) =>
      isLive(task.state) ? { ...task, state: 'queued' as const, readyAt: at } : task,
    );
    super.open({ ...stored, tasks }, context, at);
  }
}

/** Ends disabled tasks at once, though their predecessors still run. */
class IgnoresBarriers extends MasterCore {
  override open(stored: StoredRun, context: RunContext, at: number): void {
    const { definition } = context.workflow;
    const tasks = definition.tasks.map((task) => (task.disabled ? { ...task, needs: [] } : task));
    super.open(stored, { ...context, workflow: { ...context.workflow, definition: { ...definition, tasks } } }, at);
  }
}

/** Lets tasks go ahead of those that choose about them. */
class IgnoresBranches extends MasterCore {
  override open(stored: StoredRun, context: RunContext, at: number): void {
    const { definition } = context.workflow;
    const tasks = definition.tasks.map((task) => {
      const choosers = definition.tasks.filter(({ action }) => branchesOf(action).includes(task.name));
      return { ...task, needs: task.needs.filter((need) => !choosers.some(({ name }) => name === need)) };
    });
    super.open(stored, { ...context, workflow: { ...context.workflow, definition: { ...definition, tasks } } }, at);
  }
}

/** Runs what it should take over from an earlier run. */
class ExecutesAgain extends MasterCore {
  override open(stored: StoredRun, context: RunContext, at: number): void {
    super.open({ ...stored, tasks: stored.tasks.filter(({ state }) => state !== 'reused') }, context, at);
  }
}

/** Goes on counting as a failure what a person has forced. */
class RemembersForcedFailures extends MasterCore {
  protected override decide(run: Run, event: Event): Decision {
    const decision = super.decide(run, event);
    if (event.kind !== 'command' || event.action.kind !== 'force-success' || decision.refusal !== null) return decision;
    const index = run.graph.indexOf.get(event.action.task)!;
    if (run.tasks[index]?.state !== 'failed') return decision;
    return { ...decision, changes: decision.changes.filter((change) => change.kind !== 'task-run') };
  }
}

/** Runs what follows a failure as if it were a success. */
class IgnoresTriggerRules extends MasterCore {
  override open(stored: StoredRun, context: RunContext, at: number): void {
    const { definition } = context.workflow;
    const tasks = definition.tasks.map((task) => ({ ...task, trigger: 'all_done' as const }));
    super.open(stored, { ...context, workflow: { ...context.workflow, definition: { ...definition, tasks } } }, at);
  }
}

/** Tells workers that they may go on for four times as long as it waits for them. */
class GivesUpTooEarly extends MasterCore {
  override flush(at: number): Batch | null {
    const batch = super.flush(at);
    for (const messages of batch?.sends.values() ?? []) {
      for (const [index, message] of messages.entries()) {
        if (message.kind !== 'dispatch') continue;
        messages[index] = {
          kind: 'dispatch',
          spec: { ...message.spec, executionLeaseMs: message.spec.executionLeaseMs * 4 },
        };
      }
    }
    return batch;
  }
}

/** Gives every attempt of a silent worker up after the usual lease, whatever its task says. */
class KnowsOneLease extends MasterCore {
  protected override executionLeaseOf(): number {
    return LIMITS.executionLeaseMs;
  }
}

/** Takes task groups for ten times as large as they are. */
class OverfillsTaskGroups extends MasterCore {
  override setTaskGroups(sizes: ReadonlyMap<string, number>): void {
    super.setTaskGroups(new Map([...sizes].map(([name, size]) => [name, size * 10])));
  }
}

/** Places on workers that were drained. */
class KnowsNoDrains extends MasterCore {
  override setDrained(_names: ReadonlySet<string>, at: number): void {
    super.setDrained(new Set(), at);
  }
}

/** After a takeover it starts another child where it finds one. */
class StartsChildrenAgain extends MasterCore {
  override open(stored: StoredRun, context: RunContext, at: number): void {
    const { tasks: definitions } = context.workflow.definition;
    const tasks = stored.tasks.map((task) => {
      const waits = definitions[task.task]!.action.type === 'sub_workflow' && task.state === 'running';
      return waits ? { ...task, state: 'queued' as const, readyAt: at } : task;
    });
    super.open({ ...stored, tasks }, context, at);
  }
}

/** Keeps a command for children to itself. */
class LeavesChildrenAlone extends MasterCore {
  protected readonly kept: CommandAction['kind'] = 'stop';

  override flush(at: number): Batch | null {
    const batch = super.flush(at);
    if (!batch) return null;
    return {
      ...batch,
      changes: batch.changes.filter((change) => change.kind !== 'child-command' || change.action.kind !== this.kept),
    };
  }
}

class PausesNoChildren extends LeavesChildrenAlone {
  protected override readonly kept = 'pause';
}

/** A paused run goes on placing what was ready. */
class HoldsNothingBack extends MasterCore {
  protected override decide(run: Run, event: Event): Decision {
    const decision = super.decide(run, event);
    if (event.kind !== 'command' || event.action.kind !== 'pause') return decision;
    const held = (change: Change) => change.kind === 'task-run' && change.record.state === 'paused';
    return { ...decision, changes: decision.changes.filter((change) => !held(change)) };
  }
}

/** Asks each question of a run once, also when it was somebody else who asked it. */
class AsksNothingAgain extends MasterCore {
  private readonly takenOver = new Set<RunId>();

  override open(stored: StoredRun, context: RunContext, at: number): void {
    super.open(stored, context, at);
    if (stored.status.state !== 'queued') this.takenOver.add(stored.spec.id);
  }

  override flush(at: number): Batch | null {
    const batch = super.flush(at);
    if (batch) batch.questions = batch.questions.filter(({ run }) => !this.takenOver.has(run));
    this.takenOver.clear();
    return batch;
  }
}

/** Counts whoever says goodbye or loses its connection as gone, and what it held as lost. */
class TakesBrokenLinksForDeath extends MasterCore {
  private readonly at = new Map<LinkId, { worker: string; at: number }>();

  override frame(link: LinkId, messages: readonly WorkerToMaster[], at: number): void {
    for (const message of messages) if (message.kind === 'hello') this.at.set(link, { worker: message.worker, at });
    super.frame(link, messages, at);
  }

  override linkDown(link: LinkId): void {
    const gone = this.at.get(link);
    super.linkDown(link);
    if (!gone) return;
    for (const run of this.runs.values())
      for (const attempt of run.attempts) if (attempt?.worker === gone.worker) this.lose(run, attempt.task, gone.at);
  }

  private lose(run: Run, task: number, at: number): void {
    const attempt = run.attempts[task]!;
    if (!isLive(stateOf(run, task))) return;
    const report = { kind: 'lost', attempt: formatAttemptId(attempt), sequence: 0, detail: '' } as const;
    const link = [...this.at].find(([, { worker }]) => worker === attempt.worker)![0];
    super.frame(
      link,
      [
        {
          kind: 'hello',
          worker: attempt.worker,
          name: '',
          host: '',
          version: 1,
          features: [],
          groups: [],
          load: NO_LOAD,
          attempts: [],
          supersedes: [],
        },
        { kind: 'report', worker: attempt.worker, report },
      ],
      at,
    );
    super.linkDown(link);
  }
}

const NO_LOAD = {
  slots: 0,
  usedSlots: 0,
  loadAverage: -1,
  cpuCount: 1,
  freeMemoryBytes: 0,
  totalMemoryBytes: 0,
  busy: true,
  draining: true,
};

/** Orders a start for every dispatch that it hears. */
class StartsEveryDispatch extends WorkerCore {
  private readonly seen = new Set<AttemptId>();

  override handle(input: WorkerInput, moment: Moment): WorkerOutput {
    const output = super.handle(input, moment);
    if (input.kind !== 'frame') return output;
    for (const message of input.messages) {
      if (message.kind !== 'dispatch') continue;
      if (this.seen.has(message.spec.attempt)) output.orders.push({ kind: 'start', spec: message.spec });
      this.seen.add(message.spec.attempt);
    }
    return output;
  }
}

/** Throws away a kill for an attempt that it has not heard of. */
class LeavesNoTombstones extends WorkerCore {
  private readonly seen = new Set<AttemptId>();

  override handle(input: WorkerInput, moment: Moment): WorkerOutput {
    if (input.kind !== 'frame') return super.handle(input, moment);
    for (const message of input.messages) if (message.kind === 'dispatch') this.seen.add(message.spec.attempt);
    const messages = input.messages.filter((message) => message.kind !== 'kill' || this.seen.has(message.attempt));
    return super.handle({ ...input, messages }, moment);
  }
}

/** Says everything once. */
class ReportsOnce extends WorkerCore {
  private readonly said = new Set<string>();

  override handle(input: WorkerInput, moment: Moment): WorkerOutput {
    const { messages, orders } = super.handle(input, moment);
    return {
      orders,
      messages: messages.map(({ link, messages: frame }) => ({
        link,
        messages: frame.filter((message) => this.isNew(message)),
      })),
    };
  }

  private isNew(message: WorkerToMaster): boolean {
    if (message.kind !== 'report') return true;
    const key = `${message.report.attempt} ${message.report.sequence}`;
    const isNew = !this.said.has(key);
    this.said.add(key);
    return isNew;
  }
}

/** Neither it nor its supervisor minds the end of an execution lease. */
class OutlivesItsLease extends WorkerCore {
  override handle(input: WorkerInput, moment: Moment): WorkerOutput {
    const { messages, orders } = super.handle(input, moment);
    return { messages, orders: orders.filter((order) => order.kind !== 'kill' || order.reason !== 'lease') };
  }
}

/** Counts what its own runs hold of a task group, and nothing else. */
class CountsItsOwnRuns extends MasterCore {
  protected override newPlacement({ selector, random }: MasterCoreOptions): Placement {
    return new Placement(selector, random);
  }
}

/** Takes it for granted that it gets the permits that it asks for. */
class WaitsForNoPermit extends MasterCore {
  private asked: PermitKey[] = [];

  override permitsGranted(_granted: readonly PermitKey[], at: number): void {
    super.permitsGranted(this.asked, at);
  }

  override flush(at: number): Batch | null {
    const batch = super.flush(at);
    if (batch?.permits) this.asked = batch.permits.wants;
    return batch;
  }
}

/** A group that nobody can serve now keeps all others waiting. */
class BlocksBehindOneGroup extends MasterCore {
  protected override newPlacement({ selector, random, alone }: MasterCoreOptions): Placement {
    return new OneLine(selector, random, alone === false);
  }
}

class OneLine extends Placement {
  override placeAll(place: Parameters<Placement['placeAll']>[0]): void {
    for (const [group, queues] of this.queues)
      for (const [type, { length }] of queues) if (length > 0 && this.choose(group, type) === null) return;
    super.placeAll(place);
  }
}

/** Takes every worker for one that can run everything. */
class AsksForNoFeatures extends MasterCore {
  protected override newPlacement({ selector, random, alone }: MasterCoreOptions): Placement {
    return new AnyWorker(selector, random, alone === false);
  }
}

class AnyWorker extends Placement {
  protected override canRun(): boolean {
    return true;
  }
}

/** Places on a worker again as soon as it has refused. */
class NeverLeavesAlone extends MasterCore {
  protected override leaveAlone(): void {}
}

/** Believes that workers have all of their slots for it alone. */
class KnowsNoOtherMasters extends MasterCore {
  override frame(link: LinkId, messages: readonly WorkerToMaster[], at: number): void {
    super.frame(
      link,
      messages.map((message) =>
        'load' in message ? { ...message, load: { ...message.load, usedSlots: 0 } } : message,
      ),
      at,
    );
  }
}

/** Does not hear that a worker is over its limits. */
class IgnoresOverload extends MasterCore {
  override frame(link: LinkId, messages: readonly WorkerToMaster[], at: number): void {
    super.frame(
      link,
      messages.map((message) => ('load' in message ? { ...message, load: { ...message.load, busy: false } } : message)),
      at,
    );
  }
}

/** Takes what it is sent, whatever its host says. */
class TakesWorkWhileBusy extends WorkerCore {
  override handle(input: WorkerInput, moment: Moment): WorkerOutput {
    return input.kind === 'host' ? { messages: [], orders: [] } : super.handle(input, moment);
  }
}

/** Says how many slots it has, and takes more. */
class OverfillsItsSlots extends WorkerCore {
  private readonly slots: number;

  constructor(options: WorkerCoreOptions) {
    super({ ...options, slots: options.slots * 10 });
    this.slots = options.slots;
  }

  override handle(input: WorkerInput, moment: Moment): WorkerOutput {
    const { messages, orders } = super.handle(input, moment);
    const said = (message: WorkerToMaster): WorkerToMaster =>
      'load' in message ? { ...message, load: { ...message.load, slots: this.slots, usedSlots: 0 } } : message;
    return { orders, messages: messages.map(({ link, messages: frame }) => ({ link, messages: frame.map(said) })) };
  }
}

/** Counts its leases from the arrival of the answer, not from the sending of the heartbeat. */
class CountsFromReceipt extends WorkerCore {
  override handle(input: WorkerInput, moment: Moment): WorkerOutput {
    const { messages, orders } = super.handle(input, moment);
    return {
      messages,
      orders: orders
        .filter((order) => order.kind !== 'kill' || order.reason !== 'lease')
        .map((order) => (order.kind === 'renew' ? { kind: 'renew', renewedAt: moment.now } : order)),
    };
  }
}

/** Counts a lease from the last heartbeat that it sent, answered or not. */
class RenewsItself extends WorkerCore {
  override handle(input: WorkerInput, moment: Moment): WorkerOutput {
    const { messages, orders } = super.handle(input, moment);
    const beats = messages.some(({ messages: frame }) => frame.some(({ kind }) => kind === 'heartbeat'));
    if (beats) orders.push({ kind: 'renew', renewedAt: moment.now });
    return { messages, orders: orders.filter((order) => order.kind !== 'kill' || order.reason !== 'lease') };
  }
}

/** Uses the whole execution lease, and leaves nothing for clocks that run at different speeds. */
class UsesTheWholeLease extends WorkerCore {
  override handle(input: WorkerInput, moment: Moment): WorkerOutput {
    if (input.kind !== 'frame') return super.handle(input, moment);
    const messages = input.messages.map((message): MasterToWorker => {
      if (message.kind !== 'dispatch') return message;
      const { spec } = message;
      return { kind: 'dispatch', spec: { ...spec, executionLeaseMs: spec.executionLeaseMs / 0.9 } };
    });
    return super.handle({ ...input, messages }, moment);
  }
}

/** Takes for granted that masters want what they sent once, however long ago that was. */
class SchedulingLeaseNeverEnds extends WorkerCore {
  override handle(input: WorkerInput, moment: Moment): WorkerOutput {
    if (input.kind !== 'frame') return super.handle(input, moment);
    const messages = input.messages.map((message) =>
      message.kind === 'welcome' || message.kind === 'lease' ? { ...message, leaseMs: 1e9 } : message,
    );
    return super.handle({ ...input, messages }, moment);
  }
}

/** Forgets that an attempt was killed before it was heard of, as soon as the master knows. */
class ForgetsTombstones extends WorkerCore {
  private readonly refused = new Set<AttemptId>();
  private readonly forgotten = new Set<AttemptId>();

  override handle(input: WorkerInput, moment: Moment): WorkerOutput {
    const dispatches: AttemptSpec[] = [];
    for (const message of input.kind === 'frame' ? input.messages : []) {
      if (message.kind === 'ack' && this.refused.has(message.attempt)) this.forgotten.add(message.attempt);
      if (message.kind === 'dispatch' && this.forgotten.has(message.spec.attempt)) dispatches.push(message.spec);
    }
    const output = super.handle(input, moment);
    for (const { messages } of output.messages)
      for (const message of messages)
        if (message.kind === 'report' && message.report.kind === 'tombstoned') this.refused.add(message.report.attempt);
    for (const spec of dispatches) output.orders.push({ kind: 'start', spec });
    return output;
  }
}

/** Takes what its host shows at the start for a time that has been: it is not gone back behind. */
function startingWithTheHosts(host: HostClock): SharedClock {
  const clock = sharedClock(host);
  let latest = host.now();
  return {
    ...clock,
    now: () => {
      latest = Math.max(latest, clock.now());
      return latest;
    },
  };
}

export const MUTANTS: Mutant[] = [
  {
    name: 'a stale acknowledgement of a former owner is not fenced',
    variant: { unfencedWhenNothingChanges: true },
    faults: { duplicateFrame: 0.2 },
    masters: 3,
    caughtBy: ['S6'],
  },
  {
    name: 'acknowledgements leave before the commit',
    variant: { acksBeforeCommit: true },
    faults: { storeFails: 0.05 },
    caughtBy: ['S6'],
  },
  {
    name: 'runs are handed back before the last commit',
    variant: { releasesTooEarly: true },
    faults: { masterStopMs: 8_000 },
    masters: 2,
    caughtBy: ['S1', 'S5', 'S4'],
  },
  {
    name: 'runs are taken over without fencing their owner',
    variant: { takesWithoutFencing: true },
    faults: { masterPauseMs: 8_000 },
    masters: 3,
    caughtBy: ['S1'],
  },
  {
    name: 'masters go by the clocks of their hosts',
    variant: { masterClock: (host) => ({ ...host, heard: () => {} }) },
    faults: { ...NO_FAULTS, wallClockOffMs: 3_600_000, partitionMs: 6_000 },
    masters: 3,
    caughtBy: ['S2'],
  },
  {
    name: 'a master whose host is ahead waits until the store has come so far',
    variant: { masterClock: startingWithTheHosts },
    faults: { ...NO_FAULTS, wallClockOffMs: 3_600_000 },
    masters: 2,
    caughtBy: ['L3'],
  },
  {
    name: 'a group that nobody serves keeps the others waiting',
    variant: { masterCore: (options) => new BlocksBehindOneGroup(options) },
    faults: NO_FAULTS,
    caughtBy: ['L3'],
  },
  {
    name: 'tasks go to workers that cannot run them',
    variant: { masterCore: (options) => new AsksForNoFeatures(options) },
    caughtBy: ['features'],
  },
  {
    name: 'a worker that refused is asked again at once',
    variant: { masterCore: (options) => new NeverLeavesAlone(options) },
    faults: { hostBusyMs: 5_000 },
    caughtBy: ['overload'],
  },
  {
    name: 'a master knows nothing of the slots that others use',
    variant: { masterCore: (options) => new KnowsNoOtherMasters(options) },
    masters: 3,
    faults: NO_FAULTS,
    caughtBy: ['overload'],
  },
  {
    name: 'overloaded workers get new attempts',
    variant: { masterCore: (options) => new IgnoresOverload(options) },
    faults: { hostBusyMs: 5_000 },
    caughtBy: ['overload'],
  },
  {
    name: 'an overloaded worker takes new attempts',
    variant: { workerCore: (options) => new TakesWorkWhileBusy(options) },
    faults: { hostBusyMs: 5_000 },
    caughtBy: ['overload'],
  },
  {
    name: 'a worker takes more than its slots',
    variant: { workerCore: (options) => new OverfillsItsSlots(options) },
    masters: 3,
    caughtBy: ['S10'],
  },
  {
    name: 'leases count from the arrival of the answer',
    variant: { workerCore: (options) => new CountsFromReceipt(options) },
    caughtBy: ['lease'],
  },
  {
    name: 'leases count from heartbeats that nobody answered',
    variant: { workerCore: (options) => new RenewsItself(options) },
    caughtBy: ['lease'],
  },
  {
    name: 'a worker uses the whole execution lease',
    variant: { workerCore: (options) => new UsesTheWholeLease(options) },
    faults: { partitionMs: 10_000 },
    caughtBy: ['lease'],
  },
  {
    name: 'a worker takes attempts though its scheduling lease is over',
    variant: { workerCore: (options) => new SchedulingLeaseNeverEnds(options) },
    faults: { ...NO_FAULTS, agentPauseMs: 4_000 },
    caughtBy: ['lease'],
  },
  {
    name: 'a tombstone is forgotten when the master knows of it',
    variant: { workerCore: (options) => new ForgetsTombstones(options) },
    faults: { delayFrame: 0.2, duplicateFrame: 0.2 },
    people: { stop: 0.5, killTask: 0.5 },
    caughtBy: ['S9'],
  },
  {
    name: 'a kill ends only what was started',
    variant: { killsOnlyDirectChild: true },
    people: { stop: 0.5, killTask: 0.5 },
    caughtBy: ['S2', 'S9'],
  },
  { name: 'messages leave before the commit', variant: { sendBeforeCommit: true }, caughtBy: ['S6', 'S9'] },
  {
    name: 'an unknown commit is taken for done',
    variant: { unknownOutcomeIs: 'executed' },
    faults: { storeUnknownLost: 0.05 },
    caughtBy: ['S6', 'S5', 'S4', 'S3', 'L4'],
  },
  {
    name: 'an unknown commit is taken for not done, and memory is kept',
    variant: { unknownOutcomeIs: 'lost' },
    faults: { storeUnknownLost: 0.05 },
    caughtBy: ['S6', 'S5', 'L4', 'L1', 'S3', 'oracle'],
  },
  {
    name: 'the fence is not checked',
    variant: { fenceNotChecked: true },
    faults: { masterCrashMs: 10_000, storeUnknownExecuted: 0.1 },
    caughtBy: ['S1'],
  },
  {
    name: 'reports are taken for the latest attempt',
    variant: { masterCore: (options) => new IgnoresAttemptNumbers(options) },
    faults: { duplicateFrame: 0.3 },
    caughtBy: ['S2', 'S4', 'S6', 'oracle'],
  },
  {
    name: 'retry ignores stop',
    variant: { masterCore: (options) => new RetriesAgainstStop(options) },
    caughtBy: ['L4', 'S9', 'oracle'],
  },
  {
    name: 'a late result overwrites the end',
    variant: { masterCore: (options) => new OverwritesResults(options) },
    faults: { duplicateFrame: 0.3 },
    caughtBy: ['S4'],
  },
  {
    name: 'a late result is dismissed',
    variant: { masterCore: (options) => new DismissesLateResults(options) },
    faults: { ...NO_FAULTS, agentCrashMs: 15_000 },
    caughtBy: ['evidence'],
  },
  {
    name: 'takeover runs again what is running',
    variant: { masterCore: (options) => new RunsAgainAfterTakeover(options) },
    faults: { masterCrashMs: 15_000 },
    caughtBy: ['S5', 'S2', 'L4'],
  },
  {
    name: 'a skipped task is no barrier',
    variant: { masterCore: (options) => new IgnoresBarriers(options) },
    caughtBy: ['S3', 'oracle'],
  },
  {
    name: 'trigger rules are not looked at',
    variant: { masterCore: (options) => new IgnoresTriggerRules(options) },
    caughtBy: ['S3', 'oracle'],
  },
  {
    name: 'workers are given up before their execution lease ends',
    variant: { masterCore: (options) => new GivesUpTooEarly(options) },
    faults: { ...NO_FAULTS, partitionMs: 5_000 },
    caughtBy: ['S2'],
  },
  {
    name: 'the execution leases of tasks are not waited for',
    variant: { masterCore: (options) => new KnowsOneLease(options) },
    faults: { ...NO_FAULTS, partitionMs: 5_000 },
    people: { waits: 0, stop: 0, killTask: 0 },
    masters: 1,
    caughtBy: ['S2'],
  },
  {
    name: 'a broken link is taken for death',
    variant: { masterCore: (options) => new TakesBrokenLinksForDeath(options) },
    faults: { breakLink: 0.02 },
    caughtBy: ['S2'],
  },
  {
    name: 'a branch is no barrier',
    variant: { masterCore: (options) => new IgnoresBranches(options) },
    caughtBy: ['S3', 'oracle'],
  },
  {
    name: 'a result that was taken over is made again',
    variant: { masterCore: (options) => new ExecutesAgain(options) },
    caughtBy: ['S4', 'oracle'],
  },
  {
    name: 'a forced success changes nothing',
    variant: { masterCore: (options) => new RemembersForcedFailures(options) },
    people: { forceSuccess: 0.5 },
    caughtBy: ['defect', 'oracle'],
  },
  { name: 'the next run in line is not started', variant: { turns: 'not passed' }, caughtBy: ['L4'] },
  { name: 'the newest run in line goes first', variant: { turns: 'newest first' }, caughtBy: ['turns'] },
  {
    name: 'a child that gets its turn does not know that its parent is paused',
    variant: { turnsForgetPause: true },
    people: { pause: 1, stop: 0, serial: 1 },
    faults: NO_FAULTS,
    caughtBy: ['L4'],
  },
  {
    name: 'commands overtake each other',
    variant: { commandsOvertake: true },
    faults: { storeFails: 0.1 },
    caughtBy: ['defect'],
  },
  { name: 'the end of a child is not told to its parent', variant: { childEndsNotTold: true }, caughtBy: ['L4'] },
  {
    name: 'a child is started again after a takeover',
    variant: { masterCore: (options) => new StartsChildrenAgain(options) },
    caughtBy: ['S5', 'S11'],
  },
  {
    name: 'stop is not handed to children',
    variant: { masterCore: (options) => new LeavesChildrenAlone(options) },
    caughtBy: ['L4'],
  },
  {
    name: 'pause is not handed to children',
    variant: { masterCore: (options) => new PausesNoChildren(options) },
    caughtBy: ['L4'],
  },
  {
    name: 'pause holds nothing back',
    variant: { masterCore: (options) => new HoldsNothingBack(options) },
    people: { pause: 1 },
    caughtBy: ['S9', 'L4'],
  },
  {
    name: 'a question is not asked again after a takeover',
    variant: { masterCore: (options) => new AsksNothingAgain(options) },
    caughtBy: ['L1'],
  },
  {
    name: 'task groups are overfilled',
    variant: { masterCore: (options) => new OverfillsTaskGroups(options) },
    masters: 1,
    caughtBy: ['S10'],
  },
  {
    name: 'each of several masters fills task groups for itself',
    variant: { masterCore: (options) => new CountsItsOwnRuns(options) },
    masters: 3,
    caughtBy: ['S10'],
  },
  {
    name: 'permits are used though they were not granted',
    variant: { masterCore: (options) => new WaitsForNoPermit(options) },
    masters: 3,
    caughtBy: ['S10'],
  },
  {
    name: 'drained workers get new attempts',
    variant: { masterCore: (options) => new KnowsNoDrains(options) },
    faults: { operatorDrainMs: 10_000 },
    caughtBy: ['drain'],
  },
  {
    name: 'dispatch is not sent again',
    variant: { masterCore: (options) => new SendsOnce(options) },
    faults: { dropFrame: 0.2 },
    caughtBy: ['L1'],
  },
  {
    name: 'kill is not sent again',
    variant: { masterCore: (options) => new KillsOnce(options) },
    faults: { dropFrame: 0.2 },
    people: { stop: 0.5, killTask: 0.5 },
    caughtBy: ['L1'],
  },
  {
    name: 'dispatch is not de-duplicated',
    variant: { workerCore: (options) => new StartsEveryDispatch(options), supervisorStartsTwice: true },
    faults: { duplicateFrame: 0.2 },
    caughtBy: ['S2'],
  },
  {
    name: 'a kill that comes first is forgotten',
    variant: { workerCore: (options) => new LeavesNoTombstones(options) },
    faults: { delayFrame: 0.2 },
    caughtBy: ['S9', 'L1'],
  },
  {
    name: 'reports are not sent again',
    variant: { workerCore: (options) => new ReportsOnce(options) },
    faults: { dropFrame: 0.2 },
    caughtBy: ['L1'],
  },
  {
    name: 'attempts outlive their execution lease',
    variant: { workerCore: (options) => new OutlivesItsLease(options), supervisorIgnoresLeases: true },
    faults: { partitionMs: 15_000 },
    caughtBy: ['S2', 'S9', 'lease'],
  },
  {
    name: 'agent and supervisor die, and nobody watches what they ran',
    variant: { supervisorHasNoGuardian: true },
    faults: { ...NO_FAULTS, agentCrashMs: 15_000, supervisorCrashMs: 5_000 },
    caughtBy: ['S2'],
  },
  {
    name: 'a new agent does not ask its supervisor',
    variant: { workerCore: (options) => new WorkerCore(without(options, 'adopted')) },
    faults: { agentCrashMs: 10_000 },
    caughtBy: ['S2', 'S9'],
  },
  {
    name: 'a new agent does not say whom it follows',
    variant: { workerCore: (options) => new WorkerCore(without(options, 'supersedes')) },
    faults: { agentCrashMs: 10_000 },
    caughtBy: ['defect', 'S2'],
  },
  {
    name: 'one of several masters thinks it is alone',
    variant: { masterCore: (options) => new MasterCore({ ...options, alone: true }) },
    masters: 3,
    caughtBy: ['S6', 'S2', 'defect'],
  },
  {
    name: 'an agent never hangs up on a silent master',
    variant: { agentNeverHangsUp: true },
    faults: { ...NO_FAULTS, agentPauseMs: 15_000, partitionMs: 15_000, breakLink: 0.02 },
    caughtBy: ['L1', 'L3'],
  },
  {
    name: 'rows of ticks are written after their runs, in a transaction of their own',
    variant: { ticks: 'rows apart' },
    schedules: true,
    caughtBy: ['S8'],
  },
  {
    name: 'a master reckons from memory which tick is next',
    variant: { ticks: 'from memory' },
    schedules: true,
    masters: 2,
    caughtBy: ['S8'],
  },
  {
    name: 'a master that takes over fires the last tick again',
    variant: { ticks: 'again after a takeover' },
    schedules: true,
    caughtBy: ['S8'],
  },
  {
    name: 'a run that waits at its gate begins whatever the answer is',
    variant: { masterCore: (options) => new OpensGates(options) },
    schedules: true,
    caughtBy: ['oracle'],
  },
  {
    name: 'nobody asks again for a run that was taken over at its gate',
    variant: { masterCore: (options) => new ForgetsGates(options) },
    schedules: true,
    caughtBy: ['L1'],
  },
];

function without(options: WorkerCoreOptions, key: 'adopted' | 'supersedes'): WorkerCoreOptions {
  const rest = { ...options };
  delete rest[key];
  return rest;
}
