/**
 * Connections to PostgreSQL, and whose turn it is to use one.
 *
 * Invariants: 1. a verb that writes is one transaction at READ COMMITTED, begun anew when the database says that it lost a race;
 * 2. a connection that failed in the middle is never used again; 3. an outcome that is unknown is said to be.
 */
import pg from 'pg';
import type { Sql } from './database.ts';
import { StoreError } from './port.ts';
import { Disappointment, PostgresDatabase } from './postgres-database.ts';
import { isConnectionLost, isRace, isStalePlan, isTrouble, toStoreError } from './postgres-errors.ts';
import {
  carryOut,
  prepareAnew,
  READ,
  rollback,
  WRITE,
  type Progress,
  type Transaction,
} from './postgres-transaction.ts';

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
/** Verbs that wait for a connection, at most. */
const WAITING_MAX = 20_000;

/** How often a verb that lost a race is tried, and what it waits between two tries, times the number of the try, at most. */
const ATTEMPTS = 8;
const RETRY_PAUSE_MS = 20;

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

/** A standby lags behind and takes nothing; after a failover a name may lead to one for a while. */
function refuseStandby(client: pg.PoolClient, done: (error?: Error) => void): void {
  client.query<{ standby: boolean }>('select pg_is_in_recovery() as standby', (error: Error | null, result) => {
    done(error ?? (result.rows[0]?.standby === true ? new Error('connection to a standby') : undefined));
  });
}

const { INT8, NUMERIC } = pg.types.builtins;

/** Epoch milliseconds, ids and counters stay far below 2^53. */
const types: pg.CustomTypesConfig = {
  getTypeParser: (oid, format): ((text: string) => unknown) =>
    oid === INT8 || oid === NUMERIC ? Number : (pg.types.getTypeParser(oid, format) as (text: string) => unknown),
};

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
