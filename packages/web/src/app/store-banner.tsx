/** While the server cannot reach its store, every page says so, and how old what it shows may be. */
import { ApiError } from '@pelorus/sdk';
import { Unplug } from 'lucide-react';
import type { ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { relativeTime, useNow } from '../ui/time.tsx';
import { useMaintenance } from './maintenance.tsx';

export function StoreBanner(): ReactNode {
  // Asked for again and again on every page.
  const { error, errorUpdatedAt } = useMaintenance();
  if (!(error instanceof ApiError) || error.ageMs === null) return null;
  return <StoreAway heardAt={errorUpdatedAt - error.ageMs} />;
}

function StoreAway({ heardAt }: { heardAt: number }): ReactNode {
  const { t } = useTranslation();
  const now = useNow();
  return (
    <p role="status" className="border-b border-line bg-warn-soft px-4 py-1.5 text-warn">
      <Unplug className="me-1.5 inline size-4 align-text-bottom" aria-hidden />
      {t('store.away', { when: relativeTime(heardAt, now) })}
    </p>
  );
}
