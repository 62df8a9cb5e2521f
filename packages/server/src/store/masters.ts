/**
 * Who has which run. Incarnations of masters begin and end in `master-leases.ts`.
 *
 * Invariants
 * 1. A master is in charge while its row is there, with its token and not fenced. Whoever writes as a master holds a lock on that row
 *    until the end of its transaction (`checkFence`), so fencing it waits for what is on its way, and nothing comes after.
 * 2. A run has one owner: it changes only from nobody, or from a master that is fenced, in a statement that holds the run's row.
 * 3. Rows of masters are locked before anything else, and nobody waits for another master's.
 */
import { driveForgotten } from './backfill-driver.ts';
import type { Sql } from './database.ts';
import type { Dialect } from './dialect.ts';
import type { Fence } from './port.ts';
import { COMMAND_COLUMNS } from './rows.ts';
import type { Cell } from './rows.ts';
import { startForgotten } from './turns.ts';
import { checkFence, TERMINAL_RUN_STATES } from './write-context.ts';
import type { WriteContext } from './write-context.ts';

/** Condition on a run `r`: nobody is in charge of it. */
export const UNOWNED = `(r.owner is null or exists (select 1 from master m where m.id = r.owner and m.fenced_at is not null))`;

export interface ClaimRequest {
  fence: Fence;
  after: number | null;
  limit: number;
  ownOnly: boolean;
}

/** Answers with the rows of the commands. */
export function* claimCommands(c: WriteContext, request: ClaimRequest): Sql<Cell[][]> {
  const { fence, limit, ownOnly, after } = request;
  const from = after ?? 0;
  if (c.claims !== null) {
    yield* checkFence(c, fence);
    return yield* claimInMemory(c, request, c.claims);
  }
  const [, , commands] = yield* c.db.finish<Cell[][]>([
    nothing(checkFence(c, fence)),
    ownOnly ? nothing() : nothing(c.db.run(TAKE_RUNS_COMMANDED, fence.master, from, limit)),
    c.db.rows(OWN_COMMANDS, from, fence.master, limit),
  ]);
  return commands!;
}

/** A piece of which the answer does not matter. */
function* nothing(piece?: Sql<unknown>): Sql<Cell[][]> {
  if (piece) yield* piece;
  return [];
}

/** Walks what waits in its order, and looks up each run: a join was planned from the runs, at the cost of all that waits for each of them. */
const OWN_COMMANDS = `
  select ${COMMAND_COLUMNS.join(', ')} from command c
  where done_at is null and id > ? and (select owner from run r where r.id = c.run_id) = ? order by id limit ?`;
/** What is taken first and read then cannot have been carried out by somebody else meanwhile. */
const TAKE_RUNS_COMMANDED = (dialect: Dialect): string => `
  update run set owner = ? where id in (
    select r.id from command c join run r on r.id = c.run_id
    where c.done_at is null and c.id > ? and ${UNOWNED} order by c.id limit ? ${dialect.skipLocked('r')})`;

const WAITING_COMMANDS = `
  select ${COMMAND_COLUMNS.map((column) => `c.${column}`).join(', ')}, r.owner
  from command c join run r on r.id = c.run_id
  where c.done_at is null and c.id > ? and (r.owner = ? or ${UNOWNED}) order by c.id limit ?`;

/** Where all masters live in this process: a claim needs no row, hence no fsync between a submission and its start. */
function* claimInMemory(c: WriteContext, request: ClaimRequest, claims: Map<number, string>): Sql<Cell[][]> {
  const { fence, ownOnly } = request;
  const { master } = fence;
  const claimed: Cell[][] = [];
  let after = request.after ?? 0;
  for (;;) {
    const wanted = request.limit - claimed.length;
    const page = yield* c.db.rows(WAITING_COMMANDS, after, master, wanted);
    for (const row of page) {
      const owner = row.pop();
      const [id, run] = row as [number, number];
      after = id;
      const isOwn = owner === master || claims.get(run) === master;
      if (!isOwn && (ownOnly || !(yield* claimRun(c, { run, master, claims })))) continue;
      claimed.push(row);
    }
    if (page.length < wanted || claimed.length === request.limit) return claimed;
  }
}

const IS_FENCED = `select 1 from master where id = ? and fenced_at is not null`;

/** False when another master has been given it. */
export function* claimRun(
  c: WriteContext,
  { run, master, claims }: { run: number; master: string; claims: Map<number, string> },
): Sql<boolean> {
  const holder = claims.get(run);
  if (holder !== undefined && holder !== master && !(yield* c.db.get(IS_FENCED, holder))) return false;
  claims.set(run, master);
  return true;
}

/** One whose transaction is under way is passed over: the next look finds it, and nobody stands still for it meanwhile. */
const FENCE_EXPIRED = (dialect: Dialect): string => `
  update master set fenced_at = ? where id in (
    select m.id from master m where m.id <> ? and m.fenced_at is null and m.lease_until < ? ${dialect.skipLocked('m')})`;

/** Fences masters whose lease is over, then takes their runs, and such as have begun and are nobody's; a run that waits for its turn needs no owner. */
export function* adoptRuns(
  c: WriteContext,
  request: { fence: Fence; after: number | null; limit: number },
): Sql<number[]> {
  const { fence, after, limit } = request;
  yield* checkFence(c, fence);
  const now = yield* c.now();
  yield* c.db.run(FENCE_EXPIRED, now, fence.master, now);
  if (after === null) {
    yield* driveForgotten(c, now);
    yield* startForgotten(c, now);
  }
  if (c.claims !== null) return yield* adoptInMemory(c, request, c.claims);
  const taken = yield* c.db.rows(TAKE_ORPHANS, fence.master, after ?? 0, limit);
  return (taken as [number][]).map(([run]) => run).toSorted((a, b) => a - b);
}

/** A run that nobody ever had is taken with its start command, when its project's turn comes. */
const ORPHANS = `
  r.state not in ${TERMINAL_RUN_STATES} and r.turn is null and r.id > ? and ${UNOWNED}
    and (r.owner is not null or r.state <> 'queued') order by r.id limit ?`;
const TAKE_ORPHANS = (dialect: Dialect): string => `
  update run set owner = ? where id in (select r.id from run r where ${ORPHANS} ${dialect.skipLocked('r')}) returning id`;
const ORPHANED_RUNS = `select r.id from run r where ${ORPHANS}`;
const SET_OWNER = `update run set owner = ? where id = ?`;

function* adoptInMemory(
  c: WriteContext,
  request: { fence: Fence; after: number | null; limit: number },
  claims: Map<number, string>,
): Sql<number[]> {
  const { master } = request.fence;
  const adopted: number[] = [];
  let after = request.after ?? 0;
  while (adopted.length < request.limit) {
    const page = yield* c.db.rows(ORPHANED_RUNS, after, request.limit - adopted.length);
    if (page.length === 0) break;
    for (const [run] of page as [number][]) {
      after = run;
      if (!(yield* claimRun(c, { run, master, claims }))) continue;
      yield* c.db.run(SET_OWNER, master, run);
      adopted.push(run);
    }
  }
  return adopted;
}
