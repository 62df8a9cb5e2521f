/** Who adds something to a project, or deletes it, has it alone. */
import type { Row, Sql } from './database.ts';
import type { Dialect } from './dialect.ts';
import { StoreError } from './port.ts';
import type { WriteContext } from './write-context.ts';

const PROJECT_ALONE = (dialect: Dialect): string =>
  `select * from project where id = ? and deleted_at is null ${dialect.forUpdate}`;

/**
 * The project, which nobody else changes, or adds something to, until the transaction ends. To be asked before anything of it is
 * read. NOT_FOUND.
 */
export function* lockProject(c: WriteContext, project: number): Sql<Row> {
  return requireProject(yield* c.db.get(PROJECT_ALONE, project), project);
}

/** NOT_FOUND. */
export function requireProject(row: Row | undefined, project: number): Row {
  if (!row) throw new StoreError('NOT_FOUND', `There is no project ${project}.`);
  return row;
}
