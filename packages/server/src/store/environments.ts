/** Named sets of variables that the processes of tasks are given. */
import type { Dialect } from './dialect.ts';
import type { EnvironmentRow } from './operations-port.ts';
import { StoreError } from './port.ts';
import type { Database, Row, Sql } from './database.ts';
import type { WriteContext } from './write-context.ts';

const SAVE = `
  insert into environment (name, description, variables, updated_at, updated_by) values (?, ?, ?, ?, ?)
  on conflict (name) do update set description = excluded.description, variables = excluded.variables,
    updated_at = excluded.updated_at, updated_by = excluded.updated_by
  returning *`;

export function* saveEnvironment(
  c: WriteContext,
  environment: Omit<EnvironmentRow, 'updatedAt' | 'updatedBy'> & { user: string; at: number },
): Sql<EnvironmentRow> {
  const { name, description, variables, user, at } = environment;
  return toEnvironment((yield* c.db.get(SAVE, name, description, JSON.stringify(variables), at, user))!);
}

const ALL = `select * from environment order by name`;

export function* listEnvironments(db: Database): Sql<EnvironmentRow[]> {
  return (yield* db.all(ALL)).map(toEnvironment);
}

const DELETE = `delete from environment where name = ?`;

export function* deleteEnvironment(c: WriteContext, name: string): Sql<null> {
  if ((yield* c.db.run(DELETE, name)) === 0) throw new StoreError('NOT_FOUND', `There is no environment '${name}'.`);
  return null;
}

const NAMED = (dialect: Dialect): string =>
  `select name, variables from environment where ${dialect.isIn('name')} order by name`;

export function* loadEnvironments(
  db: Database,
  names: string[],
): Sql<{ name: string; variables: Record<string, string> }[]> {
  return (yield* db.all(NAMED, JSON.stringify(names))).map((row) => ({
    name: row['name'] as string,
    variables: JSON.parse(row['variables'] as string) as Record<string, string>,
  }));
}

function toEnvironment(row: Row): EnvironmentRow {
  return {
    name: row['name'] as string,
    description: row['description'] as string,
    variables: JSON.parse(row['variables'] as string) as Record<string, string>,
    updatedAt: row['updated_at'] as number,
    updatedBy: row['updated_by'] as string,
  };
}
