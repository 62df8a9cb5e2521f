import { formatAttemptId, runIdOf, type TaskType, workerIdOf } from '@pelorus/protocol';
import { describe, expect, test } from 'vitest';
import { Placement, type Waiting, type WorkerView } from '../src/index.ts';
import { task, workflow } from './fixtures.ts';
import { dispatched, hello, masterWith } from './one-worker.ts';

const waiting = (index: number, type: TaskType = 'shell'): Waiting => ({
  run: runIdOf(1),
  task: index,
  readyAt: index,
  type,
  taskGroup: null,
});

function placementWith(...workers: Pick<WorkerView, 'name' | 'groups' | 'slots' | 'features'>[]): Placement {
  const placement = new Placement('lower_weight', () => 0);
  for (const worker of workers) {
    const id = workerIdOf(worker.name);
    const rest = { host: 'h', accepting: true, held: new Set<never>(), usedByOthers: 0, pressure: 0, credit: 0 };
    placement.workers.set(id, { id, ...rest, ...worker });
  }
  return placement;
}

function place(placement: Placement): [number, string][] {
  const placed: [number, string][] = [];
  placement.placeAll(({ run, task: index }, { name }) => {
    placed.push([index, name]);
    return formatAttemptId({ run, task: index, n: 1 });
  });
  return placed;
}

test('a group whose workers are absent or full keeps no other group waiting, whatever its priority', () => {
  const features = ['shell'];
  const placement = placementWith(
    { name: 'a', groups: ['full'], slots: 0, features },
    { name: 'b', groups: ['free'], slots: 2, features },
  );
  for (let index = 0; index < 1_000; index++) placement.enqueue('absent', 'highest', 'highest', waiting(index));
  placement.enqueue('full', 'highest', 'highest', waiting(1_000));
  for (const index of [1_001, 1_002, 1_003]) placement.enqueue('free', 'lowest', 'lowest', waiting(index));
  expect(place(placement)).toEqual([
    [1_001, 'b'],
    [1_002, 'b'],
  ]);
  expect(placement.queueLength()).toBe(1_002);
});

describe('workers that do not run every type of task', () => {
  const some = { name: 'some', groups: ['default'], slots: 2, features: ['shell', 'probe'] };

  test('get only what they run, and what nobody runs keeps nothing else waiting', () => {
    const placement = placementWith(some);
    for (const index of [0, 1]) placement.enqueue('default', 'highest', 'highest', waiting(index, 'python'));
    placement.enqueue('default', 'lowest', 'lowest', waiting(2));
    expect(place(placement)).toEqual([[2, 'some']]);
    expect(placement.reasonOf('default', waiting(0, 'python'))).toBe(
      'no_worker: no worker of group default that is connected runs python tasks',
    );
  });

  test('leave room on those that do: order holds among all that a worker can take', () => {
    const placement = placementWith({ name: 'all', groups: ['default'], slots: 3, features: ['shell', 'python'] });
    placement.enqueue('default', 'medium', 'medium', waiting(0));
    placement.enqueue('default', 'medium', 'medium', waiting(1, 'python'));
    placement.enqueue('default', 'medium', 'medium', waiting(2));
    placement.enqueue('default', 'medium', 'high', waiting(3, 'python'));
    expect(place(placement).map(([index]) => index)).toEqual([3, 0, 1]);
  });

  test('are named in the reason when the others are full', () => {
    const placement = placementWith(some, { name: 'full', groups: ['default'], slots: 0, features: ['python'] });
    expect(placement.reasonOf('default', waiting(0, 'python'))).toBe(
      'no_slot: every worker of group default that runs python tasks is full or not accepting',
    );
  });

  test('say so in their hello; a task waits, with the reason, until one connects that runs it', () => {
    const python = { type: 'python', run: '1', file: null, interpreter: 'python3', substitution: 'env' } as const;
    const core = masterWith(workflow([task('a', [], { action: python })]));
    core.frame(1, [hello('w.1', { features: ['shell'] })], 0);
    const changes = core.flush(0)?.changes ?? [];
    const waitReason = 'no_worker: no worker of group default that is connected runs python tasks';
    expect(changes).toContainEqual({
      kind: 'task-run',
      record: expect.objectContaining({ state: 'queued', waitReason }),
    });
    core.frame(2, [hello('w.2', { features: ['python'] })], 1);
    expect(dispatched(core, 1)).toEqual(['1.0.1']);
  });
});
