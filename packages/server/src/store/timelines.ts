/**
 * Timelines: in each of them the store has never forgotten anything. A failover to a standby that had not got everything, or a restored
 * backup, begins another.
 *
 * Invariants
 * 1. Whoever writes as a master has registered in the timeline that the database is in (`checkFence`).
 * 2. No run has the number of one that was forgotten: whoever makes runs begins the timeline first when nobody has, and numbers go on
 *    behind a gap. Workers know attempts by these numbers.
 */
import type { Database, Sql } from './database.ts';
import type { Dialect } from './dialect.ts';
import type { StoreTimeline } from './port.ts';
import type { WriteContext } from './write-context.ts';

/** More than are made in what a failover forgets, or in days. */
const RUN_NUMBERS_SKIPPED = 1_000_000;

const LATEST = (dialect: Dialect): string => `
  select number, case when name = ${dialect.timelineName} then 1 else 0 end from store_timeline order by number desc limit 1`;
const BEGIN = (dialect: Dialect): string => `
  insert into store_timeline (number, name, began_at, runs_before) select cast(? as integer), ${dialect.timelineName}, ${dialect.nowMs}, 0
  where true on conflict do nothing`;
const SKIP_RUN_NUMBERS = (dialect: Dialect): string => dialect.skipRunNumbers;
const SET_RUNS_BEFORE = `update store_timeline set runs_before = ? where number = ?`;

/**
 * The number of the timeline that the database is in. Begins one when it is new, or when `leftBehind`, in which a master found things
 * forgotten, is still the latest.
 */
export function* followTimeline(c: Pick<WriteContext, 'db'>, leftBehind: number | null = null): Sql<number> {
  const [latest] = (yield* c.db.rows(LATEST)) as [number, number][];
  if (latest?.[1] === 1 && latest[0] > (leftBehind ?? 0)) return latest[0];
  const next = Math.max(latest?.[0] ?? 0, leftBehind ?? 0) + 1;
  const hasBegun = (yield* c.db.run(BEGIN, next)) > 0;
  if (!hasBegun || next === 1) return next;
  const [row] = yield* c.db.rows(SKIP_RUN_NUMBERS, RUN_NUMBERS_SKIPPED);
  yield* c.db.run(SET_RUNS_BEFORE, row?.[0] ?? 0, next);
  return next;
}

/** Before the number of a run is taken. */
export function* ensureTimeline(c: Pick<WriteContext, 'db'>): Sql<undefined> {
  yield* followTimeline(c);
}

const TIMELINE = `select number, began_at, runs_before from store_timeline order by number desc limit 1`;

/** The latest; null: no master has ever registered. */
export function* loadTimeline(db: Database): Sql<StoreTimeline | null> {
  const [row] = (yield* db.rows(TIMELINE)) as [number, number, number][];
  return row ? { number: row[0], beganAt: row[1], runsBefore: row[2] } : null;
}
