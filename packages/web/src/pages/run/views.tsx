/** The ways to look at the tasks of a run. */
import type { RunView, TaskView } from '@pelorus/protocol';
import { useQuery } from '@tanstack/react-query';
import { ChartGantt, GitCompare, ListTree, MemoryStick, Table2, Workflow, type LucideIcon } from 'lucide-react';
import type { ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { api } from '../../api/client.ts';
import { Spinner } from '../../ui/spinner.tsx';
import { ErrorState } from '../../ui/states.tsx';
import { Tabs } from '../../ui/tabs.tsx';
import { CompareView } from './compare-view.tsx';
import { GanttView } from './gantt-view.tsx';
import { GraphView } from './graph-view.tsx';
import { MemoryView } from './memory-view.tsx';
import type { Order } from './orders.ts';
import { PlanTable } from './plan-table.tsx';
import { TaskTable } from './task-table.tsx';

export const VIEWS = ['graph', 'gantt', 'table', 'plan', 'memory', 'compare'] as const;
export type View = (typeof VIEWS)[number];

const ICONS: Record<View, LucideIcon> = {
  graph: Workflow,
  gantt: ChartGantt,
  table: Table2,
  plan: ListTree,
  memory: MemoryStick,
  compare: GitCompare,
};

export function ViewTabs({ view, onView }: { view: View; onView: (view: View) => void }): ReactNode {
  const { t } = useTranslation('run');
  return (
    <Tabs
      label={t('view.label')}
      className="shrink-0 px-1 md:px-4"
      tabs={VIEWS}
      shown={view}
      link={(each, props) => {
        const Icon = ICONS[each];
        return (
          <button key={each} type="button" {...props} onClick={() => onView(each)}>
            <Icon className="size-4 max-md:hidden" aria-hidden />
            {t(`view.${each}`)}
          </button>
        );
      }}
    />
  );
}

interface Choice {
  compare?: string;
  find?: string;
  state?: string;
  sort?: string;
}

export interface ViewsProps {
  view: View;
  run: RunView;
  tasks: readonly TaskView[];
  selected: string | null;
  choice: Choice;
  onChoose: (choice: Choice) => void;
  onSelect: (task: string | null) => void;
  onOpen: (task: string) => void;
  onOrder: ((order: Order) => void) | null;
}

export function Views({
  view,
  run,
  tasks,
  selected,
  choice,
  onChoose,
  onSelect,
  onOpen,
  onOrder,
}: ViewsProps): ReactNode {
  switch (view) {
    case 'graph':
      return <GraphView tasks={tasks} selected={selected} onSelect={onSelect} onOpen={onOpen} />;
    case 'gantt':
      return <GanttView run={run} tasks={tasks} selected={selected} onSelect={onSelect} />;
    case 'table':
      return (
        <TaskTable
          tasks={tasks}
          selected={selected}
          choice={{ find: choice.find ?? '', state: choice.state ?? '', sort: choice.sort ?? '' }}
          onChoice={onChoose}
          onSelect={onSelect}
          onRunSelected={onOrder && ((names) => onOrder({ kind: 'again', what: { kind: 'selected', tasks: names } }))}
        />
      );
    case 'plan':
      return <RunPlan run={run} />;
    case 'memory':
      return <MemoryView run={run} />;
    case 'compare':
      return (
        <CompareView
          run={run}
          tasks={tasks}
          other={Number(choice.compare ?? run.rerunOf ?? 0) || null}
          onOther={(other) => onChoose({ compare: other === null ? '' : String(other) })}
          onSelect={onSelect}
        />
      );
  }
}

function RunPlan({ run }: { run: RunView }): ReactNode {
  const plan = useQuery({
    queryKey: ['plan', run.id],
    queryFn: ({ signal }) => api.runs.plan(run.id, signal),
    staleTime: Infinity,
  });
  if (plan.isPending)
    return (
      <div className="p-4">
        <Spinner />
      </div>
    );
  if (plan.error) return <ErrorState error={plan.error} onRetry={() => void plan.refetch()} />;
  return <PlanTable plan={plan.data} isTall />;
}
