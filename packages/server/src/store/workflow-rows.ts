/** Rows of projects and workflows, which both the reader and the writer answer with. */
import type { ProjectRow, WorkflowRow } from './port.ts';
import type { Row } from './database.ts';

export const WORKFLOW_SELECT = `
  select w.id, w.project_id, p.name as project, w.name, w.description, w.labels, w.version, w.hash, w.text_revision, w.hidden,
    w.created_at, w.updated_at, w.updated_by
  from workflow w join project p on p.id = w.project_id`;

/** From a row of `project`. */
export function toProjectRow(row: Row): ProjectRow {
  return {
    id: row['id'] as number,
    name: row['name'] as string,
    description: row['description'] as string,
    owner: row['owner'] as string,
    createdAt: row['created_at'] as number,
  };
}

/** From a row of `WORKFLOW_SELECT`. */
export function toWorkflowRow(row: Row): WorkflowRow {
  return {
    id: row['id'] as number,
    projectId: row['project_id'] as number,
    project: row['project'] as string,
    name: row['name'] as string,
    description: row['description'] as string,
    labels: JSON.parse(row['labels'] as string) as Record<string, string>,
    version: row['version'] as number,
    hash: row['hash'] as string,
    textRevision: row['text_revision'] as number,
    hidden: row['hidden'] === 1,
    createdAt: row['created_at'] as number,
    updatedAt: row['updated_at'] as number,
    updatedBy: row['updated_by'] as string,
  };
}
