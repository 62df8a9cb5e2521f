/** The store on a PostgreSQL server, for any number of masters and APIs on any number of machines. */
import { audited, AUDIT_LIMITS, type AuditedCall } from './audit.ts';
import { clockOf } from './postgres-database.ts';
import { PostgresPool } from './postgres-pool.ts';
import { Contact } from './contact.ts';
import { PostgresHints } from './postgres-hints.ts';
import type { PostgresDatabase } from './postgres-database.ts';
import type { Sql } from './database.ts';
import { migratePostgres } from './migrate.ts';
import { startLeaseKeeper } from './lease-keeper.ts';
import type { LeaseKeeper, Store } from './port.ts';
import { readVerbs } from './read-verbs.ts';
import type { ReadVerbs } from './read-verbs.ts';
import { createVerbStore } from './verb-store.ts';
import type { VerbCaller } from './verb-caller.ts';
import { writeVerbs } from './write-verbs.ts';
import type { WriteContext } from './write-context.ts';
import type { WriteVerbs } from './write-verbs.ts';

export interface PostgresStoreOptions {
  /** `postgres://user:password@host:port/database`. */
  url: string;
  /** How long a master may stay silent before another may take its runs. Default 15 s. */
  masterLeaseMs?: number;
  auditRetentionMs?: number;
  auditRows?: number;
  /** Connections for people's reads, for writes and for a master's reads, at most. */
  connections?: number;
  /** What a statement, a wait for a lock or for a turn and a pause within a transaction may take. Default 10 s; below the lease. */
  statementTimeoutMs?: number;
}

const MASTER_LEASE_MS = 15_000;
/** Below the lease: a master that stands still in a transaction must not hold up the one that takes over. */
const STATEMENT_TIMEOUT_MS = 10_000;

/** Connects, and brings the schema up to date. Rejects with `UNAVAILABLE` or `SCHEMA_TOO_NEW`. */
export async function openPostgresStore(options: PostgresStoreOptions): Promise<Store> {
  const { url, masterLeaseMs = MASTER_LEASE_MS, connections = 8, statementTimeoutMs = STATEMENT_TIMEOUT_MS } = options;
  const pool = (name: string, size: number, findsByKeys = false): PostgresPool =>
    new PostgresPool({
      url,
      size,
      name: `pelorus ${name}`,
      statementTimeoutMs,
      turnTimeoutMs: statementTimeoutMs,
      findsByKeys,
    });
  // What masters of this process write goes through one connection, in the order in which it was asked for.
  const pools = {
    fenced: pool('master', 1, true),
    // Ticks wait for no commit.
    due: pool('schedules', 1, true),
    write: pool('write', connections),
    people: pool('people', connections),
    master: pool('master reads', 2, true),
  };
  const hints = new PostgresHints({ url });
  const keepers: LeaseKeeper[] = [];
  const close = async (): Promise<void> => {
    await Promise.all([...keepers, ...Object.values(pools), hints].map((each) => each.close()));
  };
  try {
    await pools.write.write((db) => migratePostgres(db, Date.now()));
  } catch (error) {
    await close();
    throw error;
  }
  const contact = new Contact();
  return createVerbStore({
    writer: contact.over(writer(pools, hints, { masterLeaseMs, audit: auditLimits(options) })),
    people: contact.over(reader(pools.people)),
    master: contact.over(reader(pools.master)),
    contact,
    listen: (channel, listener) => hints.listen(channel, listener),
    keepLease: (failed) => {
      const keeper = startLeaseKeeper({ url, masterLeaseMs, statementTimeoutMs }, failed);
      keepers.push(keeper);
      return keeper;
    },
    close,
  });
}

function auditLimits({ auditRetentionMs, auditRows }: PostgresStoreOptions): WriteContext['audit'] {
  return { retentionMs: auditRetentionMs ?? AUDIT_LIMITS.retentionMs, rows: auditRows ?? AUDIT_LIMITS.rows };
}

function writer(
  pools: { fenced: PostgresPool; due: PostgresPool; write: PostgresPool },
  hints: PostgresHints,
  settings: Pick<WriteContext, 'masterLeaseMs' | 'audit'>,
): VerbCaller<WriteVerbs> {
  const runMakings = new Map<string, unknown>();
  const contextOf = (db: PostgresDatabase): WriteContext => ({
    ...settings,
    db,
    now: () => clockOf(db),
    nextChange: () => null,
    claims: null,
    runMakings,
    commandsWritten: 0,
    mastersEnded: 0,
    turnsOfOthers: 0,
    runsChanged: new Set(),
  });
  return {
    call: async (verb, request) => {
      const isFenced = typeof request === 'object' && request !== null && 'fence' in request;
      const pool = verb === 'fireDue' ? pools.due : isFenced ? pools.fenced : pools.write;
      // Of the try that was committed.
      let context: WriteContext | undefined;
      const answer = await pool.write((db) => {
        context = contextOf(db);
        return carryOut(context, verb, request) as Sql<never>;
      });
      if (context) tellNews(hints, context);
      return answer;
    },
  };
}

function tellNews(hints: PostgresHints, news: WriteContext): void {
  const { commandsWritten, mastersEnded, turnsOfOthers, runsChanged } = news;
  if (commandsWritten > 0) hints.tell('pelorus_command');
  if (mastersEnded > 0) hints.tell('pelorus_master');
  if (turnsOfOthers > 0) hints.tell('pelorus_task_group');
  if (runsChanged !== null && runsChanged.size > 0) hints.tellRuns(runsChanged);
}

function reader(pool: PostgresPool): VerbCaller<ReadVerbs> {
  return {
    call: (verb, request) => {
      const body = readVerbs[verb] as unknown as (db: PostgresDatabase, request: unknown) => Sql<never>;
      return pool.read((db) => body(db, request));
    },
  };
}

function carryOut(context: WriteContext, name: string, request: unknown): Sql<unknown> {
  if (name === 'audited') return audited(context, request as AuditedCall, (...call) => carryOut(context, ...call));
  const verb = writeVerbs[name as keyof WriteVerbs] as (context: WriteContext, request: unknown) => Sql<unknown>;
  return verb(context, request);
}
