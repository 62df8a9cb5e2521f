import { type AttemptId, runIdOf } from '@pelorus/protocol';
import { expect, test } from 'vitest';
import { task, workflow } from './fixtures.ts';
import { dispatched, heartbeat, hello, loadOf, masterWith } from './one-worker.ts';

const using = (usedSlots: number) => loadOf({ slots: 3, usedSlots });

const of = (run: number, ...tasks: number[]): AttemptId[] =>
  tasks.map((one) => `${runIdOf(run)}.${one}.1` as AttemptId);

test('several masters placed on a full worker and were refused, twice a second: slots that it uses for others are taken', () => {
  const tasks = [0, 1, 2, 3].map((index) => task(`t${index}`));
  const core = masterWith(workflow(tasks), { alone: false });
  core.frame(1, [hello('w.1', { load: using(3), attempts: of(9, 0, 1, 2) })], 0);
  expect(dispatched(core, 0)).toEqual([]);
  core.frame(1, [heartbeat('w.1', 1_000, of(9, 0, 1), using(2))], 1_000);
  expect(dispatched(core, 1_000)).toEqual(of(1, 0));
  // Its own attempt is not counted twice.
  core.frame(1, [heartbeat('w.1', 2_000, [...of(9, 0, 1), ...of(1, 0)], using(3))], 2_000);
  expect(dispatched(core, 2_000)).toEqual([]);
  core.frame(1, [heartbeat('w.1', 3_000, of(1, 0), using(1))], 3_000);
  expect(dispatched(core, 3_000)).toEqual(of(1, 1, 2));
});
