/**
 * How far runs are (execution semantics, section 11).
 *
 * Owns: the tallies of runs that have ended, which no longer change; what is remembered of runs in progress is in `live-runs.ts`.
 * Invariants: 1. the progress of a run never falls, as far as this process remembers it; 2. what is remembered is bounded.
 */
import { describePlan, progressOf, type TaskRunRecord } from '@pelorus/engine';
import { isTerminalRun, type RunId } from '@pelorus/protocol';
import type { ApiStore, RunRow } from '../store/port.ts';
import { countsOf, countTasks, type CountedTasks, type TaskCounts } from './counted-tasks.ts';
import { API_LIMITS } from './limits.ts';
import { dropOldest, LiveRuns } from './live-runs.ts';
import type { PastDurations } from './past-durations.ts';
import { planSizes, type PlanSizes } from './plan.ts';
import type { VersionCache } from './version-cache.ts';

export interface RunTally extends CountedTasks {
  /** Null: no past duration is known; 0: it has ended. */
  estimatedRemainingMs: number | null;
}

interface Sources {
  store: Pick<ApiStore, 'countTaskRuns' | 'countTaskRunsOf' | 'taskRunsOf' | 'getRunDetail'>;
  versions: VersionCache;
  durations: PastDurations;
  clock: () => number;
}

export class RunTallies {
  readonly #store: Sources['store'];
  readonly #versions: VersionCache;
  readonly #clock: () => number;
  readonly #live: LiveRuns;
  readonly #ended = new Map<RunId, RunTally>();

  constructor({ store, versions, durations, clock }: Sources) {
    this.#store = store;
    this.#versions = versions;
    this.#clock = clock;
    this.#live = new LiveRuns(durations, clock);
  }

  async of(row: RunRow): Promise<RunTally> {
    const known = this.#ended.get(row.spec.id);
    if (known !== undefined) return known;
    const counts = await this.#store.countTaskRuns(row.spec.id);
    if (isTerminalRun(row.status.state)) return this.#keepEnded(row, countTasks(counts, await this.#sizesOf(row)));
    if (row.status.startedAt === null) return this.#measured(row, [], counts);
    const records = await this.#tasksOf(row, counts);
    return this.#measured(row, records, countsOf(records));
  }

  /** From task runs at hand. */
  async ofTasks(row: RunRow, records: TaskRunRecord[]): Promise<RunTally> {
    const counts = countsOf(records);
    if (!isTerminalRun(row.status.state)) return this.#measured(row, records, counts);
    return this.#keepEnded(row, countTasks(counts, await this.#sizesOf(row)));
  }

  /**
   * Two questions to the store, however many runs there are. Runs in progress beyond so many tasks are told by their counts,
   * without an estimate.
   */
  async ofAll(rows: RunRow[]): Promise<RunTally[]> {
    const sizes = await Promise.all(rows.map((row) => this.#sizesOf(row)));
    const counts = await this.#countsOfAll(rows);
    const records = await this.#tasksOfAll(this.#toMeasure(rows, sizes), counts);
    return Promise.all(
      rows.map(async (row, index) => {
        const found = records.get(row.spec.id);
        if (found !== undefined) return this.#measured(row, found, countsOf(found));
        return this.#counted(row, counts.get(row.spec.id) ?? {}, sizes[index]!);
      }),
    );
  }

  /** All told by their counts: what can be had for hundreds of runs at once. */
  async countedAll(rows: RunRow[]): Promise<RunTally[]> {
    const counts = await this.#countsOfAll(rows);
    return Promise.all(
      rows.map(async (row) => this.#counted(row, counts.get(row.spec.id) ?? {}, await this.#sizesOf(row))),
    );
  }

  async #sizesOf({ spec }: RunRow): Promise<PlanSizes> {
    return planSizes(await this.#versions.definition(spec.workflowId, spec.workflowVersion), spec.plan);
  }

  async #countsOfAll(rows: RunRow[]): Promise<Map<RunId, TaskCounts>> {
    const unknown = rows.map(({ spec }) => spec.id).filter((id) => !this.#ended.has(id));
    return unknown.length === 0 ? new Map<RunId, TaskCounts>() : this.#store.countTaskRunsOf(unknown);
  }

  /** Runs in progress, as long as their tasks together are not too many. */
  #toMeasure(rows: RunRow[], sizes: PlanSizes[]): RunRow[] {
    let budget: number = API_LIMITS.measuredTasksPerList;
    return rows.filter(({ spec, status }, index) => {
      if (this.#ended.has(spec.id) || isTerminalRun(status.state) || status.startedAt === null) return false;
      budget -= sizes[index]!.taskCount;
      return budget >= 0;
    });
  }

  async #tasksOf(row: RunRow, counts: TaskCounts): Promise<TaskRunRecord[]> {
    const live = await this.#live.of(row);
    const fresh = this.#live.freshTasks(live, counts);
    if (fresh !== null) return fresh;
    const records = (await this.#store.getRunDetail(row.spec.id))?.tasks ?? [];
    this.#live.keepTasks(live, records, counts);
    return records;
  }

  /** Those read a moment ago, with the same counts, need not be read again. */
  async #tasksOfAll(rows: RunRow[], counts: Map<RunId, TaskCounts>): Promise<Map<RunId, TaskRunRecord[]>> {
    const live = await Promise.all(rows.map((row) => this.#live.of(row)));
    const countsOfRow = ({ spec }: RunRow): TaskCounts => counts.get(spec.id) ?? {};
    const known = rows.map((row, index) => this.#live.freshTasks(live[index]!, countsOfRow(row)));
    const wanted = rows.flatMap(({ spec }, index) => (known[index] === null ? [spec.id] : []));
    const read = wanted.length === 0 ? null : await this.#store.taskRunsOf(wanted);
    return new Map(
      rows.map((row, index) => {
        const { id } = row.spec;
        const records = known[index] ?? read?.get(id) ?? [];
        if (known[index] === null) this.#live.keepTasks(live[index]!, records, countsOfRow(row));
        return [id, records];
      }),
    );
  }

  /** By its tasks, and how long they usually take. */
  async #measured(row: RunRow, records: TaskRunRecord[], counts: TaskCounts): Promise<RunTally> {
    const { spec } = row;
    const definition = await this.#versions.definition(spec.workflowId, spec.workflowVersion);
    const live = await this.#live.of(row);
    const { done, estimatedRemainingMs } = progressOf({
      definition,
      plan: describePlan(definition, spec.plan),
      tasks: records,
      medians: (name) => live.medians.get(name) ?? null,
      now: this.#clock(),
    });
    live.best = Math.max(live.best, done);
    return { ...countTasks(counts, planSizes(definition, spec.plan)), progress: live.best, estimatedRemainingMs };
  }

  /** By its counts. */
  #counted(row: RunRow, counts: TaskCounts, size: PlanSizes): RunTally {
    const known = this.#ended.get(row.spec.id);
    if (known !== undefined) return known;
    const counted = countTasks(counts, size);
    if (isTerminalRun(row.status.state)) return this.#keepEnded(row, counted);
    const progress = Math.max(counted.progress, this.#live.bestOf(row.spec.id));
    return { ...counted, progress, estimatedRemainingMs: null };
  }

  #keepEnded({ spec }: RunRow, counted: CountedTasks): RunTally {
    const tally = { ...counted, estimatedRemainingMs: 0 };
    this.#live.forget(spec.id);
    this.#ended.set(spec.id, tally);
    if (this.#ended.size > API_LIMITS.cachedEndedRuns) dropOldest(this.#ended);
    return tally;
  }
}
