/** Workflows and their versions: saved, checked, compared, taken back, exported and deleted. */
import { z } from 'zod';
import type { WorkflowListItem, WorkflowValidated } from '@pelorus/protocol';
import { SIGNED_IN, inProject } from '../access.ts';
import {
  versionPage,
  workflowDiffAnswer,
  workflowPage,
  workflowSavedAnswer,
  workflowValidatedAnswer,
  workflowViewAnswer,
} from '../answers/workflows.ts';
import type { WorkflowRow, WorkflowVersionRow } from '../../store/port.ts';
import { definitionBody, jsonBody, type DefinitionBody } from '../body.ts';
import type { ApiContext } from '../context.ts';
import { readTextCursor, writeTextCursor } from '../cursor.ts';
import type { NamedAs } from '../definitions/parse-upload.ts';
import { API_LIMITS } from '../limits.ts';
import { loadProject, loadWorkflow } from '../lookup.ts';
import { ApiFailure } from '../problem.ts';
import { ok, route, type Answer, type Route } from '../route.ts';
import { labelIn, runSelection } from '../run-selection.ts';
import { readDefinition, saveDefinition } from '../save-workflow.ts';
import { integer, limit, newName, someName, workflowPath } from '../schemas.ts';
import { slicedAnswer } from '../sliced-json.ts';
import { versionOf } from '../submit.ts';
import { lastRunView, versionSummary, workflowHead, workflowSummary } from '../views.ts';
import { diffOf } from '../workflow-diff.ts';
import { expectedVersion, workflowTag, type ExpectedVersion } from '../workflow-tags.ts';

const newWorkflowPath = z.strictObject({ project: someName, workflow: newName });

const listWorkflows = route({
  id: 'listWorkflows',
  method: 'GET',
  path: '/workflows',
  access: SIGNED_IN,
  summary: 'Workflows by name, of one project or of all; with ?lastRuns=10 also the last runs of each',
  answers: { 200: workflowPage },
  query: z.strictObject({
    project: someName.optional(),
    q: someName.optional(),
    label: runSelection.shape.label,
    lastRuns: integer({ min: 1, max: API_LIMITS.lastRuns }).optional(),
    limit: limit(100),
    cursor: z.string().max(2000).optional(),
  }),
  handle: async ({ query }, context) => {
    const { store } = context;
    if (query.project !== undefined) await loadProject(context, query.project);
    // Names hold no slash.
    const [project, name] = readTextCursor(query.cursor)?.split('/') ?? [];
    const rows = await store.pageWorkflows({
      ...(query.project === undefined ? {} : { project: query.project }),
      ...(query.q === undefined ? {} : { contains: query.q }),
      ...(query.label === undefined ? {} : { label: labelIn(query.label) }),
      ...(project === undefined || name === undefined ? {} : { after: { project, name } }),
      projectIds: await context.caller.visibleProjects(),
      limit: query.limit + 1,
    });
    const shown = rows.slice(0, query.limit);
    const last = shown.at(-1);
    return ok({
      items:
        query.lastRuns === undefined ? shown.map(workflowSummary) : await withLastRuns(context, shown, query.lastRuns),
      nextCursor:
        rows.length > shown.length && last !== undefined ? writeTextCursor(`${last.project}/${last.name}`) : null,
    });
  },
});

async function withLastRuns({ store }: ApiContext, rows: WorkflowRow[], count: number): Promise<WorkflowListItem[]> {
  const runs = await store.lastRuns(
    rows.map(({ id }) => id),
    count,
  );
  const byWorkflow = Map.groupBy(runs, ({ workflowId }) => workflowId);
  return rows.map((row) => ({ ...workflowSummary(row), lastRuns: (byWorkflow.get(row.id) ?? []).map(lastRunView) }));
}

const getWorkflow = route({
  id: 'getWorkflow',
  method: 'GET',
  path: '/projects/:project/workflows/:workflow',
  access: inProject('read'),
  summary: 'A workflow with its latest version',
  answers: { 200: workflowViewAnswer, 304: null },
  params: workflowPath,
  handle: async ({ params, ifNoneMatch }, context) => {
    const workflow = await loadWorkflow(context, params.project, params.workflow);
    const headers = { etag: workflowTag(workflow) };
    if (ifNoneMatch.some((tag) => tag === headers.etag || tag === '*')) return { status: 304, headers };
    return workflowAnswer(workflow, await loadVersion(context, workflow, workflow.version));
  },
});

const putWorkflow = route({
  id: 'putWorkflow',
  method: 'PUT',
  path: '/projects/:project/workflows/:workflow',
  access: inProject('write'),
  conditional: true,
  summary: 'Create a workflow or save a new version; the same content makes none',
  answers: { 200: workflowSavedAnswer, 201: workflowSavedAnswer },
  params: newWorkflowPath,
  body: definitionBody,
  handle: async ({ params, body, ifMatch, ifNoneMatch }, context) => {
    const as = { project: params.project, name: params.workflow };
    await loadProject(context, as.project);
    const now = await context.store.getWorkflow(as.project, as.name);
    refuseHidden(now);
    return savedAnswer(context, as, body, expectedVersion(now, { ifMatch, ifNoneMatch }));
  },
});

async function savedAnswer(
  context: ApiContext,
  as: NamedAs,
  body: DefinitionBody,
  expected: ExpectedVersion,
): Promise<Answer> {
  const options = { hidden: false, mustBeNew: false, ...expected };
  const { answer } = await saveDefinition(context, as, await readDefinition(context, body, as), options);
  return { status: answer.created ? 201 : 200, headers: { etag: answer.tag }, body: { json: answer } };
}

function refuseHidden(existing: WorkflowRow | null): void {
  if (existing?.hidden === true)
    throw new ApiFailure(
      'NAME_TAKEN',
      `${existing.name} belongs to a workflow that was run directly and cannot be edited; take another name`,
    );
}

const deleteWorkflow = route({
  id: 'deleteWorkflow',
  method: 'DELETE',
  path: '/projects/:project/workflows/:workflow',
  access: inProject('write'),
  conditional: true,
  summary: 'Delete a workflow that has no run in progress; its runs stay readable',
  answers: { 204: null },
  params: workflowPath,
  handle: async ({ params, ifMatch }, context) => {
    const { store, user, clock } = context;
    const workflow = await loadWorkflow(context, params.project, params.workflow);
    expectedVersion(workflow, { ifMatch, ifNoneMatch: [] });
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

const versionNumber = integer({ min: 1, max: 1_000_000_000 });

const getVersion = route({
  id: 'getVersion',
  method: 'GET',
  path: '/projects/:project/workflows/:workflow/versions/:version',
  access: inProject('read'),
  summary: 'One version of a workflow',
  answers: { 200: workflowViewAnswer, 304: null },
  params: workflowPath.extend({ version: versionNumber }),
  handle: async ({ params, ifNoneMatch }, context) => {
    const workflow = await loadWorkflow(context, params.project, params.workflow);
    const row = await loadVersion(context, workflow, params.version);
    const headers = { etag: workflowTag(row) };
    if (ifNoneMatch.some((tag) => tag === headers.etag || tag === '*')) return { status: 304, headers };
    return workflowAnswer(workflow, row);
  },
});

/** With its text as it is now. */
async function loadVersion(context: ApiContext, workflow: WorkflowRow, version: number): Promise<WorkflowVersionRow> {
  const content = await versionOf(context, workflow, version);
  const text = await context.store.getWorkflowText(workflow.id, version);
  if (text === null) throw new Error(`version ${version} of workflow ${workflow.id} is gone`);
  return { ...content, ...text };
}

const diffVersions = route({
  id: 'diffVersions',
  method: 'GET',
  path: '/projects/:project/workflows/:workflow/versions/:version/diff/:other',
  access: inProject('read'),
  summary: 'What differs between two versions of a workflow: the texts, tasks, settings and files',
  answers: { 200: workflowDiffAnswer },
  params: workflowPath.extend({ version: versionNumber, other: versionNumber }),
  handle: async ({ params }, context) => {
    const workflow = await loadWorkflow(context, params.project, params.workflow);
    const from = await loadVersion(context, workflow, params.version);
    return ok(diffOf(from, await loadVersion(context, workflow, params.other)));
  },
});

const rollback = route({
  id: 'rollbackWorkflow',
  method: 'POST',
  path: '/projects/:project/workflows/:workflow/rollback',
  access: inProject('write'),
  conditional: true,
  summary: 'Save an earlier version of a workflow as its latest; the same content makes none',
  answers: { 200: workflowSavedAnswer },
  params: workflowPath,
  body: jsonBody(z.strictObject({ version: z.int().min(1).max(1_000_000_000) })),
  handle: async ({ params, body, ifMatch }, context) => {
    const workflow = await loadWorkflow(context, params.project, params.workflow);
    refuseHidden(workflow);
    const expected = { ifVersion: workflow.version, ...expectedVersion(workflow, { ifMatch, ifNoneMatch: [] }) };
    const { source, format, files } = await loadVersion(context, workflow, body.version);
    const bundle = { source, format, files: files.map(({ name, base64 }) => ({ name, base64 })) };
    const as = { project: workflow.project, name: workflow.name };
    return savedAnswer(context, as, { kind: 'bundle', format, bytes: Buffer.from(JSON.stringify(bundle)) }, expected);
  },
});

const exportWorkflow = route({
  id: 'exportWorkflow',
  method: 'GET',
  path: '/projects/:project/workflows/:workflow/export',
  access: inProject('read'),
  summary: 'The definition as it was written, as a file; of the latest version unless ?version= says otherwise',
  answers: { 200: { media: { 'application/yaml': 'text', 'application/json': 'text' } } },
  params: workflowPath,
  query: z.strictObject({ version: versionNumber.optional() }),
  handle: async ({ params, query }, context) => {
    const workflow = await loadWorkflow(context, params.project, params.workflow);
    const row = await loadVersion(context, workflow, query.version ?? workflow.version);
    return {
      status: 200,
      headers: {
        etag: workflowTag(row),
        'content-disposition': `attachment; filename*=UTF-8''${encodeURIComponent(`${workflow.name}.${row.format}`)}`,
      },
      body: { text: row.source, type: `application/${row.format}; charset=utf-8` },
    };
  },
});

/** A definition may be large: its tasks are written a slice at a time. */
function workflowAnswer(workflow: WorkflowRow, row: WorkflowVersionRow): Answer {
  const { tasks, ...rest } = row.definition;
  const before = `${JSON.stringify(workflowHead(workflow, row)).slice(0, -1)},"definition":`;
  const answer = slicedAnswer({ head: rest, key: 'tasks', items: tasks, view: (task) => task }, { before, after: '}' });
  return { ...answer, headers: { etag: workflowTag(row) } };
}

export const workflowRoutes: readonly Route[] = [
  listWorkflows,
  getWorkflow,
  putWorkflow,
  deleteWorkflow,
  validateWorkflow,
  listVersions,
  getVersion,
  diffVersions,
  rollback,
  exportWorkflow,
];
