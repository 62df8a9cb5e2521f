/** Secrets and connections in SQL. What is sealed stays sealed here. */
import type { Connection } from '@pelorus/engine';
import { lockProject } from './lock-project.ts';
import { StoreError } from './port.ts';
import type { Database, Row, Sql } from './database.ts';
import type { ConnectionRow, NamePage, ProjectVaultRows, SealedRow, SecretRow, VaultStore } from './vault-port.ts';
import type { WriteContext } from './write-context.ts';

function toSecretRow(row: Row): SecretRow {
  return {
    name: row['name'] as string,
    sealed: row['sealed'] as string,
    updatedAt: row['updated_at'] as number,
    updatedBy: row['updated_by'] as string,
  };
}

function toConnectionRow(row: Row): ConnectionRow {
  return {
    name: row['name'] as string,
    kind: row['kind'] as Connection['kind'],
    url: row['url'] as string,
    sealed: row['sealed'] as string | null,
    plain: row['plain'] === 1,
    updatedAt: row['updated_at'] as number,
    updatedBy: row['updated_by'] as string,
  };
}

const CHANGED = `
  insert into vault_version (project_id, version) values (?, 1)
  on conflict (project_id) do update set version = vault_version.version + 1`;

function* changed(c: WriteContext, projectId: number): Sql<void> {
  yield* c.db.run(CHANGED, projectId);
}

// ---- secrets

const SECRET = `select * from secret where project_id = ? and name = ?`;
const SECRETS = `select * from secret where project_id = ? and name > ? order by name limit ?`;
const COUNT_SECRETS = `select count(*) as found from secret where project_id = ?`;
const UPSERT_SECRET = `
  insert into secret (project_id, name, sealed, updated_at, updated_by) values (?, ?, ?, ?, ?)
  on conflict (project_id, name) do update
    set sealed = excluded.sealed, updated_at = excluded.updated_at, updated_by = excluded.updated_by
  returning *`;

export type SaveSecretRequest = Parameters<VaultStore['saveSecret']>[0];

export function* saveSecret(c: WriteContext, request: SaveSecretRequest): Sql<{ secret: SecretRow; created: boolean }> {
  const { projectId, name, sealed, user, at } = request;
  yield* lockProject(c, projectId);
  const created = (yield* c.db.get(SECRET, projectId, name)) === undefined;
  if (created) refuseMore(yield* c.db.get(COUNT_SECRETS, projectId), request.limit, 'secrets');
  const row = (yield* c.db.get(UPSERT_SECRET, projectId, name, sealed, at, user))!;
  yield* changed(c, projectId);
  return { secret: toSecretRow(row), created };
}

function refuseMore(counted: Row | undefined, limit: number, what: string): void {
  if ((counted?.['found'] as number) >= limit)
    throw new StoreError(
      'CONFLICT',
      `The project has ${limit} ${what}, and that is the limit. Delete what is not needed.`,
    );
}

export function* listSecrets(db: Database, request: { projectId: number; page: NamePage }): Sql<SecretRow[]> {
  const { after = '', limit } = request.page;
  return (yield* db.all(SECRETS, request.projectId, after, limit)).map(toSecretRow);
}

export function* getSecret(db: Database, request: { projectId: number; name: string }): Sql<SecretRow | null> {
  const row = yield* db.get(SECRET, request.projectId, request.name);
  return row ? toSecretRow(row) : null;
}

const DELETE_SECRET = `delete from secret where project_id = ? and name = ?`;

export function* deleteSecret(c: WriteContext, { projectId, name }: { projectId: number; name: string }): Sql<null> {
  if ((yield* c.db.run(DELETE_SECRET, projectId, name)) === 0)
    throw new StoreError('NOT_FOUND', `There is no secret '${name}' in that project.`);
  yield* changed(c, projectId);
  return null;
}

// ---- connections

const CONNECTION = `select * from connection where project_id = ? and name = ?`;
const CONNECTIONS = `select * from connection where project_id = ? and name > ? order by name limit ?`;
const COUNT_CONNECTIONS = `select count(*) as found from connection where project_id = ?`;
const UPSERT_CONNECTION = `
  insert into connection (project_id, name, kind, url, sealed, plain, updated_at, updated_by) values (?, ?, ?, ?, ?, 0, ?, ?)
  on conflict (project_id, name) do update set kind = excluded.kind, url = excluded.url, sealed = excluded.sealed, plain = 0,
    updated_at = excluded.updated_at, updated_by = excluded.updated_by
  returning *`;

export type SaveConnectionRequest = Parameters<VaultStore['saveConnection']>[0];

export function* saveConnection(
  c: WriteContext,
  request: SaveConnectionRequest,
): Sql<{ connection: ConnectionRow; created: boolean }> {
  const { projectId, name, kind, url, sealed, user, at } = request;
  yield* lockProject(c, projectId);
  const created = (yield* c.db.get(CONNECTION, projectId, name)) === undefined;
  if (created) refuseMore(yield* c.db.get(COUNT_CONNECTIONS, projectId), request.limit, 'connections');
  const row = (yield* c.db.get(UPSERT_CONNECTION, projectId, name, kind, url, sealed, at, user))!;
  yield* changed(c, projectId);
  return { connection: toConnectionRow(row), created };
}

export function* listConnections(db: Database, request: { projectId: number; page: NamePage }): Sql<ConnectionRow[]> {
  const { after = '', limit } = request.page;
  return (yield* db.all(CONNECTIONS, request.projectId, after, limit)).map(toConnectionRow);
}

export function* getConnection(db: Database, request: { projectId: number; name: string }): Sql<ConnectionRow | null> {
  const row = yield* db.get(CONNECTION, request.projectId, request.name);
  return row ? toConnectionRow(row) : null;
}

const DELETE_CONNECTION = `delete from connection where project_id = ? and name = ?`;

export function* deleteConnection(
  c: WriteContext,
  { projectId, name }: { projectId: number; name: string },
): Sql<null> {
  if ((yield* c.db.run(DELETE_CONNECTION, projectId, name)) === 0)
    throw new StoreError('NOT_FOUND', `There is no connection '${name}' in that project.`);
  yield* changed(c, projectId);
  return null;
}

// ---- for masters

const VAULT_VERSION = `select version from vault_version where project_id = ?`;
const SEALED_SECRETS = `select name, sealed from secret where project_id = ? order by name`;
const ALL_CONNECTIONS = `select * from connection where project_id = ? order by name`;

/**
 * One transaction would be needed for a version that fits exactly what is read after it; a version from before is as good:
 * what has changed since is then read once more.
 */
export function* loadVault(
  db: Database,
  { projectId, known }: { projectId: number; known: number | null },
): Sql<ProjectVaultRows | null> {
  const version = ((yield* db.get(VAULT_VERSION, projectId))?.['version'] as number | undefined) ?? 0;
  if (version === known) return null;
  return {
    version,
    secrets: (yield* db.all(SEALED_SECRETS, projectId)).map((row) => ({
      name: row['name'] as string,
      sealed: row['sealed'] as string,
    })),
    connections: (yield* db.all(ALL_CONNECTIONS, projectId))
      .map(toConnectionRow)
      .map(({ name, kind, url, sealed, plain }) => ({ name, kind, url, sealed, plain })),
  };
}

// ---- sealing anew

const SEALED = `
  select * from (
    select 'connection' as kind, project_id, name, url, sealed, plain from connection where sealed is not null or plain = 1
    union all
    select 'alert-channel' as kind, 0 as project_id, name, null as url, secret as sealed,
      case when secret like 'whsec~_%' escape '~' then 1 else 0 end as plain from alert_channel where secret is not null
    union all
    select 'secret' as kind, project_id, name, null as url, sealed, 0 as plain from secret) as held
  where (kind, project_id, name) > (?, ?, ?) order by kind, project_id, name limit ?`;

export type SealedAfter = Pick<SealedRow, 'kind' | 'projectId' | 'name'> | null;

export function* listSealed(db: Database, request: { after: SealedAfter; limit: number }): Sql<SealedRow[]> {
  const { kind, projectId, name } = request.after ?? { kind: '', projectId: 0, name: '' };
  return (yield* db.all(SEALED, kind, projectId, name, request.limit)).map((row) => ({
    kind: row['kind'] as SealedRow['kind'],
    projectId: row['project_id'] as number,
    name: row['name'] as string,
    url: row['url'] as string | null,
    sealed: row['sealed'] as string | null,
    plain: row['plain'] === 1,
  }));
}

const RESEAL_SECRET = `update secret set sealed = ? where project_id = ? and name = ? and sealed = ?`;
const RESEAL_CHANNEL = `update alert_channel set secret = ? where name = ? and secret = ?`;
const RESEAL_CONNECTION = `
  update connection set url = ?, sealed = ?, plain = 0
  where project_id = ? and name = ? and url = ? and coalesce(sealed, '') = ? and plain = ?`;

/** Who changed it, and when, stays: it means the same as before. */
export function* reseal(
  c: WriteContext,
  changes: { from: SealedRow; url: string | null; sealed: string | null }[],
): Sql<number> {
  let done = 0;
  for (const change of changes) {
    const written = yield* resealOne(c, change);
    if (written > 0 && change.from.projectId !== 0) yield* changed(c, change.from.projectId);
    done += written;
  }
  return done;
}

function* resealOne(
  c: WriteContext,
  { from, url, sealed }: { from: SealedRow; url: string | null; sealed: string | null },
): Sql<number> {
  const { kind, projectId, name, plain } = from;
  switch (kind) {
    case 'secret':
      return yield* c.db.run(RESEAL_SECRET, sealed, projectId, name, from.sealed);
    case 'alert-channel':
      return yield* c.db.run(RESEAL_CHANNEL, sealed, name, from.sealed);
    case 'connection': {
      const before = [from.url, from.sealed ?? '', plain ? 1 : 0];
      return yield* c.db.run(RESEAL_CONNECTION, url, sealed, projectId, name, ...before);
    }
  }
}
