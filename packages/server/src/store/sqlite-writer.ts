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
import { migrate } from './migrate.ts';
import { StoreError } from './port.ts';
import { runsPosition } from './run-changes.ts';
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
        `pragma max_page_count = ${Math.ceil(data.maxBytes / (db.get('pragma page_size')?.['page_size'] as number))}`,
      );
    migrate(db, SQLITE, Date.now());
    db.run(FENCE_ALL, Date.now());
    const context = {
      db,
      now: Date.now,
      masterLeaseMs: data.masterLeaseMs,
      audit: data.audit,
      claims: new Map(),
      commandsWritten: 0,
      runsChanged: runsPosition(db),
    };
    return { context, release };
  } catch (error) {
    release();
    throw error;
  }
}

const SYNCHRONOUS_FULL = 2;

/** SQLite leaves a setting as it was where the file system cannot do it; a promise that resolves would then mean less. */
function requireDurability(db: SqliteDatabase): void {
  const mode = db.get('pragma journal_mode')?.['journal_mode'];
  const synchronous = db.get('pragma synchronous')?.['synchronous'];
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
  opened?.context.db.close();
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
    opened.context.db.exec('vacuum; pragma wal_checkpoint(truncate)');
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
    const { context } = opened;
    context.db.run('begin immediate');
    const alone = end - from === 3;
    for (let at = from; at < end; at += 3) {
      try {
        replies.push(queue[at], false, runVerb(context, alone, queue[at + 1] as string, queue[at + 2]));
      } catch (error) {
        if (!context.db.inTransaction) throw error;
        replies.push(queue[at], true, toFailure(asStoreError(error)));
      }
    }
    context.db.run(alone && replies[1] === true ? 'rollback' : 'commit');
    return replies;
  } catch (error) {
    return failGroup(from, end, error);
  }
}

function runVerb(context: WriteContext, alone: boolean, name: string, request: unknown): unknown {
  if (alone) return carryOut(context, name, request);
  context.db.run('savepoint verb');
  try {
    const answer = carryOut(context, name, request);
    context.db.run('release verb');
    return answer;
  } catch (error) {
    // SQLite itself rolls the whole transaction back on some failures, a full disk among them.
    if (context.db.inTransaction) context.db.exec('rollback to verb; release verb');
    throw error;
  }
}

function carryOut(context: WriteContext, name: string, request: unknown): unknown {
  if (name === 'audited') return audited(context, request as AuditedCall, (...call) => carryOut(context, ...call));
  const verb = writeVerbs[name as keyof typeof writeVerbs] as (context: WriteContext, request: unknown) => unknown;
  return verb(context, request);
}

/** Rolls back what there is and answers every call of the group with what went wrong. */
function failGroup(from: number, end: number, error: unknown): Replies {
  const db = opened?.context.db;
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
