/**
 * How far runs are. Owns: the tallies of runs that have ended, which no longer change; live ones are counted by the
 * store each time.
 */
import { isTerminalRun, type TaskRunState } from '@pelorus/protocol';
import type { ApiStore, RunRow } from '../store/port.ts';
import { API_LIMITS } from './limits.ts';
import { planSizes, type PlanSizes } from './plan.ts';
import type { VersionCache } from './version-cache.ts';
import { stateOf, type TaskState } from './views.ts';

export interface RunTally {
  counts: Partial<Record<TaskRunState, number>>;
  taskCount: number;
  /** 0 to 1. */
  progress: number;
}

export interface RunTallies {
  of(row: RunRow): Promise<RunTally>;
  ofAll(rows: RunRow[]): Promise<RunTally[]>;
}

export function createRunTallies(store: Pick<ApiStore, 'countTaskRuns'>, versions: VersionCache): RunTallies {
  const ended = new Map<number, RunTally>();

  async function of(row: RunRow): Promise<RunTally> {
    const known = ended.get(row.spec.id);
    if (known !== undefined) return known;
    const definition = await versions.definition(row.spec.workflowId, row.spec.workflowVersion);
    const tally = tallyOf(await store.countTaskRuns(row.spec.id), planSizes(definition, row.spec.plan));
    if (isTerminalRun(row.status.state)) keep(row.spec.id, tally);
    return tally;
  }

  function keep(run: number, tally: RunTally): void {
    ended.set(run, tally);
    const oldest = ended.keys().next();
    if (ended.size > API_LIMITS.cachedEndedRuns && oldest.done !== true) ended.delete(oldest.value);
  }

  async function ofAll(rows: RunRow[]): Promise<RunTally[]> {
    const tallies: RunTally[] = [];
    for (let at = 0; at < rows.length; at += API_LIMITS.countQueriesAtOnce) {
      tallies.push(...(await Promise.all(rows.slice(at, at + API_LIMITS.countQueriesAtOnce).map(of))));
    }
    return tallies;
  }

  return { of, ofAll };
}

/**
 * Progress is finished of planned tasks. Skipped and reused ones count on neither side: when a branch is skipped the
 * remainder shrinks, so the figure can only rise.
 */
export function tallyOf(stored: Partial<Record<TaskRunState, number>>, size: PlanSizes): RunTally {
  const skipped = Math.max(stored.skipped ?? 0, size.skipped);
  const withRow = Object.values(stored).reduce((sum, count) => sum + count, 0) - (stored.skipped ?? 0);
  const withoutRow = Math.max(0, size.taskCount - withRow - skipped);
  const counts = presentOnly({ ...stored, skipped, pending: (stored.pending ?? 0) + withoutRow });
  const planned = size.taskCount - skipped - Math.max(stored.reused ?? 0, size.reused);
  const finished = FINISHED.reduce((sum, state) => sum + (stored[state] ?? 0), 0);
  return { counts, taskCount: size.taskCount, progress: planned <= 0 ? 1 : finished / planned };
}

/** The same figures from tasks at hand. */
export function tallyOfStates(states: TaskState[]): RunTally {
  const counts: Partial<Record<TaskRunState, number>> = {};
  for (const state of states) counts[stateOf(state)] = (counts[stateOf(state)] ?? 0) + 1;
  return tallyOf(counts, { taskCount: states.length, skipped: counts.skipped ?? 0, reused: counts.reused ?? 0 });
}

const FINISHED: readonly TaskRunState[] = ['succeeded', 'forced_success', 'failed', 'killed', 'upstream_failed'];

function presentOnly(counts: Partial<Record<TaskRunState, number>>): Partial<Record<TaskRunState, number>> {
  return Object.fromEntries(Object.entries(counts).filter(([, count]) => count > 0));
}
