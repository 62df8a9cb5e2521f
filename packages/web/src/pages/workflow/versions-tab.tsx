/** All versions: what changed between any two, and a way back. What is compared stands in the address. */
import type { WorkflowVersionSummary, WorkflowView } from '@pelorus/protocol';
import { useQuery } from '@tanstack/react-query';
import { Link, useNavigate, useSearch } from '@tanstack/react-router';
import clsx from 'clsx';
import { RotateCcw } from 'lucide-react';
import { lazy, Suspense, useState, type ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { api, queries } from '../../api/client.ts';
import { useMay } from '../../app/session.tsx';
import { Button } from '../../ui/button.tsx';
import { ConfirmDialog } from '../../ui/dialog.tsx';
import { Select } from '../../ui/field.tsx';
import { Spinner } from '../../ui/spinner.tsx';
import { ErrorState } from '../../ui/states.tsx';
import { relativeTime } from '../../ui/time.tsx';
import { toast } from '../../ui/toast.tsx';

const TextDiff = lazy(async () => ({ default: (await import('./text-diff.tsx')).TextDiff }));
const ROUTE = '/projects/$project/workflows/$workflow';

export function VersionsTab({ view }: { view: WorkflowView }): ReactNode {
  const { t } = useTranslation('workflow');
  const search = useSearch({ from: ROUTE });
  const versions = useQuery({
    queryKey: ['versions', view.project, view.name],
    queryFn: ({ signal }) => api.workflows.versions(view.project, view.name, signal),
  });
  if (versions.isPending) return <Spinner />;
  if (versions.error && versions.data === undefined)
    return <ErrorState error={versions.error} onRetry={() => void versions.refetch()} />;
  const items = versions.data?.items ?? [];
  const to = Number(search.to ?? view.latestVersion);
  const from = Number(search.from ?? Math.max(1, to - 1));
  return (
    <div className="grid gap-4 lg:grid-cols-[16rem_minmax(0,1fr)]">
      <nav aria-label={t('versions.list')} className="max-h-60 overflow-auto lg:max-h-[70vh]">
        <ul className="grid gap-1">
          {items.map((item) => (
            <Entry key={item.version} view={view} item={item} isShown={item.version === to} />
          ))}
        </ul>
      </nav>
      <Comparison view={view} items={items} from={from} to={to} />
    </div>
  );
}

function Entry({
  view,
  item,
  isShown,
}: {
  view: WorkflowView;
  item: WorkflowVersionSummary;
  isShown: boolean;
}): ReactNode {
  const { t } = useTranslation('workflow');
  return (
    <li>
      <Link
        to={ROUTE}
        params={{ project: view.project, workflow: view.name }}
        search={{ tab: 'versions', to: String(item.version) }}
        preload={false}
        aria-current={isShown || undefined}
        className={clsx(
          'block rounded-md border px-3 py-1.5 -outline-offset-2!',
          isShown ? 'border-accent bg-accent-soft' : 'border-transparent hover:bg-surface-2',
        )}
      >
        <span className="font-medium">{t('versions.version', { version: item.version })}</span>
        {item.version === view.latestVersion && <span className="text-ink-2"> · {t('versions.latest')}</span>}
        <span className="block text-xs text-ink-2">
          {t('versions.by', { when: relativeTime(Date.parse(item.createdAt), Date.now()), user: item.createdBy })}
        </span>
      </Link>
    </li>
  );
}

function Comparison({
  view,
  items,
  from,
  to,
}: {
  view: WorkflowView;
  items: readonly WorkflowVersionSummary[];
  from: number;
  to: number;
}): ReactNode {
  const { t } = useTranslation('workflow');
  const navigate = useNavigate({ from: ROUTE });
  const may = useMay(view.project);
  const [restoring, setRestoring] = useState(false);
  const both = useQuery({
    queryKey: ['versions-compared', view.project, view.name, from, to, view.tag],
    queryFn: async ({ signal }) => {
      const [old, next, diff] = await Promise.all([
        api.workflows.version(view.project, view.name, from, signal),
        api.workflows.version(view.project, view.name, to, signal),
        api.workflows.diff(view.project, view.name, { from, to }, signal),
      ]);
      return { old, next, diff };
    },
    staleTime: Infinity,
  });
  const restore = async (): Promise<void> => {
    const saved = await api.workflows.rollback(view.project, view.name, to, undefined, {
      ifMatch: view.tag,
    });
    toast({
      title: saved.changed ? t('versions.restored', { from: to, version: saved.version }) : t('versions.unchanged'),
    });
    await Promise.all([
      queries.invalidateQueries({ queryKey: ['workflow', view.project, view.name] }),
      queries.invalidateQueries({ queryKey: ['versions', view.project, view.name] }),
    ]);
    await navigate({ search: { tab: 'versions' } });
  };
  return (
    <div className="grid min-w-0 content-start gap-3">
      <div className="flex flex-wrap items-center gap-2">
        <h2 className="font-semibold">{from === to ? t('versions.first') : t('versions.changed', { from, to })}</h2>
        {items.length > 1 && (
          <label className="flex items-center gap-2 text-ink-2">
            {t('versions.compare')}
            <Select
              className="w-28!"
              value={from}
              onChange={(event) =>
                void navigate({ search: { tab: 'versions', from: event.target.value, to: String(to) }, replace: true })
              }
            >
              {items.map(({ version }) => (
                <option key={version}>{version}</option>
              ))}
            </Select>
          </label>
        )}
        <span className="grow" />
        {may.write && to !== view.latestVersion && (
          <Button onClick={() => setRestoring(true)}>
            <RotateCcw className="size-4" aria-hidden /> {t('versions.restore', { version: to })}
          </Button>
        )}
      </div>
      {items.length === 1 && <p className="text-ink-2">{t('versions.only')}</p>}
      {both.isPending && <Spinner />}
      {both.error && <ErrorState error={both.error} onRetry={() => void both.refetch()} />}
      {both.data && (
        <>
          <Summary {...both.data} />
          <Suspense fallback={<Spinner />}>
            <TextDiff
              label={t('versions.diff')}
              before={both.data.old.source}
              after={both.data.next.source}
              format={both.data.next.format}
            />
          </Suspense>
        </>
      )}
      <ConfirmDialog
        open={restoring}
        onClose={() => setRestoring(false)}
        danger={false}
        title={t('versions.restoreTitle', { version: to })}
        confirm={t('versions.restore', { version: to })}
        onConfirm={restore}
      >
        <p>{t('versions.restoreHint')}</p>
      </ConfirmDialog>
    </div>
  );
}

function Summary({
  old,
  next,
  diff,
}: {
  old: WorkflowView;
  next: WorkflowView;
  diff: Awaited<ReturnType<typeof api.workflows.diff>>;
}): ReactNode {
  const { t } = useTranslation('workflow');
  const lines = [
    ['added', diff.tasks.added],
    ['removed', diff.tasks.removed],
    ['tasksChanged', diff.tasks.changed],
    ['settings', diff.settings],
    ['files', [...diff.files.added, ...diff.files.removed, ...diff.files.changed]],
  ] as const;
  return (
    <ul className="text-ink-2">
      {old.version !== next.version && old.source === next.source && <li>{t('versions.same')}</li>}
      {lines.map(([kind, names]) =>
        names.length === 0 ? null : (
          <li key={kind} className="break-words">
            {t(`versions.${kind}`, {
              names: names.length > 20 ? `${names.slice(0, 20).join(', ')} …` : names.join(', '),
            })}
          </li>
        ),
      )}
    </ul>
  );
}
