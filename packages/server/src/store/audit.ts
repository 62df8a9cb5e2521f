/**
 * The audit: who changed what, and who was refused.
 *
 * Invariants
 * 1. The row of a change is written in the change's transaction; one that wrote nothing leaves no row.
 * 2. Refusals of one kind are one row a minute that counts: nobody can fill the audit by being refused.
 * 3. No row is older than `retentionMs` and there are at most `rows`, give or take what `PURGE_EVERY` rows bring.
 */
import type { AuditFilter, AuditOutcome, AuditRow, Refusal } from './access-port.ts';
import { AUDIT_RULES, type AuditTarget } from './audit-rules.ts';
import type { AuditStamp } from './port.ts';
import type { Row, SqliteDatabase } from './sqlite-database.ts';
import type { WriteContext } from './write-context.ts';
import type { WriteVerbs } from './write-verbs.ts';

export interface AuditLimits {
  retentionMs: number;
  rows: number;
}

export const AUDIT_LIMITS: AuditLimits = { retentionMs: 400 * 86_400_000, rows: 10_000_000 };

/** Rows between two looks for what is too old, and how many of those one look deletes at most. */
const PURGE_EVERY = 256;
const PURGE_AT_ONCE = 1024;

export interface AuditedCall {
  verb: keyof WriteVerbs;
  request: unknown;
  stamp: AuditStamp;
}

const WRITTEN = `select total_changes()`;

/** Carries out a verb, and writes the row of the audit when that changed anything. */
export function audited(
  c: WriteContext,
  { verb, request, stamp }: AuditedCall,
  carryOut: (verb: keyof WriteVerbs, request: unknown) => unknown,
): unknown {
  const before = c.db.rows(WRITTEN)[0]![0];
  const answer = carryOut(verb, request);
  if (c.db.rows(WRITTEN)[0]![0] !== before) insertDone(c, stamp, targetOf(c, { verb, request, answer }));
  return answer;
}

function targetOf(c: WriteContext, { verb, request, answer }: { verb: string; request: unknown; answer: unknown }) {
  const rule = (
    AUDIT_RULES as Record<string, ((c: WriteContext, request: never, answer: never) => AuditTarget) | undefined>
  )[verb];
  return rule === undefined ? { target: '' } : rule(c, request as never, answer as never);
}

const INSERT_DONE = `
  insert into audit (at, last_at, times, user_name, via, address, action, outcome, project_id, project, target)
  values (?, ?, 1, ?, ?, ?, ?, 'done', ?, ?, ?) returning id`;

function insertDone(c: WriteContext, stamp: AuditStamp, { target, project, user }: AuditTarget): void {
  const { at, via, address, action } = stamp;
  const who = user ?? stamp.user;
  const [projectId, name] = [project?.id ?? null, project?.name ?? null];
  const row = c.db.rows(INSERT_DONE, at, at, who, via, address, action, projectId, name, target)[0]!;
  purge(c, row[0] as number, at);
}

const UPSERT_REFUSED = `
  insert into audit (at, last_at, times, user_name, via, address, action, outcome, code, project_id, project, target, merge_key)
  values (?, ?, ?, ?, ?, ?, ?, 'refused', ?, ?, ?, ?, ?)
  on conflict (merge_key) where merge_key is not null do update set times = audit.times + excluded.times, last_at = excluded.last_at
  returning id`;

export function writeAudit(c: WriteContext, refusals: Refusal[]): null {
  for (const { stamp, code, project, target, times } of refusals) {
    const { at, user, via, address, action } = stamp;
    const minute = Math.floor(at / 60_000);
    const key = JSON.stringify([user, via, address, action, code, target, minute]);
    const [projectId, name] = [project?.id ?? null, project?.name ?? null];
    const row = c.db.get(
      UPSERT_REFUSED,
      ...[at, at, times, user, via, address, action, code, projectId, name, target, key],
    );
    purge(c, row?.['id'] as number, at);
  }
  return null;
}

const PURGE_OLD = `delete from audit where id in (select id from audit where at < ? order by at, id limit ${PURGE_AT_ONCE})`;
const PURGE_FIRST = `delete from audit where id in (select id from audit where id <= ? order by id limit ${PURGE_AT_ONCE})`;

/** Ids are given out once, so there are never more rows than ids between the first and the last. */
function purge(c: WriteContext, latest: number, at: number): void {
  if (latest % PURGE_EVERY !== 0) return;
  c.db.run(PURGE_OLD, at - c.audit.retentionMs);
  c.db.run(PURGE_FIRST, latest - c.audit.rows);
}

export function listAudit(db: SqliteDatabase, filter: AuditFilter): AuditRow[] {
  const given: [string, (string | number | undefined)[]][] = [
    ['user_name = ?', [filter.user]],
    ['action = ?', [filter.action]],
    ['project_id = ?', [filter.projectId]],
    ['outcome = ?', [filter.outcome]],
    ['at >= ?', [filter.after]],
    ['at < ?', [filter.before]],
    ['(at < ? or (at = ? and id < ?))', [filter.from?.at, filter.from?.at, filter.from?.id]],
  ];
  const wanted = given.filter(([, values]) => values[0] !== undefined);
  const where = wanted.length === 0 ? '' : `where ${wanted.map(([condition]) => condition).join(' and ')}`;
  const values = wanted.flatMap(([, each]) => each) as (string | number)[];
  return db.all(`select * from audit ${where} order by at desc, id desc limit ?`, ...values, filter.limit).map(toAudit);
}

function toAudit(row: Row): AuditRow {
  return {
    id: row['id'] as number,
    at: row['at'] as number,
    lastAt: row['last_at'] as number,
    times: row['times'] as number,
    user: row['user_name'] as string,
    via: row['via'] as AuditRow['via'],
    address: row['address'] as string,
    action: row['action'] as string,
    outcome: row['outcome'] as AuditOutcome,
    code: row['code'] as string | null,
    projectId: row['project_id'] as number | null,
    project: row['project'] as string | null,
    target: row['target'] as string,
  };
}
