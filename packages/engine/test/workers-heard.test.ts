import { workerIdOf } from '@pelorus/protocol';
import { expect, it } from 'vitest';
import type { MasterCore } from '../src/index.ts';
import { task, workflow } from './fixtures.ts';
import { dispatched, heartbeat, hello, loadOf, masterWith } from './one-worker.ts';

/** Of what is to be stored of the worker after a heartbeat: when it was heard of, and its slots in use. */
function heard(core: MasterCore, at: number, usedSlots: number): unknown[] {
  core.frame(1, [heartbeat('w.1', at, [], loadOf({ usedSlots }))], at);
  const changes = core.flush(at)?.changes ?? [];
  return changes.flatMap((change) =>
    change.kind === 'worker' ? [[change.record.seenAt, change.record.load?.usedSlots]] : [],
  );
}

it.each([true, false])(
  'what a worker says of itself is stored every 8 seconds (alone: %j), and no oftener',
  (alone) => {
    const core = masterWith(workflow([task('a', [], { workerGroup: 'elsewhere' })]), { alone });
    core.frame(1, [hello('w.1', { load: loadOf({ usedSlots: 1 }) })], 0);
    expect(core.flush(0)?.changes).toContainEqual({
      kind: 'worker',
      record: expect.objectContaining({ id: workerIdOf('w.1'), seenAt: 0, load: loadOf({ usedSlots: 1 }) }),
    });
    expect(heard(core, 4_000, 2)).toEqual([]);
    expect(heard(core, 8_000, 3)).toEqual([[8_000, 3]]);
    expect(heard(core, 12_000, 4)).toEqual([]);
  },
);

it('a dispatch wakes the master up until the worker has answered it', () => {
  const core = masterWith(workflow([task('a')]));
  core.frame(1, [hello('w.1')], 0);
  const [attempt] = dispatched(core, 0);
  expect(core.nextTickAt()).toBe(1_000);
  const report = { kind: 'accepted', attempt: attempt!, sequence: 1 } as const;
  core.frame(1, [{ kind: 'report', worker: workerIdOf('w.1'), report }], 10);
  expect(core.isIdle()).toBe(true);
  expect(core.nextTickAt()).toBe(75_000);
});
