/** Deadlines of workflows, and all of those that one may see. */
import { z } from 'zod';
import { SCHEDULE_LIMITS, type DeadlineRow } from '../../store/port.ts';
import { SIGNED_IN, inProject } from '../access.ts';
import { deadlineAnswer, deadlinePage } from '../answers/schedules.ts';
import { jsonBody } from '../body.ts';
import type { ApiContext } from '../context.ts';
import { readCursor, writeCursor } from '../cursor.ts';
import { loadProject, loadWorkflow } from '../lookup.ts';
import { API_LIMITS } from '../limits.ts';
import { nearestName } from '../nearest.ts';
import { ApiFailure, badParameters } from '../problem.ts';
import { ok, route, type Route } from '../route.ts';
import { cronMembers, readCron } from '../schedules/times.ts';
import { deadlineView } from '../schedules/views.ts';
import { cursor, flag, limit, newName, recipients, someName, workflowPath } from '../schemas.ts';

const path = '/projects/:project/workflows/:workflow/deadlines';
const deadlinePath = workflowPath.extend({ deadline: someName });

const listDeadlines = route({
  id: 'listDeadlines',
  method: 'GET',
  path,
  access: inProject('read'),
  summary: 'Deadlines of a workflow: by when it, or a task of it, must have succeeded',
  answers: { 200: deadlinePage },
  params: workflowPath,
  handle: async ({ params }, context) => {
    const { id } = await loadWorkflow(context, params.project, params.workflow);
    const rows = await context.store.listDeadlines({ workflowId: id, limit: SCHEDULE_LIMITS.deadlinesPerWorkflow });
    return ok({ items: rows.map(deadlineView), nextCursor: null });
  },
});

const listAllDeadlines = route({
  id: 'listAllDeadlines',
  method: 'GET',
  path: '/deadlines',
  access: SIGNED_IN,
  summary: 'Deadlines of all workflows that you may read, with when they were last missed',
  answers: { 200: deadlinePage },
  query: z.strictObject({
    project: someName.optional(),
    workflow: someName.optional(),
    enabled: flag.optional(),
    limit: limit(API_LIMITS.runPageDefault),
    cursor,
  }),
  handle: async ({ query }, context) => {
    const { project, workflow, enabled } = query;
    const after = readCursor(query.cursor, 1)?.[0];
    const projectIds =
      project === undefined ? await context.caller.visibleProjects() : [(await loadProject(context, project)).id];
    const rows = await context.store.listDeadlines({
      ...{ projectIds, limit: query.limit + 1 },
      ...(workflow === undefined ? {} : { workflow }),
      ...(enabled === undefined ? {} : { enabled }),
      ...(after === undefined ? {} : { after }),
    });
    const items = rows.slice(0, query.limit);
    const last = items.at(-1);
    const nextCursor = rows.length > items.length && last !== undefined ? writeCursor([last.id]) : null;
    return ok({ items: items.map(deadlineView), nextCursor });
  },
});

type Named = z.output<typeof deadlinePath>;

async function loadDeadline(context: ApiContext, { project, workflow, deadline }: Named): Promise<DeadlineRow> {
  const { id } = await loadWorkflow(context, project, workflow);
  const row = await context.store.getDeadline(id, deadline);
  if (row !== null) return row;
  const others = await context.store.listDeadlines({ workflowId: id, limit: SCHEDULE_LIMITS.deadlinesPerWorkflow });
  const nearest = nearestName(
    deadline,
    others.map(({ name }) => name),
  );
  throw new ApiFailure(
    'DEADLINE_NOT_FOUND',
    `workflow ${workflow} has no deadline ${deadline}${nearest === null ? '' : `; did you mean ${nearest}?`}`,
  );
}

const getDeadline = route({
  id: 'getDeadline',
  method: 'GET',
  path: `${path}/:deadline`,
  access: inProject('read'),
  summary: 'One deadline',
  answers: { 200: deadlineAnswer },
  params: deadlinePath,
  handle: async ({ params }, context) => ok(deadlineView(await loadDeadline(context, params))),
});

const putDeadline = route({
  id: 'putDeadline',
  method: 'PUT',
  path: `${path}/:deadline`,
  access: inProject('write'),
  summary: 'Create or replace a deadline; it is looked at from its next instant on',
  answers: { 200: deadlineAnswer, 201: deadlineAnswer },
  params: workflowPath.extend({ deadline: newName }),
  body: jsonBody(
    z.strictObject({
      ...cronMembers,
      task: someName.nullable().default(null),
      enabled: z.boolean().default(true),
      recipients: recipients.default([]),
    }),
  ),
  handle: async ({ params, body }, context) => {
    const { store, user, clock, hints } = context;
    const workflow = await loadWorkflow(context, params.project, params.workflow);
    const { zone, problems } = readCron(body);
    if (problems.length > 0) throw badParameters(problems);
    if (body.task !== null) await refuseUnknownTask(context, workflow, body.task);
    const { task, enabled } = body;
    const existed = (await store.getDeadline(workflow.id, params.deadline)) !== null;
    const row = await store.saveDeadline({
      ...{ workflowId: workflow.id, name: params.deadline, task, cron: body.cron.trim(), zone, enabled },
      ...{ recipients: [...new Set(body.recipients)], user, at: clock() },
    });
    hints.commandWritten();
    return { status: existed ? 200 : 201, body: { json: deadlineView(row) } };
  },
});

/** By the latest version; names of tasks are told to who may read them. */
async function refuseUnknownTask(
  { versions, caller }: ApiContext,
  workflow: { id: number; version: number; name: string; projectId: number; project: string },
  task: string,
): Promise<void> {
  const { tasks } = await versions.definition(workflow.id, workflow.version);
  const names = tasks.map(({ name }) => name);
  if (names.includes(task)) return;
  const nearest = (await caller.may('read', workflow)) ? nearestName(task, names) : null;
  throw new ApiFailure(
    'UNKNOWN_TASK',
    `workflow ${workflow.name} has no task ${task}${nearest === null ? '' : `; did you mean ${nearest}?`}`,
  );
}

const deleteDeadline = route({
  id: 'deleteDeadline',
  method: 'DELETE',
  path: `${path}/:deadline`,
  access: inProject('write'),
  summary: 'Delete a deadline',
  answers: { 204: null },
  params: deadlinePath,
  handle: async ({ params }, context) => {
    const row = await loadDeadline(context, params);
    await context.store.deleteDeadline(row.id);
    return { status: 204 };
  },
});

export const deadlineRoutes: readonly Route[] = [
  listAllDeadlines,
  listDeadlines,
  getDeadline,
  putDeadline,
  deleteDeadline,
];
