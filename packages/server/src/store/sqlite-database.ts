/**
 * One SQLite connection and its prepared statements. A statement is named by its text, which is a constant:
 * it is prepared once and kept for the life of the connection.
 */
import { DatabaseSync } from 'node:sqlite';
import type { SQLInputValue, StatementSync } from 'node:sqlite';
import type { Cell } from './rows.ts';

export type Row = Record<string, Cell | Uint8Array>;

export class SqliteDatabase {
  readonly raw: DatabaseSync;
  readonly #statements = new Map<string, StatementSync>();
  readonly #arrays = new Map<string, StatementSync>();

  constructor(path: string, options: { readOnly: boolean }) {
    this.raw = new DatabaseSync(path, { readOnly: options.readOnly });
  }

  exec(sql: string): void {
    this.raw.exec(sql);
  }

  /** A prepared statement for callers that bind by themselves. */
  statement(sql: string): StatementSync {
    let statement = this.#statements.get(sql);
    if (!statement) this.#statements.set(sql, (statement = this.raw.prepare(sql)));
    return statement;
  }

  /** Returns the number of rows that were written. */
  run(sql: string, ...values: SQLInputValue[]): number {
    return Number(this.statement(sql).run(...values).changes);
  }

  get(sql: string, ...values: SQLInputValue[]): Row | undefined {
    return this.statement(sql).get(...values) as Row | undefined;
  }

  all(sql: string, ...values: SQLInputValue[]): Row[] {
    return this.statement(sql).all(...values) as Row[];
  }

  /** All rows as arrays of cells. */
  rows(sql: string, ...values: SQLInputValue[]): Cell[][] {
    let statement = this.#arrays.get(sql);
    if (!statement) {
      statement = this.raw.prepare(sql);
      statement.setReturnArrays(true);
      this.#arrays.set(sql, statement);
    }
    return statement.all(...values) as unknown as Cell[][];
  }

  /** The one text that a query with one row and one column answers with. */
  text(sql: string, ...values: SQLInputValue[]): string {
    return this.rows(sql, ...values)[0]![0] as string;
  }

  get inTransaction(): boolean {
    return this.raw.isTransaction;
  }

  close(): void {
    this.raw.close();
  }
}

/** SQLITE_CONSTRAINT, whatever its extension. */
export function isConstraintError(error: unknown): boolean {
  return primaryCode(error) === 19;
}

/** The extended result code of an error that SQLite raised; null for any other. */
export function resultCode(error: unknown): number | null {
  return error instanceof Error && 'errcode' in error && typeof error.errcode === 'number' ? error.errcode : null;
}

/** The result code without its extension. */
export function primaryCode(error: unknown): number | null {
  const code = resultCode(error);
  return code === null ? null : code & 0xff;
}
