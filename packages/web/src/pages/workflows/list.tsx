/** All workflows that may be seen: filtered in the address, read as far as is scrolled, their last runs kept fresh by one stream. */
import './texts.ts';
import type { RunView, WorkflowListItem } from '@pelorus/protocol';
import { useInfiniteQuery, useQuery } from '@tanstack/react-query';
import { Link, useNavigate, useSearch } from '@tanstack/react-router';
import { Plus, X } from 'lucide-react';
import { useCallback, useMemo, useState, type ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { api, queries } from '../../api/client.ts';
import { useRunsFeed } from '../../api/run-live.ts';
import { withoutEmpty } from '../../app/search-params.ts';
import { Button, buttonClass } from '../../ui/button.tsx';
import { Select } from '../../ui/field.tsx';
import { FilterInput } from '../../ui/filter-input.tsx';
import { Page } from '../../ui/page.tsx';
import { EmptyState, ErrorState } from '../../ui/states.tsx';
import { LAST_RUNS, workflowList, type WorkflowPages } from './list-query.ts';
import { RunDialog } from './run-dialog.tsx';
import { TransferMenu } from './transfer-menu.tsx';
import { WorkflowRows } from './workflow-rows.tsx';

export function WorkflowsPage(): ReactNode {
  const { t } = useTranslation('workflows');
  const { project, q, label } = useSearch({ from: '/workflows' });
  const [running, setRunning] = useState<{ project: string; name: string } | null>(null);
  const list = useInfiniteQuery({
    ...workflowList({ ...(project ? { project } : {}), ...(q ? { q } : {}), ...(label ? { label } : {}) }),
    placeholderData: (before) => before,
  });
  useRunsFeed(project ? { project } : {}, useCallback(noteRuns, []));
  const items = useMemo(() => list.data?.pages.flatMap((page) => page.items) ?? [], [list.data]);
  const filtered = Boolean(q) || Boolean(label) || Boolean(project);
  return (
    <Page
      title={t('title')}
      subtitle={
        list.isSuccess && items.length > 0
          ? list.hasNextPage
            ? t('shownSoFar', { count: items.length })
            : t('shown', { count: items.length })
          : undefined
      }
      actions={
        <>
          <TransferMenu project={project ?? null} />
          <Link to="/workflows/new" search={project ? { project } : {}} className={buttonClass('primary')}>
            <Plus className="size-4" aria-hidden /> {t('new')}
          </Link>
        </>
      }
    >
      <Filters />
      {list.isPending ? (
        <Skeleton />
      ) : list.error !== null && list.data === undefined ? (
        <ErrorState error={list.error} onRetry={() => void list.refetch()} />
      ) : items.length === 0 ? (
        <Nothing filtered={filtered} />
      ) : (
        <WorkflowRows
          items={items}
          more={list.hasNextPage ? { load: () => void list.fetchNextPage(), busy: list.isFetchingNextPage } : null}
          onRun={setRunning}
        />
      )}
      {running && <RunDialog project={running.project} workflow={running.name} onClose={() => setRunning(null)} />}
    </Page>
  );
}

/** Puts what was heard of runs into every list that is held. */
function noteRuns(runs: ReadonlyMap<number, RunView>): void {
  const byWorkflow = Map.groupBy(runs.values(), (run) => `${run.project}/${run.workflow}`);
  const noted = (item: WorkflowListItem): WorkflowListItem => {
    const heard = byWorkflow.get(`${item.project}/${item.name}`);
    if (heard === undefined) return item;
    const known = (item.lastRuns ?? []).filter(({ id }) => !runs.has(id));
    return { ...item, lastRuns: [...heard, ...known].toSorted((a, b) => b.id - a.id).slice(0, LAST_RUNS) };
  };
  queries.setQueriesData<WorkflowPages>({ queryKey: ['workflows'], type: 'active' }, (data) =>
    data === undefined
      ? data
      : { ...data, pages: data.pages.map((page) => ({ ...page, items: page.items.map(noted) })) },
  );
}

function Filters(): ReactNode {
  const { t } = useTranslation('workflows');
  const search = useSearch({ from: '/workflows' });
  const navigate = useNavigate({ from: '/workflows' });
  const projects = useQuery({ queryKey: ['projects'], queryFn: ({ signal }) => api.projects.list(signal) });
  const change = (part: Partial<typeof search>): void =>
    void navigate({ search: (now) => withoutEmpty({ ...now, ...part }), replace: true });
  return (
    <div className="flex flex-wrap items-center gap-2">
      <FilterInput className="md:max-w-72" label={t('filter')} value={search.q ?? ''} onChange={(q) => change({ q })} />
      <Select
        className="md:max-w-56"
        aria-label={t('project')}
        value={search.project ?? ''}
        onChange={(event) => change({ project: event.target.value })}
      >
        <option value="">{t('allProjects')}</option>
        {search.project && !projects.data?.items.some(({ name }) => name === search.project) && (
          <option>{search.project}</option>
        )}
        {projects.data?.items.map(({ name }) => (
          <option key={name}>{name}</option>
        ))}
      </Select>
      {search.label && (
        <Button
          size="small"
          className="bg-accent-soft"
          aria-label={t('removeLabel', { label: search.label })}
          title={t('removeLabel', { label: search.label })}
          onClick={() => change({ label: '' })}
        >
          {t('label')}: {search.label} <X className="size-3" aria-hidden />
        </Button>
      )}
    </div>
  );
}

function Nothing({ filtered }: { filtered: boolean }): ReactNode {
  const { t } = useTranslation('workflows');
  if (filtered)
    return (
      <EmptyState
        title={t('nothingFound')}
        action={
          <Link to="/workflows" className={buttonClass()} reloadDocument={false} search={{}} key="clear">
            {t('clearFilter')}
          </Link>
        }
      >
        {t('nothingFoundHint')}
      </EmptyState>
    );
  return (
    <EmptyState
      title={t('empty')}
      action={
        <Link to="/workflows/new" className={buttonClass('primary')}>
          <Plus className="size-4" aria-hidden /> {t('new')}
        </Link>
      }
    >
      {t('emptyHint')}
    </EmptyState>
  );
}

function Skeleton(): ReactNode {
  const { t } = useTranslation();
  return (
    <div role="status" aria-label={t('loading')} className="grid gap-2">
      {Array.from({ length: 8 }, (_, index) => (
        <div key={index} className="h-14 animate-pulse rounded-md bg-surface-2" />
      ))}
    </div>
  );
}
