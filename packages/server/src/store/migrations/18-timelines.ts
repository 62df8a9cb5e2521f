import type { Migration } from '../migrations.ts';

/**
 * The timelines that this store has gone on in: another one after each failover, restored backup, or time that a master found it to know
 * less than it had known. `runs_before`: runs below it are older (0: of the first, and nothing is asked). A master is in charge in the
 * timeline in which it has registered, and counts how often its lease was renewed.
 */
export const TIMELINES: Migration = {
  number: 18,
  name: 'timelines of the store',
  sql: (d) => `
create table store_timeline (
  number integer primary key,
  name text not null,
  began_at ${d.integer} not null,
  runs_before ${d.integer} not null
);
alter table master add column timeline integer;
alter table master add column renewals integer not null default 0;
${d.timelineFunction}`,
};
