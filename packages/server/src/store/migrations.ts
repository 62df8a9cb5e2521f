/**
 * The schema's history. Only ever append; what has shipped never changes, so state names are spelled out
 * here (a test holds them against the protocol's words).
 *
 * Invariants that the schema itself holds:
 * - S5: at most one live attempt per task run (`attempt_live`).
 * - Run ids are never reused.
 * - One command per (user, idempotency key).
 * `task_run` and `attempt` have no foreign key on `run`: they are written by the owner of a loaded run only,
 * and the check would cost a lookup for each row of the hottest statements.
 */
import type { Dialect } from './dialect.ts';
import { ACCOUNTS } from './migrations/03-accounts.ts';
import { VAULT } from './migrations/04-vault.ts';
import { LOGS } from './migrations/05-logs.ts';
import { OPERATIONS } from './migrations/06-operations.ts';
import { PROJECTS } from './migrations/07-projects.ts';
import { RUN_CHANGES } from './migrations/08-run-changes.ts';
import { MASTER_PLACES } from './migrations/09-master-places.ts';
import { RUN_COUNT_DELTAS } from './migrations/10-run-count-deltas.ts';
import { BACKFILL_DATES } from './migrations/11-backfill-dates.ts';
import { SCHEDULES } from './migrations/12-schedules.ts';
import { TASK_GROUP_PERMITS } from './migrations/13-task-group-permits.ts';
import { CHANGES_OF_SCHEDULES } from './migrations/14-changes-of-schedules.ts';
import { WORKER_LOADS } from './migrations/15-worker-loads.ts';
import { TEXTS_OF_VERSIONS } from './migrations/16-texts-of-versions.ts';
import { LATE_RESULTS } from './migrations/17-late-results.ts';
import { TIMELINES } from './migrations/18-timelines.ts';
import { FAIR_CLAIMS } from './migrations/19-fair-claims.ts';
import { WORKER_FEATURES } from './migrations/20-worker-features.ts';
import { CHANGES_OF_DEADLINES } from './migrations/21-changes-of-deadlines.ts';

export interface Migration {
  number: number;
  name: string;
  sql: (dialect: Dialect) => string;
}

export const MIGRATIONS: readonly Migration[] = [
  {
    number: 1,
    name: 'projects, workflows, runs, commands, workers, masters',
    sql: (d) => `
create table project (
  id ${d.identity},
  name text not null unique,
  description text not null,
  owner text not null,
  created_at ${d.integer} not null
);

create table workflow (
  id ${d.identity},
  project_id ${d.integer} not null references project (id),
  name text not null,
  description text not null,
  version integer not null,
  hash text not null,
  hidden integer not null,
  created_at ${d.integer} not null,
  updated_at ${d.integer} not null,
  updated_by text not null,
  deleted_at ${d.integer},
  deleted_by text
);
-- A deleted workflow keeps its row, so that its runs and versions stay readable, and frees its name.
create unique index workflow_name on workflow (project_id, name) where deleted_at is null;

create table content (
  sha256 text primary key,
  bytes ${d.bytes} not null
);

create table workflow_version (
  workflow_id ${d.integer} not null references workflow (id),
  version integer not null,
  definition text not null,
  files text not null,
  source text not null,
  format text not null,
  hash text not null,
  created_at ${d.integer} not null,
  created_by text not null,
  primary key (workflow_id, version)
);

create table connection (
  project_id ${d.integer} not null references project (id),
  name text not null,
  kind text not null,
  url text not null,
  primary key (project_id, name)
);

create table run (
  id ${d.identity},
  project_id ${d.integer} not null,
  project text not null,
  workflow_id ${d.integer} not null,
  workflow text not null,
  workflow_version integer not null,
  parent_run ${d.integer},
  parent_task integer,
  parent_attempt integer,
  submitted_at ${d.integer} not null,
  version ${d.integer} not null,
  state text not null,
  cause text,
  first_failure text,
  wait_reason text,
  owner text,
  started_at ${d.integer},
  ended_at ${d.integer},
  spec text not null
);
-- The order of lists: runs not started first, then the newest start. The filtered columns ride along, so that a filter reads the index only.
create index run_order on run (coalesce(started_at, 9007199254740991) desc, id desc, state, workflow_id, submitted_at);
create index run_workflow on run (workflow_id, state, coalesce(started_at, 9007199254740991) desc, id desc, submitted_at);
create index run_submitted on run (submitted_at, state, workflow_id, coalesce(started_at, 9007199254740991));
create index run_live on run (id, owner, workflow_id) where state not in ('succeeded', 'stopped', 'failed', 'dependency_failed');
-- An attempt of a sub-workflow task has at most one child, however often its start is written.
create unique index run_parent on run (parent_run, parent_task, parent_attempt) where parent_run is not null;

create table run_count (
  workflow_id ${d.integer} not null,
  state text not null,
  runs ${d.integer} not null,
  primary key (workflow_id, state)
) ${d.clustered};
${d.runCountTriggers}

create table task_run (
  run_id ${d.integer} not null,
  task integer not null,
  version ${d.integer} not null,
  state text not null,
  cause text,
  wait_reason text,
  attempts integer not null,
  retries integer not null,
  wake_at ${d.integer},
  ready_at ${d.integer},
  started_at ${d.integer},
  ended_at ${d.integer},
  outputs text,
  primary key (run_id, task)
) ${d.clustered};

create table attempt (
  run_id ${d.integer} not null,
  task integer not null,
  n integer not null,
  version ${d.integer} not null,
  state text not null,
  cause text,
  worker text not null,
  dispatched_at ${d.integer} not null,
  started_at ${d.integer},
  ended_at ${d.integer},
  kill_intent text,
  primary key (run_id, task, n)
) ${d.clustered};
create unique index attempt_live on attempt (run_id, task) where state in ('dispatched', 'running', 'killing');

create table command (
  id ${d.identity},
  run_id ${d.integer} not null references run (id),
  action text not null,
  user_name text not null,
  at ${d.integer} not null,
  idempotency_key text,
  request_hash text,
  done_at ${d.integer},
  outcome text
);
create unique index command_key on command (user_name, idempotency_key) where idempotency_key is not null;
create index command_waiting on command (id, run_id) where done_at is null;

create table worker (
  id text primary key,
  name text not null,
  host text not null,
  groups text not null,
  slots integer not null,
  state text not null,
  registered_at ${d.integer} not null,
  seen_at ${d.integer} not null
);

create table master (
  id text primary key,
  token text not null,
  host text not null,
  registered_at ${d.integer} not null,
  renewed_at ${d.integer} not null,
  lease_until ${d.integer} not null,
  fenced_at ${d.integer}
);`,
  },
  {
    number: 2,
    name: 'runs that take turns, logical dates, task groups, alerts',
    sql: (d) => `
alter table workflow_version add column concurrency text not null default 'parallel';
update workflow_version set concurrency = coalesce(${d.jsonText('definition', 'concurrency')}, 'parallel');

alter table run add column turn text;
alter table run add column behind ${d.integer};
alter table run add column dry_run integer not null default 0;
alter table run add column logical_at ${d.integer} not null default 0;
update run set dry_run = ${d.jsonFlag('spec', 'dryRun')}, logical_at = coalesce(${d.jsonInteger('spec', 'logicalDateAt')}, 0);
-- Who holds the workflow's turn, and who waits for it: a seek each, however many wait.
create index run_active on run (workflow_id, id)
  where turn is null and dry_run = 0 and state not in ('succeeded', 'stopped', 'failed', 'dependency_failed');
create index run_turn on run (workflow_id, turn, id) where turn is not null;
create index run_behind on run (behind) where behind is not null;
-- What dependent tasks ask for. Deleted workflows count, hence the second index.
create index run_logical on run (workflow_id, logical_at, id) where dry_run = 0;
create index workflow_any_name on workflow (project_id, name);

-- Tasks of each version that name a task group. What a group holds is derived from live attempts and this.
create table task_group_member (
  workflow_id ${d.integer} not null,
  version integer not null,
  task integer not null,
  name text not null,
  weight integer not null,
  primary key (workflow_id, version, task)
) ${d.clustered};
${d.taskGroupMembersOfAllVersions}

create table task_group (
  name text primary key,
  size integer not null,
  updated_at ${d.integer} not null,
  updated_by text not null
);

alter table worker add column supersedes text not null default '[]';

create table alert (
  id text primary key,
  run_id ${d.integer} not null,
  content text not null
);
create table alert_delivery (
  id ${d.identity},
  alert_id text not null references alert (id),
  run_id ${d.integer} not null,
  recipient text not null,
  state text not null,
  attempts integer not null,
  next_at ${d.integer},
  done_at ${d.integer},
  result text,
  unique (alert_id, recipient)
);
create index alert_due on alert_delivery (next_at, id) where next_at is not null;
create index alert_run on alert_delivery (run_id, id);
create index alert_state on alert_delivery (state, id);

create table alert_channel (
  name text primary key,
  kind text not null,
  target text not null,
  secret text,
  events text not null,
  updated_at ${d.integer} not null,
  updated_by text not null
);`,
  },
  ACCOUNTS,
  VAULT,
  LOGS,
  OPERATIONS,
  PROJECTS,
  RUN_CHANGES,
  MASTER_PLACES,
  RUN_COUNT_DELTAS,
  BACKFILL_DATES,
  SCHEDULES,
  TASK_GROUP_PERMITS,
  CHANGES_OF_SCHEDULES,
  WORKER_LOADS,
  TEXTS_OF_VERSIONS,
  LATE_RESULTS,
  TIMELINES,
  FAIR_CLAIMS,
  WORKER_FEATURES,
  CHANGES_OF_DEADLINES,
];
