import type { Migration } from '../migrations.ts';

/** Where several processes write, counts are gathered without waiting for each other; see `Dialect.runCountDeltas`. */
export const RUN_COUNT_DELTAS: Migration = {
  number: 10,
  name: 'counts of runs that writers do not contend for',
  sql: (d) => d.runCountDeltas,
};
