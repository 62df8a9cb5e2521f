/** Worker groups: which workers take their tasks, and why some of these wait. */
import type { WorkerGroupView } from '@pelorus/protocol';
import { Link } from '@tanstack/react-router';
import { useState, type ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { api, queries } from '../../api/client.ts';
import { useMe } from '../../app/session.tsx';
import type { Column } from '../../ui/data-table.tsx';
import { Field, Input } from '../../ui/field.tsx';
import { FormDialog } from '../../ui/form-dialog.tsx';
import { PagedTable, usePaged } from '../../ui/paged.tsx';
import { RowActions } from '../../ui/row-actions.tsx';
import { EmptyState } from '../../ui/states.tsx';

const KEY = ['worker-groups'];

export function GroupsTab(): ReactNode {
  const { t } = useTranslation('operations');
  const { administrator } = useMe();
  const [edited, setEdited] = useState<WorkerGroupView | null>(null);
  const list = usePaged(KEY, (_cursor, signal) => api.workerGroups.list(signal), 3000);
  const columns: Column<WorkerGroupView>[] = [
    {
      id: 'name',
      name: t('group.name'),
      cell: ({ name, description }) => (
        <>
          <b className="font-medium">{name}</b>
          {description && <p className="text-xs text-ink-2">{description}</p>}
        </>
      ),
    },
    { id: 'workers', name: t('group.workers'), cell: ({ workers }) => <Members workers={workers} /> },
    { id: 'slots', name: t('group.slots'), end: true, cell: ({ slots }) => slots },
    { id: 'waiting', name: t('group.waiting'), end: true, cell: ({ waitingTasks }) => waitingTasks },
    { id: 'reason', name: t('group.reason'), cell: (group) => <WhyGroup group={group} /> },
    ...(administrator
      ? [
          {
            id: 'actions',
            name: t('group.actions'),
            actions: true,
            cell: (group: WorkerGroupView) => (
              <RowActions
                edit={{ label: t('group.describe', { name: group.name }), onClick: () => setEdited(group) }}
              />
            ),
          },
        ]
      : []),
  ];
  return (
    <>
      <PagedTable
        list={list}
        label={t('tabs.groups')}
        columns={columns}
        keyOf={({ name }) => name}
        empty={<EmptyState title={t('group.empty')}>{t('group.emptyHint')}</EmptyState>}
      />
      {edited && <DescribeDialog group={edited} onClose={() => setEdited(null)} />}
    </>
  );
}

function Members({ workers }: { workers: WorkerGroupView['workers'] }): ReactNode {
  const { t } = useTranslation('operations');
  const names = Map.groupBy(
    workers.filter(({ state }) => state !== 'offline'),
    ({ name }) => name,
  );
  if (names.size === 0) return <span className="text-ink-2">{t('worker.offline')}</span>;
  return (
    <ul className="flex flex-wrap gap-x-2">
      {[...names].map(([name, [first]]) => (
        <li key={name}>
          <Link to="/operations" search={{ worker: first!.id }} className="text-accent hover:underline">
            {name}
          </Link>
          {first!.state === 'draining' && ` (${t('worker.draining')})`}
        </li>
      ))}
    </ul>
  );
}

function WhyGroup({ group: { workers, waitingTasks } }: { group: WorkerGroupView }): ReactNode {
  const { t } = useTranslation('operations');
  if (waitingTasks === 0) return <span className="text-ink-2">{t('group.none')}</span>;
  const connected = workers.filter(({ state }) => state !== 'offline');
  const why =
    workers.length === 0
      ? 'noWorker'
      : connected.length === 0
        ? 'noOnline'
        : connected.every(({ state }) => state === 'draining')
          ? 'allDraining'
          : 'busy';
  return <span className="text-warn">{t(`group.${why}`)}</span>;
}

function DescribeDialog({ group, onClose }: { group: WorkerGroupView; onClose: () => void }): ReactNode {
  const { t } = useTranslation('operations');
  const [description, setDescription] = useState(group.description);
  return (
    <FormDialog
      title={t('group.describe', { name: group.name })}
      onClose={onClose}
      onSubmit={async () => {
        await api.workerGroups.put(group.name, { description });
        await queries.invalidateQueries({ queryKey: KEY });
      }}
    >
      <Field label={t('group.description')}>
        <Input autoFocus value={description} onChange={(event) => setDescription(event.target.value)} />
      </Field>
    </FormDialog>
  );
}
