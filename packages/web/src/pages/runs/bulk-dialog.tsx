/** Something done to many runs: first what it would do, then how far it is and what became of each. */
import type { BulkActionName, RunSelection } from '@pelorus/protocol';
import { useMutation, useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { useState, type ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { api } from '../../api/client.ts';
import { newRequestKey } from '../../api/request-key.ts';
import { Button } from '../../ui/button.tsx';
import { Dialog } from '../../ui/dialog.tsx';
import { Spinner } from '../../ui/spinner.tsx';
import { StateBadge } from '../../ui/state-badge.tsx';
import { ProblemText } from '../../ui/states.tsx';

export type BulkAbout = { ids: number[] } | { filter: RunSelection };

const SHOWN = 50;

export function BulkDialog({
  action,
  about,
  onClose,
}: {
  action: BulkActionName;
  about: BulkAbout;
  /** Whether it was done to any. */
  onClose: (isDone: boolean) => void;
}): ReactNode {
  const { t } = useTranslation('runs');
  const [key] = useState(newRequestKey);
  const preview = useQuery({
    queryKey: ['bulk-preview', key],
    queryFn: ({ signal }) => api.bulk.preview({ action, ...about }, signal),
    staleTime: Infinity,
    gcTime: 0,
  });
  const start = useMutation({ mutationFn: () => api.bulk.runs({ action, ...about }, { idempotencyKey: key }) });
  const close = (): void => onClose(start.data !== undefined);
  const would = preview.data?.items.filter((item) => item.would === 'apply') ?? [];
  const cannot = preview.data?.items.filter((item) => item.would === 'refuse') ?? [];
  return (
    <Dialog
      open
      onClose={close}
      title={t(`bulk.title.${action}`)}
      size="wide"
      footer={
        start.data ? (
          <Button onClick={close}>{t('action.close', { ns: 'common' })}</Button>
        ) : (
          <>
            <Button onClick={close}>{t('action.cancel', { ns: 'common' })}</Button>
            <Button
              kind={action === 'stop' ? 'danger' : 'primary'}
              busy={start.isPending}
              disabled={would.length === 0}
              onClick={() => start.mutate()}
            >
              {t(`bulk.action.${action}`)}
              {preview.data && ` (${preview.data.total - cannot.length})`}
            </Button>
          </>
        )
      }
    >
      {start.data ? (
        <Outcome id={start.data.id} />
      ) : preview.isPending ? (
        <Spinner />
      ) : preview.error ? (
        <ProblemText error={preview.error} />
      ) : (
        <div className="grid grid-cols-1 gap-3">
          <Items
            title={t('bulk.would', { count: preview.data.total - cannot.length })}
            items={would}
            more={Math.max(0, preview.data.total - cannot.length - SHOWN)}
          />
          {cannot.length > 0 && (
            <Items
              title={t('bulk.refused', { count: cannot.length })}
              items={cannot}
              more={Math.max(0, cannot.length - SHOWN)}
            />
          )}
          {start.error && <ProblemText error={start.error} />}
        </div>
      )}
    </Dialog>
  );
}

type Item = Awaited<ReturnType<typeof api.bulk.preview>>['items'][number];

function Items({ title, items, more }: { title: string; items: Item[]; more: number }): ReactNode {
  const { t } = useTranslation('runs');
  return (
    <section>
      <h3 className="font-medium">{title}</h3>
      <ul className="mt-1 max-h-64 overflow-auto rounded border border-line">
        {items.slice(0, SHOWN).map(({ run, workflow, state, message }) => (
          <li key={run} className="flex items-center gap-2 border-b border-line px-2 py-1 last:border-b-0">
            <span className="tabular-nums">#{run}</span>
            <span className="min-w-0 grow">
              <span className="block truncate">{workflow}</span>
              {message && <span className="block text-xs text-ink-2">{message}</span>}
            </span>
            {state && <StateBadge state={state} />}
          </li>
        ))}
        {more > 0 && <li className="px-2 py-1 text-ink-2">{t('bulk.more', { count: more })}</li>}
      </ul>
    </section>
  );
}

function Outcome({ id }: { id: number }): ReactNode {
  const { t } = useTranslation('runs');
  const { data, error } = useQuery({
    queryKey: ['bulk', id],
    queryFn: ({ signal }) => api.bulk.get(id, { limit: 200 }, signal),
    refetchInterval: ({ state }) => (state.data?.state === 'ended' ? false : 500),
  });
  if (error) return <ProblemText error={error} />;
  if (!data) return <Spinner />;
  const { done, refused, pending, total } = data;
  return (
    <div className="grid gap-3">
      <progress className="w-full" max={Math.max(total, 1)} value={done + refused} aria-label={t('columns.progress')} />
      <p aria-live="polite">
        {t('bulk.progress', { done, refused, pending })}{' '}
        {data.state === 'ended' ? t('bulk.finished') : t('bulk.working')}
      </p>
      <ul className="max-h-72 overflow-auto rounded border border-line">
        {data.items.map((item) => (
          <li
            key={item.run}
            className="flex flex-wrap items-center gap-2 border-b border-line px-2 py-1 last:border-b-0"
          >
            <Link to="/runs/$run" params={{ run: String(item.run) }} className="text-accent tabular-nums">
              #{item.run}
            </Link>
            <span className={item.state === 'refused' ? 'text-bad' : 'text-ink-2'}>{t(`bulk.item.${item.state}`)}</span>
            {item.newRun !== null && (
              <Link to="/runs/$run" params={{ run: String(item.newRun) }} className="text-accent">
                {t('bulk.newRun', { run: item.newRun })}
              </Link>
            )}
            {item.message && <span className="text-xs text-ink-2">{item.message}</span>}
          </li>
        ))}
      </ul>
    </div>
  );
}
