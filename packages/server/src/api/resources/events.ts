/** Streams of events; what they send is the business of `run-followers.ts` and `changes-feed.ts`. */
import { z } from 'zod';
import { EVENTS_ABOUT } from '@pelorus/protocol';
import { SIGNED_IN, inProject } from '../access.ts';
import { changeEventAnswer, runEventAnswer, streamOf } from '../answers/events.ts';
import type { ChangesWanted } from '../changes-feed.ts';
import type { ApiContext } from '../context.ts';
import { loadProject, loadRun } from '../lookup.ts';
import { badParameter } from '../problem.ts';
import { route, type Answer, type Route } from '../route.ts';
import { readRunEventId } from '../run-followers.ts';
import { repeatable, runPath, runState, someName } from '../schemas.ts';
import { eventStream } from '../sse.ts';

const getRunEvents = route({
  id: 'getRunEvents',
  method: 'GET',
  path: '/runs/:run/events',
  access: inProject('read'),
  summary: 'What becomes of a run, as server-sent events; from a snapshot on, or behind Last-Event-ID',
  answers: { 200: streamOf(runEventAnswer), 204: null },
  params: runPath,
  handle: async ({ params, lastEventId }, context): Promise<Answer> => {
    await loadRun(context, params.run);
    const had = readRunEventId(lastEventId);
    // The one status after which a browser's EventSource does not come back.
    if (had.kind === 'ended') return { status: 204 };
    return eventStream(await context.events.followRun(params.run, had.kind === 'after' ? had.version : null));
  },
});

const eventsQuery = z.strictObject({
  about: repeatable(z.enum(EVENTS_ABOUT)).default(['runs']),
  project: someName.optional(),
  workflow: someName.optional(),
  state: repeatable(runState).optional(),
});

const getEvents = route({
  id: 'getEvents',
  method: 'GET',
  path: '/events',
  access: SIGNED_IN,
  summary:
    'What changes: runs, or schedules with their ticks, or backfills, as server-sent events; from now on, or behind Last-Event-ID',
  answers: { 200: streamOf(changeEventAnswer) },
  query: eventsQuery,
  handle: async ({ query, lastEventId }, context) => {
    const after = lastEventId !== null && /^\d{1,15}$/.test(lastEventId) ? Number(lastEventId) : null;
    return eventStream(await context.events.followChanges(await wantedOf(query, context), after));
  },
});

async function wantedOf(query: z.output<typeof eventsQuery>, context: ApiContext): Promise<ChangesWanted> {
  const { about, project, workflow, state } = query;
  return {
    about,
    key: JSON.stringify([project, workflow, state]),
    ...(project === undefined ? {} : { projectId: (await loadProject(context, project)).id }),
    ...(workflow === undefined ? {} : { workflow: namedLike(workflow) }),
    ...(state === undefined ? {} : { states: state }),
  };
}

/** A `*` at the end stands for anything. */
function namedLike(pattern: string): (name: string) => boolean {
  const star = pattern.indexOf('*');
  if (star < 0) return (name) => name === pattern;
  if (star < pattern.length - 1) throw badParameter('workflow', 'workflow may hold a * at its end only');
  return (name) => name.startsWith(pattern.slice(0, -1));
}

export const eventRoutes: readonly Route[] = [getRunEvents, getEvents];
