/** What became of the ticks of a schedule, the latest first. */
import type { ScheduleTick, ScheduleView } from '@pelorus/protocol';
import { Link } from '@tanstack/react-router';
import { CircleCheck, Forward, TriangleAlert } from 'lucide-react';
import type { ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { api } from '../../api/client.ts';
import type { Column } from '../../ui/data-table.tsx';
import { Dialog } from '../../ui/dialog.tsx';
import { PagedTable, usePaged } from '../../ui/paged.tsx';
import { EmptyState } from '../../ui/states.tsx';
import { Time } from '../../ui/time.tsx';
import { ToneBadge } from '../../ui/tone-badge.tsx';
import { zoneDate } from '../../ui/zone-dates.ts';

const PAGE_SIZE = 50;

export function TicksDialog({ schedule, onClose }: { schedule: ScheduleView; onClose: () => void }): ReactNode {
  const { t } = useTranslation('schedules');
  const { project, workflow, name, zone } = schedule;
  const list = usePaged(['ticks', project, workflow, name], (cursor, signal) =>
    api.schedules.ticks(
      project,
      workflow,
      name,
      { limit: PAGE_SIZE, ...(cursor === undefined ? {} : { cursor }) },
      signal,
    ),
  );
  const columns: Column<ScheduleTick>[] = [
    { id: 'nominal', name: t('tick.nominal'), cell: ({ nominalAt }) => zoneDate(nominalAt, zone) },
    {
      id: 'outcome',
      name: t('tick.outcome'),
      cell: (tick) => (
        <>
          <Outcome tick={tick} />
          {tick.detail && <p className="text-xs text-ink-2">{tick.detail}</p>}
        </>
      ),
    },
    {
      id: 'run',
      name: t('tick.run'),
      cell: ({ run }) =>
        run !== null && (
          <Link to="/runs/$run" params={{ run: String(run) }} className="text-accent tabular-nums hover:underline">
            #{run}
          </Link>
        ),
    },
    { id: 'decided', name: t('tick.decided'), cell: ({ decidedAt }) => <Time at={decidedAt} /> },
  ];
  const title = t('tick.title', { name: `${workflow} / ${name}` });
  return (
    <Dialog open onClose={onClose} title={title} description={zone} size="wide">
      <PagedTable
        list={list}
        label={title}
        columns={columns}
        keyOf={({ nominalAt }) => nominalAt}
        empty={<EmptyState title={t('tick.empty')}>{t('tick.emptyHint')}</EmptyState>}
      />
    </Dialog>
  );
}

function Outcome({ tick: { outcome, reason } }: { tick: ScheduleTick }): ReactNode {
  const { t } = useTranslation('schedules');
  if (outcome === 'fired') return <ToneBadge tone="ok" icon={CircleCheck} text={t('tick.fired')} />;
  const why = reason === null ? t('tick.skipped') : `${t('tick.skipped')}: ${t(`tick.reasons.${reason}`)}`;
  if (reason === 'error') return <ToneBadge tone="bad" icon={TriangleAlert} text={t('tick.reasons.error')} />;
  return <ToneBadge tone={reason === 'misfire' ? 'warn' : 'idle'} icon={Forward} text={why} />;
}
