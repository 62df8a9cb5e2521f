/**
 * Which queued task goes to which worker. Owns the queues (one per worker group and type of task) and what this master
 * believes of each worker; decides nothing about runs.
 *
 * Invariants
 * 1. A group that is full or absent never delays another, nor does a type of task for which a group has no worker with
 *    room: each has a queue of its own.
 * 2. Within a group: run priority, then task priority, then first come, over all tasks that some worker could take.
 * 3. A worker gets no more than `slots` attempts, counting what it said it runs for other masters; `held` is a set, so
 *    nothing can be counted twice.
 * 4. A task group never holds more than its size: what it holds is the set of its live attempts, so no slot can leak.
 *    A task that waits for its group keeps nobody else from a worker.
 * 5. Where other masters place tasks of the same groups (`shared`), what is held here says nothing: a task of a group is placed
 *    only with a permit that the store has given for this very wait, and a permit that finds no worker is given back.
 */
import type { AttemptId, Priority, RunId, TaskType, WorkerId } from '@pelorus/protocol';
import { phrase, PRIORITY_RANK } from '@pelorus/protocol';

export type Selector = 'lower_weight' | 'round_robin' | 'random';

export interface Waiting {
  run: RunId;
  task: number;
  readyAt: number;
  /** What its worker must be able to run. */
  type: TaskType;
  /** Limits how many run at once over all runs; null: none. */
  taskGroup: { name: string; weight: number; priority: number } | null;
}

export interface WorkerView {
  id: WorkerId;
  name: string;
  host: string;
  groups: string[];
  /** What it said that it can; types of tasks are among them. */
  features: readonly string[];
  slots: number;
  /** False while it is busy, draining, or its scheduling lease is over. */
  accepting: boolean;
  held: Set<AttemptId>;
  /** Slots that it used for others than this master when it last said so. */
  usedByOthers: number;
  /** 0 (idle) to 1 (at its limit): the larger of cpu and memory pressure. */
  pressure: number;
  /** Smooth weighted round robin. */
  credit: number;
}

/** One wait of one task: a later one of the same task is another. */
export type PermitKey = Pick<Waiting, 'run' | 'task' | 'readyAt'>;

export interface PermitWant extends PermitKey {
  group: string;
  weight: number;
  /** In the group; the higher goes first. */
  priority: number;
  /** Of run and task; the lower goes first. */
  rank: number;
}

/** What is said to the store about task groups that several masters share. It answers with those of `wants` that are granted. */
export interface PermitAsk {
  /** Counts the questions of this master, from 1. A repetition has the same number. */
  number: number;
  /** Best first in each group. All that this master waits for, as far as it could be granted at all. */
  wants: PermitWant[];
  /** Permits that are not needed after all, as they were granted by that question: a later one may have granted the same again. */
  returned: (PermitKey & { by: number })[];
  /** Groups in which a live attempt has ended, so that others may have their turn. */
  freed: string[];
}

const RANKS = 5;
/** Wants of one group that are told at once; more could not be granted together, or go with the next. */
const WANTS_MAX = 100;
/** How long a permit is kept for a worker with a free slot. */
const PERMIT_KEEP_MS = 2_000;

interface Line {
  items: Waiting[];
  head: number;
}

/** Tasks of one type that wait for a worker of one group. */
class GroupQueue {
  private readonly lanes: Line[] = Array.from({ length: RANKS * RANKS }, () => ({ items: [], head: 0 }));
  readonly group: string;
  readonly type: TaskType;
  length = 0;

  constructor(group: string, type: TaskType) {
    this.group = group;
    this.type = type;
  }

  push(lane: number, item: Waiting): void {
    this.lanes[lane]!.items.push(item);
    this.length++;
  }

  /** Before all others of its lane. */
  putBack(lane: number, item: Waiting): void {
    const there = this.lanes[lane]!;
    if (there.head > 0) there.items[--there.head] = item;
    else there.items.unshift(item);
    this.length++;
  }

  *items(): Generator<Waiting> {
    for (const { items, head } of this.lanes) yield* head === 0 ? items : items.slice(head);
  }

  /** Who is next. */
  peek(): { lane: number; item: Waiting } | null {
    if (this.length === 0) return null;
    const lane = this.lanes.findIndex(({ items, head }) => head < items.length);
    const { items, head } = this.lanes[lane]!;
    return { lane, item: items[head]! };
  }

  shift(): { lane: number; item: Waiting } | null {
    const next = this.peek();
    if (!next) return null;
    const there = this.lanes[next.lane]!;
    there.head++;
    if (there.head > 1024 && there.head * 2 > there.items.length) {
      there.items.splice(0, there.head);
      there.head = 0;
    }
    this.length--;
    return next;
  }
}

interface Parked {
  group: string;
  lane: number;
  item: Waiting;
}

class TaskGroup {
  /** Null: nobody has created it. */
  size: number | null = null;
  readonly holders = new Map<AttemptId, number>();
  held = 0;
  /** Best first: priority in the group, then of run and task, then first come. */
  parked: Parked[] = [];

  hasRoomFor(weight: number): boolean {
    return this.size !== null && this.held + weight <= this.size;
  }
}

/** Answers with the attempt that holds the slot now, or null when the task no longer waits. */
type Place = (item: Waiting, worker: WorkerView) => AttemptId | null;

export class Placement {
  private readonly taskGroups = new Map<string, TaskGroup>();
  readonly workers = new Map<WorkerId, WorkerView>();
  /** By worker group, then type of task. */
  protected readonly queues = new Map<string, Map<TaskType, GroupQueue>>();
  private readonly selector: Selector;
  private readonly random: () => number;
  private turn = 0;
  private readonly shared: boolean;
  /** Given and not used yet: by which question, and when. */
  private readonly permits = new Map<Waiting, { by: number; at: number }>();
  private returned: PermitAsk['returned'] = [];
  private asks = 0;
  private freed = new Set<string>();
  private readonly unpermitted = new Set<Waiting>();
  private hasNewcomers = false;

  constructor(selector: Selector, random: () => number, shared = false) {
    this.selector = selector;
    this.random = random;
    this.shared = shared;
  }

  enqueue(group: string, runPriority: Priority, taskPriority: Priority, item: Waiting): void {
    this.queueOf(group, item.type).push(PRIORITY_RANK[runPriority] * RANKS + PRIORITY_RANK[taskPriority], item);
  }

  /** Sizes of all task groups there are; a group that is gone has none. */
  setTaskGroups(sizes: ReadonlyMap<string, number>): void {
    for (const [name, group] of this.taskGroups) if (!sizes.has(name)) group.size = null;
    for (const [name, size] of sizes) this.taskGroup(name).size = size;
    for (const group of this.taskGroups.values()) this.unpark(group);
  }

  /** A live attempt of the group, from the moment it is decided. Idempotent. */
  hold(name: string, weight: number, attempt: AttemptId): void {
    const group = this.taskGroup(name);
    if (group.holders.has(attempt)) return;
    group.holders.set(attempt, weight);
    group.held += weight;
  }

  /** The attempt has ended; whoever waits for the group may try again. */
  release(name: string, attempt: AttemptId): void {
    const group = this.taskGroup(name);
    group.held -= group.holders.get(attempt) ?? 0;
    if (!group.holders.delete(attempt)) return;
    if (this.shared) this.freed.add(name);
    else this.unpark(group);
  }

  private taskGroup(name: string): TaskGroup {
    let group = this.taskGroups.get(name);
    if (!group) this.taskGroups.set(name, (group = new TaskGroup()));
    return group;
  }

  /** What the store is to be asked, or null when nobody waits and nothing has changed. It is then taken as said. */
  takePermitAsk(isWaiting: (item: Waiting) => boolean): PermitAsk | null {
    const wants: PermitWant[] = [];
    for (const [name, group] of this.taskGroups) {
      group.parked = group.parked.filter(({ item }) => isWaiting(item) || !this.unpermitted.delete(item));
      wants.push(...this.wantsOf(name, group));
    }
    if (wants.length === 0 && this.returned.length === 0 && this.freed.size === 0) return null;
    const ask = { number: ++this.asks, wants, returned: this.returned, freed: [...this.freed] };
    this.returned = [];
    this.freed = new Set();
    this.hasNewcomers = false;
    return ask;
  }

  /** Whether somebody new waits, or others may have what is free: then the store should hear of it at once. */
  hasPermitNews(): boolean {
    return this.hasNewcomers || this.returned.length > 0 || this.freed.size > 0;
  }

  /** Whether somebody waits for a permit, or for a worker with one. */
  awaitsPermits(): boolean {
    return this.permits.size > 0 || this.unpermitted.size > 0;
  }

  /** Whether nobody waits, for a worker or a permit, and there is nothing to say of permits. */
  isIdle(): boolean {
    return this.queueLength() === 0 && !this.awaitsPermits() && !this.hasPermitNews();
  }

  private wantsOf(name: string, { size, parked }: TaskGroup): PermitWant[] {
    const wants: PermitWant[] = [];
    const withRoom = new Map<string, boolean>();
    for (const { group, lane, item } of parked) {
      if (wants.length === WANTS_MAX) break;
      const { weight, priority } = item.taskGroup!;
      if (size === null || weight > size) continue;
      const line = `${group} ${item.type}`;
      if (!withRoom.has(line)) withRoom.set(line, this.freeWorkers(group, item.type).length > 0);
      if (!withRoom.get(line)) continue;
      wants.push({ run: item.run, task: item.task, readyAt: item.readyAt, group: name, weight, priority, rank: lane });
    }
    return wants;
  }

  /** The answer to the last question. Who waits with one of these permits goes to the head of its queue; what nobody waits for any more is given back. */
  grant(permits: readonly PermitKey[], at: number): void {
    const given = new Map(permits.map((permit) => [permitName(permit), permit]));
    for (const group of this.taskGroups.values()) {
      const granted = group.parked.filter(({ item }) => given.has(permitName(item)));
      if (granted.length === 0) continue;
      group.parked = group.parked.filter(({ item }) => !given.has(permitName(item)));
      for (const { group: queue, lane, item } of granted.toReversed()) {
        given.delete(permitName(item));
        this.unpermitted.delete(item);
        this.permits.set(item, { by: this.asks, at });
        this.queueOf(queue, item.type).putBack(lane, item);
      }
    }
    for (const permit of given.values()) this.returned.push({ ...permit, by: this.asks });
  }

  private giveBack(item: Waiting): void {
    const permit = this.permits.get(item);
    if (!permit) return;
    this.permits.delete(item);
    this.returned.push({ run: item.run, task: item.task, readyAt: item.readyAt, by: permit.by });
  }

  /** What found no worker for a while: others may have one for theirs. */
  giveBackOld(at: number): void {
    for (const [item, permit] of this.permits) if (at - permit.at >= PERMIT_KEEP_MS) this.giveBack(item);
  }

  private mayPlace(item: Waiting): boolean {
    if (!item.taskGroup) return true;
    return this.shared ? this.permits.has(item) : this.taskGroup(item.taskGroup.name).hasRoomFor(item.taskGroup.weight);
  }

  /** Puts back into their queues as many as there is room for; what the queues then decide is their business. */
  private unpark(group: TaskGroup): void {
    if (this.shared) return;
    let room = (group.size ?? 0) - group.held;
    while (group.parked.length > 0 && group.parked[0]!.item.taskGroup!.weight <= room) {
      const { group: queue, lane, item } = group.parked.shift()!;
      room -= item.taskGroup!.weight;
      this.queueOf(queue, item.type).push(lane, item);
    }
  }

  private park(parked: Parked): void {
    if (this.shared) {
      this.unpermitted.add(parked.item);
      this.hasNewcomers = true;
    }
    const list = this.taskGroup(parked.item.taskGroup!.name).parked;
    const rank = (entry: Parked): number => -entry.item.taskGroup!.priority;
    let low = 0;
    let high = list.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      const there = list[middle]!;
      const before = rank(there) - rank(parked) || there.lane - parked.lane || there.item.readyAt - parked.item.readyAt;
      if (before <= 0) low = middle + 1;
      else high = middle;
    }
    list.splice(low, 0, parked);
  }

  private queueOf(group: string, type: TaskType): GroupQueue {
    let queues = this.queues.get(group);
    if (!queues) this.queues.set(group, (queues = new Map<TaskType, GroupQueue>()));
    let queue = queues.get(type);
    if (!queue) queues.set(type, (queue = new GroupQueue(group, type)));
    return queue;
  }

  /**
   * Calls `place` for each waiting task with a worker that has a free slot, best first, until slots or tasks run out.
   */
  placeAll(place: Place): void {
    for (const [group, queues] of this.queues) {
      const stuck = new Set<GroupQueue>();
      for (let queue = best(queues, stuck); queue; queue = best(queues, stuck))
        if (!this.placeNext(queue, place)) stuck.add(queue);
      for (const [type, { length }] of queues) if (length === 0) queues.delete(type);
      if (queues.size === 0) this.queues.delete(group);
    }
  }

  /** False when there is no worker for the next task of this queue. */
  private placeNext(queue: GroupQueue, place: Place): boolean {
    const worker = this.choose(queue.group, queue.type);
    if (!worker) return false;
    const { lane, item } = queue.shift()!;
    if (!this.mayPlace(item)) {
      this.park({ group: queue.group, lane, item });
      return true;
    }
    const attempt = place(item, worker);
    if (attempt !== null) {
      worker.held.add(attempt);
      this.permits.delete(item);
    } else if (item.taskGroup) {
      this.giveBack(item);
      this.unpark(this.taskGroup(item.taskGroup.name));
    }
    return true;
  }

  /** What waits, with its worker group, those included that wait for their task group; some of it may wait no longer. */
  *waiting(): Generator<{ group: string; item: Waiting }> {
    for (const queues of this.queues.values())
      for (const queue of queues.values()) for (const item of queue.items()) yield { group: queue.group, item };
    for (const { parked } of this.taskGroups.values()) yield* parked;
  }

  queueLength(): number {
    let total = 0;
    for (const queues of this.queues.values()) for (const { length } of queues.values()) total += length;
    return total;
  }

  /** Why it is not placed on a worker of this group, for people. */
  reasonOf(group: string, item: Waiting): string {
    const { taskGroup, type } = item;
    const limit = taskGroup ? this.taskGroups.get(taskGroup.name) : undefined;
    if (
      taskGroup &&
      limit &&
      (this.shared ? this.unpermitted.has(item) || limit.size === null : !limit.hasRoomFor(taskGroup.weight))
    ) {
      if (limit.size === null) return phrase('no_task_group', { group: taskGroup.name });
      const { name, weight } = taskGroup;
      const { held, size } = limit;
      if (weight > size) return phrase('too_heavy', { weight, size, group: name });
      if (this.shared) return phrase('group_turn', { group: name, size });
      return phrase('group_full', { group: name, held, size });
    }
    const ofGroup = [...this.workers.values()].filter((worker) => worker.groups.includes(group));
    if (ofGroup.length === 0) return phrase('no_worker', { group });
    const able = ofGroup.filter((worker) => this.canRun(worker, type)).length;
    if (able === 0) return phrase('no_able_worker', { group, type });
    return able < ofGroup.length ? phrase('no_able_slot', { group, type }) : phrase('no_slot', { group });
  }

  private freeWorkers(group: string, type: TaskType): WorkerView[] {
    const free: WorkerView[] = [];
    for (const worker of this.workers.values()) {
      const hasRoom = worker.held.size + worker.usedByOthers < worker.slots;
      if (worker.accepting && hasRoom && worker.groups.includes(group) && this.canRun(worker, type)) free.push(worker);
    }
    return free;
  }

  protected canRun(worker: WorkerView, type: TaskType): boolean {
    return worker.features.includes(type);
  }

  protected choose(group: string, type: TaskType): WorkerView | null {
    const free = this.freeWorkers(group, type);
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

/** Of those that are not stuck, the queue whose next task goes first. */
function best(queues: ReadonlyMap<TaskType, GroupQueue>, stuck: ReadonlySet<GroupQueue>): GroupQueue | null {
  let first: { queue: GroupQueue; lane: number; readyAt: number } | null = null;
  for (const queue of queues.values()) {
    const next = stuck.has(queue) ? null : queue.peek();
    if (!next) continue;
    const { lane } = next;
    const { readyAt } = next.item;
    if (!first || lane < first.lane || (lane === first.lane && readyAt < first.readyAt))
      first = { queue, lane, readyAt };
  }
  return first && first.queue;
}

function permitName({ run, task, readyAt }: PermitKey): string {
  return `${run}.${task}@${readyAt}`;
}

/** Smooth weighted round robin (as in nginx), the weight being what is free. */
function smoothWeighted(free: WorkerView[]): WorkerView {
  let total = 0;
  let best = free[0]!;
  for (const worker of free) {
    const used = (worker.held.size + worker.usedByOthers) / worker.slots;
    const weight = Math.max(0.01, (1 - used) * (1 - Math.min(worker.pressure, 0.99)));
    worker.credit += weight;
    total += weight;
    if (worker.credit > best.credit) best = worker;
  }
  best.credit -= total;
  return best;
}
