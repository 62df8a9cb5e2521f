pragma foreign_keys = off; begin;
CREATE TABLE migration (number integer primary key, name text not null, applied_at integer not null);
CREATE TABLE project (
  id integer primary key autoincrement,
  name text not null unique,
  description text not null,
  owner text not null,
  created_at integer not null
, deleted_at integer, deleted_by text);
CREATE TABLE workflow (
  id integer primary key autoincrement,
  project_id integer not null references project (id),
  name text not null,
  description text not null,
  version integer not null,
  hash text not null,
  hidden integer not null,
  created_at integer not null,
  updated_at integer not null,
  updated_by text not null,
  deleted_at integer,
  deleted_by text
, labels text not null default '{}', text_revision integer not null default 0);
CREATE TABLE content (
  sha256 text primary key,
  bytes blob not null
, kept integer not null default 1);
CREATE TABLE workflow_version (
  workflow_id integer not null references workflow (id),
  version integer not null,
  definition text not null,
  files text not null,
  source text not null,
  format text not null,
  hash text not null,
  created_at integer not null,
  created_by text not null, concurrency text not null default 'parallel', project_files text not null default '[]', text_revision integer not null default 0,
  primary key (workflow_id, version)
);
CREATE TABLE connection (
  project_id integer not null references project (id),
  name text not null,
  kind text not null,
  url text not null, plain integer not null default 1, sealed text, updated_at integer not null default 0, updated_by text not null default '',
  primary key (project_id, name)
);
CREATE TABLE run (
  id integer primary key autoincrement,
  project_id integer not null,
  project text not null,
  workflow_id integer not null,
  workflow text not null,
  workflow_version integer not null,
  parent_run integer,
  parent_task integer,
  parent_attempt integer,
  submitted_at integer not null,
  version integer not null,
  state text not null,
  cause text,
  first_failure text,
  wait_reason text,
  owner text,
  started_at integer,
  ended_at integer,
  spec text not null
, turn text, behind integer, dry_run integer not null default 0, logical_at integer not null default 0, exec_type text not null default 'DIRECT', submit_user text not null default '', rerun_of integer, changed integer not null default 0);
CREATE TABLE run_count (
  workflow_id integer not null,
  state text not null,
  runs integer not null,
  primary key (workflow_id, state)
) without rowid;
CREATE TABLE task_run (
  run_id integer not null,
  task integer not null,
  version integer not null,
  state text not null,
  cause text,
  wait_reason text,
  attempts integer not null,
  retries integer not null,
  wake_at integer,
  ready_at integer,
  started_at integer,
  ended_at integer,
  outputs text,
  primary key (run_id, task)
) without rowid;
CREATE TABLE attempt (
  run_id integer not null,
  task integer not null,
  n integer not null,
  version integer not null,
  state text not null,
  cause text,
  worker text not null,
  dispatched_at integer not null,
  started_at integer,
  ended_at integer,
  kill_intent text,
  primary key (run_id, task, n)
) without rowid;
CREATE TABLE command (
  id integer primary key autoincrement,
  run_id integer not null references run (id),
  action text not null,
  user_name text not null,
  at integer not null,
  idempotency_key text,
  request_hash text,
  done_at integer,
  outcome text
);
CREATE TABLE worker (
  id text primary key,
  name text not null,
  host text not null,
  groups text not null,
  slots integer not null,
  state text not null,
  registered_at integer not null,
  seen_at integer not null
, supersedes text not null default '[]', load text);
CREATE TABLE master (
  id text primary key,
  token text not null,
  host text not null,
  registered_at integer not null,
  renewed_at integer not null,
  lease_until integer not null,
  fenced_at integer
, ops_url text);
CREATE TABLE task_group_member (
  workflow_id integer not null,
  version integer not null,
  task integer not null,
  name text not null,
  weight integer not null,
  primary key (workflow_id, version, task)
) without rowid;
CREATE TABLE task_group (
  name text primary key,
  size integer not null,
  updated_at integer not null,
  updated_by text not null
);
CREATE TABLE alert (
  id text primary key,
  run_id integer not null,
  content text not null
);
CREATE TABLE alert_delivery (
  id integer primary key autoincrement,
  alert_id text not null references alert (id),
  run_id integer not null,
  recipient text not null,
  state text not null,
  attempts integer not null,
  next_at integer,
  done_at integer,
  result text, project_id integer,
  unique (alert_id, recipient)
);
CREATE TABLE alert_channel (
  name text primary key,
  kind text not null,
  target text not null,
  secret text,
  events text not null,
  updated_at integer not null,
  updated_by text not null
);
CREATE TABLE account (
  name text primary key,
  email text,
  administrator integer not null,
  disabled_at integer,
  password_hash text,
  created_at integer not null,
  created_by text not null,
  updated_at integer not null,
  updated_by text not null
);
CREATE TABLE session (
  id integer primary key autoincrement,
  hash text not null unique,
  user_name text not null references account (name),
  created_at integer not null,
  seen_at integer not null,
  ends_at integer not null,
  address text not null
);
CREATE TABLE api_token (
  id integer primary key autoincrement,
  hash text not null unique,
  user_name text not null references account (name),
  name text not null,
  mask integer not null,
  projects text,
  parent integer,
  created_at integer not null,
  expires_at integer,
  used_at integer
);
CREATE TABLE sign_in_link (
  user_name text primary key references account (name),
  hash text not null unique,
  created_at integer not null,
  created_by text not null,
  expires_at integer
);
CREATE TABLE sign_in_try (
  bucket text primary key,
  level integer not null,
  at integer not null
);
CREATE TABLE project_member (
  project_id integer not null references project (id),
  user_name text not null references account (name),
  bits integer not null,
  added_at integer not null,
  added_by text not null,
  primary key (project_id, user_name)
) without rowid;
CREATE TABLE audit (
  id integer primary key autoincrement,
  at integer not null,
  last_at integer not null,
  times integer not null,
  user_name text not null,
  via text not null,
  address text not null,
  action text not null,
  outcome text not null,
  code text,
  project_id integer,
  project text,
  target text not null,
  merge_key text
);
CREATE TABLE secret (
  project_id integer not null references project (id),
  name text not null,
  sealed text not null,
  updated_at integer not null,
  updated_by text not null,
  primary key (project_id, name)
);
CREATE TABLE vault_version (
  project_id integer primary key references project (id),
  version integer not null
);
CREATE TABLE project_file (
  project_id integer not null references project (id),
  path text not null,
  sha256 text not null,
  size_bytes integer not null,
  updated_at integer not null,
  updated_by text not null,
  primary key (project_id, path)
);
CREATE TABLE run_content (
  sha256 text not null,
  run_id integer not null,
  primary key (sha256, run_id)
) without rowid;
CREATE TABLE log (
  run_id integer not null,
  task integer not null,
  n integer not null,
  size integer not null,
  complete integer not null,
  gaps text not null,
  primary key (run_id, task, n)
) without rowid;
CREATE TABLE log_chunk (
  run_id integer not null,
  task integer not null,
  n integer not null,
  start integer not null,
  bytes blob not null,
  primary key (run_id, task, n, start)
);
CREATE TABLE request_key (
  user_name text not null,
  idempotency_key text not null,
  operation text not null,
  subject_id integer not null,
  request_hash text not null,
  at integer not null,
  primary key (user_name, idempotency_key)
) without rowid;
CREATE TABLE backfill (
  id integer primary key autoincrement,
  project_id integer not null,
  project text not null,
  workflow_id integer not null,
  workflow text not null,
  workflow_version integer,
  start_at integer not null,
  end_at integer not null,
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
  created_at integer not null,
  updated_at integer not null,
  ended_at integer
, dependents text not null default '[]', continue_after_failure integer not null default 0, date_count integer not null default 0, stopping integer not null default 0, halted_at integer, pending_dates integer not null default 0, running_dates integer not null default 0, at_once integer not null default 1, changed integer not null default 0);
CREATE TABLE bulk_operation (
  id integer primary key autoincrement,
  action text not null,
  submit_user text not null,
  sender text not null,
  state text not null,
  items integer not null,
  pending integer not null,
  done integer not null,
  refused integer not null,
  created_at integer not null,
  ended_at integer,
  holder text,
  lease_until integer
);
CREATE TABLE bulk_item (
  operation_id integer not null,
  position integer not null,
  run_id integer not null,
  project_id integer,
  state text not null,
  command_id integer,
  new_run_id integer,
  code text,
  message text,
  at integer,
  primary key (operation_id, position)
) without rowid;
CREATE TABLE worker_drain (
  name text primary key,
  reason text not null,
  drained_at integer not null,
  drained_by text not null
);
CREATE TABLE worker_group (
  name text primary key,
  description text not null,
  updated_at integer not null,
  updated_by text not null
);
CREATE TABLE environment (
  name text primary key,
  description text not null,
  variables text not null,
  updated_at integer not null,
  updated_by text not null
);
CREATE TABLE backfill_date (
  backfill_id integer not null references backfill (id),
  -- In the order of execution, from 0.
  position integer not null,
  logical_at integer not null,
  state text not null,
  -- Which of its workflows is, or comes, next: 0 is the one that the backfill is of.
  step integer not null default 0,
  -- The last run; null: none yet.
  run_id integer,
  -- How many runs it has had.
  runs integer not null default 0,
  reason text,
  begun_at integer,
  ended_at integer,
  primary key (backfill_id, position)
) without rowid;
CREATE TABLE backfill_run (
  backfill_id integer not null,
  position integer not null,
  -- Counts the runs of the date, from 1.
  n integer not null,
  run_id integer not null unique,
  primary key (backfill_id, position, n)
) without rowid;
CREATE TABLE schedule (
  id integer primary key autoincrement,
  project_id integer not null references project (id),
  workflow_id integer not null references workflow (id),
  name text not null,
  version integer not null,
  online integer not null,
  cron text not null,
  zone text not null,
  start_at integer,
  end_at integer,
  misfire text not null,
  misfire_max integer not null,
  calendar text,
  on_holiday text,
  options text not null,
  -- The tick that is decided next: the only one that can fire. Null: none is to come.
  next_due_at integer,
  next_nominal_at integer,
  -- The rest of it, as JSON.
  next_tick text,
  last_nominal_at integer,
  last_fired_at integer,
  last_run_id integer,
  from_definition integer not null,
  created_at integer not null,
  created_by text not null,
  updated_at integer not null,
  updated_by text not null, changed integer not null default 0,
  unique (workflow_id, name)
);
CREATE TABLE tick (
  schedule_id integer not null,
  nominal_at integer not null,
  schedule text not null,
  project_id integer not null,
  workflow_id integer not null,
  workflow text not null,
  due_at integer not null,
  decided_at integer not null,
  schedule_version integer not null,
  outcome text not null,
  reason text,
  detail text,
  run_id integer, changed integer not null default 0,
  primary key (schedule_id, nominal_at)
) without rowid;
CREATE TABLE calendar (
  name text primary key,
  description text not null,
  -- A JSON array of texts, ascending.
  days text not null,
  revision integer not null,
  updated_at integer not null,
  updated_by text not null
);
CREATE TABLE maintenance (
  id integer primary key,
  paused integer not null,
  reason text not null,
  at integer,
  by_user text
, changed integer not null default 0);
CREATE TABLE deadline (
  id integer primary key autoincrement,
  project_id integer not null references project (id),
  workflow_id integer not null references workflow (id),
  name text not null,
  task text,
  cron text not null,
  zone text not null,
  enabled integer not null,
  recipients text not null,
  next_check_at integer,
  last_check_at integer,
  last_missed_at integer,
  updated_at integer not null,
  updated_by text not null,
  unique (workflow_id, name)
);
CREATE TABLE task_group_permit (
  run_id integer not null,
  task integer not null,
  -- Of the wait that it is for: a later one of the same task is another.
  ready_at integer not null,
  name text not null,
  weight integer not null,
  priority integer not null,
  rank integer not null,
  master text not null,
  granted integer not null,
  -- Which question of that master it is from, and when it was asked.
  asked integer not null,
  asked_at integer not null,
  primary key (run_id, task)
) without rowid;
CREATE TABLE deleted_schedule (
  schedule_id integer primary key,
  project_id integer not null,
  workflow text not null,
  name text not null,
  deleted_at integer not null,
  changed integer not null
);
insert into "account" values ('admin', NULL, 1, NULL, NULL, 1795274842382, 'pelorus', 1795274842382, 'pelorus');
insert into "attempt" values (1, 0, 1, 7, 'succeeded', NULL, 'w-8ebeb998-6731-4c42-a208-ea1a78eb6d01', 1795274845703, 1795274845725, 1795274845726, NULL);
insert into "attempt" values (2, 0, 1, 7, 'succeeded', NULL, 'w-8ebeb998-6731-4c42-a208-ea1a78eb6d01', 1795274846694, 1795274846701, 1795274846701, NULL);
insert into "attempt" values (2, 1, 1, 12, 'running', NULL, 'w-8ebeb998-6731-4c42-a208-ea1a78eb6d01', 1795274846702, 1795274846706, NULL, NULL);
insert into "attempt" values (3, 0, 1, 5, 'running', NULL, 'w-8ebeb998-6731-4c42-a208-ea1a78eb6d01', 1795274846694, 1795274846701, NULL, NULL);
insert into "attempt" values (5, 0, 1, 7, 'failed', '{"kind":"exit","code":1}', 'w-8ebeb998-6731-4c42-a208-ea1a78eb6d01', 1795274846694, 1795274846701, 1795274846701, NULL);
insert into "command" values (1, 1, '{"kind":"start"}', 'ann', 1795274844693, NULL, NULL, 1795274845702, '{"kind":"applied"}');
insert into "command" values (2, 2, '{"kind":"start"}', 'ann', 1795274845738, NULL, NULL, 1795274846693, '{"kind":"applied"}');
insert into "command" values (3, 3, '{"kind":"start"}', 'ann', 1795274845745, NULL, NULL, 1795274846693, '{"kind":"applied"}');
insert into "command" values (4, 4, '{"kind":"start"}', 'ann', 1795274845754, NULL, NULL, 1795274845754, '{"kind":"applied"}');
insert into "command" values (5, 5, '{"kind":"start"}', 'ann', 1795274845769, NULL, NULL, 1795274846693, '{"kind":"applied"}');
insert into "command" values (6, 6, '{"kind":"start"}', 'ann', 1795274847783, NULL, NULL, NULL, NULL);
insert into "maintenance" values (1, 0, '', NULL, NULL, 0);
insert into "master" values ('m-2ced4664-0366-46eb-a833-02a2675408d3', 'ab866b0f825f663a99c2dc761ccd53a0', 'vm', 1795274844278, 1795274844278, 1795274859279, 1795274847706, NULL);
insert into "migration" values (1, 'projects, workflows, runs, commands, workers, masters', 1795274842342);
insert into "migration" values (2, 'runs that take turns, logical dates, task groups, alerts', 1795274842342);
insert into "migration" values (3, 'accounts, sessions, tokens, members, audit', 1795274842342);
insert into "migration" values (4, 'secrets, sealed connections, project files', 1795274842342);
insert into "migration" values (5, 'logs', 1795274842342);
insert into "migration" values (6, 'backfills, bulk operations, drained workers, worker groups, environments, request keys, finer run lists', 1795274842342);
insert into "migration" values (7, 'projects that were deleted, alerts by project', 1795274842342);
insert into "migration" values (8, 'when each run last changed', 1795274842342);
insert into "migration" values (9, 'where masters are reached', 1795274842342);
insert into "migration" values (10, 'counts of runs that writers do not contend for', 1795274842342);
insert into "migration" values (11, 'dates of backfills', 1795274842342);
insert into "migration" values (12, 'schedules, ticks, calendars, deadlines', 1795274842342);
insert into "migration" values (13, 'permits of task groups', 1795274842342);
insert into "migration" values (14, 'when schedules, ticks and backfills last changed', 1795274842342);
insert into "migration" values (15, 'loads of workers', 1795274842342);
insert into "migration" values (16, 'texts of versions that are replaced', 1795274842342);
insert into "project" values (1, 'sales', '', 'ann', 1795274844176, NULL, NULL);
insert into "run" values (1, 1, 'sales', 1, 'ended', 1, NULL, NULL, NULL, 1795274844693, 9, 'succeeded', NULL, NULL, NULL, 'm-2ced4664-0366-46eb-a833-02a2675408d3', 1795274845702, 1795274845726, '{"execType":"DIRECT","mode":"whole","plan":{"run":"all","reuse":[]},"rerunOf":null,"submitUser":"ann","proxyUser":"etl","queue":"default","failurePolicy":"continue","priority":"high","timeoutMs":3155760000000,"timeoutAction":"fail","workerGroup":"default","environment":null,"dryRun":false,"params":{"day":"Monday"},"logicalDateAt":1789999999000,"zone":"Europe/Berlin","notifyType":"FAILURE","notifyMails":["ann@example.org"],"extras":{"ticket":7}}', NULL, NULL, 0, 1789999999000, 'DIRECT', 'ann', NULL, 3);
insert into "run" values (2, 1, 'sales', 2, 'chain', 1, NULL, NULL, NULL, 1795274845738, 1, 'running', NULL, NULL, NULL, 'm-2ced4664-0366-46eb-a833-02a2675408d3', 1795274846693, NULL, '{"execType":"DIRECT","mode":"whole","plan":{"run":"all","reuse":[]},"rerunOf":null,"submitUser":"ann","proxyUser":"etl","queue":"default","failurePolicy":"continue","priority":"high","timeoutMs":3155760000000,"timeoutAction":"fail","workerGroup":"default","environment":null,"dryRun":false,"params":{"day":"Monday"},"logicalDateAt":1789999999000,"zone":"Europe/Berlin","notifyType":"FAILURE","notifyMails":["ann@example.org"],"extras":{"ticket":7}}', NULL, NULL, 0, 1789999999000, 'DIRECT', 'ann', NULL, 8);
insert into "run" values (3, 1, 'sales', 3, 'serial', 1, NULL, NULL, NULL, 1795274845745, 1, 'running', NULL, NULL, NULL, 'm-2ced4664-0366-46eb-a833-02a2675408d3', 1795274846693, NULL, '{"execType":"DIRECT","mode":"whole","plan":{"run":"all","reuse":[]},"rerunOf":null,"submitUser":"ann","proxyUser":"etl","queue":"default","failurePolicy":"continue","priority":"high","timeoutMs":3155760000000,"timeoutAction":"fail","workerGroup":"default","environment":null,"dryRun":false,"params":{"day":"Monday"},"logicalDateAt":1789999999000,"zone":"Europe/Berlin","notifyType":"FAILURE","notifyMails":["ann@example.org"],"extras":{"ticket":7}}', NULL, NULL, 0, 1789999999000, 'DIRECT', 'ann', NULL, 9);
insert into "run" values (4, 1, 'sales', 3, 'serial', 1, NULL, NULL, NULL, 1795274845754, 0, 'waiting', NULL, NULL, 'waits for its turn, behind run 3 (serial_wait)', NULL, NULL, NULL, '{"execType":"DIRECT","mode":"whole","plan":{"run":"all","reuse":[]},"rerunOf":null,"submitUser":"ann","proxyUser":"etl","queue":"default","failurePolicy":"continue","priority":"high","timeoutMs":3155760000000,"timeoutAction":"fail","workerGroup":"default","environment":null,"dryRun":false,"params":{"day":"Monday"},"logicalDateAt":1789999999000,"zone":"Europe/Berlin","notifyType":"FAILURE","notifyMails":["ann@example.org"],"extras":{"ticket":7}}', 'serial_wait', 3, 0, 1789999999000, 'DIRECT', 'ann', NULL, 6);
insert into "run" values (5, 1, 'sales', 4, 'shaky', 1, NULL, NULL, NULL, 1795274845769, 1, 'running', NULL, NULL, NULL, 'm-2ced4664-0366-46eb-a833-02a2675408d3', 1795274846693, NULL, '{"execType":"DIRECT","mode":"whole","plan":{"run":"all","reuse":[]},"rerunOf":null,"submitUser":"ann","proxyUser":"etl","queue":"default","failurePolicy":"continue","priority":"high","timeoutMs":3155760000000,"timeoutAction":"fail","workerGroup":"default","environment":null,"dryRun":false,"params":{"day":"Monday"},"logicalDateAt":1789999999000,"zone":"Europe/Berlin","notifyType":"FAILURE","notifyMails":["ann@example.org"],"extras":{"ticket":7}}', NULL, NULL, 0, 1789999999000, 'DIRECT', 'ann', NULL, 10);
insert into "run" values (6, 1, 'sales', 2, 'chain', 1, NULL, NULL, NULL, 1795274847783, 0, 'queued', NULL, NULL, NULL, NULL, NULL, NULL, '{"execType":"DIRECT","mode":"whole","plan":{"run":"all","reuse":[]},"rerunOf":null,"submitUser":"ann","proxyUser":"etl","queue":"default","failurePolicy":"continue","priority":"high","timeoutMs":3155760000000,"timeoutAction":"fail","workerGroup":"default","environment":null,"dryRun":false,"params":{"day":"Monday"},"logicalDateAt":1789999999000,"zone":"Europe/Berlin","notifyType":"FAILURE","notifyMails":["ann@example.org"],"extras":{"ticket":7}}', NULL, NULL, 0, 1789999999000, 'DIRECT', 'ann', NULL, 11);
insert into "run_count" values (1, 'queued', 0);
insert into "run_count" values (1, 'running', 0);
insert into "run_count" values (1, 'succeeded', 1);
insert into "run_count" values (2, 'queued', 1);
insert into "run_count" values (2, 'running', 1);
insert into "run_count" values (3, 'queued', 0);
insert into "run_count" values (3, 'running', 1);
insert into "run_count" values (3, 'waiting', 1);
insert into "run_count" values (4, 'queued', 0);
insert into "run_count" values (4, 'running', 1);
insert into "task_run" values (1, 0, 8, 'succeeded', NULL, NULL, 1, 0, NULL, 1795274845702, 1795274845725, 1795274845726, NULL);
insert into "task_run" values (2, 0, 8, 'succeeded', NULL, NULL, 1, 0, NULL, 1795274846693, 1795274846701, 1795274846701, NULL);
insert into "task_run" values (2, 1, 13, 'running', NULL, NULL, 1, 0, NULL, 1795274846701, 1795274846706, NULL, NULL);
insert into "task_run" values (3, 0, 6, 'running', NULL, NULL, 1, 0, NULL, 1795274846693, 1795274846701, NULL, NULL);
insert into "task_run" values (5, 0, 8, 'retry_wait', '{"kind":"exit","code":1}', 'retry 1 of 3', 1, 1, 1795274907767, 1795274846693, 1795274846701, NULL, NULL);
insert into "worker" values ('w-8ebeb998-6731-4c42-a208-ea1a78eb6d01', 'scripted', 'here', '["default"]', 100, 'online', 1795274844700, 1795274844700, '[]', '{"slots":100,"usedSlots":0,"loadAverage":-1,"cpuCount":4,"freeMemoryBytes":1,"totalMemoryBytes":1,"busy":false,"draining":false}');
insert into "workflow" values (1, 1, 'ended', 'Loads what the day brought', 1, 'ended', 0, 1790000000000, 1790000000000, 'ann', NULL, NULL, '{}', 0);
insert into "workflow" values (2, 1, 'chain', 'Loads what the day brought', 1, 'chain', 0, 1790000000000, 1790000000000, 'ann', NULL, NULL, '{}', 0);
insert into "workflow" values (3, 1, 'serial', 'Loads what the day brought', 1, 'serial', 0, 1790000000000, 1790000000000, 'ann', NULL, NULL, '{}', 0);
insert into "workflow" values (4, 1, 'shaky', 'Loads what the day brought', 1, 'shaky', 0, 1790000000000, 1790000000000, 'ann', NULL, NULL, '{}', 0);
insert into "workflow_version" values (1, 1, '{"name":"ended","project":null,"description":"Loads what the day brought","labels":{},"params":{},"failurePolicy":"end","concurrency":"parallel","timeout":{"afterMs":86400000,"action":"fail"},"priority":"medium","parameterMode":"strict","schedule":null,"notify":{"on":"none","to":[]},"tasks":[{"name":"only","description":"","needs":[],"trigger":"all_success","disabled":false,"params":{},"env":{},"retry":{"max":0,"intervalMs":1000,"backoff":"fixed","maxIntervalMs":1000},"timeout":null,"delayMs":0,"priority":null,"workerGroup":null,"environment":null,"runAs":null,"taskGroup":null,"onWorkerLost":"rerun","dispatchTimeoutMs":null,"files":[],"outputs":{},"extras":null,"action":{"type":"shell","run":"true","file":null,"shell":"/bin/sh","substitution":"env"}}]}', '[]', 'name: nightly
', 'yaml', 'ended', 1790000000000, 'ann', 'parallel', '[]', 0);
insert into "workflow_version" values (2, 1, '{"name":"chain","project":null,"description":"Loads what the day brought","labels":{},"params":{},"failurePolicy":"end","concurrency":"parallel","timeout":{"afterMs":86400000,"action":"fail"},"priority":"medium","parameterMode":"strict","schedule":null,"notify":{"on":"none","to":[]},"tasks":[{"name":"extract","description":"","needs":[],"trigger":"all_success","disabled":false,"params":{},"env":{},"retry":{"max":0,"intervalMs":1000,"backoff":"fixed","maxIntervalMs":1000},"timeout":null,"delayMs":0,"priority":null,"workerGroup":null,"environment":null,"runAs":null,"taskGroup":null,"onWorkerLost":"rerun","dispatchTimeoutMs":null,"files":[],"outputs":{},"extras":null,"action":{"type":"shell","run":"true","file":null,"shell":"/bin/sh","substitution":"env"}},{"name":"load","description":"","needs":["extract"],"trigger":"all_success","disabled":false,"params":{},"env":{},"retry":{"max":0,"intervalMs":1000,"backoff":"fixed","maxIntervalMs":1000},"timeout":null,"delayMs":0,"priority":null,"workerGroup":null,"environment":null,"runAs":null,"taskGroup":null,"onWorkerLost":"rerun","dispatchTimeoutMs":null,"files":[],"outputs":{},"extras":null,"action":{"type":"shell","run":"true","file":null,"shell":"/bin/sh","substitution":"env"}},{"name":"report","description":"","needs":["load"],"trigger":"all_success","disabled":false,"params":{},"env":{},"retry":{"max":0,"intervalMs":1000,"backoff":"fixed","maxIntervalMs":1000},"timeout":null,"delayMs":0,"priority":null,"workerGroup":null,"environment":null,"runAs":null,"taskGroup":null,"onWorkerLost":"rerun","dispatchTimeoutMs":null,"files":[],"outputs":{},"extras":null,"action":{"type":"shell","run":"true","file":null,"shell":"/bin/sh","substitution":"env"}}]}', '[]', 'name: nightly
', 'yaml', 'chain', 1790000000000, 'ann', 'parallel', '[]', 0);
insert into "workflow_version" values (3, 1, '{"name":"serial","project":null,"description":"Loads what the day brought","labels":{},"params":{},"failurePolicy":"end","concurrency":"serial_wait","timeout":{"afterMs":86400000,"action":"fail"},"priority":"medium","parameterMode":"strict","schedule":null,"notify":{"on":"none","to":[]},"tasks":[{"name":"turn","description":"","needs":[],"trigger":"all_success","disabled":false,"params":{},"env":{},"retry":{"max":0,"intervalMs":1000,"backoff":"fixed","maxIntervalMs":1000},"timeout":null,"delayMs":0,"priority":null,"workerGroup":null,"environment":null,"runAs":null,"taskGroup":null,"onWorkerLost":"rerun","dispatchTimeoutMs":null,"files":[],"outputs":{},"extras":null,"action":{"type":"shell","run":"true","file":null,"shell":"/bin/sh","substitution":"env"}}]}', '[]', 'name: nightly
', 'yaml', 'serial', 1790000000000, 'ann', 'serial_wait', '[]', 0);
insert into "workflow_version" values (4, 1, '{"name":"shaky","project":null,"description":"Loads what the day brought","labels":{},"params":{},"failurePolicy":"end","concurrency":"parallel","timeout":{"afterMs":86400000,"action":"fail"},"priority":"medium","parameterMode":"strict","schedule":null,"notify":{"on":"none","to":[]},"tasks":[{"name":"again","description":"","needs":[],"trigger":"all_success","disabled":false,"params":{},"env":{},"retry":{"max":3,"intervalMs":60000,"backoff":"fixed","maxIntervalMs":60000},"timeout":null,"delayMs":0,"priority":null,"workerGroup":null,"environment":null,"runAs":null,"taskGroup":null,"onWorkerLost":"rerun","dispatchTimeoutMs":null,"files":[],"outputs":{},"extras":null,"action":{"type":"shell","run":"true","file":null,"shell":"/bin/sh","substitution":"env"}}]}', '[]', 'name: nightly
', 'yaml', 'shaky', 1790000000000, 'ann', 'parallel', '[]', 0);
update sqlite_sequence set seq = 1 where name = 'project';
update sqlite_sequence set seq = 4 where name = 'workflow';
update sqlite_sequence set seq = 6 where name = 'run';
update sqlite_sequence set seq = 6 where name = 'command';
CREATE UNIQUE INDEX workflow_name on workflow (project_id, name) where deleted_at is null;
CREATE INDEX run_workflow on run (workflow_id, state, coalesce(started_at, 9007199254740991) desc, id desc, submitted_at);
CREATE INDEX run_submitted on run (submitted_at, state, workflow_id, coalesce(started_at, 9007199254740991));
CREATE INDEX run_live on run (id, owner, workflow_id) where state not in ('succeeded', 'stopped', 'failed', 'dependency_failed');
CREATE UNIQUE INDEX run_parent on run (parent_run, parent_task, parent_attempt) where parent_run is not null;
CREATE TRIGGER run_counted after insert on run begin
      insert into run_count (workflow_id, state, runs) values (new.workflow_id, new.state, 1)
      on conflict (workflow_id, state) do update set runs = runs + 1;
    end;
CREATE TRIGGER run_recounted after update of state on run when old.state <> new.state begin
      update run_count set runs = runs - 1 where workflow_id = old.workflow_id and state = old.state;
      insert into run_count (workflow_id, state, runs) values (new.workflow_id, new.state, 1)
      on conflict (workflow_id, state) do update set runs = runs + 1;
    end;
CREATE UNIQUE INDEX attempt_live on attempt (run_id, task) where state in ('dispatched', 'running', 'killing');
CREATE UNIQUE INDEX command_key on command (user_name, idempotency_key) where idempotency_key is not null;
CREATE INDEX command_waiting on command (id, run_id) where done_at is null;
CREATE INDEX run_active on run (workflow_id, id)
  where turn is null and dry_run = 0 and state not in ('succeeded', 'stopped', 'failed', 'dependency_failed');
CREATE INDEX run_turn on run (workflow_id, turn, id) where turn is not null;
CREATE INDEX run_behind on run (behind) where behind is not null;
CREATE INDEX run_logical on run (workflow_id, logical_at, id) where dry_run = 0;
CREATE INDEX workflow_any_name on workflow (project_id, name);
CREATE INDEX alert_due on alert_delivery (next_at, id) where next_at is not null;
CREATE INDEX alert_run on alert_delivery (run_id, id);
CREATE INDEX alert_state on alert_delivery (state, id);
CREATE UNIQUE INDEX account_folded on account (lower(name));
CREATE UNIQUE INDEX account_email on account (email) where email is not null;
CREATE INDEX session_of_user on session (user_name, id);
CREATE INDEX session_end on session (ends_at);
CREATE INDEX api_token_user on api_token (user_name, id);
CREATE INDEX api_token_parent on api_token (parent) where parent is not null;
CREATE INDEX sign_in_try_at on sign_in_try (at);
CREATE INDEX project_member_user on project_member (user_name, project_id);
CREATE INDEX project_owner on project (owner);
CREATE INDEX audit_at on audit (at, id);
CREATE INDEX audit_user on audit (user_name, at, id);
CREATE INDEX audit_action on audit (action, at, id);
CREATE INDEX audit_project on audit (project_id, at, id) where project_id is not null;
CREATE UNIQUE INDEX audit_merge on audit (merge_key) where merge_key is not null;
CREATE INDEX project_file_content on project_file (sha256);
CREATE INDEX run_order on run (
  coalesce(started_at, 9007199254740991) desc, id desc, state, workflow_id, submitted_at, exec_type, submit_user, logical_at);
CREATE INDEX run_user on run (submit_user, id);
CREATE INDEX run_rerun on run (rerun_of, id) where rerun_of is not null;
CREATE INDEX run_not_direct on run (exec_type, id) where exec_type <> 'DIRECT';
CREATE INDEX run_logical_any on run (logical_at, id);
CREATE INDEX request_key_age on request_key (at);
CREATE INDEX backfill_workflow on backfill (workflow_id, id);
CREATE INDEX backfill_project on backfill (project_id, id);
CREATE INDEX bulk_operation_user on bulk_operation (submit_user, id);
CREATE INDEX bulk_operation_live on bulk_operation (id) where ended_at is null;
CREATE INDEX bulk_item_pending on bulk_item (operation_id, position) where state = 'pending';
CREATE INDEX alert_project on alert_delivery (project_id, id);
CREATE INDEX run_changed on run (changed, project_id) where changed > 0;
CREATE INDEX backfill_live on backfill (id, state, pending_dates, running_dates, at_once) where ended_at is null;
CREATE INDEX backfill_date_pending on backfill_date (backfill_id, position) where state = 'pending';
CREATE INDEX backfill_date_running on backfill_date (run_id) where state = 'running';
CREATE INDEX schedule_due on schedule (next_due_at, id) where next_due_at is not null;
CREATE INDEX schedule_project on schedule (project_id, id);
CREATE INDEX schedule_calendar on schedule (calendar) where calendar is not null;
CREATE INDEX tick_workflow on tick (workflow_id, nominal_at, schedule_id);
CREATE INDEX tick_project on tick (project_id, nominal_at, schedule_id);
CREATE INDEX tick_any on tick (nominal_at, schedule_id);
CREATE INDEX deadline_due on deadline (next_check_at, id) where next_check_at is not null;
CREATE INDEX deadline_project on deadline (project_id, id);
CREATE INDEX task_group_permit_name on task_group_permit (name);
CREATE INDEX task_group_permit_master on task_group_permit (master, granted);
CREATE INDEX schedule_changed on schedule (changed, project_id) where changed > 0;
CREATE INDEX deleted_schedule_changed on deleted_schedule (changed, project_id) where changed > 0;
CREATE INDEX tick_changed on tick (changed, project_id) where changed > 0;
CREATE INDEX backfill_changed on backfill (changed, project_id) where changed > 0;
CREATE INDEX maintenance_changed on maintenance (changed) where changed > 0;
commit;
