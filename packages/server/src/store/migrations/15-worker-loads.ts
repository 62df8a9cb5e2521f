import type { Migration } from '../migrations.ts';

/** What each worker said of itself in the heartbeat of `seen_at`, as JSON; null: nothing yet. */
export const WORKER_LOADS: Migration = {
  number: 15,
  name: 'loads of workers',
  sql: () => `alter table worker add column load text;`,
};
