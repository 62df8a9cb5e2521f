/**
 * Owns: workflow versions already read, without their texts. They never change, so an entry is right for ever; the oldest used go first
 * when all of them together have too many tasks.
 * Invariants: 1. one read at a time per version, shared by everybody who asks; 2. a failed read is not kept.
 */
import type { WorkflowDefinition } from '@pelorus/protocol';
import type { ApiStore, WorkflowVersionContent } from '../store/port.ts';
import { API_LIMITS } from './limits.ts';
import { ApiFailure } from './problem.ts';

export interface VersionCache {
  /** Throws `VERSION_NOT_FOUND`. */
  get(workflowId: number, version: number): Promise<WorkflowVersionContent>;
  definition(workflowId: number, version: number): Promise<WorkflowDefinition>;
}

export function createVersionCache(store: Pick<ApiStore, 'getWorkflowVersion'>): VersionCache {
  const entries = new Map<string, { row: Promise<WorkflowVersionContent>; taskCount: number }>();

  async function read(workflowId: number, version: number, key: string): Promise<WorkflowVersionContent> {
    const found = await store.getWorkflowVersion(workflowId, version);
    if (found === null) throw new ApiFailure('VERSION_NOT_FOUND', `workflow ${workflowId} has no version ${version}`);
    const { source: _source, format: _format, textRevision: _revision, ...row } = found;
    const entry = entries.get(key);
    if (entry !== undefined) entry.taskCount = row.definition.tasks.length;
    evict(key);
    return row;
  }

  function evict(newest: string): void {
    let taskCount = [...entries.values()].reduce((sum, entry) => sum + entry.taskCount, 0);
    for (const [key, entry] of entries) {
      if (taskCount <= API_LIMITS.cachedDefinitionTasks) return;
      if (key === newest) continue;
      entries.delete(key);
      taskCount -= entry.taskCount;
    }
  }

  function get(workflowId: number, version: number): Promise<WorkflowVersionContent> {
    const key = `${workflowId}.${version}`;
    const known = entries.get(key);
    if (known !== undefined) {
      entries.delete(key);
      entries.set(key, known);
      return known.row;
    }
    const row = read(workflowId, version, key);
    entries.set(key, { row, taskCount: 1 });
    row.catch(() => entries.delete(key));
    return row;
  }

  return { get, definition: async (workflowId, version) => (await get(workflowId, version)).definition };
}
