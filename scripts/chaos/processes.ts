/** What /proc says: who belongs to a place, and what is left of it. */
import { readdirSync, readFileSync } from 'node:fs';

export interface ProcessSeen {
  pid: number;
  parent: number;
  command: string;
  /** `PELORUS_WORK_DIR` of its environment; null: it is no task's process. */
  workDir: string | null;
  attempt: string | null;
}

/** Processes whose command line or environment names `directory`, but for this one. */
export function processesOf(directory: string): ProcessSeen[] {
  return readdirSync('/proc')
    .filter((entry) => /^\d+$/.test(entry) && Number(entry) !== process.pid)
    .flatMap((entry) => {
      const seen = look(Number(entry), directory);
      return seen === null ? [] : [seen];
    });
}

/** Of those, the ones that carry out an attempt. */
export function taskProcessesOf(directory: string): ProcessSeen[] {
  return processesOf(directory).filter(({ workDir }) => workDir?.startsWith(directory) === true);
}

/** `of` and everything below them. */
export function withDescendants(of: ProcessSeen[], all: ProcessSeen[]): ProcessSeen[] {
  const found = new Map(of.map((one) => [one.pid, one]));
  for (let size = 0; size < found.size;) {
    size = found.size;
    for (const one of all) if (found.has(one.parent)) found.set(one.pid, one);
  }
  return [...found.values()];
}

/** Says whether there was such a process. */
export function signalPid(pid: number, signal: NodeJS.Signals): boolean {
  try {
    process.kill(pid, signal);
    return true;
  } catch {
    return false;
  }
}

function look(pid: number, directory: string): ProcessSeen | null {
  try {
    const command = readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ').trim();
    const environment = readFileSync(`/proc/${pid}/environ`, 'utf8').split('\0');
    if (command === '' || !(command.includes(directory) || environment.some((one) => one.includes(directory))))
      return null;
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const [state, parent] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    if (state === 'Z') return null;
    const valueOf = (name: string): string | null =>
      environment.find((one) => one.startsWith(`${name}=`))?.slice(name.length + 1) ?? null;
    return {
      pid,
      parent: Number(parent),
      command,
      workDir: valueOf('PELORUS_WORK_DIR'),
      attempt: valueOf('PELORUS_ATTEMPT'),
    };
  } catch {
    return null;
  }
}
