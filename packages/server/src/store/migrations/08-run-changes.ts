import type { Migration } from '../migrations.ts';

/**
 * `run.changed`: when the row was last written, counted in the order of commits; 0: before there was such a count. The index holds
 * what the question "which runs of these projects have changed since" looks at.
 */
export const RUN_CHANGES: Migration = {
  number: 8,
  name: 'when each run last changed',
  sql: (d) => `
alter table run add column changed ${d.integer} not null default 0;
create index run_changed on run (changed, project_id) where changed > 0;`,
};
