import type { Migration } from '../migrations.ts';

/** `project.name` stays unique over deleted ones too: deleting renames, see `projects.ts`. */
export const PROJECTS: Migration = {
  number: 7,
  name: 'projects that were deleted, alerts by project',
  sql: (d) => `
alter table project add column deleted_at ${d.integer};
alter table project add column deleted_by text;

alter table alert_delivery add column project_id ${d.integer};
update alert_delivery set project_id = (select project_id from run where run.id = alert_delivery.run_id);
create index alert_project on alert_delivery (project_id, id);`,
};
