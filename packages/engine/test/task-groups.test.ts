import { formatAttemptId, type Priority, runIdOf, workerIdOf } from '@pelorus/protocol';
import { describe, expect, test } from 'vitest';
import { Placement, type Waiting, type WorkerView } from '../src/index.ts';

const worker = (slots: number): WorkerView => ({
  id: workerIdOf('w'),
  name: 'w',
  host: 'h',
  groups: ['default'],
  features: ['shell'],
  slots,
  accepting: true,
  held: new Set(),
  usedByOthers: 0,
  pressure: 0,
  credit: 0,
});
const waiting = (task: number, weight = 1, priority = 0, name = 'g'): Waiting => ({
  run: runIdOf(1),
  task,
  readyAt: task,
  type: 'shell',
  taskGroup: name === '' ? null : { name, weight, priority },
});

class Bed {
  readonly placement = new Placement('lower_weight', () => 0);
  readonly placed: number[] = [];
  readonly gone = new Set<number>();

  constructor(slots: number, size: number | null) {
    this.placement.workers.set(workerIdOf('w'), worker(slots));
    if (size !== null) this.placement.setTaskGroups(new Map([['g', size]]));
  }

  add(item: Waiting, priority: Priority = 'medium'): void {
    this.placement.enqueue('default', 'medium', priority, item);
  }

  place(): number[] {
    const before = this.placed.length;
    this.placement.placeAll((item) => {
      if (this.gone.has(item.task)) return null;
      this.placed.push(item.task);
      if (item.taskGroup) this.placement.hold(item.taskGroup.name, item.taskGroup.weight, idOf(item.task));
      return idOf(item.task);
    });
    return this.placed.slice(before);
  }

  end(task: number): void {
    this.placement.workers.get(workerIdOf('w'))!.held.delete(idOf(task));
    this.placement.release('g', idOf(task));
  }
}

const idOf = (task: number) => formatAttemptId({ run: runIdOf(1), task, n: 1 });

describe('task groups', () => {
  test('hold no more than their size, and let others pass', () => {
    const bed = new Bed(10, 2);
    for (const task of [1, 2, 3]) bed.add(waiting(task));
    bed.add(waiting(4, 1, 0, ''));
    expect(bed.place()).toEqual([1, 2, 4]);
    expect(bed.placement.reasonOf('default', waiting(3))).toBe('task_group: g is full (2 of 2)');
    bed.end(1);
    expect(bed.place()).toEqual([3]);
  });

  test('serve the highest priority first, then the first come', () => {
    const bed = new Bed(10, 1);
    bed.add(waiting(1));
    bed.place();
    for (const [task, priority] of [
      [2, 0],
      [3, 5],
      [4, 5],
    ] as const)
      bed.add(waiting(task, 1, priority));
    bed.place();
    for (const expected of [3, 4, 2]) {
      bed.end(bed.placed.at(-1)!);
      expect(bed.place()).toEqual([expected]);
    }
  });

  test('count weights', () => {
    const bed = new Bed(10, 3);
    bed.add(waiting(1, 2));
    bed.add(waiting(2, 2));
    bed.add(waiting(3, 1));
    expect(bed.place()).toEqual([1, 3]);
    bed.end(1);
    expect(bed.place()).toEqual([2]);
  });

  test('wait for a group that nobody has created, and go on when it is', () => {
    const bed = new Bed(10, null);
    bed.add(waiting(1));
    expect(bed.place()).toEqual([]);
    expect(bed.placement.reasonOf('default', waiting(1))).toBe('task_group: there is no task group g');
    bed.placement.setTaskGroups(new Map([['g', 1]]));
    expect(bed.place()).toEqual([1]);
  });

  test('do not stall behind tasks that no longer wait', () => {
    const bed = new Bed(10, 1);
    for (const task of [1, 2, 3]) bed.add(waiting(task));
    expect(bed.place()).toEqual([1]);
    bed.gone.add(2);
    bed.end(1);
    expect(bed.place()).toEqual([3]);
  });

  test('release twice what was held once: nothing leaks, nothing is free twice', () => {
    const bed = new Bed(10, 1);
    bed.add(waiting(1));
    bed.place();
    bed.end(1);
    bed.end(1);
    for (const task of [2, 3]) bed.add(waiting(task));
    expect(bed.place()).toEqual([2]);
  });
});
