/** Lists of runs: newest start first, runs not started before all others, with an exact total. */
import type { RunFilter } from './port.ts';
import { RUN_COLUMNS } from './rows.ts';
import type { Cell } from './rows.ts';
import type { SqliteDatabase } from './sqlite-database.ts';

export interface ListRequest {
  filter: RunFilter;
  from: number;
  size: number;
}

/** Answers with the cells of the page's runs. */
export function listRuns(db: SqliteDatabase, request: ListRequest): { total: number; runs: Cell[] } {
  const { filter } = request;
  const conditions: string[] = [];
  const values: Cell[] = [];
  const add = (sql: string, ...more: Cell[]) => { conditions.push(sql); values.push(...more); };
  if (filter.project !== undefined) add('project = ?', filter.project);
  if (filter.workflow !== undefined) add('workflow = ?', filter.workflow);
  for (const [column, prefixes] of [['project', filter.projectPrefixes], ['workflow', filter.workflowPrefixes]] as const) {
    if (prefixes === undefined) continue;
    add(`(${prefixes.map(() => `substr(${column}, 1, length(?)) = ?`).join(' or ') || '1 = 0'})`, ...prefixes.flatMap((p) => [p, p]));
  }
  if (filter.states) add(`state in (${filter.states.map(() => '?').join(', ')})`, ...filter.states);
  if (filter.submittedFrom !== undefined) add('submitted_at >= ?', filter.submittedFrom);
  if (filter.submittedTo !== undefined) add('submitted_at <= ?', filter.submittedTo);
  const where = conditions.length > 0 ? `where ${conditions.join(' and ')}` : '';
  const total = db.get(`select count(*) as total from run ${where}`, ...values)?.['total'] as number;
  const runs = db.cells([], `select ${RUN_COLUMNS.join(', ')} from run ${where}
    order by coalesce(started_at, 9007199254740991) desc, id desc limit ? offset ?`, ...values, request.size, request.from);
  return { total, runs };
}
