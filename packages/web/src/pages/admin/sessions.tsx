/** Where one person is signed in with a browser, and ending that from here. */
import './texts.ts';
import type { SessionView } from '@pelorus/protocol';
import { useState, type ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { api, queries } from '../../api/client.ts';
import { Button } from '../../ui/button.tsx';
import type { Column } from '../../ui/data-table.tsx';
import { DeleteDialog } from '../../ui/managed-list.tsx';
import { PagedTable, usePaged } from '../../ui/paged.tsx';
import { EmptyState } from '../../ui/states.tsx';
import { Time } from '../../ui/time.tsx';

export function Sessions({ user }: { user: string }): ReactNode {
  const { t } = useTranslation('admin');
  const [ending, setEnding] = useState<SessionView | null>(null);
  const key = ['sessions', user];
  const list = usePaged(key, (_cursor, signal) => api.users.sessions(user, signal));
  const columns: Column<SessionView>[] = [
    { id: 'address', name: t('sessions.address'), cell: ({ address }) => <code className="text-xs">{address}</code> },
    { id: 'opened', name: t('sessions.opened'), cell: ({ createdAt }) => <Time at={createdAt} /> },
    { id: 'used', name: t('sessions.used'), cell: ({ seenAt }) => <Time at={seenAt} /> },
    { id: 'ends', name: t('sessions.ends'), cell: ({ endsAt }) => <Time at={endsAt} /> },
    {
      id: 'actions',
      name: t('actions'),
      actions: true,
      cell: (session) =>
        session.current ? (
          <span className="text-ink-2">{t('sessions.current')}</span>
        ) : (
          <Button
            size="small"
            kind="danger"
            aria-label={t('sessions.endNamed', { address: session.address })}
            onClick={() => setEnding(session)}
          >
            {t('sessions.end')}
          </Button>
        ),
    },
  ];
  return (
    <>
      <PagedTable
        list={list}
        label={t('sessions.title')}
        columns={columns}
        keyOf={({ id }) => id}
        empty={<EmptyState title={t('sessions.empty')}>{t('sessions.emptyHint')}</EmptyState>}
      />
      {ending && (
        <DeleteDialog
          onClose={() => setEnding(null)}
          title={t('sessions.endTitle', { address: ending.address })}
          hint={t('sessions.endHint')}
          confirm={t('sessions.end')}
          onDelete={async () => {
            await api.users.endSession(user, ending.id);
            await queries.invalidateQueries({ queryKey: key });
          }}
        />
      )}
    </>
  );
}
