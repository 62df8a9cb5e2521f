/** The folder in which a worker keeps its logs until they are shipped. */
import { readdir, rmdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { parseAttemptId, type AttemptId } from '@pelorus/protocol';

const EMPTY_DIRECTORY_MS = 3_600_000;

/** The attempts of which there are logs, the oldest runs first. */
export async function* attemptsWithLogs(logDir: string): AsyncGenerator<AttemptId> {
  const runs = (await namesIn(logDir)).filter((name) => /^\d+$/.test(name));
  for (const run of runs.sort((left, right) => Number(left) - Number(right))) {
    for (const name of await namesIn(join(logDir, run))) {
      const attempt = name.replace(/\.log$/, '') as AttemptId;
      if (name.endsWith('.log') && parseAttemptId(attempt) !== null) yield attempt;
    }
  }
}

/** Removes folders of runs that have long been empty. */
export async function sweepLogFolder(logDir: string): Promise<void> {
  for (const run of await namesIn(logDir)) {
    const directory = join(logDir, run);
    const found = await stat(directory).catch(() => null);
    if (found === null || Date.now() - found.mtimeMs < EMPTY_DIRECTORY_MS) continue;
    // Of one that is not empty nothing is removed.
    await rmdir(directory).catch(() => {});
  }
}

async function namesIn(directory: string): Promise<string[]> {
  return readdir(directory).catch(() => []);
}
