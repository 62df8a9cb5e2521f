/** What this server is. */
import { useQuery } from '@tanstack/react-query';
import type { ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { api } from '../../api/client.ts';
import { Spinner } from '../../ui/spinner.tsx';
import { ErrorState } from '../../ui/states.tsx';
import { absoluteTime, span, Time } from '../../ui/time.tsx';

/** Below, it is the way to the server and back. */
const SKEW_MS = 2000;

export function SystemTab(): ReactNode {
  const { t } = useTranslation('operations');
  const { data, dataUpdatedAt, error, refetch } = useQuery({
    queryKey: ['system'],
    queryFn: ({ signal }) => api.system(signal),
    refetchInterval: 5000,
  });
  if (data === undefined)
    return error === null ? <Spinner /> : <ErrorState error={error} onRetry={() => void refetch()} />;
  const skewMs = Math.abs(Date.parse(data.now) - dataUpdatedAt);
  const facts: [string, ReactNode][] = [
    [t('system.version'), data.version],
    [t('system.store'), data.store],
    [t('system.started'), <Time key="started" at={data.startedAt} />],
    [t('system.uptime'), span(data.uptimeMs)],
    [
      t('system.clock'),
      `${absoluteTime(data.now)} – ${skewMs < SKEW_MS ? t('system.same') : t('system.skew', { span: span(skewMs) })}`,
    ],
    [t('system.node'), data.node],
    [t('system.platform'), data.platform],
    [
      t('system.api'),
      <a key="api" href="/api/v1/docs" className="text-accent hover:underline">
        /api/v1/docs
      </a>,
    ],
  ];
  return (
    <div className="grid gap-4">
      <dl className="grid max-w-2xl grid-cols-[auto_1fr] gap-x-6 gap-y-2">
        {facts.map(([name, value]) => (
          <div key={name} className="contents">
            <dt className="text-ink-2">{name}</dt>
            <dd className="break-words">{value}</dd>
          </div>
        ))}
      </dl>
      <p className="text-ink-2">{t('system.doctor')}</p>
    </div>
  );
}
