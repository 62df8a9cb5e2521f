/**
 * What really ran, as an observer outside the system saw it: every process start and end, by attempt. A process of a host
 * that sleeps does nothing, and so does not count as live; `liveCount` counts it all the same.
 */
import type { AttemptId, AttemptOutcome, RunId } from '@pelorus/protocol';

export interface SimProcess {
  attempt: AttemptId;
  run: RunId;
  task: number;
  n: number;
  host: string;
  startedAt: number;
  endedAt: number | null;
  /** How it ended as seen by its parent; null while it lives or when nobody can know. */
  outcome: AttemptOutcome | null;
}

export class Ledger {
  readonly byAttempt = new Map<AttemptId, SimProcess>();
  private readonly live = new Map<RunId, Set<SimProcess>>();
  liveCount = 0;
  /** Whether the processes of this host execute. */
  readonly isAwake: (host: string) => boolean;

  constructor(isAwake: (host: string) => boolean) {
    this.isAwake = isAwake;
  }

  lives({ endedAt, host }: SimProcess): boolean {
    return endedAt === null && this.isAwake(host);
  }

  start(process: SimProcess): void {
    this.byAttempt.set(process.attempt, process);
    let ofRun = this.live.get(process.run);
    if (!ofRun) this.live.set(process.run, (ofRun = new Set()));
    ofRun.add(process);
    this.liveCount++;
  }

  end(process: SimProcess, at: number, outcome: AttemptOutcome | null): void {
    process.endedAt = at;
    process.outcome = outcome;
    this.live.get(process.run)!.delete(process);
    this.liveCount--;
  }

  liveOfRun(run: RunId): SimProcess[] {
    return [...(this.live.get(run) ?? [])].filter((process) => this.isAwake(process.host));
  }

  liveOnHost(host: string): number {
    let count = 0;
    for (const processes of this.live.values()) for (const process of processes) if (process.host === host) count++;
    return count;
  }

  liveOfTask(run: RunId, task: number): SimProcess[] {
    return this.liveOfRun(run).filter((process) => process.task === task);
  }
}
