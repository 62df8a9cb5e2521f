/**
 * Owns: what makes the figures of a run in progress steady: the past durations with which it was first measured, the highest
 * progress shown, and its task runs as last read.
 * Invariants: 1. those not asked for lately go first, when there are too many runs, or too many task runs of all of them;
 * 2. task runs are fresh while their counts are the same, for a second at most.
 */
import type { TaskRunRecord } from '@pelorus/engine';
import type { RunId } from '@pelorus/protocol';
import type { RunRow } from '../store/port.ts';
import type { TaskCounts } from './counted-tasks.ts';
import { API_LIMITS } from './limits.ts';
import type { Medians, PastDurations } from './past-durations.ts';

export interface LiveRun {
  readonly medians: Medians;
  /** The highest progress shown. */
  best: number;
  tasks: { records: TaskRunRecord[]; countsText: string; readAt: number } | null;
}

export class LiveRuns {
  readonly #runs = new Map<RunId, LiveRun>();
  readonly #durations: PastDurations;
  readonly #clock: () => number;

  constructor(durations: PastDurations, clock: () => number) {
    this.#durations = durations;
    this.#clock = clock;
  }

  async of({ spec }: RunRow): Promise<LiveRun> {
    const known = this.#runs.get(spec.id);
    const run = known ?? { medians: await this.#durations.of(spec.workflowId), best: 0, tasks: null };
    this.#runs.delete(spec.id);
    this.#runs.set(spec.id, run);
    if (this.#runs.size > API_LIMITS.cachedLiveRuns) dropOldest(this.#runs);
    return run;
  }

  /** The highest progress shown of a run; 0: none is remembered. */
  bestOf(run: RunId): number {
    return this.#runs.get(run)?.best ?? 0;
  }

  forget(run: RunId): void {
    this.#runs.delete(run);
  }

  /** Null: they must be read again. */
  freshTasks({ tasks }: LiveRun, counts: TaskCounts): TaskRunRecord[] | null {
    const isFresh = tasks !== null && Math.abs(this.#clock() - tasks.readAt) < API_LIMITS.tasksReadMs;
    return isFresh && tasks.countsText === JSON.stringify(counts) ? tasks.records : null;
  }

  keepTasks(run: LiveRun, records: TaskRunRecord[], counts: TaskCounts): void {
    run.tasks = { records, countsText: JSON.stringify(counts), readAt: this.#clock() };
    this.#forgetTasks(run);
  }

  #forgetTasks(newest: LiveRun): void {
    let taskCount = [...this.#runs.values()].reduce((sum, run) => sum + (run.tasks?.records.length ?? 0), 0);
    for (const run of this.#runs.values()) {
      if (taskCount <= API_LIMITS.cachedLiveTasks) return;
      if (run === newest || run.tasks === null) continue;
      taskCount -= run.tasks.records.length;
      run.tasks = null;
    }
  }
}

/** A map remembers in which order its entries came. */
export function dropOldest(map: Map<RunId, unknown>): void {
  const oldest = map.keys().next();
  if (oldest.done !== true) map.delete(oldest.value);
}
