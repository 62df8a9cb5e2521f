/** How far a backfill is: a bar with a part for each state of its dates, and the same in words. */
import type { BackfillDateStateName, BackfillSummary } from '@pelorus/protocol';
import clsx from 'clsx';
import type { ReactNode } from 'react';
import { useTranslation } from 'react-i18next';

/** In the order in which they stand in bars and filters. */
export const DATE_STATES: readonly BackfillDateStateName[] = [
  'succeeded',
  'failed',
  'stopped',
  'skipped',
  'running',
  'pending',
];

const FILL: Record<BackfillDateStateName, string> = {
  succeeded: 'bg-ok',
  failed: 'bg-bad',
  stopped: 'bg-warn',
  skipped: 'bg-idle',
  running: 'bg-run',
  pending: 'bg-surface-3',
};

export function DateCounts({ backfill, words = true }: { backfill: BackfillSummary; words?: boolean }): ReactNode {
  const { t } = useTranslation('backfills');
  const { counts, dateCount, progress } = backfill;
  const parts = DATE_STATES.filter((state) => (counts[state] ?? 0) > 0);
  const text = parts
    .map((state) => t('counted', { count: counts[state] ?? 0, state: t(`state.${state}`, { ns: 'common' }) }))
    .join(', ');
  return (
    <div className="grid min-w-32 gap-1">
      <div
        role="progressbar"
        aria-label={t('columns.progress')}
        aria-valuemin={0}
        aria-valuemax={100}
        aria-valuenow={Math.floor(progress * 100)}
        aria-valuetext={text}
        title={text}
        className="flex h-2 overflow-hidden rounded-full bg-surface-3"
      >
        {parts.map((state) => (
          <span
            key={state}
            className={clsx('h-full', FILL[state])}
            style={{ width: `${(100 * (counts[state] ?? 0)) / Math.max(1, dateCount)}%` }}
          />
        ))}
      </div>
      {words && (
        <span className="text-xs text-ink-2">
          {t('dateCount', { count: dateCount })} · {text}
        </span>
      )}
    </div>
  );
}
