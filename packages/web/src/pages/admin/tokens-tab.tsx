import { useNavigate, useSearch } from '@tanstack/react-router';
import { useQuery } from '@tanstack/react-query';
import type { ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { api } from '../../api/client.ts';
import { useMe } from '../../app/session.tsx';
import { Select } from '../../ui/field.tsx';
import { Sessions } from './sessions.tsx';
import { Tokens } from './tokens.tsx';

/** What one is signed in by, tokens and sessions: the own ones; administrators see those of others, too. */
export function TokensTab(): ReactNode {
  const { t } = useTranslation('admin');
  const me = useMe();
  const { user = me.user } = useSearch({ from: '/admin' });
  const navigate = useNavigate({ from: '/admin' });
  const users = useQuery({
    queryKey: ['users', 'names'],
    queryFn: ({ signal }) => api.users.list({ limit: 200 }, signal),
    enabled: me.administrator,
  });
  const names = new Set([me.user, user, ...(users.data?.items.map(({ name }) => name) ?? [])]);
  return (
    <div className="grid gap-3">
      {me.administrator && (
        <label className="flex max-w-md items-center gap-2">
          <span className="whitespace-nowrap text-ink-2">{t('tokens.ofUser')}</span>
          <Select
            value={user}
            onChange={(event) => void navigate({ search: { tab: 'tokens', user: event.target.value }, replace: true })}
          >
            {[...names].map((name) => (
              <option key={name}>{name}</option>
            ))}
          </Select>
        </label>
      )}
      <Tokens key={user} user={user} />
      <h2 className="mt-4 text-base font-semibold">{t('sessions.title')}</h2>
      <Sessions key={user} user={user} />
    </div>
  );
}
