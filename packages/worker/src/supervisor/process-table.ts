/**
 * What /proc says about processes. Everything that is signalled is first found here, by what it is (its start time,
 * its marker, its group), never by a bare number: process ids are reused. Without /proc (macOS) the table is empty
 * and only process groups can be ended.
 */
import { readdirSync, readFileSync } from 'node:fs';
import type { AttemptId } from '@pelorus/protocol';

export interface ProcessEntry {
  pid: number;
  parent: number;
  group: number;
  session: number;
  /** Clock ticks since boot; with the pid it names one process of this boot. */
  startTime: number;
}

export interface MarkedProcess extends ProcessEntry {
  /** The values of the two variables that mark an attempt's processes; null when the process has none. */
  attempt: AttemptId | null;
  workDir: string | null;
}

export const PROCESS_TABLE_AVAILABLE = process.platform === 'linux';

/** The start time of a live process (a zombie is not one), or null when there is none of that pid. */
export function processStartTime(pid: number): number | null {
  return readEntry(pid)?.startTime ?? null;
}

/** True while the process that had this pid and start time lives. Without /proc the pid alone must do. */
export function isSameProcess(pid: number, startTime: number | null): boolean {
  if (PROCESS_TABLE_AVAILABLE) return startTime !== null && processStartTime(pid) === startTime;
  return canSignal(pid);
}

/** All live processes with their markers: some 30 µs each. */
export function scanProcesses(): MarkedProcess[] {
  if (!PROCESS_TABLE_AVAILABLE) return [];
  const found: MarkedProcess[] = [];
  for (const name of readdirSync('/proc')) {
    const pid = Number(name);
    if (!Number.isInteger(pid)) continue;
    const entry = readEntry(pid);
    if (entry) found.push({ ...entry, ...readMarkers(pid) });
  }
  return found;
}

/** Signals one process found in the table, if it still is the same one. Returns false when it is gone or not ours. */
export function signalProcess(target: { pid: number; startTime: number | null }, signal: NodeJS.Signals): boolean {
  if (!isSameProcess(target.pid, target.startTime)) return false;
  try {
    process.kill(target.pid, signal);
    return true;
  } catch {
    return false;
  }
}

/** Signals a whole group whose leader is known to be the given process. */
export function signalGroup(leader: { pid: number; startTime: number | null }, signal: NodeJS.Signals): void {
  if (!isSameProcess(leader.pid, leader.startTime)) return;
  try {
    process.kill(-leader.pid, signal);
  } catch {
    // Gone between the look and the signal.
  }
}

function canSignal(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

function readEntry(pid: number): ProcessEntry | null {
  const text = readProcFile(pid, 'stat');
  // The command stands in parentheses and may hold anything, parentheses too.
  const fields = text?.slice(text.lastIndexOf(')') + 2).split(' ');
  if (!fields || fields[0] === 'Z' || fields[0] === 'X') return null;
  return {
    pid,
    parent: Number(fields[1]),
    group: Number(fields[2]),
    session: Number(fields[3]),
    startTime: Number(fields[19]),
  };
}

function readMarkers(pid: number): { attempt: AttemptId | null; workDir: string | null } {
  const environment = readProcFile(pid, 'environ');
  if (!environment?.includes('PELORUS_ATTEMPT=')) return { attempt: null, workDir: null };
  const variables = environment.split('\0');
  const valueOf = (name: string): string | null =>
    variables.find((entry) => entry.startsWith(`${name}=`))?.slice(name.length + 1) ?? null;
  return { attempt: valueOf('PELORUS_ATTEMPT') as AttemptId | null, workDir: valueOf('PELORUS_WORK_DIR') };
}

function readProcFile(pid: number, name: 'stat' | 'environ'): string | null {
  try {
    return readFileSync(`/proc/${pid}/${name}`, 'utf8');
  } catch {
    return null;
  }
}
