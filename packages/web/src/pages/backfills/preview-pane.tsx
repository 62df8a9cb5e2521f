/** Exactly the dates that will run, in their order, before anything is started. */
import type { BackfillPreview } from '@pelorus/protocol';
import { useVirtualizer } from '@tanstack/react-virtual';
import { TriangleAlert } from 'lucide-react';
import { useMemo, useRef, type ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { clockChanges, zoneDate } from '../../ui/zone-dates.ts';

const ROW_HEIGHT = 28;

export function PreviewPane({
  preview,
  order,
}: {
  preview: BackfillPreview;
  order: 'ascending' | 'descending';
}): ReactNode {
  const { t } = useTranslation('backfills');
  const { dates, zone, mode, parallelism, dependents, warnings } = preview;
  const changes = useMemo(() => clockChanges(dates, zone), [dates, zone]);
  return (
    <div className="grid gap-2 p-4">
      <p aria-live="polite">
        <b className="text-lg tabular-nums">{t('dateCount', { count: dates.length })}</b>{' '}
        <span className="text-ink-2">
          · {mode === 'serial' ? t('serial') : t('parallel', { count: parallelism })} · {t(order)} · {zone}
        </span>
      </p>
      {dependents.length > 0 && <p>{t('wizard.thenDependents', { names: dependents.join(', ') })}</p>}
      {[...(changes.size > 0 ? [t('wizard.clocksNote', { count: changes.size })] : []), ...warnings].map((note) => (
        <p key={note} className="flex gap-1.5 text-warn">
          <TriangleAlert className="mt-0.5 size-4 shrink-0" aria-hidden /> {note}
        </p>
      ))}
      <Dates dates={dates} zone={zone} changes={changes} />
    </div>
  );
}

function Dates({
  dates,
  zone,
  changes,
}: {
  dates: readonly string[];
  zone: string;
  changes: ReadonlyMap<number, { from: string; to: string }>;
}): ReactNode {
  const { t } = useTranslation('backfills');
  const box = useRef<HTMLDivElement>(null);
  const rows = useVirtualizer({
    count: dates.length,
    getScrollElement: () => box.current,
    estimateSize: () => ROW_HEIGHT,
    overscan: 10,
  });
  return (
    <div
      ref={box}
      tabIndex={0}
      role="list"
      aria-label={t('wizard.preview')}
      className="max-h-[50dvh] overflow-auto rounded border border-line"
    >
      <div className="relative" style={{ height: rows.getTotalSize() }}>
        {rows.getVirtualItems().map(({ index, start }) => {
          const date = dates[index] ?? '';
          const change = changes.get(index);
          return (
            <div
              key={index}
              role="listitem"
              aria-posinset={index + 1}
              aria-setsize={dates.length}
              className="absolute inset-x-0 flex h-7 items-center gap-3 border-b border-line px-2"
              style={{ transform: `translateY(${start}px)` }}
            >
              <span className="w-12 shrink-0 text-end text-xs text-ink-2 tabular-nums">{index + 1}</span>
              <time dateTime={date} title={date} className="whitespace-nowrap tabular-nums">
                {zoneDate(date, zone)}
              </time>
              {change && <span className="truncate text-xs text-warn">{t('wizard.clocks', change)}</span>}
            </div>
          );
        })}
      </div>
    </div>
  );
}
