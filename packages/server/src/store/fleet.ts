/**
 * Workers and masters as people look after them. A drain is kept by the worker's name, not by the incarnation: a worker that
 * is started again stays drained until somebody undoes it, and so does it through any restart of masters.
 */
import { formatAttemptId, runIdOf } from '@pelorus/protocol/vocabulary';
import type { Dialect } from './dialect.ts';
import type {
  MasterPlace,
  MasterRow,
  QueuedTasks,
  WorkerAttempt,
  WorkerDrain,
  WorkerGroupRow,
} from './operations-port.ts';
import { StoreError } from './port.ts';
import type { Database, Row, Sql } from './database.ts';
import { TERMINAL_RUN_STATES } from './write-context.ts';
import type { WriteContext } from './write-context.ts';

const DRAIN = `
  insert into worker_drain (name, reason, drained_at, drained_by) values (?, ?, ?, ?)
  on conflict (name) do update set reason = excluded.reason, drained_at = excluded.drained_at, drained_by = excluded.drained_by
  returning *`;

export function* drainWorker(
  c: WriteContext,
  drain: { name: string; reason: string; user: string; at: number },
): Sql<WorkerDrain> {
  return toDrain((yield* c.db.get(DRAIN, drain.name, drain.reason, drain.at, drain.user))!);
}

const UNDRAIN = `delete from worker_drain where name = ?`;

export function* undrainWorker(c: WriteContext, name: string): Sql<boolean> {
  return (yield* c.db.run(UNDRAIN, name)) > 0;
}

const DRAINS = `select * from worker_drain order by name`;

export function* listWorkerDrains(db: Database): Sql<WorkerDrain[]> {
  return (yield* db.all(DRAINS)).map(toDrain);
}

export function* loadDrainedWorkers(db: Database): Sql<string[]> {
  return (yield* db.all(DRAINS)).map((row) => row['name'] as string);
}

function toDrain(row: Row): WorkerDrain {
  return {
    name: row['name'] as string,
    reason: row['reason'] as string,
    drainedAt: row['drained_at'] as number,
    drainedBy: row['drained_by'] as string,
  };
}

/** Over the index of live attempts: as many as there are slots in use. */
const LIVE_ATTEMPTS = (dialect: Dialect): string => `
  select a.run_id, a.task, a.n, a.state, a.dispatched_at, a.started_at, r.project, r.project_id, r.workflow
  from attempt a ${dialect.along('attempt_live')} join run r on r.id = a.run_id
  where a.state in ('dispatched', 'running', 'killing') and a.worker = ?
  order by a.dispatched_at, a.run_id, a.task limit ?`;

export function* listWorkerAttempts(db: Database, request: { worker: string; limit: number }): Sql<WorkerAttempt[]> {
  return (yield* db.all(LIVE_ATTEMPTS, request.worker, request.limit)).map((row) => {
    const run = runIdOf(row['run_id'] as number);
    return {
      attempt: formatAttemptId({ run, task: row['task'] as number, n: row['n'] as number }),
      run,
      project: row['project'] as string,
      projectId: row['project_id'] as number,
      workflow: row['workflow'] as string,
      state: row['state'] as string,
      dispatchedAt: row['dispatched_at'] as number,
      startedAt: row['started_at'] as number | null,
    };
  });
}

const MASTERS = (dialect: Dialect): string => `
  select m.id, m.host, m.registered_at, m.renewed_at, m.lease_until, m.fenced_at, coalesce(o.runs, 0) as runs
  from master m left join (
    select owner, count(*) as runs from run ${dialect.along('run_live')}
    where state not in ${TERMINAL_RUN_STATES} and owner is not null group by owner
  ) o on o.owner = m.id
  order by m.registered_at desc, m.id limit ?`;

export function* listMasters(db: Database, limit: number): Sql<MasterRow[]> {
  return (yield* db.all(MASTERS, limit)).map((row) => ({
    id: row['id'] as string,
    host: row['host'] as string,
    registeredAt: row['registered_at'] as number,
    renewedAt: row['renewed_at'] as number,
    leaseUntil: row['lease_until'] as number,
    fencedAt: row['fenced_at'] as number | null,
    runs: row['runs'] as number,
  }));
}

const PLACE = `m.id, m.host, m.ops_url, m.registered_at, m.lease_until`;
const MASTER_OF = `
  select ${PLACE} from run r join master m on m.id = r.owner
  where r.id = ? and r.state not in ${TERMINAL_RUN_STATES} and m.fenced_at is null`;

export function* masterOf(db: Database, run: number): Sql<MasterPlace | null> {
  const row = yield* db.get(MASTER_OF, run);
  return row ? toPlace(row) : null;
}

const PLACES = (dialect: Dialect): string => `
  select ${PLACE} from master m where m.fenced_at is null and m.lease_until >= ${dialect.nowMs}
  order by m.registered_at desc, m.id limit ?`;

export function* listMasterPlaces(db: Database, limit: number): Sql<MasterPlace[]> {
  return (yield* db.all(PLACES, limit)).map(toPlace);
}

function toPlace(row: Row): MasterPlace {
  return {
    id: row['id'] as string,
    host: row['host'] as string,
    opsUrl: row['ops_url'] as string | null,
    registeredAt: row['registered_at'] as number,
    leaseUntil: row['lease_until'] as number,
  };
}

/** `supersedes` is a JSON array of ids, and no id holds what would be written otherwise there. */
const WORKER_SEEN = (dialect: Dialect): string => `
  select max(seen_at) as seen_at from worker where id = ? or ${dialect.containsText('supersedes')}`;

export function* workerSeenAt(db: Database, worker: string): Sql<number | null> {
  return (
    ((yield* db.get(WORKER_SEEN, worker, JSON.stringify(worker)))?.['seen_at'] as number | null | undefined) ?? null
  );
}

// ---- worker groups

const SAVE_GROUP = `
  insert into worker_group (name, description, updated_at, updated_by) values (?, ?, ?, ?)
  on conflict (name) do update set description = excluded.description, updated_at = excluded.updated_at, updated_by = excluded.updated_by
  returning *`;

export function* saveWorkerGroup(
  c: WriteContext,
  group: { name: string; description: string; user: string; at: number },
): Sql<WorkerGroupRow> {
  return toGroup((yield* c.db.get(SAVE_GROUP, group.name, group.description, group.at, group.user))!);
}

const GROUPS = `select * from worker_group order by name`;

export function* listWorkerGroups(db: Database): Sql<WorkerGroupRow[]> {
  return (yield* db.all(GROUPS)).map(toGroup);
}

const DELETE_GROUP = `delete from worker_group where name = ?`;

export function* deleteWorkerGroup(c: WriteContext, name: string): Sql<null> {
  if ((yield* c.db.run(DELETE_GROUP, name)) === 0)
    throw new StoreError('NOT_FOUND', `There is no worker group '${name}'.`);
  return null;
}

function toGroup(row: Row): WorkerGroupRow {
  return {
    name: row['name'] as string,
    description: row['description'] as string,
    updatedAt: row['updated_at'] as number,
    updatedBy: row['updated_by'] as string,
  };
}

const QUEUED = (dialect: Dialect): string => `
  select r.workflow_id, r.workflow_version, t.task, ${dialect.jsonText('r.spec', 'workerGroup')} as run_group, count(*) as tasks
  from run r ${dialect.along('run_live')} cross join task_run t
  where r.state not in ${TERMINAL_RUN_STATES} and t.run_id = r.id and t.state = 'queued'
  group by 1, 2, 3, 4 order by 1, 2, 3 limit ?`;

export function* listQueuedTasks(db: Database, limit: number): Sql<QueuedTasks[]> {
  return (yield* db.all(QUEUED, limit)).map((row) => ({
    workflowId: row['workflow_id'] as number,
    version: row['workflow_version'] as number,
    task: row['task'] as number,
    runGroup: row['run_group'] as string | null,
    tasks: row['tasks'] as number,
  }));
}
