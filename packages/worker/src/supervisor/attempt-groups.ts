/**
 * Control groups for attempts: what one attempt takes is limited, counted and ended apart from all others. A group belongs to a slot
 * shell or a process of the pool, which runs one attempt at a time, so that no attempt pays for the making of one.
 *
 *   <base>/pelorus-<data directory>/<supervisor>-<n>
 *
 * Where `<base>` is this process's own group, of version 2 or, controller by controller, of version 1; `cgroup.kill` also of a version 2
 * without controllers beside version 1. In version 2 a group that hands controllers on holds no processes: systemd's `DelegateSubgroup=`
 * keeps the service in {@link SERVICE_GROUP} below its own; a container's processes are moved there. Of other groups nothing is
 * assumed and nothing is moved: then there are no groups, and attempts are limited by their shells alone.
 */
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, rmdirSync, statSync, writeFileSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { groupPath, readText, statOf, type GroupPlaces } from '../control-group.ts';
import type { AttemptLimits, LimitsKind } from './messages.ts';
import { OpenFiles } from './open-files.ts';

/** Below the group of a service: where its own processes are, so that beside it groups for attempts can be made. */
const SERVICE_GROUP = 'pelorus-service';
/** Groups whose names are tried when those of an earlier supervisor are still in use. */
const NAMES_MAX = 10_000;
const ABANDONED_MS = 3_600_000;
const CLOSE_POLL_MS = 10;
const CLOSE_TRIES = 50;

/** Of the kernel: what groups limit. */
export type Controller = 'memory' | 'pids';
export const CONTROLLERS: readonly Controller[] = ['memory', 'pids'];

export interface AttemptGroup {
  readonly name: string;
  /** A process that writes its id into each of these is in the group, with all that it starts from then on. */
  readonly joinFiles: readonly string[];
  pids(): number[];
  /** Threads and processes in it; cheaper than {@link AttemptGroup.pids}. */
  count(): number;
  /** What it holds, page cache and files in memory too. */
  memoryBytes(): number;
  /** Processes of it that the kernel has killed for want of memory, its own or the host's; null where groups do not count that. */
  oomKills(): number | null;
  /** How often it was refused another process. */
  forksRefused(): number;
  /** Kills all that is in it at once, where the kernel can. */
  kill(): void;
  /** It will be looked at again and again, until it is discarded: its files stay open so long. */
  keepOpen(): void;
  close(): void;
}

export interface AttemptGroups {
  /** What is limited by groups. */
  readonly keeps: readonly Controller[];
  /** By what they limit memory. */
  readonly kind: LimitsKind;
  /** Null when it cannot be made. */
  make(): AttemptGroup | null;
  /** The group of that name, made by an earlier supervisor; null when it is gone. */
  find(name: string): AttemptGroup | null;
  /** Sets what all attempts together may take. */
  limit(): void;
  /** It is removed as soon as nothing is in it. */
  discard(group: AttemptGroup): void;
  /** Called about once a second. */
  tick(): void;
  /** Ends whatever is left in them, and removes them all. */
  close(): Promise<void>;
}

/** The base directory in which groups are made, and what it is for. */
interface Hierarchy {
  base: string;
  memory: typeof MEMORY_V1 | typeof MEMORY_V2 | null;
  pids: boolean;
}

const MEMORY_V1 = {
  kind: 'cgroup1',
  limit: 'memory.limit_in_bytes',
  usage: 'memory.usage_in_bytes',
  events: 'memory.oom_control',
} as const;
const MEMORY_V2 = { kind: 'cgroup2', limit: 'memory.max', usage: 'memory.current', events: 'memory.events' } as const;

/** Null where this process may make no groups. `limits` are asked for each group. */
export function openAttemptGroups(
  dataDir: string,
  limits: () => AttemptLimits,
  places: GroupPlaces = {},
): AttemptGroups | null {
  const bases = findHierarchies(places);
  for (const { base } of bases) removeAbandoned(base);
  const own = `pelorus-${createHash('sha256').update(resolve(dataDir)).digest('hex').slice(0, 16)}`;
  const hierarchies = bases.flatMap((found) => usable(found, own));
  const forMemory = hierarchies.find(({ memory }) => memory)?.memory;
  const keeps: Controller[] = [
    ...(forMemory ? ['memory' as const] : []),
    ...(hierarchies.some(({ pids }) => pids) ? ['pids' as const] : []),
  ];
  if (keeps.length === 0) return null;
  const discarded = new Set(leftovers(hierarchies));
  let made = 0;

  const limit = (): void => {
    for (const { base, memory } of hierarchies) if (memory) tryWrite(join(base, memory.limit), limits().allMemoryBytes);
  };
  const find = (name: string): AttemptGroup | null => {
    const parts = hierarchies.map((hierarchy) => ({ ...hierarchy, base: join(hierarchy.base, name) }));
    return parts.every(({ base }) => existsSync(base)) ? groupOf(name, parts) : null;
  };
  limit();
  return {
    keeps,
    kind: forMemory ? forMemory.kind : 'rlimit',
    find,
    limit,
    make() {
      for (let tries = 0; tries < NAMES_MAX; tries += 1) {
        made += 1;
        const name = `${process.pid}-${made}`;
        const outcome = makeGroup(hierarchies, name, limits());
        if (outcome === 'made') return find(name);
        if (outcome === 'refused') return null;
      }
      return null;
    },
    discard(group) {
      group.close();
      if (!remove(hierarchies, group.name)) discarded.add(group.name);
    },
    tick() {
      for (const name of discarded) if (remove(hierarchies, name)) discarded.delete(name);
    },
    async close() {
      const names = new Set(leftovers(hierarchies));
      for (const name of names) find(name)?.kill();
      for (let tries = 0; names.size > 0 && tries < CLOSE_TRIES; tries += 1) {
        for (const name of names) if (remove(hierarchies, name)) names.delete(name);
        if (names.size > 0) await pause(CLOSE_POLL_MS);
      }
      remove(hierarchies, '');
    },
  };
}

// Where

/** Version 2 with its controllers, else version 1 controller by controller, beside version 2 as it is. */
function findHierarchies(places: GroupPlaces): Hierarchy[] {
  const own = unifiedGroup(places);
  const unified = own === null ? null : delegatedBase(own);
  const controllers = unified === null ? [] : controllersIn(unified, 'cgroup.subtree_control');
  const found: Hierarchy[] = [];
  if (unified !== null) {
    const memory = controllers.includes('memory') ? MEMORY_V2 : null;
    found.push({ base: unified, memory, pids: controllers.includes('pids') });
  }
  for (const { controller, base } of versionOneBases(places)) {
    if (controllers.includes(controller)) continue;
    found.push({ base, memory: controller === 'memory' ? MEMORY_V1 : null, pids: controller === 'pids' });
  }
  return found;
}

/** Where this process is in version 2. */
export interface UnifiedGroup {
  /** Its group, or, of a {@link SERVICE_GROUP}, the one above. */
  base: string;
  isSubgroup: boolean;
  /** It is the first group that this process sees. */
  isContainer: boolean;
}

/** Null where there is no version 2, or this process is not in it. */
export function unifiedGroup(places: GroupPlaces): UnifiedGroup | null {
  const { mount = '/sys/fs/cgroup' } = places;
  const unifiedMount = [mount, join(mount, 'unified')].find((path) => existsSync(join(path, 'cgroup.procs')));
  const path = groupPath('', places);
  if (unifiedMount === undefined || path === null) return null;
  const own = join(unifiedMount, path);
  const isSubgroup = basename(path) === SERVICE_GROUP;
  return { base: isSubgroup ? dirname(own) : own, isSubgroup, isContainer: path === '/' };
}

/** The group of this process under each controller that version 1 has. */
export function versionOneBases(places: GroupPlaces): { controller: Controller; base: string }[] {
  const { mount = '/sys/fs/cgroup' } = places;
  return CONTROLLERS.flatMap((controller) => {
    const path = groupPath(controller, places);
    if (path === null) return [];
    // A container may not see the path by which the host knows it.
    const bases = [join(mount, controller, path), join(mount, controller)];
    const base = bases.find((one) => existsSync(join(one, 'cgroup.procs')));
    return base === undefined ? [] : [{ controller, base }];
  });
}

/** The directory of version 2 below which groups may be made, with what controllers it can hand on; null when none may. */
function delegatedBase({ base, isContainer }: UnifiedGroup): string | null {
  if (handOn(base)) return base;
  // Whatever is in a container's own group belongs to it; other groups are not ours to rearrange.
  if (!isContainer) return null;
  return moveProcesses(base, join(base, SERVICE_GROUP)) && handOn(base) ? base : null;
}

/** True when the group's children have what it has itself of the controllers for memory and processes; beside version 1 that is none. */
function handOn(base: string): boolean {
  const active = controllersIn(base, 'cgroup.subtree_control');
  const missing = controllersIn(base, 'cgroup.controllers').filter((one) => !active.includes(one));
  return missing.every((controller) => tryWrite(join(base, 'cgroup.subtree_control'), `+${controller}`));
}

/** Those that a group has (`cgroup.controllers`), or hands on to its children (`cgroup.subtree_control`). */
export function controllersIn(base: string, file: 'cgroup.controllers' | 'cgroup.subtree_control'): Controller[] {
  const named = readText(join(base, file)).split(/\s+/);
  return CONTROLLERS.filter((one) => named.includes(one));
}

function moveProcesses(from: string, into: string): boolean {
  if (!tryMake(into)) return false;
  for (const pid of pidsIn(readText(join(from, 'cgroup.procs')))) tryWrite(join(into, 'cgroup.procs'), pid);
  return true;
}

/** With the directory of this worker in it; empty when it cannot be made. */
function usable(hierarchy: Hierarchy, own: string): Hierarchy[] {
  const base = join(hierarchy.base, own);
  if (!tryMake(base)) return [];
  const isUnified = existsSync(join(base, 'cgroup.subtree_control'));
  return !isUnified || handOn(base) ? [{ ...hierarchy, base }] : [];
}

function leftovers(hierarchies: Hierarchy[]): string[] {
  return hierarchies.flatMap(({ base }) => childrenOf(base));
}

/** What workers have left that were killed and never came back. Only what is old and empty: what is new somebody is about to use. */
function removeAbandoned(base: string): void {
  for (const name of childrenOf(base).filter((child) => /^pelorus-[0-9a-f]{16}$/.test(child))) {
    const directory = join(base, name);
    for (const child of [...childrenOf(directory).map((one) => join(directory, one)), directory]) {
      if (Date.now() - (statSync(child, { throwIfNoEntry: false })?.mtimeMs ?? Infinity) < ABANDONED_MS) continue;
      try {
        rmdirSync(child);
      } catch {
        // It is in use, or was removed by its owner.
      }
    }
  }
}

function childrenOf(directory: string): string[] {
  try {
    const entries = readdirSync(directory, { withFileTypes: true });
    return entries.flatMap((entry) => (entry.isDirectory() ? [entry.name] : []));
  } catch {
    return [];
  }
}

// Groups

function makeGroup(hierarchies: Hierarchy[], name: string, limits: AttemptLimits): 'made' | 'taken' | 'refused' {
  if (hierarchies.some(({ base }) => existsSync(join(base, name)))) return 'taken';
  for (const { base, memory, pids } of hierarchies) {
    const directory = join(base, name);
    if (!tryMake(directory)) return 'refused';
    if (memory && limits.memoryBytes !== null && !tryWrite(join(directory, memory.limit), limits.memoryBytes))
      return 'refused';
    if (pids && !tryWrite(join(directory, 'pids.max'), limits.processes)) return 'refused';
  }
  return 'made';
}

function groupOf(name: string, parts: Hierarchy[]): AttemptGroup {
  const memory = parts.find((part) => part.memory);
  const pids = parts.find((part) => part.pids);
  const killFile = parts.map(({ base }) => join(base, 'cgroup.kill')).find((path) => existsSync(path));
  const files = new OpenFiles();
  const read = (part: Hierarchy | undefined, file: string | undefined): string =>
    part && file !== undefined ? files.read(join(part.base, file)) : '';
  const members = join(parts[0]!.base, 'cgroup.procs');
  // Of version 1 a file of members that stays open tells for a second, or as long as it is looked at, what it told before.
  const isVersionTwo = existsSync(join(parts[0]!.base, 'cgroup.controllers'));
  const readPids = (): number[] => pidsIn(isVersionTwo ? files.read(members) : readText(members));
  return {
    name,
    joinFiles: parts.map(({ base }) => join(base, 'cgroup.procs')),
    pids: readPids,
    count: () => (pids ? Number(read(pids, 'pids.current')) : readPids().length),
    memoryBytes: () => Number(read(memory, memory?.memory?.usage)),
    oomKills: () => (memory ? statOf(read(memory, memory.memory?.events), 'oom_kill') : null),
    forksRefused: () => statOf(read(pids, 'pids.events'), 'max'),
    kill: () => {
      if (killFile !== undefined) tryWrite(killFile, 1);
    },
    keepOpen: () => files.keep(),
    close: () => files.close(),
  };
}

/** True when it is gone everywhere. */
function remove(hierarchies: Hierarchy[], name: string): boolean {
  let isGone = true;
  for (const { base } of hierarchies) {
    try {
      rmdirSync(join(base, name));
    } catch (error) {
      isGone &&= (error as NodeJS.ErrnoException).code === 'ENOENT';
    }
  }
  return isGone;
}

/** Of `cgroup.procs`. */
function pidsIn(text: string): number[] {
  return text.split('\n').flatMap((line) => (line === '' ? [] : [Number(line)]));
}

function tryMake(directory: string): boolean {
  try {
    mkdirSync(directory);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EEXIST';
  }
}

function tryWrite(path: string, value: string | number): boolean {
  try {
    writeFileSync(path, String(value));
    return true;
  } catch {
    return false;
  }
}
