/**
 * Finding and ending every process of an attempt. A process belongs to an attempt when it carries its marker, when it is
 * in the process group, session or control group of the shell that runs it, or when it descends from such a one: `setsid`, `nohup` and
 * double forks leave the process group, but neither the environment nor the control group.
 */
import type { AttemptGroup } from './attempt-groups.ts';
import {
  PROCESS_TABLE_AVAILABLE,
  isSameProcess,
  scanProcesses,
  signalGroup,
  signalProcess,
  type MarkedProcess,
} from './process-table.ts';

export interface Quarry {
  attempt: string;
  workDir: string;
  /** The shell that is (or until its death was) kept for this attempt alone, or null. It is no process of the attempt's itself. */
  shell: { pid: number; startTime: number | null; cgroup: AttemptGroup | null } | null;
  /** True until the attempt's main process has ended. */
  running: boolean;
}

const POLL_FIRST_MS = 20;
const POLL_MAX_MS = 500;
/** Hunts that go on at the same time share a look at the table if it is no older than this. */
const SHARED_LOOK_MS = 10;

let lastLook: { table: MarkedProcess[]; at: number } = { table: [], at: -Infinity };

/** The attempt's processes, without the slot shell itself. `known` ones stay its own when their parents are gone. */
export function processesOf(
  quarry: Quarry,
  table: MarkedProcess[],
  known: ReadonlyMap<number, number> = new Map(),
): MarkedProcess[] {
  const { shell } = quarry;
  const belongs = new Set<number>();
  // While a group has members its number is not given to a new process; so a leader that is another process means: our group is gone.
  const leader = table.find((entry) => entry.pid === shell?.pid);
  const group = shell && (!leader || leader.startTime === shell.startTime) ? shell.pid : null;
  const inControlGroup = new Set(shell?.cgroup?.pids());
  for (const entry of table) {
    const inGroup = group !== null && (entry.group === group || entry.session === group);
    const marked = entry.attempt === quarry.attempt && entry.workDir === quarry.workDir;
    if (inGroup || marked || inControlGroup.has(entry.pid) || known.get(entry.pid) === entry.startTime)
      belongs.add(entry.pid);
  }
  for (let grown = belongs.size > 0; grown;) {
    const children = table.filter((entry) => belongs.has(entry.parent) && !belongs.has(entry.pid));
    for (const child of children) belongs.add(child.pid);
    grown = children.length > 0;
  }
  return table.filter((entry) => belongs.has(entry.pid) && entry.pid !== group);
}

/**
 * Ends all processes of an attempt: TERM to each, after `graceMs` KILL to each and to the shell's group, again and again
 * until two looks in a row find none. Calls `onGone` then. `quarry` is asked anew each time, because shells go on.
 */
export function endProcesses(quarry: () => Quarry, graceMs: number, onGone: () => void): void {
  const killAt = performance.now() + graceMs;
  let pollMs = POLL_FIRST_MS;
  let cleanLooks = 0;
  const known = new Map<number, number>();
  const find = (current: Quarry): MarkedProcess[] => {
    const found = processesOf(current, lookAtProcesses(), known);
    for (const { pid, startTime } of found) known.set(pid, startTime);
    return found;
  };

  const look = (): void => {
    const current = quarry();
    const left = find(current);
    const clean = left.length === 0 && !groupLeft(current);
    cleanLooks = clean ? cleanLooks + 1 : 0;
    if (cleanLooks >= 2) return onGone();
    const untilKillMs = killAt - performance.now();
    const insist = untilKillMs <= 0 || (!PROCESS_TABLE_AVAILABLE && !current.running);
    if (insist && !clean) {
      current.shell?.cgroup?.kill();
      if (current.shell && groupLeft(current)) signalGroup(current.shell, 'SIGKILL');
      for (const entry of left) signalProcess(entry, 'SIGKILL');
    }
    pollMs = clean ? POLL_FIRST_MS : Math.min(pollMs * 1.5, POLL_MAX_MS);
    setTimeout(look, insist ? pollMs : Math.min(pollMs, Math.max(untilKillMs, 1)));
  };

  // Found before the first signal: once their parents are gone nothing shows where they came from.
  const first = quarry();
  const found = find(first);
  if (first.shell) signalGroup(first.shell, 'SIGTERM');
  for (const entry of found) if (entry.group !== first.shell?.pid) signalProcess(entry, 'SIGTERM');
  setTimeout(look, POLL_FIRST_MS);
}

/** All processes, as of at most {@link SHARED_LOOK_MS} ago. */
export function lookAtProcesses(): MarkedProcess[] {
  const now = performance.now();
  if (now - lastLook.at > SHARED_LOOK_MS) lastLook = { table: scanProcesses(), at: now };
  return lastLook.table;
}

/** Where there is no table to look at, the shell stands for its group: only its end proves that nothing is left. */
function groupLeft(quarry: Quarry): boolean {
  if (PROCESS_TABLE_AVAILABLE) return quarry.running;
  return quarry.shell !== null && isSameProcess(quarry.shell.pid, quarry.shell.startTime);
}
