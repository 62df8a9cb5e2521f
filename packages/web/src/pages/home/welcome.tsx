import { Link } from '@tanstack/react-router';
import type { ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { buttonClass } from '../../ui/button.tsx';

/** Where nothing has run yet: what to do first. */
export function Welcome(): ReactNode {
  const { t } = useTranslation('home');
  return (
    <section className="mx-auto grid w-full max-w-3xl gap-4 py-6">
      <div>
        <h2 className="text-lg font-semibold">{t('welcome')}</h2>
        <p className="text-ink-2">{t('welcomeText')}</p>
      </div>
      <div className="grid gap-3 sm:grid-cols-2">
        <Step text={t('steps.sampleText')}>
          <Link to="/workflows" search={{ project: 'samples' }} className={buttonClass('primary')}>
            {t('steps.sample')}
          </Link>
        </Step>
        <Step text={t('steps.ownText')}>
          <Link to="/workflows/new" className={buttonClass()}>
            {t('steps.own')}
          </Link>
        </Step>
        <Step text={t('steps.cli')}>
          <code className="rounded bg-surface-3 px-2 py-1.5 text-xs break-all">
            npx pelorus run seattle-weather --watch
          </code>
        </Step>
        <Step text={t('steps.docsText')}>
          <a href="/api/v1/docs" className={buttonClass()}>
            {t('steps.docs')}
          </a>
        </Step>
      </div>
    </section>
  );
}

function Step({ text, children }: { text: string; children: ReactNode }): ReactNode {
  return (
    <div className="grid content-between justify-items-start gap-3 rounded-lg border border-line p-4">
      <p>{text}</p>
      {children}
    </div>
  );
}
