/** One run, live: what it is and how it stands, why it failed, its tasks in several views, the task that is chosen, and the log of its attempt. What is chosen stands in the address. */
import { parseRunId, type RunId, type RunView } from '@pelorus/protocol';
import { useParams } from '@tanstack/react-router';
import clsx from 'clsx';
import { useState, type ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { useRunLive, type RunPicture } from '../../api/run-live.ts';
import { NotFound } from '../../app/not-found.tsx';
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
import { useChoice, useWayToLog } from './use-choice.ts';
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

function Shown({ picture, run }: { picture: RunPicture; run: RunView }): ReactNode {
  const { t } = useTranslation('run');
  const may = useMay(run.project);
  const [order, setOrder] = useState<Order | null>(null);
  const { tasks } = picture;
  const { search, choose, select, task, attempt } = useChoice(run, tasks);
  const { log, showLog } = useWayToLog(search.task, select);
  const view: View = VIEWS.find((each) => each === search.view) ?? (search.compare ? 'compare' : defaultView());
  const onOrder = may.execute ? setOrder : null;
  const onAttempt = (n: number): void => choose({ task: task?.name ?? '', attempt: String(n) });
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
          actions={
            <RunActions
              run={run}
              selected={search.task ?? null}
              onOrder={onOrder}
              onCompare={() => choose({ view: 'compare' })}
            />
          }
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
                  onAttempt={onAttempt}
                  onSelect={select}
                  onClose={() => choose({ task: '', attempt: '', q: '' })}
                  onOrder={onOrder}
                />
              </div>
            )}
          </div>
        }
        below={
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
                onAttempt={onAttempt}
                query={search.q ?? ''}
                onQuery={(q) => choose({ task: task.name, q })}
              />
            )}
          </section>
        }
      />
      <OrderDialog order={order} run={run} tasks={tasks} onClose={() => setOrder(null)} />
    </div>
  );
}

/** On a phone a list says more than a picture. */
function defaultView(): View {
  return matchMedia('(max-width: 767px)').matches ? 'table' : 'graph';
}
