/** A binary heap of instants. Stale entries are not looked for: whoever takes one checks it against the state. */
export interface Timed {
  at: number;
}

export class TimerQueue<T extends Timed> {
  private readonly heap: T[] = [];

  get size(): number {
    return this.heap.length;
  }

  nextAt(): number | null {
    return this.heap[0]?.at ?? null;
  }

  push(entry: T): void {
    const { heap } = this;
    let child = heap.length;
    heap.push(entry);
    while (child > 0) {
      const parent = (child - 1) >> 1;
      if (heap[parent]!.at <= entry.at) break;
      heap[child] = heap[parent]!;
      child = parent;
    }
    heap[child] = entry;
  }

  /** Takes the earliest entries for as long as they do not count: nobody need wake up for them. */
  dropUnless(counts: (entry: T) => boolean): void {
    for (let first = this.heap[0]; first && !counts(first); first = this.heap[0]) this.takeDue(first.at);
  }

  /** The earliest entry not after `now`, or null. */
  takeDue(now: number): T | null {
    const { heap } = this;
    const first = heap[0];
    if (!first || first.at > now) return null;
    const last = heap.pop()!;
    if (heap.length > 0) this.sink(last);
    return first;
  }

  /** Drops what `keep` refuses; O(n log n). */
  prune(keep: (entry: T) => boolean): void {
    const kept = this.heap.filter(keep).sort((a, b) => a.at - b.at);
    this.heap.length = 0;
    for (const entry of kept) this.heap.push(entry);
  }

  private sink(entry: T): void {
    const { heap } = this;
    let parent = 0;
    for (;;) {
      let child = 2 * parent + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && heap[child + 1]!.at < heap[child]!.at) child++;
      if (heap[child]!.at >= entry.at) break;
      heap[parent] = heap[child]!;
      parent = child;
    }
    heap[parent] = entry;
  }
}
