/** What all verbs that write share: the connection, the fence and which states are final. */
import type { AuditLimits } from './audit.ts';
import { StoreError } from './port.ts';
import type { Fence } from './port.ts';
import type { Database, Sql } from './database.ts';
import type { Dialect } from './dialect.ts';

/** What the writer's verbs share. */
export interface WriteContext {
  db: Database;
  /** The database's clock, epoch ms: leases are judged by this one only. */
  now: () => Sql<number>;
  masterLeaseMs: number;
  audit: AuditLimits;
  /**
   * Runs without an owner row whose commands a master has been given: run → master. It needs no durability,
   * because all masters of this database live in this process, and it saves an fsync between a submit and its start.
   * Null where masters are elsewhere too: there the row says who was given them.
   */
  claims: Map<number, string> | null;
  /** Commands for masters written so far, by anybody. */
  commandsWritten: number;
  /** Masters that ended on their own wish so far. */
  mastersEnded: number;
  /** Places in task groups so far that were left to other masters, whose turn it is. */
  turnsOfOthers: number;
  /** What runs of each version are made of, by `<workflow id>.<version>`; kept as long as the store is open. */
  runMakings: Map<string, unknown>;
  /** Runs whose rows were written; null: nobody wants to know. */
  runsChanged: Set<number> | null;
  /**
   * For `Dialect.change`: what a row that is written now has in `changed`, never less than before, in the order of commits.
   * Null where the database says it.
   */
  nextChange: () => number | null;
}

/** S4 in SQL. A test holds the lists against the protocol's. */
export const TERMINAL_RUN_STATES = `('succeeded', 'stopped', 'failed', 'dependency_failed')`;
export const TERMINAL_TASK_RUN_STATES = `('succeeded', 'forced_success', 'reused', 'failed', 'killed', 'upstream_failed', 'skipped')`;
export const TERMINAL_ATTEMPT_STATES = `('succeeded', 'failed', 'killed', 'lost')`;
/** What an operator may overrule with force success while the run goes on. */
export const FORCEABLE_TASK_RUN_STATES = `('failed', 'killed', 'upstream_failed', 'skipped')`;

/** Of a run. */
export function isTerminal(state: string): boolean {
  return TERMINAL_RUN_STATES.includes(`'${state}'`);
}

const CHECK_FENCE = (dialect: Dialect): string => `
  select 1 from master where id = ? and token = ? and fenced_at is null
    and timeline = (select number from store_timeline where name = ${dialect.timelineName} order by number desc limit 1) ${dialect.forShare}`;
const MASTER_ROW = `select token, fenced_at from master where id = ?`;

/** Rule 3 of the port. SQLite has one writer, so reading the row inside the write transaction locks it as well. */
export function* checkFence(c: Pick<WriteContext, 'db'>, fence: Fence): Sql<void> {
  if (!(yield* c.db.hasRows(1, CHECK_FENCE, fence.master, fence.token))) {
    throw yield* whyNotInCharge(c, fence);
  }
}

/** A row is gone, or of another timeline, only if the store has forgotten something: nobody deletes rows of masters. */
function* whyNotInCharge(c: Pick<WriteContext, 'db'>, { master, token }: Fence): Sql<StoreError> {
  const [row] = yield* c.db.rows(MASTER_ROW, master);
  const isFenced = row !== undefined && (row[0] !== token || row[1] !== null);
  return isFenced
    ? new StoreError('FENCED', `Master ${master} is no longer in charge; another one took over.`)
    : wentBack(master);
}

export function wentBack(master: string): StoreError {
  return new StoreError('WENT_BACK', `The store may know less than master ${master} was told: it went back in time.`);
}
