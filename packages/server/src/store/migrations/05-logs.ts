import type { Migration } from '../migrations.ts';

/** What attempts have written, where the database keeps it. A chunk's `start` counts the bytes of gaps as well. */
export const LOGS: Migration = {
  number: 5,
  name: 'logs',
  sql: (d) => `
create table log (
  run_id ${d.integer} not null,
  task integer not null,
  n integer not null,
  size ${d.integer} not null,
  complete integer not null,
  gaps text not null,
  primary key (run_id, task, n)
) ${d.clustered};

create table log_chunk (
  run_id ${d.integer} not null,
  task integer not null,
  n integer not null,
  start ${d.integer} not null,
  bytes ${d.bytes} not null,
  primary key (run_id, task, n, start)
);`,
};
