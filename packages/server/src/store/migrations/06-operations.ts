/** What operating a cluster needs: backfills, bulk operations, drained workers, worker groups, environments, keys, and finer run lists. */
import type { Dialect } from '../dialect.ts';

export const OPERATIONS = {
  number: 6,
  name: 'backfills, bulk operations, drained workers, worker groups, environments, request keys, finer run lists',
  sql: (d: Dialect) => `
alter table run add column exec_type text not null default 'DIRECT';
alter table run add column submit_user text not null default '';
alter table run add column rerun_of ${d.integer};
update run set exec_type = coalesce(${d.jsonText('spec', 'execType')}, 'DIRECT'),
  submit_user = coalesce(${d.jsonText('spec', 'submitUser')}, ''), rerun_of = ${d.jsonInteger('spec', 'rerunOf')};
-- As before, with every column that a list may be filtered by: whatever the filter, the walk reads the index only.
drop index run_order;
create index run_order on run (
  coalesce(started_at, 9007199254740991) desc, id desc, state, workflow_id, submitted_at, exec_type, submit_user, logical_at);
create index run_user on run (submit_user, id);
create index run_rerun on run (rerun_of, id) where rerun_of is not null;
-- Most runs are direct and cost nothing here.
create index run_not_direct on run (exec_type, id) where exec_type <> 'DIRECT';
create index run_logical_any on run (logical_at, id);

alter table workflow add column labels text not null default '{}';
update workflow set labels = coalesce((
  select ${d.jsonText('definition', 'labels')} from workflow_version v
  where v.workflow_id = workflow.id and v.version = workflow.version), '{}');

-- Keys of requests that make something else than a run; those of runs are kept with their commands.
create table request_key (
  user_name text not null,
  idempotency_key text not null,
  operation text not null,
  subject_id ${d.integer} not null,
  request_hash text not null,
  at ${d.integer} not null,
  primary key (user_name, idempotency_key)
) ${d.clustered};
create index request_key_age on request_key (at);

create table backfill (
  id ${d.identity},
  project_id ${d.integer} not null,
  project text not null,
  workflow_id ${d.integer} not null,
  workflow text not null,
  workflow_version integer,
  start_at ${d.integer} not null,
  end_at ${d.integer} not null,
  crontab text,
  zone text not null,
  mode text not null,
  parallelism integer not null,
  date_order text not null,
  dates text,
  options text not null,
  state text not null,
  wait_reason text,
  counts text not null,
  submit_user text not null,
  created_at ${d.integer} not null,
  updated_at ${d.integer} not null,
  ended_at ${d.integer}
);
create index backfill_workflow on backfill (workflow_id, id);
create index backfill_project on backfill (project_id, id);
create index backfill_live on backfill (id) where ended_at is null;

create table bulk_operation (
  id ${d.identity},
  action text not null,
  submit_user text not null,
  sender text not null,
  state text not null,
  items integer not null,
  pending integer not null,
  done integer not null,
  refused integer not null,
  created_at ${d.integer} not null,
  ended_at ${d.integer},
  holder text,
  lease_until ${d.integer}
);
create index bulk_operation_user on bulk_operation (submit_user, id);
create index bulk_operation_live on bulk_operation (id) where ended_at is null;
create table bulk_item (
  operation_id ${d.integer} not null,
  position integer not null,
  run_id ${d.integer} not null,
  project_id ${d.integer},
  state text not null,
  command_id ${d.integer},
  new_run_id ${d.integer},
  code text,
  message text,
  at ${d.integer},
  primary key (operation_id, position)
) ${d.clustered};
create index bulk_item_pending on bulk_item (operation_id, position) where state = 'pending';

-- By name, so that a worker that is started again stays drained until somebody undoes it.
create table worker_drain (
  name text primary key,
  reason text not null,
  drained_at ${d.integer} not null,
  drained_by text not null
);
create table worker_group (
  name text primary key,
  description text not null,
  updated_at ${d.integer} not null,
  updated_by text not null
);
create table environment (
  name text primary key,
  description text not null,
  variables text not null,
  updated_at ${d.integer} not null,
  updated_by text not null
);`,
};
