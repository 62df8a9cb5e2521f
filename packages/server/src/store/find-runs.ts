/**
 * Lists of runs by what `run_count` knows nothing of: who submitted them, how they came about, which run they repeat, their
 * logical dates. In the same order as the others, but without a total: a page says whether there is more.
 *
 * Two ways only. Where one of the conditions leaves few runs, they are gathered along its index and sorted; each is looked up in the
 * table, which is 1 to 2 µs. Where all leave many, runs that match lie close together and the list's own order is walked, over an
 * index that holds every column a filter may ask for: 0.07 µs an entry, so at its worst (conditions that exclude each other) a
 * million runs cost what a page may cost.
 */
import { SQLITE as dialect } from './dialect.ts';
import { countPairs, RUN_IN_LIST, resolveWorkflows, type ListRequest } from './list-runs.ts';
import type { RunFilter } from './port.ts';
import type { Cell } from './rows.ts';
import type { SqliteDatabase } from './sqlite-database.ts';

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
export function findRuns(db: SqliteDatabase, request: ListRequest, walk?: FineWalk): { total: number; runs: string } {
  const { filter, from, size } = request;
  const workflowIds = resolveWorkflows(db, filter);
  const conditions = conditionsOf(filter, workflowIds);
  const depth = from + size + 1;
  const smallest = smallestSource(db, filter, workflowIds);
  const gathers = walk === undefined ? smallest !== null && smallest.runs <= GATHERED_MAX : walk === 'gather';
  const found =
    gathers && smallest !== null ? gathered(db, smallest, conditions, depth) : walked(db, conditions, depth);
  const page = found.slice(from, from + size);
  return { total: found.length, runs: `[${page.map((id) => db.text(RUN_IN_LIST, id)).join(',')}]` };
}

function conditionsOf(filter: RunFilter, workflowIds: number[] | null): Condition[] {
  const conditions: Condition[] = [];
  const equal = (column: string, value: Cell | undefined): void => {
    if (value !== undefined) conditions.push({ sql: `${column} = ?`, values: [value] });
  };
  const within = (column: string, list: readonly Cell[] | null | undefined): void => {
    if (list !== null && list !== undefined)
      conditions.push({ sql: dialect.isIn(column), values: [JSON.stringify(list)] });
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
function smallestSource(db: SqliteDatabase, filter: RunFilter, workflowIds: number[] | null): Source | null {
  const sources: Source[] = [];
  const add = (index: string, sql: string, values: Cell[]): void => {
    const counted = db.get(
      `select count(*) as runs from (select 1 from run ${dialect.along(index)} where ${sql} limit ${GATHERED_MAX + 1})`,
      ...values,
    )?.['runs'] as number;
    sources.push({ index, sql, values, runs: counted });
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
  if (workflowIds !== null || filter.states !== undefined)
    sources.push(pairsSource(db, workflowIds, filter.states ?? null));
  return sources.toSorted((a, b) => a.runs - b.runs)[0] ?? null;
}

function pairsSource(db: SqliteDatabase, workflowIds: number[] | null, states: readonly string[] | null): Source {
  const pairs = countPairs(db, workflowIds, states);
  const keys = JSON.stringify(pairs.map(({ workflowId, state }) => [workflowId, state]));
  return {
    index: 'run_workflow',
    sql: dialect.pairIsIn('workflow_id', 'state'),
    values: [keys],
    runs: pairs.reduce((sum, pair) => sum + pair.runs, 0),
  };
}

const IN_ORDER = `order by coalesce(started_at, 9007199254740991) desc, id desc limit ?`;

function gathered(db: SqliteDatabase, source: Source, conditions: Condition[], depth: number): number[] {
  const along = source.index === '' ? '' : dialect.along(source.index);
  const all = [source, ...conditions];
  const sql = `select id from run ${along} where ${all.map((each) => each.sql).join(' and ')} ${IN_ORDER}`;
  return ids(db, sql, all, depth);
}

function walked(db: SqliteDatabase, conditions: Condition[], depth: number): number[] {
  const where = conditions.map(({ sql }) => sql).join(' and ');
  return ids(db, `select id from run ${dialect.along('run_order')} where ${where} ${IN_ORDER}`, conditions, depth);
}

function ids(db: SqliteDatabase, sql: string, conditions: Condition[], depth: number): number[] {
  return db.rows(sql, ...conditions.flatMap(({ values }) => values), depth).map((row) => row[0] as number);
}
