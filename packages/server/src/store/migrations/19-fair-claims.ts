import type { Migration } from '../migrations.ts';

/**
 * What waits of each project, so that a claim can begin runs of all of them in turn. Only a start has a project here: it waits for
 * whoever comes first, anything else for the owner of its run. `command_waiting` stays: while little waits, one walk finds both.
 */
export const FAIR_CLAIMS: Migration = {
  number: 19,
  name: 'commands that wait, by project',
  sql: (d) => `
alter table command add column project_id ${d.integer};
update command set project_id = (select r.project_id from run r where r.id = run_id)
  where done_at is null and ${d.jsonText('action', 'kind')} = 'start';
create index command_start on command (project_id, id) where done_at is null and project_id is not null;
create index command_order on command (id) where done_at is null and project_id is null;`,
};
