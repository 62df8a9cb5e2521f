/**
 * One SQLite connection and its prepared statements. A statement is named by its text, which is a constant:
 * it is prepared once and kept for the life of the connection.
 */
/* oxlint-disable require-yield -- SQLite answers at once: no statement is left to whoever runs the verb */
import type { Bulk } from './bulk.ts';
import { DatabaseSync } from 'node:sqlite';
import type { StatementResultingChanges, StatementSync } from 'node:sqlite';
import { ConstraintViolation } from './database.ts';
import type { Database, Row, Sql, Statement, Value } from './database.ts';
import { SQLITE } from './dialect.ts';
import type { Cell } from './rows.ts';

const WRITTEN = `select total_changes()`;

export class SqliteDatabase implements Database {
  readonly raw: DatabaseSync;
  readonly #statements = new Map<Statement, StatementSync>();
  readonly #arrays = new Map<Statement, StatementSync>();
  readonly dialect = SQLITE;

  constructor(path: string, options: { readOnly: boolean }) {
    this.raw = new DatabaseSync(path, { readOnly: options.readOnly });
  }

  exec(sql: string): void {
    this.raw.exec(sql);
  }

  statement(statement: Statement): StatementSync {
    let prepared = this.#statements.get(statement);
    if (!prepared) this.#statements.set(statement, (prepared = this.raw.prepare(this.#textOf(statement))));
    return prepared;
  }

  #textOf(statement: Statement): string {
    return typeof statement === 'string' ? statement : statement(this.dialect);
  }

  *run(statement: Statement, ...values: Value[]): Sql<number> {
    return Number(this.#execute(this.statement(statement), values, 0).changes);
  }

  #execute(prepared: StatementSync, values: readonly Value[], position: number): StatementResultingChanges {
    try {
      return prepared.run(...values);
    } catch (error) {
      throw primaryCode(error) === SQLITE_CONSTRAINT ? new ConstraintViolation(position, error) : error;
    }
  }

  *get(statement: Statement, ...values: Value[]): Sql<Row | undefined> {
    return this.statement(statement).get(...values) as Row | undefined;
  }

  *all(statement: Statement, ...values: Value[]): Sql<Row[]> {
    return this.statement(statement).all(...values) as Row[];
  }

  *hasRows(count: number, statement: Statement, ...values: Value[]): Sql<boolean> {
    return this.statement(statement).all(...values).length === count;
  }

  *rows(statement: Statement, ...values: Value[]): Sql<Cell[][]> {
    let prepared = this.#arrays.get(statement);
    if (!prepared) {
      prepared = this.raw.prepare(this.#textOf(statement));
      prepared.setReturnArrays(true);
      this.#arrays.set(statement, prepared);
    }
    return prepared.all(...values) as unknown as Cell[][];
  }

  *text(statement: Statement, ...values: Value[]): Sql<string> {
    return (yield* this.rows(statement, ...values))[0]![0] as string;
  }

  *each(statement: Statement, width: number, cells: readonly Value[]): Sql<number[]> {
    const prepared = this.statement(statement);
    const unwritten: number[] = [];
    for (let i = 0; i < cells.length; i += width) {
      const at = i / width;
      if (this.#execute(prepared, cells.slice(i, i + width), at).changes === 0) unwritten.push(at);
    }
    return unwritten;
  }

  *bulk({ each, types }: Bulk, cells: readonly Value[]): Sql<number[]> {
    return yield* this.each(each, types.length, cells);
  }

  *together<T>(pieces: readonly Sql<T>[]): Sql<T[]> {
    const answers: T[] = [];
    for (const piece of pieces) answers.push(yield* piece);
    return answers;
  }

  finish<T>(pieces: readonly Sql<T>[]): Sql<T[]> {
    return this.together(pieces);
  }

  *written(): Sql<number> {
    return (yield* this.rows(WRITTEN))[0]![0] as number;
  }

  *snapshot<T>(read: Sql<T>): Sql<T> {
    this.raw.exec('begin');
    try {
      return yield* read;
    } finally {
      this.raw.exec('commit');
    }
  }

  get inTransaction(): boolean {
    return this.raw.isTransaction;
  }

  close(): void {
    this.raw.close();
  }
}

/** Whatever its extension. */
const SQLITE_CONSTRAINT = 19;

/** The extended result code of an error that SQLite raised; null for any other. */
export function resultCode(error: unknown): number | null {
  return error instanceof Error && 'errcode' in error && typeof error.errcode === 'number' ? error.errcode : null;
}

/** The result code without its extension. */
export function primaryCode(error: unknown): number | null {
  const code = resultCode(error);
  return code === null ? null : code & 0xff;
}
