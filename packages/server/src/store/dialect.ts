/**
 * Everything in which the databases differ. The statements beside it are common SQL: epoch-ms integers, text,
 * JSON as text, booleans as 0 and 1, `on conflict do update`, `returning`.
 */

export interface Dialect {
  name: 'sqlite' | 'postgres';
  /** Type of a primary key that the database numbers itself and never gives out twice. */
  identity: string;
  /** Type of epoch milliseconds, ids and counters. */
  integer: string;
  bytes: string;
  /** The database's clock, in epoch milliseconds. */
  nowMs: string;
  /** Written behind a table whose primary key is its storage order. */
  clustered: string;
  /** The columns of one row as the text of a JSON array. */
  jsonRow: (columns: readonly string[]) => string;
  /** Aggregate: all rows as the text of a JSON array of arrays, in order. */
  jsonRows: (columns: readonly string[], orderBy: string) => string;
  /** Condition: the column's value is in a list given as JSON text. */
  isIn: (column: string) => string;
  /** The same of a column of whole numbers. */
  isAmong: (column: string) => string;
  /** Condition: both columns together, the first of whole numbers, are in a list of pairs given as JSON text. */
  pairIsIn: (first: string, second: string) => string;
  /** Condition: the column begins with one of a list of texts given as JSON text. Not `like`: % and _ mean themselves. */
  beginsWithAny: (column: string) => string;
  /** Condition: the column matches a pattern in which `*` stands for any text and `?` for one character, once `globPattern` has made it. */
  matchesGlob: (column: string) => string;
  globPattern: (glob: string) => string;
  /** Condition, of (text): the column's text has it in it somewhere. */
  containsText: (column: string) => string;
  /** Condition, of (name, value or null): the object in a column of JSON text has that member, with that value or any. */
  hasMember: (column: string) => string;
  /** Subquery, of (JSON text of an array of objects): a row for each, with these of its members as columns. */
  tableOf: (columns: Readonly<Record<string, 'integer' | 'text'>>) => string;
  /** Statement, of (count): ids for new runs, and what an insert that names them has behind its columns. */
  newRunIds: string;
  givenIdentity: string;
  /** What the database calls the timeline that it is in; where it says nothing of it, always the same. */
  timelineName: string;
  /** Statements that make what `timelineName` calls. */
  timelineFunction: string;
  /** Statement, of (count): leaves out so many numbers of runs, and answers with the last of them; nothing where there were no runs. */
  skipRunNumbers: string;
  /** Behind a select: lock its rows against being deleted or locked `forUpdate`; against change; as for a change; and against everybody who locks them so; where the database has one writer, nothing. */
  forKeyShare: string;
  forShare: string;
  forNoKeyUpdate: string;
  forUpdate: string;
  /** In a list of tables: a list of whole numbers, given as JSON text, as rows of key (from 0) and value. */
  numbersOf: (list: string, alias: string) => string;
  /** Locks the rows of that table, passing over those that somebody else has locked. */
  skipLocked: (table: string) => string;
  /** Behind a table's name: the index to walk. */
  along: (index: string) => string;
  /** Statement, of (text): nobody else holds what has that name until the transaction ends. Empty where there is one writer. */
  lockNamed: string;
  /** Expression for the column `changed` of a row, of (what `WriteContext.nextChange` answers with). */
  change: string;
  /** The last number of `changed` below which nothing can be committed any more. */
  lastChange: string;
  /** Statement(s) that keep `run_count` in step with `run`. */
  runCountTriggers: string;
  /** Statements that make `run_count` something that writers add to without waiting for each other; empty where there is one writer. */
  runCountDeltas: string;
  /** Statement, of (rows at most), that adds up what was added; its answer is a row for each count that it wrote. Empty: nothing to do. */
  foldRunCounts: string;
  /** A member of the object in a column of JSON text: as text, as a whole number, as 0 or 1. */
  jsonText: (column: string, member: string) => string;
  jsonInteger: (column: string, member: string) => string;
  jsonFlag: (column: string, member: string) => string;
  /** Subquery, of (workflow id, version): the tasks of a definition as rows of task (index), name and disabled (0 or 1). */
  tasksOfVersion: string;
  /** Select, of a subquery of (workflow_id, version): the tasks of those versions, with task (index), name, type and its execution lease in ms (null: the usual one). */
  tasksIn: (versions: string) => string;
  /** The same: what tasks need, with task (index) and need (name). */
  needsIn: (versions: string) => string;
  /** Fills `task_group_member` from the definitions there are. */
  taskGroupMembersOfAllVersions: string;
}

/** Tables whose rows say when they last changed. */
const COUNTING = [
  ...['run', 'schedule', 'deleted_schedule', 'tick', 'backfill', 'maintenance'],
  ...['deadline', 'deleted_deadline', 'calendar', 'deleted_calendar'],
];

export const SQLITE: Dialect = {
  name: 'sqlite',
  identity: 'integer primary key autoincrement',
  integer: 'integer',
  bytes: 'blob',
  nowMs: `cast(unixepoch('subsec') * 1000 as integer)`,
  clustered: 'without rowid',
  jsonRow: (columns) => `json_array(${columns.join(', ')})`,
  jsonRows: (columns, orderBy) => `json_group_array(json_array(${columns.join(', ')}) order by ${orderBy})`,
  isIn: (column) => `${column} in (select value from json_each(?))`,
  isAmong: (column) => `${column} in (select value from json_each(?))`,
  pairIsIn: (first, second) =>
    `(${first}, ${second}) in (select json_extract(value, '$[0]'), json_extract(value, '$[1]') from json_each(?))`,
  beginsWithAny: (column) =>
    `exists (select 1 from json_each(?) prefix where substr(${column}, 1, length(prefix.value)) = prefix.value)`,
  matchesGlob: (column) => `${column} glob ?`,
  globPattern: (glob) => glob.replaceAll('[', '[[]'),
  containsText: (column) => `instr(${column}, ?) > 0`,
  hasMember: (column) =>
    `exists (select 1 from json_each(${column}) member where member.key = ? and member.value = coalesce(?, member.value))`,
  tableOf: (columns) => {
    const members = Object.keys(columns).map((name) => `json_extract(value, '$.${name}') as ${name}`);
    return `(select ${members.join(', ')} from json_each(?))`;
  },
  newRunIds: `
    with recursive n (i) as (select 1 union all select i + 1 from n where i < ?)
    select coalesce((select seq from sqlite_sequence where name = 'run'), 0) + i as id from n`,
  givenIdentity: '',
  timelineName: `''`,
  timelineFunction: '',
  skipRunNumbers: `update sqlite_sequence set seq = seq + ? where name = 'run' returning seq`,
  forKeyShare: '',
  forShare: '',
  forNoKeyUpdate: '',
  forUpdate: '',
  numbersOf: (list, alias) => `json_each(${list}) ${alias}`,
  skipLocked: () => '',
  lockNamed: '',
  change: '?',
  lastChange: `(select coalesce(max(latest), 0) from (${COUNTING.map((table) => `select max(changed) as latest from ${table} where changed > 0`).join(' union all ')}))`,
  along: (index) => `indexed by ${index}`,
  runCountTriggers: `
    create trigger run_counted after insert on run begin
      insert into run_count (workflow_id, state, runs) values (new.workflow_id, new.state, 1)
      on conflict (workflow_id, state) do update set runs = runs + 1;
    end;
    create trigger run_recounted after update of state on run when old.state <> new.state begin
      update run_count set runs = runs - 1 where workflow_id = old.workflow_id and state = old.state;
      insert into run_count (workflow_id, state, runs) values (new.workflow_id, new.state, 1)
      on conflict (workflow_id, state) do update set runs = runs + 1;
    end;`,
  runCountDeltas: '',
  foldRunCounts: '',
  jsonText: (column, member) => `json_extract(${column}, '$.${member}')`,
  jsonInteger: (column, member) => `json_extract(${column}, '$.${member}')`,
  jsonFlag: (column, member) => `coalesce(json_extract(${column}, '$.${member}'), 0)`,
  tasksOfVersion: `(
    select key as task, json_extract(value, '$.name') as name, json_extract(value, '$.disabled') as disabled
    from workflow_version v, json_each(v.definition, '$.tasks') where v.workflow_id = ? and v.version = ?)`,
  tasksIn: (versions) => `
    select v.workflow_id, v.version, t.key as task, json_extract(t.value, '$.name') as name, json_extract(t.value, '$.action.type') as type,
      json_extract(t.value, '$.executionLeaseMs') as lease_ms
    from ${versions} w join workflow_version v on v.workflow_id = w.workflow_id and v.version = w.version
      cross join json_each(v.definition, '$.tasks') t`,
  needsIn: (versions) => `
    select v.workflow_id, v.version, t.key as task, n.value as need
    from ${versions} w join workflow_version v on v.workflow_id = w.workflow_id and v.version = w.version
      cross join json_each(v.definition, '$.tasks') t cross join json_each(t.value, '$.needs') n`,
  taskGroupMembersOfAllVersions: `
    insert into task_group_member (workflow_id, version, task, name, weight)
    select v.workflow_id, v.version, t.key, json_extract(t.value, '$.taskGroup.name'), json_extract(t.value, '$.taskGroup.weight')
    from workflow_version v, json_each(v.definition, '$.tasks') t
    where json_extract(t.value, '$.taskGroup.name') is not null
      and json_extract(t.value, '$.action.type') not in ('virtual', 'conditions', 'switch', 'sub_workflow', 'dependent');`,
};

export const POSTGRES: Dialect = {
  name: 'postgres',
  identity: 'bigint generated always as identity primary key',
  integer: 'bigint',
  bytes: 'bytea',
  nowMs: `(extract(epoch from clock_timestamp()) * 1000)::bigint`,
  clustered: '',
  jsonRow: (columns) => `json_build_array(${columns.join(', ')})::text`,
  jsonRows: (columns, orderBy) =>
    `coalesce(json_agg(json_build_array(${columns.join(', ')}) order by ${orderBy})::text, '[]')`,
  isIn: (column) => `${column} = any(array(select json_array_elements_text(?::json)))`,
  isAmong: (column) => `${column} = any(array(select json_array_elements_text(?::json)::bigint))`,
  beginsWithAny: (column) =>
    `exists (select 1 from json_array_elements_text(?::json) prefix(value) where starts_with(${column}, prefix.value))`,
  pairIsIn: (first, second) =>
    `(${first}, ${second}) in (select (pair ->> 0)::bigint, pair ->> 1 from json_array_elements(?::json) pair)`,
  matchesGlob: (column) => `${column} like ?`,
  globPattern: (glob) =>
    glob
      .replaceAll(/[\\%_]/g, String.raw`\$&`)
      .replaceAll('*', '%')
      .replaceAll('?', '_'),
  containsText: (column) => `strpos(${column}, ?) > 0`,
  hasMember: (column) =>
    `exists (select 1 from json_each_text(${column}::json) member where member.key = ? and member.value = coalesce(?, member.value))`,
  tableOf: (columns) => {
    const members = Object.entries(columns).map(([name, type]) => `${name} ${type === 'integer' ? 'bigint' : 'text'}`);
    return `(select * from json_to_recordset(?::json) as members (${members.join(', ')}))`;
  },
  newRunIds: `select nextval(pg_get_serial_sequence('run', 'id')) as id from generate_series(1, ?::int)`,
  givenIdentity: 'overriding system value',
  // Asked once for each session, which never outlives the timeline of its server: the function reads a file, and its exception block is a
  // transaction within the transaction.
  timelineName: `coalesce(nullif(current_setting('pelorus.timeline', true), ''), set_config('pelorus.timeline', store_timeline_name(), false))`,
  // Any role may ask for it. Where a server knows nothing of these functions, masters have only what they remember.
  timelineFunction: `
    create function store_timeline_name() returns text language plpgsql as $$ begin
      return (select system_identifier from pg_control_system()) || ' ' || left(pg_walfile_name(pg_current_wal_insert_lsn()), 8)
        || ' ' || (select oid from pg_database where datname = current_database());
    exception when others then
      return '';
    end $$;`,
  skipRunNumbers: `select setval(pg_get_serial_sequence('run', 'id'), nextval(pg_get_serial_sequence('run', 'id')) + ?::bigint)`,
  forKeyShare: 'for key share',
  forShare: 'for share',
  forNoKeyUpdate: 'for no key update',
  forUpdate: 'for update',
  numbersOf: (list, alias) =>
    `lateral (select ordinality - 1 as key, each::bigint as value from json_array_elements_text(${list}::json) with ordinality x (each, ordinality)) ${alias}`,
  skipLocked: (table) => `for no key update of ${table} skip locked`,
  lockNamed: 'select pg_advisory_xact_lock(hashtextextended(?, 0))',
  // Transactions are numbered as they begin, not as they commit: readers stop before the oldest that is still under way.
  change: 'coalesce(?::bigint, pg_current_xact_id()::text::bigint)',
  lastChange: `(pg_snapshot_xmin(pg_current_snapshot())::text::bigint - 1)`,
  along: () => '',
  runCountTriggers: `
    create function count_run() returns trigger language plpgsql as $$ begin
      if tg_op = 'UPDATE' then
        update run_count set runs = runs - 1 where workflow_id = old.workflow_id and state = old.state;
      end if;
      insert into run_count (workflow_id, state, runs) values (new.workflow_id, new.state, 1)
      on conflict (workflow_id, state) do update set runs = run_count.runs + 1;
      return null;
    end $$;
    create trigger run_counted after insert on run for each row execute function count_run();
    create trigger run_recounted after update of state on run for each row when (old.state <> new.state) execute function count_run();`,
  runCountDeltas: `
    alter table run_count rename to run_count_base;
    create table run_count_delta (workflow_id bigint not null, state text not null, runs bigint not null)
      with (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000);
    create view run_count as
      select workflow_id, state, sum(runs)::bigint as runs
      from (select * from run_count_base union all select * from run_count_delta) each group by workflow_id, state;
    create or replace function count_run() returns trigger language plpgsql as $$ begin
      if tg_op = 'UPDATE' then
        insert into run_count_delta (workflow_id, state, runs) values (old.workflow_id, old.state, -1), (new.workflow_id, new.state, 1);
      else
        insert into run_count_delta (workflow_id, state, runs) values (new.workflow_id, new.state, 1);
      end if;
      return null;
    end $$;`,
  foldRunCounts: `
    with gone as (
      delete from run_count_delta where ctid = any(array(select ctid from run_count_delta limit ? for update skip locked)) returning *
    )
    insert into run_count_base as base (workflow_id, state, runs)
    select workflow_id, state, sum(runs) from gone group by workflow_id, state having sum(runs) <> 0 order by workflow_id, state
    on conflict (workflow_id, state) do update set runs = base.runs + excluded.runs`,
  jsonText: (column, member) => `(${column}::json ->> '${member}')`,
  jsonInteger: (column, member) => `(${column}::json ->> '${member}')::bigint`,
  jsonFlag: (column, member) => `case when (${column}::json ->> '${member}') = 'true' then 1 else 0 end`,
  tasksOfVersion: `(
    select (t.ordinality - 1)::int as task, t.value ->> 'name' as name, case when t.value ->> 'disabled' = 'true' then 1 else 0 end as disabled
    from workflow_version v, json_array_elements(v.definition::json -> 'tasks') with ordinality t (value, ordinality)
    where v.workflow_id = ? and v.version = ?)`,
  tasksIn: (versions) => `
    select v.workflow_id, v.version, (t.ordinality - 1)::int as task, t.value ->> 'name' as name, t.value -> 'action' ->> 'type' as type,
      (t.value ->> 'executionLeaseMs')::bigint as lease_ms
    from ${versions} w join workflow_version v on v.workflow_id = w.workflow_id and v.version = w.version
      cross join json_array_elements(v.definition::json -> 'tasks') with ordinality t (value, ordinality)`,
  needsIn: (versions) => `
    select v.workflow_id, v.version, (t.ordinality - 1)::int as task, n.need
    from ${versions} w join workflow_version v on v.workflow_id = w.workflow_id and v.version = w.version
      cross join json_array_elements(v.definition::json -> 'tasks') with ordinality t (value, ordinality)
      cross join json_array_elements_text(t.value -> 'needs') n (need)`,
  taskGroupMembersOfAllVersions: `
    insert into task_group_member (workflow_id, version, task, name, weight)
    select v.workflow_id, v.version, (t.ordinality - 1)::int, t.value -> 'taskGroup' ->> 'name', (t.value -> 'taskGroup' ->> 'weight')::int
    from workflow_version v, json_array_elements(v.definition::json -> 'tasks') with ordinality t (value, ordinality)
    where t.value -> 'taskGroup' ->> 'name' is not null
      and t.value -> 'action' ->> 'type' not in ('virtual', 'conditions', 'switch', 'sub_workflow', 'dependent');`,
};

/**
 * Settings of the connection that writes. `synchronous=FULL` is what makes a resolved promise mean durable.
 * Checkpoints stay with the writer, every 1,000 pages: given to a thread of their own they never catch up with a busy writer,
 * the log grows without end, and commits took 0.47 ms instead of 0.22 ms (appending to a file costs more than overwriting it).
 */
export const WRITER_PRAGMAS = `
  pragma journal_mode = wal;
  pragma synchronous = full;
  pragma secure_delete = on;
  pragma foreign_keys = on;
  pragma busy_timeout = 5000;
  pragma temp_store = memory;
  pragma cache_size = -65536;
  pragma journal_size_limit = 67108864;`;

/** Settings of connections that only read; WAL gives each statement a snapshot of all commits before it. */
export const READER_PRAGMAS = `
  pragma query_only = on;
  pragma busy_timeout = 5000;
  pragma temp_store = memory;
  pragma cache_size = -32768;`;
