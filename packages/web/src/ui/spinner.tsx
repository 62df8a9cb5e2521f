import type { ReactNode } from 'react';
import { useTranslation } from 'react-i18next';

/** Rows are on their way: what will stand there is about as high. */
export function Skeleton({ rows }: { rows: number }): ReactNode {
  const { t } = useTranslation();
  return (
    <div role="status" aria-label={t('loading')} className="grid gap-2">
      {Array.from({ length: rows }, (_, index) => (
        <div key={index} className="h-10 animate-pulse rounded-md bg-surface-2" />
      ))}
    </div>
  );
}

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
