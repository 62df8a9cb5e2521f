import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { groupDirectories, readText, statOf } from '../control-group.ts';

/** At the start of an attempt a reading this old will do. */
const FRESH_MS = 100;

export interface OomCounter {
  /** As it is now. */
  read(): number;
  /** As it was at most 100 ms ago: a lower bound of `read()`. */
  recent(): number;
}

/**
 * How many processes the kernel has killed for want of memory: the counter of this process's memory cgroup (v1 or v2),
 * else that of the whole machine, else always 0. Only its rising means something.
 */
export function createOomCounter(): OomCounter {
  const source = counterFiles().find((path) => existsSync(path) && /^oom_kill \d+$/m.test(readText(path)));
  if (source === undefined) return { read: () => 0, recent: () => 0 };
  const read = (): number => statOf(readText(source), 'oom_kill');
  let last = { count: read(), at: performance.now() };
  return {
    read,
    recent: () => {
      const now = performance.now();
      if (now - last.at > FRESH_MS) last = { count: read(), at: now };
      return last.count;
    },
  };
}

function counterFiles(): string[] {
  const files = groupDirectories('memory').flatMap((directory) => [
    join(directory, 'memory.events'),
    join(directory, 'memory.oom_control'),
  ]);
  return [...files, '/proc/vmstat'];
}
