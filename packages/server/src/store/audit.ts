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
import type { Database, Row, Sql } from './database.ts';
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

/** Carries out a verb, and writes a row of the audit for each thing it was about when that changed anything. */
export function* audited(
  c: WriteContext,
  { verb, request, stamp }: AuditedCall,
  carryOut: (verb: keyof WriteVerbs, request: unknown) => Sql<unknown>,
): Sql<unknown> {
  const before = yield* c.db.written();
  const answer = yield* carryOut(verb, request);
  if ((yield* c.db.written()) === before) return answer;
  const targets = yield* targetsOf(c, { verb, request, answer });
  for (const target of targets) yield* insertDone(c, stamp, target);
  return answer;
}

type Rule = (c: WriteContext, request: never, answer: never) => AuditTarget | Sql<AuditTarget | AuditTarget[]>;

function* targetsOf(
  c: WriteContext,
  { verb, request, answer }: { verb: string; request: unknown; answer: unknown },
): Sql<AuditTarget[]> {
  const rule = (AUDIT_RULES as Record<string, Rule | undefined>)[verb];
  if (rule === undefined) return [{ target: '' }];
  const told = rule(c, request as never, answer as never);
  const targets = 'target' in told ? told : yield* told;
  return Array.isArray(targets) ? targets : [targets];
}

const INSERT_DONE = `
  insert into audit (at, last_at, times, user_name, via, address, action, outcome, project_id, project, target)
  values (?, ?, 1, ?, ?, ?, ?, 'done', ?, ?, ?) returning id`;

function* insertDone(c: WriteContext, stamp: AuditStamp, { target, project, user }: AuditTarget): Sql<void> {
  const { at, via, address, action } = stamp;
  const who = user ?? stamp.user;
  const [projectId, name] = [project?.id ?? null, project?.name ?? null];
  const row = (yield* c.db.rows(INSERT_DONE, at, at, who, via, address, action, projectId, name, target))[0]!;
  yield* purge(c, row[0] as number, at);
}

const UPSERT_REFUSED = `
  insert into audit (at, last_at, times, user_name, via, address, action, outcome, code, project_id, project, target, merge_key)
  values (?, ?, ?, ?, ?, ?, ?, 'refused', ?, ?, ?, ?, ?)
  on conflict (merge_key) where merge_key is not null do update set times = audit.times + excluded.times, last_at = excluded.last_at
  returning id`;

export function* writeAudit(c: WriteContext, refusals: Refusal[]): Sql<null> {
  for (const { stamp, code, project, target, times } of refusals) {
    const { at, user, via, address, action } = stamp;
    const minute = Math.floor(at / 60_000);
    const key = JSON.stringify([user, via, address, action, code, target, minute]);
    const [projectId, name] = [project?.id ?? null, project?.name ?? null];
    const row = yield* c.db.get(
      UPSERT_REFUSED,
      ...[at, at, times, user, via, address, action, code, projectId, name, target, key],
    );
    yield* purge(c, row?.['id'] as number, at);
  }
  return null;
}

const PURGE_OLD = `delete from audit where id in (select id from audit where at < ? order by at, id limit ${PURGE_AT_ONCE})`;
const PURGE_FIRST = `delete from audit where id in (select id from audit where id <= ? order by id limit ${PURGE_AT_ONCE})`;

/** Ids are given out once, so there are never more rows than ids between the first and the last. */
function* purge(c: WriteContext, latest: number, at: number): Sql<void> {
  if (latest % PURGE_EVERY !== 0) return;
  yield* c.db.run(PURGE_OLD, at - c.audit.retentionMs);
  yield* c.db.run(PURGE_FIRST, latest - c.audit.rows);
}

export function* listAudit(db: Database, filter: AuditFilter): Sql<AuditRow[]> {
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
  return (yield* db.all(`select * from audit ${where} order by at desc, id desc limit ?`, ...values, filter.limit)).map(
    toAudit,
  );
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
