/**
 * One process per data directory. The lock is an exclusive SQLite transaction on a small side database, held for
 * the life of the process: the operating system drops it when the process dies, however it dies.
 *
 * The holder's pid is in a file of its own. It must not be in `lock.db`: opening and closing that file by other
 * means than SQLite would drop this process's own POSIX lock on it.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { StoreError } from './port.ts';

/** Takes the lock and returns what gives it back. Throws `LOCKED` when another process, or this one, holds it. */
export function lockDirectory(directory: string): () => void {
  const pidFile = join(directory, 'lock.pid');
  const lock = new DatabaseSync(join(directory, 'lock.db'));
  try {
    lock.exec('pragma busy_timeout = 0; begin exclusive');
  } catch (error) {
    lock.close();
    throw new StoreError(
      'LOCKED',
      `The data directory ${directory} is in use by ${holder(pidFile)}; stop that one first or choose another directory.`,
      { cause: error },
    );
  }
  writeFileSync(pidFile, `${process.pid}\n`);
  return () => lock.close();
}

function holder(pidFile: string): string {
  try {
    const pid = readFileSync(pidFile, 'utf8').trim();
    return /^\d+$/.test(pid) ? `process ${pid}` : 'another process';
  } catch {
    return 'another process';
  }
}
