import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type {
  AttemptId,
  AttemptOutcome,
  AttemptReport,
  AttemptSpec,
  Cause,
  MasterId,
  MasterToWorker,
  WorkerId,
  WorkerToMaster,
} from '@pelorus/protocol';
import { executionDeadline } from './execution-lease.ts';
import {
  WORKER_CORE_LIMITS,
  WorkerCore,
  type SupervisorOrder,
  type WorkerCoreOptions,
  type WorkerInput,
  type WorkerOutput,
} from './core.ts';

const id = (text: string): AttemptId => text as AttemptId;
const cause: Cause = { kind: 'killed_by', user: 'u' };
const specOf = (attempt: string, more: Partial<AttemptSpec> = {}): AttemptSpec => ({
  attempt: id(attempt),
  project: 'p',
  workflow: 'w',
  task: 't',
  logicalDate: '2024-03-15T00:00:00Z',
  action: { type: 'shell', run: 'true', file: null, shell: 'sh', substitution: 'env' },
  params: {},
  env: {},
  files: [],
  connection: null,
  outputs: {},
  killGraceMs: 10_000,
  executionLeaseMs: 60_000,
  ...more,
});
const outcomeOf = (state: AttemptOutcome['state']): AttemptOutcome => ({
  state,
  cause: state === 'succeeded' ? null : cause,
  outputs: {},
  outputsTruncated: false,
  startedAt: 1,
  endedAt: 2,
});

/** A core with one link, driven by hand. */
class Bench {
  readonly core: WorkerCore;
  now = 1_000_000;
  chance = 0.5;

  constructor(options: Partial<WorkerCoreOptions> = {}) {
    this.core = new WorkerCore({
      worker: 'w-1' as WorkerId,
      name: 'n',
      host: 'h',
      groups: ['default'],
      slots: 2,
      ...options,
    });
  }

  step(input: WorkerInput): WorkerOutput {
    return this.core.handle(input, { now: this.now, chance: () => this.chance });
  }

  frame(...messages: MasterToWorker[]): WorkerOutput {
    return this.step({ kind: 'frame', link: 'L', messages });
  }

  /** Link up, welcomed and the first heartbeat answered. */
  join(): this {
    this.step({ kind: 'link-up', link: 'L' });
    this.frame({ kind: 'welcome', master: 'm' as MasterId, version: 1, leaseMs: 15_000 }, this.lease(this.now));
    return this;
  }

  lease(sentAt: number): MasterToWorker {
    return { kind: 'lease', sentAt, leaseMs: 15_000, accepting: true };
  }

  dispatch(attempt: string, more: Partial<AttemptSpec> = {}): WorkerOutput {
    return this.frame({ kind: 'dispatch', spec: specOf(attempt, more) });
  }

  kill(attempt: string): WorkerOutput {
    return this.frame({ kind: 'kill', attempt: id(attempt), graceMs: 10_000, cause });
  }

  ack(attempt: string, sequence: number, verdict: 'stored' | 'unknown' = 'stored'): WorkerOutput {
    return this.frame({ kind: 'ack', attempt: id(attempt), sequence, verdict });
  }

  started(attempt: string): WorkerOutput {
    return this.step({ kind: 'supervisor-events', events: [{ kind: 'started', attempt: id(attempt), startedAt: 7 }] });
  }

  finished(attempt: string, state: AttemptOutcome['state'] = 'succeeded'): WorkerOutput {
    return this.step({
      kind: 'supervisor-events',
      events: [{ kind: 'finished', attempt: id(attempt), outcome: outcomeOf(state) }],
    });
  }

  /** Advances in the steps that the core asks for, answering no one; gathers what comes out. */
  pass(ms: number): {
    reports: { at: number; report: AttemptReport }[];
    orders: SupervisorOrder[];
    heartbeats: number[];
  } {
    const end = this.now + ms;
    const seen: { reports: { at: number; report: AttemptReport }[]; orders: SupervisorOrder[]; heartbeats: number[] } =
      { reports: [], orders: [], heartbeats: [] };
    for (let guard = 0; guard < 10_000 && this.core.nextWakeAt <= end; guard += 1) {
      this.now = Math.max(this.now, this.core.nextWakeAt);
      const out = this.step({ kind: 'tick' });
      seen.reports.push(...reportsIn(out).map((report) => ({ at: this.now, report })));
      seen.orders.push(...out.orders);
      seen.heartbeats.push(
        ...messagesIn(out)
          .filter((message) => message.kind === 'heartbeat')
          .map((message) => message.sentAt),
      );
    }
    this.now = end;
    return seen;
  }
}

const messagesIn = (out: WorkerOutput): WorkerToMaster[] => out.messages.flatMap((one) => one.messages);
const reportsIn = (out: WorkerOutput): AttemptReport[] =>
  messagesIn(out).flatMap((message) => (message.kind === 'report' ? [message.report] : []));

describe('joining', () => {
  test('says hello and a heartbeat at once, naming all attempts held and the incarnations taken over', () => {
    const bench = new Bench({
      supersedes: ['w-0' as WorkerId],
      adopted: [
        { attempt: id('1.0.1'), killGraceMs: 1, executionLeaseMs: 60_000, state: { kind: 'running', startedAt: 3 } },
      ],
    });
    const [hello, heartbeat, ...rest] = messagesIn(bench.step({ kind: 'link-up', link: 'L' }));
    expect(hello).toMatchObject({ kind: 'hello', worker: 'w-1', attempts: ['1.0.1'], supersedes: ['w-0'], version: 1 });
    expect(heartbeat).toMatchObject({ kind: 'heartbeat', sentAt: bench.now, attempts: ['1.0.1'] });
    expect(rest).toEqual([]);
  });

  test('reports what was adopted only when welcomed, numbered after earlier incarnations', () => {
    const bench = new Bench({
      sequenceBase: 100,
      adopted: [
        { attempt: id('1.0.1'), killGraceMs: 1, executionLeaseMs: 60_000, state: { kind: 'running', startedAt: 3 } },
        {
          attempt: id('1.1.1'),
          killGraceMs: 1,
          executionLeaseMs: 60_000,
          state: { kind: 'finished', outcome: outcomeOf('failed') },
        },
        { attempt: id('1.2.1'), killGraceMs: 1, executionLeaseMs: 60_000, state: { kind: 'lost', detail: 'd' } },
      ],
    });
    expect(reportsIn(bench.step({ kind: 'link-up', link: 'L' }))).toEqual([]);
    const out = bench.frame({ kind: 'welcome', master: 'm' as MasterId, version: 1, leaseMs: 15_000 });
    expect(reportsIn(out)).toEqual([
      { kind: 'running', startedAt: 3, attempt: '1.0.1', sequence: 101 },
      { kind: 'finished', outcome: outcomeOf('failed'), attempt: '1.1.1', sequence: 101 },
      { kind: 'lost', detail: 'd', attempt: '1.2.1', sequence: 101 },
    ]);
    expect(bench.core.usedSlots).toBe(1);
  });

  test('heartbeats every interval while a link is up and not without one', () => {
    const bench = new Bench().join();
    expect(bench.pass(12_000).heartbeats).toEqual([1_004_000, 1_008_000, 1_012_000]);
    bench.step({ kind: 'link-down', link: 'L' });
    expect(bench.pass(12_000).heartbeats).toEqual([]);
  });
});

describe('dispatch', () => {
  test('is accepted once, started once, and a duplicate is answered with what is known', () => {
    const bench = new Bench().join();
    const first = bench.dispatch('1.0.1');
    expect(first.orders).toEqual([{ kind: 'start', spec: specOf('1.0.1') }]);
    expect(reportsIn(first)).toEqual([{ kind: 'accepted', attempt: '1.0.1', sequence: 1 }]);

    const again = bench.dispatch('1.0.1');
    expect(again.orders).toEqual([]);
    expect(reportsIn(again)).toEqual([{ kind: 'accepted', attempt: '1.0.1', sequence: 1 }]);

    bench.started('1.0.1');
    expect(reportsIn(bench.dispatch('1.0.1'))).toEqual([
      { kind: 'running', startedAt: 7, attempt: '1.0.1', sequence: 2 },
    ]);
    bench.finished('1.0.1');
    expect(reportsIn(bench.dispatch('1.0.1'))).toEqual([
      { kind: 'finished', outcome: outcomeOf('succeeded'), attempt: '1.0.1', sequence: 3 },
    ]);
  });

  test('a duplicate that arrives after the result was acknowledged gets the result again and starts nothing', () => {
    const bench = new Bench().join();
    bench.dispatch('1.0.1');
    bench.finished('1.0.1');
    expect(bench.ack('1.0.1', 2).orders).toEqual([{ kind: 'forget', attempt: '1.0.1' }]);
    bench.now += 3_600_000;
    const late = bench.dispatch('1.0.1');
    expect(late.orders).toEqual([]);
    expect(reportsIn(late)).toEqual([
      { kind: 'finished', outcome: outcomeOf('succeeded'), attempt: '1.0.1', sequence: 2 },
    ]);
  });

  test('beyond the slots is refused, and the refused attempt never starts, even when a slot is free', () => {
    const bench = new Bench({ slots: 1 }).join();
    bench.dispatch('1.0.1');
    const refused = bench.dispatch('1.1.1');
    expect(refused.orders).toEqual([]);
    expect(reportsIn(refused)).toEqual([
      { kind: 'no_capacity', reason: 'all 1 slots are taken', attempt: '1.1.1', sequence: 1 },
    ]);
    bench.finished('1.0.1');
    bench.ack('1.1.1', 1);
    const again = bench.dispatch('1.1.1');
    expect(again.orders).toEqual([]);
    expect(reportsIn(again)).toMatchObject([{ kind: 'no_capacity' }]);
    expect(bench.dispatch('1.2.1').orders).toHaveLength(1);
  });

  test('is refused while draining, and running attempts go on', () => {
    const bench = new Bench().join();
    bench.dispatch('1.0.1');
    expect(messagesIn(bench.step({ kind: 'drain' }))).toMatchObject([{ kind: 'heartbeat', load: { draining: true } }]);
    expect(reportsIn(bench.dispatch('1.1.1'))).toMatchObject([
      { kind: 'no_capacity', reason: 'the worker is draining' },
    ]);
    expect(bench.core.usedSlots).toBe(1);
    expect(bench.core.idle).toBe(false);
    bench.finished('1.0.1');
    bench.ack('1.0.1', 2);
    bench.ack('1.1.1', 1);
    expect(bench.core.idle).toBe(true);
  });

  test.each([
    [
      'load',
      { loadAverage: 9, cpuCount: 4, freeMemoryBytes: 1e9, totalMemoryBytes: 2e9, refusing: null },
      'load average 9 is above 8',
    ],
    [
      'memory',
      { loadAverage: 1, cpuCount: 4, freeMemoryBytes: 1e3, totalMemoryBytes: 2e9, refusing: null },
      'free memory 1000 is below 5000 bytes',
    ],
    [
      'a full disk',
      { loadAverage: 1, cpuCount: 4, freeMemoryBytes: 1e9, totalMemoryBytes: 2e9, refusing: 'disk full' },
      'disk full',
    ],
  ])('is refused over the limit of %s, which the load calls busy', (_what, reading, reason) => {
    const bench = new Bench({ reservedMemoryBytes: 5000 }).join();
    bench.step({ kind: 'host', reading });
    expect(bench.core.load.busy).toBe(true);
    expect(reportsIn(bench.dispatch('1.0.1'))).toEqual([
      { kind: 'no_capacity', reason, attempt: '1.0.1', sequence: 1 },
    ]);
  });

  test('is refused when no master has answered within the scheduling lease', () => {
    const bench = new Bench().join();
    bench.now += 15_000 * 0.9;
    expect(bench.dispatch('1.0.1').orders).toHaveLength(1);
    bench.now += 1;
    expect(reportsIn(bench.dispatch('1.1.1'))).toMatchObject([
      { kind: 'no_capacity', reason: 'the scheduling lease is over' },
    ]);
  });
});

describe('kill', () => {
  test('that comes before its dispatch leaves a tombstone: reported until acknowledged, and the attempt never starts', () => {
    const bench = new Bench().join();
    expect(reportsIn(bench.kill('1.0.1'))).toEqual([{ kind: 'tombstoned', attempt: '1.0.1', sequence: 1 }]);
    expect(bench.pass(1_000).reports).toMatchObject([{ report: { kind: 'tombstoned' } }]);
    bench.ack('1.0.1', 1);
    expect(bench.pass(200_000).reports).toEqual([]);
    bench.frame(bench.lease(bench.now));
    const late = bench.dispatch('1.0.1');
    expect(late.orders).toEqual([]);
    expect(reportsIn(late)).toEqual([{ kind: 'tombstoned', attempt: '1.0.1', sequence: 1 }]);
  });

  test('is ordered once however often it is sent, and its end is reported as killed', () => {
    const bench = new Bench().join();
    bench.dispatch('1.0.1');
    bench.started('1.0.1');
    expect(bench.kill('1.0.1').orders).toEqual([
      { kind: 'kill', attempt: '1.0.1', graceMs: 10_000, cause, reason: 'order' },
    ]);
    expect(bench.kill('1.0.1').orders).toEqual([]);
    expect(reportsIn(bench.finished('1.0.1', 'killed'))).toMatchObject([
      { kind: 'finished', outcome: { state: 'killed' } },
    ]);
  });

  test('of an attempt that has ended is answered with how it ended', () => {
    const bench = new Bench().join();
    bench.dispatch('1.0.1');
    bench.finished('1.0.1');
    const out = bench.kill('1.0.1');
    expect(out.orders).toEqual([]);
    expect(reportsIn(out)).toMatchObject([{ kind: 'finished', outcome: { state: 'succeeded' } }]);
  });
});

describe('what it counts', () => {
  test('attempts by how they ended, once each, what was refused, and results that nobody has acknowledged', () => {
    const bench = new Bench().join();
    expect(bench.core.tally).toEqual({
      attempts: { succeeded: 0, failed: 0, killed: 0, lost: 0 },
      refused: 0,
      unacknowledged: 0,
    });
    bench.dispatch('1.0.1');
    bench.dispatch('1.1.1');
    bench.dispatch('1.2.1');
    bench.finished('1.0.1');
    bench.finished('1.0.1');
    bench.finished('1.1.1', 'failed');
    expect(bench.core.tally).toEqual({
      attempts: { succeeded: 1, failed: 1, killed: 0, lost: 0 },
      refused: 1,
      unacknowledged: 2,
    });
    bench.ack('1.0.1', 2);
    bench.dispatch('1.3.1');
    bench.step({
      kind: 'supervisor-events',
      events: [{ kind: 'lost', attempt: id('1.3.1'), detail: 'gone' }],
    });
    expect(bench.core.tally).toEqual({
      attempts: { succeeded: 1, failed: 1, killed: 0, lost: 1 },
      refused: 1,
      unacknowledged: 2,
    });
  });
});

describe('reports', () => {
  test('are offered again after 1, 2, 4 … 60 seconds until acknowledged', () => {
    const bench = new Bench().join();
    bench.dispatch('1.0.1');
    bench.finished('1.0.1');
    const from = bench.now;
    const again = bench.pass(200_000).reports;
    expect(again.map(({ at }) => (at - from) / 1000)).toEqual([1, 3, 7, 15, 31, 63, 123, 183]);
    expect(new Set(again.map(({ report }) => report.sequence))).toEqual(new Set([2]));
    bench.ack('1.0.1', 2);
    expect(bench.pass(200_000).reports).toEqual([]);
  });

  test('that are acknowledged wake nobody up', () => {
    const bench = new Bench().join();
    const asleepUntil = bench.core.nextWakeAt;
    bench.dispatch('1.0.1');
    bench.dispatch('1.1.1');
    bench.finished('1.0.1');
    bench.now += 10;
    bench.finished('1.1.1');
    const { now } = bench;
    expect(bench.core.nextWakeAt).toBe(now - 10 + 1_000);
    bench.ack('1.0.1', 2);
    expect(bench.core.nextWakeAt).toBe(now + 1_000);
    bench.ack('1.1.1', 2);
    expect(bench.core.nextWakeAt).toBe(asleepUntil);
  });

  test('pauses are spread by chance', () => {
    const bench = new Bench().join();
    bench.dispatch('1.0.1');
    bench.chance = 0;
    bench.finished('1.0.1');
    const from = bench.now;
    expect(bench.pass(1_000).reports.map(({ at }) => at - from)).toEqual([750]);
  });

  test('an acknowledgement of an earlier report does not stop a later one', () => {
    const bench = new Bench().join();
    bench.dispatch('1.0.1');
    bench.started('1.0.1');
    bench.finished('1.0.1');
    expect(bench.ack('1.0.1', 2).orders).toEqual([]);
    expect(bench.pass(1_000).reports).toMatchObject([{ report: { kind: 'finished', sequence: 3 } }]);
  });

  test('a start that the end overtook is not reported at all', () => {
    const bench = new Bench().join();
    bench.dispatch('1.0.1');
    bench.finished('1.0.1');
    expect(bench.started('1.0.1')).toEqual({ messages: [], orders: [] });
  });

  test('start and end heard together are one report', () => {
    const bench = new Bench().join();
    bench.dispatch('1.0.1');
    const out = bench.step({
      kind: 'supervisor-events',
      events: [
        { kind: 'started', attempt: id('1.0.1'), startedAt: 7 },
        { kind: 'finished', attempt: id('1.0.1'), outcome: outcomeOf('succeeded') },
      ],
    });
    expect(reportsIn(out)).toMatchObject([{ kind: 'finished', sequence: 3 }]);
  });

  test('what could not be started has failed with its cause', () => {
    const bench = new Bench().join();
    bench.dispatch('1.0.1');
    const out = bench.step({
      kind: 'supervisor-events',
      events: [{ kind: 'cannot_start', attempt: id('1.0.1'), cause: { kind: 'invalid', detail: 'x' }, at: 9 }],
    });
    expect(reportsIn(out)).toMatchObject([
      {
        kind: 'finished',
        outcome: { state: 'failed', cause: { kind: 'invalid', detail: 'x' }, startedAt: 9, endedAt: 9 },
      },
    ]);
    expect(bench.core.usedSlots).toBe(0);
  });

  test('what found no room on the disks is given back for another worker', () => {
    const bench = new Bench().join();
    bench.dispatch('1.0.1');
    const out = bench.step({
      kind: 'supervisor-events',
      events: [{ kind: 'no_room', attempt: id('1.0.1'), detail: 'ENOSPC' }],
    });
    expect(reportsIn(out)).toMatchObject([{ kind: 'no_capacity', reason: 'ENOSPC' }]);
    expect([bench.core.usedSlots, bench.core.tally.refused]).toEqual([0, 1]);
  });

  test('go to any welcomed master when the one that asked is gone, and again when one appears', () => {
    const bench = new Bench().join();
    bench.dispatch('1.0.1');
    bench.step({ kind: 'link-down', link: 'L' });
    expect(bench.finished('1.0.1').messages).toEqual([]);
    bench.step({ kind: 'link-up', link: 'M' });
    const out = bench.step({
      kind: 'frame',
      link: 'M',
      messages: [{ kind: 'welcome', master: 'm2' as MasterId, version: 1, leaseMs: 15_000 }],
    });
    expect(out.messages).toMatchObject([{ link: 'M', messages: [{ kind: 'report', report: { kind: 'finished' } }] }]);
  });

  test('an attempt that no master knows is killed, and forgotten when its end is unknown too', () => {
    const bench = new Bench().join();
    bench.dispatch('1.0.1');
    bench.started('1.0.1');
    expect(bench.ack('1.0.1', 2, 'unknown').orders).toMatchObject([{ kind: 'kill', attempt: '1.0.1' }]);
    bench.finished('1.0.1', 'killed');
    expect(bench.ack('1.0.1', 3, 'unknown').orders).toEqual([{ kind: 'forget', attempt: '1.0.1' }]);
  });

  test('query is answered with what is known, or with never_seen', () => {
    const bench = new Bench().join();
    bench.dispatch('1.0.1');
    bench.started('1.0.1');
    bench.kill('1.1.1');
    const out = bench.frame({ kind: 'query', attempts: [id('1.0.1'), id('1.1.1'), id('1.2.1')] });
    const kinds = Object.fromEntries(reportsIn(out).map((report) => [report.attempt, report.kind]));
    expect(kinds).toEqual({ '1.0.1': 'running', '1.1.1': 'tombstoned', '1.2.1': 'never_seen' });
  });

  test('settled attempts are remembered up to a number and a time', () => {
    const bench = new Bench().join();
    bench.kill('1.0.1');
    bench.ack('1.0.1', 1);
    bench.now += WORKER_CORE_LIMITS.settledKeepMs + 1;
    bench.kill('1.1.1');
    bench.ack('1.1.1', 1);
    expect(reportsIn(bench.frame({ kind: 'query', attempts: [id('1.0.1')] }))).toMatchObject([{ kind: 'never_seen' }]);
    expect(reportsIn(bench.frame({ kind: 'query', attempts: [id('1.1.1')] }))).toMatchObject([{ kind: 'tombstoned' }]);
  });

  test('a remembered result does not keep large outputs', () => {
    const bench = new Bench().join();
    bench.dispatch('1.0.1');
    const outcome = { ...outcomeOf('succeeded'), outputs: { big: 'x'.repeat(3000) } };
    bench.step({ kind: 'supervisor-events', events: [{ kind: 'finished', attempt: id('1.0.1'), outcome }] });
    bench.ack('1.0.1', 2);
    expect(reportsIn(bench.dispatch('1.0.1'))).toMatchObject([
      { kind: 'finished', outcome: { outputs: {}, outputsTruncated: true } },
    ]);
  });
});

describe('several masters', () => {
  test('hear soon that a full worker has room again, or takes nothing more; one alone knows it by itself', () => {
    const bench = new Bench({ slots: 1 }).join();
    bench.step({ kind: 'link-up', link: 'M' });
    bench.pass(1_000);
    bench.dispatch('1.0.1');
    bench.started('1.0.1');
    const { now } = bench;
    bench.finished('1.0.1');
    expect(bench.core.nextWakeAt).toBe(now);
    expect(bench.pass(0).heartbeats).toEqual([now, now]);
    bench.dispatch('1.1.1');
    bench.dispatch('1.2.1');
    expect(bench.pass(1_000).heartbeats).toEqual([now + 250, now + 250]);

    const alone = new Bench({ slots: 1 }).join();
    alone.dispatch('1.0.1');
    alone.started('1.0.1');
    alone.finished('1.0.1');
    expect(alone.pass(3_000).heartbeats).toEqual([]);
  });
});

describe('execution lease', () => {
  test('counts from the sending of the last answered heartbeat; whatever is not renewed is asked to end in time', () => {
    const bench = new Bench().join();
    bench.dispatch('1.0.1');
    bench.started('1.0.1');
    const sentAt = bench.now + 4_000;
    bench.pass(4_000);
    bench.now += 3_000;
    expect(bench.frame(bench.lease(sentAt)).orders).toEqual([{ kind: 'renew', renewedAt: sentAt }]);
    const { termAt, killAt } = executionDeadline(sentAt, { killGraceMs: 10_000, executionLeaseMs: 60_000 });
    expect([termAt, killAt]).toEqual([sentAt + 44_000, sentAt + 54_000]);
    expect(bench.pass(termAt - bench.now - 1).orders).toEqual([]);
    expect(bench.pass(1).orders).toMatchObject([{ kind: 'kill', attempt: '1.0.1', graceMs: 10_000, reason: 'lease' }]);
  });

  test('an attempt killed for its lease is reported lost', () => {
    const bench = new Bench().join();
    bench.dispatch('1.0.1');
    bench.pass(44_000);
    expect(reportsIn(bench.finished('1.0.1', 'killed'))).toMatchObject([{ kind: 'lost' }]);
  });

  test('is not renewed by an answer to a heartbeat that was never sent, nor twice by the same answer', () => {
    const bench = new Bench().join();
    expect(bench.frame(bench.lease(bench.now + 5_000)).orders).toEqual([]);
    expect(bench.frame(bench.lease(bench.now)).orders).toEqual([]);
  });

  test('an adopted attempt keeps the lease that an earlier agent had renewed', () => {
    const bench = new Bench({
      renewedAt: 1_000_000 - 43_000,
      adopted: [
        {
          attempt: id('1.0.1'),
          killGraceMs: 10_000,
          executionLeaseMs: 60_000,
          state: { kind: 'running', startedAt: 3 },
        },
      ],
    });
    expect(bench.pass(999).orders).toEqual([]);
    expect(bench.pass(1).orders).toMatchObject([{ kind: 'kill', reason: 'lease' }]);
  });
});

describe('a new supervisor', () => {
  test('gets again what it never heard of, and what it lost is lost', () => {
    const bench = new Bench().join();
    bench.dispatch('1.0.1');
    bench.dispatch('1.1.1');
    bench.started('1.1.1');
    const out = bench.step({ kind: 'supervisor-state', held: [] });
    expect(out.orders.filter((order) => order.kind === 'start')).toEqual([{ kind: 'start', spec: specOf('1.0.1') }]);
    expect(reportsIn(out)).toMatchObject([{ kind: 'lost', attempt: '1.1.1' }]);
  });

  test('tells ends that were missed, is told to kill again, and to forget what is settled', () => {
    const bench = new Bench({ slots: 3 }).join();
    for (const attempt of ['1.0.1', '1.1.1', '1.2.1']) bench.dispatch(attempt);
    bench.kill('1.1.1');
    bench.finished('1.2.1');
    bench.ack('1.2.1', 2);
    const terms = { killGraceMs: 10_000, executionLeaseMs: 60_000 };
    const out = bench.step({
      kind: 'supervisor-state',
      held: [
        { attempt: id('1.0.1'), ...terms, state: { kind: 'finished', outcome: outcomeOf('failed') } },
        { attempt: id('1.1.1'), ...terms, state: { kind: 'running', startedAt: 5 } },
        { attempt: id('1.2.1'), ...terms, state: { kind: 'finished', outcome: outcomeOf('succeeded') } },
      ],
    });
    expect(out.orders).toEqual([
      { kind: 'kill', attempt: '1.1.1', graceMs: 10_000, cause, reason: 'order' },
      { kind: 'forget', attempt: '1.2.1' },
      { kind: 'renew', renewedAt: bench.now },
    ]);
    expect(reportsIn(out)).toMatchObject([
      { kind: 'finished', attempt: '1.0.1' },
      { kind: 'running', attempt: '1.1.1' },
    ]);
  });
});

/** What a hostile network and a hurried master may do to three attempts. */
type Move =
  | { kind: 'dispatch' | 'kill' | 'started' | 'finished' | 'ack' | 'query'; attempt: number }
  | { kind: 'pass'; ms: number }
  | { kind: 'relink' | 'drain' };

const move: fc.Arbitrary<Move> = fc.oneof(
  fc.record({
    kind: fc.constantFrom(
      'dispatch' as const,
      'kill' as const,
      'started' as const,
      'finished' as const,
      'ack' as const,
      'query' as const,
    ),
    attempt: fc.nat(4),
  }),
  fc.record({ kind: fc.constant('pass' as const), ms: fc.nat(20_000) }),
  fc.record({ kind: fc.constantFrom('relink' as const, 'drain' as const) }),
);

describe('under any order of messages', () => {
  test('no attempt starts twice, none starts after a refusal or tombstone, slots are kept, sequences rise', () => {
    fc.assert(
      fc.property(fc.array(move, { maxLength: 60 }), (moves) => {
        const bench = new Bench({ slots: 2 }).join();
        const started = new Map<AttemptId, 'live' | 'ended'>();
        const barred = new Set<AttemptId>();
        const lastSequence = new Map<AttemptId, number>();
        const watch = (out: WorkerOutput): void => {
          for (const order of out.orders) {
            if (order.kind !== 'start') continue;
            expect(started.has(order.spec.attempt)).toBe(false);
            expect(barred.has(order.spec.attempt)).toBe(false);
            started.set(order.spec.attempt, 'live');
          }
          for (const report of reportsIn(out)) {
            if (report.kind === 'never_seen') continue;
            expect(report.sequence).toBeGreaterThanOrEqual(lastSequence.get(report.attempt) ?? 0);
            lastSequence.set(report.attempt, report.sequence);
            if (report.kind === 'no_capacity' || report.kind === 'tombstoned') barred.add(report.attempt);
          }
          expect([...started.values()].filter((state) => state === 'live').length).toBeLessThanOrEqual(2);
        };
        for (const one of moves) {
          const attempt = 'attempt' in one ? id(`1.${one.attempt}.1`) : id('1.0.1');
          switch (one.kind) {
            case 'dispatch':
              watch(bench.dispatch(attempt));
              break;
            case 'kill':
              watch(bench.kill(attempt));
              break;
            case 'query':
              watch(bench.frame({ kind: 'query', attempts: [attempt] }));
              break;
            case 'ack':
              watch(bench.ack(attempt, lastSequence.get(attempt) ?? 0));
              break;
            case 'started':
              if (started.get(attempt) === 'live') watch(bench.started(attempt));
              break;
            case 'finished':
              if (started.get(attempt) !== 'live') break;
              started.set(attempt, 'ended');
              watch(bench.finished(attempt));
              break;
            case 'pass':
              bench.pass(one.ms);
              break;
            case 'relink':
              watch(bench.step({ kind: 'link-down', link: 'L' }));
              bench.join();
              break;
            case 'drain':
              watch(bench.step({ kind: 'drain' }));
              break;
          }
        }
      }),
    );
  });

  test('whatever ended is offered until it is acknowledged, and then the core is idle', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(3), { minLength: 1, maxLength: 12 }), fc.nat(5), (attempts, lossCount) => {
        const bench = new Bench({ slots: 100 }).join();
        const names = [...new Set(attempts.map((n) => `1.${n}.1`))];
        for (const name of names) {
          bench.dispatch(name);
          bench.finished(name);
        }
        // So many rounds of reports are lost; the next is heard.
        bench.pass(1_500 * lossCount);
        const heard = bench.pass(130_000).reports;
        for (const name of names) {
          const report = heard.findLast((one) => one.report.attempt === name)?.report;
          expect(report).toMatchObject({ kind: 'finished' });
          bench.ack(name, report?.sequence ?? 0);
        }
        expect(bench.core.idle).toBe(true);
      }),
    );
  });
});

describe('a connection to be tried', () => {
  const connection = { kind: 'postgres', url: 'postgres://h/d' } as const;
  const probe = (name: string): MasterToWorker => ({ kind: 'probe', id: name, connection, timeoutMs: 1_000 });
  const answersIn = (output: WorkerOutput) =>
    output.messages.flatMap(({ messages }) => messages).filter((message) => message.kind === 'probe-result');

  test('is handed to the supervisor once, with a little less time, and answered with what it says', () => {
    const bench = new Bench().join();
    expect(bench.frame(probe('a'), probe('a')).orders).toEqual([
      { kind: 'probe', id: 'a', connection, timeoutMs: 900 },
    ]);
    const end = { id: 'a', ok: true, detail: 'PostgreSQL 18', tookMs: 5 };
    expect(answersIn(bench.step({ kind: 'probed', end }))).toEqual([{ kind: 'probe-result', worker: 'w-1', ...end }]);
    expect(answersIn(bench.step({ kind: 'probed', end }))).toEqual([]);
  });

  test('is answered in time when the supervisor says nothing', () => {
    const bench = new Bench().join();
    const from = bench.now;
    bench.frame(probe('a'));
    expect(bench.core.nextWakeAt).toBe(from + 1_000);
    bench.now = from + 1_000;
    expect(answersIn(bench.step({ kind: 'tick' }))).toEqual([
      { kind: 'probe-result', worker: 'w-1', id: 'a', ok: false, detail: 'no answer within 1000 ms', tookMs: 1_000 },
    ]);
  });

  test('is refused when there are too many, and never said to a link that is gone', () => {
    const bench = new Bench().join();
    bench.frame(...['a', 'b', 'c', 'd'].map(probe));
    expect(answersIn(bench.frame(probe('e')))).toMatchObject([
      { id: 'e', ok: false, detail: expect.stringMatching(/^busy/) },
    ]);
    bench.step({ kind: 'link-down', link: 'L' });
    expect(bench.step({ kind: 'probed', end: { id: 'a', ok: true, detail: '', tookMs: 1 } }).messages).toEqual([]);
  });
});
