import type { Migration } from '../migrations.ts';

/**
 * Invariants: of secrets only what they are sealed as (`vault/seal.ts`) is stored; of connections that are not `plain`, `url` is
 * what may be shown and `sealed` the whole address where that says more. Content that is not `kept` lives as long as a project file
 * or a run refers to it.
 */
export const VAULT: Migration = {
  number: 4,
  name: 'secrets, sealed connections, project files',
  sql: (d) => `
create table secret (
  project_id ${d.integer} not null references project (id),
  name text not null,
  sealed text not null,
  updated_at ${d.integer} not null,
  updated_by text not null,
  primary key (project_id, name)
);

-- 1: written before addresses were sealed; \`url\` is the whole of it and may hold a password.
alter table connection add column plain integer not null default 1;
alter table connection add column sealed text;
alter table connection add column updated_at ${d.integer} not null default 0;
alter table connection add column updated_by text not null default '';

-- Grows with every change to the secrets and connections of a project, so that masters need not read what they know.
create table vault_version (
  project_id ${d.integer} primary key references project (id),
  version ${d.integer} not null
);

-- 1: a workflow version refers to it, for ever.
alter table content add column kept integer not null default 1;

create table project_file (
  project_id ${d.integer} not null references project (id),
  path text not null,
  sha256 text not null,
  size_bytes ${d.integer} not null,
  updated_at ${d.integer} not null,
  updated_by text not null,
  primary key (project_id, path)
);
create index project_file_content on project_file (sha256);

-- What runs have pinned.
create table run_content (
  sha256 text not null,
  run_id ${d.integer} not null,
  primary key (sha256, run_id)
) ${d.clustered};

-- Names of files that the version's tasks take from the project: a JSON array.
alter table workflow_version add column project_files text not null default '[]';`,
};
