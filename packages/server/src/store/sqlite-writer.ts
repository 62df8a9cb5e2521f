/**
 * The thread that writes: it holds the data directory's lock and the only connection that changes the database.
 *
 * Group commit: whatever waits when a transaction begins goes into it, up to a limit; one fsync serves all.
 * Invariants:
 * 1. A call is answered only after the COMMIT that holds its effect returned.
 * 2. A verb that throws is rolled back to its own savepoint; the others of its transaction are not touched.
 * 3. When COMMIT fails, every call of the transaction fails.
 */
import { parentPort, receiveMessageOnPort, workerData } from 'node:worker_threads';
import { audited, type AuditedCall, type AuditLimits } from './audit.ts';
import { SQLITE, WRITER_PRAGMAS } from './dialect.ts';
import { lockDirectory } from './directory-lock.ts';
import { runAtOnce } from './database.ts';
import type { Sql } from './database.ts';
import { migrate } from './migrate.ts';
import { StoreError } from './port.ts';
import { changesPosition } from './changes-since.ts';
import { primaryCode, resultCode, SqliteDatabase } from './sqlite-database.ts';
import { toFailure } from './thread-channel.ts';
import type { Replies, Requests } from './thread-channel.ts';
import { writeVerbs } from './write-verbs.ts';
import type { WriteContext } from './write-context.ts';

/** Verbs in one transaction; what waits beyond that goes into the next. */
const GROUP_VERBS = 1000;
/** Cells of commits in one transaction, about 20,000 rows. */
const GROUP_CELLS = 250_000;

export interface WriterData {
  directory: string;
  file: string;
  masterLeaseMs: number;
  audit: AuditLimits;
  maxBytes: number | null;
}

interface Opened {
  db: SqliteDatabase;
  context: WriteContext;
  release: () => void;
}

const port = parentPort!;
const data = workerData as WriterData;
let opened: Opened | null = null;

/** Takes the lock, brings the schema up to date and declares dead all masters of earlier processes: they were under this lock. */
function open(): Opened {
  const release = lockDirectory(data.directory);
  try {
    const db = new SqliteDatabase(data.file, { readOnly: false });
    db.exec(WRITER_PRAGMAS);
    requireDurability(db);
    if (data.maxBytes !== null)
      db.exec(
        `pragma max_page_count = ${Math.ceil(data.maxBytes / (db.statement('pragma page_size').get()?.['page_size'] as number))}`,
      );
    migrate(db, SQLITE, Date.now());
    db.statement(FENCE_ALL).run(Date.now());
    let changes = runAtOnce(changesPosition(db));
    const context: WriteContext = {
      db,
      now,
      masterLeaseMs: data.masterLeaseMs,
      audit: data.audit,
      claims: new Map<number, string>(),
      runMakings: new Map<string, unknown>(),
      commandsWritten: 0,
      mastersEnded: 0,
      turnsOfOthers: 0,
      runsChanged: null,
      nextChange: () => ++changes,
    };
    return { db, context, release };
  } catch (error) {
    release();
    throw error;
  }
}

// oxlint-disable-next-line require-yield -- the clock of this machine; PostgreSQL is asked for its own
function* now(): Sql<number> {
  return Date.now();
}

const SYNCHRONOUS_FULL = 2;

/** SQLite leaves a setting as it was where the file system cannot do it; a promise that resolves would then mean less. */
function requireDurability(db: SqliteDatabase): void {
  const mode = db.statement('pragma journal_mode').get()?.['journal_mode'];
  const synchronous = db.statement('pragma synchronous').get()?.['synchronous'];
  if (mode === 'wal' && synchronous === SYNCHRONOUS_FULL) return;
  throw new StoreError(
    'UNAVAILABLE',
    `The file system of ${data.directory} cannot hold the database: SQLite offers journal mode ${String(mode)}, synchronous ${String(synchronous)} where wal and 2 are needed.`,
  );
}

const FENCE_ALL = `update master set fenced_at = ? where fenced_at is null`;

const queue: Requests = [];
let closing = false;

port.on('message', (message: Requests | null) => {
  receive(message);
  // Whatever else has arrived joins the same transaction.
  for (let next = receiveMessageOnPort(port); next; next = receiveMessageOnPort(port))
    receive(next.message as Requests | null);
  drain();
});

function receive(message: Requests | null): void {
  if (message === null) closing = true;
  else queue.push(...message);
}

function drain(): void {
  let at = 0;
  while (at < queue.length) {
    const alone = queue[at + 1] === PURGE;
    const end = alone ? at + 3 : groupEnd(at);
    port.postMessage(alone ? purge(at) : runGroup(at, end));
    at = end;
  }
  queue.length = 0;
  if (closing) close();
}

function close(): void {
  opened?.db.close();
  opened?.release();
  opened = null;
  port.close();
}

const PURGE: keyof typeof writeVerbs = 'purgeFreed';

/**
 * Deleted and overwritten rows live on in free pages, in the log and in the file behind its end. What is copied page by page
 * holds none of them, and neither does a log that was cut to nothing.
 */
function purge(at: number): Replies {
  try {
    opened ??= open();
    opened.db.exec('vacuum; pragma wal_checkpoint(truncate)');
    return [queue[at], false, null];
  } catch (error) {
    return failGroup(at, at + 3, error);
  }
}

function groupEnd(from: number): number {
  let cells = 0;
  let at = from;
  while (at < queue.length && at - from < GROUP_VERBS * 3 && cells < GROUP_CELLS && queue[at + 1] !== PURGE) {
    cells += cellCount(queue[at + 2]);
    at += 3;
  }
  return at;
}

function cellCount(request: unknown): number {
  const rows = (request as { rows?: { taskRuns: unknown[]; attempts: unknown[]; statuses: unknown[] } } | null)?.rows;
  return rows ? rows.taskRuns.length + rows.attempts.length + rows.statuses.length : 0;
}

/** One transaction over the calls from `from` to `end` of the queue. */
function runGroup(from: number, end: number): Replies {
  const replies: Replies = [];
  try {
    opened ??= open();
    const { db } = opened;
    db.statement('begin immediate').run();
    const alone = end - from === 3;
    for (let at = from; at < end; at += 3) {
      try {
        replies.push(queue[at], false, runVerb(opened, alone, queue[at + 1] as string, queue[at + 2]));
      } catch (error) {
        if (!db.inTransaction) throw error;
        replies.push(queue[at], true, toFailure(asStoreError(error)));
      }
    }
    db.statement(alone && replies[1] === true ? 'rollback' : 'commit').run();
    return replies;
  } catch (error) {
    return failGroup(from, end, error);
  }
}

function runVerb({ context, db }: Opened, alone: boolean, name: string, request: unknown): unknown {
  if (alone) return runAtOnce(carryOut(context, name, request));
  db.statement('savepoint verb').run();
  try {
    const answer = runAtOnce(carryOut(context, name, request));
    db.statement('release verb').run();
    return answer;
  } catch (error) {
    // SQLite itself rolls the whole transaction back on some failures, a full disk among them.
    if (db.inTransaction) db.exec('rollback to verb; release verb');
    throw error;
  }
}

function carryOut(context: WriteContext, name: string, request: unknown): Sql<unknown> {
  if (name === 'audited') return audited(context, request as AuditedCall, (...call) => carryOut(context, ...call));
  const verb = writeVerbs[name as keyof typeof writeVerbs] as (context: WriteContext, request: unknown) => Sql<unknown>;
  return verb(context, request);
}

/** Rolls back what there is and answers every call of the group with what went wrong. */
function failGroup(from: number, end: number, error: unknown): Replies {
  const db = opened?.db;
  if (db?.inTransaction) db.exec('rollback');
  const failure = toFailure(asStoreError(error));
  const replies: Replies = [];
  for (let at = from; at < end; at += 3) replies.push(queue[at], true, failure);
  return replies;
}

/** SQLITE_BUSY, LOCKED, NOMEM, READONLY, INTERRUPT, IOERR, CORRUPT, FULL, CANTOPEN, NOTADB: the world's fault, not the statement's. */
const TROUBLE: ReadonlySet<number | null> = new Set([5, 6, 7, 8, 9, 10, 11, 13, 14, 26]);
const SQLITE_IOERR_FSYNC = 1034;

/**
 * What a failure of SQLite means to the caller; anything else is handed on as it is. Whatever failed was rolled back,
 * except that after a failed fsync of the log a crash might still bring the commit to light.
 */
function asStoreError(error: unknown): unknown {
  if (!TROUBLE.has(primaryCode(error))) return error;
  const reason = `${(error as Error).message} (SQLite ${resultCode(error)})`;
  return resultCode(error) === SQLITE_IOERR_FSYNC
    ? new StoreError('UNKNOWN_OUTCOME', `The database in ${data.directory} could not confirm a commit: ${reason}.`, {
        cause: error,
      })
    : new StoreError(
        'UNAVAILABLE',
        `The database in ${data.directory} did not take a commit; nothing of it was stored: ${reason}.`,
        { cause: error },
      );
}
