/**
 * Ends what attempts left running behind them. One look at the process table serves all attempts that ended since the
 * last one; each is looked for twice, because a process in the middle of an exec shows no environment.
 */
import { appendLogNotice } from './attempt-log-file.ts';
import { endProcesses, lookAtProcesses, processesOf, type Quarry } from './process-hunt.ts';
import type { MarkedProcess } from './process-table.ts';

export interface Ended {
  attempt: string;
  /** The shell that ran it, if it serves nobody else: what is in its control group is the attempt's. */
  shell: Quarry['shell'];
  directory: { workDir: string };
  logPath: string;
  killGraceMs: number;
}

const LOOKS = 2;

export class SurvivorSweep {
  #watched: { ended: Ended; looks: number }[] = [];
  #hunts = 0;

  /** Has what is left of this attempt ended with the next sweeps. */
  watch({ attempt, shell, directory, logPath, killGraceMs }: Ended): void {
    this.#watched.push({ ended: { attempt, shell, directory, logPath, killGraceMs }, looks: 0 });
  }

  /** True while there is something to look for or to end. */
  get busy(): boolean {
    return this.#watched.length > 0 || this.#hunts > 0;
  }

  /** Looks once; costs nothing when no attempt has ended lately. */
  sweep(): void {
    if (this.#watched.length === 0) return;
    const table = lookAtProcesses();
    const marked = new Set(table.map((entry) => entry.workDir));
    const again: { ended: Ended; looks: number }[] = [];
    for (const one of this.#watched) {
      if (marked.has(one.ended.directory.workDir) || one.ended.shell) this.#end(one.ended, table);
      else if (one.looks + 1 < LOOKS) again.push({ ended: one.ended, looks: one.looks + 1 });
    }
    this.#watched = again;
  }

  #end({ attempt, shell, directory, logPath, killGraceMs }: Ended, table: MarkedProcess[]): void {
    const quarry: Quarry = { attempt, workDir: directory.workDir, shell, running: false };
    const left = processesOf(quarry, table);
    if (left.length === 0) return;
    const pids = left.map((entry) => entry.pid).join(', ');
    appendLogNotice(logPath, `the task has ended; ${left.length} process(es) it left running are being ended: ${pids}`);
    this.#hunts += 1;
    endProcesses(
      () => quarry,
      killGraceMs,
      () => {
        this.#hunts -= 1;
      },
    );
  }
}
