/** Environments: variables that runs and tasks name. */
import type { EnvironmentView } from '@pelorus/protocol';
import { useState, type ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { api, queries } from '../../api/client.ts';
import { useMe } from '../../app/session.tsx';
import type { Column } from '../../ui/data-table.tsx';
import { Field, Input, TextArea } from '../../ui/field.tsx';
import { FormDialog } from '../../ui/form-dialog.tsx';
import { DeleteDialog, ManagedList } from '../../ui/managed-list.tsx';
import { usePaged } from '../../ui/paged.tsx';
import { RowActions } from '../../ui/row-actions.tsx';
import { Time } from '../../ui/time.tsx';

const KEY = ['environments'];
type Shown = { kind: 'edit'; of: EnvironmentView | null } | { kind: 'delete'; of: EnvironmentView } | null;

export function EnvironmentsTab(): ReactNode {
  const { t } = useTranslation('operations');
  const { t: common } = useTranslation();
  const { administrator } = useMe();
  const [shown, setShown] = useState<Shown>(null);
  const list = usePaged(KEY, (_cursor, signal) => api.environments.list(signal));
  const columns: Column<EnvironmentView>[] = [
    {
      id: 'name',
      name: t('environment.name'),
      cell: ({ name, description }) => (
        <>
          <b className="font-medium">{name}</b>
          {description && <p className="text-xs text-ink-2">{description}</p>}
        </>
      ),
    },
    {
      id: 'variables',
      name: t('environment.variables'),
      cell: ({ variables }) => (
        <ul className="font-mono text-xs break-all">
          {Object.entries(variables).map(([name, value]) => (
            <li key={name}>
              {name}={value}
            </li>
          ))}
        </ul>
      ),
    },
    {
      id: 'updated',
      name: t('environment.updated'),
      cell: ({ updatedAt, updatedBy }) => (
        <>
          <Time at={updatedAt} /> <span className="text-ink-2">{updatedBy}</span>
        </>
      ),
    },
    ...(administrator
      ? [
          {
            id: 'actions',
            name: t('environment.actions'),
            actions: true,
            cell: (of: EnvironmentView) => (
              <RowActions
                edit={{
                  label: t('environment.edit', { name: of.name }),
                  onClick: () => setShown({ kind: 'edit', of }),
                }}
                remove={{
                  label: `${common('action.delete')}: ${of.name}`,
                  onClick: () => setShown({ kind: 'delete', of }),
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
      label={t('tabs.environments')}
      columns={columns}
      keyOf={({ name }) => name}
      create={
        administrator ? { label: t('environment.create'), onClick: () => setShown({ kind: 'edit', of: null }) } : null
      }
      empty={{ title: t('environment.empty'), hint: t('environment.emptyHint') }}
    >
      {shown?.kind === 'edit' && <EnvironmentDialog of={shown.of} onClose={() => setShown(null)} />}
      {shown?.kind === 'delete' && (
        <DeleteDialog
          onClose={() => setShown(null)}
          title={t('environment.deleteTitle', { name: shown.of.name })}
          hint={t('environment.deleteHint')}
          onDelete={async () => {
            await api.environments.delete(shown.of.name);
            await queries.invalidateQueries({ queryKey: KEY });
          }}
        />
      )}
    </ManagedList>
  );
}

function EnvironmentDialog({ of, onClose }: { of: EnvironmentView | null; onClose: () => void }): ReactNode {
  const { t } = useTranslation('operations');
  const [name, setName] = useState(of?.name ?? '');
  const [description, setDescription] = useState(of?.description ?? '');
  const [lines, setLines] = useState(
    Object.entries(of?.variables ?? {})
      .map(([key, value]) => `${key}=${value}`)
      .join('\n'),
  );
  const badLine = lines.split('\n').findIndex((line) => line.trim() !== '' && !/^[^=\s]+=/.test(line)) + 1;
  return (
    <FormDialog
      title={of === null ? t('environment.create') : t('environment.edit', { name })}
      onClose={onClose}
      disabled={badLine > 0}
      onSubmit={async () => {
        const pairs = lines.split('\n').filter((line) => line.trim() !== '');
        const variables = Object.fromEntries(
          pairs.map((line) => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)]),
        );
        await api.environments.put(name.trim(), { description, variables });
        await queries.invalidateQueries({ queryKey: KEY });
      }}
    >
      {of === null && (
        <Field label={t('waiting.name')}>
          <Input required autoFocus value={name} onChange={(event) => setName(event.target.value)} />
        </Field>
      )}
      <Field label={t('environment.description')}>
        <Input value={description} onChange={(event) => setDescription(event.target.value)} />
      </Field>
      <Field
        label={t('environment.variables')}
        hint={t('environment.variablesHint')}
        problem={badLine > 0 ? t('environment.badLine', { line: badLine }) : null}
      >
        <TextArea rows={6} value={lines} spellCheck={false} onChange={(event) => setLines(event.target.value)} />
      </Field>
    </FormDialog>
  );
}
