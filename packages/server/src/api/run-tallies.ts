/**
 * How far runs are (execution semantics, section 11).
 *
 * Owns: the tallies of runs that have ended, which no longer change; and of each run in progress what makes its figure steady: the
 * past durations with which it was first measured, the highest progress shown, and its task runs as last read.
 * Invariants: 1. the progress of a run never falls, as far as this process remembers it; 2. task runs are read again when their
 * counts have changed or they are a second old; 3. both memories are bounded.
 */
import { describePlan, progressOf, type TaskRunRecord } from '@pelorus/engine';
import { isTerminalRun, type RunId, type TaskRunState } from '@pelorus/protocol';
import type { ApiStore, RunRow } from '../store/port.ts';
import { API_LIMITS } from './limits.ts';
import type { Medians, PastDurations } from './past-durations.ts';
import { planSizes, type PlanSizes } from './plan.ts';
import type { VersionCache } from './version-cache.ts';

export interface RunTally {
  counts: Partial<Record<TaskRunState, number>>;
  taskCount: number;
  /** 0 to 1. */
  progress: number;
  /** Null: no past duration is known; 0: it has ended. */
  estimatedRemainingMs: number | null;
}

export interface RunTallies {
  of(row: RunRow): Promise<RunTally>;
  /** Runs in progress beyond so many tasks are told by their counts, without an estimate. */
  ofAll(rows: RunRow[]): Promise<RunTally[]>;
  /** All told by their counts: what can be had for hundreds of runs at once. */
  countedAll(rows: RunRow[]): Promise<RunTally[]>;
  /** From task runs at hand. */
  ofTasks(row: RunRow, tasks: TaskRunRecord[]): Promise<RunTally>;
}

interface Sources {
  store: Pick<ApiStore, 'countTaskRuns' | 'countTaskRunsOf' | 'taskRunsOf' | 'getRunDetail'>;
  versions: VersionCache;
  durations: PastDurations;
  clock: () => number;
}

interface LiveRun {
  medians: Medians;
  best: number;
  tasks: { records: TaskRunRecord[]; countsText: string; readAt: number } | null;
}

type Counts = Partial<Record<TaskRunState, number>>;

export function createRunTallies({ store, versions, durations, clock }: Sources): RunTallies {
  const ended = new Map<number, RunTally>();
  const live = new Map<number, LiveRun>();

  async function of(row: RunRow): Promise<RunTally> {
    const known = ended.get(row.spec.id);
    if (known !== undefined) return known;
    const counts = await store.countTaskRuns(row.spec.id);
    if (isTerminalRun(row.status.state)) return ofEnded(row, counts);
    const records = row.status.startedAt === null ? [] : await tasksOf(row, counts);
    return measured(row, records, row.status.startedAt === null ? counts : countsOf(records));
  }

  async function ofEnded(row: RunRow, counts: Counts): Promise<RunTally> {
    return keepEnded(row, tallyOf(counts, await sizesOf(row)));
  }

  function keepEnded(row: RunRow, counted: Omit<RunTally, 'estimatedRemainingMs'>): RunTally {
    const tally = { ...counted, estimatedRemainingMs: 0 };
    live.delete(row.spec.id);
    ended.set(row.spec.id, tally);
    if (ended.size > API_LIMITS.cachedEndedRuns) dropOldest(ended);
    return tally;
  }

  async function sizesOf({ spec }: RunRow): Promise<PlanSizes> {
    return planSizes(await versions.definition(spec.workflowId, spec.workflowVersion), spec.plan);
  }

  async function tasksOf(row: RunRow, counts: Counts): Promise<TaskRunRecord[]> {
    const countsText = JSON.stringify(counts);
    const entry = await liveRun(row);
    const fresh = freshTasks(entry, countsText);
    if (fresh !== null) return fresh;
    const records = (await store.getRunDetail(row.spec.id))?.tasks ?? [];
    keepTasks(entry, records, countsText);
    return records;
  }

  function freshTasks({ tasks }: LiveRun, countsText: string): TaskRunRecord[] | null {
    const isFresh = tasks !== null && Math.abs(clock() - tasks.readAt) < API_LIMITS.tasksReadMs;
    return isFresh && tasks.countsText === countsText ? tasks.records : null;
  }

  function keepTasks(entry: LiveRun, records: TaskRunRecord[], countsText: string): void {
    entry.tasks = { records, countsText, readAt: clock() };
    forgetTasks(entry);
  }

  async function liveRun({ spec }: RunRow): Promise<LiveRun> {
    const known = live.get(spec.id);
    const entry = known ?? { medians: await durations.of(spec.workflowId), best: 0, tasks: null };
    live.delete(spec.id);
    live.set(spec.id, entry);
    if (live.size > API_LIMITS.cachedLiveRuns) dropOldest(live);
    return entry;
  }

  /** The task runs of those not asked for lately go first. */
  function forgetTasks(newest: LiveRun): void {
    let taskCount = [...live.values()].reduce((sum, entry) => sum + (entry.tasks?.records.length ?? 0), 0);
    for (const entry of live.values()) {
      if (taskCount <= API_LIMITS.cachedLiveTasks) return;
      if (entry === newest || entry.tasks === null) continue;
      taskCount -= entry.tasks.records.length;
      entry.tasks = null;
    }
  }

  async function measured(row: RunRow, records: TaskRunRecord[], counts: Counts): Promise<RunTally> {
    const { spec } = row;
    const definition = await versions.definition(spec.workflowId, spec.workflowVersion);
    const entry = await liveRun(row);
    const { done, estimatedRemainingMs } = progressOf({
      definition,
      plan: describePlan(definition, spec.plan),
      tasks: records,
      medians: (name) => entry.medians.get(name) ?? null,
      now: clock(),
    });
    entry.best = Math.max(entry.best, done);
    return { ...tallyOf(counts, planSizes(definition, spec.plan)), progress: entry.best, estimatedRemainingMs };
  }

  /** Two questions to the store, however many runs there are. */
  async function ofAll(rows: RunRow[]): Promise<RunTally[]> {
    const sizes = await Promise.all(rows.map(sizesOf));
    const counts = await countsOfAll(rows);
    let budget: number = API_LIMITS.measuredTasksPerList;
    const isMeasured = rows.map(({ spec, status }, index) => {
      if (ended.has(spec.id) || isTerminalRun(status.state) || status.startedAt === null) return false;
      budget -= sizes[index]!.taskCount;
      return budget >= 0;
    });
    const measuredRows = rows.filter((_row, index) => isMeasured[index]);
    const records = await tasksOfAll(measuredRows, counts);
    return Promise.all(
      rows.map(async (row, index): Promise<RunTally> => {
        const { id } = row.spec;
        const found = records.get(id);
        if (isMeasured[index] && found !== undefined) return measured(row, found, countsOf(found));
        return counted(row, counts.get(id) ?? {}, sizes[index]!);
      }),
    );
  }

  async function countedAll(rows: RunRow[]): Promise<RunTally[]> {
    const counts = await countsOfAll(rows);
    return Promise.all(rows.map(async (row) => counted(row, counts.get(row.spec.id) ?? {}, await sizesOf(row))));
  }

  async function countsOfAll(rows: RunRow[]): Promise<Map<RunId, Counts>> {
    const unknown = rows.map(({ spec }) => spec.id).filter((id) => !ended.has(id));
    return unknown.length === 0 ? new Map<RunId, Counts>() : store.countTaskRunsOf(unknown);
  }

  /** Those read a moment ago, with the same counts, need not be read again. */
  async function tasksOfAll(rows: RunRow[], counts: Map<RunId, Counts>): Promise<Map<RunId, TaskRunRecord[]>> {
    const entries = await Promise.all(rows.map(liveRun));
    const known = new Map<RunId, TaskRunRecord[]>();
    const wanted = rows.flatMap(({ spec }, index) => {
      const tasks = freshTasks(entries[index]!, JSON.stringify(counts.get(spec.id) ?? {}));
      if (tasks === null) return [spec.id];
      known.set(spec.id, tasks);
      return [];
    });
    if (wanted.length === 0) return known;
    const read = await store.taskRunsOf(wanted);
    rows.forEach(({ spec }, index) => {
      if (known.has(spec.id)) return;
      const records = read.get(spec.id) ?? [];
      known.set(spec.id, records);
      keepTasks(entries[index]!, records, JSON.stringify(counts.get(spec.id) ?? {}));
    });
    return known;
  }

  /** Told by its counts. */
  function counted(row: RunRow, counts: Counts, size: PlanSizes): RunTally {
    const known = ended.get(row.spec.id);
    if (known !== undefined) return known;
    const tally = tallyOf(counts, size);
    if (isTerminalRun(row.status.state)) return keepEnded(row, tally);
    const progress = Math.max(tally.progress, live.get(row.spec.id)?.best ?? 0);
    return { ...tally, progress, estimatedRemainingMs: null };
  }

  async function ofTasks(row: RunRow, records: TaskRunRecord[]): Promise<RunTally> {
    const counts = countsOf(records);
    return isTerminalRun(row.status.state) ? ofEnded(row, counts) : measured(row, records, counts);
  }

  return { of, ofAll, countedAll, ofTasks };
}

function dropOldest(map: Map<number, unknown>): void {
  const oldest = map.keys().next();
  if (oldest.done !== true) map.delete(oldest.value);
}

function countsOf(records: TaskRunRecord[]): Counts {
  const counts: Counts = {};
  for (const { state } of records) counts[state] = (counts[state] ?? 0) + 1;
  return counts;
}

/** Tasks by state, those without a row included, and finished of planned ones. Skipped and reused ones count on neither side. */
function tallyOf(stored: Counts, size: PlanSizes): Omit<RunTally, 'estimatedRemainingMs'> {
  const skipped = Math.max(stored.skipped ?? 0, size.skipped);
  const withRow = Object.values(stored).reduce((sum, count) => sum + count, 0) - (stored.skipped ?? 0);
  const withoutRow = Math.max(0, size.taskCount - withRow - skipped);
  const counts = presentOnly({ ...stored, skipped, pending: (stored.pending ?? 0) + withoutRow });
  const planned = size.taskCount - skipped - Math.max(stored.reused ?? 0, size.reused);
  const finished = FINISHED.reduce((sum, state) => sum + (stored[state] ?? 0), 0);
  return { counts, taskCount: size.taskCount, progress: planned <= 0 ? 1 : finished / planned };
}

const FINISHED: readonly TaskRunState[] = ['succeeded', 'forced_success', 'failed', 'killed', 'upstream_failed'];

function presentOnly(counts: Counts): Counts {
  return Object.fromEntries(Object.entries(counts).filter(([, count]) => count > 0));
}
