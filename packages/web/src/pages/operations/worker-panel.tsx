/** What one worker can, and what it runs now. */
import type { WorkerDetail } from '@pelorus/protocol';
import { useQuery } from '@tanstack/react-query';
import { Link, useSearch } from '@tanstack/react-router';
import { X } from 'lucide-react';
import type { ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { api } from '../../api/client.ts';
import { buttonClass } from '../../ui/button.tsx';
import { DataTable, type Column } from '../../ui/data-table.tsx';
import { Panel } from '../../ui/page.tsx';
import { Spinner } from '../../ui/spinner.tsx';
import { STATE_LOOK, StateBadge, type AnyState } from '../../ui/state-badge.tsx';
import { ErrorState } from '../../ui/states.tsx';
import { Time } from '../../ui/time.tsx';

type Attempt = WorkerDetail['attempts'][number];

export function WorkerPanel({ id, everyMs }: { id: string; everyMs: number }): ReactNode {
  const { t } = useTranslation('operations');
  const { state } = useSearch({ from: '/operations' });
  const { data, error, refetch } = useQuery({
    queryKey: ['worker', id],
    queryFn: ({ signal }) => api.workers.get(id, signal),
    refetchInterval: everyMs,
  });
  const name = data?.name ?? id;
  return (
    <Panel
      title={t('worker.detail', { name })}
      actions={
        <Link
          to="/operations"
          search={state ? { state } : {}}
          aria-label={t('worker.close', { name })}
          className={buttonClass('quiet', 'small')}
        >
          <X className="size-4" aria-hidden />
        </Link>
      }
    >
      <div className="p-3">
        {data !== undefined ? (
          <>
            <Features features={data.features} />
            <Attempts worker={data} />
          </>
        ) : error === null ? (
          <Spinner />
        ) : (
          <ErrorState error={error} onRetry={() => void refetch()} />
        )}
      </div>
    </Panel>
  );
}

const ABILITIES: Readonly<Record<string, `worker.${string}`>> = {
  probe: 'worker.tests',
  logs: 'worker.ships',
  'limits:cgroup2': 'worker.cgroup2',
  'limits:cgroup1': 'worker.cgroup1',
  'limits:rlimit': 'worker.rlimit',
};

/** What is no ability that is known here is a type of tasks. */
function Features({ features }: Pick<WorkerDetail, 'features'>): ReactNode {
  const { t } = useTranslation('operations');
  if (features.length === 0) return null;
  const types = features.filter((feature) => !(feature in ABILITIES));
  const abilities = features.flatMap((feature) => ABILITIES[feature] ?? []);
  return (
    <p className="mb-3 text-ink-2">
      {[t('worker.runs', { types: types.join(', ') }), ...abilities.map((key) => t(key))].join(' · ')}
    </p>
  );
}

function Attempts({ worker }: { worker: WorkerDetail }): ReactNode {
  const { t } = useTranslation('operations');
  if (worker.liveAttempts === 0) return <p className="text-ink-2">{t('worker.idle')}</p>;
  const columns: Column<Attempt>[] = [
    {
      id: 'attempt',
      name: t('worker.attempt'),
      cell: ({ id, run }) => (
        <Link to="/runs/$run" params={{ run: String(run) }} className="font-mono text-accent hover:underline">
          {id}
        </Link>
      ),
    },
    { id: 'workflow', name: t('worker.workflow'), cell: ({ project, workflow }) => `${project} / ${workflow}` },
    {
      id: 'state',
      name: t('worker.attemptState'),
      cell: ({ state }) => (state in STATE_LOOK ? <StateBadge state={state as AnyState} /> : state),
    },
    {
      id: 'since',
      name: t('worker.since'),
      cell: ({ startedAt, dispatchedAt }) => <Time at={startedAt ?? dispatchedAt} />,
    },
  ];
  const hidden = worker.liveAttempts - worker.attempts.length;
  return (
    <div className="grid gap-2">
      <DataTable
        label={t('worker.detail', { name: worker.name })}
        columns={columns}
        rows={worker.attempts}
        keyOf={({ id }) => id}
      />
      {hidden > 0 && <p className="text-ink-2">{t('worker.hidden', { count: hidden })}</p>}
    </div>
  );
}
