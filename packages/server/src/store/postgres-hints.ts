/**
 * Hints between the processes that share a PostgreSQL database: `notify` after a commit, `listen` for those of others.
 *
 * Owns one connection, made when somebody first listens or tells, and the news that have not been sent yet.
 * Invariants: 1. nobody waits for a hint, neither a commit nor a caller; 2. news are told after their commit, on a connection of
 * their own: inside the transaction they would make all commits of the database wait for each other; 3. a connection that is lost
 * is made again, at growing intervals, and listeners are told that they may have missed something; 4. what waits is bounded.
 */
import { runIdOf } from '@pelorus/protocol';
import pg from 'pg';
import type { HintChannel, HintListener } from './port.ts';
import { breakConnection, isDoneWithin } from './postgres-pool.ts';

const CHANNELS: readonly HintChannel[] = ['pelorus_command', 'pelorus_run', 'pelorus_master', 'pelorus_task_group'];
/** PostgreSQL takes 8,000 bytes. */
const PAYLOAD_MAX = 7_500;
/** More than these are told as "many". */
const RUNS_MAX = 1_000;
/** News of runs are gathered so long; commands are told at once. */
const GATHER_MS = 10;
const AGAIN_FIRST_MS = 250;
const AGAIN_MAX_MS = 10_000;
const CONNECT_TIMEOUT_MS = 5_000;
const PING_MS = 10_000;
const ANSWER_TIMEOUT_MS = 5_000;
const END_MS = 1_000;

export interface HintsOptions {
  url: string;
}

export class PostgresHints {
  readonly #url: string;
  readonly #listeners = new Map<HintChannel, Set<HintListener>>(CHANNELS.map((channel) => [channel, new Set()]));
  readonly #runs = new Set<number>();
  #tooManyRuns = false;
  #news = new Set<HintChannel>();
  #client: pg.Client | null = null;
  #connecting = false;
  #failures = 0;
  #timers = new Set<NodeJS.Timeout>();
  #sending = false;
  #gathering = false;
  #closed = false;

  constructor({ url }: HintsOptions) {
    this.#url = url;
  }

  /** See `HintStore.listen`. */
  listen(channel: HintChannel, listener: HintListener): () => void {
    // Its own function, so that the same one may listen twice.
    const mine: HintListener = (runs) => listener(runs);
    this.#listeners.get(channel)!.add(mine);
    this.#connect();
    return () => void this.#listeners.get(channel)!.delete(mine);
  }

  /** Tells everybody, soon. */
  tell(channel: Exclude<HintChannel, 'pelorus_run'>): void {
    this.#news.add(channel);
    this.#send();
  }

  /** Tells everybody that these runs have changed, soon. */
  tellRuns(runs: Iterable<number>): void {
    for (const run of runs) {
      if (this.#runs.size >= RUNS_MAX) this.#tooManyRuns = true;
      else this.#runs.add(run);
    }
    if (this.#gathering || this.#runs.size === 0) return;
    this.#gathering = true;
    this.#after(GATHER_MS, () => {
      this.#gathering = false;
      if (this.#runs.size > 0) this.#news.add('pelorus_run');
      this.#send();
    });
  }

  async close(): Promise<void> {
    this.#closed = true;
    for (const timer of this.#timers) clearTimeout(timer);
    const client = this.#client;
    this.#client = null;
    if (client) await endSoon(client);
  }

  #after(ms: number, action: () => void): void {
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      action();
    }, ms);
    timer.unref();
    this.#timers.add(timer);
  }

  // ------------------------------------------------------------------------------------------------ connection

  #connect(): void {
    if (this.#closed || this.#connecting || this.#client) return;
    this.#connecting = true;
    this.#open()
      .catch(() => this.#again())
      .finally(() => {
        this.#connecting = false;
      });
  }

  async #open(): Promise<void> {
    const client = new pg.Client({
      connectionString: this.#url,
      application_name: 'pelorus hints',
      connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
      query_timeout: ANSWER_TIMEOUT_MS,
      keepAlive: true,
    });
    client.on('error', () => this.#lost(client));
    client.on('end', () => this.#lost(client));
    client.on('notification', ({ channel, payload }) => this.#heard(channel, payload ?? ''));
    try {
      await client.connect();
      // A hint needs no fsync of its own.
      await client.query(
        ['set synchronous_commit = off', ...CHANNELS.map((channel) => `listen ${channel}`)].join('; '),
      );
    } catch (error) {
      await endSoon(client);
      throw error;
    }
    if (this.#closed) return endSoon(client);
    this.#client = client;
    this.#failures = 0;
    this.#ping(client);
    for (const listeners of this.#listeners.values()) for (const listener of listeners) listener(null);
    this.#send();
  }

  /** So that one of which nothing is left but this end is noticed. */
  #ping(client: pg.Client): void {
    this.#after(PING_MS, () => {
      if (this.#client !== client) return;
      client.query('select 1').then(
        () => this.#ping(client),
        () => this.#lost(client),
      );
    });
  }

  #lost(client: pg.Client): void {
    if (this.#client !== client) return;
    this.#client = null;
    void endSoon(client);
    this.#again();
  }

  #again(): void {
    if (this.#closed) return;
    const pause = Math.min(AGAIN_FIRST_MS * 2 ** this.#failures++, AGAIN_MAX_MS);
    this.#after(pause * (0.5 + Math.random() / 2), () => this.#connect());
  }

  // ------------------------------------------------------------------------------------------------------ news

  #send(): void {
    if (this.#closed || this.#sending || this.#news.size === 0) return;
    const client = this.#client;
    // What nobody was told of is found by the next poll, and a new connection is news in itself.
    if (!client) return this.#connect();
    this.#sending = true;
    const news = [...this.#news];
    this.#news.clear();
    Promise.all(news.map((channel) => client.query(NOTIFY, [channel, this.#payloadOf(channel)])))
      .catch(() => this.#lost(client))
      .finally(() => {
        this.#sending = false;
        this.#send();
      });
  }

  #payloadOf(channel: HintChannel): string {
    if (channel !== 'pelorus_run') return '';
    const payload = [...this.#runs].join(',');
    const isTooMuch = this.#tooManyRuns || payload.length > PAYLOAD_MAX;
    this.#runs.clear();
    this.#tooManyRuns = false;
    return isTooMuch ? '' : payload;
  }

  #heard(channel: string, payload: string): void {
    const runs = /^\d+(,\d+)*$/.test(payload) ? payload.split(',').map((id) => runIdOf(Number(id))) : null;
    for (const listener of this.#listeners.get(channel as HintChannel) ?? []) listener(runs);
  }
}

const NOTIFY = 'select pg_notify($1, $2)';

/** A server that says nothing any more does not answer the end of a connection either. */
async function endSoon(client: pg.Client): Promise<void> {
  const ended = client.end().catch(() => undefined);
  if (!(await isDoneWithin(END_MS, ended))) breakConnection(client);
}
