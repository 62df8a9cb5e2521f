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
  /** Written behind a table whose primary key is its storage order. */
  clustered: string;
  /** Statement(s) that keep `run_count` in step with `run`. */
  runCountTriggers: string;
}

export const SQLITE: Dialect = {
  name: 'sqlite',
  identity: 'integer primary key autoincrement',
  integer: 'integer',
  bytes: 'blob',
  clustered: 'without rowid',
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
};

/** Settings of the connection that writes. `synchronous=FULL` is what makes a resolved promise mean durable. */
export const WRITER_PRAGMAS = `
  pragma journal_mode = wal;
  pragma synchronous = full;
  pragma foreign_keys = on;
  pragma busy_timeout = 5000;
  pragma temp_store = memory;
  pragma cache_size = -65536;`;

/** Settings of connections that only read; WAL gives each statement a snapshot of all commits before it. */
export const READER_PRAGMAS = `
  pragma query_only = on;
  pragma busy_timeout = 5000;
  pragma temp_store = memory;
  pragma cache_size = -32768;`;
