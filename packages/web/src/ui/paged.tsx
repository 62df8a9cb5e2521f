/** Lists of the API, read page by page: what stands there while they load, fail or are empty, and the button for more. */
import type { Page } from '@pelorus/protocol';
import { useInfiniteQuery } from '@tanstack/react-query';
import type { ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { Button } from './button.tsx';
import { DataTable, type Column } from './data-table.tsx';
import { Skeleton } from './spinner.tsx';
import { ErrorState, ProblemText } from './states.tsx';

export interface PagedList<Row> {
  /** Undefined: none has come yet. */
  rows: Row[] | undefined;
  error: Error | null;
  retry: () => void;
  /** Null: there is no more. */
  more: { load: () => void; busy: boolean } | null;
}

/** Asked again every `everyMs`, when given, while the page is looked at. */
export function usePaged<Row>(
  key: readonly unknown[],
  ask: (cursor: string | undefined, signal: AbortSignal) => Promise<Page<Row>>,
  everyMs?: number,
): PagedList<Row> {
  const list = useInfiniteQuery({
    queryKey: key,
    queryFn: ({ pageParam, signal }) => ask(pageParam, signal),
    initialPageParam: undefined as string | undefined,
    getNextPageParam: (page: Page<Row>) => page.nextCursor ?? undefined,
    ...(everyMs === undefined ? {} : { refetchInterval: everyMs }),
  });
  return {
    rows: list.data?.pages.flatMap(({ items }) => items),
    error: list.error,
    retry: () => void list.refetch(),
    more: list.hasNextPage ? { load: () => void list.fetchNextPage(), busy: list.isFetchingNextPage } : null,
  };
}

export function PagedTable<Row>({
  list: { rows, error, retry, more },
  label,
  columns,
  keyOf,
  empty,
}: {
  list: PagedList<Row>;
  label: string;
  columns: readonly Column<Row>[];
  keyOf: (row: Row) => string | number;
  /** What stands there when there is nothing: it says what to do. */
  empty: ReactNode;
}): ReactNode {
  const { t } = useTranslation();
  if (rows === undefined) return error === null ? <Skeleton rows={5} /> : <ErrorState error={error} onRetry={retry} />;
  return (
    <div className="grid gap-3">
      {error !== null && <ProblemText error={error} />}
      {rows.length === 0 ? empty : <DataTable label={label} columns={columns} rows={rows} keyOf={keyOf} />}
      {more && (
        <Button className="justify-self-center" busy={more.busy} onClick={more.load}>
          {t('action.loadMore')}
        </Button>
      )}
    </div>
  );
}
