/** All runs that may be seen: filtered in the address, live, and handled many at once. */
import './texts.ts';
import type { BulkActionName, Page as ApiPage, RunView } from '@pelorus/protocol';
import { useInfiniteQuery, type InfiniteData } from '@tanstack/react-query';
import { Link, useSearch } from '@tanstack/react-router';
import { X } from 'lucide-react';
import { useCallback, useEffect, useMemo, useState, type ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { api, queries } from '../../api/client.ts';
import { useRunsFeed } from '../../api/run-live.ts';
import { Button, buttonClass, IconButton } from '../../ui/button.tsx';
import { Checkbox } from '../../ui/field.tsx';
import { Page } from '../../ui/page.tsx';
import { Spinner } from '../../ui/spinner.tsx';
import { EmptyState, ErrorState } from '../../ui/states.tsx';
import { BulkDialog, type BulkAbout } from './bulk-dialog.tsx';
import { FilterBar } from './filter-bar.tsx';
import { selectionOf, statesOf } from './filter.ts';
import { RunRows } from './run-rows.tsx';

const PAGE_SIZE = 100;
const ACTIONS: readonly BulkActionName[] = ['pause', 'resume', 'stop', 'rerun', 'repeat'];
type Pages = InfiniteData<ApiPage<RunView>, string | undefined>;

export function RunsPage(): ReactNode {
  const { t } = useTranslation('runs');
  const search = useSearch({ from: '/runs' });
  const selection = useMemo(() => selectionOf(search), [search]);
  const key = useMemo(() => ['runs', selection], [selection]);
  const [chosen, setChosen] = useState<ReadonlySet<number>>(new Set());
  const [everything, setEverything] = useState(false);
  const [fresh, setFresh] = useState<ReadonlySet<number>>(new Set());
  const [bulk, setBulk] = useState<{ action: BulkActionName; about: BulkAbout } | null>(null);
  const list = useInfiniteQuery({
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
  const items = useMemo(() => list.data?.pages.flatMap((page) => page.items) ?? [], [list.data]);
  const states = statesOf(search);
  const isPlain = Object.keys(selection).every((name) => name === 'project' || name === 'state');
  useRunsFeed(
    search.project ? { project: search.project } : {},
    useCallback(
      (runs) => {
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
        const others = [...runs.values()].filter(
          ({ id, state }) => !known.has(id) && (states.length === 0 || states.includes(state)),
        );
        // Rows do not move under the reader's hand: what is new is offered, and by finer filters only the server can say whether it belongs here.
        if (isPlain && others.length > 0) setFresh((before) => new Set([...before, ...others.map(({ id }) => id)]));
      },
      // States are part of the key.
      [key],
    ),
  );
  const showFresh = (): void => {
    setFresh(new Set());
    void queries.resetQueries({ queryKey: key, exact: true });
  };
  const choose = useCallback((id: number, on: boolean): void => {
    setEverything(false);
    setChosen((before) => {
      const next = new Set(before);
      if (on) next.add(id);
      else next.delete(id);
      return next;
    });
  }, []);
  const clear = (): void => {
    setEverything(false);
    setChosen(new Set());
  };
  // What was chosen among other runs is not what is looked at now.
  useEffect(() => {
    clear();
    setFresh(new Set());
  }, [key]);
  const isFiltered = Object.keys(selection).length > 0;
  const about: BulkAbout | null = everything ? { filter: selection } : chosen.size > 0 ? { ids: [...chosen] } : null;
  return (
    <Page title={t('title')}>
      <FilterBar />
      <div className="flex min-h-9 flex-wrap items-center gap-x-4 gap-y-1">
        {items.length > 0 && (
          <>
            <Checkbox
              label={t('selectAll')}
              checked={!everything && chosen.size > 0 && items.every(({ id }) => chosen.has(id))}
              onChange={(event) => {
                setEverything(false);
                setChosen(new Set(event.target.checked ? items.map(({ id }) => id) : []));
              }}
            />
            {isFiltered && (
              <Checkbox
                label={t('allMatching')}
                checked={everything}
                onChange={(event) => setEverything(event.target.checked)}
              />
            )}
          </>
        )}
        {fresh.size > 0 && (
          <Button size="small" kind="primary" className="ms-auto" onClick={showFresh}>
            {t('fresh', { count: fresh.size })}
          </Button>
        )}
      </div>
      {list.isPending ? (
        <Spinner />
      ) : list.error !== null && list.data === undefined ? (
        <ErrorState error={list.error} onRetry={() => void list.refetch()} />
      ) : items.length === 0 ? (
        <EmptyState
          title={isFiltered ? t('nothing') : t('empty')}
          action={
            <Link to="/workflows" className={buttonClass('primary')}>
              {t('openWorkflows')}
            </Link>
          }
        >
          {!isFiltered && t('emptyHint')}
        </EmptyState>
      ) : (
        <RunRows
          items={items}
          chosen={everything ? new Set(items.map(({ id }) => id)) : chosen}
          onChoose={choose}
          more={list.hasNextPage ? { load: () => void list.fetchNextPage(), busy: list.isFetchingNextPage } : null}
        />
      )}
      {about && (
        <BulkBar
          text={everything ? t('matching') : t('selected', { count: chosen.size })}
          onAction={(action) => setBulk({ action, about })}
          onClear={clear}
        />
      )}
      {bulk && (
        <BulkDialog
          action={bulk.action}
          about={bulk.about}
          onClose={(isDone) => {
            setBulk(null);
            if (!isDone) return;
            clear();
            void list.refetch();
          }}
        />
      )}
    </Page>
  );
}

/** What may be done with the runs that are chosen: at the lower edge, so that no row moves under the hand that chooses. */
function BulkBar({
  text,
  onAction,
  onClear,
}: {
  text: string;
  onAction: (action: BulkActionName) => void;
  onClear: () => void;
}): ReactNode {
  const { t } = useTranslation('runs');
  return (
    <div
      role="toolbar"
      aria-label={t('bulkBar')}
      className="sticky bottom-0 z-20 -mx-4 mt-auto -mb-4 flex flex-wrap items-center gap-2 border-t border-line-strong bg-surface px-4 py-2 shadow-[0_-4px_12px_rgb(0_0_0/0.12)] md:-mx-6 md:-mb-6 md:px-6"
    >
      <span className="font-medium" aria-live="polite">
        {text}
      </span>
      <span className="grow" />
      {ACTIONS.map((action) => (
        <Button
          key={action}
          size="small"
          kind={action === 'stop' ? 'danger' : 'plain'}
          onClick={() => onAction(action)}
        >
          {t(`bulk.action.${action}`)}
        </Button>
      ))}
      <IconButton size="small" label={t('unselect')} onClick={onClear}>
        <X className="size-4" aria-hidden />
      </IconButton>
    </div>
  );
}
