/** One backfill as it happens: how far it is, each of its dates with its run, and what can be done. */
import './texts.ts';
import type { BackfillStateName, BackfillSummary, BackfillView } from '@pelorus/protocol';
import { useInfiniteQuery } from '@tanstack/react-query';
import { Link, useParams, useSearch } from '@tanstack/react-router';
import { useEffect, useState, type ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { api } from '../../api/client.ts';
import { Page, Panel } from '../../ui/page.tsx';
import { Spinner } from '../../ui/spinner.tsx';
import { StateBadge } from '../../ui/state-badge.tsx';
import { ErrorState } from '../../ui/states.tsx';
import { Time } from '../../ui/time.tsx';
import { Facts } from '../workflow/facts.tsx';
import { BackfillActions } from './backfill-actions.tsx';
import { DATE_STATES, DateCounts } from './date-counts.tsx';
import { DatesPanel } from './dates-panel.tsx';
import { WhyBackfillWaits } from './why-waits.tsx';
import { zoneDate } from '../../ui/zone-dates.ts';

const PAGE_SIZE = 500;
const REFRESH_MS = 1000;
/** One that has ended may begin again by somebody else. */
const EVERY_MS = 10_000;

const OPEN: ReadonlySet<BackfillStateName> = new Set(['pending', 'running', 'paused']);

export function BackfillPage(): ReactNode {
  const { t } = useTranslation('backfills');
  const { backfill: id } = useParams({ from: '/backfills/$backfill' });
  const search = useSearch({ from: '/backfills/$backfill' });
  const state = DATE_STATES.find((each) => each === search.state) ?? null;
  const pages = useInfiniteQuery({
    queryKey: ['backfill', Number(id), state],
    queryFn: ({ pageParam, signal }) =>
      api.backfills.get(
        Number(id),
        {
          limit: PAGE_SIZE,
          ...(state === null ? {} : { state }),
          ...(pageParam === undefined ? {} : { cursor: pageParam }),
        },
        signal,
      ),
    initialPageParam: undefined as string | undefined,
    getNextPageParam: (page) => page.nextCursor ?? undefined,
    placeholderData: (before) => before,
    refetchInterval: EVERY_MS,
  });
  const { refetch } = pages;
  const first = pages.data?.pages[0];
  const isOpen = first !== undefined && OPEN.has(first.state);
  const told = useBackfillNews(isOpen ? Number(id) : null, refetch);
  if (first === undefined)
    return (
      <Page title={t('one', { id })}>
        {pages.error ? <ErrorState error={pages.error} onRetry={() => void refetch()} /> : <Spinner />}
      </Page>
    );
  const backfill: BackfillView = told !== null && told.updatedAt > first.updatedAt ? { ...first, ...told } : first;
  return (
    <Page
      title={t('one', { id })}
      subtitle={
        <span className="flex flex-wrap items-center gap-2">
          <StateBadge state={backfill.state} />
          <Link
            to="/projects/$project/workflows/$workflow"
            params={{ project: backfill.project, workflow: backfill.workflow }}
            className="text-accent hover:underline"
          >
            {backfill.project} / {backfill.workflow}
          </Link>
          <WhyBackfillWaits backfill={backfill} />
        </span>
      }
      actions={<BackfillActions backfill={backfill} onDone={() => refetch()} />}
    >
      <DateCounts backfill={backfill} />
      <div className="grid items-start gap-4 xl:grid-cols-[minmax(0,1fr)_24rem]">
        <DatesPanel
          backfill={backfill}
          dates={pages.data?.pages.flatMap(({ dates }) => dates) ?? []}
          state={state}
          view={search.view === 'table' ? 'table' : 'grid'}
          more={pages.hasNextPage ? { load: () => void pages.fetchNextPage(), busy: pages.isFetchingNextPage } : null}
        />
        <AsAsked backfill={backfill} />
      </div>
    </Page>
  );
}

function AsAsked({ backfill }: { backfill: BackfillView }): ReactNode {
  const { t } = useTranslation('backfills');
  const { zone, options } = backfill;
  const params = Object.entries(options.params);
  return (
    <Panel>
      <Facts
        facts={[
          [t('facts.range'), `${zoneDate(backfill.startDate, zone)} – ${zoneDate(backfill.endDate, zone)}`],
          [t('facts.zone'), zone],
          [t('facts.crontab'), backfill.crontab && <code>{backfill.crontab}</code>],
          [
            t('facts.mode'),
            `${backfill.mode === 'serial' ? t('serial') : t('parallel', { count: backfill.parallelism })}, ${t(backfill.order)}`,
          ],
          [t('facts.failure'), backfill.continueAfterFailure ? t('facts.goesOn') : t('facts.stops')],
          [t('facts.version'), backfill.version === null ? t('facts.latest') : String(backfill.version)],
          [t('facts.dependents'), backfill.dependents.length === 0 ? null : backfill.dependents.join(', ')],
          [t('facts.tasks'), (options.select ?? options.from?.task)?.join(', ') ?? null],
          [
            t('facts.params'),
            params.length === 0 ? null : (
              <ul className="font-mono text-xs break-all">
                {params.map(([name, value]) => (
                  <li key={name}>
                    {name} = {String(value)}
                  </li>
                ))}
              </ul>
            ),
          ],
          [
            t('facts.by'),
            <>
              <Time at={backfill.createdAt} /> {backfill.submittedBy}
            </>,
          ],
          [t('facts.ended'), backfill.endedAt && <Time at={backfill.endedAt} />],
        ]}
      />
    </Panel>
  );
}

/** As it was told last; `onChange` at most once in a while, when something was. Null: none is followed, for it has ended. */
function useBackfillNews(id: number | null, onChange: () => unknown): BackfillSummary | null {
  const [told, setTold] = useState<BackfillSummary | null>(null);
  useEffect(() => {
    if (id === null) return;
    const stop = new AbortController();
    let isNew = false;
    const timer = setInterval(() => {
      if (!isNew) return;
      isNew = false;
      onChange();
    }, REFRESH_MS);
    const follow = async (): Promise<void> => {
      for await (const event of api.watchBackfill(id, { signal: stop.signal, patienceMs: 24 * 3_600_000 })) {
        if (event.event === 'backfill') setTold(event.data);
        isNew = true;
      }
    };
    // Without a stream the page is as fresh as its last answer.
    follow().catch(() => undefined);
    return () => {
      stop.abort();
      clearInterval(timer);
      setTold(null);
    };
  }, [id, onChange]);
  return told;
}
