/** Counts by name: what was done to a history and which paths of the code under test it reached. */
export class Tally {
  readonly counts = new Map<string, number>();

  count(name: string, by = 1): void {
    this.counts.set(name, (this.counts.get(name) ?? 0) + by);
  }

  add(other: Tally): void {
    for (const [name, by] of other.counts) this.count(name, by);
  }

  sorted(): [string, number][] {
    return [...this.counts].sort(([a], [b]) => (a < b ? -1 : 1));
  }
}
