/** Backfills: submitted, read, followed and steered. */
import { z } from 'zod';
import { scheduleBound } from '@pelorus/engine';
import { leadingSchedule, type BackfillPreview, type BackfillSubmitted, type BackfillView } from '@pelorus/protocol';
import { SIGNED_IN, inProject } from '../access.ts';
import {
  backfillAnswer,
  backfillEventAnswer,
  backfillPage,
  backfillPreview,
  backfillSubmitted,
} from '../answers/backfills.ts';
import { streamOf } from '../answers/events.ts';
import {
  BACKFILL_DATE_STATES,
  BACKFILL_RETRIES,
  BACKFILL_STATES,
  SCHEDULE_LIMITS,
  StoreError,
  type BackfillDateFilter,
  type BackfillDependent,
  type BackfillRow,
} from '../../store/port.ts';
import { BACKFILL_ENDED, followBackfill } from '../backfill-events.ts';
import { backfillSummary, backfillView, nameOf } from '../backfill-views.ts';
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
import { created, ok, route, type Answer, type Route } from '../route.ts';
import { cursor, flag, integer, limit, moment, someName } from '../schemas.ts';
import { eventStream } from '../sse.ts';
import { versionOf } from '../submit.ts';
import { instantText } from '../views.ts';
import { orderOf, runRequest } from './runs.ts';

const backfillRequest = runRequest.omit({ logicalDate: true }).extend({
  startDate: moment.optional(),
  endDate: moment.optional(),
  dates: z.array(moment).min(1).max(API_LIMITS.backfillDatesNamed).optional(),
  crontab: z.string().max(200).optional(),
  mode: z.enum(['serial', 'parallel']).default('serial'),
  parallelism: z.int().min(1).max(API_LIMITS.backfillParallelism).optional(),
  order: z.enum(['ascending', 'descending']).default('ascending'),
  continueAfterFailure: flag.default(false),
  withDependents: flag.default(false),
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
    const prepared = await prepareBackfill(context, orderIn(body, await zoneOf(context, body)), NAMES);
    const { warnings, backfill } = prepared;
    if (query.dryRun) {
      const { zone, mode, parallelism } = backfill;
      const [dates, dependents] = [backfill.dates.map(instantText), backfill.dependents.map(nameOf)];
      const preview: BackfillPreview = { dates, dependents, zone, mode, parallelism, warnings };
      return ok(preview);
    }
    const { row, runs } = await submitBackfill(context, prepared, key);
    const { id, state, waitReason, dateCount } = row;
    const answer: BackfillSubmitted = { id, state, waitReason, dateCount, runs, warnings };
    return created(answer, backfillLocation(id));
  },
});

/** What its dates are counted in. */
async function zoneOf(context: ApiContext, { project, workflow, version, zone }: BackfillBody): Promise<string> {
  if (zone !== undefined) return zone;
  const row = await loadWorkflow(context, project, workflow);
  const schedules = await context.store.listSchedules({
    workflowId: row.id,
    limit: SCHEDULE_LIMITS.perWorkflow,
  });
  const { definition } = await versionOf(context, row, version ?? null);
  return leadingSchedule(schedules)?.zone ?? definition.schedule?.timezone ?? 'UTC';
}

function orderIn(body: BackfillBody, zone: string): BackfillOrder {
  return {
    run: { ...orderOf(body), execType: 'COMPLEMENT_DATA', zone },
    when: whenOf(body, zone),
    mode: body.mode,
    parallelism: body.parallelism ?? null,
    order: body.order,
    continueAfterFailure: body.continueAfterFailure,
    withDependents: body.withDependents,
  };
}

function whenOf({ startDate, endDate, dates, crontab }: BackfillBody, zone: string): BackfillOrder['when'] {
  if (dates === undefined) {
    if (startDate === undefined) throw badParameter('startDate', 'startDate and endDate, or dates, are required');
    if (endDate === undefined) throw badParameter('endDate', 'endDate is required');
    const timeOfDay = typeof startDate === 'string' ? { timeOfDay: startDate.slice(11) || '00:00' } : {};
    const [startAt, endAt] = [instantOf(startDate, zone, 'start'), instantOf(endDate, zone, 'end')];
    return { startAt, endAt, crontab: crontab ?? null, ...timeOfDay };
  }
  for (const [name, value] of Object.entries({ startDate, endDate, crontab }))
    if (value !== undefined) throw badParameter(name, `${name} cannot be given together with dates`);
  return { dates: dates.map((date) => instantOf(date, zone, 'start')) };
}

/** INVARIANT for a text that `moment` would have refused. */
function instantOf(written: z.output<typeof moment>, zone: string, side: 'start' | 'end'): number {
  const at = typeof written === 'number' ? written : scheduleBound(written, zone, side);
  if (at === null) throw new Error(`${written} is no moment of ${zone}`);
  return at;
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
  summary: 'One backfill with its dates, in the order of execution, page by page',
  answers: { 200: backfillAnswer },
  params: backfillPath,
  query: z.strictObject({
    state: z.enum(BACKFILL_DATE_STATES).optional(),
    limit: limit(API_LIMITS.backfillDatesShown),
    cursor,
  }),
  handle: async ({ params, query }, context) => {
    const after = readCursor(query.cursor, 1)?.[0];
    const row = await loadBackfill(context, params.backfill);
    const state = query.state === undefined ? {} : { state: query.state };
    return ok(await viewOf(context, row, { ...state, ...(after === undefined ? {} : { after }), limit: query.limit }));
  },
});

const getBackfillEvents = route({
  id: 'getBackfillEvents',
  method: 'GET',
  path: '/backfills/:backfill/events',
  access: inProject('read'),
  summary: 'How a backfill goes on, as server-sent events: as it is now, then whenever that has changed',
  answers: { 200: streamOf(backfillEventAnswer), 204: null },
  params: backfillPath,
  handle: async ({ params, lastEventId }, context): Promise<Answer> => {
    const row = await loadBackfill(context, params.backfill);
    // One that has ended may have been begun again since; only then does a client that knows of the end get more.
    if (lastEventId === BACKFILL_ENDED && row.endedAt !== null) return { status: 204 };
    return eventStream(followBackfill(context.store, row));
  },
});

const FIRST_DATES: BackfillDateFilter = { limit: API_LIMITS.backfillDatesShown };

async function viewOf(context: ApiContext, row: BackfillRow, filter = FIRST_DATES): Promise<BackfillView> {
  const { store, caller } = context;
  const dates = await store.listBackfillDates(row.id, { ...filter, limit: filter.limit + 1 });
  const shown = dates.slice(0, filter.limit);
  const nextCursor = dates.length > shown.length ? writeCursor([shown.at(-1)!.position]) : null;
  const visible = row.dependents.length === 0 ? [] : await caller.visibleProjects();
  const mayName = ({ projectId }: BackfillDependent) => visible === null || visible.includes(projectId);
  return backfillView(row, { dates: shown, nextCursor, mayName });
}

/** Answers 202 with what it is by now; 409 with its state where that does not go with the command. */
async function steer(
  context: ApiContext,
  id: number,
  command: (row: BackfillRow) => Promise<BackfillRow>,
): Promise<Answer> {
  const row = await loadBackfill(context, id);
  try {
    const steered = await command(row);
    context.hints.commandWritten();
    return { status: 202, body: { json: await viewOf(context, steered) } };
  } catch (error) {
    if (!(error instanceof StoreError) || error.code !== 'CONFLICT') throw error;
    const { state, endedAt } = await loadBackfill(context, row.id);
    const message = endedAt === null ? error.message : `backfill ${row.id} has ended: ${state}`;
    throw new ApiFailure('WRONG_STATE', message, { state, cause: error });
  }
}

const stopBackfill = route({
  id: 'stopBackfill',
  method: 'POST',
  path: '/backfills/:backfill/stop',
  access: inProject('execute'),
  summary:
    'Stop a backfill: its dates that have not begun never will; its runs are stopped, too, or left alone with ?runs=leave',
  answers: { 202: backfillAnswer },
  params: backfillPath,
  query: z.strictObject({ runs: z.enum(['stop', 'leave']).default('stop') }),
  handle: ({ params, query }, context) =>
    steer(context, params.backfill, ({ id }) =>
      context.store.stopBackfill({ id, runs: query.runs === 'stop', user: context.user, at: context.clock() }),
    ),
});

const pauseBackfill = route({
  id: 'pauseBackfill',
  method: 'POST',
  path: '/backfills/:backfill/pause',
  access: inProject('execute'),
  summary: 'Pause a backfill: no further date begins until it is resumed; runs go on',
  answers: { 202: backfillAnswer },
  params: backfillPath,
  handle: ({ params }, context) =>
    steer(context, params.backfill, ({ id }) =>
      context.store.pauseBackfill({ id, user: context.user, at: context.clock() }),
    ),
});

const resumeBackfill = route({
  id: 'resumeBackfill',
  method: 'POST',
  path: '/backfills/:backfill/resume',
  access: inProject('execute'),
  summary: 'Resume a paused backfill',
  answers: { 202: backfillAnswer },
  params: backfillPath,
  handle: ({ params }, context) =>
    steer(context, params.backfill, ({ id }) => context.store.resumeBackfill({ id, at: context.clock() })),
});

const retryBackfill = route({
  id: 'retryBackfill',
  method: 'POST',
  path: '/backfills/:backfill/retry',
  access: inProject('execute'),
  summary: 'Begin dates again that did not succeed, also of a backfill that has ended',
  answers: { 202: backfillAnswer },
  params: backfillPath,
  query: z.strictObject({ dates: z.enum(BACKFILL_RETRIES).default('all'), continueAfterFailure: flag.optional() }),
  handle: ({ params, query }, context) =>
    steer(context, params.backfill, async ({ id, dependents }) => {
      // Their runs are made anew, so whoever asks for it needs what whoever made the backfill needed.
      for (const dependent of dependents) await context.caller.demand('execute', dependent);
      const { dates, continueAfterFailure } = query;
      const kept = continueAfterFailure === undefined ? {} : { continueAfterFailure };
      return context.store.retryBackfill({ id, dates, ...kept, at: context.clock() });
    }),
});

export const backfillRoutes: readonly Route[] = [
  postBackfill,
  listBackfills,
  getBackfill,
  getBackfillEvents,
  pauseBackfill,
  resumeBackfill,
  stopBackfill,
  retryBackfill,
];
