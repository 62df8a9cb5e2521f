import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/**
 * How many processes the kernel has killed for want of memory: the counter of this process's memory cgroup (v1 or v2),
 * else that of the whole machine, else always 0. Only its rising means something.
 */
export function createOomCounter(): () => number {
  const source = counterFiles().find((path) => existsSync(path) && /^oom_kill \d+$/m.test(readText(path)));
  if (source === undefined) return () => 0;
  return () => Number(/^oom_kill (\d+)$/m.exec(readText(source))?.[1] ?? 0);
}

function counterFiles(): string[] {
  const files: string[] = [];
  for (const line of readText('/proc/self/cgroup').split('\n')) {
    const [, controllers, path] = line.split(':');
    if (path === undefined) continue;
    if (controllers === '') files.push(join('/sys/fs/cgroup', path, 'memory.events'));
    if (controllers?.split(',').includes('memory')) {
      files.push(join('/sys/fs/cgroup/memory', path, 'memory.oom_control'), '/sys/fs/cgroup/memory/memory.oom_control');
    }
  }
  return [...files, '/proc/vmstat'];
}

function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
