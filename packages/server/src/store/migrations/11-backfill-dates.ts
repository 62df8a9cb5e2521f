/** Each date of a backfill is a row from the start, and what runs it had; how a backfill is driven. */
import type { Dialect } from '../dialect.ts';
import type { Migration } from '../migrations.ts';

export const BACKFILL_DATES: Migration = {
  number: 11,
  name: 'dates of backfills',
  sql: (d: Dialect) => `
-- As ids and in the order of execution within each date, after the workflow itself; a JSON array.
alter table backfill add column dependents text not null default '[]';
alter table backfill add column continue_after_failure integer not null default 0;
alter table backfill add column date_count integer not null default 0;
-- Somebody wants it to end.
alter table backfill add column stopping integer not null default 0;
-- The logical date that did not succeed, for which no further one begins.
alter table backfill add column halted_at ${d.integer};
-- What is open, and how many runs it may have at a time as its workflows are now: what a look for idle ones reads.
alter table backfill add column pending_dates integer not null default 0;
alter table backfill add column running_dates integer not null default 0;
alter table backfill add column at_once integer not null default 1;
drop index backfill_live;
create index backfill_live on backfill (id, state, pending_dates, running_dates, at_once) where ended_at is null;

create table backfill_date (
  backfill_id ${d.integer} not null references backfill (id),
  -- In the order of execution, from 0.
  position integer not null,
  logical_at ${d.integer} not null,
  state text not null,
  -- Which of its workflows is, or comes, next: 0 is the one that the backfill is of.
  step integer not null default 0,
  -- The last run; null: none yet.
  run_id ${d.integer},
  -- How many runs it has had.
  runs integer not null default 0,
  reason text,
  begun_at ${d.integer},
  ended_at ${d.integer},
  primary key (backfill_id, position)
) ${d.clustered};
create index backfill_date_pending on backfill_date (backfill_id, position) where state = 'pending';
create index backfill_date_running on backfill_date (run_id) where state = 'running';

create table backfill_run (
  backfill_id ${d.integer} not null,
  position integer not null,
  -- Counts the runs of the date, from 1.
  n integer not null,
  run_id ${d.integer} not null unique,
  primary key (backfill_id, position, n)
) ${d.clustered};

insert into backfill_date (backfill_id, position, logical_at, state, ended_at)
  select b.id, d.key, d.value, case when b.ended_at is null then 'pending' else 'stopped' end, b.ended_at
  from backfill b, ${d.numbersOf('b.dates', 'd')} where b.dates is not null;
update backfill set date_count = (select count(*) from backfill_date d where d.backfill_id = backfill.id), dates = null;
-- Nobody expects what was asked for long ago, when nothing came of it, to begin with an upgrade.
update backfill set state = 'paused', wait_reason = 'made before backfills were driven: resume it, or stop it',
  pending_dates = date_count, at_once = parallelism
  where ended_at is null and date_count > 0;
update backfill set state = 'stopped', wait_reason = null, counts = '{}', ended_at = updated_at where ended_at is null and date_count = 0;`,
};
