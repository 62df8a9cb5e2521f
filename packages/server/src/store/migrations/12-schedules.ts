/** Schedules and what became of their ticks, calendars, deadlines, and the switch that holds everything still. */
import type { Dialect } from '../dialect.ts';
import type { Migration } from '../migrations.ts';

export const SCHEDULES: Migration = {
  number: 12,
  name: 'schedules, ticks, calendars, deadlines',
  sql: (d: Dialect) => `
create table schedule (
  id ${d.identity},
  project_id ${d.integer} not null references project (id),
  workflow_id ${d.integer} not null references workflow (id),
  name text not null,
  version integer not null,
  online integer not null,
  cron text not null,
  zone text not null,
  start_at ${d.integer},
  end_at ${d.integer},
  misfire text not null,
  misfire_max integer not null,
  calendar text,
  on_holiday text,
  options text not null,
  -- The tick that is decided next: the only one that can fire. Null: none is to come.
  next_due_at ${d.integer},
  next_nominal_at ${d.integer},
  -- The rest of it, as JSON.
  next_tick text,
  last_nominal_at ${d.integer},
  last_fired_at ${d.integer},
  last_run_id ${d.integer},
  from_definition integer not null,
  created_at ${d.integer} not null,
  created_by text not null,
  updated_at ${d.integer} not null,
  updated_by text not null,
  unique (workflow_id, name)
);
create index schedule_due on schedule (next_due_at, id) where next_due_at is not null;
create index schedule_project on schedule (project_id, id);
create index schedule_calendar on schedule (calendar) where calendar is not null;

-- No tick twice: whoever decides one inserts its row, with the run, in the same transaction.
create table tick (
  schedule_id ${d.integer} not null,
  nominal_at ${d.integer} not null,
  schedule text not null,
  project_id ${d.integer} not null,
  workflow_id ${d.integer} not null,
  workflow text not null,
  due_at ${d.integer} not null,
  decided_at ${d.integer} not null,
  schedule_version integer not null,
  outcome text not null,
  reason text,
  detail text,
  run_id ${d.integer},
  primary key (schedule_id, nominal_at)
) ${d.clustered};
create index tick_workflow on tick (workflow_id, nominal_at, schedule_id);
create index tick_project on tick (project_id, nominal_at, schedule_id);
create index tick_any on tick (nominal_at, schedule_id);

create table calendar (
  name text primary key,
  description text not null,
  -- A JSON array of texts, ascending.
  days text not null,
  revision integer not null,
  updated_at ${d.integer} not null,
  updated_by text not null
);

create table maintenance (
  id integer primary key,
  paused integer not null,
  reason text not null,
  at ${d.integer},
  by_user text
);
insert into maintenance (id, paused, reason) values (1, 0, '');

create table deadline (
  id ${d.identity},
  project_id ${d.integer} not null references project (id),
  workflow_id ${d.integer} not null references workflow (id),
  name text not null,
  task text,
  cron text not null,
  zone text not null,
  enabled integer not null,
  recipients text not null,
  next_check_at ${d.integer},
  last_check_at ${d.integer},
  last_missed_at ${d.integer},
  updated_at ${d.integer} not null,
  updated_by text not null,
  unique (workflow_id, name)
);
create index deadline_due on deadline (next_check_at, id) where next_check_at is not null;
create index deadline_project on deadline (project_id, id);`,
};
