/** The list of workflows as the API is asked for it: by the page, and before the page's own script has come. */
import type { Page, WorkflowListItem } from '@pelorus/protocol';
import { infiniteQueryOptions, type InfiniteData } from '@tanstack/react-query';
import { api } from '../../api/client.ts';

export interface WorkflowsSearch {
  project?: string;
  q?: string;
  label?: string;
}

export const LAST_RUNS = 10;
/** What fills a screen comes first and soon; what is scrolled to comes in larger pages. */
const FIRST_PAGE = 50;
const NEXT_PAGE = 200;

export type WorkflowPages = InfiniteData<Page<WorkflowListItem>, string | undefined>;

export function workflowList({ project, q, label }: WorkflowsSearch) {
  return infiniteQueryOptions({
    queryKey: ['workflows', project ?? '', q ?? '', label ?? ''],
    queryFn: ({ pageParam, signal }) =>
      api.workflows.list(
        {
          lastRuns: LAST_RUNS,
          limit: pageParam === undefined ? FIRST_PAGE : NEXT_PAGE,
          ...(project ? { project } : {}),
          ...(q ? { q } : {}),
          ...(label ? { label } : {}),
          ...(pageParam === undefined ? {} : { cursor: pageParam }),
        },
        signal,
      ),
    initialPageParam: undefined as string | undefined,
    getNextPageParam: (page) => page.nextCursor ?? undefined,
    staleTime: 30_000,
  });
}
