/** The runs that an address asks for, page by page, and kept up to date. */
import type { Page as ApiPage, RunSelection, RunView } from '@pelorus/protocol';
import { useInfiniteQuery, type InfiniteData } from '@tanstack/react-query';
import { useCallback, useEffect, useMemo, useState } from 'react';
import { api, queries } from '../../api/client.ts';
import { useRunsFeed } from '../../api/run-live.ts';
import { selectionOf, statesOf, type RunsSearch } from './filter.ts';

const PAGE_SIZE = 100;
type Pages = InfiniteData<ApiPage<RunView>, string | undefined>;

export interface Runs {
  selection: RunSelection;
  list: ReturnType<typeof useRunPages>;
  items: readonly RunView[];
  /** New ones that are not shown yet: rows do not move under the reader's hand. */
  freshCount: number;
  showFresh: () => void;
}

export function useRuns(search: RunsSearch): Runs {
  const selection = useMemo(() => selectionOf(search), [search]);
  const key = useMemo(() => ['runs', selection], [selection]);
  const list = useRunPages(key, selection);
  const items = useMemo(() => list.data?.pages.flatMap((page) => page.items) ?? [], [list.data]);
  const [fresh, setFresh] = useState<ReadonlySet<number>>(new Set());
  const states = statesOf(search);
  // By finer filters only the server can say whether what is new belongs here.
  const isPlain = Object.keys(selection).every((name) => name === 'project' || name === 'state');
  useRunsFeed(
    search.project ? { project: search.project } : {},
    useCallback(
      (runs) => {
        const known = replaceKnown(key, runs);
        const others = [...runs.values()].filter(
          ({ id, state }) => !known.has(id) && (states.length === 0 || states.includes(state)),
        );
        if (isPlain && others.length > 0) setFresh((before) => new Set([...before, ...others.map(({ id }) => id)]));
      },
      // States are part of the key.
      [key],
    ),
  );
  useEffect(() => setFresh(new Set()), [key]);
  const showFresh = (): void => {
    setFresh(new Set());
    void queries.resetQueries({ queryKey: key, exact: true });
  };
  return { selection, list, items, freshCount: fresh.size, showFresh };
}

function useRunPages(key: readonly unknown[], selection: RunSelection) {
  return useInfiniteQuery({
    queryKey: key,
    queryFn: ({ pageParam, signal }) =>
      api.runs.list(
        { ...selection, limit: PAGE_SIZE, ...(pageParam === undefined ? {} : { cursor: pageParam }) },
        signal,
      ),
    initialPageParam: undefined as string | undefined,
    getNextPageParam: (page) => page.nextCursor ?? undefined,
    placeholderData: (before) => before,
    refetchOnWindowFocus: false,
  });
}

/** Puts runs where they stand in the pages already, and gives the ids of all in there. */
function replaceKnown(key: readonly unknown[], runs: ReadonlyMap<number, RunView>): ReadonlySet<number> {
  const known = new Set<number>();
  queries.setQueryData<Pages>(
    key,
    (data) =>
      data && {
        ...data,
        pages: data.pages.map((page) => ({
          ...page,
          items: page.items.map((run) => (known.add(run.id), runs.get(run.id) ?? run)),
        })),
      },
  );
  return known;
}
