/** The runs of one workflow, newest first, fresh as they happen. */
import type { Page as ApiPage, RunView } from '@pelorus/protocol';
import { useInfiniteQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { useCallback, type ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { api } from '../../api/client.ts';
import { useRunsFeed } from '../../api/run-live.ts';
import { Button } from '../../ui/button.tsx';
import { Spinner } from '../../ui/spinner.tsx';
import { StateBadge } from '../../ui/state-badge.tsx';
import { EmptyState, ErrorState } from '../../ui/states.tsx';
import { span, Time } from '../../ui/time.tsx';
import { zoneDate } from '../../ui/zone-dates.ts';
import { EVER } from './ever.ts';

export function RunsTab({ project, workflow }: { project: string; workflow: string }): ReactNode {
  const { t } = useTranslation('workflow');
  const { t: common } = useTranslation();
  const runs = useInfiniteQuery({
    queryKey: ['workflow-runs', project, workflow],
    queryFn: ({ pageParam, signal }) =>
      api.runs.list(
        {
          project,
          workflow,
          submittedAfter: EVER,
          limit: 50,
          ...(pageParam === undefined ? {} : { cursor: pageParam }),
        },
        signal,
      ),
    initialPageParam: undefined as string | undefined,
    getNextPageParam: (page: ApiPage<RunView>) => page.nextCursor ?? undefined,
  });
  const { refetch } = runs;
  useRunsFeed(
    { project, workflow },
    useCallback(() => void refetch(), [refetch]),
    2000,
  );
  if (runs.isPending) return <Spinner />;
  if (runs.error && runs.data === undefined) return <ErrorState error={runs.error} onRetry={() => void refetch()} />;
  const items = runs.data?.pages.flatMap((page) => page.items) ?? [];
  if (items.length === 0) return <EmptyState title={t('runs.empty')}>{t('runs.emptyHint')}</EmptyState>;
  return (
    <div className="grid gap-3">
      <div className="overflow-x-auto">
        <table className="w-full text-start">
          <thead className="border-b border-line text-xs text-ink-2">
            <tr>
              {(['run', 'state', 'started', 'duration', 'date', 'kind', 'by', 'version'] as const).map((column) => (
                <th key={column} scope="col" className="px-2 py-1.5 text-start font-medium whitespace-nowrap">
                  {t(`runs.${column}`)}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {items.map((run) => (
              <tr key={run.id} className="border-b border-line whitespace-nowrap hover:bg-surface-2">
                <th scope="row" className="px-2 py-1.5 text-start font-normal">
                  <Link to="/runs/$run" params={{ run: String(run.id) }} className="text-accent hover:underline">
                    #{run.id}
                  </Link>
                </th>
                <td className="px-2 py-1.5">
                  <StateBadge state={run.state} />
                </td>
                <td className="px-2 py-1.5">
                  <Time at={run.startedAt} />
                </td>
                <td className="px-2 py-1.5">{run.durationMs === null ? '' : span(run.durationMs)}</td>
                <td className="px-2 py-1.5">{zoneDate(run.logicalDate, run.zone)}</td>
                <td className="px-2 py-1.5">{t(`runs.kinds.${run.execType}`)}</td>
                <td className="px-2 py-1.5">{run.submittedBy}</td>
                <td className="px-2 py-1.5">{run.version}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      <div className="flex items-center gap-4">
        {runs.hasNextPage && (
          <Button busy={runs.isFetchingNextPage} onClick={() => void runs.fetchNextPage()}>
            {common('action.loadMore')}
          </Button>
        )}
        <Link to="/runs" search={{ project, workflow }} className="text-accent hover:underline">
          {t('runs.all')}
        </Link>
      </div>
    </div>
  );
}
