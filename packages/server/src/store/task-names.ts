/** Names of a version's tasks, for questions that name tasks. Versions never change, so what was read stays true. */
import type { Dialect } from './dialect.ts';
import type { Database, Sql } from './database.ts';

/** Position of each task by its name, and its name by its position. */
export interface TaskNames {
  names: readonly string[];
  indexOf: ReadonlyMap<string, number>;
}

const TASK_NAMES = (dialect: Dialect): string => `select name from ${dialect.tasksOfVersion} t order by task`;
/** Names kept per connection, all versions together. */
const KEPT_NAMES = 200_000;
const kept = new WeakMap<Database, Map<string, TaskNames>>();

/** Empty for a version that there is not. */
export function* taskNamesOf(db: Database, workflowId: number, version: number): Sql<TaskNames> {
  let versions = kept.get(db);
  if (!versions) kept.set(db, (versions = new Map<string, TaskNames>()));
  const key = `${workflowId}.${version}`;
  const known = versions.get(key);
  if (known) return known;
  const names = (yield* db.rows(TASK_NAMES, workflowId, version)).map(([name]) => name as string);
  const found: TaskNames = { names, indexOf: new Map(names.map((name, index) => [name, index])) };
  if (names.length === 0) return found;
  versions.set(key, found);
  forgetOldest(versions);
  return found;
}

function forgetOldest(versions: Map<string, TaskNames>): void {
  let count = 0;
  for (const { names } of versions.values()) count += names.length;
  for (const [key, { names }] of versions) {
    if (count <= KEPT_NAMES || versions.size === 1) return;
    versions.delete(key);
    count -= names.length;
  }
}
