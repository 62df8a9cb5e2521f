/** Who one is here, and what one may change about that oneself. */
import './texts.ts';
import type { MyProject } from '@pelorus/protocol';
import { useMutation } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { useState, type ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { api, queries } from '../../api/client.ts';
import { useMe } from '../../app/session.tsx';
import { setTheme, useTheme, type Theme } from '../../app/theme.ts';
import { LANGUAGES, language, setLanguage, type Language } from '../../i18n/index.ts';
import { Button } from '../../ui/button.tsx';
import { Field, Input, Select } from '../../ui/field.tsx';
import { Page, Panel } from '../../ui/page.tsx';
import { ProblemText } from '../../ui/states.tsx';
import { toast } from '../../ui/toast.tsx';
import { Sessions } from '../admin/sessions.tsx';
import { Tokens } from '../admin/tokens.tsx';

export function AccountPage(): ReactNode {
  const { t } = useTranslation('account');
  const { user } = useMe();
  return (
    <Page title={t('title')}>
      <div className="grid items-start gap-4 lg:grid-cols-2">
        <Who />
        <div className="grid gap-4">
          <Password />
          <Look />
        </div>
      </div>
      <section className="grid gap-2">
        <h2 className="text-base font-semibold">{t('tokens')}</h2>
        <Tokens user={user} />
      </section>
      <section className="grid gap-2">
        <h2 className="text-base font-semibold">{t('sessions')}</h2>
        <Sessions user={user} />
      </section>
    </Page>
  );
}

function Who(): ReactNode {
  const { t } = useTranslation('account');
  const me = useMe();
  return (
    <Panel title={t('who')}>
      <dl className="grid grid-cols-[auto_1fr] gap-x-6 gap-y-2 p-4">
        <dt className="text-ink-2">{t('name')}</dt>
        <dd className="font-medium">{me.user}</dd>
        {me.email !== null && (
          <>
            <dt className="text-ink-2">{t('email')}</dt>
            <dd className="break-all">{me.email}</dd>
          </>
        )}
        <dt className="text-ink-2">{t('signedIn')}</dt>
        <dd>{t(`via.${me.via}`)}</dd>
        {me.administrator && (
          <>
            <dt className="text-ink-2">{t('rights')}</dt>
            <dd>{t('everything')}</dd>
          </>
        )}
        <dt className="text-ink-2">{t('projects')}</dt>
        <dd>
          {me.projects.length === 0 ? (
            t('noProjects')
          ) : (
            <ul>
              {me.projects.map((project) => (
                <li key={project.name}>
                  <Link to="/workflows" search={{ project: project.name }} className="text-accent underline">
                    {project.name}
                  </Link>{' '}
                  <span className="text-ink-2">
                    <Role project={project} />
                  </span>
                </li>
              ))}
            </ul>
          )}
        </dd>
      </dl>
    </Panel>
  );
}

function Role({ project: { owner, perm } }: { project: MyProject }): ReactNode {
  const { t } = useTranslation('account');
  if (owner) return t('role.owner');
  return perm === 2 || perm === 3 || perm === 7 ? t(`role.${perm}`) : t('role.other', { perm });
}

function Password(): ReactNode {
  const { t } = useTranslation('account');
  const { t: common } = useTranslation();
  const me = useMe();
  const [current, setCurrent] = useState('');
  const [next, setNext] = useState('');
  const save = useMutation({
    mutationFn: () => api.users.setPassword(me.user, { ...(me.hasPassword ? { current } : {}), new: next }),
    onSuccess: async () => {
      setCurrent('');
      setNext('');
      toast({ title: common('session.passwordSet') });
      await queries.invalidateQueries({ queryKey: ['me'] });
    },
  });
  return (
    <Panel title={t('password')}>
      <form
        className="grid gap-3 p-4"
        onSubmit={(event) => {
          event.preventDefault();
          save.mutate();
        }}
      >
        {!me.hasPassword && <p className="text-ink-2">{t('noPassword')}</p>}
        <input type="hidden" name="username" autoComplete="username" value={me.user} />
        {me.hasPassword && (
          <Field label={common('session.currentPassword')}>
            <Input
              type="password"
              required
              autoComplete="current-password"
              value={current}
              onChange={(event) => setCurrent(event.target.value)}
            />
          </Field>
        )}
        <Field label={common('session.newPassword')} hint={common('session.passwordHint')}>
          <Input
            type="password"
            required
            minLength={12}
            autoComplete="new-password"
            value={next}
            onChange={(event) => setNext(event.target.value)}
          />
        </Field>
        {save.error && <ProblemText error={save.error} />}
        <Button type="submit" busy={save.isPending} className="justify-self-start">
          {me.hasPassword ? t('change') : common('session.setPassword')}
        </Button>
      </form>
    </Panel>
  );
}

function Look(): ReactNode {
  const { t } = useTranslation('account');
  const { t: common } = useTranslation();
  const { theme } = useTheme();
  return (
    <Panel title={t('look')}>
      <div className="grid gap-3 p-4 sm:grid-cols-2">
        <Field label={common('language')}>
          <Select value={language()} onChange={(event) => setLanguage(event.target.value as Language)}>
            {Object.entries(LANGUAGES).map(([value, text]) => (
              <option key={value} value={value}>
                {text}
              </option>
            ))}
          </Select>
        </Field>
        <Field label={common('theme.label')}>
          <Select value={theme} onChange={(event) => setTheme(event.target.value as Theme)}>
            {(['light', 'dark', 'system'] as const).map((value) => (
              <option key={value} value={value}>
                {common(`theme.${value}`)}
              </option>
            ))}
          </Select>
        </Field>
      </div>
    </Panel>
  );
}
