import type { Migration } from '../migrations.ts';

/** What event streams are told of deadlines and calendars, as of schedules since 14: when rows last changed, and what was deleted. */
export const CHANGES_OF_DEADLINES: Migration = {
  number: 21,
  name: 'when deadlines and calendars last changed',
  sql: (d) => `
alter table deadline add column changed ${d.integer} not null default 0;
alter table calendar add column changed ${d.integer} not null default 0;
create table deleted_deadline (
  deadline_id ${d.integer} primary key,
  project_id ${d.integer} not null,
  workflow text not null,
  name text not null,
  deleted_at ${d.integer} not null,
  changed ${d.integer} not null
);
create table deleted_calendar (
  name text primary key,
  deleted_at ${d.integer} not null,
  changed ${d.integer} not null
);
create index deadline_changed on deadline (changed, project_id) where changed > 0;
create index deleted_deadline_changed on deleted_deadline (changed, project_id) where changed > 0;
create index calendar_changed on calendar (changed) where changed > 0;
create index deleted_calendar_changed on deleted_calendar (changed) where changed > 0;`,
};
