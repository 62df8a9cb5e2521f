/** The switch that holds all schedules still; while it is on, a banner says so on every page. */
import { useQuery } from '@tanstack/react-query';
import { CirclePause } from 'lucide-react';
import { useState, type ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { api, queries } from '../api/client.ts';
import { Button } from '../ui/button.tsx';
import { ConfirmDialog } from '../ui/dialog.tsx';
import { Field, Input } from '../ui/field.tsx';
import { relativeTime, useNow } from '../ui/time.tsx';
import { useMe } from './session.tsx';

const EVERY_MS = 30_000;
const AFTER_FAILURE_MS = 5_000;

export function useMaintenance() {
  return useQuery({
    queryKey: ['maintenance'],
    queryFn: ({ signal }) => api.maintenance.get(signal),
    refetchInterval: ({ state }) => (state.status === 'error' ? AFTER_FAILURE_MS : EVERY_MS),
  });
}

export function MaintenanceBanner(): ReactNode {
  const { t } = useTranslation();
  const { data } = useMaintenance();
  const now = useNow(EVERY_MS);
  if (data?.paused !== true) return null;
  const { reason, since, by } = data;
  return (
    <section
      aria-label={t('maintenance.on')}
      className="flex flex-wrap items-center gap-x-3 gap-y-1 border-b border-line bg-warn-soft px-4 py-1.5 text-warn"
    >
      <p className="min-w-0 grow basis-64">
        <CirclePause className="me-1.5 inline size-4 align-text-bottom" aria-hidden />
        <b className="font-medium">{t('maintenance.on')}</b>{' '}
        {[
          reason === '' ? '' : t('maintenance.reason', { reason }),
          since === null
            ? ''
            : t('maintenance.by', { when: relativeTime(Date.parse(since), Math.max(now, Date.parse(since))), who: by }),
        ]
          .filter(Boolean)
          .join(' · ')}
      </p>
      <MaintenanceSwitch size="small" />
    </section>
  );
}

/** For administrators only; says what it will do before it does. */
export function MaintenanceSwitch({ size = 'normal' }: { size?: 'small' | 'normal' }): ReactNode {
  const { t } = useTranslation();
  const { administrator } = useMe();
  const { data } = useMaintenance();
  const [asks, setAsks] = useState(false);
  const [reason, setReason] = useState('');
  if (!administrator || data === undefined) return null;
  const verb = data.paused ? 'end' : 'begin';
  return (
    <>
      <Button size={size} onClick={() => setAsks(true)}>
        {t(`maintenance.${verb}`)}
      </Button>
      <ConfirmDialog
        open={asks}
        danger={!data.paused}
        onClose={() => setAsks(false)}
        title={t(`maintenance.${verb}Title`)}
        confirm={t(`maintenance.${verb}`)}
        onConfirm={async () => {
          const next = await api.maintenance.put({ paused: !data.paused, ...(data.paused ? {} : { reason }) });
          queries.setQueryData(['maintenance'], next);
          setReason('');
        }}
      >
        <p>{t(`maintenance.${verb}Text`)}</p>
        {!data.paused && (
          <Field label={t('maintenance.why')} className="mt-3">
            <Input value={reason} maxLength={500} onChange={(event) => setReason(event.target.value)} />
          </Field>
        )}
      </ConfirmDialog>
    </>
  );
}
