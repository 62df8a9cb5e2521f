import type { SecretView } from '@pelorus/protocol';
import { CircleCheck, KeyRound } from 'lucide-react';
import { useState, type ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { api, queries } from '../../api/client.ts';
import { useMay } from '../../app/session.tsx';
import type { Column } from '../../ui/data-table.tsx';
import { Field, Input } from '../../ui/field.tsx';
import { FormDialog } from '../../ui/form-dialog.tsx';
import { DeleteDialog, ManagedList } from '../../ui/managed-list.tsx';
import { usePaged } from '../../ui/paged.tsx';
import { RowActions } from '../../ui/row-actions.tsx';
import { toast } from '../../ui/toast.tsx';
import { ToneBadge } from '../../ui/tone-badge.tsx';
import { Changed } from './changed.tsx';

/** Values go in and never come back. */
export function SecretsTab({ project }: { project: string }): ReactNode {
  const { t } = useTranslation('admin');
  const { write } = useMay(project);
  const [edited, setEdited] = useState<{ name: string | null } | null>(null);
  const [removed, setRemoved] = useState<string | null>(null);
  const key = ['secrets', project];
  const askAgain = () => queries.invalidateQueries({ queryKey: key });
  const list = usePaged(key, (cursor, signal) =>
    api.secrets.list(project, cursor === undefined ? {} : { cursor }, signal),
  );
  const columns: Column<SecretView>[] = [
    { id: 'name', name: t('secrets.name'), cell: ({ name }) => <code className="font-medium">{name}</code> },
    {
      id: 'state',
      name: t('secrets.state'),
      cell: ({ readable }) =>
        readable ? (
          <ToneBadge tone="ok" icon={CircleCheck} text={t('secrets.readable')} />
        ) : (
          <span className="inline-flex gap-1 text-bad">
            <KeyRound className="mt-0.5 size-4 shrink-0" aria-hidden /> {t('secrets.unreadable')}
          </span>
        ),
    },
    {
      id: 'updated',
      name: t('updated'),
      cell: ({ updatedAt, updatedBy }) => <Changed at={updatedAt} by={updatedBy} />,
    },
    ...(write
      ? [
          {
            id: 'actions',
            name: t('actions'),
            actions: true,
            cell: ({ name }: SecretView) => (
              <RowActions
                edit={{ label: t('secrets.edit', { name }), onClick: () => setEdited({ name }) }}
                remove={{ label: t('deleteNamed', { name }), onClick: () => setRemoved(name) }}
              />
            ),
          },
        ]
      : []),
  ];
  return (
    <ManagedList
      list={list}
      label={t('tabs.secrets')}
      columns={columns}
      keyOf={({ name }) => name}
      create={write ? { label: t('secrets.create'), onClick: () => setEdited({ name: null }) } : null}
      empty={{ title: t('secrets.empty'), hint: t('secrets.emptyHint') }}
    >
      {edited && <SecretDialog project={project} of={edited.name} onSaved={askAgain} onClose={() => setEdited(null)} />}
      {removed !== null && (
        <DeleteDialog
          onClose={() => setRemoved(null)}
          title={t('secrets.deleteTitle', { name: removed })}
          hint={t('secrets.deleteHint')}
          onDelete={async () => {
            await api.secrets.delete(project, removed);
            await askAgain();
          }}
        />
      )}
    </ManagedList>
  );
}

function SecretDialog({
  project,
  of,
  onSaved,
  onClose,
}: {
  project: string;
  /** Null: a new one. */
  of: string | null;
  onSaved: () => Promise<void>;
  onClose: () => void;
}): ReactNode {
  const { t } = useTranslation('admin');
  const [name, setName] = useState(of ?? '');
  const [value, setValue] = useState('');
  return (
    <FormDialog
      title={of === null ? t('secrets.create') : t('secrets.edit', { name })}
      onClose={onClose}
      onSubmit={async () => {
        await api.secrets.put(project, name.trim(), { value });
        toast({ title: t('secrets.saved', { name: name.trim() }) });
        await onSaved();
      }}
    >
      {of === null && (
        <Field label={t('name')}>
          <Input required autoFocus autoComplete="off" value={name} onChange={(event) => setName(event.target.value)} />
        </Field>
      )}
      <Field label={t('secrets.value')} hint={t('secrets.valueHint')}>
        <Input
          required
          type="password"
          autoComplete="new-password"
          value={value}
          onChange={(event) => setValue(event.target.value)}
        />
      </Field>
    </FormDialog>
  );
}
