/** Who may do what in a project. */
import type { MemberView, RoleName } from '@pelorus/protocol';
import { UserPlus } from 'lucide-react';
import { useState, type ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { api, queries } from '../../api/client.ts';
import { useMay } from '../../app/session.tsx';
import { Button } from '../../ui/button.tsx';
import type { Column } from '../../ui/data-table.tsx';
import { Field, Input, Select } from '../../ui/field.tsx';
import { FormDialog } from '../../ui/form-dialog.tsx';
import { DeleteDialog } from '../../ui/managed-list.tsx';
import { PagedTable, usePaged } from '../../ui/paged.tsx';
import { RowActions } from '../../ui/row-actions.tsx';
import { toast, toastProblem } from '../../ui/toast.tsx';
import { Changed } from './changed.tsx';

const ROLES: readonly RoleName[] = ['viewer', 'operator', 'editor'];

export function MembersTab({ project }: { project: string }): ReactNode {
  const { t } = useTranslation('admin');
  const { own } = useMay(project);
  const [adding, setAdding] = useState(false);
  const [removed, setRemoved] = useState<string | null>(null);
  const key = ['members', project];
  const askAgain = () => queries.invalidateQueries({ queryKey: key });
  const list = usePaged(key, (_cursor, signal) => api.projects.members(project, signal));
  const columns: Column<MemberView>[] = [
    { id: 'user', name: t('members.user'), cell: ({ user }) => <b className="font-medium">{user}</b> },
    {
      id: 'role',
      name: t('members.role'),
      cell: (member) =>
        own && member.role !== 'owner' ? (
          <RoleSelect project={project} member={member} onChanged={askAgain} />
        ) : (
          <RoleText member={member} />
        ),
    },
    { id: 'added', name: t('members.added'), cell: ({ addedAt, addedBy }) => <Changed at={addedAt} by={addedBy} /> },
    ...(own
      ? [
          {
            id: 'actions',
            name: t('actions'),
            actions: true,
            cell: ({ user, role }: MemberView) =>
              role !== 'owner' && (
                <RowActions remove={{ label: t('members.removeNamed', { user }), onClick: () => setRemoved(user) }} />
              ),
          },
        ]
      : []),
  ];
  return (
    <div className="grid gap-3">
      {own && (
        <Button kind="primary" className="justify-self-end" onClick={() => setAdding(true)}>
          <UserPlus className="size-4" aria-hidden /> {t('members.add')}
        </Button>
      )}
      <PagedTable list={list} label={t('tabs.members')} columns={columns} keyOf={({ user }) => user} empty={null} />
      {adding && <AddDialog project={project} onAdded={askAgain} onClose={() => setAdding(false)} />}
      {removed !== null && (
        <DeleteDialog
          onClose={() => setRemoved(null)}
          title={t('members.removeTitle', { user: removed, project })}
          hint={t('members.removeHint', { user: removed })}
          confirm={t('members.remove')}
          onDelete={async () => {
            await api.projects.deleteMember(project, removed);
            await askAgain();
          }}
        />
      )}
    </div>
  );
}

function RoleText({ member: { role, perm } }: { member: MemberView }): ReactNode {
  const { t } = useTranslation('admin');
  return role === null ? t('members.own', { perm }) : t(`members.roles.${role}`);
}

function RoleSelect({
  project,
  member: { user, role, perm },
  onChanged,
}: {
  project: string;
  member: MemberView;
  onChanged: () => Promise<void>;
}): ReactNode {
  const { t } = useTranslation('admin');
  const change = async (next: RoleName): Promise<void> => {
    try {
      await api.projects.putMember(project, user, { perm: next });
      toast({ title: t('members.changed', { user }) });
    } catch (error) {
      toastProblem(t('members.roleOf', { user }), error);
    }
    await onChanged();
  };
  return (
    <Select
      className="max-w-72"
      aria-label={t('members.roleOf', { user })}
      value={role ?? ''}
      onChange={(event) => void change(event.target.value as RoleName)}
    >
      {role === null && <option value="">{t('members.own', { perm })}</option>}
      {ROLES.map((each) => (
        <option key={each} value={each}>
          {t(`members.roles.${each}`)}
        </option>
      ))}
    </Select>
  );
}

function AddDialog({
  project,
  onAdded,
  onClose,
}: {
  project: string;
  onAdded: () => Promise<void>;
  onClose: () => void;
}): ReactNode {
  const { t } = useTranslation('admin');
  const [user, setUser] = useState('');
  const [role, setRole] = useState<RoleName>('viewer');
  return (
    <FormDialog
      title={t('members.add')}
      onClose={onClose}
      onSubmit={async () => {
        await api.projects.putMember(project, user.trim(), { perm: role });
        await onAdded();
      }}
    >
      <Field label={t('members.user')} hint={t('members.userHint')}>
        <Input required autoFocus value={user} onChange={(event) => setUser(event.target.value)} />
      </Field>
      <Field label={t('members.role')}>
        <Select value={role} onChange={(event) => setRole(event.target.value as RoleName)}>
          {ROLES.map((each) => (
            <option key={each} value={each}>
              {t(`members.roles.${each}`)}
            </option>
          ))}
        </Select>
      </Field>
    </FormDialog>
  );
}
