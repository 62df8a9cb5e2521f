/** Runs and their logs, in the form of the published contract. */
import { z } from 'zod';
import { RUN_STATES, RUN_STATUS, toPublishedNodes, type RunState } from '@pelorus/protocol';
import { SIGNED_IN, inProject } from '../access.ts';
import { executionAnswer, executionList } from '../answers/executors.ts';
import { logAnswer } from '../answers/runs.ts';
import type { RunFilter, RunRow } from '../../store/port.ts';
import type { ApiContext } from '../context.ts';
import { logQuery, readLog } from '../log-query.ts';
import { loadRunDetail } from '../lookup.ts';
import { ok, route } from '../route.ts';
import { runId } from '../schemas.ts';
import { slicedAnswer } from '../sliced-json.ts';
import { taskStates } from '../views.ts';
import { listParameters } from './parameters.ts';
import { executionView, nodeView, ownersOf, type Owners } from './views.ts';

export const listExecutions = route({
  id: 'listExecutions',
  method: 'GET',
  path: '/executors',
  access: SIGNED_IN,
  summary: 'Executions, newest start first',
  answers: { 200: executionList },
  query: listParameters,
  handle: async ({ query }, context) => {
    const filter = filterOf(query);
    if (filter.states?.length === 0) return ok({ total: 0, length: 0, executions: [] });
    const projectIds = await context.caller.visibleProjects();
    const page = await context.store.listRuns({ ...filter, projectIds }, query.from, query.size);
    const owners = await ownersOfRuns(context, page.rows);
    const now = context.clock();
    return slicedAnswer({
      head: { total: page.total, length: page.rows.length },
      key: 'executions',
      items: page.rows,
      view: (row) => executionView(row, owners, now),
    });
  },
});

function filterOf(query: z.output<typeof listParameters>): RunFilter {
  return {
    ...(query.projectName === undefined ? {} : { projectPrefixes: query.projectName }),
    ...(query.workflowName === undefined ? {} : { workflowPrefixes: query.workflowName }),
    ...(query.status === undefined ? {} : { states: statesWith(query.status) }),
    ...(query.startDate === undefined ? {} : { submittedFrom: query.startDate }),
    ...(query.endDate === undefined ? {} : { submittedTo: query.endDate }),
  };
}

/** No run is ever in some of the states that nodes can be in. */
function statesWith(statuses: number[]): RunState[] {
  return RUN_STATES.filter((state) => statuses.includes(RUN_STATUS[state]));
}

async function ownersOfRuns({ store }: ApiContext, rows: RunRow[]): Promise<Owners> {
  return ownersOf(await store.listProjects({ projectIds: [...new Set(rows.map((row) => row.spec.projectId))] }));
}

const execPath = z.strictObject({ execId: runId });

export const getExecution = route({
  id: 'getExecution',
  method: 'GET',
  path: '/executors/:execId',
  access: inProject('read'),
  summary: 'One execution with its nodes, in an array',
  answers: { 200: executionAnswer },
  params: execPath,
  handle: async ({ params }, context) => {
    const detail = await loadRunDetail(context, params.execId);
    const definition = await context.versions.definition(detail.spec.workflowId, detail.spec.workflowVersion);
    const owners = await ownersOfRuns(context, [detail]);
    const now = context.clock();
    const { nodes, userDefParams } = toPublishedNodes(definition);
    const before = `[${JSON.stringify(executionView(detail, owners, now)).slice(0, -1)},"data":`;
    const states = taskStates(definition, detail);
    const items = nodes.flatMap((node, index) => {
      const state = states[index];
      return state === undefined ? [] : [{ node, state }];
    });
    return slicedAnswer(
      { head: { userDefParams }, key: 'nodes', items, view: ({ node, state }) => nodeView(node, state, now) },
      { before, after: '}]' },
    );
  },
});

export const getLogs = route({
  id: 'getExecutionLogs',
  method: 'GET',
  path: '/executors/:jobId/logs',
  access: inProject('read'),
  summary: 'A page of the log of a node',
  answers: { 200: logAnswer },
  params: z.strictObject({ jobId: z.string().max(64) }),
  query: logQuery,
  handle: async ({ params, query, signal }, context) => ok(await readLog(context, params.jobId, query, signal)),
});
