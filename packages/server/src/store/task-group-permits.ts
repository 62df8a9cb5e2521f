/**
 * Places in task groups, where several masters place tasks of the same groups: a master dispatches such a task only once it has
 * a permit for this very wait.
 *
 * Invariants
 * 1. Whoever grants holds the rows of the groups, taken in the order of their names and after the master's own; nothing that is taken
 *    later is waited for by anybody who holds them.
 * 2. A granted permit counts as long as its task is queued since the same instant and its master is in charge. The commit that
 *    dispatches the task ends that and makes the attempt live, in one transaction, and the commit of a fenced master never comes:
 *    so what is counted never falls while something that was granted may still begin.
 * 3. Nothing has to be given back for a group to become free: permits that are over are recognised by the rows of their tasks
 *    and masters, and deleted by the next who looks at their group.
 * 4. A request may be carried out late, when its repetition and later ones have been: what it returns is only what an earlier
 *    question has granted. It may grant again what has been returned since; that holds a place until its task is placed or ends.
 */
import type { PermitAsk } from '@pelorus/engine';
import type { Sql } from './database.ts';
import type { Dialect } from './dialect.ts';
import type { Fence } from './port.ts';
import { checkFence } from './write-context.ts';
import type { WriteContext } from './write-context.ts';

/** A place is left to another master for so long after that has asked; masters ask each second. */
const TURN_KEPT_MS = 3_000;

const LOCK_GROUPS = (dialect: Dialect): string =>
  `select name, size from task_group where ${dialect.isIn('name')} order by name ${dialect.forUpdate}`;

export interface PermitRow {
  run: number;
  task: number;
  readyAt: number;
}

export function* takePermits(c: WriteContext, request: { fence: Fence; ask: PermitAsk }): Sql<PermitRow[]> {
  const { fence, ask } = request;
  yield* checkFence(c, fence);
  const named = new Set([...ask.wants.map(({ group }) => group), ...ask.freed]);
  for (const { name } of yield* groupsOf(c, ask.returned)) named.add(name);
  const names = JSON.stringify([...named].toSorted());
  const sizes = new Map<string, number>();
  for (const row of yield* c.db.all(LOCK_GROUPS, names)) sizes.set(row['name'] as string, row['size'] as number);
  const now = yield* c.now();
  yield* replaceWants(c, { master: fence.master, ask, now });
  yield* c.db.run(DELETE_ENDED, names);
  const granted = yield* grantInTurn(c, { master: fence.master, names, sizes, now });
  const wanted = new Set(ask.wants.map(nameOf));
  return granted.filter((permit) => wanted.has(nameOf(permit)));
}

function nameOf({ run, task, readyAt }: PermitRow): string {
  return `${run}.${task}@${readyAt}`;
}

const KEYS = { r: 'integer', t: 'integer', at: 'integer', n: 'integer' } as const;
const GROUPS_OF = (dialect: Dialect): string => `
  select distinct p.name from task_group_permit p join ${dialect.tableOf(KEYS)} k
    on k.r = p.run_id and k.t = p.task and k.at = p.ready_at`;

function* groupsOf(c: WriteContext, permits: readonly PermitRow[]): Sql<{ name: string }[]> {
  if (permits.length === 0) return [];
  return (yield* c.db.all(GROUPS_OF, keysOf(permits))).map((row) => ({ name: row['name'] as string }));
}

function keysOf(permits: readonly (PermitRow & { by?: number })[]): string {
  return JSON.stringify(permits.map(({ run, task, readyAt, by }) => ({ r: run, t: task, at: readyAt, n: by ?? 0 })));
}

const DELETE_WANTS = `delete from task_group_permit where master = ? and granted = 0`;
const DELETE_RETURNED = (dialect: Dialect): string => `
  delete from task_group_permit where master = ? and exists (
    select 1 from ${dialect.tableOf(KEYS)} k
    where k.r = task_group_permit.run_id and k.t = task_group_permit.task and k.at = task_group_permit.ready_at
      and k.n >= task_group_permit.asked)`;
const WANT = { ...KEYS, name: 'text', weight: 'integer', priority: 'integer', rank: 'integer' } as const;
/** One that was granted to the same master for the same wait stays granted. */
const UPSERT_WANTS = (dialect: Dialect): string => `
  insert into task_group_permit (run_id, task, ready_at, name, weight, priority, rank, master, granted, asked, asked_at)
  select w.r, w.t, w.at, w.name, w.weight, w.priority, w.rank, ?, 0, w.n, ? from ${dialect.tableOf(WANT)} w where true
  on conflict (run_id, task) do update set ready_at = excluded.ready_at, name = excluded.name, weight = excluded.weight,
    priority = excluded.priority, rank = excluded.rank, master = excluded.master, asked_at = excluded.asked_at,
    asked = case when task_group_permit.master = excluded.master and task_group_permit.asked > excluded.asked
      then task_group_permit.asked else excluded.asked end,
    granted = case when task_group_permit.ready_at = excluded.ready_at and task_group_permit.master = excluded.master
      then task_group_permit.granted else 0 end`;

function* replaceWants(
  c: WriteContext,
  { master, ask, now }: { master: string; ask: PermitAsk; now: number },
): Sql<void> {
  yield* c.db.run(DELETE_WANTS, master);
  if (ask.returned.length > 0) yield* c.db.run(DELETE_RETURNED, master, keysOf(ask.returned));
  if (ask.wants.length === 0) return;
  const wants = ask.wants.map(({ run, task, readyAt, group, weight, priority, rank }) => ({
    ...{ r: run, t: task, at: readyAt, n: ask.number, name: group },
    ...{ weight, priority, rank },
  }));
  yield* c.db.run(UPSERT_WANTS, master, now, JSON.stringify(wants));
}

const DELETE_ENDED = (dialect: Dialect): string => `
  delete from task_group_permit where ${dialect.isIn('name')} and not exists (
    select 1 from task_run t, master m
    where t.run_id = task_group_permit.run_id and t.task = task_group_permit.task and t.state = 'queued'
      and t.ready_at = task_group_permit.ready_at and m.id = task_group_permit.master and m.fenced_at is null)`;

/** One statement, so that each attempt is seen either as a permit or live: an attempt begun meanwhile may count twice, never not at all. */
const HELD = (dialect: Dialect): string => `
  select m.name, sum(m.weight) as held
  from attempt a
    join run r on r.id = a.run_id
    join task_group_member m on m.workflow_id = r.workflow_id and m.version = r.workflow_version and m.task = a.task
  where a.state in ('dispatched', 'running', 'killing') and ${dialect.isIn('m.name')}
  group by m.name`;
const PERMITS = (dialect: Dialect): string => `
  select run_id, task, ready_at, name, weight, master, granted, asked_at from task_group_permit
  where ${dialect.isIn('name')} order by priority desc, rank, ready_at, run_id, task`;
const GRANT = (dialect: Dialect): string => `
  update task_group_permit set granted = 1 where exists (
    select 1 from ${dialect.tableOf(KEYS)} k where k.r = task_group_permit.run_id and k.t = task_group_permit.task)`;

/** Answers with all that this master has in those groups. */
function* grantInTurn(
  c: WriteContext,
  of: { master: string; names: string; sizes: ReadonlyMap<string, number>; now: number },
): Sql<PermitRow[]> {
  const { master, names, sizes, now } = of;
  // Before the attempts: what is dispatched in between counts twice, and not not at all.
  const rows = yield* c.db.all(PERMITS, names);
  const room = new Map(sizes);
  for (const row of yield* c.db.all(HELD, names)) take(room, row['name'] as string, row['held'] as number);
  for (const row of rows) if (row['granted'] === 1) take(room, row['name'] as string, row['weight'] as number);
  const mine: PermitRow[] = [];
  const fresh: PermitRow[] = [];
  const closed = new Set<string>();
  for (const row of rows) {
    const permit = {
      run: row['run_id'] as number,
      task: row['task'] as number,
      readyAt: row['ready_at'] as number,
    };
    const isMine = row['master'] === master;
    if (row['granted'] === 1) {
      if (isMine) mine.push(permit);
      continue;
    }
    const name = row['name'] as string;
    const weight = row['weight'] as number;
    if (closed.has(name) || (!isMine && (row['asked_at'] as number) < now - TURN_KEPT_MS)) continue;
    if (weight > (room.get(name) ?? 0)) {
      closed.add(name);
      continue;
    }
    take(room, name, weight);
    if (isMine) fresh.push(permit);
    else c.turnsOfOthers++;
  }
  if (fresh.length > 0) yield* c.db.run(GRANT, keysOf(fresh));
  return [...mine, ...fresh];
}

function take(room: Map<string, number>, name: string, weight: number): void {
  room.set(name, (room.get(name) ?? 0) - weight);
}
