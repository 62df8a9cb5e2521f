/**
 * Which queued task goes to which worker. Owns the queues (one per worker group) and what this master believes of each
 * worker; decides nothing about runs.
 *
 * Invariants
 * 1. A group that is full or absent never delays another: each has queues of its own.
 * 2. Within a group: run priority, then task priority, then first come.
 * 3. A worker gets no more than `slots` attempts of this master; `held` is a set, so nothing can be counted twice.
 */
import type { AttemptId, Priority, RunId, WorkerId } from '@pelorus/protocol';
import { PRIORITY_RANK } from '@pelorus/protocol';

export type Selector = 'lower_weight' | 'round_robin' | 'random';

export interface Waiting {
  run: RunId;
  task: number;
  readyAt: number;
}

export interface WorkerView {
  id: WorkerId;
  name: string;
  host: string;
  groups: string[];
  slots: number;
  /** False while it is busy, draining, or its scheduling lease is over. */
  accepting: boolean;
  held: Set<AttemptId>;
  /** 0 (idle) to 1 (at its limit): the larger of cpu and memory pressure. */
  pressure: number;
  /** Smooth weighted round robin. */
  credit: number;
}

const RANKS = 5;

class GroupQueue {
  private readonly lanes: { items: Waiting[]; head: number }[] = Array.from({ length: RANKS * RANKS }, () => ({
    items: [],
    head: 0,
  }));
  length = 0;

  push(lane: number, item: Waiting): void {
    this.lanes[lane]!.items.push(item);
    this.length++;
  }

  shift(): Waiting | null {
    if (this.length === 0) return null;
    for (const lane of this.lanes) {
      if (lane.head === lane.items.length) continue;
      const item = lane.items[lane.head++]!;
      if (lane.head > 1024 && lane.head * 2 > lane.items.length) {
        lane.items.splice(0, lane.head);
        lane.head = 0;
      }
      this.length--;
      return item;
    }
    return null;
  }
}

export class Placement {
  readonly workers = new Map<WorkerId, WorkerView>();
  private readonly queues = new Map<string, GroupQueue>();
  private readonly selector: Selector;
  private readonly random: () => number;
  private turn = 0;

  constructor(selector: Selector, random: () => number) {
    this.selector = selector;
    this.random = random;
  }

  enqueue(group: string, runPriority: Priority, taskPriority: Priority, item: Waiting): void {
    let queue = this.queues.get(group);
    if (!queue) this.queues.set(group, (queue = new GroupQueue()));
    queue.push(PRIORITY_RANK[runPriority] * RANKS + PRIORITY_RANK[taskPriority], item);
  }

  /**
   * Calls `place` for each waiting task with a worker that has a free slot, best first, until slots or tasks run out.
   * `place` answers with the attempt that now holds the slot, or null when the task no longer waits.
   */
  placeAll(place: (item: Waiting, worker: WorkerView) => AttemptId | null): void {
    for (const [group, queue] of this.queues) {
      while (queue.length > 0) {
        const worker = this.choose(group);
        if (!worker) break;
        const attempt = place(queue.shift()!, worker);
        if (attempt !== null) worker.held.add(attempt);
      }
      if (queue.length === 0) this.queues.delete(group);
    }
  }

  queueLength(): number {
    let total = 0;
    for (const queue of this.queues.values()) total += queue.length;
    return total;
  }

  /** Why a task of this group is not placed, for people. */
  reasonOf(group: string): string {
    let workers = 0;
    for (const worker of this.workers.values()) if (worker.groups.includes(group)) workers++;
    if (workers === 0) return `no_worker: no worker of group ${group} is connected`;
    return `no_slot: every worker of group ${group} is full or not accepting`;
  }

  private choose(group: string): WorkerView | null {
    const free: WorkerView[] = [];
    for (const worker of this.workers.values()) {
      if (worker.accepting && worker.held.size < worker.slots && worker.groups.includes(group)) free.push(worker);
    }
    if (free.length <= 1) return free[0] ?? null;
    switch (this.selector) {
      case 'random':
        return free[Math.floor(this.random() * free.length)] ?? null;
      case 'round_robin':
        return free[this.turn++ % free.length] ?? null;
      case 'lower_weight':
        return smoothWeighted(free);
    }
  }
}

/** Smooth weighted round robin (as in nginx), the weight being what is free. */
function smoothWeighted(free: WorkerView[]): WorkerView {
  let total = 0;
  let best = free[0]!;
  for (const worker of free) {
    const weight = Math.max(0.01, (1 - worker.held.size / worker.slots) * (1 - Math.min(worker.pressure, 0.99)));
    worker.credit += weight;
    total += weight;
    if (worker.credit > best.credit) best = worker;
  }
  best.credit -= total;
  return best;
}
