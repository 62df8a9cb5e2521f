/** Runs in progress, whenever they were submitted; several panels look at them. */
import { useQuery } from '@tanstack/react-query';
import { api } from '../../api/client.ts';
import { EVER } from '../workflow/ever.ts';

const SHOWN = 20;
const EVERY_MS = 5000;

export function useRunning() {
  return useQuery({
    queryKey: ['home', 'running'],
    queryFn: ({ signal }) =>
      api.runs.list(
        {
          state: ['running', 'waiting', 'queued', 'pausing', 'stopping', 'paused'],
          submittedAfter: EVER,
          limit: SHOWN,
        },
        signal,
      ),
    // Progress within a run is no news of the feed.
    refetchInterval: EVERY_MS,
  });
}
