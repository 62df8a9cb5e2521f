/** Runs: submitted, listed, and read with their tasks, their plan and what their master has in memory. */
import { z } from 'zod';
import { LIMITS, formatAttemptId, type LiveView, type RunId, type TaskView } from '@pelorus/protocol';
import { SIGNED_IN, inProject } from '../access.ts';
import {
  liveAnswerSchema,
  planAnswerSchema,
  plannedAnswer,
  runAnswer,
  runPage,
  runSubmittedAnswer,
  taskPage,
} from '../answers/runs.ts';
import type { RunDetail } from '../../store/port.ts';
import { jsonBody } from '../body.ts';
import type { ApiContext } from '../context.ts';
import { readCursor, writeCursor } from '../cursor.ts';
import { API_LIMITS } from '../limits.ts';
import { loadLive } from '../live-query.ts';
import { loadProject, loadRun, loadRunDetail } from '../lookup.ts';
import { planView } from '../plan.ts';
import { readRunPage } from '../run-page.ts';
import { filterOf, runSelection } from '../run-selection.ts';
import { badParameter } from '../problem.ts';
import { ok, route, type Answer, type Route } from '../route.ts';
import {
  cursor,
  flag,
  instant,
  integer,
  limit,
  notifyType,
  priority,
  recipients,
  runPath,
  someName,
  startParameters,
  workerGroupName,
  zoneName,
} from '../schemas.ts';
import { slicedAnswer } from '../sliced-json.ts';
import { WHOLE_WORKFLOW, prepareRun, type RunOrder, type Selection } from '../submit.ts';
import { runView, taskStates, taskView, type ChildRuns, type TaskState } from '../views.ts';
import { visibleChildren, withVisibleParents } from '../visible-links.ts';
import { planAnswer, submitAnswer } from './submit-answer.ts';

const DEP_WORDS = {
  node: 'NODE_ONLY',
  post: 'NODE_POST',
  pre: 'NODE_PRE',
  node_only: 'NODE_ONLY',
  node_post: 'NODE_POST',
  node_pre: 'NODE_PRE',
} as const;
const lowerCase = (value: unknown) => (typeof value === 'string' ? value.toLowerCase() : value);
const upperCase = (value: unknown) => (typeof value === 'string' ? value.toUpperCase() : value);

export const runRequest = z.strictObject({
  project: someName,
  workflow: someName,
  version: z.int().min(1).optional(),
  params: startParameters.optional(),
  from: z
    .strictObject({
      task: z.union(
        [someName, z.array(someName).min(1).max(LIMITS.tasksPerWorkflow)],
        'must be the name of a task or an array of names',
      ),
      dep: z
        .preprocess(lowerCase, z.enum(['node', 'post', 'pre', 'node_only', 'node_post', 'node_pre']))
        .default('node'),
    })
    .optional(),
  select: z.array(someName).min(1).max(LIMITS.tasksPerWorkflow).optional(),
  failurePolicy: z.preprocess(lowerCase, z.enum(['end', 'continue'])).optional(),
  dryRun: z.boolean().optional(),
  priority: priority.optional(),
  workerGroup: workerGroupName.optional(),
  environment: someName.optional(),
  logicalDate: instant.optional(),
  zone: zoneName.optional(),
  timeoutMs: z.int().min(1).max(LIMITS.runTimeoutMaxMs).optional(),
  notifyType: z.preprocess(upperCase, notifyType).optional(),
  notifyMails: recipients.optional(),
  extras: z.json().optional(),
});

const postRun = route({
  id: 'postRun',
  method: 'POST',
  path: '/runs',
  access: inProject('execute'),
  repeatable: true,
  summary: 'Run a workflow; with ?dryRun=true only say what would be executed',
  answers: { 200: plannedAnswer, 201: runSubmittedAnswer },
  query: z.strictObject({ dryRun: flag.default(false) }),
  body: jsonBody(runRequest),
  handle: async ({ query, body, key }, context) => {
    const prepared = await prepareRun(context, orderOf(body));
    return query.dryRun ? planAnswer(context, prepared) : submitAnswer(context, prepared, key);
  },
});

/** What a request asks for, in the words of both faces. */
export function orderOf(
  body: Omit<z.output<typeof runRequest>, 'logicalDate'> & { logicalDate?: number | undefined },
): RunOrder {
  return {
    ...WHOLE_WORKFLOW,
    project: body.project,
    workflow: body.workflow,
    version: body.version ?? null,
    selection: selectionOf(body),
    params: body.params ?? {},
    failurePolicy: body.failurePolicy ?? null,
    priority: body.priority ?? null,
    workerGroup: body.workerGroup ?? null,
    environment: body.environment ?? null,
    dryRun: body.dryRun ?? false,
    timeoutMs: body.timeoutMs ?? null,
    logicalDateAt: body.logicalDate ?? null,
    zone: body.zone ?? null,
    notifyType: body.notifyType ?? null,
    notifyMails: body.notifyMails ?? null,
    extras: body.extras ?? null,
  };
}

function selectionOf({ from, select }: Pick<z.output<typeof runRequest>, 'from' | 'select'>): Selection {
  if (from !== undefined && select !== undefined)
    throw badParameter('select', 'select cannot be given together with from');
  if (select !== undefined) return { kind: 'selected', tasks: select };
  if (from === undefined) return { kind: 'whole' };
  return { kind: 'node', tasks: typeof from.task === 'string' ? [from.task] : from.task, dep: DEP_WORDS[from.dep] };
}

const listQuery = runSelection.extend({ limit: limit(API_LIMITS.runPageDefault), cursor });

const listRuns = route({
  id: 'listRuns',
  method: 'GET',
  path: '/runs',
  access: SIGNED_IN,
  summary: 'Runs, newest first; of the last 7 days unless submittedAfter says otherwise',
  answers: { 200: runPage },
  query: listQuery,
  handle: async ({ query }, context) => {
    if (query.project !== undefined) await loadProject(context, query.project);
    const now = context.clock();
    const projectIds = await context.caller.visibleProjects();
    const { items, nextCursor } = await readRunPage(
      context,
      (until) => ({ ...filterOf(query, now, until), projectIds }),
      { limit: query.limit, cursor: query.cursor, until: query.submittedBefore ?? now },
    );
    return slicedAnswer({
      head: { nextCursor },
      key: 'items',
      items,
      view: ({ row, tally }) => runView(row, tally, now),
    });
  },
});

const getRun = route({
  id: 'getRun',
  method: 'GET',
  path: '/runs/:run',
  access: inProject('read'),
  summary: 'One run',
  answers: { 200: runAnswer },
  params: runPath,
  handle: async ({ params }, context) => {
    const row = await loadRun(context, params.run);
    const [shown = row] = await withVisibleParents(context, [row]);
    return ok(runView(shown, await context.tallies.of(row), context.clock()));
  },
});

const getTasks = route({
  id: 'getTasks',
  method: 'GET',
  path: '/runs/:run/tasks',
  access: inProject('read'),
  summary: 'Every task of a run with its attempts, in the order of the definition',
  answers: { 200: taskPage },
  params: runPath,
  query: z.strictObject({
    limit: integer({ min: 1, max: LIMITS.tasksPerWorkflow }).default(LIMITS.tasksPerWorkflow),
    cursor,
  }),
  handle: async ({ params, query }, context) => {
    const from = readCursor(query.cursor, 1)?.[0] ?? 0;
    const states = await statesOf(context, await loadRunDetail(context, params.run));
    const children = await childrenOf(context, params.run, states);
    const items = states.slice(from, from + query.limit);
    const next = from + items.length;
    return slicedAnswer({
      head: { nextCursor: next < states.length ? writeCursor([next]) : null },
      key: 'items',
      items,
      view: (state) => taskView(state, children),
    });
  },
});

async function statesOf(
  context: ApiContext,
  detail: Pick<RunDetail, 'spec' | 'tasks' | 'attempts'>,
): Promise<TaskState[]> {
  return taskStates(await context.versions.definition(detail.spec.workflowId, detail.spec.workflowVersion), detail);
}

/** Asked for only where a task may have started one. */
async function childrenOf(context: ApiContext, run: RunId, states: TaskState[]): Promise<ChildRuns> {
  if (!states.some((state) => state.task.action.type === 'sub_workflow')) return new Map();
  const rows = await visibleChildren(context, await context.store.listChildRuns(run, API_LIMITS.childRunsShown));
  return new Map(rows.map(({ run: child, task, attempt: n }) => [formatAttemptId({ run, task, n }), child]));
}

const getPlan = route({
  id: 'getPlan',
  method: 'GET',
  path: '/runs/:run/plan',
  access: inProject('read'),
  summary: 'Which tasks the run executes, reuses and leaves out',
  answers: { 200: planAnswerSchema },
  params: runPath,
  handle: async ({ params }, context) => {
    const { spec } = await loadRun(context, params.run);
    const { tasks, ...head } = planView(
      await context.versions.definition(spec.workflowId, spec.workflowVersion),
      spec.plan,
      [],
    );
    return slicedAnswer({ head, key: 'tasks', items: tasks, view: (task) => task });
  },
});

const getLive = route({
  id: 'getLive',
  method: 'GET',
  path: '/runs/:run/live',
  access: inProject('read'),
  summary: 'The run as its master has it in memory, or as stored when that cannot be had within a second',
  answers: { 200: liveAnswerSchema },
  params: runPath,
  handle: async ({ params }, context) => {
    const { owner, detail, storeVersion } = await loadLive(context, params.run);
    const states = await statesOf(context, detail);
    const children = await childrenOf(context, params.run, states);
    const [shown = detail] = await withVisibleParents(context, [detail]);
    const head: Omit<LiveView, 'tasks'> = {
      source: owner === null ? 'store' : 'memory',
      run: runView(shown, await context.tallies.ofTasks(detail, detail.tasks), context.clock()),
      master: owner && { id: owner.id, epoch: owner.epoch },
      memoryVersion: owner?.version ?? null,
      storeVersion,
    };
    return liveAnswer(head, states, children);
  },
});

function liveAnswer(head: Omit<LiveView, 'tasks'>, states: TaskState[], children: ChildRuns): Answer {
  const view = (state: TaskState): TaskView => taskView(state, children);
  return slicedAnswer<TaskState>({ head, key: 'tasks', items: states, view });
}

export const runRoutes: readonly Route[] = [postRun, listRuns, getRun, getTasks, getPlan, getLive];
