/** The lines of a log that match; a click on one shows it where it stands. */
import { useInfiniteQuery } from '@tanstack/react-query';
import { useMemo, useState, type ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { api } from '../../../api/client.ts';
import { EmptyState, ProblemText } from '../../../ui/states.tsx';
import { Spinner } from '../../../ui/spinner.tsx';
import { LogLines } from './log-lines.tsx';

const PAGE_LINES = 500;
const AGAIN_MS = 3000;

export function LogSearch({
  attempt,
  query,
  wrap,
  isLive,
  onJump,
}: {
  attempt: string;
  query: string;
  wrap: boolean;
  isLive: boolean;
  onJump: (offset: number) => void;
}): ReactNode {
  const { t } = useTranslation('run');
  const [stick, setStick] = useState(false);
  const found = useInfiniteQuery({
    queryKey: ['log-search', attempt, query],
    queryFn: ({ pageParam, signal }) =>
      api.attempts.logs(attempt, { query, from: pageParam, size: PAGE_LINES }, signal),
    initialPageParam: 0,
    getNextPageParam: (last, pages) => {
      const read = pages.reduce((sum, page) => sum + page.length, 0);
      return last.total !== null && read < last.total ? read : null;
    },
    refetchInterval: ({ state }) => (isLive && (state.data?.pages.length ?? 0) <= 1 ? AGAIN_MS : false),
    retry: false,
  });
  const lines = useMemo(
    () => (found.data?.pages ?? []).flatMap(({ content }) => content).map((text, key) => ({ key, text })),
    [found.data],
  );
  const jump = async (index: number): Promise<void> => {
    const { startByte } = await api.attempts.logs(attempt, { query, from: index, size: 1 });
    onJump(startByte);
  };
  if (found.error && found.data === undefined)
    return (
      <div className="p-3">
        <ProblemText error={found.error} />
      </div>
    );
  if (found.isPending)
    return (
      <div className="p-3">
        <Spinner label={t('log.searching')} />
      </div>
    );
  const last = found.data.pages.at(-1);
  if (lines.length === 0) return <EmptyState title={t('log.noMatch')}>{t('log.noMatchHint')}</EmptyState>;
  return (
    <div className="flex h-full flex-col">
      <p role="status" className="border-b border-line px-3 py-1 text-xs text-ink-2">
        {t('log.matches', { count: last?.total ?? lines.length })}
      </p>
      <div className="min-h-0 grow">
        <LogLines
          lines={lines}
          wrap={wrap}
          stick={stick}
          onStick={setStick}
          label={t('log.matchesLabel')}
          mark={query.startsWith('re:') ? '' : query}
          onPick={(index) => void jump(index)}
          onNearEnd={() => {
            if (found.hasNextPage && !found.isFetchingNextPage) void found.fetchNextPage();
          }}
        />
      </div>
    </div>
  );
}
