import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';

/**
 * Takes the data directory for this process, or returns null when another process has it. The lock is a POSIX record
 * lock held through SQLite, the one portable lock that Node can take and that the kernel drops when the process dies.
 */
export function lockDataDir(dataDir: string): { release(): void } | null {
  const database = new DatabaseSync(join(dataDir, 'supervisor.lock'));
  try {
    database.exec('pragma busy_timeout = 0; begin exclusive');
    return { release: () => database.close() };
  } catch {
    database.close();
    return null;
  }
}
