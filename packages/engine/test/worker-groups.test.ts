import { formatAttemptId, runIdOf, workerIdOf } from '@pelorus/protocol';
import { expect, test } from 'vitest';
import { Placement } from '../src/index.ts';

const waiting = (task: number) => ({ run: runIdOf(1), task, readyAt: 0, taskGroup: null });

test('a group whose workers are absent or full keeps no other group waiting, whatever its priority', () => {
  const placement = new Placement('lower_weight', () => 0);
  for (const [name, group, slots] of [
    ['a', 'full', 0],
    ['b', 'free', 2],
  ] as const) {
    const id = workerIdOf(name);
    const held = new Set<never>();
    placement.workers.set(id, {
      id,
      name,
      host: 'h',
      groups: [group],
      slots,
      accepting: true,
      held,
      usedByOthers: 0,
      pressure: 0,
      credit: 0,
    });
  }
  for (let task = 0; task < 1_000; task++) placement.enqueue('absent', 'highest', 'highest', waiting(task));
  placement.enqueue('full', 'highest', 'highest', waiting(1_000));
  for (const task of [1_001, 1_002, 1_003]) placement.enqueue('free', 'lowest', 'lowest', waiting(task));
  const placed: [number, string][] = [];
  placement.placeAll(({ run, task }, { name }) => {
    placed.push([task, name]);
    return formatAttemptId({ run, task, n: 1 });
  });
  expect(placed).toEqual([
    [1_001, 'b'],
    [1_002, 'b'],
  ]);
  expect(placement.queueLength()).toBe(1_002);
});
