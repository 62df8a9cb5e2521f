import { execFile } from 'node:child_process';

/** Paths that one `rm` is given. */
const BATCH = 1000;

/**
 * Removes directories that nobody needs any more, many at a time, in a process of its own: removing trees with Node's
 * file functions cost the supervisor more than starting the tasks had.
 */
export class DirectoryRemoval {
  #waiting: string[] = [];
  #running = false;

  /** The paths must be ours; each is removed with all that is in it, soon. */
  add(paths: string[]): void {
    this.#waiting.push(...paths);
  }

  /** Removes the next batch, if the last one is done. */
  tick(): void {
    if (this.#running || this.#waiting.length === 0) return;
    this.#running = true;
    const batch = this.#waiting.splice(0, BATCH);
    // What cannot be removed stays; the next supervisor finds and tries it again.
    execFile('rm', ['-rf', '--', ...batch], () => {
      this.#running = false;
    });
  }
}
