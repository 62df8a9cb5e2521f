import type { UseQueryResult } from '@tanstack/react-query';
import type { ReactNode } from 'react';
import { Panel } from '../../ui/page.tsx';
import { Skeleton } from '../../ui/spinner.tsx';
import { ErrorState } from '../../ui/states.tsx';

/** A panel with rows, or what stands there instead of them. */
export function ListPanel<Row>({
  title,
  actions,
  asked,
  rows,
  hasMore = false,
  keyOf,
  row,
  empty,
}: {
  title: string;
  actions?: ReactNode;
  asked: Pick<UseQueryResult, 'isPending' | 'error' | 'refetch' | 'data'>;
  rows: readonly Row[];
  /** There are more than these. */
  hasMore?: boolean;
  keyOf: (row: Row) => string | number;
  row: (row: Row) => ReactNode;
  empty: ReactNode;
}): ReactNode {
  return (
    <Panel
      title={
        <>
          {title}{' '}
          {rows.length > 0 && (
            <span className="ms-1 font-normal text-ink-2 tabular-nums">
              {rows.length}
              {hasMore && '+'}
            </span>
          )}
        </>
      }
      actions={actions}
    >
      {asked.isPending ? (
        <div className="p-4">
          <Skeleton rows={3} />
        </div>
      ) : asked.error !== null && asked.data === undefined ? (
        <ErrorState error={asked.error} onRetry={() => void asked.refetch()} />
      ) : rows.length === 0 ? (
        <div className="p-4 text-ink-2">{empty}</div>
      ) : (
        <ul>
          {rows.map((each) => (
            <li key={keyOf(each)} className="border-b border-line px-4 py-2 last:border-b-0">
              {row(each)}
            </li>
          ))}
        </ul>
      )}
    </Panel>
  );
}
