/** Operations on many runs at once. */
import { z } from 'zod';
import { LIMITS, runIdOf, type BulkItemView, type BulkPreview, type BulkView, type RunId } from '@pelorus/protocol';
import { OWNER_BITS, SIGNED_IN } from '../access.ts';
import { bulkAnswer, bulkDetail, bulkPage, bulkPreview } from '../answers/bulk.ts';
import { BULK_ACTIONS, type BulkItem, type BulkOperation, type NewBulkItem, type RunHead } from '../../store/port.ts';
import { jsonBody } from '../body.ts';
import { auditForbidden, bulkStamp, mayApply, statesFor } from '../bulk-runs.ts';
import type { ApiContext } from '../context.ts';
import { readCursor, writeCursor } from '../cursor.ts';
import { API_LIMITS } from '../limits.ts';
import { loadProject } from '../lookup.ts';
import { ApiFailure, badParameter } from '../problem.ts';
import { ok, route, type Route } from '../route.ts';
import { filterOf, runSelection } from '../run-selection.ts';
import { cursor, flag, integer, limit } from '../schemas.ts';
import { instantText } from '../views.ts';

const bulkRequest = z.strictObject({
  action: z.enum(BULK_ACTIONS),
  ids: z.array(z.int().min(1)).min(1).max(API_LIMITS.bulkItems).optional(),
  filter: runSelection.optional(),
  version: z.enum(['same', 'latest']).optional(),
});
type BulkBody = z.output<typeof bulkRequest>;

const postBulk = route({
  id: 'postBulkRuns',
  method: 'POST',
  path: '/bulk/runs',
  access: SIGNED_IN,
  repeatable: true,
  summary: 'Stop, pause, resume, re-run or repeat many runs; with ?dryRun=true only say which',
  answers: { 200: bulkPreview, 202: bulkAnswer },
  query: z.strictObject({ dryRun: flag.default(false) }),
  body: jsonBody(bulkRequest),
  handle: async ({ query, body, key }, context) => {
    const selected = await selectedBy(context, body);
    if (query.dryRun) return ok(previewOf(body, selected));
    const { identity } = context.caller;
    const { administrator = false, via = 'session', mask = OWNER_BITS, projects = null } = identity ?? {};
    const items = selected.map(({ item }) => item);
    const at = context.clock();
    const { address } = context.caller;
    await auditForbidden(context.store, bulkStamp({ user: context.user, via, address, at }, body.action), items);
    const { operation } = await context.store.createBulkOperation(
      {
        action: { kind: body.action, version: body.version ?? 'same' },
        user: context.user,
        sender: { administrator, via, mask, projects },
        at,
        items,
      },
      key ?? { idempotencyKey: null, requestHash: '' },
    );
    context.startBulk();
    context.log.info({ operation: operation.id, action: body.action, runs: operation.items }, 'bulk operation stored');
    return { status: 202, headers: { location: `/api/v1/bulk/${operation.id}` }, body: { json: bulkView(operation) } };
  },
});

interface Selected {
  item: NewBulkItem;
  head: RunHead | null;
}

/** Every run that is asked for, with what is clear already: there is no such run, or it may not be touched. */
async function selectedBy(context: ApiContext, body: BulkBody): Promise<Selected[]> {
  if (body.version !== undefined && body.action !== 'rerun')
    throw badParameter('version', 'version belongs to the action rerun only');
  const ids = await idsOf(context, body);
  const heads = new Map((await context.store.listRunHeads(ids)).map((head) => [head.run, head]));
  return Promise.all(ids.map((run) => selectedRun(context, run, heads.get(run) ?? null)));
}

async function idsOf(context: ApiContext, { action, ids, filter }: BulkBody): Promise<RunId[]> {
  if ((ids === undefined) === (filter === undefined))
    throw badParameter('ids', 'one of ids and filter is required, and only one');
  if (ids !== undefined) return [...new Set(ids)].map(runIdOf);
  if (filter?.project !== undefined) await loadProject(context, filter.project);
  const now = context.clock();
  const states = filter?.state ?? statesFor(action);
  const chosen = filterOf({ ...filter, state: states }, now, filter?.submittedBefore ?? now);
  const projectIds = await context.caller.visibleProjects();
  const { rows } = await context.store.listRuns({ ...chosen, projectIds }, 0, API_LIMITS.bulkItems + 1);
  if (rows.length > API_LIMITS.bulkItems)
    throw badParameter('filter', `filter selects more than ${API_LIMITS.bulkItems} runs, which one operation may have`);
  return rows.map(({ spec }) => spec.id);
}

async function selectedRun({ caller, user }: ApiContext, run: RunId, head: RunHead | null): Promise<Selected> {
  const refused = (code: string, message: string): Selected => ({
    head,
    item: { run, projectId: null, code, message },
  });
  if (head === null) return refused('RUN_NOT_FOUND', `there is no run ${run}`);
  if (await caller.may('execute', head))
    return { head, item: { run, projectId: head.projectId, code: null, message: null } };
  const isVisible = await caller.may('read', head);
  return {
    ...refused('FORBIDDEN', `${user} may not run what is in this project`),
    head: isVisible ? head : null,
  };
}

function previewOf({ action }: BulkBody, selected: Selected[]): BulkPreview {
  const items = selected.map(({ item, head }): BulkPreview['items'][number] => {
    const of = { run: item.run, workflow: head && `${head.project}/${head.workflow}`, state: head?.state ?? null };
    if (item.code !== null) return { ...of, would: 'refuse', message: item.message };
    if (head !== null && mayApply(action, head.state)) return { ...of, would: 'apply', message: null };
    return {
      ...of,
      would: 'refuse',
      message: `run ${item.run} is ${head?.state ?? 'unknown'}: it cannot ${action} now`,
    };
  });
  return { action, total: items.length, items };
}

const listBulk = route({
  id: 'listBulk',
  method: 'GET',
  path: '/bulk',
  access: SIGNED_IN,
  summary: 'Your bulk operations, newest first; an administrator sees those of everybody',
  answers: { 200: bulkPage },
  query: z.strictObject({ limit: limit(API_LIMITS.runPageDefault), cursor }),
  handle: async ({ query }, { store, caller }) => {
    const before = readCursor(query.cursor, 1)?.[0];
    const rows = await store.listBulkOperations({
      user: caller.identity?.administrator === true ? null : caller.user,
      ...(before === undefined ? {} : { before }),
      limit: query.limit + 1,
    });
    const items = rows.slice(0, query.limit);
    const last = items.at(-1);
    const nextCursor = rows.length > items.length && last !== undefined ? writeCursor([last.id]) : null;
    return ok({ items: items.map(bulkView), nextCursor });
  },
});

const getBulk = route({
  id: 'getBulk',
  method: 'GET',
  path: '/bulk/:operation',
  access: SIGNED_IN,
  summary: 'One bulk operation, with what became of each run',
  answers: { 200: bulkDetail },
  params: z.strictObject({ operation: integer({ min: 1, max: Number.MAX_SAFE_INTEGER }) }),
  query: z.strictObject({
    state: z.enum(['pending', 'done', 'refused']).optional(),
    limit: limit(LIMITS.listPageSize),
    cursor,
  }),
  handle: async ({ params, query }, context) => {
    const operation = await loadOperation(context, params.operation);
    const after = readCursor(query.cursor, 1)?.[0];
    const rows = await context.store.listBulkItems(operation.id, {
      ...(after === undefined ? {} : { after }),
      ...(query.state === undefined ? {} : { state: query.state }),
      limit: query.limit + 1,
    });
    const items = rows.slice(0, query.limit);
    const last = items.at(-1);
    const nextCursor = rows.length > items.length && last !== undefined ? writeCursor([last.position]) : null;
    return ok({ ...bulkView(operation), items: items.map(itemView), nextCursor });
  },
});

/** Whose it is, and administrators. */
async function loadOperation({ store, caller }: ApiContext, id: number): Promise<BulkOperation> {
  const operation = await store.getBulkOperation(id);
  if (operation === null) throw new ApiFailure('OPERATION_NOT_FOUND', `there is no bulk operation ${id}`);
  if (operation.submitUser !== caller.user && caller.identity?.administrator !== true)
    throw new ApiFailure('FORBIDDEN', `bulk operation ${id} belongs to somebody else`);
  return operation;
}

function bulkView(row: BulkOperation): BulkView {
  return {
    id: row.id,
    action: row.action.kind,
    state: row.state,
    total: row.items,
    pending: row.pending,
    done: row.done,
    refused: row.refused,
    submittedBy: row.submitUser,
    createdAt: instantText(row.createdAt),
    endedAt: row.endedAt === null ? null : instantText(row.endedAt),
  };
}

function itemView({ run, state, command, commandOutcome, newRun, code, message }: BulkItem): BulkItemView {
  const refusal = commandOutcome?.kind === 'refused' ? commandOutcome.reason : null;
  return {
    run,
    state,
    command,
    outcome: commandOutcome?.kind ?? null,
    newRun,
    code: refusal === null ? code : 'WRONG_STATE',
    message: refusal === null ? message : `run ${run}: ${refusal}`,
  };
}

export const bulkRoutes: readonly Route[] = [postBulk, listBulk, getBulk];
