import type { Migration } from '../migrations.ts';

/**
 * Invariants that the schema holds: one account per name (whatever its case) and per e-mail address; of secrets only their
 * SHA-256 hashes; at most one open sign-in link for each account; refusals of one kind are one row a minute (`merge_key`).
 */
export const ACCOUNTS: Migration = {
  number: 3,
  name: 'accounts, sessions, tokens, members, audit',
  sql: (d) => `
create table account (
  name text primary key,
  email text,
  administrator integer not null,
  disabled_at ${d.integer},
  password_hash text,
  created_at ${d.integer} not null,
  created_by text not null,
  updated_at ${d.integer} not null,
  updated_by text not null
);
create unique index account_folded on account (lower(name));
create unique index account_email on account (email) where email is not null;
-- Whom the administrator's token of the configuration and the first sign-in link stand for.
insert into account (name, administrator, created_at, created_by, updated_at, updated_by)
values ('admin', 1, ${d.nowMs}, 'pelorus', ${d.nowMs}, 'pelorus');

create table session (
  id ${d.identity},
  hash text not null unique,
  user_name text not null references account (name),
  created_at ${d.integer} not null,
  seen_at ${d.integer} not null,
  ends_at ${d.integer} not null,
  address text not null
);
create index session_of_user on session (user_name, id);
create index session_end on session (ends_at);

create table api_token (
  id ${d.identity},
  hash text not null unique,
  user_name text not null references account (name),
  name text not null,
  mask integer not null,
  projects text,
  parent ${d.integer},
  created_at ${d.integer} not null,
  expires_at ${d.integer},
  used_at ${d.integer}
);
create index api_token_user on api_token (user_name, id);
create index api_token_parent on api_token (parent) where parent is not null;

create table sign_in_link (
  user_name text primary key references account (name),
  hash text not null unique,
  created_at ${d.integer} not null,
  created_by text not null,
  expires_at ${d.integer}
);

-- Buckets that fill with each try to sign in and leak with time; \`level\` is what was in it at \`at\`, in thousandths of a try.
create table sign_in_try (
  bucket text primary key,
  level ${d.integer} not null,
  at ${d.integer} not null
);
create index sign_in_try_at on sign_in_try (at);

create table project_member (
  project_id ${d.integer} not null references project (id),
  user_name text not null references account (name),
  bits integer not null,
  added_at ${d.integer} not null,
  added_by text not null,
  primary key (project_id, user_name)
) ${d.clustered};
create index project_member_user on project_member (user_name, project_id);
create index project_owner on project (owner);

create table audit (
  id ${d.identity},
  at ${d.integer} not null,
  last_at ${d.integer} not null,
  times ${d.integer} not null,
  user_name text not null,
  via text not null,
  address text not null,
  action text not null,
  outcome text not null,
  code text,
  project_id ${d.integer},
  project text,
  target text not null,
  merge_key text
);
create index audit_at on audit (at, id);
create index audit_user on audit (user_name, at, id);
create index audit_action on audit (action, at, id);
create index audit_project on audit (project_id, at, id) where project_id is not null;
create unique index audit_merge on audit (merge_key) where merge_key is not null;`,
};
