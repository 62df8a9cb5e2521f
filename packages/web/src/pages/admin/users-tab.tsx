/** The users of this server. */
import type { UserView } from '@pelorus/protocol';
import { Ban, CircleCheck, KeyRound, Link2, Plus, ShieldCheck } from 'lucide-react';
import { useState, type ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { api } from '../../api/client.ts';
import { Button, IconButton } from '../../ui/button.tsx';
import type { Column } from '../../ui/data-table.tsx';
import { PagedTable, usePaged } from '../../ui/paged.tsx';
import { RowActions } from '../../ui/row-actions.tsx';
import { ShownOnce } from '../../ui/shown-once.tsx';
import { EmptyState } from '../../ui/states.tsx';
import { absoluteTime } from '../../ui/time.tsx';
import { toastProblem } from '../../ui/toast.tsx';
import { ToneBadge } from '../../ui/tone-badge.tsx';
import { Changed } from './changed.tsx';
import { PasswordDialog, UserDialog } from './user-dialogs.tsx';

type Shown =
  | { kind: 'edit'; of: UserView | null }
  | { kind: 'password'; name: string }
  | { kind: 'link'; name: string; url: string; until: string }
  | null;

export function UsersTab(): ReactNode {
  const { t } = useTranslation('admin');
  const [shown, setShown] = useState<Shown>(null);
  const list = usePaged(['users'], (cursor, signal) =>
    api.users.list({ limit: 100, ...(cursor === undefined ? {} : { cursor }) }, signal),
  );
  const makeLink = async (name: string): Promise<void> => {
    try {
      const { url, expiresAt } = await api.users.createSignInLink(name);
      setShown({ kind: 'link', name, url, until: absoluteTime(expiresAt) });
    } catch (error) {
      toastProblem(t('users.linkTitle', { name }), error);
    }
  };
  const columns: Column<UserView>[] = [
    {
      id: 'name',
      name: t('users.name'),
      cell: ({ name, email }) => (
        <>
          <b className="font-medium">{name}</b>
          {email !== null && <p className="text-xs break-all text-ink-2">{email}</p>}
        </>
      ),
    },
    { id: 'state', name: t('users.state'), cell: (user) => <UserState user={user} /> },
    {
      id: 'created',
      name: t('users.created'),
      cell: ({ createdAt, createdBy }) => <Changed at={createdAt} by={createdBy} />,
    },
    {
      id: 'actions',
      name: t('actions'),
      actions: true,
      cell: (of) => (
        <RowActions edit={{ label: t('editNamed', { name: of.name }), onClick: () => setShown({ kind: 'edit', of }) }}>
          {!of.disabled && (
            <IconButton
              size="small"
              label={t('users.linkNamed', { name: of.name })}
              onClick={() => void makeLink(of.name)}
            >
              <Link2 className="size-4" aria-hidden />
            </IconButton>
          )}
          <IconButton
            size="small"
            label={t('users.passwordNamed', { name: of.name })}
            onClick={() => setShown({ kind: 'password', name: of.name })}
          >
            <KeyRound className="size-4" aria-hidden />
          </IconButton>
        </RowActions>
      ),
    },
  ];
  return (
    <div className="grid gap-3">
      <Button kind="primary" className="justify-self-end" onClick={() => setShown({ kind: 'edit', of: null })}>
        <Plus className="size-4" aria-hidden /> {t('users.create')}
      </Button>
      <PagedTable
        list={list}
        label={t('tabs.users')}
        columns={columns}
        keyOf={({ name }) => name}
        empty={<EmptyState title={t('users.create')} />}
      />
      {shown?.kind === 'edit' && <UserDialog of={shown.of} onClose={() => setShown(null)} />}
      {shown?.kind === 'password' && <PasswordDialog name={shown.name} onClose={() => setShown(null)} />}
      {shown?.kind === 'link' && (
        <ShownOnce
          title={t('users.linkTitle', shown)}
          hint={t('users.linkHint', shown)}
          value={shown.url}
          onClose={() => setShown(null)}
        />
      )}
    </div>
  );
}

function UserState({ user }: { user: UserView }): ReactNode {
  const { t } = useTranslation('admin');
  return (
    <span className="flex flex-wrap items-center gap-1.5">
      {user.disabled ? (
        <ToneBadge tone="bad" icon={Ban} text={t('users.disabled')} />
      ) : (
        <ToneBadge tone="ok" icon={CircleCheck} text={t('users.active')} />
      )}
      {user.administrator && <ToneBadge tone="hold" icon={ShieldCheck} text={t('users.administrator')} />}
      {!user.hasPassword && <span className="text-xs text-ink-2">{t('users.noPassword')}</span>}
    </span>
  );
}
