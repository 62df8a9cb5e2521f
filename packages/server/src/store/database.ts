/**
 * SQL as a conversation. A verb of the store is a generator: it says a statement, is given what the database answered, and goes
 * on. So one text of a verb serves a database that answers at once (SQLite, in the writer's thread) and one that answers later
 * (PostgreSQL). A verb never holds a promise; whoever runs it decides about transactions.
 */
import type { Bulk } from './bulk.ts';
import type { Dialect } from './dialect.ts';
import type { Cell } from './rows.ts';

export type Row = Record<string, Cell | Uint8Array>;
export type Value = Cell | Uint8Array;

/** A statement; its identity is its name, so make it once. A function where the databases differ. */
export type Statement = string | ((dialect: Dialect) => string);

/** What is asked of a database that answers later. SQLite's statements never get this far. */
export interface Query {
  text: string;
  /**
   * `rows`: arrays of cells instead of objects; `script`: several statements without values or answers; `together`: nothing but
   * its parts, of each of which the answer is a row: what became of it.
   */
  shape: 'rows' | 'objects' | 'script' | 'together';
  /** Several: the statement is executed with each, in order. */
  values: Value[][];
  parts?: Query[];
  /** Of a statement in `finish`: unless it has just so many rows, nothing of the transaction is stored. */
  demands?: number;
  /** COMMIT follows at once. */
  isLast?: true;
}
/** Per execution: the rows, and how many were written (or only read). */
export type Answers = { rows: unknown[]; count: number; wrote: boolean }[];

/** A piece of a verb that answers with `T`. */
export type Sql<T> = Generator<Query, T, Answers>;

export interface Database {
  readonly dialect: Dialect;
  /** Returns the number of rows that were written. */
  run(statement: Statement, ...values: Value[]): Sql<number>;
  get(statement: Statement, ...values: Value[]): Sql<Row | undefined>;
  all(statement: Statement, ...values: Value[]): Sql<Row[]>;
  /** Whether the query has just so many rows. */
  hasRows(count: number, statement: Statement, ...values: Value[]): Sql<boolean>;
  /** All rows as arrays of cells. */
  rows(statement: Statement, ...values: Value[]): Sql<Cell[][]>;
  /** The one text that a query with one row and one column answers with. */
  text(statement: Statement, ...values: Value[]): Sql<string>;
  /** Executes the statement once per `width` cells; answers with the positions (in executions) of those that wrote nothing. */
  each(statement: Statement, width: number, cells: readonly Value[]): Sql<number[]>;
  /** Executes it for each row of cells, none of which has the key of another; answers with the positions of those that wrote nothing. */
  bulk(bulk: Bulk, cells: readonly Value[]): Sql<number[]>;
  /**
   * Pieces that do not wait for each other's answers, in this order: their first statements are sent one behind the other, then
   * their second ones, and so on. The first that throws ends all.
   */
  together<T>(pieces: readonly Sql<T>[]): Sql<T[]>;
  /**
   * The same, of pieces that are the last of a verb when all goes well: each has one statement, `hasRows` that are true, and `bulk`s
   * that write every row. Where each answer costs a message, COMMIT is sent behind them without waiting for one; when a piece is
   * disappointed, nothing is stored and the verb is begun anew, with this being `together`. Not for verbs that are audited.
   */
  finish<T>(pieces: readonly Sql<T>[]): Sql<T[]>;
  /** A number that grows whenever a row has been written. */
  written(): Sql<number>;
  /** Several reads over one state of the database. */
  snapshot<T>(read: Sql<T>): Sql<T>;
}

/** Runs a verb against a database that answers at once. */
export function runAtOnce<T>(verb: Sql<T>): T {
  const step = verb.next();
  if (step.done !== true) throw new Error(`a statement was left to somebody else: ${step.value.text}`);
  return step.value;
}

/** A unique index or another constraint refused a row: execution `position` of the statement. */
export class ConstraintViolation extends Error {
  readonly position: number;
  constructor(position: number, cause: unknown) {
    super(cause instanceof Error ? cause.message : String(cause), { cause });
    this.position = position;
  }
}

const LOCK_NAMED = (dialect: Dialect): string => dialect.lockNamed;

/** For what has no row yet that could be locked. */
export function* lockNamed(db: Database, name: string): Sql<void> {
  if (db.dialect.lockNamed !== '') yield* db.get(LOCK_NAMED, name);
}
