/** Task groups: how full they are, and what waits for which reason. */
import type { TaskGroupView } from '@pelorus/protocol';
import { useState, type ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { api, queries } from '../../api/client.ts';
import { useMe } from '../../app/session.tsx';
import type { Column } from '../../ui/data-table.tsx';
import { Field, Input } from '../../ui/field.tsx';
import { FormDialog } from '../../ui/form-dialog.tsx';
import { DeleteDialog, ManagedList } from '../../ui/managed-list.tsx';
import { usePaged } from '../../ui/paged.tsx';
import { RowActions } from '../../ui/row-actions.tsx';
import { UseBar } from '../../ui/tone-badge.tsx';

const KEY = ['task-groups'];
type Shown = { kind: 'edit'; group: TaskGroupView | null } | { kind: 'delete'; group: TaskGroupView } | null;

export function TaskGroups(): ReactNode {
  const { t } = useTranslation('operations');
  const { t: common } = useTranslation();
  const { administrator } = useMe();
  const [shown, setShown] = useState<Shown>(null);
  const list = usePaged(KEY, (_cursor, signal) => api.taskGroups.list(signal), 3000);
  const columns: Column<TaskGroupView>[] = [
    { id: 'group', name: t('waiting.group'), cell: ({ name }) => <b className="font-medium">{name}</b> },
    {
      id: 'held',
      name: t('waiting.held'),
      cell: ({ held, size }) => (
        <UseBar used={held} size={size} text={t('overview.ofSlots', { used: held, slots: size })} />
      ),
    },
    { id: 'live', name: t('waiting.live'), end: true, cell: ({ liveAttempts }) => liveAttempts },
    { id: 'reason', name: t('waiting.reason'), cell: (group) => <WhyGroup group={group} /> },
    ...(administrator
      ? [
          {
            id: 'actions',
            name: t('waiting.actions'),
            actions: true,
            cell: (group: TaskGroupView) => (
              <RowActions
                edit={{
                  label: t('waiting.edit', { name: group.name }),
                  onClick: () => setShown({ kind: 'edit', group }),
                }}
                remove={{
                  label: `${common('action.delete')}: ${group.name}`,
                  onClick: () => setShown({ kind: 'delete', group }),
                }}
              />
            ),
          },
        ]
      : []),
  ];
  return (
    <ManagedList
      list={list}
      label={t('waiting.groups')}
      heading
      columns={columns}
      keyOf={({ name }) => name}
      create={
        administrator ? { label: t('waiting.create'), onClick: () => setShown({ kind: 'edit', group: null }) } : null
      }
      empty={{ title: t('waiting.empty'), hint: t('waiting.emptyHint') }}
    >
      {shown?.kind === 'edit' && <GroupDialog group={shown.group} onClose={() => setShown(null)} />}
      {shown?.kind === 'delete' && (
        <DeleteDialog
          onClose={() => setShown(null)}
          title={t('waiting.deleteTitle', { name: shown.group.name })}
          hint={t('waiting.deleteHint')}
          onDelete={async () => {
            await api.taskGroups.delete(shown.group.name);
            await queries.invalidateQueries({ queryKey: KEY });
          }}
        />
      )}
    </ManagedList>
  );
}

function WhyGroup({ group: { held, size, waitingTasks } }: { group: TaskGroupView }): ReactNode {
  const { t } = useTranslation('operations');
  if (waitingTasks === 0) return <span className="text-ink-2">{t('waiting.free')}</span>;
  return (
    <span className="text-warn">
      {t(held >= size ? 'waiting.full' : 'waiting.workerWait', { count: waitingTasks })}
    </span>
  );
}

function GroupDialog({ group, onClose }: { group: TaskGroupView | null; onClose: () => void }): ReactNode {
  const { t } = useTranslation('operations');
  const [name, setName] = useState(group?.name ?? '');
  const [size, setSize] = useState(String(group?.size ?? 1));
  return (
    <FormDialog
      title={group === null ? t('waiting.create') : t('waiting.edit', { name })}
      onClose={onClose}
      onSubmit={async () => {
        await api.taskGroups.put(name.trim(), { size: Number(size) });
        await queries.invalidateQueries({ queryKey: KEY });
      }}
    >
      {group === null && (
        <Field label={t('waiting.name')}>
          <Input required autoFocus value={name} onChange={(event) => setName(event.target.value)} />
        </Field>
      )}
      <Field label={t('waiting.size')} hint={t('waiting.sizeHint')}>
        <Input type="number" required min={1} step={1} value={size} onChange={(event) => setSize(event.target.value)} />
      </Field>
    </FormDialog>
  );
}
