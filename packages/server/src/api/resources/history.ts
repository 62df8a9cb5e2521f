/** The last runs of a workflow, task by task. */
import type { RunHistory } from '@pelorus/protocol';
import { z } from 'zod';
import { inProject } from '../access.ts';
import { runHistoryPage } from '../answers/runs.ts';
import type { RunRow } from '../../store/port.ts';
import type { ApiContext } from '../context.ts';
import { API_LIMITS } from '../limits.ts';
import { loadWorkflow } from '../lookup.ts';
import { readRunPage } from '../run-page.ts';
import { route, type Route } from '../route.ts';
import { cursor, integer, workflowPath } from '../schemas.ts';
import { slicedAnswer } from '../sliced-json.ts';
import { runView, taskCell, taskStates } from '../views.ts';

const getHistory = route({
  id: 'getWorkflowHistory',
  method: 'GET',
  path: '/projects/:project/workflows/:workflow/history',
  access: inProject('read'),
  summary: `The last runs of a workflow, however old, each with the states of its tasks; fewer than asked for where they have more than ${API_LIMITS.historyTasks} tasks together`,
  answers: { 200: runHistoryPage },
  params: workflowPath,
  query: z.strictObject({ limit: integer({ min: 1, max: API_LIMITS.historyRuns }).default(30), cursor }),
  handle: async ({ params, query }, context) => {
    const { project, name: workflow } = await loadWorkflow(context, params.project, params.workflow);
    const now = context.clock();
    const { items, nextCursor } = await readRunPage(context, (until) => ({ project, workflow, submittedTo: until }), {
      ...{ limit: query.limit, cursor: query.cursor, until: now },
      fitting: (rows) => fittingRuns(context, rows),
    });
    const tasks = await context.store.taskRunsOf(items.map(({ row }) => row.spec.id));
    const history = await Promise.all(
      items.map(async (item) => ({
        ...item,
        definition: await definitionOf(context, item.row),
        tasks: tasks.get(item.row.spec.id) ?? [],
      })),
    );
    return slicedAnswer({
      head: { nextCursor },
      key: 'items',
      items: history,
      view: ({ row, tally, definition, tasks: records }): RunHistory => ({
        run: runView(row, tally, now),
        tasks: taskStates(definition, { spec: row.spec, tasks: records, attempts: [] }).map(taskCell),
      }),
    });
  },
});

function definitionOf({ versions }: ApiContext, { spec }: RunRow): ReturnType<ApiContext['versions']['definition']> {
  return versions.definition(spec.workflowId, spec.workflowVersion);
}

async function fittingRuns(context: ApiContext, rows: readonly RunRow[]): Promise<number> {
  let left: number = API_LIMITS.historyTasks;
  for (const [index, row] of rows.entries()) {
    left -= (await definitionOf(context, row)).tasks.length;
    if (left < 0) return Math.max(1, index);
  }
  return rows.length;
}

export const historyRoutes: readonly Route[] = [getHistory];
