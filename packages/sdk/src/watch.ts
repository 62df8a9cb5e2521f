/** What is heard of runs, backfills, logs and changes, taken up again when a connection is lost. */
import type { BackfillEvent, ChangeEvent, LogEvent, RunEvent, RunsEvent } from '@pelorus/protocol/vocabulary';
import { resumedEvents, type RawEvent, type WatchOptions } from './event-stream.ts';
import type { EventsQuery, FollowQuery } from './queries.ts';
import type { Opener } from './transport.ts';

export async function* watchRun(open: Opener, id: number, options: WatchOptions): AsyncIterable<RunEvent> {
  for await (const { event, data } of resumedEvents(open, { path: `/runs/${id}/events`, isLast: isEnd }, options))
    if (RUN_EVENTS.has(event)) yield { event, data: JSON.parse(data) as unknown } as RunEvent;
}

export async function* watchBackfill(open: Opener, id: number, options: WatchOptions): AsyncIterable<BackfillEvent> {
  for await (const { event, data } of resumedEvents(open, { path: `/backfills/${id}/events`, isLast: isEnd }, options))
    if (event === 'backfill' || event === 'end') yield { event, data: JSON.parse(data) as unknown } as BackfillEvent;
}

export async function* followLogs(
  open: Opener,
  attemptId: string,
  query: FollowQuery,
  options: WatchOptions,
): AsyncIterable<LogEvent & { id: string | null }> {
  const request = {
    path: `/attempts/${encodeURIComponent(attemptId)}/logs`,
    query: { ...query, follow: true },
    isLast: isEnd,
  };
  for await (const { id, event, data } of resumedEvents(open, request, options))
    if (event === 'lines' || event === 'end')
      yield { id, event, data: JSON.parse(data) as unknown } as LogEvent & { id: string | null };
}

export async function* watchRuns(
  open: Opener,
  query: Omit<EventsQuery, 'about'>,
  options: WatchOptions,
): AsyncIterable<RunsEvent & { id: string | null }> {
  for await (const event of watchChanges(open, query, options))
    if (event.event === 'ready' || event.event === 'run') yield event;
}

export async function* watchChanges(
  open: Opener,
  query: EventsQuery,
  options: WatchOptions,
): AsyncIterable<ChangeEvent & { id: string | null }> {
  for await (const { id, event, data } of resumedEvents(open, { path: '/events', query: { ...query } }, options))
    if (CHANGE_EVENTS.has(event))
      yield { id, event, data: JSON.parse(data) as unknown } as ChangeEvent & { id: string | null };
}

function isEnd({ event }: RawEvent): boolean {
  return event === 'end';
}

/** Names that are known here; a newer server may send others. */
const CHANGE_EVENTS: ReadonlySet<string> = new Set([
  'ready',
  'run',
  'tick',
  'schedule',
  'schedule-deleted',
  'deadline',
  'deadline-deleted',
  'calendar',
  'calendar-deleted',
  'maintenance',
  'backfill',
] satisfies ChangeEvent['event'][]);
const RUN_EVENTS: ReadonlySet<string> = new Set(['snapshot', 'task', 'run', 'end'] satisfies RunEvent['event'][]);
