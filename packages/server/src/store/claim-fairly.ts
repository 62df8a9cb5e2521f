/**
 * Claims while more waits than one look takes: the projects come in turn, each with the same share, so that one that asks for very much
 * delays no other. What a look costs depends on the number of projects and on the shares, not on what waits behind them.
 *
 * Invariants
 * 1. Starts are looked at in the order of a project, whoever has them by now; the caller goes on behind the last it was shown.
 * 2. Of a run nothing is given to a master before its start. So orders are those of runs that it has, from the first one on, however
 *    often it was given them: it knows what it has in hand.
 */
import type { Sql } from './database.ts';
import type { Dialect } from './dialect.ts';
import { claimRun, UNOWNED } from './masters.ts';
import type { Fence } from './port.ts';
import { COMMAND_COLUMNS } from './rows.ts';
import type { Cell } from './rows.ts';
import { checkFence } from './write-context.ts';
import type { WriteContext } from './write-context.ts';

export interface FairClaimRequest {
  fence: Fence;
  /** Project and the last command that was looked at there. */
  after: [project: number, command: number][];
  /** Starts that are looked at in each project; 0: the master takes no more runs. */
  share: number;
  /** Orders at most. */
  limit: number;
}

/** Starts are rows of a command, then its project, then 1 when its run is the master's; orders are rows of commands. */
export interface FairClaimRows {
  starts: Cell[][];
  orders: Cell[][];
}

export function* claimFairly(c: WriteContext, request: FairClaimRequest): Sql<FairClaimRows> {
  return yield* c.claims === null ? claimByRows(c, request) : claimInMemory(c, request, c.claims);
}

const columnsOf = (alias: string): string => COMMAND_COLUMNS.map((column) => `${alias}.${column}`).join(', ');
/** Of (JSON text of project and after, share). */
const looked = (dialect: Dialect): string => `(
  select c.* from project p
    left join ${dialect.tableOf({ project: 'integer', after: 'integer' })} a on a.project = p.id
    cross join lateral (
      select * from command where project_id = p.id and done_at is null and id > coalesce(a.after, 0) order by id limit ?) c)`;
const TAKE_LOOKED = (dialect: Dialect): string => `
  update run set owner = ? where id in (
    select r.id from run r where r.id = any(array(select l.run_id from ${looked(dialect)} l)) and ${UNOWNED}
    order by r.id ${dialect.skipLocked('r')})`;
const LOOKED = (dialect: Dialect): string => `
  select ${columnsOf('l')}, l.project_id, case when (select owner from run r where r.id = l.run_id) = ? then 1 else 0 end
  from ${looked(dialect)} l order by l.id`;
/** Runs that wait for their turn have no start; nobody else has them. */
const TAKE_ORDERED = (dialect: Dialect): string => `
  update run set owner = ? where id in (
    select r.id from run r where r.owner is null and r.turn is not null and r.id = any(array(
      select run_id from command where done_at is null and project_id is null order by id limit ?))
    order by r.id ${dialect.skipLocked('r')})`;
const OWN_ORDERS = `
  select ${columnsOf('c')} from command c
  where done_at is null and project_id is null and (select owner from run r where r.id = c.run_id) = ? order by id limit ?`;

function* claimByRows(c: WriteContext, request: FairClaimRequest): Sql<FairClaimRows> {
  const { fence, share, limit } = request;
  const { master } = fence;
  const after = JSON.stringify(request.after.map(([project, command]) => ({ project, after: command })));
  const pieces = [nothing(checkFence(c, fence))];
  if (share > 0)
    pieces.push(nothing(c.db.run(TAKE_LOOKED, master, after, share)), nothing(c.db.run(TAKE_ORDERED, master, limit)));
  const answers = yield* c.db.finish<Cell[][]>([
    ...pieces,
    c.db.rows(LOOKED, master, after, share),
    c.db.rows(OWN_ORDERS, master, limit),
  ]);
  const [starts, orders] = answers.slice(pieces.length);
  return { starts: starts!, orders: orders! };
}

/** A piece of which the answer does not matter. */
function* nothing(piece: Sql<unknown>): Sql<Cell[][]> {
  yield* piece;
  return [];
}

const PROJECTS = `select id from project order by id`;
const STARTS_OF = (dialect: Dialect): string => `
  select ${columnsOf('c')}, c.project_id, r.owner, ${UNOWNED}
  from command c ${dialect.along('command_start')} join run r on r.id = c.run_id
  where c.project_id = ? and c.done_at is null and c.id > ? order by c.id limit ?`;
const ORDERS = (dialect: Dialect): string => `
  select ${columnsOf('c')}, r.owner, r.owner is null and r.turn is not null
  from command c ${dialect.along('command_order')} join run r on r.id = c.run_id
  where c.done_at is null and c.project_id is null and c.id > ? order by c.id limit ?`;

/** Where all masters live in this process, as `claims` says. */
function* claimInMemory(c: WriteContext, request: FairClaimRequest, claims: Map<number, string>): Sql<FairClaimRows> {
  const { fence, share, limit } = request;
  yield* checkFence(c, fence);
  const { master } = fence;
  const after = new Map(request.after);
  const starts: Cell[][] = [];
  for (const [project] of share > 0 ? ((yield* c.db.rows(PROJECTS)) as [number][]) : []) {
    for (const row of yield* c.db.rows(STARTS_OF, project, after.get(project) ?? 0, share)) {
      const [owner, isUnowned] = row.splice(-2);
      const isMine =
        owner === master || (isUnowned === 1 && (yield* claimRun(c, { run: row[1] as number, master, claims })));
      starts.push([...row, isMine ? 1 : 0]);
    }
  }
  return { starts, orders: yield* ordersInMemory(c, { master, limit, takes: share > 0 }, claims) };
}

function* ordersInMemory(
  c: WriteContext,
  { master, limit, takes }: { master: string; limit: number; takes: boolean },
  claims: Map<number, string>,
): Sql<Cell[][]> {
  const orders: Cell[][] = [];
  for (let after = 0; ;) {
    const page = yield* c.db.rows(ORDERS, after, limit);
    for (const row of page) {
      const [owner, isForTaking] = row.splice(-2);
      const run = row[1] as number;
      after = row[0] as number;
      const isMine = owner === master || (owner === null && claims.get(run) === master);
      if (!isMine && !(takes && isForTaking === 1 && (yield* claimRun(c, { run, master, claims })))) continue;
      orders.push(row);
      if (orders.length === limit) return orders;
    }
    if (page.length < limit) return orders;
  }
}
