/** A property: whatever is committed, in whatever grouping, the store holds what a naive model of the rules holds. */
import { ATTEMPT_STATES, isTerminalRun, isTerminalTaskRun, RUN_STATES, TASK_RUN_STATES } from '@pelorus/protocol';
import type { AttemptState, RunId } from '@pelorus/protocol';
import type { AttemptRecord, Change, RunStatus, TaskRunRecord } from '@pelorus/engine';
import fc from 'fast-check';
import { expect } from 'vitest';
import type { Fence, Store } from '../../src/store/index.ts';
import type { Place } from './contract.ts';
import { attempt, master, newRun, status, taskRun, withWorkflow } from './records.ts';

const RUNS = 2;
const small = fc.integer({ min: 0, max: 2 });
/** Versions mostly rise, as they do in life; some go back. */
const version = fc.integer({ min: 1, max: 40 });
const text = fc.option(
  fc.string({ unit: 'grapheme', maxLength: 5 }).filter((value) => !value.includes('\0')),
  { nil: null },
);

/** Runs are named by position; they get their ids later. */
const change: fc.Arbitrary<(runs: RunId[], round: number) => Change> = fc.oneof(
  fc
    .record({ run: small, version, state: fc.constantFrom(...RUN_STATES), waitReason: text })
    .map((r) => (runs: RunId[], round: number): Change => ({
      kind: 'run',
      status: status(runs[r.run % RUNS]!, { version: round + r.version, state: r.state, waitReason: r.waitReason }),
    })),
  fc
    .record({ run: small, task: small, version, state: fc.constantFrom(...TASK_RUN_STATES), waitReason: text })
    .map((r) => (runs: RunId[], round: number): Change => ({
      kind: 'task-run',
      record: taskRun(runs[r.run % RUNS]!, r.task, {
        version: round + r.version,
        state: r.state,
        waitReason: r.waitReason,
      }),
    })),
  fc
    .record({ run: small, task: small, n: small, version, state: fc.constantFrom(...ATTEMPT_STATES) })
    .map((r) => (runs: RunId[], round: number): Change => ({
      kind: 'attempt',
      record: attempt(runs[r.run % RUNS]!, r.task, r.n + 1, { version: round + r.version, state: r.state }),
    })),
);
/** Rounds of commits made at the same time; in each round some go to the store as one group. */
const rounds = fc.array(fc.array(fc.array(change, { maxLength: 6 }), { minLength: 1, maxLength: 5 }), {
  minLength: 1,
  maxLength: 12,
});

/** Runs the property on new places made by `makePlace`. */
export async function modelProperty(makePlace: () => Promise<Place>): Promise<void> {
  const place = await makePlace();
  let store = await place.open();
  try {
    await withWorkflow(store);
    let examples = 0;
    await fc.assert(
      fc.asyncProperty(rounds, async (plan) => {
        const fence = await master(store, `m${++examples}`);
        const runs: RunId[] = [];
        for (let i = 0; i < RUNS; i++) runs.push((await store.submitRun(newRun())).run.id);
        await compare(
          store,
          fence,
          runs,
          plan.map((commits, round) => commits.map((makers) => makers.map((make) => make(runs, round * 20)))),
        );
        if (examples % 20 === 0) {
          await store.close();
          store = await place.open();
        }
      }),
      { numRuns: 60 },
    );
  } finally {
    await store.close();
    await place.remove();
  }
}

async function compare(store: Store, fence: Fence, runs: RunId[], plan: Change[][][]): Promise<void> {
  const model = new Model(runs, fence);
  for (const commits of plan) {
    const expected = commits.map((changes) => model.commit(changes));
    const settled = await Promise.allSettled(commits.map((changes) => store.commit(fence, changes)));
    expect(
      settled.map((result) => (result.status === 'fulfilled' ? 'stored' : (result.reason as { code: string }).code)),
    ).toEqual(expected);
    for (const run of runs) {
      const detail = (await store.getRunDetail(run))!;
      expect({ status: detail.status, tasks: detail.tasks, attempts: detail.attempts }).toEqual(model.detail(run));
      const loaded = (await store.loadRuns([run]))[0]!;
      expect(loaded.attempts).toEqual(model.latestAttempts(run));
      const counts: Record<string, number> = {};
      for (const { state } of detail.tasks) counts[state] = (counts[state] ?? 0) + 1;
      expect(await store.countTaskRuns(run)).toEqual(counts);
    }
  }
}

interface Rows {
  statuses: Map<string, RunStatus>;
  tasks: Map<string, TaskRunRecord>;
  attempts: Map<string, AttemptRecord>;
}

class Model {
  #rows: Rows;
  readonly #fence: Fence;

  constructor(runs: RunId[], fence: Fence) {
    this.#fence = fence;
    this.#rows = {
      statuses: new Map(
        runs.map((run) => [String(run), status(run, { version: 0, state: 'queued', owner: null, startedAt: null })]),
      ),
      tasks: new Map(),
      attempts: new Map(),
    };
  }

  commit(changes: Change[]): 'stored' | 'INVARIANT' {
    const rows: Rows = {
      statuses: new Map(this.#rows.statuses),
      tasks: new Map(this.#rows.tasks),
      attempts: new Map(this.#rows.attempts),
    };
    const last = new Map<string, Change>();
    for (const each of changes) last.set(keyOf(each), each);
    for (const [key, each] of last) {
      if (!this.#apply(rows, key, each)) return 'INVARIANT';
    }
    const live = new Set<string>();
    for (const record of rows.attempts.values()) {
      if (!isLive(record.state)) continue;
      if (live.has(`${record.run}.${record.task}`)) return 'INVARIANT';
      live.add(`${record.run}.${record.task}`);
    }
    this.#rows = rows;
    return 'stored';
  }

  /** Whether the change is allowed. */
  #apply(rows: Rows, key: string, each: Change): boolean {
    if (each.kind === 'run') {
      const owned = { ...each.status, owner: this.#fence.master };
      return put(rows.statuses, key, owned, (old) => !isTerminalRun(old.state));
    }
    if (each.kind === 'task-run') {
      return put(
        rows.tasks,
        key,
        each.record,
        (old) =>
          !isTerminalTaskRun(old.state) ||
          (each.record.state === 'forced_success' &&
            ['failed', 'killed', 'upstream_failed', 'skipped'].includes(old.state)),
      );
    }
    if (each.kind === 'attempt')
      return put(
        rows.attempts,
        key,
        each.record,
        (old) => !['succeeded', 'failed', 'killed', 'lost'].includes(old.state),
      );
    throw new Error(`the property makes no ${each.kind}`);
  }

  detail(run: RunId): { status: RunStatus | undefined; tasks: TaskRunRecord[]; attempts: AttemptRecord[] } {
    return {
      status: this.#rows.statuses.get(String(run)),
      tasks: [...this.#rows.tasks.values()].filter((record) => record.run === run).toSorted((a, b) => a.task - b.task),
      attempts: this.#attempts(run).toSorted((a, b) => a.dispatchedAt - b.dispatchedAt || a.task - b.task || a.n - b.n),
    };
  }

  latestAttempts(run: RunId): AttemptRecord[] {
    const attempts = this.#attempts(run);
    return attempts
      .filter((a) => !attempts.some((b) => b.task === a.task && b.n > a.n))
      .toSorted((a, b) => a.task - b.task);
  }

  #attempts(run: RunId): AttemptRecord[] {
    return [...this.#rows.attempts.values()].filter((record) => record.run === run);
  }
}

/** Puts a record where the rules allow it; the same record again, whatever its version, is allowed and changes nothing. */
function put<R extends { version: number }>(
  rows: Map<string, R>,
  key: string,
  record: R,
  mayChange: (old: R) => boolean,
): boolean {
  const old = rows.get(key);
  if (old && !(record.version >= old.version && mayChange(old))) {
    return (
      JSON.stringify({ ...old, version: 0, owner: null }) === JSON.stringify({ ...record, version: 0, owner: null })
    );
  }
  rows.set(key, record);
  return true;
}

function keyOf(each: Change): string {
  if (each.kind === 'run') return String(each.status.run);
  if (each.kind === 'task-run') return `${each.record.run}.${each.record.task}`;
  if (each.kind === 'attempt') return `${each.record.run}.${each.record.task}.${each.record.n}`;
  throw new Error(`the property makes no ${each.kind}`);
}

function isLive(state: AttemptState): boolean {
  return state === 'dispatched' || state === 'running' || state === 'killing';
}
