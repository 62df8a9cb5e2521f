/** How many runs there were, by the hour, and how they went: as bars, and as a table for those who want the numbers. */
import { keepPreviousData, useQuery } from '@tanstack/react-query';
import clsx from 'clsx';
import type { ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { api } from '../../api/client.ts';
import { locale } from '../../i18n/index.ts';
import { Panel } from '../../ui/page.tsx';
import { Skeleton } from '../../ui/spinner.tsx';
import { ErrorState } from '../../ui/states.tsx';
import { useNow } from '../../ui/time.tsx';
import { firstHour, HOUR_MS, hoursOf, type Hour } from './hours.ts';

const HOURS = 24;
const EVERY_MS = 60_000;
const PARTS = [
  ['others', 'bg-idle', 'other'],
  ['failed', 'bg-bad', 'bad'],
  ['succeeded', 'bg-ok', 'ok'],
] as const;

export function ThroughputPanel(): ReactNode {
  const { t } = useTranslation('home');
  const first = firstHour(useNow(EVERY_MS), HOURS);
  const asked = useQuery({
    queryKey: ['throughput', first],
    queryFn: ({ signal }) =>
      api.runs.stats(
        {
          after: new Date(first).toISOString(),
          before: new Date(first + HOURS * HOUR_MS).toISOString(),
          bucketMs: HOUR_MS,
          tasks: true,
        },
        signal,
      ),
    placeholderData: keepPreviousData,
    refetchInterval: EVERY_MS,
  });
  return (
    <Panel title={t('throughput')}>
      {asked.data ? (
        <Chart hours={hoursOf(asked.data)} />
      ) : asked.error ? (
        <ErrorState error={asked.error} onRetry={() => void asked.refetch()} />
      ) : (
        <div className="min-h-56 p-4">
          <Skeleton rows={4} />
        </div>
      )}
    </Panel>
  );
}

function Chart({ hours }: { hours: readonly Hour[] }): ReactNode {
  const { t } = useTranslation('home');
  const totals = hours.map(({ succeeded, failed, others }) => succeeded + failed + others);
  const highest = Math.max(1, ...totals);
  const count = totals.reduce((sum, each) => sum + each, 0);
  const tasks = hours.reduce<number | null>(
    (sum, { taskCount }) => (sum === null || taskCount === null ? null : sum + taskCount),
    0,
  );
  return (
    <div className="grid gap-2 p-4">
      <p className="flex flex-wrap items-center gap-x-4 text-sm">
        <span>{tasks === null ? t('sumRuns', { count }) : t('sum', { count, tasks })}</span>
        {PARTS.toReversed().map(([part, fill, name]) => (
          <span key={part} className="inline-flex items-center gap-1.5 text-xs text-ink-2">
            <span className={clsx('size-2.5 rounded-sm', fill)} aria-hidden /> {t(`legend.${name}`)}
          </span>
        ))}
      </p>
      <div className="flex items-end gap-2" aria-hidden>
        <span className="self-start text-xs text-ink-2 tabular-nums">{highest.toLocaleString(locale())}</span>
        <div className="flex h-32 grow items-end gap-px border-b border-line sm:gap-1">
          {hours.map((hour, index) => (
            <div
              key={hour.startsAt}
              title={t('hour', {
                from: clock(hour.startsAt),
                to: clock(hour.startsAt + HOUR_MS),
                ok: hour.succeeded,
                bad: hour.failed,
                other: hour.others,
                tasks: hour.taskCount ?? '–',
              })}
              className="flex h-full grow basis-0 flex-col justify-end hover:bg-surface-2"
            >
              <div
                className="flex flex-col overflow-hidden rounded-t-sm"
                style={{ height: `${(100 * (totals[index] ?? 0)) / highest}%` }}
              >
                {PARTS.map(([part, fill]) => (
                  <span key={part} className={fill} style={{ flex: `${hour[part]} 0 0` }} />
                ))}
              </div>
            </div>
          ))}
        </div>
      </div>
      <div className="flex justify-between ps-6 text-xs text-ink-2 tabular-nums" aria-hidden>
        {hours
          .filter((_, index) => index % 6 === 0 || index === hours.length - 1)
          .map(({ startsAt }) => (
            <span key={startsAt}>{clock(startsAt)}</span>
          ))}
      </div>
      <Numbers hours={hours} />
    </div>
  );
}

function Numbers({ hours }: { hours: readonly Hour[] }): ReactNode {
  const { t } = useTranslation('home');
  return (
    <details>
      <summary className="cursor-pointer text-xs text-ink-2">{t('table')}</summary>
      <table className="mt-2 w-full max-w-xl text-end text-xs tabular-nums" aria-label={t('throughput')}>
        <thead>
          <tr className="text-ink-2">
            <th scope="col" className="py-1 text-start font-medium">
              {t('hourColumn')}
            </th>
            {(['ok', 'bad', 'other', 'tasks'] as const).map((name) => (
              <th key={name} scope="col" className="py-1 font-medium">
                {t(`legend.${name}`)}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {hours.map(({ startsAt, succeeded, failed, others, taskCount }) => (
            <tr key={startsAt} className="border-t border-line">
              <th scope="row" className="py-0.5 text-start font-normal">
                {clock(startsAt)} – {clock(startsAt + HOUR_MS)}
              </th>
              <td>{succeeded}</td>
              <td>{failed}</td>
              <td>{others}</td>
              <td>{taskCount ?? '–'}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </details>
  );
}

function clock(at: number): string {
  return new Date(at).toLocaleTimeString(locale(), { hour: '2-digit', minute: '2-digit' });
}
