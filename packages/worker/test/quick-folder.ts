/** Where tests keep stores that need not outlive a loss of power. */
import { accessSync, constants, statfsSync } from 'node:fs';
import { tmpdir } from 'node:os';

const MEMORY = '/dev/shm';
const ROOMY_BYTES = 4 * 1024 ** 3;

/**
 * In memory where there is plenty: thousands of small databases are made and synced, which on a busy disk takes longer than the tests
 * themselves. Otherwise the system's temporary folder.
 */
export function quickFolder(): string {
  try {
    accessSync(MEMORY, constants.W_OK);
    const { bavail, bsize } = statfsSync(MEMORY);
    return bavail * bsize >= ROOMY_BYTES ? MEMORY : tmpdir();
  } catch {
    return tmpdir();
  }
}
