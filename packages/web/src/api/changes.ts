/** Lists of schedules, ticks, deadlines, calendars and backfills that are asked for again when something of them changes, instead of by the clock alone. */
import type { ChangeEvent, EventsAbout } from '@pelorus/protocol';
import { useEffect } from 'react';
import { api, queries } from './client.ts';

/** However often something changes. */
const ASK_AGAIN_MS = 1000;
const PATIENCE_MS = 24 * 3_600_000;

/** What an answer begins with in the cache that may be another one after such an event. */
const KEYS: Record<ChangeEvent['event'], readonly string[]> = {
  // Changes between a list's answer and the beginning of the stream.
  ready: ['ticks', 'schedules', 'deadlines', 'calendars', 'backfills'],
  run: [],
  tick: ['ticks'],
  // Calendars say how many schedules name them.
  schedule: ['schedules', 'calendars'],
  'schedule-deleted': ['schedules', 'calendars'],
  deadline: ['deadlines'],
  'deadline-deleted': ['deadlines'],
  calendar: ['calendars'],
  'calendar-deleted': ['calendars'],
  maintenance: ['maintenance'],
  backfill: ['backfills'],
};

/** While mounted; `project` undefined: of all that one may read. */
export function useFreshLists(about: EventsAbout, project?: string): void {
  useEffect(() => {
    const stop = new AbortController();
    const stale = new Set<string>();
    const timer = setInterval(() => {
      for (const key of stale) void queries.invalidateQueries({ queryKey: [key] });
      stale.clear();
    }, ASK_AGAIN_MS);
    const follow = async (): Promise<void> => {
      const query = { about: [about], ...(project ? { project } : {}) };
      const events = api.watchChanges(query, { signal: stop.signal, patienceMs: PATIENCE_MS });
      for await (const { event } of events) for (const key of KEYS[event]) stale.add(key);
    };
    // Without a stream lists are asked for by the clock.
    follow().catch(() => undefined);
    return () => {
      stop.abort();
      clearInterval(timer);
    };
  }, [about, project]);
}
