import type { Migration } from '../migrations.ts';

/** Who may be placed in a task group, and who wants to be, where several masters place tasks of the same groups. */
export const TASK_GROUP_PERMITS: Migration = {
  number: 13,
  name: 'permits of task groups',
  sql: (d) => `
create table task_group_permit (
  run_id ${d.integer} not null,
  task integer not null,
  -- Of the wait that it is for: a later one of the same task is another.
  ready_at ${d.integer} not null,
  name text not null,
  weight integer not null,
  priority ${d.integer} not null,
  rank integer not null,
  master text not null,
  granted integer not null,
  -- Which question of that master it is from, and when it was asked.
  asked integer not null,
  asked_at ${d.integer} not null,
  primary key (run_id, task)
) ${d.clustered};
create index task_group_permit_name on task_group_permit (name);
create index task_group_permit_master on task_group_permit (master, granted);`,
};
