/**
 * Looks how much attempts have put on the disk, a few entries at a time: no turn costs more than {@link ENTRIES_PER_TURN} looks, however
 * many attempts there are and however much they hold. So a very large directory is judged late rather than dearly.
 */
import { lstatSync, opendirSync } from 'node:fs';
import { join } from 'node:path';

const ENTRIES_PER_TURN = 1_000;
/** Of an attempt that ends sooner nobody looks at anything. */
const YOUNG_MS = 3_000;
/** What `stat` counts in, whatever the file system's own blocks are. */
const BLOCK_BYTES = 512;

export interface Watched<Attempt> {
  attempt: Attempt;
  /** Epoch ms. */
  startedAt: number;
  /** Files and directories that count together. */
  paths: string[];
}

export class DiskWatch<Attempt> {
  #queue: Watched<Attempt>[] = [];
  #current: { attempt: Attempt; sizes: Generator<number, void>; bytes: number } | null = null;

  /** Looks on where it had got to, and begins with `all` again after the last. Returns whoever was found to hold more than `limitBytes`. */
  turn(all: () => Watched<Attempt>[], limitBytes: number): Attempt[] {
    const over: Attempt[] = [];
    if (this.#current === null && this.#queue.length === 0)
      this.#queue = all().filter(({ startedAt }) => Date.now() - startedAt > YOUNG_MS);
    for (let looks = 0; looks < ENTRIES_PER_TURN; looks += 1) {
      const current = (this.#current ??= this.#next());
      if (current === null) break;
      const { value, done } = current.sizes.next();
      current.bytes += value ?? 0;
      if (current.bytes > limitBytes) over.push(current.attempt);
      else if (done !== true) continue;
      current.sizes.return();
      this.#current = null;
    }
    return over;
  }

  #next(): { attempt: Attempt; sizes: Generator<number, void>; bytes: number } | null {
    const watched = this.#queue.shift();
    return watched ? { attempt: watched.attempt, sizes: sizesOf(watched.paths), bytes: 0 } : null;
  }
}

/** Bytes of each entry, one look at a time. What goes meanwhile, or may not be read, does not count. */
function* sizesOf(paths: string[]): Generator<number, void> {
  for (const path of paths) yield sizeOf(path);
  const directories = [...paths];
  while (directories.length > 0) {
    const path = directories.pop() ?? '';
    const directory = orNull(() => opendirSync(path));
    if (directory === null) continue;
    try {
      for (let entry = orNull(() => directory.readSync()); entry; entry = orNull(() => directory.readSync())) {
        const inside = join(path, entry.name);
        if (entry.isDirectory()) directories.push(inside);
        yield sizeOf(inside);
      }
    } finally {
      directory.closeSync();
    }
  }
}

function sizeOf(path: string): number {
  return (orNull(() => lstatSync(path))?.blocks ?? 0) * BLOCK_BYTES;
}

function orNull<Result>(look: () => Result): Result | null {
  try {
    return look();
  } catch {
    return null;
  }
}
