import type { Migration } from '../migrations.ts';

/** What a worker said of an attempt after it had been given up: a `LateResult`. Written once, beside the commit's guards. */
export const LATE_RESULTS: Migration = {
  number: 17,
  name: 'late results of attempts',
  sql: () => `alter table attempt add column late text;`,
};
