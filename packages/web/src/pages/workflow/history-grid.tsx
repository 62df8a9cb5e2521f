/** Tasks by runs: one cell for each task of each of the last runs, coloured and shaped by its state, read out when it is pointed at or reached by keyboard. */
import type { RunView, TaskView, WorkflowView } from '@pelorus/protocol';
import { useQueries, useQuery } from '@tanstack/react-query';
import { useNavigate } from '@tanstack/react-router';
import { useCallback, useMemo, useState, type ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { api, queries } from '../../api/client.ts';
import { useRunsFeed } from '../../api/run-live.ts';
import { Checkbox, Input } from '../../ui/field.tsx';
import { Spinner } from '../../ui/spinner.tsx';
import { EmptyState, ErrorState } from '../../ui/states.tsx';
import { EVER } from './ever.ts';
import { GridTable } from './grid-table.tsx';

const RUNS = 30;
/** Each run is asked for all its tasks, so workflows of many tasks show fewer runs. */
const CELLS = 30_000;
const ENDED: ReadonlySet<RunView['state']> = new Set(['succeeded', 'stopped', 'failed', 'dependency_failed']);
const BAD: ReadonlySet<TaskView['state']> = new Set(['failed', 'killed', 'upstream_failed']);

export function HistoryGrid({ view: { project, name, definition, taskCount } }: { view: WorkflowView }): ReactNode {
  const { t } = useTranslation('workflow');
  const navigate = useNavigate();
  const [text, setText] = useState('');
  const [onlyBad, setOnlyBad] = useState(false);
  const count = Math.max(3, Math.min(RUNS, Math.floor(CELLS / Math.max(1, taskCount))));
  const key = ['workflow-history', project, name, count];
  const list = useQuery({
    queryKey: key,
    queryFn: ({ signal }) => api.runs.list({ project, workflow: name, submittedAfter: EVER, limit: count }, signal),
  });
  useRunsFeed(
    { project, workflow: name },
    useCallback(
      () => void queries.invalidateQueries({ queryKey: ['workflow-history', project, name] }),
      [project, name],
    ),
    2000,
  );
  const runs = useMemo(() => (list.data?.items ?? []).toReversed(), [list.data]);
  const columns = useQueries({
    queries: runs.map((run) => ({
      queryKey: ['run-tasks', run.id, run.revision],
      queryFn: ({ signal }: { signal: AbortSignal }) => api.runs.tasks(run.id, {}, signal),
      staleTime: ENDED.has(run.state) ? Infinity : 2000,
      gcTime: 60_000,
    })),
    combine: useCallback(
      (results: { data: { items: TaskView[] } | undefined }[]) =>
        results.map(({ data }) => (data === undefined ? null : new Map(data.items.map((task) => [task.name, task])))),
      [],
    ),
  });
  const names = useMemo(() => {
    const all = new Set(definition.tasks.map((task) => task.name));
    for (const column of columns) for (const task of column?.keys() ?? []) all.add(task);
    const asked = text.trim().toLowerCase();
    return [...all].filter(
      (task) =>
        (asked === '' || task.toLowerCase().includes(asked)) &&
        (!onlyBad || columns.some((column) => BAD.has(column?.get(task)?.state ?? 'pending'))),
    );
  }, [definition.tasks, columns, text, onlyBad]);
  if (list.isPending) return <Spinner />;
  if (list.error && list.data === undefined)
    return <ErrorState error={list.error} onRetry={() => void list.refetch()} />;
  if (runs.length === 0) return <EmptyState title={t('grid.empty')}>{t('grid.emptyHint')}</EmptyState>;
  return (
    <div className="grid gap-3">
      <div className="flex flex-wrap items-center gap-x-4 gap-y-2">
        <Input
          type="search"
          data-list-filter
          className="max-w-64"
          aria-label={t('grid.filter')}
          placeholder={t('grid.filter')}
          value={text}
          onChange={(event) => setText(event.target.value)}
        />
        <Checkbox label={t('grid.onlyBad')} checked={onlyBad} onChange={(event) => setOnlyBad(event.target.checked)} />
        {count < RUNS && <span className="text-xs text-ink-2">{t('grid.limited', { count })}</span>}
      </div>
      {names.length === 0 ? (
        <p className="text-ink-2">{t('grid.nothing')}</p>
      ) : (
        <GridTable
          runs={runs}
          columns={columns}
          names={names}
          onOpen={(run, task) =>
            void navigate({
              to: '/runs/$run',
              params: { run: String(run) },
              search: task === null ? {} : { task },
            })
          }
        />
      )}
    </div>
  );
}
