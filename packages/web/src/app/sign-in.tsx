/** The page on which one signs in. */
import type { MeView } from '@pelorus/protocol';
import { useMutation } from '@tanstack/react-query';
import { useId, useState, type ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { api } from '../api/client.ts';
import { Button } from '../ui/button.tsx';
import { Field, Input } from '../ui/field.tsx';
import { ProblemText } from '../ui/states.tsx';
import { LanguageMenu, ThemeMenu } from './preferences.tsx';
import { wasCodeRefused } from './sign-in-code.ts';

export function SignInPage({ onSignedIn }: { onSignedIn: (me: MeView) => void }): ReactNode {
  const { t } = useTranslation();
  const [name, setName] = useState('');
  const [password, setPassword] = useState('');
  const title = useId();
  const login = useMutation({
    mutationFn: () => api.login(name.includes('@') ? { email: name, password } : { name, password }),
    onSuccess: onSignedIn,
  });
  return (
    <main className="grid min-h-full place-items-center bg-surface-2 p-4" aria-labelledby={title}>
      <div className="w-full max-w-sm rounded-lg border border-line bg-surface p-6 shadow-sm">
        <h1 id={title} className="mb-4 flex items-center gap-2 text-xl font-semibold">
          <img src="/favicon.svg" alt="" className="size-7" /> {t('product')}
        </h1>
        {wasCodeRefused() && <p className="mb-3 rounded bg-warn-soft px-3 py-2 text-warn">{t('session.linkUsed')}</p>}
        <form
          className="grid gap-3"
          onSubmit={(event) => {
            event.preventDefault();
            login.mutate();
          }}
        >
          <Field label={t('session.name')}>
            <Input
              name="username"
              autoComplete="username"
              autoFocus
              required
              value={name}
              onChange={(event) => setName(event.target.value)}
            />
          </Field>
          <Field label={t('session.password')}>
            <Input
              name="password"
              type="password"
              autoComplete="current-password"
              required
              value={password}
              onChange={(event) => setPassword(event.target.value)}
            />
          </Field>
          {login.error && <ProblemText error={login.error} />}
          <Button type="submit" kind="primary" busy={login.isPending}>
            {login.isPending ? t('session.signingIn') : t('session.signIn')}
          </Button>
        </form>
        <p className="mt-4 text-xs text-ink-2">{t('session.noPassword')}</p>
        <div className="mt-4 flex gap-2">
          <ThemeMenu />
          <LanguageMenu />
        </div>
      </div>
    </main>
  );
}
