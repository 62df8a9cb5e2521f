import { execFile } from 'node:child_process';

/** Directories that one `rm` is given. */
const BATCH = 500;

/**
 * Removes directories that nobody needs any more, many at a time, in a process of its own: removing trees with Node's
 * file functions cost the supervisor more than starting the tasks had.
 */
export class DirectoryRemoval {
  #waiting: string[] = [];
  #running = false;

  /** The path must be one of ours; it is removed with all that is in it, soon. */
  add(path: string): void {
    this.#waiting.push(path);
  }

  /** Removes the next batch, if the last one is done. */
  tick(): void {
    if (this.#running || this.#waiting.length === 0) return;
    this.#running = true;
    const batch = this.#waiting.splice(0, BATCH);
    // What cannot be removed stays; the next supervisor finds and tries it again.
    execFile('rm', ['-rf', '--', ...batch], () => { this.#running = false; });
  }
}
