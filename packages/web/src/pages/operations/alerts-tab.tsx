/** Alerts on their way, and what came of them. */
import type { AlertView } from '@pelorus/protocol';
import { Link, useNavigate, useSearch } from '@tanstack/react-router';
import { CircleCheck, CircleMinus, CircleX, Hourglass } from 'lucide-react';
import type { ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { api } from '../../api/client.ts';
import { useMe } from '../../app/session.tsx';
import type { Column } from '../../ui/data-table.tsx';
import { Select } from '../../ui/field.tsx';
import { PagedTable, usePaged } from '../../ui/paged.tsx';
import { EmptyState } from '../../ui/states.tsx';
import { relativeTime, Time, useNow } from '../../ui/time.tsx';
import { ToneBadge } from '../../ui/tone-badge.tsx';

const LOOK = {
  pending: { tone: 'warn', icon: Hourglass },
  sent: { tone: 'ok', icon: CircleCheck },
  failed: { tone: 'bad', icon: CircleX },
  skipped: { tone: 'idle', icon: CircleMinus },
} as const;
const STATES = Object.keys(LOOK) as AlertView['state'][];

export function AlertsTab(): ReactNode {
  const { t } = useTranslation('operations');
  const { administrator } = useMe();
  const search = useSearch({ from: '/operations' });
  const navigate = useNavigate({ from: '/operations' });
  const state = STATES.find((each) => each === search.state);
  const list = usePaged(
    ['alerts', state ?? ''],
    (cursor, signal) =>
      api.alerts.list(
        { limit: 50, ...(state === undefined ? {} : { state }), ...(cursor === undefined ? {} : { cursor }) },
        signal,
      ),
    5000,
  );
  const columns: Column<AlertView>[] = [
    {
      id: 'event',
      name: t('alert.event'),
      cell: ({ event, run, project, workflow }) => (
        <>
          {t(`alert.events.${event}`)}{' '}
          <Link
            to="/projects/$project/workflows/$workflow"
            params={{ project, workflow }}
            className="whitespace-nowrap text-ink-2 hover:underline"
          >
            {project} / {workflow}
          </Link>{' '}
          {run !== null && (
            <Link to="/runs/$run" params={{ run: String(run) }} className="text-accent tabular-nums hover:underline">
              {t('alert.about', { run })}
            </Link>
          )}
        </>
      ),
    },
    { id: 'to', name: t('alert.to'), cell: ({ recipient }) => <span className="break-all">{recipient}</span> },
    {
      id: 'state',
      name: t('alert.state'),
      cell: (alert) => <ToneBadge {...LOOK[alert.state]} text={t(`alert.${alert.state}`)} />,
    },
    { id: 'at', name: t('alert.at'), cell: ({ at }) => <Time at={at} /> },
    { id: 'result', name: t('alert.result'), cell: (alert) => <Result alert={alert} /> },
  ];
  return (
    <div className="grid gap-3">
      <div className="flex flex-wrap items-center gap-3">
        <Select
          className="max-w-48"
          aria-label={t('alert.filter')}
          value={state ?? ''}
          onChange={(event) =>
            void navigate({
              search: { tab: 'alerts', ...(event.target.value ? { state: event.target.value } : {}) },
              replace: true,
            })
          }
        >
          <option value="">{t('alert.all')}</option>
          {STATES.map((each) => (
            <option key={each} value={each}>
              {t(`alert.${each}`)}
            </option>
          ))}
        </Select>
        {administrator && (
          <Link to="/admin" search={{ tab: 'channels' }} className="text-accent hover:underline">
            {t('alert.channels')}
          </Link>
        )}
      </div>
      <PagedTable
        list={list}
        label={t('tabs.alerts')}
        columns={columns}
        keyOf={({ id }) => id}
        empty={<EmptyState title={t('alert.empty')}>{t('alert.emptyHint')}</EmptyState>}
      />
    </div>
  );
}

function Result({ alert: { result, attempts, nextAt } }: { alert: AlertView }): ReactNode {
  const { t } = useTranslation('operations');
  const now = useNow(5000);
  return (
    <>
      <span className="break-words">{result}</span>
      {attempts > 1 && <span className="ms-2 text-xs text-ink-2">{t('alert.attempts', { count: attempts })}</span>}
      {nextAt !== null && (
        <span className="ms-2 text-xs text-ink-2">
          {t('alert.next', { when: relativeTime(Date.parse(nextAt), now) })}
        </span>
      )}
    </>
  );
}
