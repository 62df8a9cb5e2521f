/** The switch that holds all schedules still. Whoever decides ticks shares its row until the end, so that once it is on nothing ticks. */
import type { Database, Row, Sql } from './database.ts';
import type { Dialect } from './dialect.ts';
import type { MaintenanceRow } from './schedules-port.ts';
import type { WriteContext } from './write-context.ts';

const SET = (dialect: Dialect): string =>
  `update maintenance set paused = ?, reason = ?, at = ?, by_user = ?, changed = ${dialect.change} where id = 1 returning *`;

export function* setMaintenance(
  c: WriteContext,
  change: { paused: boolean; reason: string; user: string; at: number },
): Sql<MaintenanceRow> {
  const { paused, reason, user, at } = change;
  return toMaintenance((yield* c.db.get(SET, Number(paused), reason, at, user, c.nextChange()))!);
}

const GET = `select * from maintenance where id = 1`;

export function* getMaintenance(db: Database): Sql<MaintenanceRow> {
  return toMaintenance((yield* db.get(GET))!);
}

const SHARED = (dialect: Dialect): string => `${GET} ${dialect.forShare}`;

/** Whether it is on; it stays as it is until the transaction ends. */
export function* isPaused(c: WriteContext): Sql<boolean> {
  return toMaintenance((yield* c.db.get(SHARED))!).paused;
}

/** From a row of `maintenance`. */
export function toMaintenance(row: Row): MaintenanceRow {
  return {
    paused: row['paused'] === 1,
    reason: row['reason'] as string,
    at: row['at'] as number | null,
    by: row['by_user'] as string | null,
  };
}
