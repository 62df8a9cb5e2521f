/** The connections of a project. */
import type { ConnectionBody, ConnectionView } from '@pelorus/protocol';
import { useState, type ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { api, queries } from '../../api/client.ts';
import { useMay } from '../../app/session.tsx';
import type { Column } from '../../ui/data-table.tsx';
import { Field, Input, Select } from '../../ui/field.tsx';
import { FormDialog } from '../../ui/form-dialog.tsx';
import { DeleteDialog, ManagedList } from '../../ui/managed-list.tsx';
import { usePaged } from '../../ui/paged.tsx';
import { RowActions } from '../../ui/row-actions.tsx';
import { span } from '../../ui/time.tsx';
import { TryButton } from '../../ui/try-button.tsx';
import { Changed } from './changed.tsx';

type Kind = ConnectionBody['kind'];
const KINDS: readonly Kind[] = ['postgres', 'mysql', 'sqlite'];
type Shown = { kind: 'edit'; of: ConnectionView | null } | { kind: 'delete'; of: ConnectionView } | null;

export function ConnectionsTab({ project }: { project: string }): ReactNode {
  const { t } = useTranslation('admin');
  const { write } = useMay(project);
  const [shown, setShown] = useState<Shown>(null);
  const key = ['connections', project];
  const askAgain = () => queries.invalidateQueries({ queryKey: key });
  const list = usePaged(key, (cursor, signal) =>
    api.connections.list(project, cursor === undefined ? {} : { cursor }, signal),
  );
  const columns: Column<ConnectionView>[] = [
    { id: 'name', name: t('connections.name'), cell: ({ name }) => <b className="font-medium">{name}</b> },
    { id: 'kind', name: t('connections.kind'), cell: ({ kind }) => kind },
    { id: 'url', name: t('connections.url'), cell: ({ url }) => <code className="text-xs break-all">{url}</code> },
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
            cell: (of: ConnectionView) => (
              <RowActions
                edit={{ label: t('editNamed', { name: of.name }), onClick: () => setShown({ kind: 'edit', of }) }}
                remove={{ label: t('deleteNamed', { name: of.name }), onClick: () => setShown({ kind: 'delete', of }) }}
              >
                <TestButton key={of.updatedAt} project={project} name={of.name} />
              </RowActions>
            ),
          },
        ]
      : []),
  ];
  return (
    <ManagedList
      list={list}
      label={t('tabs.connections')}
      columns={columns}
      keyOf={({ name }) => name}
      create={write ? { label: t('connections.create'), onClick: () => setShown({ kind: 'edit', of: null }) } : null}
      empty={{ title: t('connections.empty'), hint: t('connections.emptyHint') }}
    >
      {shown?.kind === 'edit' && (
        <ConnectionDialog project={project} of={shown.of} onSaved={askAgain} onClose={() => setShown(null)} />
      )}
      {shown?.kind === 'delete' && (
        <DeleteDialog
          onClose={() => setShown(null)}
          title={t('connections.deleteTitle', { name: shown.of.name })}
          hint={t('connections.deleteHint')}
          onDelete={async () => {
            await api.connections.delete(project, shown.of.name);
            await askAgain();
          }}
        />
      )}
    </ManagedList>
  );
}

function TestButton({ project, name }: { project: string; name: string }): ReactNode {
  const { t } = useTranslation('admin');
  return (
    <TryButton
      text={t('connections.test')}
      label={t('connections.testNamed', { name })}
      busyText={t('connections.testing')}
      onTry={() => api.connections.test(project, name)}
      describe={({ ok, detail, tookMs, worker }) => ({
        ok,
        text: ok
          ? t('connections.ok', { span: span(tookMs), worker: worker ?? t('connections.nowhere') })
          : t('connections.bad', { detail }),
      })}
    />
  );
}

function ConnectionDialog({
  project,
  of,
  onSaved,
  onClose,
}: {
  project: string;
  of: ConnectionView | null;
  onSaved: () => Promise<void>;
  onClose: () => void;
}): ReactNode {
  const { t } = useTranslation('admin');
  const [name, setName] = useState(of?.name ?? '');
  const [kind, setKind] = useState<Kind>(of?.kind ?? 'postgres');
  const [url, setUrl] = useState(of?.url ?? '');
  return (
    <FormDialog
      title={of === null ? t('connections.create') : t('connections.edit', { name })}
      onClose={onClose}
      onSubmit={async () => {
        await api.connections.put(project, name.trim(), { kind, url: url.trim() });
        await onSaved();
      }}
    >
      {of === null && (
        <Field label={t('name')}>
          <Input required autoFocus value={name} onChange={(event) => setName(event.target.value)} />
        </Field>
      )}
      <Field label={t('connections.kind')}>
        <Select value={kind} onChange={(event) => setKind(event.target.value as Kind)}>
          {KINDS.map((each) => (
            <option key={each}>{each}</option>
          ))}
        </Select>
      </Field>
      <Field label={t('connections.url')} hint={t('connections.urlHint')}>
        <Input
          required
          autoComplete="off"
          spellCheck={false}
          className="font-mono text-xs"
          value={url}
          onChange={(event) => setUrl(event.target.value)}
        />
      </Field>
    </FormDialog>
  );
}
