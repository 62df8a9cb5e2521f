import type { ConnectionBody, ConnectionTested, ConnectionView } from '@pelorus/protocol';
import { useMutation } from '@tanstack/react-query';
import { CircleCheck, CircleX, Plus } from 'lucide-react';
import { useState, type ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { api, queries } from '../../api/client.ts';
import { useMay } from '../../app/session.tsx';
import { Button } from '../../ui/button.tsx';
import type { Column } from '../../ui/data-table.tsx';
import { ConfirmDialog } from '../../ui/dialog.tsx';
import { Field, Input, Select } from '../../ui/field.tsx';
import { FormDialog } from '../../ui/form-dialog.tsx';
import { PagedTable, usePaged } from '../../ui/paged.tsx';
import { RowActions } from '../../ui/row-actions.tsx';
import { EmptyState } from '../../ui/states.tsx';
import { span } from '../../ui/time.tsx';
import { Changed } from './changed.tsx';

type Kind = ConnectionBody['kind'];
const KINDS: readonly Kind[] = ['postgres', 'mysql', 'sqlite'];
type Shown = { kind: 'edit'; of: ConnectionView | null } | { kind: 'delete'; of: ConnectionView } | null;

export function ConnectionsTab({ project }: { project: string }): ReactNode {
  const { t } = useTranslation('admin');
  const { t: common } = useTranslation();
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
  const create = write && (
    <Button kind="primary" onClick={() => setShown({ kind: 'edit', of: null })}>
      <Plus className="size-4" aria-hidden /> {t('connections.create')}
    </Button>
  );
  return (
    <div className="grid gap-3">
      {list.rows !== undefined && list.rows.length > 0 && <div className="flex justify-end">{create}</div>}
      <PagedTable
        list={list}
        label={t('tabs.connections')}
        columns={columns}
        keyOf={({ name }) => name}
        empty={
          <EmptyState title={t('connections.empty')} action={create}>
            {t('connections.emptyHint')}
          </EmptyState>
        }
      />
      {shown?.kind === 'edit' && (
        <ConnectionDialog project={project} of={shown.of} onSaved={askAgain} onClose={() => setShown(null)} />
      )}
      {shown?.kind === 'delete' && (
        <ConfirmDialog
          open
          onClose={() => setShown(null)}
          title={t('connections.deleteTitle', { name: shown.of.name })}
          confirm={common('action.delete')}
          onConfirm={async () => {
            await api.connections.delete(project, shown.of.name);
            await askAgain();
          }}
        >
          {t('connections.deleteHint')}
        </ConfirmDialog>
      )}
    </div>
  );
}

function TestButton({ project, name }: { project: string; name: string }): ReactNode {
  const { t } = useTranslation('admin');
  const test = useMutation({ mutationFn: () => api.connections.test(project, name) });
  return (
    <>
      <span role="status" className="order-last basis-full text-end text-xs whitespace-normal empty:hidden">
        {test.isPending && t('connections.testing')}
        {test.data && <TestResult result={test.data} />}
        {test.error && <span className="text-bad">{test.error.message}</span>}
      </span>
      <Button
        size="small"
        aria-label={t('connections.testNamed', { name })}
        busy={test.isPending}
        onClick={() => test.mutate()}
      >
        {t('connections.test')}
      </Button>
    </>
  );
}

function TestResult({ result: { ok, detail, tookMs, worker } }: { result: ConnectionTested }): ReactNode {
  const { t } = useTranslation('admin');
  const Icon = ok ? CircleCheck : CircleX;
  return (
    <span className={ok ? 'text-ok' : 'text-bad'}>
      <Icon className="me-1 inline size-4" aria-hidden />
      {ok
        ? t('connections.ok', { span: span(tookMs), worker: worker ?? t('connections.nowhere') })
        : t('connections.bad', { detail })}
    </span>
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
