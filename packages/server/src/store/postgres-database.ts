/**
 * PostgreSQL as a database of verbs: turns what a verb says into queries of `pg`.
 *
 * Owns: per statement its text with `$1` for `?`.
 */
import type pg from 'pg';
import { bulkText, rowsAsJson } from './bulk.ts';
import type { Bulk } from './bulk.ts';
import { ConstraintViolation } from './database.ts';
import type { Answers, Database, Query, Row, Sql, Statement, Value } from './database.ts';
import { POSTGRES } from './dialect.ts';
import { codeOf } from './postgres-errors.ts';
import type { Cell } from './rows.ts';

/** Texts made on the fly beyond that are made each time. */
const TEXTS_KEPT = 400;

/** Of each statement, its text as PostgreSQL has it. */
const texts = new Map<Statement, string>();

/** What the verb of one transaction talks to. */
export class PostgresDatabase implements Database {
  readonly dialect = POSTGRES;
  readonly #isHopeful: boolean;
  #written = 0;

  /** Not hopeful: `finish` waits for answers. */
  constructor(isHopeful: boolean) {
    this.#isHopeful = isHopeful;
  }

  *#ask(statement: Statement, shape: Query['shape'], values: Value[][], demands?: number): Sql<Answers> {
    let text = texts.get(statement);
    if (text === undefined) {
      text = numbered(typeof statement === 'string' ? statement : statement(this.dialect));
      if (texts.size < TEXTS_KEPT) texts.set(statement, text);
    }
    const answers = yield { text, shape, values, ...(demands !== undefined && { demands }) };
    for (const { wrote, count } of answers) if (wrote) this.#written += count;
    return answers;
  }

  // oxlint-disable-next-line require-yield -- counted here
  *written(): Sql<number> {
    return this.#written;
  }

  *run(statement: Statement, ...values: Value[]): Sql<number> {
    return (yield* this.#ask(statement, 'objects', [values]))[0]!.count;
  }

  *get(statement: Statement, ...values: Value[]): Sql<Row | undefined> {
    return (yield* this.#ask(statement, 'objects', [values]))[0]!.rows[0] as Row | undefined;
  }

  *all(statement: Statement, ...values: Value[]): Sql<Row[]> {
    return (yield* this.#ask(statement, 'objects', [values]))[0]!.rows as Row[];
  }

  *hasRows(count: number, statement: Statement, ...values: Value[]): Sql<boolean> {
    return (yield* this.#ask(statement, 'rows', [values], count))[0]!.count === count;
  }

  *rows(statement: Statement, ...values: Value[]): Sql<Cell[][]> {
    return (yield* this.#ask(statement, 'rows', [values]))[0]!.rows as Cell[][];
  }

  *text(statement: Statement, ...values: Value[]): Sql<string> {
    return (yield* this.rows(statement, ...values))[0]![0] as string;
  }

  *each(statement: Statement, width: number, cells: readonly Value[]): Sql<number[]> {
    if (cells.length === 0) return [];
    const executions: Value[][] = [];
    for (let i = 0; i < cells.length; i += width) executions.push(cells.slice(i, i + width));
    const answers = yield* this.#ask(statement, 'objects', executions);
    return answers.flatMap((answer, at) => (answer.count === 0 ? [at] : []));
  }

  *bulk(bulk: Bulk, cells: readonly Value[]): Sql<number[]> {
    if (cells.length === 0) return [];
    const width = bulk.types.length;
    let statement = bulkTexts.get(bulk);
    if (statement === undefined) bulkTexts.set(bulk, (statement = bulkText(bulk)));
    let written: Answers[number];
    try {
      written = (yield* this.#ask(statement, 'rows', [[rowsAsJson(width, cells)]], cells.length / width))[0]!;
    } catch (error) {
      throw error instanceof ConstraintViolation
        ? new ConstraintViolation(positionOf(error, width, cells), error.cause)
        : error;
    }
    const unwritten: number[] = [];
    if (written.count * width === cells.length) return unwritten;
    const keys = new Set((written.rows as Cell[][]).map((key) => key.join(' ')));
    for (let i = 0; i < cells.length; i += width)
      if (!keys.has(bulk.key.map((cell) => cells[i + cell]).join(' '))) unwritten.push(i / width);
    return unwritten;
  }

  *together<T>(pieces: readonly Sql<T>[]): Sql<T[]> {
    const steps = pieces.map((piece) => piece.next());
    for (;;) {
      const open = openSteps(steps);
      if (open.length === 0) return steps.map((step) => step.value as T);
      goOn(pieces, steps, yield { ...TOGETHER, parts: open.map(({ query }) => query) });
    }
  }

  *finish<T>(pieces: readonly Sql<T>[]): Sql<T[]> {
    if (!this.#isHopeful) return yield* this.together(pieces);
    const steps = pieces.map((piece) => piece.next());
    const parts = openSteps(steps).map(({ query }) => query);
    const answers = yield { ...TOGETHER, parts: parts.map(demanding), isLast: true };
    goOn(pieces, steps, asDemanded(parts, answers));
    if (openSteps(steps).length > 0) throw new Error('a piece of the end of a verb has something more to ask');
    return steps.map((step) => step.value as T);
  }

  /** Whoever runs a verb of reads has made it one snapshot already. */
  snapshot<T>(read: Sql<T>): Sql<T> {
    return read;
  }
}

const NOW = `select (extract(epoch from clock_timestamp()) * 1000)::bigint as now`;

/** The server's clock, epoch ms. */
export function* clockOf(db: PostgresDatabase): Sql<number> {
  return (yield* db.get(NOW))?.['now'] as number;
}

const TOGETHER: Query = { text: '', shape: 'together', values: [] };

type Step<T> = IteratorResult<Query, T>;

function openSteps<T>(steps: readonly Step<T>[]): { at: number; query: Query }[] {
  return steps.flatMap((step, at) => (step.done === true ? [] : [{ at, query: step.value }]));
}

/** Hands the answers to the pieces that have asked. */
function goOn<T>(pieces: readonly Sql<T>[], steps: Step<T>[], answers: Answers): void {
  const outcomes = answers[0]!.rows as PromiseSettledResult<Answers>[];
  for (const [i, { at }] of openSteps(steps).entries()) {
    const outcome = outcomes[i]!;
    const piece = pieces[at]!;
    steps[at] = outcome.status === 'fulfilled' ? piece.next(outcome.value) : piece.throw(outcome.reason);
  }
}

/** Fails by a division by zero unless it has as many rows as are demanded, none of which it answers with. */
function demanding(query: Query): Query {
  const { text, values, demands } = query;
  if (demands === undefined) return query;
  let demand = demandTexts.get(text);
  if (demand === undefined) {
    demand = `with answer as (${text}) select 1 / (count(*) = $${values[0]!.length + 1})::int from answer`;
    demandTexts.set(text, demand);
  }
  return { ...query, text: demand, values: [[...values[0]!, demands]] };
}

const demandTexts = new Map<string, string>();
const DIVISION_BY_ZERO = '22012';

/** Throws when a demand was not met. */
function asDemanded(parts: readonly Query[], answers: Answers): Answers {
  const outcomes = (answers[0]!.rows as PromiseSettledResult<Answers>[]).map((outcome, i) => {
    const { demands } = parts[i]!;
    if (outcome.status === 'rejected' && codeOf(outcome.reason) === DIVISION_BY_ZERO) throw new Disappointment();
    if (outcome.status === 'rejected' || demands === undefined) return outcome;
    return { ...outcome, value: [{ rows: [], count: demands, wrote: true }] };
  });
  return [{ ...answers[0]!, rows: outcomes }];
}

/** Something was not as a verb hoped it to be; nothing of its transaction was stored. */
export class Disappointment extends Error {}

const bulkTexts = new Map<Bulk, string>();

/** Of the row that a unique index refused: by the values that the error names, which are the first cells; rows written later first. */
function positionOf({ cause }: ConstraintViolation, width: number, cells: readonly Value[]): number {
  const values = /=\(([^)]*)\)/.exec((cause as pg.DatabaseError).detail ?? '')?.[1]?.split(', ') ?? [];
  for (let i = cells.length - width; i > 0; i -= width)
    if (values.every((value, cell) => String(cells[i + cell]) === value)) return i / width;
  return 0;
}

/** `?` becomes `$1`, `$2`, …; none of our statements holds one in a literal. */
function numbered(text: string): string {
  let count = 0;
  return text.replaceAll('?', () => `$${++count}`);
}
