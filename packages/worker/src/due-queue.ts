/**
 * Keys ordered by the instant at which they are due: a binary heap. A key may be queued more than once;
 * whoever takes one asks its own state whether that instant still counts.
 */
export class DueQueue<Key> {
  #entries: { at: number; key: Key }[] = [];

  /** The earliest instant queued, or Infinity. */
  get nextAt(): number {
    return this.#entries[0]?.at ?? Infinity;
  }

  push(at: number, key: Key): void {
    const entries = this.#entries;
    const entry = { at, key };
    let index = entries.length;
    entries.push(entry);
    while (index > 0) {
      const parent = (index - 1) >> 1;
      const above = entries[parent];
      if (!above || above.at <= at) break;
      entries[index] = above;
      index = parent;
    }
    entries[index] = entry;
  }

  /** Takes the earliest entries for as long as they do not count: nobody need wake up for them. */
  dropUnless(counts: (entry: { at: number; key: Key }) => boolean): void {
    for (let first = this.#entries[0]; first && !counts(first); first = this.#entries[0]) this.takeDue(first.at);
  }

  /** Takes the earliest entry if it is due at `now`, else null. */
  takeDue(now: number): { at: number; key: Key } | null {
    const first = this.#entries[0];
    if (!first || first.at > now) return null;
    const last = this.#entries.pop();
    if (last && this.#entries.length > 0) this.#sinkFromTop(last);
    return first;
  }

  #sinkFromTop(entry: { at: number; key: Key }): void {
    const entries = this.#entries;
    let index = 0;
    for (;;) {
      const left = entries[2 * index + 1];
      const right = entries[2 * index + 2];
      const smaller = right && left && right.at < left.at ? 2 * index + 2 : 2 * index + 1;
      const below = entries[smaller];
      if (!below || below.at >= entry.at) break;
      entries[index] = below;
      index = smaller;
    }
    entries[index] = entry;
  }
}
