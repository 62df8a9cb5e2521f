import type { ReactNode } from 'react';
import { useTranslation } from 'react-i18next';

/** Something is on its way. */
export function Spinner({ label }: { label?: string }): ReactNode {
  const { t } = useTranslation();
  return (
    <span role="status" className="inline-flex items-center gap-2 text-ink-2">
      <span className="size-4 animate-spin rounded-full border-2 border-line-strong border-t-transparent" aria-hidden />
      <span>{label ?? t('loading')}</span>
    </span>
  );
}
