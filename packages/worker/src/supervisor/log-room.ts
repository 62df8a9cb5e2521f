import { statfsSync } from 'node:fs';

/** A look at the file system is good for this long. */
const LOOK_MS = 500;

/**
 * Whether logs are about to run out of disk. A task that writes to a file on a full disk fails, so when there is little room its output
 * goes through a pipe, from which everything is taken, whether or not it can be kept.
 */
export class LogRoom {
  #scarce = false;
  #lookedAt = -Infinity;

  /** True when the file system of the directory has less than `roomBytes` for us; false when nobody knows. */
  isScarce(logDir: string, roomBytes: number): boolean {
    const now = performance.now();
    if (now - this.#lookedAt < LOOK_MS) return this.#scarce;
    this.#lookedAt = now;
    try {
      const { bavail, bsize } = statfsSync(logDir);
      this.#scarce = bavail * bsize < roomBytes;
    } catch {
      this.#scarce = false;
    }
    return this.#scarce;
  }
}
