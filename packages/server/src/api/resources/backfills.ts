import { z } from 'zod';
import type { BackfillPreview, BackfillSubmitted } from '@pelorus/protocol';
import { SIGNED_IN, inProject } from '../access.ts';
import { backfillAnswer, backfillPage, backfillPreview, backfillSubmitted } from '../answers/backfills.ts';
import { BACKFILL_STATES, StoreError, type BackfillRow } from '../../store/port.ts';
import { backfillSummary, backfillView } from '../backfill-views.ts';
import {
  backfillLocation,
  prepareBackfill,
  submitBackfill,
  type BackfillNames,
  type BackfillOrder,
} from '../backfills.ts';
import { jsonBody } from '../body.ts';
import type { ApiContext } from '../context.ts';
import { readCursor, writeCursor } from '../cursor.ts';
import { API_LIMITS } from '../limits.ts';
import { loadProject, loadWorkflow } from '../lookup.ts';
import { ApiFailure, badParameter } from '../problem.ts';
import { created, ok, route, type Route } from '../route.ts';
import { cursor, flag, instant, integer, limit, someName } from '../schemas.ts';
import { instantText } from '../views.ts';
import { orderOf, runRequest } from './runs.ts';

const backfillRequest = runRequest.omit({ logicalDate: true }).extend({
  startDate: instant.optional(),
  endDate: instant.optional(),
  dates: z.array(instant).min(1).max(API_LIMITS.backfillDates).optional(),
  crontab: z.string().max(200).optional(),
  mode: z.enum(['serial', 'parallel']).default('serial'),
  parallelism: z.int().min(1).max(API_LIMITS.backfillParallelism).optional(),
  order: z.enum(['ascending', 'descending']).default('ascending'),
});
type BackfillBody = z.output<typeof backfillRequest>;

const NAMES: BackfillNames = {
  startDate: 'startDate',
  endDate: 'endDate',
  crontab: 'crontab',
  mode: 'mode',
  parallelism: 'parallelism',
};

const postBackfill = route({
  id: 'postBackfill',
  method: 'POST',
  path: '/backfills',
  access: inProject('execute'),
  repeatable: true,
  summary: 'Run a workflow for a range or a list of dates; with ?dryRun=true only say for which',
  answers: { 200: backfillPreview, 201: backfillSubmitted },
  query: z.strictObject({ dryRun: flag.default(false) }),
  body: jsonBody(backfillRequest),
  handle: async ({ query, body, key }, context) => {
    const prepared = await prepareBackfill(context, orderIn(body), NAMES);
    const { warnings, backfill } = prepared;
    if (query.dryRun) {
      const { zone, mode, parallelism, dates } = backfill;
      const preview: BackfillPreview = { dates: (dates ?? []).map(instantText), zone, mode, parallelism, warnings };
      return ok(preview);
    }
    const { id, state, waitReason, dates } = await submitBackfill(context, prepared, key);
    const answer: BackfillSubmitted = { id, state, waitReason, dateCount: dates?.length ?? null, warnings };
    return created(answer, backfillLocation(id));
  },
});

function orderIn(body: BackfillBody): BackfillOrder {
  return {
    run: { ...orderOf(body), execType: 'COMPLEMENT_DATA' },
    when: whenOf(body),
    mode: body.mode,
    parallelism: body.parallelism ?? null,
    order: body.order,
  };
}

function whenOf({ startDate, endDate, dates, crontab }: BackfillBody): BackfillOrder['when'] {
  if (dates === undefined) {
    if (startDate === undefined) throw badParameter('startDate', 'startDate and endDate, or dates, are required');
    if (endDate === undefined) throw badParameter('endDate', 'endDate is required');
    return { startAt: startDate, endAt: endDate, crontab: crontab ?? null };
  }
  for (const [name, value] of Object.entries({ startDate, endDate, crontab }))
    if (value !== undefined) throw badParameter(name, `${name} cannot be given together with dates`);
  return { dates };
}

const listBackfills = route({
  id: 'listBackfills',
  method: 'GET',
  path: '/backfills',
  access: SIGNED_IN,
  summary: 'Backfills, newest first',
  answers: { 200: backfillPage },
  query: z.strictObject({
    project: someName.optional(),
    workflow: someName.optional(),
    state: z.enum(BACKFILL_STATES).optional(),
    limit: limit(API_LIMITS.runPageDefault),
    cursor,
  }),
  handle: async ({ query }, context) => {
    const before = readCursor(query.cursor, 1)?.[0];
    const rows = await context.store.listBackfills({
      ...(await scopeOf(context, query)),
      ...(query.state === undefined ? {} : { state: query.state }),
      ...(before === undefined ? {} : { before }),
      limit: query.limit + 1,
    });
    const items = rows.slice(0, query.limit);
    const last = items.at(-1);
    const nextCursor = rows.length > items.length && last !== undefined ? writeCursor([last.id]) : null;
    return ok({ items: items.map(backfillSummary), nextCursor });
  },
});

/** A workflow is named together with its project. */
async function scopeOf(
  context: ApiContext,
  { project, workflow }: { project?: string | undefined; workflow?: string | undefined },
) {
  if (project === undefined) {
    if (workflow !== undefined) throw badParameter('workflow', 'workflow needs its project');
    return { projectIds: await context.caller.visibleProjects() };
  }
  if (workflow === undefined) return { projectIds: [(await loadProject(context, project)).id] };
  return { workflowIds: [(await loadWorkflow(context, project, workflow)).id] };
}

const backfillPath = z.strictObject({ backfill: integer({ min: 1, max: Number.MAX_SAFE_INTEGER }) });

async function loadBackfill({ store, caller }: ApiContext, id: number): Promise<BackfillRow> {
  const row = await store.getBackfill(id);
  if (row === null) throw new ApiFailure('BACKFILL_NOT_FOUND', `there is no backfill ${id}`);
  await caller.admit(row);
  return row;
}

const getBackfill = route({
  id: 'getBackfill',
  method: 'GET',
  path: '/backfills/:backfill',
  access: inProject('read'),
  summary: 'One backfill with its dates, in the order of execution',
  answers: { 200: backfillAnswer },
  params: backfillPath,
  handle: async ({ params }, context) => ok(backfillView(await loadBackfill(context, params.backfill))),
});

const stopBackfill = route({
  id: 'stopBackfill',
  method: 'POST',
  path: '/backfills/:backfill/stop',
  access: inProject('execute'),
  summary: 'Stop a backfill: its dates that have not begun never will',
  answers: { 202: backfillAnswer },
  params: backfillPath,
  handle: async ({ params }, context) => {
    const { store, clock } = context;
    const row = await loadBackfill(context, params.backfill);
    try {
      return { status: 202, body: { json: backfillView(await store.stopBackfill(row.id, clock())) } };
    } catch (error) {
      if (!(error instanceof StoreError) || error.code !== 'CONFLICT') throw error;
      const { state } = await loadBackfill(context, row.id);
      throw new ApiFailure('WRONG_STATE', `backfill ${row.id} has ended: ${state}`, { state, cause: error });
    }
  },
});

export const backfillRoutes: readonly Route[] = [postBackfill, listBackfills, getBackfill, stopBackfill];
