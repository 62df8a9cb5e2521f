import { z } from 'zod';
import type { WorkflowValidated } from '@pelorus/protocol';
import { SIGNED_IN, inProject } from '../access.ts';
import {
  versionPage,
  workflowPage,
  workflowSavedAnswer,
  workflowValidatedAnswer,
  workflowViewAnswer,
} from '../answers/workflows.ts';
import type { WorkflowRow, WorkflowVersionRow } from '../../store/port.ts';
import { definitionBody } from '../body.ts';
import type { ApiContext } from '../context.ts';
import { readCursor, writeCursor } from '../cursor.ts';
import { loadProject, loadWorkflow } from '../lookup.ts';
import { ApiFailure } from '../problem.ts';
import { ok, route, type Answer, type Route } from '../route.ts';
import { readDefinition, saveDefinition } from '../save-workflow.ts';
import { cursor, integer, limit, newName, someName, workflowPath } from '../schemas.ts';
import { slicedAnswer } from '../sliced-json.ts';
import { versionSummary, workflowHead, workflowSummary } from '../views.ts';

const newWorkflowPath = z.strictObject({ project: someName, workflow: newName });

const listWorkflows = route({
  id: 'listWorkflows',
  method: 'GET',
  path: '/workflows',
  access: SIGNED_IN,
  summary: 'Workflows, of one project or of all',
  answers: { 200: workflowPage },
  query: z.strictObject({ project: someName.optional(), limit: limit(100), cursor }),
  handle: async ({ query }, context) => {
    const { store } = context;
    if (query.project !== undefined) await loadProject(context, query.project);
    const after = readCursor(query.cursor, 1)?.[0];
    const rows = await store.listWorkflows({
      ...(query.project === undefined ? {} : { project: query.project }),
      ...(after === undefined ? {} : { after }),
      projectIds: await context.caller.visibleProjects(),
      limit: query.limit + 1,
    });
    const shown = rows.slice(0, query.limit);
    const last = shown.at(-1);
    return ok({
      items: shown.map(workflowSummary),
      nextCursor: rows.length > shown.length && last !== undefined ? writeCursor([last.id]) : null,
    });
  },
});

const getWorkflow = route({
  id: 'getWorkflow',
  method: 'GET',
  path: '/projects/:project/workflows/:workflow',
  access: inProject('read'),
  summary: 'A workflow with its latest version',
  answers: { 200: workflowViewAnswer },
  params: workflowPath,
  handle: async ({ params }, context) => {
    const workflow = await loadWorkflow(context, params.project, params.workflow);
    return workflowAnswer(workflow, await context.versions.get(workflow.id, workflow.version));
  },
});

const putWorkflow = route({
  id: 'putWorkflow',
  method: 'PUT',
  path: '/projects/:project/workflows/:workflow',
  access: inProject('write'),
  summary: 'Create a workflow or save a new version; the same content makes none',
  answers: { 200: workflowSavedAnswer, 201: workflowSavedAnswer },
  params: newWorkflowPath,
  body: definitionBody,
  handle: async ({ params, body }, context) => {
    const as = { project: params.project, name: params.workflow };
    await refuseHidden(context, as.project, as.name);
    const { answer } = await saveDefinition(context, as, await readDefinition(context, body, as), {
      hidden: false,
      mustBeNew: false,
    });
    return { status: answer.created ? 201 : 200, body: { json: answer } };
  },
});

async function refuseHidden(context: ApiContext, project: string, name: string): Promise<void> {
  const existing = await context.store.getWorkflow(project, name);
  if (existing?.hidden === true)
    throw new ApiFailure(
      'NAME_TAKEN',
      `${name} belongs to a workflow that was run directly and cannot be edited; take another name`,
    );
}

const deleteWorkflow = route({
  id: 'deleteWorkflow',
  method: 'DELETE',
  path: '/projects/:project/workflows/:workflow',
  access: inProject('write'),
  summary: 'Delete a workflow that has no run in progress; its runs stay readable',
  answers: { 204: null },
  params: workflowPath,
  handle: async ({ params }, context) => {
    const { store, user, clock } = context;
    const workflow = await loadWorkflow(context, params.project, params.workflow);
    await store.deleteWorkflow(workflow.id, user, clock());
    return { status: 204 };
  },
});

const validateWorkflow = route({
  id: 'validateWorkflow',
  method: 'POST',
  path: '/projects/:project/workflows/:workflow/validate',
  access: inProject('read'),
  summary: 'Check a definition without storing it',
  answers: { 200: workflowValidatedAnswer },
  params: newWorkflowPath,
  body: definitionBody,
  handle: async ({ params, body }, context) => {
    const checked = await readDefinition(context, body, { project: params.project, name: params.workflow });
    const answer: WorkflowValidated = {
      valid: true,
      name: params.workflow,
      hash: checked.hash,
      taskCount: checked.definition.tasks.length,
      warnings: checked.warnings,
    };
    return ok(answer);
  },
});

const listVersions = route({
  id: 'listVersions',
  method: 'GET',
  path: '/projects/:project/workflows/:workflow/versions',
  access: inProject('read'),
  summary: 'Versions of a workflow, newest first',
  answers: { 200: versionPage },
  params: workflowPath,
  handle: async ({ params }, context) => {
    const { store } = context;
    const workflow = await loadWorkflow(context, params.project, params.workflow);
    const versions = await store.listWorkflowVersions(workflow.id);
    return ok({
      items: versions.toSorted((left, right) => right.version - left.version).map(versionSummary),
      nextCursor: null,
    });
  },
});

const getVersion = route({
  id: 'getVersion',
  method: 'GET',
  path: '/projects/:project/workflows/:workflow/versions/:version',
  access: inProject('read'),
  summary: 'One version of a workflow',
  answers: { 200: workflowViewAnswer },
  params: workflowPath.extend({ version: integer({ min: 1, max: 1_000_000_000 }) }),
  handle: async ({ params }, context) => {
    const workflow = await loadWorkflow(context, params.project, params.workflow);
    if (params.version > workflow.version)
      throw new ApiFailure(
        'VERSION_NOT_FOUND',
        `workflow ${workflow.name} has no version ${params.version}; the latest is ${workflow.version}`,
      );
    return workflowAnswer(workflow, await context.versions.get(workflow.id, params.version));
  },
});

/** A definition may be large: its tasks are written a slice at a time. */
function workflowAnswer(workflow: WorkflowRow, row: WorkflowVersionRow): Answer {
  const { tasks, ...rest } = row.definition;
  const before = `${JSON.stringify(workflowHead(workflow, row)).slice(0, -1)},"definition":`;
  return slicedAnswer({ head: rest, key: 'tasks', items: tasks, view: (task) => task }, { before, after: '}' });
}

export const workflowRoutes: readonly Route[] = [
  listWorkflows,
  getWorkflow,
  putWorkflow,
  deleteWorkflow,
  validateWorkflow,
  listVersions,
  getVersion,
];
