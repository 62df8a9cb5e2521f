/**
 * Who may do what in a project.
 *
 * Invariant: a project has one owner, who is not among its members.
 */
import type { GrantRow, MemberRow } from './access-port.ts';
import { requireEnabled } from './accounts.ts';
import { lockProject } from './lock-project.ts';
import { StoreError } from './port.ts';
import type { Database, Row, Sql } from './database.ts';
import type { WriteContext } from './write-context.ts';

/** `OWNER_BITS` of the API. */
const OWNER_BITS = 15;

const GRANTS = `
  select id, name, ${OWNER_BITS} as bits from project where owner = ? and deleted_at is null
  union all select p.id, p.name, m.bits from project_member m join project p on p.id = m.project_id where m.user_name = ?
  order by name`;

export function* grantsOf(db: Database, user: string): Sql<GrantRow[]> {
  return (yield* db.all(GRANTS, user, user)).map((row) => ({
    projectId: row['id'] as number,
    project: row['name'] as string,
    bits: row['bits'] as number,
  }));
}

const MEMBERS = `select * from project_member where project_id = ? order by user_name`;

export function* listMembers(db: Database, projectId: number): Sql<MemberRow[]> {
  return (yield* db.all(MEMBERS, projectId)).map(toMember);
}

function toMember(row: Row): MemberRow {
  return {
    projectId: row['project_id'] as number,
    user: row['user_name'] as string,
    bits: row['bits'] as number,
    addedAt: row['added_at'] as number,
    addedBy: row['added_by'] as string,
  };
}

const PROJECT = `select owner from project where id = ?`;
const MEMBER = `select * from project_member where project_id = ? and user_name = ?`;
const ACCOUNT = `select 1 from account where name = ?`;
const MEMBER_COUNT = `select count(*) as members from project_member where project_id = ?`;
const UPSERT_MEMBER = `
  insert into project_member (project_id, user_name, bits, added_at, added_by) values (?, ?, ?, ?, ?)
  on conflict (project_id, user_name) do update set bits = excluded.bits, added_at = excluded.added_at, added_by = excluded.added_by
  returning *`;

export function* saveMember(
  c: WriteContext,
  request: { projectId: number; user: string; bits: number; by: string; at: number; limit: number },
): Sql<{ member: MemberRow; created: boolean }> {
  const { projectId, user, bits, by, at, limit } = request;
  yield* lockProject(c, projectId);
  if (!(yield* c.db.get(ACCOUNT, user))) throw new StoreError('NOT_FOUND', `There is no user '${user}'.`);
  if ((yield* ownerOf(c, projectId)) === user)
    throw new StoreError('CONFLICT', `User '${user}' owns the project, and has every right in it already.`);
  const found = yield* c.db.get(MEMBER, projectId, user);
  if (found?.['bits'] === bits) return { member: toMember(found), created: false };
  if (!found && ((yield* c.db.get(MEMBER_COUNT, projectId))?.['members'] as number) >= limit)
    throw new StoreError('CONFLICT', `The project has ${limit} members, which is as many as there may be.`);
  return { member: toMember((yield* c.db.get(UPSERT_MEMBER, projectId, user, bits, at, by))!), created: !found };
}

function* ownerOf(c: WriteContext, projectId: number): Sql<string> {
  const row = yield* c.db.get(PROJECT, projectId);
  if (!row) throw new StoreError('NOT_FOUND', `There is no project ${projectId}.`);
  return row['owner'] as string;
}

const DELETE_MEMBER = `delete from project_member where project_id = ? and user_name = ?`;

export function* deleteMember(c: WriteContext, { projectId, user }: { projectId: number; user: string }): Sql<null> {
  if ((yield* c.db.run(DELETE_MEMBER, projectId, user)) === 0)
    throw new StoreError('NOT_FOUND', `User '${user}' is no member of the project.`);
  return null;
}

const SET_OWNER = `update project set owner = ? where id = ?`;

export function* setProjectOwner(
  c: WriteContext,
  request: { projectId: number; user: string; bits: number; by: string; at: number },
): Sql<null> {
  const { projectId, user, bits, by, at } = request;
  const before = yield* ownerOf(c, projectId);
  yield* requireEnabled(c, user);
  if (before === user) return null;
  yield* c.db.run(SET_OWNER, user, projectId);
  yield* c.db.run(DELETE_MEMBER, projectId, user);
  if (yield* c.db.get(ACCOUNT, before)) yield* c.db.get(UPSERT_MEMBER, projectId, before, bits, at, by);
  return null;
}
