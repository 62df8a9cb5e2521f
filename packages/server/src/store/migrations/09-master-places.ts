import type { Migration } from '../migrations.ts';

/** Where the operations port of a master is reached by APIs; and workers are asked for by those that they supersede. */
export const MASTER_PLACES: Migration = {
  number: 9,
  name: 'where masters are reached',
  sql: () => `alter table master add column ops_url text;`,
};
