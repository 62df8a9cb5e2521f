/** Loads what a path names, or throws the 404 that says what is missing. */
import type { RunId } from '@pelorus/protocol';
import type { ApiStore, ProjectRow, RunDetail, RunRow, WorkflowRow } from '../store/port.ts';
import { nearestName } from './nearest.ts';
import { ApiFailure } from './problem.ts';

type Reads = Pick<ApiStore, 'listProjects' | 'getWorkflow' | 'listWorkflows' | 'getRun' | 'getRunDetail'>;

export async function loadProject(store: Reads, name: string): Promise<ProjectRow> {
  const projects = await store.listProjects();
  const row = projects.find((project) => project.name === name);
  if (row === undefined)
    throw new ApiFailure('PROJECT_NOT_FOUND', `there is no project ${name}${hint(name, projects)}`);
  return row;
}

export async function loadWorkflow(store: Reads, project: string, name: string): Promise<WorkflowRow> {
  const row = await store.getWorkflow(project, name);
  if (row !== null) return row;
  await loadProject(store, project);
  const others = await store.listWorkflows({ project, limit: NAMES_COMPARED });
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

export async function loadRun(store: Reads, run: RunId): Promise<RunRow> {
  return found(await store.getRun(run), run);
}

export async function loadRunDetail(store: Reads, run: RunId): Promise<RunDetail> {
  return found(await store.getRunDetail(run), run);
}

function found<Row>(row: Row | null, run: RunId): Row {
  if (row === null) throw new ApiFailure('RUN_NOT_FOUND', `there is no run ${run}`);
  return row;
}
