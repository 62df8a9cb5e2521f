import type { Dialect } from '../dialect.ts';
import type { Migration } from '../migrations.ts';

/** Tables whose rows say when they were last written, as those of `run` do; 0: before there was such a count. */
const COUNTED = ['schedule', 'tick', 'backfill', 'maintenance'] as const;

const COLUMN = (d: Dialect, table: string): string =>
  `alter table ${table} add column changed ${d.integer} not null default 0;`;
/** Holds what the question "which rows of these projects have changed since" looks at. */
const INDEX = (table: string, columns = 'changed, project_id'): string =>
  `create index ${table}_changed on ${table} (${columns}) where changed > 0;`;

/** What event streams are told of schedules and backfills; a schedule that is deleted leaves a row behind. */
export const CHANGES_OF_SCHEDULES: Migration = {
  number: 14,
  name: 'when schedules, ticks and backfills last changed',
  sql: (d) => `
${COUNTED.map((table) => COLUMN(d, table)).join('\n')}
create table deleted_schedule (
  schedule_id ${d.integer} primary key,
  project_id ${d.integer} not null,
  workflow text not null,
  name text not null,
  deleted_at ${d.integer} not null,
  changed ${d.integer} not null
);
${['schedule', 'deleted_schedule', 'tick', 'backfill'].map((table) => INDEX(table)).join('\n')}
${INDEX('maintenance', 'changed')}`,
};
