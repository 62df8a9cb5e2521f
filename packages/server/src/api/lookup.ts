/**
 * Loads what a request is about, or throws the 404 that says what is missing, or the 403 when the caller lacks the route's
 * right in the project of what was loaded. Neither names anything that the caller may not read: names that a 404 suggests are
 * those of lists that the caller may see.
 */
import type { RunId } from '@pelorus/protocol';
import type { ApiContext } from './context.ts';
import type { ProjectRow, RunDetail, RunRow, WorkflowRow } from '../store/port.ts';
import { nearestName } from './nearest.ts';
import { ApiFailure } from './problem.ts';

type Needed = Pick<ApiContext, 'store' | 'caller'>;

export async function loadProject({ store, caller }: Needed, name: string): Promise<ProjectRow> {
  const row = await store.findProject(name);
  if (row === null) {
    const visible = await store.listProjects({ projectIds: await caller.visibleProjects() });
    throw new ApiFailure('PROJECT_NOT_FOUND', `there is no project ${name}${hint(name, visible)}`);
  }
  await caller.admit({ projectId: row.id, project: row.name });
  return row;
}

export async function loadWorkflow(context: Needed, project: string, name: string): Promise<WorkflowRow> {
  const { store, caller } = context;
  const row = await store.getWorkflow(project, name);
  if (row !== null) {
    await caller.admit(row);
    return row;
  }
  await loadProject(context, project);
  const projectIds = await caller.visibleProjects();
  const others = await store.listWorkflows({ project, projectIds, limit: NAMES_COMPARED });
  throw new ApiFailure('WORKFLOW_NOT_FOUND', `project ${project} has no workflow ${name}${hint(name, others)}`);
}

const NAMES_COMPARED = 200;

function hint(name: string, rows: { name: string }[]): string {
  const nearest = nearestName(
    name,
    rows.map((row) => row.name),
  );
  return nearest === null ? '' : `; did you mean ${nearest}?`;
}

export async function loadRun({ store, caller }: Needed, run: RunId): Promise<RunRow> {
  return admitted(caller, await store.getRun(run), run);
}

export async function loadRunDetail(
  { store, caller }: { store: Pick<ApiContext['store'], 'getRunDetail'>; caller: Needed['caller'] },
  run: RunId,
): Promise<RunDetail> {
  return admitted(caller, await store.getRunDetail(run), run);
}

async function admitted<Row extends RunRow>(caller: Needed['caller'], row: Row | null, run: RunId): Promise<Row> {
  if (row === null) throw new ApiFailure('RUN_NOT_FOUND', `there is no run ${run}`);
  await caller.admit(row.spec);
  return row;
}
