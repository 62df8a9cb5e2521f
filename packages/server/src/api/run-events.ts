/** Where event streams come from: those of one run, and that of all that changes. */
import type { RunId } from '@pelorus/protocol';
import { createChangesFeed, type ChangesWanted, type FeedParts } from './changes-feed.ts';
import { createRunFollowers, type FollowerParts } from './run-followers.ts';
import type { EventSource } from './sse.ts';

export interface RunEvents {
  /** The events of a run after a version of it; null: from a snapshot on. */
  followRun(run: RunId, after: number | null): Promise<EventSource>;
  /** What changes after a position; null: from now on. */
  followChanges(wanted: ChangesWanted, after: number | null): Promise<EventSource>;
  /** Ends every source; nothing is looked at any more. */
  close(): void;
}

export function createRunEvents(parts: FollowerParts & FeedParts): RunEvents {
  const followers = createRunFollowers(parts);
  const feed = createChangesFeed(parts);
  return {
    followRun: (run, after) => followers.follow(run, after),
    followChanges: (wanted, after) => feed.follow(wanted, after),
    close: () => {
      followers.close();
      feed.close();
    },
  };
}
