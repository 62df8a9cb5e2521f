/** Masters: who decides now, until when its lease runs, and how many runs are its. */
import type { MasterView } from '@pelorus/protocol';
import { CircleCheck, CircleX, Hourglass } from 'lucide-react';
import type { ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { api } from '../../api/client.ts';
import type { Column } from '../../ui/data-table.tsx';
import { PagedTable, usePaged } from '../../ui/paged.tsx';
import { EmptyState } from '../../ui/states.tsx';
import { Time } from '../../ui/time.tsx';
import { ToneBadge } from '../../ui/tone-badge.tsx';

const LOOK = {
  active: { tone: 'ok', icon: CircleCheck },
  expired: { tone: 'bad', icon: Hourglass },
  over: { tone: 'idle', icon: CircleX },
} as const;

export function MastersTab(): ReactNode {
  const { t } = useTranslation('operations');
  const list = usePaged(['masters'], (_cursor, signal) => api.masters.list(signal), 3000);
  const columns: Column<MasterView>[] = [
    { id: 'id', name: t('master.id'), cell: ({ id }) => <code className="text-xs">{id}</code> },
    { id: 'host', name: t('master.host'), cell: ({ host }) => host },
    {
      id: 'state',
      name: t('master.state'),
      cell: ({ state }) => <ToneBadge {...LOOK[state]} text={t(`master.${state}`)} />,
    },
    { id: 'runs', name: t('master.runs'), end: true, cell: ({ runs }) => runs },
    {
      id: 'lease',
      name: t('master.lease'),
      cell: ({ state, leaseUntil, endedAt }) => <Time at={state === 'over' ? (endedAt ?? leaseUntil) : leaseUntil} />,
    },
    { id: 'renewed', name: t('master.renewed'), cell: ({ renewedAt }) => <Time key={renewedAt} at={renewedAt} /> },
    { id: 'registered', name: t('master.registered'), cell: ({ registeredAt }) => <Time at={registeredAt} /> },
  ];
  return (
    <PagedTable
      list={list}
      label={t('tabs.masters')}
      columns={columns}
      keyOf={({ id, registeredAt }) => `${id} ${registeredAt}`}
      empty={<EmptyState title={t('master.empty')}>{t('master.emptyHint')}</EmptyState>}
    />
  );
}
