/** What an expression means, and when it fires next: in the zone of the schedule and, where that differs, here. */
import type { ScheduleFire, SchedulePreview } from '@pelorus/protocol';
import type { ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { Spinner } from '../../ui/spinner.tsx';
import { ProblemText } from '../../ui/states.tsx';
import { clockChanges, otherZoneDate, zoneDate } from '../../ui/zone-dates.ts';
import { useCronWords } from '../workflow/schedule-words.tsx';

const HERE = Intl.DateTimeFormat().resolvedOptions().timeZone;

export function FirePreview({
  cron,
  preview,
  error,
}: {
  cron: string;
  preview: SchedulePreview | undefined;
  error: Error | null;
}): ReactNode {
  const { t } = useTranslation('schedules');
  const words = useCronWords(cron);
  return (
    <section aria-label={t('form.preview')} className="grid gap-2 rounded-md border border-line bg-surface-2 p-3">
      <h3 className="font-medium">{t('form.preview')}</h3>
      {error ? (
        <ProblemText error={error} />
      ) : preview === undefined ? (
        <Spinner />
      ) : (
        <div aria-live="polite" className="grid gap-2">
          {preview.flavour !== null && (
            <p>
              {words} <span className="text-xs text-ink-2">({t(`form.flavour.${preview.flavour}`)})</span>
            </p>
          )}
          {preview.problems.map(({ field, message }) => (
            <p key={`${field} ${message}`} className="text-bad">
              {message}
            </p>
          ))}
          {preview.problems.length === 0 && <Fires fires={preview.fires} zone={preview.zone} />}
          {preview.warnings.map((warning) => (
            <p key={warning} className="text-xs text-warn">
              {warning}
            </p>
          ))}
        </div>
      )}
    </section>
  );
}

function Fires({ fires, zone }: { fires: readonly ScheduleFire[]; zone: string }): ReactNode {
  const { t } = useTranslation('schedules');
  const changes = clockChanges(
    fires.map(({ dueAt }) => dueAt),
    zone,
  );
  if (fires.length === 0) return <p className="text-ink-2">{t('form.none')}</p>;
  return (
    <ol className="grid gap-1.5 tabular-nums">
      {fires.map(({ nominalAt, dueAt }, index) => {
        const there = zoneDate(nominalAt, zone);
        const here = otherZoneDate(dueAt, zone, HERE);
        const change = changes.get(index);
        return (
          <li key={nominalAt}>
            <time dateTime={dueAt}>{there}</time>
            {dueAt !== nominalAt && (
              <span className="block text-xs text-warn">{t('form.due', { when: zoneDate(dueAt, zone) })}</span>
            )}
            {change && (
              <span className="ms-1 text-xs text-warn">
                {change.from} → {change.to}
              </span>
            )}
            {here !== null && <span className="block text-xs text-ink-2">{t('here', { when: here })}</span>}
          </li>
        );
      })}
    </ol>
  );
}
