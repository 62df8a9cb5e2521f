import type { Migration } from '../migrations.ts';

/** What each worker said in its hello that it can, as a JSON array of words. */
export const WORKER_FEATURES: Migration = {
  number: 20,
  name: 'features of workers',
  sql: () => `alter table worker add column features text not null default '[]';`,
};
