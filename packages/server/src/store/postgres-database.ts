/**
 * PostgreSQL as a database of verbs: turns what a verb says into queries of `pg`, and errors into the store's words.
 *
 * Owns: the pools, and per statement its text with `$1` for `?` and the name under which connections keep it prepared.
 * Invariants: 1. a verb that writes is one transaction at READ COMMITTED, begun anew when the database says that it lost a
 * race; 2. a connection that failed in the middle is never used again; 3. when COMMIT was sent and not answered, the outcome is
 * unknown and is said to be; 4. COMMIT is sent before the statements are answered only when each of them fails unless all is as the
 * verb wants it (`finish`); each still ends with a Sync of its own, so that the server's time limit for standing still in a
 * transaction holds for whoever has sent only half of it.
 */
import pg from 'pg';
import { bulkText, rowsAsJson } from './bulk.ts';
import type { Bulk } from './bulk.ts';
import { ConstraintViolation } from './database.ts';
import type { Answers, Database, Query, Row, Sql, Statement, Value } from './database.ts';
import { POSTGRES } from './dialect.ts';
import { StoreError } from './port.ts';
import type { Cell } from './rows.ts';

/** Statements kept prepared under a name; texts made on the fly beyond that are parsed each time. */
const NAMED_STATEMENTS = 400;

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
      if (texts.size < NAMED_STATEMENTS) texts.set(statement, text);
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
class Disappointment extends Error {}

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

const { INT8, NUMERIC } = pg.types.builtins;

/** Epoch milliseconds, ids and counters stay far below 2^53. */
const types: pg.CustomTypesConfig = {
  getTypeParser: (oid, format): ((text: string) => unknown) =>
    oid === INT8 || oid === NUMERIC ? Number : (pg.types.getTypeParser(oid, format) as (text: string) => unknown),
};

/** Each connection keeps statements prepared by these names; the same text has the same one everywhere. */
const names = new Map<string, string>();
let generation = 1;

function nameOf(text: string): string | undefined {
  const known = names.get(text);
  if (known !== undefined || names.size >= NAMED_STATEMENTS) return known;
  const name = `pelorus_${generation}_${names.size + 1}`;
  names.set(text, name);
  return name;
}

/** A newer version has added columns: `select *` means something else than what connections keep prepared. */
function prepareAnew(): void {
  generation++;
  names.clear();
}

export interface PostgresOptions {
  url: string;
  /** Connections at most. */
  size: number;
  /** Sent with every statement that takes longer than this: the server gives up. */
  statementTimeoutMs: number;
  name: string;
  /** Its statements find rows by keys: see `BY_KEYS`. Default false. */
  findsByKeys?: boolean;
  /** How long a verb waits for its turn; default 10 s. */
  turnTimeoutMs?: number;
}

/** Beyond the server's own limit, for one that says nothing any more. */
const SILENCE_MS = 2_000;
const CONNECT_TIMEOUT_MS = 3_000;
/** After a connection could not be made, how long others are refused at once instead of finding out themselves. */
const AWAY_MS = 250;
const TURN_TIMEOUT_MS = 10_000;
/** What was asked for before the pool is closed has so long; then the connections are broken. */
const CLOSE_MS = 5_000;
const BROKEN_MS = 1_000;

interface Waiting {
  go: () => void;
  refuse: (error: Error) => void;
  timer: NodeJS.Timeout;
}

/**
 * A statement keeps the plan that it was first given. Made for tables that were still empty, that plan reads them whole, and goes on
 * to when they hold 10,000 runs a minute later, until they are analysed: asking for one's commands took seconds then. Where there is
 * no other way than the whole table, the plan counts as so dear that it would be compiled each time, which takes 100 ms. A page of what
 * waits is to be read in the order of its index, not all of it and then sorted.
 */
const BY_KEYS =
  '-c enable_seqscan=off -c enable_bitmapscan=off -c enable_hashjoin=off -c enable_mergejoin=off -c jit=off';

export class PostgresPool {
  readonly #pool: pg.Pool;
  readonly #size: number;
  readonly #turnTimeoutMs: number;
  readonly #waiting: Waiting[] = [];
  readonly #idle: (() => void)[] = [];
  /** Whose sockets may be open. */
  readonly #clients = new Set<pg.PoolClient>();
  #busy = 0;
  #closed = false;
  #away: { until: number; error: Error } | null = null;

  constructor(options: PostgresOptions) {
    this.#size = options.size;
    this.#turnTimeoutMs = options.turnTimeoutMs ?? TURN_TIMEOUT_MS;
    this.#pool = new pg.Pool({
      connectionString: options.url,
      max: options.size,
      types,
      pipeline: true,
      application_name: options.name,
      ...(options.findsByKeys === true && { options: BY_KEYS }),
      statement_timeout: options.statementTimeoutMs,
      lock_timeout: options.statementTimeoutMs,
      idle_in_transaction_session_timeout: options.statementTimeoutMs,
      connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
      ...(options.statementTimeoutMs > 0 && { query_timeout: options.statementTimeoutMs + SILENCE_MS }),
      keepAlive: true,
      verify: refuseStandby,
    });
    // One that breaks is replaced by the next call; whoever uses it learns of it from its statement.
    this.#pool.on('error', () => undefined);
    this.#pool.on('connect', (client) => {
      client.on('error', () => undefined);
      this.#clients.add(client);
      client.once('end', () => this.#clients.delete(client));
    });
  }

  /** Reads over one state of the database. */
  read<T>(verb: (db: PostgresDatabase) => Sql<T>): Promise<T> {
    return this.#transaction(READ, verb);
  }

  write<T>(verb: (db: PostgresDatabase) => Sql<T>): Promise<T> {
    return this.#transaction(WRITE, verb);
  }

  /**
   * Refuses further verbs; those asked for before are still answered, if that takes no longer than 5 s. A server that says nothing any
   * more does not answer the end of a connection either: then connections are broken.
   */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    const ended = this.#idleAgain().then(() => this.#pool.end());
    if (await isDoneWithin(CLOSE_MS, ended)) return;
    const error = new StoreError('UNAVAILABLE', 'The store is closed.');
    for (const waiting of this.#waiting.splice(0)) waiting.refuse(error);
    for (const client of this.#clients) breakConnection(client);
    await isDoneWithin(BROKEN_MS, ended);
  }

  async #idleAgain(): Promise<void> {
    while (this.#busy > 0) await new Promise<void>((resolve) => this.#idle.push(resolve));
  }

  #transaction<T>(kind: Transaction, verb: (db: PostgresDatabase) => Sql<T>): Promise<T> {
    return this.#inTurn(() => this.#tried(kind, verb));
  }

  /** A verb that is begun anew keeps its turn: what was asked for later stays behind it. */
  async #tried<T>(kind: Transaction, verb: (db: PostgresDatabase) => Sql<T>): Promise<T> {
    let isHopeful = true;
    for (let attempt = 1; ; attempt++) {
      try {
        return await this.#connected(kind, verb(new PostgresDatabase(isHopeful)));
      } catch (error) {
        if (error instanceof Disappointment) {
          isHopeful = false;
          continue;
        }
        if (isStalePlan(error)) prepareAnew();
        if (attempt >= ATTEMPTS || !isRace(error)) throw toStoreError(error);
        await new Promise((resolve) => setTimeout(resolve, Math.random() * attempt * RETRY_PAUSE_MS));
      }
    }
  }

  /** First come, first served; the pool's own queue would count waiting as failing to connect. */
  async #inTurn<T>(work: () => Promise<T>): Promise<T> {
    if (this.#closed) throw new StoreError('UNAVAILABLE', 'The store is closed.');
    if (this.#away && performance.now() < this.#away.until) throw this.#away.error;
    if (this.#busy < this.#size) this.#busy++;
    else await this.#turn();
    try {
      return await work();
    } finally {
      const next = this.#waiting.shift();
      if (next) next.go();
      else if (--this.#busy === 0) for (const wake of this.#idle.splice(0)) wake();
    }
  }

  async #turn(): Promise<void> {
    if (this.#waiting.length >= WAITING_MAX)
      throw new StoreError('UNAVAILABLE', 'Too many requests wait for PostgreSQL.');
    await new Promise<void>((resolve, reject) => {
      const waiting: Waiting = {
        go: () => {
          clearTimeout(waiting.timer);
          resolve();
        },
        refuse: (error) => {
          clearTimeout(waiting.timer);
          reject(error);
        },
        timer: setTimeout(() => {
          this.#waiting.splice(this.#waiting.indexOf(waiting), 1);
          reject(
            new StoreError('UNAVAILABLE', 'PostgreSQL is too busy: the request has waited too long for its turn.'),
          );
        }, this.#turnTimeoutMs),
      };
      this.#waiting.push(waiting);
    });
  }

  /** When there is no server, everybody who waits is told at once. */
  async #connect(): Promise<pg.PoolClient> {
    try {
      const client = await this.#pool.connect();
      this.#away = null;
      return client;
    } catch (cause) {
      if (!isTrouble(cause)) throw cause;
      const error = new StoreError('UNAVAILABLE', `PostgreSQL cannot be reached: ${(cause as Error).message}`, {
        cause,
      });
      this.#away = { until: performance.now() + AWAY_MS, error };
      for (const waiting of this.#waiting.splice(0)) waiting.refuse(error);
      throw error;
    }
  }

  async #connected<T>(kind: Transaction, verb: Sql<T>): Promise<T> {
    const client = await this.#connect();
    const progress: Progress = { stage: 'open' };
    try {
      const answer = await carryOut(client, { kind, verb, progress });
      client.release();
      return answer;
    } catch (error) {
      const { stage } = progress;
      const lost = isConnectionLost(error) || (stage === 'open' && !(await rollback(client)));
      client.release(lost);
      if (lost && stage === 'committing')
        throw new StoreError('UNKNOWN_OUTCOME', 'The connection broke while a commit was on its way.', {
          cause: error,
        });
      throw error;
    }
  }
}

/** How far a transaction is; `committing`: COMMIT was sent and not answered. */
interface Progress {
  stage: 'open' | 'committing' | 'stored' | 'undone';
}

async function carryOut<T>(
  client: pg.PoolClient,
  { kind, verb, progress }: { kind: Transaction; verb: Sql<T>; progress: Progress },
): Promise<T> {
  const [begun, conversed] = inOnePacket(
    client,
    () => [client.query(kind.begin), converse(client, verb, progress)] as const,
  );
  begun.catch(() => undefined);
  const answer = await conversed;
  await begun.catch((cause: unknown) => {
    throw new StoreError('UNKNOWN_OUTCOME', 'No transaction was begun: each statement was one.', { cause });
  });
  // What was read was read, whatever becomes of the end of it.
  if (!kind.writes) client.query('commit').catch(() => undefined);
  else if (progress.stage === 'open') await commit(client, progress);
  // After a statement that failed unnoticed the server says ROLLBACK to a COMMIT.
  if (progress.stage === 'undone') throw new StoreError('UNAVAILABLE', 'The database answered ROLLBACK to a commit.');
  return answer;
}

async function commit(client: pg.PoolClient, progress: Progress): Promise<void> {
  progress.stage = 'committing';
  const { command } = await client.query('commit');
  progress.stage = command === 'COMMIT' ? 'stored' : 'undone';
}

/** What is sent by it at once: a packet for each statement costs the sender more than the statement. */
function inOnePacket<T>({ connection: { stream } }: pg.PoolClient, send: () => T): T {
  stream.cork();
  try {
    return send();
  } finally {
    stream.uncork();
  }
}

/** Without a word to the server, which may not be there. */
export function breakConnection(client: pg.Client | pg.PoolClient): void {
  client.connection.stream.destroy();
}

/** Whether it has resolved by then. A rejection within the time is the caller's. */
export async function isDoneWithin(limitMs: number, done: Promise<unknown>): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<false>((resolve) => (timer = setTimeout(resolve, limitMs, false)));
  try {
    return await Promise.race([done.then(() => true), late]);
  } finally {
    clearTimeout(timer);
    done.catch(() => undefined);
  }
}

interface Transaction {
  begin: string;
  writes: boolean;
}
const READ: Transaction = { begin: 'begin isolation level repeatable read read only', writes: false };
const WRITE: Transaction = { begin: 'begin', writes: true };

/** False when the connection is of no use any more. */
async function rollback(client: pg.PoolClient): Promise<boolean> {
  return client.query('rollback').then(
    () => true,
    () => false,
  );
}

/** A standby lags behind and takes nothing; after a failover a name may lead to one for a while. */
function refuseStandby(client: pg.PoolClient, done: (error?: Error) => void): void {
  client.query<{ standby: boolean }>('select pg_is_in_recovery() as standby', (error: Error | null, result) => {
    done(error ?? (result.rows[0]?.standby === true ? new Error('connection to a standby') : undefined));
  });
}

/** Verbs that wait for a connection, at most. */
const WAITING_MAX = 20_000;

/** How often a verb that lost a race is tried, and what it waits between two tries, times the number of the try, at most. */
const ATTEMPTS = 8;
const RETRY_PAUSE_MS = 20;

async function converse<T>(client: pg.PoolClient, verb: Sql<T>, progress: Progress): Promise<T> {
  let step = verb.next();
  while (step.done !== true) {
    const query = step.value;
    if (progress.stage !== 'open') throw new Error(`a verb has asked something after its end: ${query.text}`);
    let answers: Answers;
    try {
      answers = await inOnePacket(client, () =>
        query.isLast ? executeLast(client, query, progress) : execute(client, query),
      );
    } catch (error) {
      step = verb.throw(error);
      continue;
    }
    step = verb.next(answers);
  }
  return step.value;
}

/** With COMMIT right behind it. Rejects when that was not answered; what else went wrong is in the answers. */
async function executeLast(client: pg.PoolClient, query: Query, progress: Progress): Promise<Answers> {
  const [answers] = await Promise.all([execute(client, query), commit(client, progress)]);
  return answers;
}

/** Several executions are sent one behind the other without waiting; the first failure is what counts. */
async function execute(client: pg.PoolClient, { text, shape, values, parts = [] }: Query): Promise<Answers> {
  if (shape === 'together') {
    const outcomes = await Promise.allSettled(parts.map((part) => execute(client, part)));
    return [{ rows: outcomes, count: 0, wrote: false }];
  }
  if (shape === 'script') {
    await client.query(text);
    return [];
  }
  const name = nameOf(text);
  const config = { text, ...(name === undefined ? {} : { name }), ...(shape === 'rows' ? { rowMode: 'array' } : {}) };
  const sent = values.map((each) => client.query({ ...config, values: each } as pg.QueryConfig));
  const settled = await Promise.allSettled(sent);
  return settled.map((outcome, position) => {
    if (outcome.status === 'fulfilled') {
      const { rows, rowCount, command } = outcome.value;
      return { rows: rows as unknown[], count: rowCount ?? 0, wrote: command !== 'SELECT' };
    }
    throw violates(outcome.reason) ? new ConstraintViolation(position, outcome.reason) : outcome.reason;
  });
}

function codeOf(error: unknown): string | null {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : null;
}

/** Class 23: integrity constraint violation. */
function violates(error: unknown): boolean {
  return codeOf(error)?.startsWith('23') === true;
}

const SERIALIZATION_FAILURE = '40001';
const DEADLOCK_DETECTED = '40P01';

/** Somebody else was faster; with what is stored now the verb may do something else. */
function isRace(error: unknown): boolean {
  const code = codeOf(error);
  return (
    code === SERIALIZATION_FAILURE ||
    code === DEADLOCK_DETECTED ||
    error instanceof ConstraintViolation ||
    isStalePlan(error)
  );
}

/** "cached plan must not change result type"; the code alone says only that something is not supported. */
function isStalePlan(error: unknown): boolean {
  return error instanceof pg.DatabaseError && error.routine === 'RevalidateCachedQuery';
}

/**
 * Class 08 and 57P0x (shutdown, crash), 25P03 (stood still in a transaction for too long), 25006 (it has become a standby), what else
 * made the server end the session (a start of one finds no room on its disk), and whatever the socket says, which has no code of
 * PostgreSQL's. Any other error with a code was sent by a server that goes on.
 */
function isConnectionLost(error: unknown): boolean {
  const code = codeOf(error) ?? '';
  if (/^[0-9A-Z]{5}$/.test(code) && !/^E[A-Z]+$/.test(code))
    return /^(?:08|57P|25P03$|25006$)/.test(code) || (endsSession(error) && !REFUSED_FOR_GOOD.test(code));
  return /^E[A-Z]+$/.test(code) || /[Cc]onnection|timeout/.test((error as Error)?.message ?? '');
}

/** A wrong user or password, no such database, no right to it: waiting does not help. */
const REFUSED_FOR_GOOD = /^(?:28|3D|42)/;

function endsSession(error: unknown): boolean {
  return error instanceof pg.DatabaseError && (error.severity === 'FATAL' || error.severity === 'PANIC');
}

/** 53: out of disk, memory or connections; 55P03: a lock took too long; 57014: cancelled by its time limit; 25006: read-only. */
function isTrouble(error: unknown): boolean {
  const code = codeOf(error) ?? '';
  return isConnectionLost(error) || code.startsWith('53') || ['55P03', '57014'].includes(code) || isRace(error);
}

function toStoreError(error: unknown): unknown {
  if (error instanceof StoreError) return error;
  if (error instanceof ConstraintViolation)
    return new StoreError('CONFLICT', `The database refused a row: ${error.message}`, { cause: error });
  if (!isTrouble(error)) return error;
  return new StoreError(
    'UNAVAILABLE',
    `PostgreSQL did not take the request; nothing was stored: ${(error as Error).message}`,
    { cause: error },
  );
}
