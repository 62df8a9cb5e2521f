/** What an address shows that leads nowhere. */
import { Link } from '@tanstack/react-router';
import { SearchX } from 'lucide-react';
import type { ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { buttonClass } from '../ui/button.tsx';

export function NotFound(): ReactNode {
  const { t } = useTranslation();
  return (
    <div className="grid justify-items-center gap-2 p-10 text-center">
      <SearchX className="size-8 text-ink-3" aria-hidden />
      <h1 className="text-lg font-semibold">{t('problem.notFound')}</h1>
      <p className="text-ink-2">{t('problem.notFoundHint')}</p>
      <Link to="/" className={buttonClass()}>
        {t('nav.home')}
      </Link>
    </div>
  );
}
