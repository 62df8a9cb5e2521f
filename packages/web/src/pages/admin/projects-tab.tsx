/** The projects of this server. */
import type { ProjectView } from '@pelorus/protocol';
import { Link } from '@tanstack/react-router';
import { Users } from 'lucide-react';
import { useState, type ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { api, queries } from '../../api/client.ts';
import { useMe } from '../../app/session.tsx';
import { buttonClass } from '../../ui/button.tsx';
import type { Column } from '../../ui/data-table.tsx';
import { Field, Input } from '../../ui/field.tsx';
import { FormDialog } from '../../ui/form-dialog.tsx';
import { DeleteDialog, ManagedList } from '../../ui/managed-list.tsx';
import { usePaged } from '../../ui/paged.tsx';
import { RowActions } from '../../ui/row-actions.tsx';
import { Time } from '../../ui/time.tsx';
import { toast } from '../../ui/toast.tsx';

type Shown = { kind: 'edit'; of: ProjectView | null } | { kind: 'delete'; of: ProjectView } | null;

export function ProjectsTab(): ReactNode {
  const { t } = useTranslation('admin');
  const me = useMe();
  const [shown, setShown] = useState<Shown>(null);
  const list = usePaged(['projects', 'list'], (_cursor, signal) => api.projects.list(signal));
  const isOwn = (name: string): boolean =>
    me.administrator || me.projects.some((project) => project.name === name && project.owner);
  const columns: Column<ProjectView>[] = [
    {
      id: 'name',
      name: t('projects.name'),
      cell: ({ name, description }) => (
        <>
          <Link to="/workflows" search={{ project: name }} className="font-medium text-accent hover:underline">
            {name}
          </Link>
          {description && <p className="text-xs text-ink-2">{description}</p>}
        </>
      ),
    },
    { id: 'owner', name: t('projects.owner'), cell: ({ owner }) => owner },
    { id: 'created', name: t('projects.created'), cell: ({ createdAt }) => <Time at={createdAt} /> },
    {
      id: 'actions',
      name: t('actions'),
      actions: true,
      cell: (of) => (
        <RowActions
          {...(isOwn(of.name)
            ? {
                edit: { label: t('editNamed', { name: of.name }), onClick: () => setShown({ kind: 'edit', of }) },
                remove: { label: t('deleteNamed', { name: of.name }), onClick: () => setShown({ kind: 'delete', of }) },
              }
            : {})}
        >
          <Link
            to="/admin"
            search={{ tab: 'members', project: of.name }}
            aria-label={t('projects.openMembers', { name: of.name })}
            title={t('projects.openMembers', { name: of.name })}
            className={buttonClass('quiet', 'small')}
          >
            <Users className="size-4" aria-hidden />
          </Link>
        </RowActions>
      ),
    },
  ];
  return (
    <ManagedList
      list={list}
      label={t('tabs.projects')}
      columns={columns}
      keyOf={({ name }) => name}
      create={{ label: t('projects.create'), onClick: () => setShown({ kind: 'edit', of: null }) }}
      empty={{ title: t('noProject'), hint: t('noProjectHint') }}
    >
      {shown?.kind === 'edit' && <ProjectDialog of={shown.of} onClose={() => setShown(null)} />}
      {shown?.kind === 'delete' && (
        <DeleteDialog
          onClose={() => setShown(null)}
          title={t('projects.deleteTitle', { name: shown.of.name })}
          hint={t('projects.deleteHint')}
          onDelete={async () => {
            await api.projects.delete(shown.of.name);
            toast({ title: t('projects.deleted', { name: shown.of.name }) });
            await askAgain();
          }}
        />
      )}
    </ManagedList>
  );
}

function ProjectDialog({ of, onClose }: { of: ProjectView | null; onClose: () => void }): ReactNode {
  const { t } = useTranslation('admin');
  const [name, setName] = useState(of?.name ?? '');
  const [description, setDescription] = useState(of?.description ?? '');
  const [owner, setOwner] = useState(of?.owner ?? '');
  return (
    <FormDialog
      title={of === null ? t('projects.create') : t('projects.edit', { name })}
      onClose={onClose}
      onSubmit={async () => {
        await api.projects.put(name.trim(), { description });
        if (of !== null && owner.trim() !== of.owner) await api.projects.setOwner(name, owner.trim());
        await askAgain();
      }}
    >
      {of === null && (
        <Field label={t('name')} hint={t('projects.nameHint')}>
          <Input required autoFocus value={name} onChange={(event) => setName(event.target.value)} />
        </Field>
      )}
      <Field label={t('projects.description')}>
        <Input value={description} onChange={(event) => setDescription(event.target.value)} />
      </Field>
      {of !== null && (
        <Field label={t('projects.newOwner')} hint={t('projects.newOwnerHint')}>
          <Input required value={owner} onChange={(event) => setOwner(event.target.value)} />
        </Field>
      )}
    </FormDialog>
  );
}

/** Rights come with the projects. */
async function askAgain(): Promise<void> {
  await Promise.all(['projects', 'me'].map((key) => queries.invalidateQueries({ queryKey: [key] })));
}
