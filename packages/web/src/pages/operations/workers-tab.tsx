/** Workers: what each has to do, and taking one out of service. */
import type { WorkerDetail, WorkerView } from '@pelorus/protocol';
import { useQueries } from '@tanstack/react-query';
import { Link, useNavigate, useSearch } from '@tanstack/react-router';
import { CircleCheck, CircleMinus, Unplug } from 'lucide-react';
import { useState, type ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { api, queries } from '../../api/client.ts';
import { useMe } from '../../app/session.tsx';
import { Button } from '../../ui/button.tsx';
import type { Column } from '../../ui/data-table.tsx';
import { ConfirmDialog } from '../../ui/dialog.tsx';
import { Checkbox, Field, Input } from '../../ui/field.tsx';
import { PagedTable, usePaged } from '../../ui/paged.tsx';
import { EmptyState } from '../../ui/states.tsx';
import { Time } from '../../ui/time.tsx';
import { toast, toastProblem } from '../../ui/toast.tsx';
import { ToneBadge, UseBar } from '../../ui/tone-badge.tsx';
import { WorkerPanel } from './worker-panel.tsx';

const FRESH_MS = 3000;
/** Of so many the load is asked for; beyond, one opens a worker to see it. */
const LOADS_MAX = 60;

const LOOK = {
  online: { tone: 'ok', icon: CircleCheck },
  draining: { tone: 'warn', icon: CircleMinus },
  offline: { tone: 'idle', icon: Unplug },
} as const;

export function WorkersTab(): ReactNode {
  const { t } = useTranslation('operations');
  const { worker: opened, state } = useSearch({ from: '/operations' });
  const navigate = useNavigate({ from: '/operations' });
  const me = useMe();
  const [draining, setDraining] = useState<WorkerView | null>(null);
  const list = usePaged(['workers'], (_cursor, signal) => api.workers.list(signal), FRESH_MS);
  const all = list.rows ?? [];
  const offline = all.filter((worker) => worker.state === 'offline').length;
  const withOffline = state === 'all' || offline === all.length;
  const rows = withOffline ? all : all.filter((worker) => worker.state !== 'offline');
  const details = useDetails(rows.filter((worker) => worker.state !== 'offline').slice(0, LOADS_MAX));
  const columns: Column<WorkerView>[] = [
    {
      id: 'name',
      name: t('worker.name'),
      cell: ({ id, name, host }) => (
        <>
          <Link
            to="/operations"
            search={{ ...(state ? { state } : {}), ...(id === opened ? {} : { worker: id }) }}
            aria-expanded={id === opened}
            className="font-medium text-accent hover:underline"
          >
            {name}
          </Link>
          {host !== name && <span className="ms-2 text-xs text-ink-2">{host}</span>}
        </>
      ),
    },
    {
      id: 'state',
      name: t('worker.state'),
      cell: (worker) => <WorkerState worker={worker} detail={details.get(worker.id)} />,
    },
    { id: 'load', name: t('worker.load'), cell: (worker) => <Load worker={worker} detail={details.get(worker.id)} /> },
    { id: 'groups', name: t('worker.groups'), cell: ({ groups }) => groups.join(', ') },
    { id: 'seen', name: t('worker.seen'), cell: ({ seenAt }) => <Time at={seenAt} /> },
    { id: 'registered', name: t('worker.registered'), cell: ({ registeredAt }) => <Time at={registeredAt} /> },
    ...(me.administrator
      ? [
          {
            id: 'actions',
            name: t('worker.actions'),
            actions: true,
            cell: (worker: WorkerView) => (
              <DrainButton worker={worker} detail={details.get(worker.id)} onDrain={() => setDraining(worker)} />
            ),
          },
        ]
      : []),
  ];
  return (
    <div className="grid gap-3">
      <PagedTable
        list={list.rows === undefined ? list : { ...list, rows }}
        label={t('tabs.workers')}
        columns={columns}
        keyOf={({ id }) => id}
        empty={<EmptyState title={t('worker.empty')}>{t('worker.emptyHint')}</EmptyState>}
      />
      {offline > 0 && offline < all.length && (
        <Checkbox
          label={t('worker.showOffline', { count: offline })}
          checked={withOffline}
          onChange={(event) =>
            void navigate({
              search: event.target.checked ? { state: 'all' } : {},
              replace: true,
            })
          }
        />
      )}
      {opened !== undefined && <WorkerPanel id={opened} everyMs={FRESH_MS} />}
      {draining && <DrainDialog name={draining.name} onClose={() => setDraining(null)} />}
    </div>
  );
}

function useDetails(workers: readonly WorkerView[]): ReadonlyMap<string, WorkerDetail> {
  return useQueries({
    queries: workers.map(({ id }) => ({
      queryKey: ['worker', id],
      queryFn: ({ signal }: { signal: AbortSignal }) => api.workers.get(id, signal),
      refetchInterval: FRESH_MS,
    })),
    combine: (answers) =>
      new Map(answers.flatMap(({ data }) => (data === undefined ? [] : [[data.id, data] as const]))),
  });
}

function WorkerState({ worker, detail }: { worker: WorkerView; detail: WorkerDetail | undefined }): ReactNode {
  const { t } = useTranslation('operations');
  // What is drained by name may not have been told to the worker yet.
  const state = worker.state === 'online' && detail?.drain ? 'draining' : worker.state;
  return (
    <>
      <ToneBadge {...LOOK[state]} text={t(`worker.${state}`)} />
      {detail?.drain && (
        <p className="mt-0.5 text-xs text-ink-2">
          {t('worker.why', { user: detail.drain.by, reason: detail.drain.reason || t('worker.noReason') })}
        </p>
      )}
    </>
  );
}

function Load({ worker, detail }: { worker: WorkerView; detail: WorkerDetail | undefined }): ReactNode {
  const { t } = useTranslation('operations');
  if (detail === undefined) return <span className="text-ink-2 tabular-nums">{worker.slots}</span>;
  const used = detail.liveAttempts;
  return <UseBar used={used} size={worker.slots} text={t('worker.slots', { used, slots: worker.slots })} />;
}

function DrainButton({
  worker,
  detail,
  onDrain,
}: {
  worker: WorkerView;
  detail: WorkerDetail | undefined;
  onDrain: () => void;
}): ReactNode {
  const { t } = useTranslation('operations');
  if (worker.state === 'offline') return null;
  if (!detail?.drain && worker.state !== 'draining')
    return (
      <Button size="small" onClick={onDrain}>
        {t('worker.drain')}
      </Button>
    );
  const takeBack = async (): Promise<void> => {
    try {
      await api.workers.undrain(worker.name);
      toast({ title: t('worker.undrained', { name: worker.name }) });
      await askAgain();
    } catch (error) {
      toastProblem(t('worker.undrain'), error);
    }
  };
  return (
    <Button size="small" onClick={() => void takeBack()}>
      {t('worker.undrain')}
    </Button>
  );
}

function DrainDialog({ name, onClose }: { name: string; onClose: () => void }): ReactNode {
  const { t } = useTranslation('operations');
  const [reason, setReason] = useState('');
  return (
    <ConfirmDialog
      open
      onClose={onClose}
      title={t('worker.drainTitle', { name })}
      confirm={t('worker.drain')}
      danger={false}
      onConfirm={async () => {
        const { liveAttempts } = await api.workers.drain(name, { reason });
        toast({ title: t('worker.drained', { name, count: liveAttempts }) });
        await askAgain();
      }}
    >
      <p className="mb-3">{t('worker.drainHint')}</p>
      <Field label={t('worker.reason')} hint={t('worker.reasonHint')}>
        <Input value={reason} maxLength={1000} onChange={(event) => setReason(event.target.value)} />
      </Field>
    </ConfirmDialog>
  );
}

async function askAgain(): Promise<void> {
  await Promise.all(['workers', 'worker', 'system'].map((key) => queries.invalidateQueries({ queryKey: [key] })));
}
