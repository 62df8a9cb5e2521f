/**
 * Alerts on their way to people, and the channels they go through.
 *
 * Invariants
 * 1. An alert is written in the transaction that stores what it reports, once per id; each recipient is a delivery of its own.
 * 2. A delivery is `pending` until it is settled, and settled once. `next_at` is set exactly while it is pending.
 * 3. A claimed delivery comes back when its lease is over: a sender that dies costs a repetition, never an alert.
 */
import type { AlertEvent, AlertRecord } from '@pelorus/engine';
import { StoreError } from './port.ts';
import type { AlertChannel, AlertChannelRow, AlertDelivery, AlertDeliveryState, AlertFilter } from './port.ts';
import type { AlertRow } from './rows.ts';
import type { Dialect } from './dialect.ts';
import type { Database, Row, Sql } from './database.ts';
import type { WriteContext } from './write-context.ts';

const INSERT_ALERT = `insert into alert (id, run_id, content) values (?, ?, ?) on conflict (id) do nothing`;
const INSERT_DELIVERY = `
  insert into alert_delivery (alert_id, run_id, project_id, recipient, state, attempts, next_at)
  values (?, ?, coalesce(cast(? as bigint), (select project_id from run where id = ?)), ?, 'pending', 0, ?)`;

/** The same news told again makes no second alert. */
export function* insertAlert(c: WriteContext, alert: AlertRow): Sql<void> {
  if ((yield* c.db.run(INSERT_ALERT, alert.id, alert.run, alert.content)) === 0) return;
  for (const recipient of alert.recipients)
    yield* c.db.run(INSERT_DELIVERY, alert.id, alert.run, alert.projectId ?? null, alert.run, recipient, alert.at);
}

const DELIVERY = `
  select d.id, a.content, d.recipient, d.state, d.attempts, d.next_at, d.done_at, d.result
  from alert_delivery d join alert a on a.id = d.alert_id`;
const DUE = (dialect: Dialect): string =>
  `${DELIVERY} where d.next_at <= ? order by d.next_at, d.id limit ? ${dialect.skipLocked('d')}`;
const LEASE = `update alert_delivery set attempts = attempts + 1, next_at = ? where id = ?`;

export function* claimAlerts(
  c: WriteContext,
  request: { at: number; leaseMs: number; limit: number },
): Sql<AlertDelivery[]> {
  const { at, leaseMs, limit } = request;
  const claimed: AlertDelivery[] = [];
  for (const row of yield* c.db.all(DUE, at, limit)) {
    const delivery = toDelivery(row);
    yield* c.db.run(LEASE, at + leaseMs, delivery.id);
    claimed.push({ ...delivery, attempts: delivery.attempts + 1, nextAt: at + leaseMs });
  }
  return claimed;
}

function toDelivery(row: Row): AlertDelivery {
  return {
    id: row['id'] as number,
    alert: JSON.parse(row['content'] as string) as AlertRecord,
    recipient: row['recipient'] as string,
    state: row['state'] as AlertDeliveryState,
    attempts: row['attempts'] as number,
    nextAt: row['next_at'] as number | null,
    doneAt: row['done_at'] as number | null,
    result: row['result'] as string | null,
  };
}

const SETTLE = `
  update alert_delivery set state = ?, result = ?, next_at = ?, done_at = ? where id = ? and state = 'pending'`;

export function* settleAlert(
  c: WriteContext,
  request: {
    delivery: number;
    outcome: { state: AlertDeliveryState; result: string; nextAt: number | null; at: number };
  },
): Sql<null> {
  const { state, result, nextAt, at } = request.outcome;
  if ((state === 'pending') !== (nextAt !== null)) {
    throw new StoreError(
      'INVARIANT',
      `Delivery ${request.delivery} cannot be ${state} with its next try at ${nextAt}.`,
    );
  }
  yield* c.db.run(SETTLE, state, result, nextAt, state === 'pending' ? null : at, request.delivery);
  return null;
}

const NEXT_DUE = `select min(next_at) as next_at from alert_delivery where next_at is not null`;

export function* nextAlertAt(db: Database): Sql<number | null> {
  return ((yield* db.get(NEXT_DUE))?.['next_at'] as number | null | undefined) ?? null;
}

/** Projects whose deliveries are sought one project after the other; those of more are met often enough on a walk over all. */
const PROJECTS_SOUGHT = 100;

export function* listAlerts(db: Database, filter: AlertFilter): Sql<AlertDelivery[]> {
  const projectIds = filter.projectIds ?? null;
  if (projectIds === null || projectIds.length > PROJECTS_SOUGHT) return yield* alertsAmong(db, filter, projectIds);
  const found: AlertDelivery[] = [];
  for (const project of projectIds) found.push(...(yield* alertsAmong(db, filter, [project])));
  return found.toSorted((a, b) => b.id - a.id).slice(0, filter.limit);
}

function* alertsAmong(db: Database, filter: AlertFilter, projectIds: readonly number[] | null): Sql<AlertDelivery[]> {
  const conditions = ['d.id < ?'];
  const values: (number | string)[] = [filter.before ?? Number.MAX_SAFE_INTEGER];
  if (projectIds?.length === 1) {
    conditions.push('d.project_id = ?');
    values.push(projectIds[0]!);
  } else if (projectIds !== null) {
    conditions.push(db.dialect.isAmong('d.project_id'));
    values.push(JSON.stringify(projectIds));
  }
  if (filter.run !== undefined) {
    conditions.push('d.run_id = ?');
    values.push(filter.run);
  }
  if (filter.state !== undefined) {
    conditions.push('d.state = ?');
    values.push(filter.state);
  }
  const sql = `${DELIVERY} where ${conditions.join(' and ')} order by d.id desc limit ?`;
  return (yield* db.all(sql, ...values, filter.limit)).map(toDelivery);
}

// ---- channels

const UPSERT_CHANNEL = `
  insert into alert_channel (name, kind, target, secret, events, updated_at, updated_by) values (?, ?, ?, ?, ?, ?, ?)
  on conflict (name) do update set kind = excluded.kind, target = excluded.target, events = excluded.events,
    secret = case when ? then alert_channel.secret else excluded.secret end,
    updated_at = excluded.updated_at, updated_by = excluded.updated_by
  returning *`;

export function* saveAlertChannel(
  c: WriteContext,
  channel: Omit<AlertChannel, 'secret'> & { secret?: string | null; user: string; at: number },
): Sql<AlertChannelRow> {
  const { name, kind, target, secret, events, at, user } = channel;
  const keep = secret === undefined ? 1 : 0;
  return toChannelRow(
    (yield* c.db.get(UPSERT_CHANNEL, name, kind, target, secret ?? null, JSON.stringify(events), at, user, keep))!,
  );
}

function toChannelRow(row: Row): AlertChannelRow {
  return {
    name: row['name'] as string,
    kind: row['kind'] as AlertChannel['kind'],
    target: row['target'] as string,
    events: JSON.parse(row['events'] as string) as AlertEvent[],
    hasSecret: row['secret'] !== null,
    updatedAt: row['updated_at'] as number,
    updatedBy: row['updated_by'] as string,
  };
}

const DELETE_CHANNEL = `delete from alert_channel where name = ?`;

export function* deleteAlertChannel(c: WriteContext, name: string): Sql<null> {
  if ((yield* c.db.run(DELETE_CHANNEL, name)) === 0)
    throw new StoreError('NOT_FOUND', `There is no alert channel '${name}'.`);
  return null;
}

const CHANNELS = `select * from alert_channel order by name`;

export function* listAlertChannels(db: Database): Sql<AlertChannelRow[]> {
  return (yield* db.all(CHANNELS)).map(toChannelRow);
}

const CHANNEL = `select * from alert_channel where name = ?`;

export function* loadAlertChannel(db: Database, name: string): Sql<AlertChannel | null> {
  const row = yield* db.get(CHANNEL, name);
  if (!row) return null;
  const { hasSecret: _shown, updatedAt: _at, updatedBy: _by, ...channel } = toChannelRow(row);
  return { ...channel, secret: row['secret'] as string | null };
}
