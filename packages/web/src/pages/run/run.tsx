/** One run, live: what it is and how it stands, why it failed, its tasks in several views, the task that is chosen, and the log of its attempt. What is chosen stands in the address. */
import { parseRunId, type RunId } from '@pelorus/protocol';
import { useNavigate, useParams, useSearch } from '@tanstack/react-router';
import clsx from 'clsx';
import { useEffect, useRef, useState, type ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { useRunLive, type RunPicture } from '../../api/run-live.ts';
import { NotFound } from '../../app/not-found.tsx';
import { withoutEmpty } from '../../app/search-params.ts';
import { useMay } from '../../app/session.tsx';
import { Spinner } from '../../ui/spinner.tsx';
import { EmptyState, ErrorState } from '../../ui/states.tsx';
import { RunActions } from './actions.tsx';
import { Failure } from './failure.tsx';
import { RunHead } from './head.tsx';
import { LogPane } from './log/log-pane.tsx';
import { OrderDialog } from './order-dialog.tsx';
import type { Order } from './orders.ts';
import { Split } from './split.tsx';
import { TaskPanel } from './task-panel.tsx';
import './texts.ts';
import { Waiting } from './waiting.tsx';
import { VIEWS, Views, ViewTabs, type View } from './views.tsx';

export function RunPage(): ReactNode {
  const { run } = useParams({ from: '/runs/$run' });
  const id = parseRunId(run);
  return id === null ? <NotFound /> : <LiveRun key={id} id={id} />;
}

function LiveRun({ id }: { id: RunId }): ReactNode {
  const { t } = useTranslation('run');
  const picture = useRunLive(id);
  if (picture.run === null) {
    if (picture.error) return <ErrorState error={picture.error} onRetry={() => location.reload()} />;
    return (
      <div className="p-6">
        <Spinner label={t('loading', { run: id })} />
      </div>
    );
  }
  return <Shown picture={picture} run={picture.run} />;
}

/** Of the address. */
interface Choice {
  view?: string;
  task?: string;
  attempt?: string;
  q?: string;
  compare?: string;
  find?: string;
  state?: string;
  sort?: string;
}

function Shown({ picture, run }: { picture: RunPicture; run: NonNullable<RunPicture['run']> }): ReactNode {
  const { t } = useTranslation('run');
  const search: Choice = useSearch({ from: '/runs/$run' });
  const navigate = useNavigate();
  const may = useMay(run.project);
  const [order, setOrder] = useState<Order | null>(null);
  const log = useRef<HTMLElement>(null);
  const { tasks } = picture;

  const view: View = VIEWS.find((each) => each === search.view) ?? (search.compare ? 'compare' : defaultView());
  // Without a choice, what failed first is what one wants to read.
  const shownTask = search.task ?? run.firstFailure?.task ?? (tasks.length === 1 ? tasks[0]?.name : undefined);
  const task = tasks.find(({ name }) => name === shownTask) ?? null;
  const attempt = task?.attempts.find(({ n }) => String(n) === search.attempt) ?? task?.attempts.at(-1) ?? null;

  const choose = (next: Choice, replace = true): void => {
    const kept = withoutEmpty({ ...search, ...next });
    void navigate({ to: '/runs/$run', params: { run: String(run.id) }, search: kept, replace });
  };
  const select = (name: string | null): void =>
    choose({ task: name ?? '', attempt: '', ...(name === search.task ? {} : { q: '' }) });
  // What is chosen may change the height of all above the log: it is gone to when that has happened.
  const wanted = useRef<string | null>(null);
  useEffect(() => {
    if (wanted.current === null || wanted.current !== search.task) return;
    wanted.current = null;
    log.current?.scrollIntoView({ block: 'start' });
    log.current?.focus({ preventScroll: true });
  });
  const [, again] = useState(0);
  const showLog = (name: string): void => {
    wanted.current = name;
    select(name);
    again((count) => count + 1);
  };
  const onOrder = may.execute ? setOrder : null;
  const toCompare = (): void => choose({ view: 'compare' });

  const logPane = (
    <section
      ref={log}
      tabIndex={-1}
      aria-label={t('log.title')}
      className={clsx('min-h-0 outline-none md:h-full', task !== null && 'h-[70vh]')}
    >
      {task === null ? (
        <EmptyState title={t('log.noTask')}>{t('log.noTaskHint')}</EmptyState>
      ) : (
        <LogPane
          task={task}
          attempt={attempt}
          onAttempt={(n) => choose({ task: task.name, attempt: String(n) })}
          query={search.q ?? ''}
          onQuery={(q) => choose({ task: task.name, q })}
        />
      )}
    </section>
  );
  return (
    <div className="flex min-h-full flex-col md:h-full md:min-h-0">
      <div className="grid gap-2 px-3 pt-3 pb-2 md:px-5">
        <RunHead
          run={run}
          connection={picture.connection}
          failure={
            <>
              <Failure run={run} tasks={tasks} onShow={showLog} />
              <Waiting run={run} tasks={tasks} onShow={select} />
            </>
          }
          actions={<RunActions run={run} selected={search.task ?? null} onOrder={onOrder} onCompare={toCompare} />}
        />
      </div>
      <ViewTabs view={view} onView={(next) => choose({ view: next })} />
      <Split
        label={t('log.resize')}
        above={
          <div className="flex h-full min-h-0 flex-col md:flex-row">
            <div
              className={clsx(
                'flex max-h-[60vh] min-w-0 grow flex-col md:h-full md:max-h-none',
                view === 'graph' && 'h-[50vh]',
              )}
              id={`panel-${view}`}
              role="tabpanel"
              aria-labelledby={`tab-${view}`}
            >
              <Views
                view={view}
                run={run}
                tasks={tasks}
                selected={task?.name ?? null}
                choice={search}
                onChoose={choose}
                onSelect={select}
                onOpen={showLog}
                onOrder={onOrder}
              />
            </div>
            {task !== null && (search.task !== undefined || view === 'graph') && (
              <div className="shrink-0 overflow-auto border-t border-line md:w-80 md:border-s md:border-t-0 xl:w-96">
                <TaskPanel
                  run={run}
                  task={task}
                  attempt={attempt}
                  onAttempt={(n) => choose({ task: task.name, attempt: String(n) })}
                  onSelect={select}
                  onClose={() => choose({ task: '', attempt: '', q: '' })}
                  onOrder={onOrder}
                />
              </div>
            )}
          </div>
        }
        below={logPane}
      />
      <OrderDialog order={order} run={run} tasks={tasks} onClose={() => setOrder(null)} />
    </div>
  );
}

/** On a phone a list says more than a picture. */
function defaultView(): View {
  return matchMedia('(max-width: 767px)').matches ? 'table' : 'graph';
}
