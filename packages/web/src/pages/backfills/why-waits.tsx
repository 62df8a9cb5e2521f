import { readPhrase, type BackfillSummary } from '@pelorus/protocol';
import type { ReactNode } from 'react';
import { useTranslation } from 'react-i18next';

/** What the state alone does not say of a backfill that has not ended: why no further date begins. */
export function WhyBackfillWaits({
  backfill: { state, waitReason, counts },
}: {
  backfill: BackfillSummary;
}): ReactNode {
  const { t } = useTranslation('backfills');
  if (waitReason === null || state === 'paused') return null;
  const count = counts.running ?? 0;
  return (
    <p className="text-xs text-ink-2">
      {readPhrase(waitReason)?.name === 'backfill_stopping' ? t('why.stopping', { count }) : t('why.halted', { count })}
    </p>
  );
}
