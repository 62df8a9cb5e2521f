/** Projects, their workflows and versions, and what moves them from store to store. */
import { setImmediate } from 'node:timers/promises';
import type { WorkflowDefinition } from '@pelorus/protocol';
import type { SaveWorkflow } from '../port.ts';
import type { WorkflowVersionText } from '../read-verbs.ts';
import { taskGroupMembersOf } from '../task-groups.ts';
import type { SaveWorkflowRequest } from '../write-verbs.ts';
import { done, type StoreMethods } from './methods.ts';

export const WORKFLOWS = {
  ensureProject: ({ writer }, project) => writer.call('ensureProject', project),
  listProjects: ({ people }, filter = {}) => people.call('listProjects', filter),
  findProject: ({ people }, name) => people.call('findProject', name),
  createProject: ({ writer }, project) => writer.call('createProject', project),
  changeProject: ({ writer }, project, { description }) => writer.call('changeProject', { project, description }),
  deleteProject: ({ writer }, project, user, at) => done(writer.call('deleteProject', { project, user, at })),
  projectsOfRuns: ({ people }, runs) => people.call('projectsOfRuns', runs),
  saveWorkflow: ({ writer }, save) => writer.call('saveWorkflow', saveRequestOf(save)),
  saveTogether: async ({ writer }, request) => {
    const workflows: SaveWorkflowRequest[] = [];
    for (const save of request.workflows) {
      // Definitions may be large, and many: others get their turns between them.
      await setImmediate();
      workflows.push(saveRequestOf(save));
    }
    const { projectId, files, user, at, limits } = request;
    return writer.call('saveTogether', { workflows, files: { projectId, files, user, at, limits } });
  },
  listLatestVersions: ({ people }, projectId, filter) => people.call('listLatestVersions', { projectId, ...filter }),
  contentSizes: ({ people }, sha256s) => people.call('contentSizes', sha256s),
  getWorkflow: ({ people }, project, name) => people.call('getWorkflow', { project, name }),
  listWorkflows: ({ people }, filter) => people.call('listWorkflows', filter),
  listWorkflowVersions: ({ people }, workflowId) => people.call('listWorkflowVersions', workflowId),
  getWorkflowVersion: async ({ people }, workflowId, version) => {
    const found = await people.call('getWorkflowVersion', { workflowId, version });
    return found && { ...found, definition: parseDefinition(found) };
  },
  getWorkflowText: ({ people }, workflowId, version) => people.call('getWorkflowText', { workflowId, version }),
  deleteWorkflow: ({ writer }, workflowId, user, at) => done(writer.call('deleteWorkflow', { workflowId, user, at })),
  pageWorkflows: ({ people }, filter) => people.call('pageWorkflows', filter),
  lastRuns: ({ people }, workflowIds, count) => people.call('lastRuns', { workflowIds, count }),
  loadWorkflowVersion: async ({ master }, workflowId, version) => {
    const found = await master.call('getWorkflowVersion', { workflowId, version });
    return found && { workflowId, version, definition: parseDefinition(found), files: found.files };
  },
} satisfies Partial<StoreMethods>;

function saveRequestOf(save: SaveWorkflow): SaveWorkflowRequest {
  const { definition, files, projectFiles = [] } = save;
  return {
    ...save,
    description: definition.description,
    labels: JSON.stringify(definition.labels),
    schedule: definition.schedule ?? null,
    concurrency: definition.concurrency,
    taskGroupMembers: taskGroupMembersOf(definition),
    definition: JSON.stringify(definition),
    projectFiles: JSON.stringify(projectFiles),
    files: files.map(({ name, sha256, base64 }) => ({ name, sha256, bytes: Buffer.from(base64, 'base64') })),
  };
}

function parseDefinition(version: WorkflowVersionText): WorkflowDefinition {
  return JSON.parse(version.definition) as WorkflowDefinition;
}
