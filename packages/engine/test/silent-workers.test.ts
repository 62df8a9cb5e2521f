import { type AttemptId, commandIdOf, runIdOf, type TaskDefinition, workerIdOf } from '@pelorus/protocol';
import { describe, expect, it } from 'vitest';
import type { Change, MasterCore } from '../src/index.ts';
import { task, workflow } from './fixtures.ts';
import { dispatched, heartbeat, hello, masterWith } from './one-worker.ts';

const worker = workerIdOf('w.1');
const attempt = (index: number) => `1.${index}.1` as AttemptId;
const FIRST_BEAT = 4_000;

const leased = (name: string, executionLeaseMs: number, patch: Partial<TaskDefinition> = {}) =>
  task(name, [], { executionLeaseMs, ...patch });

/** A master whose only worker has everything running, and was last heard at `FIRST_BEAT`. */
function silentWith(tasks: TaskDefinition[], options: { alone?: boolean } = {}): MasterCore {
  const core = masterWith(workflow(tasks, { failurePolicy: 'continue' }), options);
  core.frame(1, [hello('w.1')], 0);
  const held = dispatched(core, 0);
  const reports = held.map((one) => {
    const report = { kind: 'running', attempt: one, sequence: 2, startedAt: 0 } as const;
    return { kind: 'report', worker, report } as const;
  });
  core.frame(1, [...reports, heartbeat('w.1', FIRST_BEAT, held)], FIRST_BEAT);
  core.flush(FIRST_BEAT);
  core.linkDown(1);
  return core;
}

function changesAt(core: MasterCore, at: number): Change[] {
  core.tick(at);
  return core.flush(at)?.changes ?? [];
}

function endedAt(core: MasterCore, at: number): string[] {
  return changesAt(core, at).flatMap((change) =>
    change.kind === 'attempt' && change.record.endedAt !== null ? [`${change.record.task} ${change.record.state}`] : [],
  );
}

const offline = (changes: Change[]) =>
  changes.flatMap((change) =>
    change.kind === 'worker' && change.record.state === 'offline' ? [change.record.seenAt] : [],
  );

describe('what a silent worker held', () => {
  it('is lost after the execution lease of its task and the grace, each in its time', () => {
    const core = silentWith([leased('short', 20_000), task('usual'), leased('long', 3_600_000)]);
    expect(endedAt(core, FIRST_BEAT + 34_999)).toEqual([]);
    expect(endedAt(core, FIRST_BEAT + 35_000)).toEqual(['0 lost']);
    expect(endedAt(core, FIRST_BEAT + 74_999)).toEqual([]);
    expect(endedAt(core, FIRST_BEAT + 75_000)).toEqual(['1 lost']);
    expect(endedAt(core, FIRST_BEAT + 3_614_999)).toEqual([]);
    const changes = changesAt(core, FIRST_BEAT + 3_615_000);
    expect(changes).toContainEqual(
      expect.objectContaining({ kind: 'attempt', record: expect.objectContaining({ task: 2, state: 'lost' }) }),
    );
    expect(offline(changes)).toEqual([FIRST_BEAT]);
    expect(core.nextTickAt()).toBe(86_400_000);
  });

  it('goes on when it is back before its lease is over, also after others of it were lost', () => {
    const core = silentWith([leased('short', 20_000), leased('long', 3_600_000)]);
    expect(endedAt(core, 600_000)).toEqual(['0 lost']);
    core.frame(2, [hello('w.1', { attempts: [attempt(1)] })], 600_000);
    const outcome = {
      state: 'succeeded',
      cause: null,
      outputs: {},
      outputsTruncated: false,
      startedAt: 0,
      endedAt: 1,
    } as const;
    const report = { kind: 'finished', attempt: attempt(1), sequence: 3, outcome } as const;
    core.frame(2, [{ kind: 'report', worker, report }], 600_001);
    expect(endedAt(core, 600_001)).toContain('1 succeeded');
  });

  it('counts from when another master heard it last, where there are several', () => {
    const core = silentWith([leased('short', 20_000), task('usual')], { alone: false });
    core.tick(FIRST_BEAT + 35_000);
    expect(core.flush(FIRST_BEAT + 35_000)?.silent).toEqual([worker]);
    const seenAt = FIRST_BEAT + 10_000;
    core.workerSeen(worker, seenAt, FIRST_BEAT + 35_001);
    expect(core.flush(FIRST_BEAT + 35_001)).toBeNull();
    core.tick(seenAt + 35_000);
    expect(core.flush(seenAt + 35_000)?.silent).toEqual([worker]);
    core.workerSeen(worker, seenAt, seenAt + 35_001);
    expect(endedAt(core, seenAt + 35_001)).toEqual(['0 lost']);
  });

  it('ends at once when it is killed after its worker was given up, while a longer lease goes on', () => {
    const core = silentWith([leased('waits', 20_000, { onWorkerLost: 'wait' }), leased('long', 3_600_000)]);
    const changes = changesAt(core, 100_000);
    const waitReason = 'worker w.1 is gone: waiting for its return or for a decision';
    expect(changes).toContainEqual(
      expect.objectContaining({ kind: 'task-run', record: expect.objectContaining({ task: 0, waitReason }) }),
    );
    core.command({ id: commandIdOf(2), run: runIdOf(1), action: { kind: 'stop' }, user: 'ada', at: 100_001 }, 100_001);
    expect(endedAt(core, 100_001)).toEqual(['0 killed']);
    expect(endedAt(core, FIRST_BEAT + 3_615_000)).toEqual(['1 killed']);
  });
});

describe('a worker that says goodbye', () => {
  it('while it holds something counts as heard then: its attempts are lost a lease and the grace after that', () => {
    const core = masterWith(workflow([task('a')]));
    core.frame(1, [hello('w.1')], 0);
    expect(dispatched(core, 0)).toEqual([attempt(0)]);
    core.frame(1, [{ kind: 'goodbye', worker }], 50_000);
    expect(offline(changesAt(core, 50_000))).toEqual([50_000]);
    expect(endedAt(core, 124_999)).toEqual([]);
    expect(endedAt(core, 125_000)).toEqual(['0 lost']);
  });

  it('and holds nothing is forgotten at once, last seen then', () => {
    const core = masterWith(workflow([task('a', [], { workerGroup: 'other' })]));
    core.frame(1, [hello('w.1')], 0);
    core.flush(0);
    core.frame(1, [{ kind: 'goodbye', worker }], 50_000);
    expect(offline(changesAt(core, 50_000))).toEqual([50_000]);
  });
});
