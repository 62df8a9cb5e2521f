/** What the api role asks for about projects; part of the store's port. */
import type { RunId } from '@pelorus/protocol';
import type { ProjectRow } from './port.ts';

/**
 * Whose projects a list is about: ids of those that may be seen; null or absent: all. Adapters apply it in the query, so
 * that pages, cursors and totals know nothing of the others.
 */
export interface VisibleProjects {
  projectIds?: readonly number[] | null;
}

export interface ProjectStore {
  /** By name. */
  listProjects(filter?: VisibleProjects): Promise<ProjectRow[]>;
  findProject(name: string): Promise<ProjectRow | null>;
  /** CONFLICT when there is one of that name. */
  createProject(project: { name: string; description: string; owner: string; at: number }): Promise<ProjectRow>;
  /** NOT_FOUND. */
  changeProject(project: number, change: { description: string }): Promise<ProjectRow>;
  /**
   * PRECONDITION, with what is in the way, while it holds workflows that people have saved, or runs or
   * backfills that have not ended; NOT_FOUND.
   * What belongs to the project goes with it, its hidden workflows too, and the name is free again; its history of runs
   * stays, for administrators.
   */
  deleteProject(project: number, user: string, at: number): Promise<void>;
  /** The project of each run; runs that there are not are missing. */
  projectsOfRuns(runs: readonly RunId[]): Promise<Map<number, number>>;
}
