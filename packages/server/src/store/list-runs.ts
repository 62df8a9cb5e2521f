/**
 * Lists of runs: newest start first, runs not started before all others, ties by the newer id; with an exact total.
 *
 * A list over a million runs must not read a million. Names are first resolved to workflow ids, and `run_count` says
 * exactly how many runs each (workflow, state) pair has; from that the cheapest of three walks is chosen, each over an
 * index that holds every column it looks at. SQLite's own planner has no idea how rare a state is and was up to 200 times slower.
 */
import type { Dialect } from './dialect.ts';
import { findRuns, isFine } from './find-runs.ts';
import type { RunFilter } from './port.ts';
import type { Cell } from './rows.ts';
import type { Database, Sql } from './database.ts';
import { countPairs, resolveWorkflows, textOf, type ListRequest, type Pair } from './run-scope.ts';

/** `order`: along the list's order, dropping what does not match. `pairs`: the first of each (workflow, state), merged. `submitted`: all of the span of time, sorted. */
export type Walk = 'order' | 'pairs' | 'submitted';

/** What a list is about, after names were resolved. */
interface Scope {
  /** Null: any workflow and state. */
  pairs: Pair[] | null;
  /** Null: all of the workflows, or of the states. */
  workflowIds: number[] | null;
  states: readonly string[] | null;
  from: number;
  to: number;
  hasSpan: boolean;
  /** Runs there are at all; runs in the pairs; runs in the span of time, whatever their pair. */
  all: number;
  inPairs: number;
  inSpan: number;
  total: number;
  /** Runs submitted after the span; about. */
  newer: number;
}

/** Answers with the JSON text of the page's rows. `walk` overrules the choice, for tests. */
export function listRuns(db: Database, request: ListRequest, walk?: Walk): Sql<{ total: number; runs: string }> {
  return db.snapshot(pageOf(db, request, walk));
}

function* pageOf(db: Database, request: ListRequest, walk?: Walk): Sql<{ total: number; runs: string }> {
  if (isFine(request.filter)) return yield* findRuns(db, request);
  const { filter, from, size, counted = true } = request;
  const scope = yield* measureScope(db, filter, counted);
  const isEmpty = scope.inPairs === 0 || (counted && from >= scope.total) || size === 0;
  const ids = isEmpty ? [] : yield* pageIds(db, scope, request, walk ?? chooseWalk(scope, from + size));
  return { total: counted ? scope.total : from + ids.length, runs: yield* textOf(db, ids) };
}

const ALL_RUNS = `select coalesce(sum(runs), 0) as runs from run_count`;

function* measureScope(db: Database, filter: RunFilter, counted: boolean): Sql<Scope> {
  const workflowIds = yield* resolveWorkflows(db, filter);
  const states = filter.states ?? null;
  const pairs = workflowIds === null && states === null ? null : yield* countPairs(db, workflowIds, states);
  const all = (yield* db.get(ALL_RUNS))?.['runs'] as number;
  const inPairs = pairs === null ? all : pairs.reduce((sum, pair) => sum + pair.runs, 0);
  const hasSpan = filter.submittedFrom !== undefined || filter.submittedTo !== undefined;
  const from = filter.submittedFrom ?? Number.MIN_SAFE_INTEGER;
  const to = filter.submittedTo ?? Number.MAX_SAFE_INTEGER;
  const scope: Scope = {
    ...{ pairs, workflowIds, states, from, to, hasSpan, all, inPairs },
    ...{ inSpan: all, total: inPairs, newer: 0 },
  };
  if (!hasSpan || inPairs === 0) return scope;
  const { inSpan, newer } = yield* estimateSpan(db, scope);
  scope.newer = newer;
  if (!counted) {
    scope.inSpan = inSpan;
    scope.total = (inPairs * inSpan) / Math.max(1, all);
    return scope;
  }
  scope.inSpan = (yield* db.get(RUNS_IN_SPAN, from, to))?.['runs'] as number;
  scope.total = scope.inSpan === 0 ? 0 : pairs === null ? scope.inSpan : yield* countInSpan(db, scope, pairs);
  return scope;
}

const FIRST_IN_SPAN = (dialect: Dialect): string =>
  `select id from run ${dialect.along('run_submitted')} where submitted_at >= ? order by submitted_at limit 1`;
const LAST_IN_SPAN = (dialect: Dialect): string =>
  `select id from run ${dialect.along('run_submitted')} where submitted_at <= ? order by submitted_at desc limit 1`;
const LAST_RUN = `select max(id) as id from run`;

/** Runs are numbered as they are submitted, so the numbers at both ends of the span tell about how many are in it, in three seeks. */
function* estimateSpan(db: Database, { from, to, all }: Scope): Sql<{ inSpan: number; newer: number }> {
  const first = (yield* db.get(FIRST_IN_SPAN, from))?.['id'] as number | undefined;
  const last = (yield* db.get(LAST_IN_SPAN, to))?.['id'] as number | undefined;
  if (first === undefined || last === undefined || last < first) return { inSpan: 0, newer: 0 };
  const newest = (yield* db.get(LAST_RUN))?.['id'] as number;
  return { inSpan: Math.min(all, last - first + 1), newer: Math.min(all, newest - last) };
}

const RUNS_IN_SPAN = `select count(*) as runs from run where submitted_at between ? and ?`;
const RUNS_OF_PAIR_IN_SPAN = (dialect: Dialect): string => `
  select count(*) as runs from run ${dialect.along('run_workflow')} where workflow_id = ? and state = ? and submitted_at between ? and ?`;

function* countInSpan(db: Database, scope: Scope, pairs: Pair[]): Sql<number> {
  if (scope.inPairs + pairs.length * COST.pair < scope.inSpan) {
    let runs = 0;
    for (const { workflowId, state } of pairs)
      runs += (yield* db.get(RUNS_OF_PAIR_IN_SPAN, workflowId, state, scope.from, scope.to))?.['runs'] as number;
    return runs;
  }
  const { sql, values } = scopeConditions(db.dialect, scope);
  return (yield* db.get(
    `select count(*) as runs from run ${db.dialect.along('run_submitted')} where ${sql}`,
    ...values,
  ))?.['runs'] as number;
}

/** The scope as conditions on `run`, for walks that see runs of all pairs. */
function scopeConditions(dialect: Dialect, scope: Scope): { sql: string; values: Cell[] } {
  const conditions: string[] = [];
  const values: Cell[] = [];
  if (scope.hasSpan) {
    conditions.push('submitted_at between ? and ?');
    values.push(scope.from, scope.to);
  }
  for (const [column, list] of [
    ['workflow_id', scope.workflowIds],
    ['state', scope.states],
  ] as const) {
    if (list === null) continue;
    conditions.push(column === 'state' ? dialect.isIn(column) : dialect.isAmong(column));
    values.push(JSON.stringify(list));
  }
  return { sql: conditions.join(' and ') || '1 = 1', values };
}

/** Roughly measured, in units of one index entry looked at (0.05 µs). */
const COST = { pair: 200, merged: 10, sorted: 6 };

/** The walk that looks at the fewest entries to find the first `depth` runs. */
function chooseWalk(scope: Scope, depth: number): Walk {
  const found = Math.min(depth, scope.total);
  const cost: Record<Walk, number> = { order: scope.all, pairs: Infinity, submitted: Infinity };
  if (scope.hasSpan) {
    // Runs start in about the order in which they are submitted: the walk passes everything newer than the span first, and
    // everything older as well when there are not as many in the span as are looked for.
    cost.order = depth > scope.total ? scope.all : scope.newer + (found * scope.inSpan) / scope.total;
    cost.submitted = scope.inSpan + scope.total * COST.sorted;
  } else {
    cost.order = (found * scope.all) / scope.total;
  }
  if (scope.pairs) {
    cost.pairs = scope.pairs.reduce((sum, pair) => sum + COST.pair + walkedOfPair(scope, pair.runs, depth), 0);
  }
  return (Object.keys(cost) as Walk[]).reduce((best, walk) => (cost[walk] < cost[best] ? walk : best));
}

function walkedOfPair(scope: Scope, runs: number, depth: number): number {
  const merged = Math.min(runs, depth) * COST.merged;
  if (!scope.hasSpan) return merged;
  const share = runs / Math.max(1, scope.all);
  return merged + (share * scope.inSpan < depth ? runs : share * scope.newer);
}

function* pageIds(db: Database, scope: Scope, request: ListRequest, walk: Walk): Sql<number[]> {
  switch (walk) {
    case 'order':
      return yield* idsInOrder(db, scope, request, 'run_order');
    case 'submitted':
      return yield* idsInOrder(db, scope, request, 'run_submitted');
    case 'pairs':
      return yield* idsByPairs(db, scope, request);
    default:
      return walk satisfies never;
  }
}

/** Walks along `run_order`, which is sorted already, or collects from `run_submitted` and sorts. */
function* idsInOrder(
  db: Database,
  scope: Scope,
  request: ListRequest,
  index: 'run_order' | 'run_submitted',
): Sql<number[]> {
  const { sql, values } = scopeConditions(db.dialect, scope);
  const rows = yield* db.rows(
    `
    select id from run ${db.dialect.along(index)} where ${sql}
    order by coalesce(started_at, 9007199254740991) desc, id desc limit ? offset ?`,
    ...values,
    request.size,
    request.from,
  );
  return rows.map((row) => row[0] as number);
}

const IDS_OF_PAIR = (dialect: Dialect): string => `
  select id, coalesce(started_at, 9007199254740991) from run ${dialect.along('run_workflow')}
  where workflow_id = ? and state = ? and submitted_at between ? and ?
  order by coalesce(started_at, 9007199254740991) desc, id desc limit ?`;

function* idsByPairs(db: Database, scope: Scope, request: ListRequest): Sql<number[]> {
  const pairs = scope.pairs ?? (yield* countPairs(db, null, null));
  const found: [id: number, start: number][] = [];
  const depth = request.from + request.size;
  for (const { workflowId, state } of pairs) {
    const rows = yield* db.rows(IDS_OF_PAIR, workflowId, state, scope.from, scope.to, depth);
    found.push(...(rows as [id: number, start: number][]));
  }
  found.sort((a, b) => b[1] - a[1] || b[0] - a[0]);
  return found.slice(request.from, request.from + request.size).map(([id]) => id);
}
