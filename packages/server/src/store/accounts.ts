/**
 * Accounts and what opens them: sessions, tokens, sign-in links; and how often somebody tries.
 *
 * Invariants
 * 1. An account is never deleted: what it did refers to it by name.
 * 2. A disabled account has no session, token or link, and gets none.
 * 3. There is always an administrator who is not disabled.
 * 4. A sign-in link opens one session, once. An account has at most one.
 * 5. Everything is bounded: sessions and tokens for each account by the caller's limit, buckets of tries by `TRY_BUCKETS`.
 */
import type {
  NewSession,
  NewToken,
  OfAccount,
  SessionRow,
  SignInRow,
  TokenRow,
  TryBucket,
  UserRow,
} from './access-port.ts';
import { StoreError } from './port.ts';
import { lockNamed } from './database.ts';
import type { Database, Row, Sql } from './database.ts';
import type { Dialect } from './dialect.ts';
import type { WriteContext } from './write-context.ts';

// ---- accounts

const ACCOUNT = `select * from account where name = ?`;
const ACCOUNT_FOLDED = `select * from account where lower(name) = lower(?)`;
const ACCOUNT_OF_EMAIL = `select * from account where email = ?`;

export function* getUser(db: Database, name: string): Sql<UserRow | null> {
  const row = yield* db.get(ACCOUNT, name);
  return row ? toUser(row) : null;
}

export function* findSignIn(db: Database, login: { name: string } | { email: string }): Sql<SignInRow | null> {
  const row =
    'name' in login ? yield* db.get(ACCOUNT_FOLDED, login.name) : yield* db.get(ACCOUNT_OF_EMAIL, login.email);
  return row ? { user: toUser(row), passwordHash: row['password_hash'] as string | null } : null;
}

function toUser(row: Row): UserRow {
  return {
    name: row['name'] as string,
    email: row['email'] as string | null,
    administrator: row['administrator'] === 1,
    disabledAt: row['disabled_at'] as number | null,
    hasPassword: row['password_hash'] !== null,
    createdAt: row['created_at'] as number,
    createdBy: row['created_by'] as string,
    updatedAt: row['updated_at'] as number,
    updatedBy: row['updated_by'] as string,
  };
}

const ACCOUNTS = `select * from account where name > ? order by name limit ?`;

export function* listUsers(db: Database, filter: { after?: string; limit: number }): Sql<UserRow[]> {
  return (yield* db.all(ACCOUNTS, filter.after ?? '', filter.limit)).map(toUser);
}

export interface SaveUser {
  name: string;
  email?: string | null;
  administrator?: boolean;
  disabled?: boolean;
  passwordHash?: string | null;
  by: string;
  at: number;
}

const INSERT_ACCOUNT = `
  insert into account (name, email, administrator, disabled_at, password_hash, created_at, created_by, updated_at, updated_by)
  values (?, ?, ?, ?, ?, ?, ?, ?, ?)`;
const UPDATE_ACCOUNT = `
  update account set email = ?, administrator = ?, disabled_at = ?, updated_at = ?, updated_by = ? where name = ?`;

export function* saveUser(c: WriteContext, save: SaveUser): Sql<{ user: UserRow; created: boolean }> {
  const found = yield* c.db.get(ACCOUNT, save.name);
  const before = found ? toUser(found) : null;
  const email = save.email === undefined ? (before?.email ?? null) : save.email;
  const administrator = save.administrator ?? before?.administrator ?? false;
  const disabledAt = disabledAtOf(save, before);
  if (before && before.email === email && before.administrator === administrator && before.disabledAt === disabledAt)
    return { user: before, created: false };
  if (before) yield* requireAdministratorBesides(c, before, administrator && disabledAt === null);
  yield* refuseTaken(c, save.name, email);
  const flag = administrator ? 1 : 0;
  const { name, passwordHash = null, at, by } = save;
  if (before) yield* c.db.run(UPDATE_ACCOUNT, email, flag, disabledAt, at, by, name);
  else yield* c.db.run(INSERT_ACCOUNT, name, email, flag, disabledAt, passwordHash, at, by, at, by);
  if (disabledAt !== null && before) yield* endCredentials(c, name, { keepSession: null, endTokens: true });
  return { user: toUser(yield* requireAccount(c, name)), created: !before };
}

function disabledAtOf({ disabled, at }: SaveUser, before: UserRow | null): number | null {
  if (disabled === undefined) return before?.disabledAt ?? null;
  return disabled ? (before?.disabledAt ?? at) : null;
}

const OTHER_ADMINISTRATORS = `
  select count(*) as others from account where administrator = 1 and disabled_at is null and name <> ?`;

function* requireAdministratorBesides(c: WriteContext, before: UserRow, stays: boolean): Sql<void> {
  if (stays || !before.administrator || before.disabledAt !== null) return;
  if (((yield* c.db.get(OTHER_ADMINISTRATORS, before.name))?.['others'] as number) > 0) return;
  throw new StoreError('CONFLICT', `User '${before.name}' is the last administrator who may sign in.`);
}

function* refuseTaken(c: WriteContext, name: string, email: string | null): Sql<void> {
  const folded = (yield* c.db.get(ACCOUNT_FOLDED, name))?.['name'] as string | undefined;
  if (folded !== undefined && folded !== name)
    throw new StoreError(
      'CONFLICT',
      `There is a user '${folded}'; names that differ in case only are too easily mistaken.`,
    );
  const holder =
    email === null ? undefined : ((yield* c.db.get(ACCOUNT_OF_EMAIL, email))?.['name'] as string | undefined);
  if (holder !== undefined && holder !== name)
    throw new StoreError('CONFLICT', `User '${holder}' has the e-mail address ${email ?? ''} already.`);
}

function* requireAccount(c: WriteContext, name: string): Sql<Row> {
  const row = yield* c.db.get(ACCOUNT, name);
  if (!row) throw new StoreError('NOT_FOUND', `There is no user '${name}'.`);
  return row;
}

/** The account, unless it is disabled. */
export function* requireEnabled(c: WriteContext, name: string): Sql<Row> {
  const row = yield* requireAccount(c, name);
  if (row['disabled_at'] !== null) throw new StoreError('CONFLICT', `User '${name}' is disabled.`);
  return row;
}

const END_SESSIONS = `delete from session where user_name = ? and id <> ?`;
const END_LINK = `delete from sign_in_link where user_name = ?`;
const END_TOKENS = `delete from api_token where user_name = ?`;
/** No row has it. */
const NO_ID = 0;

function* endCredentials(
  c: WriteContext,
  user: string,
  { keepSession, endTokens }: { keepSession: number | null; endTokens: boolean },
): Sql<void> {
  yield* c.db.run(END_SESSIONS, user, keepSession ?? NO_ID);
  yield* c.db.run(END_LINK, user);
  if (endTokens) yield* c.db.run(END_TOKENS, user);
}

const SET_PASSWORD = `update account set password_hash = ?, updated_at = ?, updated_by = ? where name = ?`;

export function* setPassword(
  c: WriteContext,
  change: {
    user: string;
    passwordHash: string;
    expected?: string | null;
    keepSession: number | null;
    endTokens: boolean;
    by: string;
    at: number;
  },
): Sql<null> {
  const account = yield* requireAccount(c, change.user);
  if (change.expected !== undefined && account['password_hash'] !== change.expected)
    throw new StoreError('CONFLICT', `The password of '${change.user}' has been changed meanwhile.`);
  yield* c.db.run(SET_PASSWORD, change.passwordHash, change.at, change.by, change.user);
  yield* endCredentials(c, change.user, change);
  return null;
}

// ---- sessions

export function* createSession(
  c: WriteContext,
  request: NewSession & { user: string; passwordHash: string },
): Sql<SessionRow> {
  const account = yield* requireEnabled(c, request.user);
  if (account['password_hash'] !== request.passwordHash)
    throw new StoreError('CONFLICT', `The password of '${request.user}' has been changed meanwhile.`);
  return yield* insertSession(c, request.user, request);
}

const END_OVER = `delete from session where ends_at <= ?`;
const END_OLDEST = `
  delete from session where user_name = ? and id not in (
    select id from session where user_name = ? order by id desc limit ?)`;
const INSERT_SESSION = `
  insert into session (hash, user_name, created_at, seen_at, ends_at, address) values (?, ?, ?, ?, ?, ?) returning *`;

function* insertSession(
  c: WriteContext,
  user: string,
  { hash, at, endsAt, address, limit }: NewSession,
): Sql<SessionRow> {
  yield* c.db.run(END_OVER, at);
  const row = yield* c.db.get(INSERT_SESSION, hash, user, at, at, endsAt, address);
  yield* c.db.run(END_OLDEST, user, user, limit);
  return toSession(row!);
}

function toSession(row: Row): SessionRow {
  return {
    id: row['id'] as number,
    user: row['user_name'] as string,
    createdAt: row['created_at'] as number,
    seenAt: row['seen_at'] as number,
    endsAt: row['ends_at'] as number,
    address: row['address'] as string,
  };
}

const SESSION = `
  select s.*, a.administrator, a.disabled_at from session s join account a on a.name = s.user_name where s.hash = ?`;

export function* findSession(db: Database, hash: string): Sql<OfAccount<SessionRow> | null> {
  const row = yield* db.get(SESSION, hash);
  return row ? { ...toSession(row), ...ofAccount(row) } : null;
}

const SESSIONS = `select * from session where user_name = ? order by id desc`;

export function* listSessions(db: Database, user: string): Sql<SessionRow[]> {
  return (yield* db.all(SESSIONS, user)).map(toSession);
}

function ofAccount(row: Row): { administrator: boolean; disabled: boolean } {
  return { administrator: row['administrator'] === 1, disabled: row['disabled_at'] !== null };
}

const TOUCH_SESSION = `update session set seen_at = ? where id = ? and seen_at < ?`;

export function* touchSession(c: WriteContext, { id, at }: { id: number; at: number }): Sql<null> {
  yield* c.db.run(TOUCH_SESSION, at, id, at);
  return null;
}

const END_SESSION = `delete from session where id = ? returning user_name`;

/** Answers with whose it was, for the audit; null when it had ended. */
export function* endSession(c: WriteContext, id: number): Sql<string | null> {
  return ((yield* c.db.get(END_SESSION, id))?.['user_name'] as string | undefined) ?? null;
}

// ---- tokens

const END_EXPIRED = `delete from api_token where user_name = ? and expires_at <= ?`;
const TOKEN_COUNT = `select count(*) as tokens from api_token where user_name = ?`;
const TOKEN = `select * from api_token where id = ?`;
const INSERT_TOKEN = `
  insert into api_token (hash, user_name, name, mask, projects, parent, created_at, expires_at)
  values (?, ?, ?, ?, ?, ?, ?, ?) returning *`;

export function* createToken(c: WriteContext, token: NewToken): Sql<TokenRow> {
  const { user, hash, name, mask, projects, parent, expiresAt, at, limit } = token;
  yield* requireEnabled(c, user);
  if (parent !== null && !(yield* c.db.get(TOKEN, parent)))
    throw new StoreError('NOT_FOUND', `There is no token ${parent} any more.`);
  yield* c.db.run(END_EXPIRED, user, at);
  if (((yield* c.db.get(TOKEN_COUNT, user))?.['tokens'] as number) >= limit)
    throw new StoreError(
      'CONFLICT',
      `User '${user}' has ${limit} tokens, which is as many as there may be. Delete one first.`,
    );
  const listed = projects === null ? null : JSON.stringify(projects);
  return toToken((yield* c.db.get(INSERT_TOKEN, hash, user, name, mask, listed, parent, at, expiresAt))!);
}

function toToken(row: Row): TokenRow {
  const projects = row['projects'] as string | null;
  return {
    id: row['id'] as number,
    user: row['user_name'] as string,
    name: row['name'] as string,
    mask: row['mask'] as number,
    projects: projects === null ? null : (JSON.parse(projects) as string[]),
    parent: row['parent'] as number | null,
    createdAt: row['created_at'] as number,
    expiresAt: row['expires_at'] as number | null,
    usedAt: row['used_at'] as number | null,
  };
}

const TOKEN_OF_HASH = `
  select t.*, a.administrator, a.disabled_at from api_token t join account a on a.name = t.user_name where t.hash = ?`;

export function* findToken(db: Database, hash: string): Sql<OfAccount<TokenRow> | null> {
  const row = yield* db.get(TOKEN_OF_HASH, hash);
  return row ? { ...toToken(row), ...ofAccount(row) } : null;
}

export function* getToken(db: Database, id: number): Sql<TokenRow | null> {
  const row = yield* db.get(TOKEN, id);
  return row ? toToken(row) : null;
}

const TOKENS = `select * from api_token where user_name = ? order by id`;

export function* listTokens(db: Database, user: string): Sql<TokenRow[]> {
  return (yield* db.all(TOKENS, user)).map(toToken);
}

const TOUCH_TOKEN = `update api_token set used_at = ? where id = ? and coalesce(used_at, 0) < ?`;

export function* touchToken(c: WriteContext, { id, at }: { id: number; at: number }): Sql<null> {
  yield* c.db.run(TOUCH_TOKEN, at, id, at);
  return null;
}

const DELETE_TOKEN = `
  with recursive made (id) as (
    select id from api_token where id = ? union select t.id from api_token t join made on t.parent = made.id)
  delete from api_token where id in (select id from made) returning id, user_name`;

/** Answers with whose it was, for the audit. */
export function* deleteToken(c: WriteContext, id: number): Sql<string> {
  const deleted = yield* c.db.all(DELETE_TOKEN, id);
  if (deleted.length === 0) throw new StoreError('NOT_FOUND', `There is no token ${id}.`);
  return deleted[0]!['user_name'] as string;
}

// ---- sign-in links

const UPSERT_LINK = `
  insert into sign_in_link (user_name, hash, created_at, created_by, expires_at) values (?, ?, ?, ?, ?)
  on conflict (user_name) do update set hash = excluded.hash, created_at = excluded.created_at,
    created_by = excluded.created_by, expires_at = excluded.expires_at`;

export function* createSignInLink(
  c: WriteContext,
  link: { user: string; hash: string; expiresAt: number | null; by: string; at: number },
): Sql<null> {
  yield* requireEnabled(c, link.user);
  yield* c.db.run(UPSERT_LINK, link.user, link.hash, link.at, link.by, link.expiresAt);
  return null;
}

const LINK = (dialect: Dialect): string => `
  select l.user_name from sign_in_link l join account a on a.name = l.user_name
  where l.hash = ? and (l.expires_at is null or l.expires_at > ?) and a.disabled_at is null ${dialect.forUpdate}`;

export function* redeemSignInLink(
  c: WriteContext,
  request: { hash: string; session: NewSession },
): Sql<SessionRow | null> {
  const user = (yield* c.db.get(LINK, request.hash, request.session.at))?.['user_name'] as string | undefined;
  if (user === undefined) return null;
  yield* c.db.run(END_LINK, user);
  return yield* insertSession(c, user, request.session);
}

// ---- tries to sign in

/** Buckets kept; beyond them those with the least in them go, which an attacker who makes many does not fill. */
const TRY_BUCKETS = 10_000;
const ONE_TRY = 1000;

const BUCKET = `select level, at from sign_in_try where bucket = ?`;
const UPSERT_BUCKET = `
  insert into sign_in_try (bucket, level, at) values (?, ?, ?)
  on conflict (bucket) do update set level = excluded.level, at = excluded.at`;
const DROP_LEAKED = `delete from sign_in_try where at < ?`;
const BUCKET_COUNT = `select count(*) as buckets from sign_in_try`;
const DROP_LEAST = `
  delete from sign_in_try where bucket in (select bucket from sign_in_try order by level, at limit ?)`;

export function* takeTry(c: WriteContext, { buckets, at }: { buckets: TryBucket[]; at: number }): Sql<number> {
  // In one order everywhere: two that wait for each other would both have to begin anew.
  for (const key of buckets.map((bucket) => bucket.key).toSorted()) yield* lockNamed(c.db, `try ${key}`);
  const levels: number[] = [];
  for (const bucket of buckets) levels.push(yield* levelOf(c, bucket, at));
  const waits = buckets.map((bucket, i) => {
    const tooMuch = levels[i]! + ONE_TRY - bucket.capacity * ONE_TRY;
    return tooMuch <= 0 ? 0 : Math.ceil((tooMuch * bucket.leakMs) / ONE_TRY);
  });
  const waitMs = Math.max(0, ...waits);
  if (waitMs > 0) return waitMs;
  yield* c.db.run(DROP_LEAKED, at - Math.max(...buckets.map(({ capacity, leakMs }) => capacity * leakMs)));
  for (const [i, { key }] of buckets.entries()) yield* c.db.run(UPSERT_BUCKET, key, levels[i]! + ONE_TRY, at);
  const excess = ((yield* c.db.get(BUCKET_COUNT))?.['buckets'] as number) - TRY_BUCKETS;
  if (excess > 0) yield* c.db.run(DROP_LEAST, excess);
  return 0;
}

function* levelOf(c: WriteContext, { key, leakMs }: TryBucket, at: number): Sql<number> {
  const row = yield* c.db.get(BUCKET, key);
  if (!row) return 0;
  const leaked = Math.floor((Math.max(0, at - (row['at'] as number)) * ONE_TRY) / leakMs);
  return Math.max(0, (row['level'] as number) - leaked);
}

const EMPTY_BUCKET = `delete from sign_in_try where bucket = ?`;
const GIVE_BACK = `update sign_in_try set level = level - ${ONE_TRY} where bucket = ? and level >= ${ONE_TRY}`;

export function* forgiveTry(c: WriteContext, request: { empty: string; giveBack: string }): Sql<null> {
  yield* c.db.run(EMPTY_BUCKET, request.empty);
  yield* c.db.run(GIVE_BACK, request.giveBack);
  return null;
}
