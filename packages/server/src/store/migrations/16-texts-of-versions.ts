import type { Migration } from '../migrations.ts';

/**
 * How often the text of a version was replaced by one that means the same; of a workflow, that of its latest version. Both stand in
 * the same transaction: entity tags are made from the row of a workflow alone, which is short.
 */
export const TEXTS_OF_VERSIONS: Migration = {
  number: 16,
  name: 'texts of versions that are replaced',
  sql: () => `
alter table workflow add column text_revision integer not null default 0;
alter table workflow_version add column text_revision integer not null default 0;`,
};
