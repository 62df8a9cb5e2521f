/**
 * Lists of runs by what `run_count` knows nothing of: who submitted them, how they came about, which run they repeat, their
 * logical dates. In the same order as the others, but without a total: a page says whether there is more.
 *
 * Two ways only. Where one of the conditions leaves few runs, they are gathered along its index and sorted; each is looked up in the
 * table, which is 1 to 2 µs. Where all leave many, runs that match lie close together and the list's own order is walked, over an
 * index that holds every column a filter may ask for: 0.07 µs an entry, so at its worst (conditions that exclude each other) a
 * million runs cost what a page may cost.
 */
import type { Dialect } from './dialect.ts';
import { countPairs, resolveWorkflows, textOf, type ListRequest } from './run-scope.ts';
import type { RunFilter } from './port.ts';
import type { Cell } from './rows.ts';
import type { Database, Sql } from './database.ts';

/** Runs that are gathered rather than walked to. */
const GATHERED_MAX = 10_000;

/** Whether a filter asks for more than names, states and a span of submission. */
export function isFine(filter: RunFilter): boolean {
  return (
    filter.execType !== undefined ||
    filter.submitUser !== undefined ||
    filter.rerunOf !== undefined ||
    filter.id !== undefined ||
    filter.logicalFrom !== undefined ||
    filter.logicalTo !== undefined
  );
}

export type FineWalk = 'order' | 'gather';

interface Condition {
  sql: string;
  values: Cell[];
}

/** A condition that an index answers. */
interface Source extends Condition {
  index: string;
  /** How many runs it leaves, counted up to the limit. */
  runs: number;
}

/** `total` is what was looked for and found: `from` and the page, and one more where there is more. `walk` overrules the choice, for tests. */
export function* findRuns(db: Database, request: ListRequest, walk?: FineWalk): Sql<{ total: number; runs: string }> {
  const { filter, from, size } = request;
  const workflowIds = yield* resolveWorkflows(db, filter);
  const conditions = conditionsOf(db.dialect, filter, workflowIds);
  const depth = from + size + 1;
  const smallest = yield* smallestSource(db, filter, workflowIds);
  const gathers = walk === undefined ? smallest !== null && smallest.runs <= GATHERED_MAX : walk === 'gather';
  const found =
    gathers && smallest !== null
      ? yield* gathered(db, smallest, conditions, depth)
      : yield* walked(db, conditions, depth);
  const page = found.slice(from, from + size);
  return { total: found.length, runs: yield* textOf(db, page) };
}

function conditionsOf(dialect: Dialect, filter: RunFilter, workflowIds: number[] | null): Condition[] {
  const conditions: Condition[] = [];
  const equal = (column: string, value: Cell | undefined): void => {
    if (value !== undefined) conditions.push({ sql: `${column} = ?`, values: [value] });
  };
  const within = (column: string, list: readonly Cell[] | null | undefined): void => {
    if (list !== null && list !== undefined)
      conditions.push({
        sql: typeof list[0] === 'number' ? dialect.isAmong(column) : dialect.isIn(column),
        values: [JSON.stringify(list)],
      });
  };
  const between = (column: string, from: number | undefined, to: number | undefined): void => {
    if (from !== undefined || to !== undefined)
      conditions.push({ sql: `${column} between ? and ?`, values: span(from, to) });
  };
  equal('id', filter.id);
  equal('rerun_of', filter.rerunOf);
  equal('submit_user', filter.submitUser);
  equal('exec_type', filter.execType);
  within('workflow_id', workflowIds);
  within('state', filter.states);
  between('submitted_at', filter.submittedFrom, filter.submittedTo);
  between('logical_at', filter.logicalFrom, filter.logicalTo);
  return conditions;
}

function span(from: number | undefined, to: number | undefined): [number, number] {
  return [from ?? Number.MIN_SAFE_INTEGER, to ?? Number.MAX_SAFE_INTEGER];
}

/** Null where no index helps. */
function* smallestSource(db: Database, filter: RunFilter, workflowIds: number[] | null): Sql<Source | null> {
  const candidates: (Condition & { index: string })[] = [];
  const add = (index: string, sql: string, values: Cell[]): void => {
    candidates.push({ index, sql, values });
  };
  if (filter.id !== undefined) return { index: '', sql: 'id = ?', values: [filter.id], runs: 1 };
  if (filter.rerunOf !== undefined) add('run_rerun', 'rerun_of = ?', [filter.rerunOf]);
  if (filter.submitUser !== undefined) add('run_user', 'submit_user = ?', [filter.submitUser]);
  if (filter.execType !== undefined && filter.execType !== 'DIRECT')
    add('run_not_direct', `exec_type = ? and exec_type <> 'DIRECT'`, [filter.execType]);
  if (filter.logicalFrom !== undefined || filter.logicalTo !== undefined)
    add('run_logical_any', 'logical_at between ? and ?', span(filter.logicalFrom, filter.logicalTo));
  if (filter.submittedFrom !== undefined || filter.submittedTo !== undefined)
    add('run_submitted', 'submitted_at between ? and ?', span(filter.submittedFrom, filter.submittedTo));
  const sources: Source[] = [];
  for (const candidate of candidates) sources.push({ ...candidate, runs: yield* countedUpTo(db, candidate) });
  if (workflowIds !== null || filter.states !== undefined)
    sources.push(yield* pairsSource(db, workflowIds, filter.states ?? null));
  return sources.toSorted((a, b) => a.runs - b.runs)[0] ?? null;
}

function* countedUpTo(db: Database, { index, sql, values }: Condition & { index: string }): Sql<number> {
  const some = `select 1 from run ${db.dialect.along(index)} where ${sql} limit ${GATHERED_MAX + 1}`;
  return (yield* db.get(`select count(*) as runs from (${some}) looked_at`, ...values))?.['runs'] as number;
}

function* pairsSource(db: Database, workflowIds: number[] | null, states: readonly string[] | null): Sql<Source> {
  const pairs = yield* countPairs(db, workflowIds, states);
  const keys = JSON.stringify(pairs.map(({ workflowId, state }) => [workflowId, state]));
  return {
    index: 'run_workflow',
    sql: db.dialect.pairIsIn('workflow_id', 'state'),
    values: [keys],
    runs: pairs.reduce((sum, pair) => sum + pair.runs, 0),
  };
}

const IN_ORDER = `order by coalesce(started_at, 9007199254740991) desc, id desc limit ?`;

function* gathered(db: Database, source: Source, conditions: Condition[], depth: number): Sql<number[]> {
  const along = source.index === '' ? '' : db.dialect.along(source.index);
  const all = [source, ...conditions];
  const sql = `select id from run ${along} where ${all.map((each) => each.sql).join(' and ')} ${IN_ORDER}`;
  return yield* ids(db, sql, all, depth);
}

function* walked(db: Database, conditions: Condition[], depth: number): Sql<number[]> {
  const where = conditions.map(({ sql }) => sql).join(' and ');
  return yield* ids(
    db,
    `select id from run ${db.dialect.along('run_order')} where ${where} ${IN_ORDER}`,
    conditions,
    depth,
  );
}

function* ids(db: Database, sql: string, conditions: Condition[], depth: number): Sql<number[]> {
  return (yield* db.rows(sql, ...conditions.flatMap(({ values }) => values), depth)).map((row) => row[0] as number);
}
