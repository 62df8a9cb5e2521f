/**
 * What the control groups of this process leave it: in a container the host's numbers do not say when the kernel kills or
 * throttles. Version 1 and 2, also side by side; a limit counts wherever it stands above this process. Nothing is kept but
 * where the files are, and nothing throws: what cannot be read limits nothing.
 */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** Where to look; other places are for tests. */
export interface GroupPlaces {
  /** Default `/proc/self/cgroup`. */
  membership?: string;
  /** Default `/sys/fs/cgroup`. */
  mount?: string;
}

export interface MemoryLimit {
  limitBytes: number;
  /** Without what the kernel would give up first: file pages that nobody has used lately. */
  usedBytes: number;
}

export interface ControlGroup {
  /** The memory limit that is nearest to its end, or null: only the host's memory counts. */
  memory(): MemoryLimit | null;
  /** Processors' worth of time that it may use, or null. */
  cpuQuota(): number | null;
  /** Processes of the group that limits processors that run or wait for one now, but for this one; only meant with a quota. */
  runnable(): number;
}

/** From 4 EiB on version 1 means no limit. */
const UNLIMITED_BYTES = 2 ** 62;
/** Processes looked at to count the runnable ones. */
const PROCESSES_MAX = 2_000;

export function findControlGroup(places: GroupPlaces = {}): ControlGroup {
  const forMemory = groupDirectories('memory', places);
  const forCpu = groupDirectories('cpu', places);
  const limiting = forCpu.find((directory) => quotaOf(directory) !== null);
  return {
    memory() {
      const limits = forMemory.map(limitOf).filter((limit) => limit !== null);
      return limits.reduce<MemoryLimit | null>((least, one) => (least && free(least) <= free(one) ? least : one), null);
    },
    cpuQuota() {
      const quotas = forCpu.map(quotaOf).filter((quota) => quota !== null);
      return quotas.length === 0 ? null : Math.min(...quotas);
    },
    runnable: () => (limiting === undefined ? 0 : runnableIn(limiting)),
  };
}

/** The directories of this process's group and of all above it, nearest first, under whichever version has the controller. */
export function groupDirectories(controller: string, places: GroupPlaces = {}): string[] {
  const { mount = '/sys/fs/cgroup' } = places;
  const own = groupPath(controller, places);
  const unified = groupPath('', places);
  const directories = [
    ...(own === null ? [] : upwards(own).map((path) => join(mount, controller, path))),
    ...(unified === null ? [] : upwards(unified).map((path) => join(mount, path))),
  ];
  return directories.filter((directory) => existsSync(directory));
}

/** The path of this process's group under version 1's controller, or, for an empty name, under version 2; null: under none. */
export function groupPath(controller: string, { membership = '/proc/self/cgroup' }: GroupPlaces = {}): string | null {
  for (const line of readText(membership).split('\n')) {
    const [, controllers, path] = /^\d+:([^:]*):(\/.*)$/.exec(line) ?? [];
    if (controllers?.split(',').includes(controller)) return path ?? null;
  }
  return null;
}

/** `/a/b` → `a/b`, `a` and the empty path. */
function upwards(path: string): string[] {
  const names = path.split('/').filter((name) => name !== '');
  return Array.from({ length: names.length + 1 }, (_, dropped) => names.slice(0, names.length - dropped).join('/'));
}

function free({ limitBytes, usedBytes }: MemoryLimit): number {
  return limitBytes - usedBytes;
}

function limitOf(directory: string): MemoryLimit | null {
  const isUnified = existsSync(join(directory, 'memory.max'));
  const [limit, usage, idle] = isUnified
    ? ['memory.max', 'memory.current', 'inactive_file']
    : ['memory.limit_in_bytes', 'memory.usage_in_bytes', 'total_inactive_file'];
  const limitBytes = parseBytes(readText(join(directory, limit)));
  const currentBytes = parseBytes(readText(join(directory, usage)));
  if (limitBytes === null || currentBytes === null) return null;
  return { limitBytes, usedBytes: Math.max(0, currentBytes - statOf(readText(join(directory, 'memory.stat')), idle)) };
}

function quotaOf(directory: string): number | null {
  const unified = readText(join(directory, 'cpu.max'));
  if (unified !== '') return parseQuota(unified);
  const period = readText(join(directory, 'cpu.cfs_period_us'));
  return parseQuota(`${readText(join(directory, 'cpu.cfs_quota_us')).trim()} ${period}`);
}

/** Of `memory.max` and its like: bytes, or null for none (`max`, or as good as endless). */
export function parseBytes(text: string): number | null {
  if (!/^\d+\s*$/.test(text)) return null;
  const bytes = Number(text);
  return bytes >= UNLIMITED_BYTES ? null : bytes;
}

/** Of `cpu.max` (`200000 100000`): processors, or null for none (`max`, or a negative quota). */
export function parseQuota(text: string): number | null {
  const found = /^(\d+) (\d+)\s*$/.exec(text);
  const [quotaUs, periodUs] = [Number(found?.[1] ?? 0), Number(found?.[2] ?? 0)];
  return quotaUs > 0 && periodUs > 0 ? quotaUs / periodUs : null;
}

/** The number behind a name, as in `memory.stat` and `memory.events`; 0 when it is not there. */
export function statOf(text: string, name: string): number {
  return Number(new RegExp(`^${name} (\\d+)$`, 'm').exec(text)?.[1] ?? 0);
}

/** Of `/proc/<pid>/stat`: whether it runs, waits for a processor, or cannot be interrupted: what a load average counts. */
export function isRunnable(stat: string): boolean {
  return /^[RD]/.test(stat.slice(stat.lastIndexOf(')') + 2));
}

function runnableIn(directory: string): number {
  const pids = readText(join(directory, 'cgroup.procs')).split('\n', PROCESSES_MAX);
  const others = pids.filter((pid) => pid !== '' && pid !== String(process.pid));
  return others.filter((pid) => isRunnable(readText(`/proc/${pid}/stat`))).length;
}

/** Empty when it cannot be read. */
export function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
