/**
 * Virtual time: one queue of things that will happen, ordered by instant and then by who came first.
 *
 * Invariants: time never goes back; nothing happens between two steps; the order depends on nothing but the calls made.
 */
import { TimerQueue } from '../src/timer-queue.ts';

interface Happening {
  at: number;
  order: number;
  action: () => void;
}

export class Timeline {
  /** True time in epoch ms; the actors' clocks may differ from it. */
  now = Date.UTC(2026, 0, 1);
  steps = 0;
  private readonly queue = new TimerQueue<Happening>();
  private readonly sameInstant: Happening[] = [];
  private order = 0;

  after(delayMs: number, action: () => void): void {
    const at = Math.max(this.now, Math.ceil(this.now + delayMs));
    this.queue.push({ at, order: this.order++, action });
  }

  /** Lets the next thing happen; false when nothing is left. */
  step(): boolean {
    const next = this.takeNext();
    if (!next) return false;
    this.now = next.at;
    this.steps++;
    next.action();
    return true;
  }

  /** The heap is not stable, so equal instants are sorted by order here. */
  private takeNext(): Happening | null {
    const { sameInstant, queue } = this;
    const instant = sameInstant[0]?.at ?? queue.nextAt();
    if (instant === null) return null;
    for (let one = queue.takeDue(instant); one; one = queue.takeDue(instant)) insertByOrder(sameInstant, one);
    return sameInstant.shift() ?? null;
  }
}

function insertByOrder(list: Happening[], one: Happening): void {
  let index = list.length;
  while (index > 0 && list[index - 1]!.order > one.order) index--;
  list.splice(index, 0, one);
}

/**
 * A process or machine: what it was going to do ends with it, and waits while it is stopped (SIGSTOP, or its host sleeps).
 * Whoever stopped it lets it go on; stopped twice it goes on after the second `resume`.
 */
export class Actor {
  alive = true;
  readonly timeline: Timeline;
  /** Since when it has been going on. */
  awakeSince: number;
  private deferred: (() => void)[] | null = null;
  private stops = 0;

  constructor(timeline: Timeline) {
    this.timeline = timeline;
    this.awakeSince = timeline.now;
  }

  get paused(): boolean {
    return this.deferred !== null;
  }

  after(delayMs: number, action: () => void): void {
    this.timeline.after(delayMs, () => this.do(action));
  }

  /** Now, or when it goes on, or never. */
  do(action: () => void): void {
    if (!this.alive) return;
    if (this.deferred) this.deferred.push(action);
    else action();
  }

  pause(): void {
    this.stops++;
    this.deferred ??= [];
  }

  resume(): void {
    if (!this.alive || --this.stops > 0) return;
    this.awakeSince = this.timeline.now;
    const waiting = this.deferred ?? [];
    this.deferred = null;
    for (const action of waiting) this.after(0, action);
  }

  end(): void {
    this.alive = false;
    this.deferred = null;
  }
}
