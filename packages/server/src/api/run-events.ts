/** Where event streams about runs come from: those of one run, and those of all. */
import type { RunId } from '@pelorus/protocol';
import { createRunFollowers, type FollowerParts } from './run-followers.ts';
import { createRunsFeed, type FeedParts, type RunsWanted } from './runs-feed.ts';
import type { EventSource } from './sse.ts';

export interface RunEvents {
  /** The events of a run after a version of it; null: from a snapshot on. */
  followRun(run: RunId, after: number | null): Promise<EventSource>;
  /** Changes of all runs after a position; null: from now on. */
  followRuns(wanted: RunsWanted, after: number | null): Promise<EventSource>;
  /** Ends every source; nothing is looked at any more. */
  close(): void;
}

export function createRunEvents(parts: FollowerParts & FeedParts): RunEvents {
  const followers = createRunFollowers(parts);
  const feed = createRunsFeed(parts);
  return {
    followRun: (run, after) => followers.follow(run, after),
    followRuns: (wanted, after) => feed.follow(wanted, after),
    close: () => {
      followers.close();
      feed.close();
    },
  };
}
