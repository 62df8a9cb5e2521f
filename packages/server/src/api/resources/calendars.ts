/** Calendars: named sets of days that are holidays to schedules. */
import { z } from 'zod';
import type { FastifyRequest } from 'fastify';
import { dayNumber } from '@pelorus/engine';
import { CSV_CONTENT_TYPE, ICS_CONTENT_TYPE } from '@pelorus/protocol';
import { problemOfDays } from '../../store/calendar-days.ts';
import { SCHEDULE_LIMITS, StoreError, type CalendarRow } from '../../store/port.ts';
import { ADMINISTRATOR, SIGNED_IN } from '../access.ts';
import { calendarAnswer, calendarPage, calendarSaved } from '../answers/schedules.ts';
import { jsonBody, mediaType, readText, type BodyReader } from '../body.ts';
import { readCsv } from '../calendars/csv.ts';
import { CALENDAR_YEARS, dayText, type ReadDays } from '../calendars/days.ts';
import { readIcs } from '../calendars/ics.ts';
import type { ApiContext } from '../context.ts';
import { API_LIMITS } from '../limits.ts';
import { ApiFailure, badParameter, badParameters } from '../problem.ts';
import { ok, route, type Route } from '../route.ts';
import { dayNumberOf } from '../schedules/days.ts';
import { noCalendar } from '../schedules/times.ts';
import { calendarSummary, calendarView } from '../schedules/views.ts';
import { newName, someName } from '../schemas.ts';

const calendarPath = z.strictObject({ name: someName });

const listCalendars = route({
  id: 'listCalendars',
  method: 'GET',
  path: '/calendars',
  access: SIGNED_IN,
  summary: 'Calendars: named sets of days that are holidays to schedules',
  answers: { 200: calendarPage },
  handle: async (_input, { store }) =>
    ok({ items: (await store.listCalendars()).map(calendarSummary), nextCursor: null }),
});

async function loadCalendar({ store }: Pick<ApiContext, 'store'>, name: string): Promise<CalendarRow> {
  const row = await store.getCalendar(name);
  if (row !== null) return row;
  throw new ApiFailure('CALENDAR_NOT_FOUND', noCalendar(name, await store.listCalendars()));
}

const getCalendar = route({
  id: 'getCalendar',
  method: 'GET',
  path: '/calendars/:name',
  access: SIGNED_IN,
  summary: 'One calendar with its days',
  answers: { 200: calendarAnswer },
  params: calendarPath,
  handle: async ({ params }, context) => ok(calendarView(await loadCalendar(context, params.name))),
});

/** As it was sent: members, or a text to be read. */
type CalendarInput =
  | { kind: 'json'; description: string | undefined; days: string[] }
  | { kind: 'ics' | 'csv'; text: string };

const jsonCalendar = z.strictObject({
  description: z.string().max(10_000).optional(),
  days: z.array(z.iso.date('must be a day such as 2026-05-01')).max(SCHEDULE_LIMITS.calendarDays),
});

const json = jsonBody(jsonCalendar);
const calendarBody: BodyReader<CalendarInput> = {
  ...json,
  contentTypes: [...json.contentTypes, ICS_CONTENT_TYPE, CSV_CONTENT_TYPE],
  media: { ...json.media, [ICS_CONTENT_TYPE]: { kind: 'bytes' }, [CSV_CONTENT_TYPE]: { kind: 'bytes' } },
  read: async (request: FastifyRequest) => {
    const type = mediaType(request);
    if (type === ICS_CONTENT_TYPE || type === CSV_CONTENT_TYPE)
      return { kind: type === ICS_CONTENT_TYPE ? 'ics' : 'csv', text: textOf(request) };
    const { description, days } = await json.read(request);
    return { kind: 'json', description, days };
  },
};

function textOf({ body }: FastifyRequest): string {
  return readText(Buffer.isBuffer(body) ? body : Buffer.alloc(0));
}

const putCalendar = route({
  id: 'putCalendar',
  method: 'PUT',
  path: '/calendars/:name',
  access: ADMINISTRATOR,
  summary:
    'Create or replace a calendar: its days as JSON, or an iCalendar or CSV file; schedules that name it heed it from now on',
  answers: { 200: calendarSaved, 201: calendarSaved },
  params: z.strictObject({ name: newName }),
  query: z.strictObject({ description: z.string().max(10_000).optional() }),
  body: calendarBody,
  handle: async ({ params, query, body }, context) => {
    const { store, user, clock, hints } = context;
    const before = await store.getCalendar(params.name);
    const { days, warnings } = daysIn(body, clock());
    const given = (body.kind === 'json' ? body.description : undefined) ?? query.description;
    const description = given ?? before?.description ?? '';
    const row = await store.saveCalendar({ name: params.name, description, days, user, at: clock() });
    hints.commandWritten();
    return { status: before === null ? 201 : 200, body: { json: { ...calendarView(row), warnings } } };
  },
});

function daysIn(body: CalendarInput, now: number): { days: string[]; warnings: string[] } {
  const { days, warnings } = readDays(body, now);
  const ascending = [...new Set(days)].toSorted((left, right) => left - right);
  const texts = ascending.map(dayText);
  const problem = problemOfDays(texts);
  if (problem !== null) throw badParameter('days', problem);
  return { days: texts, warnings };
}

/** Days as their numbers. */
function readDays(body: CalendarInput, now: number): { days: number[]; warnings: string[] } {
  if (body.kind === 'json') return { days: body.days.map(usualDay), warnings: [] };
  const last = new Date(now).getUTCFullYear() + API_LIMITS.calendarYearsAhead;
  const horizon = dayNumber({ year: last, month: 12, day: 31 });
  const most = SCHEDULE_LIMITS.calendarDays + 1;
  const read: ReadDays = body.kind === 'ics' ? readIcs(body.text, { horizon, most }) : readCsv(body.text);
  if ('days' in read) return read;
  throw badParameters(
    read.problems.map(({ line, message }) => ({
      ...{ pointer: '', line, column: null },
      message: `line ${line}: ${message}`,
    })),
  );
}

/** Of the years that calendars have. */
function usualDay(text: string, at: number): number {
  const { first, last } = CALENDAR_YEARS;
  const year = Number(text.slice(0, 4));
  if (year >= first && year <= last) return dayNumberOf(text);
  throw badParameter(`days/${at}`, `days.${at} must be in the years ${first} to ${last}`);
}

const deleteCalendar = route({
  id: 'deleteCalendar',
  method: 'DELETE',
  path: '/calendars/:name',
  access: ADMINISTRATOR,
  summary: 'Delete a calendar that no schedule names',
  answers: { 204: null },
  params: calendarPath,
  handle: async ({ params }, context) => {
    try {
      await context.store.deleteCalendar(params.name);
    } catch (error) {
      if (error instanceof StoreError && error.code === 'NOT_FOUND') await loadCalendar(context, params.name);
      throw error;
    }
    return { status: 204 };
  },
});

export const calendarRoutes: readonly Route[] = [listCalendars, getCalendar, putCalendar, deleteCalendar];
