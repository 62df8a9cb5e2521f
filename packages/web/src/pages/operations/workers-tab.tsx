/** Workers: what each has to do, and taking one out of service. */
import type { WorkerView } from '@pelorus/protocol';
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
import { ToneBadge } from '../../ui/tone-badge.tsx';
import { WorkerHost, WorkerSlots } from './worker-load.tsx';
import { WorkerPanel } from './worker-panel.tsx';

const FRESH_MS = 3000;

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
      cell: (worker) => <WorkerState worker={worker} />,
    },
    { id: 'slots', name: t('worker.load'), cell: (worker) => <WorkerSlots worker={worker} /> },
    { id: 'host', name: t('worker.host'), cell: (worker) => <WorkerHost worker={worker} /> },
    { id: 'groups', name: t('worker.groups'), cell: ({ groups }) => groups.join(', ') },
    // What was written a moment ago is reckoned from now, not from when the row was first shown.
    { id: 'seen', name: t('worker.seen'), cell: ({ seenAt }) => <Time key={seenAt} at={seenAt} /> },
    { id: 'registered', name: t('worker.registered'), cell: ({ registeredAt }) => <Time at={registeredAt} /> },
    ...(me.administrator
      ? [
          {
            id: 'actions',
            name: t('worker.actions'),
            actions: true,
            cell: (worker: WorkerView) => <DrainButton worker={worker} onDrain={() => setDraining(worker)} />,
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

function WorkerState({ worker }: { worker: WorkerView }): ReactNode {
  const { t } = useTranslation('operations');
  // What is drained by name may not have been told to the worker yet.
  const state = worker.state === 'online' && worker.drain ? 'draining' : worker.state;
  return (
    <>
      <ToneBadge {...LOOK[state]} text={t(`worker.${state}`)} />
      {worker.drain && (
        <p className="mt-0.5 text-xs text-ink-2">
          {t('worker.why', { user: worker.drain.by, reason: worker.drain.reason || t('worker.noReason') })}
        </p>
      )}
    </>
  );
}

function DrainButton({ worker, onDrain }: { worker: WorkerView; onDrain: () => void }): ReactNode {
  const { t } = useTranslation('operations');
  if (worker.state === 'offline') return null;
  if (!worker.drain && worker.state !== 'draining')
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
