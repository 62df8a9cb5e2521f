/** Tasks by runs: one cell for each task of each of the last runs, coloured and shaped by its state, read out when it is pointed at or reached by keyboard. */
import type { TaskCell, WorkflowView } from '@pelorus/protocol';
import { useQuery } from '@tanstack/react-query';
import { useNavigate } from '@tanstack/react-router';
import { useCallback, useMemo, useState, type ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { api, queries } from '../../api/client.ts';
import { useRunsFeed } from '../../api/run-live.ts';
import { Checkbox, Input } from '../../ui/field.tsx';
import { Spinner } from '../../ui/spinner.tsx';
import { EmptyState, ErrorState } from '../../ui/states.tsx';
import { GridTable } from './grid-table.tsx';

const RUNS = 30;
const BAD: ReadonlySet<TaskCell['state']> = new Set(['failed', 'killed', 'upstream_failed']);

export function HistoryGrid({ view: { project, name, definition } }: { view: WorkflowView }): ReactNode {
  const { t } = useTranslation('workflow');
  const navigate = useNavigate();
  const [text, setText] = useState('');
  const [onlyBad, setOnlyBad] = useState(false);
  const list = useQuery({
    queryKey: ['workflow-history', project, name],
    queryFn: ({ signal }) => api.workflows.history(project, name, { limit: RUNS }, signal),
  });
  useRunsFeed(
    { project, workflow: name },
    useCallback(
      () => void queries.invalidateQueries({ queryKey: ['workflow-history', project, name] }),
      [project, name],
    ),
    2000,
  );
  const { runs, columns } = useMemo(() => {
    const history = (list.data?.items ?? []).toReversed();
    return {
      runs: history.map(({ run }) => run),
      columns: history.map(({ tasks }) => new Map(tasks.map((task) => [task.name, task]))),
    };
  }, [list.data]);
  const names = useMemo(() => {
    const all = new Set(definition.tasks.map((task) => task.name));
    for (const column of columns) for (const task of column.keys()) all.add(task);
    const asked = text.trim().toLowerCase();
    return [...all].filter(
      (task) =>
        (asked === '' || task.toLowerCase().includes(asked)) &&
        (!onlyBad || columns.some((column) => BAD.has(column.get(task)?.state ?? 'pending'))),
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
        {runs.length < RUNS && list.data?.nextCursor !== null && (
          <span className="text-xs text-ink-2">{t('grid.limited', { count: runs.length })}</span>
        )}
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
