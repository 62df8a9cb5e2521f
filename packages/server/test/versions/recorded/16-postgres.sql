SELECT pg_catalog.set_config('search_path', '', false);
CREATE FUNCTION public.count_run() RETURNS trigger
    LANGUAGE plpgsql
    AS $$ begin
      if tg_op = 'UPDATE' then
        insert into run_count_delta (workflow_id, state, runs) values (old.workflow_id, old.state, -1), (new.workflow_id, new.state, 1);
      else
        insert into run_count_delta (workflow_id, state, runs) values (new.workflow_id, new.state, 1);
      end if;
      return null;
    end $$;
SET default_tablespace = '';
SET default_table_access_method = heap;
CREATE TABLE public.account (
    name text NOT NULL,
    email text,
    administrator integer NOT NULL,
    disabled_at bigint,
    password_hash text,
    created_at bigint NOT NULL,
    created_by text NOT NULL,
    updated_at bigint NOT NULL,
    updated_by text NOT NULL
);
CREATE TABLE public.alert (
    id text NOT NULL,
    run_id bigint NOT NULL,
    content text NOT NULL
);
CREATE TABLE public.alert_channel (
    name text NOT NULL,
    kind text NOT NULL,
    target text NOT NULL,
    secret text,
    events text NOT NULL,
    updated_at bigint NOT NULL,
    updated_by text NOT NULL
);
CREATE TABLE public.alert_delivery (
    id bigint NOT NULL,
    alert_id text NOT NULL,
    run_id bigint NOT NULL,
    recipient text NOT NULL,
    state text NOT NULL,
    attempts integer NOT NULL,
    next_at bigint,
    done_at bigint,
    result text,
    project_id bigint
);
ALTER TABLE public.alert_delivery ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.alert_delivery_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);
CREATE TABLE public.api_token (
    id bigint NOT NULL,
    hash text NOT NULL,
    user_name text NOT NULL,
    name text NOT NULL,
    mask integer NOT NULL,
    projects text,
    parent bigint,
    created_at bigint NOT NULL,
    expires_at bigint,
    used_at bigint
);
ALTER TABLE public.api_token ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.api_token_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);
CREATE TABLE public.attempt (
    run_id bigint NOT NULL,
    task integer NOT NULL,
    n integer NOT NULL,
    version bigint NOT NULL,
    state text NOT NULL,
    cause text,
    worker text NOT NULL,
    dispatched_at bigint NOT NULL,
    started_at bigint,
    ended_at bigint,
    kill_intent text
);
CREATE TABLE public.audit (
    id bigint NOT NULL,
    at bigint NOT NULL,
    last_at bigint NOT NULL,
    times bigint NOT NULL,
    user_name text NOT NULL,
    via text NOT NULL,
    address text NOT NULL,
    action text NOT NULL,
    outcome text NOT NULL,
    code text,
    project_id bigint,
    project text,
    target text NOT NULL,
    merge_key text
);
ALTER TABLE public.audit ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.audit_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);
CREATE TABLE public.backfill (
    id bigint NOT NULL,
    project_id bigint NOT NULL,
    project text NOT NULL,
    workflow_id bigint NOT NULL,
    workflow text NOT NULL,
    workflow_version integer,
    start_at bigint NOT NULL,
    end_at bigint NOT NULL,
    crontab text,
    zone text NOT NULL,
    mode text NOT NULL,
    parallelism integer NOT NULL,
    date_order text NOT NULL,
    dates text,
    options text NOT NULL,
    state text NOT NULL,
    wait_reason text,
    counts text NOT NULL,
    submit_user text NOT NULL,
    created_at bigint NOT NULL,
    updated_at bigint NOT NULL,
    ended_at bigint,
    dependents text DEFAULT '[]'::text NOT NULL,
    continue_after_failure integer DEFAULT 0 NOT NULL,
    date_count integer DEFAULT 0 NOT NULL,
    stopping integer DEFAULT 0 NOT NULL,
    halted_at bigint,
    pending_dates integer DEFAULT 0 NOT NULL,
    running_dates integer DEFAULT 0 NOT NULL,
    at_once integer DEFAULT 1 NOT NULL,
    changed bigint DEFAULT 0 NOT NULL
);
CREATE TABLE public.backfill_date (
    backfill_id bigint NOT NULL,
    "position" integer NOT NULL,
    logical_at bigint NOT NULL,
    state text NOT NULL,
    step integer DEFAULT 0 NOT NULL,
    run_id bigint,
    runs integer DEFAULT 0 NOT NULL,
    reason text,
    begun_at bigint,
    ended_at bigint
);
ALTER TABLE public.backfill ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.backfill_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);
CREATE TABLE public.backfill_run (
    backfill_id bigint NOT NULL,
    "position" integer NOT NULL,
    n integer NOT NULL,
    run_id bigint NOT NULL
);
CREATE TABLE public.bulk_item (
    operation_id bigint NOT NULL,
    "position" integer NOT NULL,
    run_id bigint NOT NULL,
    project_id bigint,
    state text NOT NULL,
    command_id bigint,
    new_run_id bigint,
    code text,
    message text,
    at bigint
);
CREATE TABLE public.bulk_operation (
    id bigint NOT NULL,
    action text NOT NULL,
    submit_user text NOT NULL,
    sender text NOT NULL,
    state text NOT NULL,
    items integer NOT NULL,
    pending integer NOT NULL,
    done integer NOT NULL,
    refused integer NOT NULL,
    created_at bigint NOT NULL,
    ended_at bigint,
    holder text,
    lease_until bigint
);
ALTER TABLE public.bulk_operation ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.bulk_operation_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);
CREATE TABLE public.calendar (
    name text NOT NULL,
    description text NOT NULL,
    days text NOT NULL,
    revision integer NOT NULL,
    updated_at bigint NOT NULL,
    updated_by text NOT NULL
);
CREATE TABLE public.command (
    id bigint NOT NULL,
    run_id bigint NOT NULL,
    action text NOT NULL,
    user_name text NOT NULL,
    at bigint NOT NULL,
    idempotency_key text,
    request_hash text,
    done_at bigint,
    outcome text
);
ALTER TABLE public.command ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.command_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);
CREATE TABLE public.connection (
    project_id bigint NOT NULL,
    name text NOT NULL,
    kind text NOT NULL,
    url text NOT NULL,
    plain integer DEFAULT 1 NOT NULL,
    sealed text,
    updated_at bigint DEFAULT 0 NOT NULL,
    updated_by text DEFAULT ''::text NOT NULL
);
CREATE TABLE public.content (
    sha256 text NOT NULL,
    bytes bytea NOT NULL,
    kept integer DEFAULT 1 NOT NULL
);
CREATE TABLE public.deadline (
    id bigint NOT NULL,
    project_id bigint NOT NULL,
    workflow_id bigint NOT NULL,
    name text NOT NULL,
    task text,
    cron text NOT NULL,
    zone text NOT NULL,
    enabled integer NOT NULL,
    recipients text NOT NULL,
    next_check_at bigint,
    last_check_at bigint,
    last_missed_at bigint,
    updated_at bigint NOT NULL,
    updated_by text NOT NULL
);
ALTER TABLE public.deadline ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.deadline_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);
CREATE TABLE public.deleted_schedule (
    schedule_id bigint NOT NULL,
    project_id bigint NOT NULL,
    workflow text NOT NULL,
    name text NOT NULL,
    deleted_at bigint NOT NULL,
    changed bigint NOT NULL
);
CREATE TABLE public.environment (
    name text NOT NULL,
    description text NOT NULL,
    variables text NOT NULL,
    updated_at bigint NOT NULL,
    updated_by text NOT NULL
);
CREATE TABLE public.log (
    run_id bigint NOT NULL,
    task integer NOT NULL,
    n integer NOT NULL,
    size bigint NOT NULL,
    complete integer NOT NULL,
    gaps text NOT NULL
);
CREATE TABLE public.log_chunk (
    run_id bigint NOT NULL,
    task integer NOT NULL,
    n integer NOT NULL,
    start bigint NOT NULL,
    bytes bytea NOT NULL
);
CREATE TABLE public.maintenance (
    id integer NOT NULL,
    paused integer NOT NULL,
    reason text NOT NULL,
    at bigint,
    by_user text,
    changed bigint DEFAULT 0 NOT NULL
);
CREATE TABLE public.master (
    id text NOT NULL,
    token text NOT NULL,
    host text NOT NULL,
    registered_at bigint NOT NULL,
    renewed_at bigint NOT NULL,
    lease_until bigint NOT NULL,
    fenced_at bigint,
    ops_url text
);
CREATE TABLE public.migration (
    number integer NOT NULL,
    name text NOT NULL,
    applied_at bigint NOT NULL
);
CREATE TABLE public.project (
    id bigint NOT NULL,
    name text NOT NULL,
    description text NOT NULL,
    owner text NOT NULL,
    created_at bigint NOT NULL,
    deleted_at bigint,
    deleted_by text
);
CREATE TABLE public.project_file (
    project_id bigint NOT NULL,
    path text NOT NULL,
    sha256 text NOT NULL,
    size_bytes bigint NOT NULL,
    updated_at bigint NOT NULL,
    updated_by text NOT NULL
);
ALTER TABLE public.project ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.project_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);
CREATE TABLE public.project_member (
    project_id bigint NOT NULL,
    user_name text NOT NULL,
    bits integer NOT NULL,
    added_at bigint NOT NULL,
    added_by text NOT NULL
);
CREATE TABLE public.request_key (
    user_name text NOT NULL,
    idempotency_key text NOT NULL,
    operation text NOT NULL,
    subject_id bigint NOT NULL,
    request_hash text NOT NULL,
    at bigint NOT NULL
);
CREATE TABLE public.run (
    id bigint NOT NULL,
    project_id bigint NOT NULL,
    project text NOT NULL,
    workflow_id bigint NOT NULL,
    workflow text NOT NULL,
    workflow_version integer NOT NULL,
    parent_run bigint,
    parent_task integer,
    parent_attempt integer,
    submitted_at bigint NOT NULL,
    version bigint NOT NULL,
    state text NOT NULL,
    cause text,
    first_failure text,
    wait_reason text,
    owner text,
    started_at bigint,
    ended_at bigint,
    spec text NOT NULL,
    turn text,
    behind bigint,
    dry_run integer DEFAULT 0 NOT NULL,
    logical_at bigint DEFAULT 0 NOT NULL,
    exec_type text DEFAULT 'DIRECT'::text NOT NULL,
    submit_user text DEFAULT ''::text NOT NULL,
    rerun_of bigint,
    changed bigint DEFAULT 0 NOT NULL
);
CREATE TABLE public.run_content (
    sha256 text NOT NULL,
    run_id bigint NOT NULL
);
CREATE TABLE public.run_count_base (
    workflow_id bigint NOT NULL,
    state text NOT NULL,
    runs bigint NOT NULL
);
CREATE TABLE public.run_count_delta (
    workflow_id bigint NOT NULL,
    state text NOT NULL,
    runs bigint NOT NULL
)
WITH (autovacuum_vacuum_scale_factor='0', autovacuum_vacuum_threshold='5000');
CREATE VIEW public.run_count AS
 SELECT each.workflow_id,
    each.state,
    (sum(each.runs))::bigint AS runs
   FROM ( SELECT run_count_base.workflow_id,
            run_count_base.state,
            run_count_base.runs
           FROM public.run_count_base
        UNION ALL
         SELECT run_count_delta.workflow_id,
            run_count_delta.state,
            run_count_delta.runs
           FROM public.run_count_delta) each
  GROUP BY each.workflow_id, each.state;
ALTER TABLE public.run ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.run_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);
CREATE TABLE public.schedule (
    id bigint NOT NULL,
    project_id bigint NOT NULL,
    workflow_id bigint NOT NULL,
    name text NOT NULL,
    version integer NOT NULL,
    online integer NOT NULL,
    cron text NOT NULL,
    zone text NOT NULL,
    start_at bigint,
    end_at bigint,
    misfire text NOT NULL,
    misfire_max integer NOT NULL,
    calendar text,
    on_holiday text,
    options text NOT NULL,
    next_due_at bigint,
    next_nominal_at bigint,
    next_tick text,
    last_nominal_at bigint,
    last_fired_at bigint,
    last_run_id bigint,
    from_definition integer NOT NULL,
    created_at bigint NOT NULL,
    created_by text NOT NULL,
    updated_at bigint NOT NULL,
    updated_by text NOT NULL,
    changed bigint DEFAULT 0 NOT NULL
);
ALTER TABLE public.schedule ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.schedule_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);
CREATE TABLE public.secret (
    project_id bigint NOT NULL,
    name text NOT NULL,
    sealed text NOT NULL,
    updated_at bigint NOT NULL,
    updated_by text NOT NULL
);
CREATE TABLE public.session (
    id bigint NOT NULL,
    hash text NOT NULL,
    user_name text NOT NULL,
    created_at bigint NOT NULL,
    seen_at bigint NOT NULL,
    ends_at bigint NOT NULL,
    address text NOT NULL
);
ALTER TABLE public.session ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.session_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);
CREATE TABLE public.sign_in_link (
    user_name text NOT NULL,
    hash text NOT NULL,
    created_at bigint NOT NULL,
    created_by text NOT NULL,
    expires_at bigint
);
CREATE TABLE public.sign_in_try (
    bucket text NOT NULL,
    level bigint NOT NULL,
    at bigint NOT NULL
);
CREATE TABLE public.task_group (
    name text NOT NULL,
    size integer NOT NULL,
    updated_at bigint NOT NULL,
    updated_by text NOT NULL
);
CREATE TABLE public.task_group_member (
    workflow_id bigint NOT NULL,
    version integer NOT NULL,
    task integer NOT NULL,
    name text NOT NULL,
    weight integer NOT NULL
);
CREATE TABLE public.task_group_permit (
    run_id bigint NOT NULL,
    task integer NOT NULL,
    ready_at bigint NOT NULL,
    name text NOT NULL,
    weight integer NOT NULL,
    priority bigint NOT NULL,
    rank integer NOT NULL,
    master text NOT NULL,
    granted integer NOT NULL,
    asked integer NOT NULL,
    asked_at bigint NOT NULL
);
CREATE TABLE public.task_run (
    run_id bigint NOT NULL,
    task integer NOT NULL,
    version bigint NOT NULL,
    state text NOT NULL,
    cause text,
    wait_reason text,
    attempts integer NOT NULL,
    retries integer NOT NULL,
    wake_at bigint,
    ready_at bigint,
    started_at bigint,
    ended_at bigint,
    outputs text
);
CREATE TABLE public.tick (
    schedule_id bigint NOT NULL,
    nominal_at bigint NOT NULL,
    schedule text NOT NULL,
    project_id bigint NOT NULL,
    workflow_id bigint NOT NULL,
    workflow text NOT NULL,
    due_at bigint NOT NULL,
    decided_at bigint NOT NULL,
    schedule_version integer NOT NULL,
    outcome text NOT NULL,
    reason text,
    detail text,
    run_id bigint,
    changed bigint DEFAULT 0 NOT NULL
);
CREATE TABLE public.vault_version (
    project_id bigint NOT NULL,
    version bigint NOT NULL
);
CREATE TABLE public.worker (
    id text NOT NULL,
    name text NOT NULL,
    host text NOT NULL,
    groups text NOT NULL,
    slots integer NOT NULL,
    state text NOT NULL,
    registered_at bigint NOT NULL,
    seen_at bigint NOT NULL,
    supersedes text DEFAULT '[]'::text NOT NULL,
    load text
);
CREATE TABLE public.worker_drain (
    name text NOT NULL,
    reason text NOT NULL,
    drained_at bigint NOT NULL,
    drained_by text NOT NULL
);
CREATE TABLE public.worker_group (
    name text NOT NULL,
    description text NOT NULL,
    updated_at bigint NOT NULL,
    updated_by text NOT NULL
);
CREATE TABLE public.workflow (
    id bigint NOT NULL,
    project_id bigint NOT NULL,
    name text NOT NULL,
    description text NOT NULL,
    version integer NOT NULL,
    hash text NOT NULL,
    hidden integer NOT NULL,
    created_at bigint NOT NULL,
    updated_at bigint NOT NULL,
    updated_by text NOT NULL,
    deleted_at bigint,
    deleted_by text,
    labels text DEFAULT '{}'::text NOT NULL,
    text_revision integer DEFAULT 0 NOT NULL
);
ALTER TABLE public.workflow ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.workflow_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);
CREATE TABLE public.workflow_version (
    workflow_id bigint NOT NULL,
    version integer NOT NULL,
    definition text NOT NULL,
    files text NOT NULL,
    source text NOT NULL,
    format text NOT NULL,
    hash text NOT NULL,
    created_at bigint NOT NULL,
    created_by text NOT NULL,
    concurrency text DEFAULT 'parallel'::text NOT NULL,
    project_files text DEFAULT '[]'::text NOT NULL,
    text_revision integer DEFAULT 0 NOT NULL
);
INSERT INTO public.account VALUES ('admin', NULL, 1, NULL, NULL, 1795274848430, 'pelorus', 1795274848430, 'pelorus');
INSERT INTO public.attempt VALUES (1, 0, 1, 7, 'succeeded', NULL, 'w-851dcdba-c8b5-4611-99fd-08e36c295fbb', 1795274849394, 1795274849457, 1795274849459, NULL);
INSERT INTO public.attempt VALUES (2, 0, 1, 7, 'succeeded', NULL, 'w-851dcdba-c8b5-4611-99fd-08e36c295fbb', 1795274849552, 1795274849580, 1795274849580, NULL);
INSERT INTO public.attempt VALUES (2, 1, 1, 12, 'running', NULL, 'w-851dcdba-c8b5-4611-99fd-08e36c295fbb', 1795274849580, 1795274849609, NULL, NULL);
INSERT INTO public.attempt VALUES (3, 0, 1, 5, 'running', NULL, 'w-851dcdba-c8b5-4611-99fd-08e36c295fbb', 1795274849636, 1795274849643, NULL, NULL);
INSERT INTO public.attempt VALUES (5, 0, 1, 7, 'failed', '{"kind":"exit","code":1}', 'w-851dcdba-c8b5-4611-99fd-08e36c295fbb', 1795274849682, 1795274849688, 1795274849694, NULL);
INSERT INTO public.command OVERRIDING SYSTEM VALUE VALUES (1, 1, '{"kind":"start"}', 'ann', 1795274849151, NULL, NULL, 1795274849393, '{"kind":"applied"}');
INSERT INTO public.command OVERRIDING SYSTEM VALUE VALUES (2, 2, '{"kind":"start"}', 'ann', 1795274849500, NULL, NULL, 1795274849551, '{"kind":"applied"}');
INSERT INTO public.command OVERRIDING SYSTEM VALUE VALUES (3, 3, '{"kind":"start"}', 'ann', 1795274849523, NULL, NULL, 1795274849635, '{"kind":"applied"}');
INSERT INTO public.command OVERRIDING SYSTEM VALUE VALUES (4, 4, '{"kind":"start"}', 'ann', 1795274849582, NULL, NULL, 1795274849582, '{"kind":"applied"}');
INSERT INTO public.command OVERRIDING SYSTEM VALUE VALUES (5, 5, '{"kind":"start"}', 'ann', 1795274849652, NULL, NULL, 1795274849682, '{"kind":"applied"}');
INSERT INTO public.command OVERRIDING SYSTEM VALUE VALUES (6, 6, '{"kind":"start"}', 'ann', 1795274849733, NULL, NULL, NULL, NULL);
INSERT INTO public.maintenance VALUES (1, 0, '', NULL, NULL, 0);
INSERT INTO public.master VALUES ('m-24d2a444-8c5c-49fd-a2e1-2251ee765773', '936c69bb281138b679df3676c1daae3d', 'vm', 1795274848874, 1795274848874, 1795274863877, NULL, NULL);
INSERT INTO public.migration VALUES (1, 'projects, workflows, runs, commands, workers, masters', 1795274848213);
INSERT INTO public.migration VALUES (2, 'runs that take turns, logical dates, task groups, alerts', 1795274848213);
INSERT INTO public.migration VALUES (3, 'accounts, sessions, tokens, members, audit', 1795274848213);
INSERT INTO public.migration VALUES (4, 'secrets, sealed connections, project files', 1795274848213);
INSERT INTO public.migration VALUES (5, 'logs', 1795274848213);
INSERT INTO public.migration VALUES (6, 'backfills, bulk operations, drained workers, worker groups, environments, request keys, finer run lists', 1795274848213);
INSERT INTO public.migration VALUES (7, 'projects that were deleted, alerts by project', 1795274848213);
INSERT INTO public.migration VALUES (8, 'when each run last changed', 1795274848213);
INSERT INTO public.migration VALUES (9, 'where masters are reached', 1795274848213);
INSERT INTO public.migration VALUES (10, 'counts of runs that writers do not contend for', 1795274848213);
INSERT INTO public.migration VALUES (11, 'dates of backfills', 1795274848213);
INSERT INTO public.migration VALUES (12, 'schedules, ticks, calendars, deadlines', 1795274848213);
INSERT INTO public.migration VALUES (13, 'permits of task groups', 1795274848213);
INSERT INTO public.migration VALUES (14, 'when schedules, ticks and backfills last changed', 1795274848213);
INSERT INTO public.migration VALUES (15, 'loads of workers', 1795274848213);
INSERT INTO public.migration VALUES (16, 'texts of versions that are replaced', 1795274848213);
INSERT INTO public.project OVERRIDING SYSTEM VALUE VALUES (1, 'sales', '', 'ann', 1795274848832, NULL, NULL);
INSERT INTO public.run OVERRIDING SYSTEM VALUE VALUES (1, 1, 'sales', 1, 'ended', 1, NULL, NULL, NULL, 1795274849151, 9, 'succeeded', NULL, NULL, NULL, 'm-24d2a444-8c5c-49fd-a2e1-2251ee765773', 1795274849393, 1795274849459, '{"execType":"DIRECT","mode":"whole","plan":{"run":"all","reuse":[]},"rerunOf":null,"submitUser":"ann","proxyUser":"etl","queue":"default","failurePolicy":"continue","priority":"high","timeoutMs":3155760000000,"timeoutAction":"fail","workerGroup":"default","environment":null,"dryRun":false,"params":{"day":"Monday"},"logicalDateAt":1789999999000,"zone":"Europe/Berlin","notifyType":"FAILURE","notifyMails":["ann@example.org"],"extras":{"ticket":7}}', NULL, NULL, 0, 1789999999000, 'DIRECT', 'ann', NULL, 743);
INSERT INTO public.run OVERRIDING SYSTEM VALUE VALUES (2, 1, 'sales', 2, 'chain', 1, NULL, NULL, NULL, 1795274849500, 1, 'running', NULL, NULL, NULL, 'm-24d2a444-8c5c-49fd-a2e1-2251ee765773', 1795274849551, NULL, '{"execType":"DIRECT","mode":"whole","plan":{"run":"all","reuse":[]},"rerunOf":null,"submitUser":"ann","proxyUser":"etl","queue":"default","failurePolicy":"continue","priority":"high","timeoutMs":3155760000000,"timeoutAction":"fail","workerGroup":"default","environment":null,"dryRun":false,"params":{"day":"Monday"},"logicalDateAt":1789999999000,"zone":"Europe/Berlin","notifyType":"FAILURE","notifyMails":["ann@example.org"],"extras":{"ticket":7}}', NULL, NULL, 0, 1789999999000, 'DIRECT', 'ann', NULL, 751);
INSERT INTO public.run OVERRIDING SYSTEM VALUE VALUES (3, 1, 'sales', 3, 'serial', 1, NULL, NULL, NULL, 1795274849523, 1, 'running', NULL, NULL, NULL, 'm-24d2a444-8c5c-49fd-a2e1-2251ee765773', 1795274849635, NULL, '{"execType":"DIRECT","mode":"whole","plan":{"run":"all","reuse":[]},"rerunOf":null,"submitUser":"ann","proxyUser":"etl","queue":"default","failurePolicy":"continue","priority":"high","timeoutMs":3155760000000,"timeoutAction":"fail","workerGroup":"default","environment":null,"dryRun":false,"params":{"day":"Monday"},"logicalDateAt":1789999999000,"zone":"Europe/Berlin","notifyType":"FAILURE","notifyMails":["ann@example.org"],"extras":{"ticket":7}}', NULL, NULL, 0, 1789999999000, 'DIRECT', 'ann', NULL, 758);
INSERT INTO public.run OVERRIDING SYSTEM VALUE VALUES (4, 1, 'sales', 3, 'serial', 1, NULL, NULL, NULL, 1795274849582, 0, 'waiting', NULL, NULL, 'waits for its turn, behind run 3 (serial_wait)', NULL, NULL, NULL, '{"execType":"DIRECT","mode":"whole","plan":{"run":"all","reuse":[]},"rerunOf":null,"submitUser":"ann","proxyUser":"etl","queue":"default","failurePolicy":"continue","priority":"high","timeoutMs":3155760000000,"timeoutAction":"fail","workerGroup":"default","environment":null,"dryRun":false,"params":{"day":"Monday"},"logicalDateAt":1789999999000,"zone":"Europe/Berlin","notifyType":"FAILURE","notifyMails":["ann@example.org"],"extras":{"ticket":7}}', 'serial_wait', 3, 0, 1789999999000, 'DIRECT', 'ann', NULL, 754);
INSERT INTO public.run OVERRIDING SYSTEM VALUE VALUES (5, 1, 'sales', 4, 'shaky', 1, NULL, NULL, NULL, 1795274849652, 1, 'running', NULL, NULL, NULL, 'm-24d2a444-8c5c-49fd-a2e1-2251ee765773', 1795274849682, NULL, '{"execType":"DIRECT","mode":"whole","plan":{"run":"all","reuse":[]},"rerunOf":null,"submitUser":"ann","proxyUser":"etl","queue":"default","failurePolicy":"continue","priority":"high","timeoutMs":3155760000000,"timeoutAction":"fail","workerGroup":"default","environment":null,"dryRun":false,"params":{"day":"Monday"},"logicalDateAt":1789999999000,"zone":"Europe/Berlin","notifyType":"FAILURE","notifyMails":["ann@example.org"],"extras":{"ticket":7}}', NULL, NULL, 0, 1789999999000, 'DIRECT', 'ann', NULL, 766);
INSERT INTO public.run OVERRIDING SYSTEM VALUE VALUES (6, 1, 'sales', 2, 'chain', 1, NULL, NULL, NULL, 1795274849733, 0, 'queued', NULL, NULL, NULL, NULL, NULL, NULL, '{"execType":"DIRECT","mode":"whole","plan":{"run":"all","reuse":[]},"rerunOf":null,"submitUser":"ann","proxyUser":"etl","queue":"default","failurePolicy":"continue","priority":"high","timeoutMs":3155760000000,"timeoutAction":"fail","workerGroup":"default","environment":null,"dryRun":false,"params":{"day":"Monday"},"logicalDateAt":1789999999000,"zone":"Europe/Berlin","notifyType":"FAILURE","notifyMails":["ann@example.org"],"extras":{"ticket":7}}', NULL, NULL, 0, 1789999999000, 'DIRECT', 'ann', NULL, 769);
INSERT INTO public.run_count_delta VALUES (1, 'queued', 1);
INSERT INTO public.run_count_delta VALUES (1, 'queued', -1);
INSERT INTO public.run_count_delta VALUES (1, 'running', 1);
INSERT INTO public.run_count_delta VALUES (1, 'running', -1);
INSERT INTO public.run_count_delta VALUES (1, 'succeeded', 1);
INSERT INTO public.run_count_delta VALUES (2, 'queued', 1);
INSERT INTO public.run_count_delta VALUES (3, 'queued', 1);
INSERT INTO public.run_count_delta VALUES (2, 'queued', -1);
INSERT INTO public.run_count_delta VALUES (2, 'running', 1);
INSERT INTO public.run_count_delta VALUES (3, 'queued', -1);
INSERT INTO public.run_count_delta VALUES (3, 'running', 1);
INSERT INTO public.run_count_delta VALUES (3, 'waiting', 1);
INSERT INTO public.run_count_delta VALUES (4, 'queued', 1);
INSERT INTO public.run_count_delta VALUES (4, 'queued', -1);
INSERT INTO public.run_count_delta VALUES (4, 'running', 1);
INSERT INTO public.run_count_delta VALUES (2, 'queued', 1);
INSERT INTO public.task_run VALUES (1, 0, 8, 'succeeded', NULL, NULL, 1, 0, NULL, 1795274849393, 1795274849457, 1795274849459, NULL);
INSERT INTO public.task_run VALUES (2, 0, 8, 'succeeded', NULL, NULL, 1, 0, NULL, 1795274849551, 1795274849580, 1795274849580, NULL);
INSERT INTO public.task_run VALUES (2, 1, 13, 'running', NULL, NULL, 1, 0, NULL, 1795274849580, 1795274849609, NULL, NULL);
INSERT INTO public.task_run VALUES (3, 0, 6, 'running', NULL, NULL, 1, 0, NULL, 1795274849635, 1795274849643, NULL, NULL);
INSERT INTO public.task_run VALUES (5, 0, 8, 'retry_wait', '{"kind":"exit","code":1}', 'retry 1 of 3', 1, 1, 1795274911847, 1795274849682, 1795274849688, NULL, NULL);
INSERT INTO public.worker VALUES ('w-851dcdba-c8b5-4611-99fd-08e36c295fbb', 'scripted', 'here', '["default"]', 100, 'online', 1795274849159, 1795274849159, '[]', '{"slots":100,"usedSlots":0,"loadAverage":-1,"cpuCount":4,"freeMemoryBytes":1,"totalMemoryBytes":1,"busy":false,"draining":false}');
INSERT INTO public.workflow OVERRIDING SYSTEM VALUE VALUES (1, 1, 'ended', 'Loads what the day brought', 1, 'ended', 0, 1790000000000, 1790000000000, 'ann', NULL, NULL, '{}', 0);
INSERT INTO public.workflow OVERRIDING SYSTEM VALUE VALUES (2, 1, 'chain', 'Loads what the day brought', 1, 'chain', 0, 1790000000000, 1790000000000, 'ann', NULL, NULL, '{}', 0);
INSERT INTO public.workflow OVERRIDING SYSTEM VALUE VALUES (3, 1, 'serial', 'Loads what the day brought', 1, 'serial', 0, 1790000000000, 1790000000000, 'ann', NULL, NULL, '{}', 0);
INSERT INTO public.workflow OVERRIDING SYSTEM VALUE VALUES (4, 1, 'shaky', 'Loads what the day brought', 1, 'shaky', 0, 1790000000000, 1790000000000, 'ann', NULL, NULL, '{}', 0);
INSERT INTO public.workflow_version VALUES (1, 1, '{"name":"ended","project":null,"description":"Loads what the day brought","labels":{},"params":{},"failurePolicy":"end","concurrency":"parallel","timeout":{"afterMs":86400000,"action":"fail"},"priority":"medium","parameterMode":"strict","schedule":null,"notify":{"on":"none","to":[]},"tasks":[{"name":"only","description":"","needs":[],"trigger":"all_success","disabled":false,"params":{},"env":{},"retry":{"max":0,"intervalMs":1000,"backoff":"fixed","maxIntervalMs":1000},"timeout":null,"delayMs":0,"priority":null,"workerGroup":null,"environment":null,"runAs":null,"taskGroup":null,"onWorkerLost":"rerun","dispatchTimeoutMs":null,"files":[],"outputs":{},"extras":null,"action":{"type":"shell","run":"true","file":null,"shell":"/bin/sh","substitution":"env"}}]}', '[]', 'name: nightly
', 'yaml', 'ended', 1790000000000, 'ann', 'parallel', '[]', 0);
INSERT INTO public.workflow_version VALUES (2, 1, '{"name":"chain","project":null,"description":"Loads what the day brought","labels":{},"params":{},"failurePolicy":"end","concurrency":"parallel","timeout":{"afterMs":86400000,"action":"fail"},"priority":"medium","parameterMode":"strict","schedule":null,"notify":{"on":"none","to":[]},"tasks":[{"name":"extract","description":"","needs":[],"trigger":"all_success","disabled":false,"params":{},"env":{},"retry":{"max":0,"intervalMs":1000,"backoff":"fixed","maxIntervalMs":1000},"timeout":null,"delayMs":0,"priority":null,"workerGroup":null,"environment":null,"runAs":null,"taskGroup":null,"onWorkerLost":"rerun","dispatchTimeoutMs":null,"files":[],"outputs":{},"extras":null,"action":{"type":"shell","run":"true","file":null,"shell":"/bin/sh","substitution":"env"}},{"name":"load","description":"","needs":["extract"],"trigger":"all_success","disabled":false,"params":{},"env":{},"retry":{"max":0,"intervalMs":1000,"backoff":"fixed","maxIntervalMs":1000},"timeout":null,"delayMs":0,"priority":null,"workerGroup":null,"environment":null,"runAs":null,"taskGroup":null,"onWorkerLost":"rerun","dispatchTimeoutMs":null,"files":[],"outputs":{},"extras":null,"action":{"type":"shell","run":"true","file":null,"shell":"/bin/sh","substitution":"env"}},{"name":"report","description":"","needs":["load"],"trigger":"all_success","disabled":false,"params":{},"env":{},"retry":{"max":0,"intervalMs":1000,"backoff":"fixed","maxIntervalMs":1000},"timeout":null,"delayMs":0,"priority":null,"workerGroup":null,"environment":null,"runAs":null,"taskGroup":null,"onWorkerLost":"rerun","dispatchTimeoutMs":null,"files":[],"outputs":{},"extras":null,"action":{"type":"shell","run":"true","file":null,"shell":"/bin/sh","substitution":"env"}}]}', '[]', 'name: nightly
', 'yaml', 'chain', 1790000000000, 'ann', 'parallel', '[]', 0);
INSERT INTO public.workflow_version VALUES (3, 1, '{"name":"serial","project":null,"description":"Loads what the day brought","labels":{},"params":{},"failurePolicy":"end","concurrency":"serial_wait","timeout":{"afterMs":86400000,"action":"fail"},"priority":"medium","parameterMode":"strict","schedule":null,"notify":{"on":"none","to":[]},"tasks":[{"name":"turn","description":"","needs":[],"trigger":"all_success","disabled":false,"params":{},"env":{},"retry":{"max":0,"intervalMs":1000,"backoff":"fixed","maxIntervalMs":1000},"timeout":null,"delayMs":0,"priority":null,"workerGroup":null,"environment":null,"runAs":null,"taskGroup":null,"onWorkerLost":"rerun","dispatchTimeoutMs":null,"files":[],"outputs":{},"extras":null,"action":{"type":"shell","run":"true","file":null,"shell":"/bin/sh","substitution":"env"}}]}', '[]', 'name: nightly
', 'yaml', 'serial', 1790000000000, 'ann', 'serial_wait', '[]', 0);
INSERT INTO public.workflow_version VALUES (4, 1, '{"name":"shaky","project":null,"description":"Loads what the day brought","labels":{},"params":{},"failurePolicy":"end","concurrency":"parallel","timeout":{"afterMs":86400000,"action":"fail"},"priority":"medium","parameterMode":"strict","schedule":null,"notify":{"on":"none","to":[]},"tasks":[{"name":"again","description":"","needs":[],"trigger":"all_success","disabled":false,"params":{},"env":{},"retry":{"max":3,"intervalMs":60000,"backoff":"fixed","maxIntervalMs":60000},"timeout":null,"delayMs":0,"priority":null,"workerGroup":null,"environment":null,"runAs":null,"taskGroup":null,"onWorkerLost":"rerun","dispatchTimeoutMs":null,"files":[],"outputs":{},"extras":null,"action":{"type":"shell","run":"true","file":null,"shell":"/bin/sh","substitution":"env"}}]}', '[]', 'name: nightly
', 'yaml', 'shaky', 1790000000000, 'ann', 'parallel', '[]', 0);
SELECT pg_catalog.setval('public.alert_delivery_id_seq', 1, false);
SELECT pg_catalog.setval('public.api_token_id_seq', 1, false);
SELECT pg_catalog.setval('public.audit_id_seq', 1, false);
SELECT pg_catalog.setval('public.backfill_id_seq', 1, false);
SELECT pg_catalog.setval('public.bulk_operation_id_seq', 1, false);
SELECT pg_catalog.setval('public.command_id_seq', 6, true);
SELECT pg_catalog.setval('public.deadline_id_seq', 1, false);
SELECT pg_catalog.setval('public.project_id_seq', 1, true);
SELECT pg_catalog.setval('public.run_id_seq', 6, true);
SELECT pg_catalog.setval('public.schedule_id_seq', 1, false);
SELECT pg_catalog.setval('public.session_id_seq', 1, false);
SELECT pg_catalog.setval('public.workflow_id_seq', 4, true);
ALTER TABLE ONLY public.account
    ADD CONSTRAINT account_pkey PRIMARY KEY (name);
ALTER TABLE ONLY public.alert_channel
    ADD CONSTRAINT alert_channel_pkey PRIMARY KEY (name);
ALTER TABLE ONLY public.alert_delivery
    ADD CONSTRAINT alert_delivery_alert_id_recipient_key UNIQUE (alert_id, recipient);
ALTER TABLE ONLY public.alert_delivery
    ADD CONSTRAINT alert_delivery_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.alert
    ADD CONSTRAINT alert_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.api_token
    ADD CONSTRAINT api_token_hash_key UNIQUE (hash);
ALTER TABLE ONLY public.api_token
    ADD CONSTRAINT api_token_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.attempt
    ADD CONSTRAINT attempt_pkey PRIMARY KEY (run_id, task, n);
ALTER TABLE ONLY public.audit
    ADD CONSTRAINT audit_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.backfill_date
    ADD CONSTRAINT backfill_date_pkey PRIMARY KEY (backfill_id, "position");
ALTER TABLE ONLY public.backfill
    ADD CONSTRAINT backfill_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.backfill_run
    ADD CONSTRAINT backfill_run_pkey PRIMARY KEY (backfill_id, "position", n);
ALTER TABLE ONLY public.backfill_run
    ADD CONSTRAINT backfill_run_run_id_key UNIQUE (run_id);
ALTER TABLE ONLY public.bulk_item
    ADD CONSTRAINT bulk_item_pkey PRIMARY KEY (operation_id, "position");
ALTER TABLE ONLY public.bulk_operation
    ADD CONSTRAINT bulk_operation_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.calendar
    ADD CONSTRAINT calendar_pkey PRIMARY KEY (name);
ALTER TABLE ONLY public.command
    ADD CONSTRAINT command_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.connection
    ADD CONSTRAINT connection_pkey PRIMARY KEY (project_id, name);
ALTER TABLE ONLY public.content
    ADD CONSTRAINT content_pkey PRIMARY KEY (sha256);
ALTER TABLE ONLY public.deadline
    ADD CONSTRAINT deadline_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.deadline
    ADD CONSTRAINT deadline_workflow_id_name_key UNIQUE (workflow_id, name);
ALTER TABLE ONLY public.deleted_schedule
    ADD CONSTRAINT deleted_schedule_pkey PRIMARY KEY (schedule_id);
ALTER TABLE ONLY public.environment
    ADD CONSTRAINT environment_pkey PRIMARY KEY (name);
ALTER TABLE ONLY public.log_chunk
    ADD CONSTRAINT log_chunk_pkey PRIMARY KEY (run_id, task, n, start);
ALTER TABLE ONLY public.log
    ADD CONSTRAINT log_pkey PRIMARY KEY (run_id, task, n);
ALTER TABLE ONLY public.maintenance
    ADD CONSTRAINT maintenance_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.master
    ADD CONSTRAINT master_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.migration
    ADD CONSTRAINT migration_pkey PRIMARY KEY (number);
ALTER TABLE ONLY public.project_file
    ADD CONSTRAINT project_file_pkey PRIMARY KEY (project_id, path);
ALTER TABLE ONLY public.project_member
    ADD CONSTRAINT project_member_pkey PRIMARY KEY (project_id, user_name);
ALTER TABLE ONLY public.project
    ADD CONSTRAINT project_name_key UNIQUE (name);
ALTER TABLE ONLY public.project
    ADD CONSTRAINT project_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.request_key
    ADD CONSTRAINT request_key_pkey PRIMARY KEY (user_name, idempotency_key);
ALTER TABLE ONLY public.run_content
    ADD CONSTRAINT run_content_pkey PRIMARY KEY (sha256, run_id);
ALTER TABLE ONLY public.run_count_base
    ADD CONSTRAINT run_count_pkey PRIMARY KEY (workflow_id, state);
ALTER TABLE ONLY public.run
    ADD CONSTRAINT run_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.schedule
    ADD CONSTRAINT schedule_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.schedule
    ADD CONSTRAINT schedule_workflow_id_name_key UNIQUE (workflow_id, name);
ALTER TABLE ONLY public.secret
    ADD CONSTRAINT secret_pkey PRIMARY KEY (project_id, name);
ALTER TABLE ONLY public.session
    ADD CONSTRAINT session_hash_key UNIQUE (hash);
ALTER TABLE ONLY public.session
    ADD CONSTRAINT session_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.sign_in_link
    ADD CONSTRAINT sign_in_link_hash_key UNIQUE (hash);
ALTER TABLE ONLY public.sign_in_link
    ADD CONSTRAINT sign_in_link_pkey PRIMARY KEY (user_name);
ALTER TABLE ONLY public.sign_in_try
    ADD CONSTRAINT sign_in_try_pkey PRIMARY KEY (bucket);
ALTER TABLE ONLY public.task_group_member
    ADD CONSTRAINT task_group_member_pkey PRIMARY KEY (workflow_id, version, task);
ALTER TABLE ONLY public.task_group_permit
    ADD CONSTRAINT task_group_permit_pkey PRIMARY KEY (run_id, task);
ALTER TABLE ONLY public.task_group
    ADD CONSTRAINT task_group_pkey PRIMARY KEY (name);
ALTER TABLE ONLY public.task_run
    ADD CONSTRAINT task_run_pkey PRIMARY KEY (run_id, task);
ALTER TABLE ONLY public.tick
    ADD CONSTRAINT tick_pkey PRIMARY KEY (schedule_id, nominal_at);
ALTER TABLE ONLY public.vault_version
    ADD CONSTRAINT vault_version_pkey PRIMARY KEY (project_id);
ALTER TABLE ONLY public.worker_drain
    ADD CONSTRAINT worker_drain_pkey PRIMARY KEY (name);
ALTER TABLE ONLY public.worker_group
    ADD CONSTRAINT worker_group_pkey PRIMARY KEY (name);
ALTER TABLE ONLY public.worker
    ADD CONSTRAINT worker_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.workflow
    ADD CONSTRAINT workflow_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.workflow_version
    ADD CONSTRAINT workflow_version_pkey PRIMARY KEY (workflow_id, version);
CREATE UNIQUE INDEX account_email ON public.account USING btree (email) WHERE (email IS NOT NULL);
CREATE UNIQUE INDEX account_folded ON public.account USING btree (lower(name));
CREATE INDEX alert_due ON public.alert_delivery USING btree (next_at, id) WHERE (next_at IS NOT NULL);
CREATE INDEX alert_project ON public.alert_delivery USING btree (project_id, id);
CREATE INDEX alert_run ON public.alert_delivery USING btree (run_id, id);
CREATE INDEX alert_state ON public.alert_delivery USING btree (state, id);
CREATE INDEX api_token_parent ON public.api_token USING btree (parent) WHERE (parent IS NOT NULL);
CREATE INDEX api_token_user ON public.api_token USING btree (user_name, id);
CREATE UNIQUE INDEX attempt_live ON public.attempt USING btree (run_id, task) WHERE (state = ANY (ARRAY['dispatched'::text, 'running'::text, 'killing'::text]));
CREATE INDEX audit_action ON public.audit USING btree (action, at, id);
CREATE INDEX audit_at ON public.audit USING btree (at, id);
CREATE UNIQUE INDEX audit_merge ON public.audit USING btree (merge_key) WHERE (merge_key IS NOT NULL);
CREATE INDEX audit_project ON public.audit USING btree (project_id, at, id) WHERE (project_id IS NOT NULL);
CREATE INDEX audit_user ON public.audit USING btree (user_name, at, id);
CREATE INDEX backfill_changed ON public.backfill USING btree (changed, project_id) WHERE (changed > 0);
CREATE INDEX backfill_date_pending ON public.backfill_date USING btree (backfill_id, "position") WHERE (state = 'pending'::text);
CREATE INDEX backfill_date_running ON public.backfill_date USING btree (run_id) WHERE (state = 'running'::text);
CREATE INDEX backfill_live ON public.backfill USING btree (id, state, pending_dates, running_dates, at_once) WHERE (ended_at IS NULL);
CREATE INDEX backfill_project ON public.backfill USING btree (project_id, id);
CREATE INDEX backfill_workflow ON public.backfill USING btree (workflow_id, id);
CREATE INDEX bulk_item_pending ON public.bulk_item USING btree (operation_id, "position") WHERE (state = 'pending'::text);
CREATE INDEX bulk_operation_live ON public.bulk_operation USING btree (id) WHERE (ended_at IS NULL);
CREATE INDEX bulk_operation_user ON public.bulk_operation USING btree (submit_user, id);
CREATE UNIQUE INDEX command_key ON public.command USING btree (user_name, idempotency_key) WHERE (idempotency_key IS NOT NULL);
CREATE INDEX command_waiting ON public.command USING btree (id, run_id) WHERE (done_at IS NULL);
CREATE INDEX deadline_due ON public.deadline USING btree (next_check_at, id) WHERE (next_check_at IS NOT NULL);
CREATE INDEX deadline_project ON public.deadline USING btree (project_id, id);
CREATE INDEX deleted_schedule_changed ON public.deleted_schedule USING btree (changed, project_id) WHERE (changed > 0);
CREATE INDEX maintenance_changed ON public.maintenance USING btree (changed) WHERE (changed > 0);
CREATE INDEX project_file_content ON public.project_file USING btree (sha256);
CREATE INDEX project_member_user ON public.project_member USING btree (user_name, project_id);
CREATE INDEX project_owner ON public.project USING btree (owner);
CREATE INDEX request_key_age ON public.request_key USING btree (at);
CREATE INDEX run_active ON public.run USING btree (workflow_id, id) WHERE ((turn IS NULL) AND (dry_run = 0) AND (state <> ALL (ARRAY['succeeded'::text, 'stopped'::text, 'failed'::text, 'dependency_failed'::text])));
CREATE INDEX run_behind ON public.run USING btree (behind) WHERE (behind IS NOT NULL);
CREATE INDEX run_changed ON public.run USING btree (changed, project_id) WHERE (changed > 0);
CREATE INDEX run_live ON public.run USING btree (id, owner, workflow_id) WHERE (state <> ALL (ARRAY['succeeded'::text, 'stopped'::text, 'failed'::text, 'dependency_failed'::text]));
CREATE INDEX run_logical ON public.run USING btree (workflow_id, logical_at, id) WHERE (dry_run = 0);
CREATE INDEX run_logical_any ON public.run USING btree (logical_at, id);
CREATE INDEX run_not_direct ON public.run USING btree (exec_type, id) WHERE (exec_type <> 'DIRECT'::text);
CREATE INDEX run_order ON public.run USING btree (COALESCE(started_at, '9007199254740991'::bigint) DESC, id DESC, state, workflow_id, submitted_at, exec_type, submit_user, logical_at);
CREATE UNIQUE INDEX run_parent ON public.run USING btree (parent_run, parent_task, parent_attempt) WHERE (parent_run IS NOT NULL);
CREATE INDEX run_rerun ON public.run USING btree (rerun_of, id) WHERE (rerun_of IS NOT NULL);
CREATE INDEX run_submitted ON public.run USING btree (submitted_at, state, workflow_id, COALESCE(started_at, '9007199254740991'::bigint));
CREATE INDEX run_turn ON public.run USING btree (workflow_id, turn, id) WHERE (turn IS NOT NULL);
CREATE INDEX run_user ON public.run USING btree (submit_user, id);
CREATE INDEX run_workflow ON public.run USING btree (workflow_id, state, COALESCE(started_at, '9007199254740991'::bigint) DESC, id DESC, submitted_at);
CREATE INDEX schedule_calendar ON public.schedule USING btree (calendar) WHERE (calendar IS NOT NULL);
CREATE INDEX schedule_changed ON public.schedule USING btree (changed, project_id) WHERE (changed > 0);
CREATE INDEX schedule_due ON public.schedule USING btree (next_due_at, id) WHERE (next_due_at IS NOT NULL);
CREATE INDEX schedule_project ON public.schedule USING btree (project_id, id);
CREATE INDEX session_end ON public.session USING btree (ends_at);
CREATE INDEX session_of_user ON public.session USING btree (user_name, id);
CREATE INDEX sign_in_try_at ON public.sign_in_try USING btree (at);
CREATE INDEX task_group_permit_master ON public.task_group_permit USING btree (master, granted);
CREATE INDEX task_group_permit_name ON public.task_group_permit USING btree (name);
CREATE INDEX tick_any ON public.tick USING btree (nominal_at, schedule_id);
CREATE INDEX tick_changed ON public.tick USING btree (changed, project_id) WHERE (changed > 0);
CREATE INDEX tick_project ON public.tick USING btree (project_id, nominal_at, schedule_id);
CREATE INDEX tick_workflow ON public.tick USING btree (workflow_id, nominal_at, schedule_id);
CREATE INDEX workflow_any_name ON public.workflow USING btree (project_id, name);
CREATE UNIQUE INDEX workflow_name ON public.workflow USING btree (project_id, name) WHERE (deleted_at IS NULL);
CREATE TRIGGER run_counted AFTER INSERT ON public.run FOR EACH ROW EXECUTE FUNCTION public.count_run();
CREATE TRIGGER run_recounted AFTER UPDATE OF state ON public.run FOR EACH ROW WHEN ((old.state <> new.state)) EXECUTE FUNCTION public.count_run();
ALTER TABLE ONLY public.alert_delivery
    ADD CONSTRAINT alert_delivery_alert_id_fkey FOREIGN KEY (alert_id) REFERENCES public.alert(id);
ALTER TABLE ONLY public.api_token
    ADD CONSTRAINT api_token_user_name_fkey FOREIGN KEY (user_name) REFERENCES public.account(name);
ALTER TABLE ONLY public.backfill_date
    ADD CONSTRAINT backfill_date_backfill_id_fkey FOREIGN KEY (backfill_id) REFERENCES public.backfill(id);
ALTER TABLE ONLY public.command
    ADD CONSTRAINT command_run_id_fkey FOREIGN KEY (run_id) REFERENCES public.run(id);
ALTER TABLE ONLY public.connection
    ADD CONSTRAINT connection_project_id_fkey FOREIGN KEY (project_id) REFERENCES public.project(id);
ALTER TABLE ONLY public.deadline
    ADD CONSTRAINT deadline_project_id_fkey FOREIGN KEY (project_id) REFERENCES public.project(id);
ALTER TABLE ONLY public.deadline
    ADD CONSTRAINT deadline_workflow_id_fkey FOREIGN KEY (workflow_id) REFERENCES public.workflow(id);
ALTER TABLE ONLY public.project_file
    ADD CONSTRAINT project_file_project_id_fkey FOREIGN KEY (project_id) REFERENCES public.project(id);
ALTER TABLE ONLY public.project_member
    ADD CONSTRAINT project_member_project_id_fkey FOREIGN KEY (project_id) REFERENCES public.project(id);
ALTER TABLE ONLY public.project_member
    ADD CONSTRAINT project_member_user_name_fkey FOREIGN KEY (user_name) REFERENCES public.account(name);
ALTER TABLE ONLY public.schedule
    ADD CONSTRAINT schedule_project_id_fkey FOREIGN KEY (project_id) REFERENCES public.project(id);
ALTER TABLE ONLY public.schedule
    ADD CONSTRAINT schedule_workflow_id_fkey FOREIGN KEY (workflow_id) REFERENCES public.workflow(id);
ALTER TABLE ONLY public.secret
    ADD CONSTRAINT secret_project_id_fkey FOREIGN KEY (project_id) REFERENCES public.project(id);
ALTER TABLE ONLY public.session
    ADD CONSTRAINT session_user_name_fkey FOREIGN KEY (user_name) REFERENCES public.account(name);
ALTER TABLE ONLY public.sign_in_link
    ADD CONSTRAINT sign_in_link_user_name_fkey FOREIGN KEY (user_name) REFERENCES public.account(name);
ALTER TABLE ONLY public.vault_version
    ADD CONSTRAINT vault_version_project_id_fkey FOREIGN KEY (project_id) REFERENCES public.project(id);
ALTER TABLE ONLY public.workflow
    ADD CONSTRAINT workflow_project_id_fkey FOREIGN KEY (project_id) REFERENCES public.project(id);
ALTER TABLE ONLY public.workflow_version
    ADD CONSTRAINT workflow_version_workflow_id_fkey FOREIGN KEY (workflow_id) REFERENCES public.workflow(id);
