/** Schedules of workflows: kept, switched, previewed, and what became of their ticks. */
import { z } from 'zod';
import { parseCron } from '@pelorus/engine';
import { DEFAULT_SCHEDULE_NAME, type SchedulePreview } from '@pelorus/protocol';
import { TICK_OUTCOMES, TICK_REASONS, type ScheduleRow, type TickFilter } from '../../store/port.ts';
import { SIGNED_IN, inProject } from '../access.ts';
import { scheduleDetail, schedulePage, schedulePreview, tickPage } from '../answers/schedules.ts';
import { jsonBody } from '../body.ts';
import type { ApiContext } from '../context.ts';
import { readCursor, writeCursor } from '../cursor.ts';
import { API_LIMITS } from '../limits.ts';
import { loadProject, loadWorkflow } from '../lookup.ts';
import { nearestName } from '../nearest.ts';
import { ApiFailure } from '../problem.ts';
import { ok, route, type Answer, type Route } from '../route.ts';
import { saveSchedule, scheduleBody, scheduleTag } from '../schedules/save.ts';
import { flavourOf, readTimes, timesMembers } from '../schedules/times.ts';
import { timingOf, upcoming } from '../schedules/upcoming.ts';
import { scheduleView, tickView } from '../schedules/views.ts';
import { cursor, flag, instant, integer, limit, newName, someName, workflowPath } from '../schemas.ts';

const listSchedules = route({
  id: 'listSchedules',
  method: 'GET',
  path: '/schedules',
  access: SIGNED_IN,
  summary: 'Schedules, with what they fire next and what they fired last',
  answers: { 200: schedulePage },
  query: z.strictObject({
    project: someName.optional(),
    workflow: someName.optional(),
    q: z.string().max(255).optional(),
    online: flag.optional(),
    calendar: someName.optional(),
    limit: limit(API_LIMITS.runPageDefault),
    cursor,
  }),
  handle: async ({ query }, context) => {
    const { project, workflow, q, online, calendar } = query;
    const after = readCursor(query.cursor, 1)?.[0];
    const projectIds =
      project === undefined ? await context.caller.visibleProjects() : [(await loadProject(context, project)).id];
    const rows = await context.store.listSchedules({
      ...{ projectIds, limit: query.limit + 1 },
      ...(workflow === undefined ? {} : { workflow }),
      ...(q === undefined || q === '' ? {} : { contains: q }),
      ...(online === undefined ? {} : { online }),
      ...(calendar === undefined ? {} : { calendar }),
      ...(after === undefined ? {} : { after }),
    });
    const items = rows.slice(0, query.limit);
    const last = items.at(-1);
    const nextCursor = rows.length > items.length && last !== undefined ? writeCursor([last.id]) : null;
    return ok({ items: items.map(scheduleView), nextCursor });
  },
});

const previewBody = z.strictObject({
  ...timesMembers,
  n: z.int().min(1).max(API_LIMITS.previewFires).default(10),
  from: instant.optional(),
});

const previewSchedule = route({
  id: 'previewSchedule',
  method: 'POST',
  path: '/schedules/preview',
  access: SIGNED_IN,
  summary: 'When a schedule would fire, and what is wrong with it; stores nothing',
  answers: { 200: schedulePreview },
  body: jsonBody(previewBody),
  handle: async ({ body }, context) => {
    const { times, problems } = await readTimes(context, body);
    const parsed = parseCron(body.cron);
    const preview: SchedulePreview = {
      flavour: 'cron' in parsed ? parsed.cron.flavour : null,
      zone: times.zone,
      problems: problems.map(({ pointer, message }) => ({ field: pointer.slice(1), message })),
      fires: [],
      warnings: [],
    };
    if (problems.length > 0) return ok(preview);
    const from = Math.max(body.from ?? context.clock(), 0);
    const { fires, isCut } = await upcoming(await timingOf(context, times), from, body.n);
    return ok({ ...preview, fires, warnings: isCut ? [cutWarning(fires.length, body.n)] : [] });
  },
});

function cutWarning(found: number, asked: number): string {
  return `only ${found} of ${asked} could be reckoned in ${API_LIMITS.previewMs / 1000} s: there are many holidays to be stepped over`;
}

// ---- one schedule

interface Named {
  project: string;
  workflow: string;
  schedule: string;
}

async function loadSchedule(context: ApiContext, { project, workflow, schedule }: Named): Promise<ScheduleRow> {
  const { id } = await loadWorkflow(context, project, workflow);
  const row = await context.store.getSchedule(id, schedule);
  if (row !== null) return row;
  const others = await context.store.listSchedules({ workflowId: id, limit: API_LIMITS.scheduleUpstreams });
  const nearest = nearestName(
    schedule,
    others.map(({ name }) => name),
  );
  throw new ApiFailure(
    'SCHEDULE_NOT_FOUND',
    `workflow ${workflow} has no schedule ${schedule}${nearest === null ? '' : `; did you mean ${nearest}?`}`,
  );
}

async function detailOf(context: ApiContext, row: ScheduleRow, status: 200 | 201 = 200): Promise<Answer> {
  const timing = await timingOf(context, row);
  const { fires } = await upcoming(timing, context.clock(), API_LIMITS.scheduleFires);
  const json = { ...scheduleView(row), nextFires: fires };
  return { status, headers: { etag: scheduleTag(row) }, body: { json } };
}

async function switched(context: ApiContext, named: Named, online: boolean): Promise<Answer> {
  const { id } = await loadSchedule(context, named);
  const { schedule } = await context.store.setScheduleOnline({
    ...{ scheduleId: id, online, user: context.user, at: context.clock() },
  });
  context.hints.commandWritten();
  return detailOf(context, schedule);
}

/** The routes of one schedule: by its name, or of the one that is meant where none is named. */
function routesOfOne<Params extends z.ZodObject>(one: {
  path: string;
  params: Params;
  newParams: Params;
  named: (params: z.output<Params>) => Named;
  /** In the names of operations. */
  noun: string;
  what: string;
}): Route[] {
  const { path, params, newParams, named, noun, what } = one;
  return [
    route({
      id: `get${noun}`,
      method: 'GET',
      path,
      access: inProject('read'),
      summary: `${what}, with the next instants at which it fires or would fire`,
      answers: { 200: scheduleDetail },
      params,
      handle: async (input, context) => detailOf(context, await loadSchedule(context, named(input.params))),
    }),
    route({
      id: `put${noun}`,
      method: 'PUT',
      path,
      access: inProject('write'),
      conditional: true,
      summary: `Create or replace ${lower(what)}; nothing that was due before is fired by that`,
      answers: { 200: scheduleDetail, 201: scheduleDetail },
      params: newParams,
      body: jsonBody(scheduleBody),
      handle: async (input, context) => {
        const { project, workflow, schedule } = named(input.params);
        const row = await loadWorkflow(context, project, workflow);
        const { body, ifMatch, ifNoneMatch } = input;
        const saved = await saveSchedule(context, row, schedule, { body, expecting: { ifMatch, ifNoneMatch } });
        return detailOf(context, saved.schedule, saved.created ? 201 : 200);
      },
    }),
    route({
      id: `delete${noun}`,
      method: 'DELETE',
      path,
      access: inProject('write'),
      summary: `Delete ${lower(what)}; its runs and ticks stay`,
      answers: { 204: null },
      params,
      handle: async (input, context) => {
        const row = await loadSchedule(context, named(input.params));
        await context.store.deleteSchedule(row.id, context.user, context.clock());
        return { status: 204 };
      },
    }),
    ...(['online', 'offline'] as const).map((state) =>
      route({
        id: `take${noun}${state === 'online' ? 'Online' : 'Offline'}`,
        method: 'POST',
        path: `${path}/${state}`,
        access: inProject('write'),
        summary:
          state === 'online'
            ? 'From now on it fires; nothing that was due before is caught up'
            : 'From now on it does not fire; runs that it made go on',
        answers: { 200: scheduleDetail },
        params,
        handle: (input, context) => switched(context, named(input.params), state === 'online'),
      }),
    ),
    route({
      id: `get${noun}Preview`,
      method: 'GET',
      path: `${path}/preview`,
      access: inProject('read'),
      summary: 'When it fires next, or would if it were online',
      answers: { 200: schedulePreview },
      params,
      query: z.strictObject({ count: integer({ min: 1, max: API_LIMITS.previewFires }).default(10) }),
      handle: async (input, context) => {
        const row = await loadSchedule(context, named(input.params));
        const { count } = input.query;
        const { fires, isCut } = await upcoming(await timingOf(context, row), context.clock(), count);
        const answer: SchedulePreview = {
          ...{ flavour: flavourOf(row.cron), zone: row.zone, problems: [], fires },
          warnings: isCut ? [cutWarning(fires.length, count)] : [],
        };
        return ok(answer);
      },
    }),
    route({
      id: `list${noun}Ticks`,
      method: 'GET',
      path: `${path}/ticks`,
      access: inProject('read'),
      summary: 'What became of its ticks, the latest nominal instant first',
      answers: { 200: tickPage },
      params,
      query: ticksQuery,
      handle: async (input, context) => {
        const row = await loadSchedule(context, named(input.params));
        return ok(await pageOfTicks(context, row, input.query));
      },
    }),
  ];
}

function lower(what: string): string {
  return what[0]!.toLowerCase() + what.slice(1);
}

const ticksQuery = z.strictObject({
  outcome: z.enum(TICK_OUTCOMES).optional(),
  reason: z.enum(TICK_REASONS).optional(),
  after: instant.optional(),
  before: instant.optional(),
  limit: limit(API_LIMITS.ticksPage),
  cursor,
});

async function pageOfTicks(context: ApiContext, { id }: ScheduleRow, query: z.output<typeof ticksQuery>) {
  const { outcome, reason, after, before } = query;
  const [nominalAt, scheduleId] = readCursor(query.cursor, 2) ?? [];
  const filter: TickFilter = {
    ...{ scheduleId: id, limit: query.limit + 1 },
    ...(outcome === undefined ? {} : { outcome }),
    ...(reason === undefined ? {} : { reason }),
    ...(after === undefined ? {} : { nominalFrom: after }),
    ...(before === undefined ? {} : { nominalTo: before }),
    ...(nominalAt === undefined || scheduleId === undefined ? {} : { before: { nominalAt, scheduleId } }),
  };
  const rows = await context.store.listTicks(filter);
  const items = rows.slice(0, query.limit);
  const last = items.at(-1);
  const more = rows.length > items.length && last !== undefined;
  return { items: items.map(tickView), nextCursor: more ? writeCursor([last.nominalAt, last.scheduleId]) : null };
}

const OF_WORKFLOW = '/projects/:project/workflows/:workflow';

const named = routesOfOne({
  path: `${OF_WORKFLOW}/schedules/:schedule`,
  params: workflowPath.extend({ schedule: someName }),
  newParams: workflowPath.extend({ schedule: newName }),
  named: (params) => params,
  noun: 'Schedule',
  what: 'A schedule of a workflow',
});

/** Of the schedule that is called `default`. */
const unnamed = routesOfOne({
  path: `${OF_WORKFLOW}/schedule`,
  params: workflowPath,
  newParams: workflowPath,
  named: (params) => ({ ...params, schedule: DEFAULT_SCHEDULE_NAME }),
  noun: 'DefaultSchedule',
  what: 'The schedule that is called default',
});

export const scheduleRoutes: readonly Route[] = [listSchedules, previewSchedule, ...named, ...unnamed];
