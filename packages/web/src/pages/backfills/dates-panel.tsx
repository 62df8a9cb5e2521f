/** The dates of one backfill, as a grid of squares or as a table; by state when one is chosen. */
import type { BackfillDate, BackfillDateStateName, BackfillSummary } from '@pelorus/protocol';
import { Link } from '@tanstack/react-router';
import clsx from 'clsx';
import type { ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { Button, buttonClass } from '../../ui/button.tsx';
import { DataTable, type Column } from '../../ui/data-table.tsx';
import { Panel } from '../../ui/page.tsx';
import { STATE_LOOK, StateBadge, TONE_CLASS } from '../../ui/state-badge.tsx';
import { Time } from '../../ui/time.tsx';
import { DATE_STATES } from './date-counts.tsx';
import { zoneDate, zoneTime } from '../../ui/zone-dates.ts';

export function DatesPanel({
  backfill,
  dates,
  state,
  view,
  more,
}: {
  backfill: BackfillSummary;
  dates: readonly BackfillDate[];
  state: BackfillDateStateName | null;
  view: 'grid' | 'table';
  more: { load: () => void; busy: boolean } | null;
}): ReactNode {
  const { t } = useTranslation('backfills');
  const { t: common } = useTranslation();
  return (
    <Panel
      title={t('dates')}
      actions={(['grid', 'table'] as const).map((each) => (
        <Link
          key={each}
          from="/backfills/$backfill"
          to="."
          search={(now) => ({ ...now, view: each })}
          aria-current={view === each ? 'true' : undefined}
          className={clsx(buttonClass(view === each ? 'plain' : 'quiet', 'small'))}
        >
          {t(`views.${each}`)}
        </Link>
      ))}
    >
      <div className="grid gap-3 p-4">
        <StateFilter backfill={backfill} state={state} />
        {dates.length === 0 ? (
          <p className="text-ink-2">{t('noDates')}</p>
        ) : view === 'table' ? (
          <DateTable dates={dates} zone={backfill.zone} />
        ) : (
          <ol className="grid grid-cols-[repeat(auto-fill,minmax(9.5rem,1fr))] gap-1.5">
            {dates.map((date) => (
              <DateCell key={date.date} date={date} zone={backfill.zone} isDaily={backfill.crontab === null} />
            ))}
          </ol>
        )}
        {more && (
          <Button className="justify-self-center" busy={more.busy} onClick={more.load}>
            {common('action.loadMore')}
          </Button>
        )}
      </div>
    </Panel>
  );
}

function StateFilter({
  backfill: { counts, dateCount },
  state,
}: {
  backfill: BackfillSummary;
  state: BackfillDateStateName | null;
}): ReactNode {
  const { t } = useTranslation('backfills');
  const { t: common } = useTranslation();
  const choices: [BackfillDateStateName | null, string, number][] = [
    [null, t('all'), dateCount],
    ...DATE_STATES.map((each): [BackfillDateStateName, string, number] => [
      each,
      common(`state.${each}`),
      counts[each] ?? 0,
    ]),
  ];
  return (
    <nav aria-label={t('filterState')} className="flex flex-wrap gap-1">
      {choices
        .filter(([each, , count]) => each === null || each === state || count > 0)
        .map(([each, text, count]) => (
          <Link
            key={each ?? ''}
            from="/backfills/$backfill"
            to="."
            search={({ view }) => ({ ...(view ? { view } : {}), ...(each === null ? {} : { state: each }) })}
            aria-current={state === each ? 'true' : undefined}
            className={clsx(
              'inline-flex min-h-7 items-center gap-1 rounded-full border px-2.5 text-xs',
              state === each
                ? 'border-accent bg-accent-soft font-medium text-accent'
                : 'border-line text-ink-2 hover:bg-surface-3',
            )}
          >
            {text} <span className="tabular-nums">{count}</span>
          </Link>
        ))}
    </nav>
  );
}

function DateCell({ date, zone, isDaily }: { date: BackfillDate; zone: string; isDaily: boolean }): ReactNode {
  const { t } = useTranslation('backfills');
  const { t: common } = useTranslation();
  const { tone, icon: Icon } = STATE_LOOK[date.state];
  const state = common(`state.${date.state}`);
  const look = clsx('flex h-full items-center gap-1.5 rounded-md px-2 py-1.5 text-xs', TONE_CLASS[tone]);
  const inside = (
    <>
      <Icon className="size-3.5 shrink-0" aria-hidden />
      <span className="min-w-0">
        <span className="block whitespace-nowrap tabular-nums">{zoneDate(date.date, zone, true)}</span>
        <span className="block truncate tabular-nums">
          {isDaily ? state : `${zoneTime(date.date, zone)} · ${state}`}
        </span>
      </span>
    </>
  );
  return (
    <li className="[content-visibility:auto]">
      {date.run === null ? (
        <span className={look} title={date.reason ?? undefined}>
          {inside}
        </span>
      ) : (
        <Link
          to="/runs/$run"
          params={{ run: String(date.run) }}
          className={clsx(look, 'hover:ring-1 hover:ring-current')}
          title={date.reason ?? t('openRun', { run: date.run })}
        >
          {inside}
          <span className="sr-only">{t('openRun', { run: date.run })}</span>
        </Link>
      )}
    </li>
  );
}

function DateTable({ dates, zone }: { dates: readonly BackfillDate[]; zone: string }): ReactNode {
  const { t } = useTranslation('backfills');
  const columns: Column<BackfillDate>[] = [
    { id: 'date', name: t('date'), cell: ({ date }) => <time dateTime={date}>{zoneDate(date, zone)}</time> },
    { id: 'state', name: t('state'), cell: ({ state }) => <StateBadge state={state} /> },
    {
      id: 'run',
      name: t('run'),
      cell: ({ run, dependent }) =>
        run === null ? null : (
          <>
            <Link to="/runs/$run" params={{ run: String(run) }} className="text-accent tabular-nums hover:underline">
              #{run}
            </Link>
            {dependent !== null && (
              <span className="text-xs text-ink-2"> {t('dependentRun', { workflow: dependent })}</span>
            )}
          </>
        ),
    },
    { id: 'runs', name: t('runs'), end: true, cell: ({ runs }) => runs },
    { id: 'started', name: t('started'), cell: ({ startedAt }) => startedAt && <Time at={startedAt} /> },
    { id: 'ended', name: t('ended'), cell: ({ endedAt }) => endedAt && <Time at={endedAt} /> },
    { id: 'reason', name: t('reason'), cell: ({ reason }) => reason && <span className="text-ink-2">{reason}</span> },
  ];
  return <DataTable label={t('dates')} columns={columns} rows={dates} keyOf={({ date }) => date} />;
}
