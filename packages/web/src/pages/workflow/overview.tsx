/** What a workflow is: its graph, what a task of it does, its settings and parameters. */
import { formatDuration, type WorkflowView } from '@pelorus/protocol';
import { useMemo, useState, type ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { DagGraph } from '../../ui/dag/dag-graph.tsx';
import { Panel } from '../../ui/page.tsx';
import { Labels } from '../workflows/workflow-rows.tsx';
import { Facts } from './facts.tsx';
import { graphOf } from './graph-of.ts';
import { ScheduleWords } from './schedule-words.tsx';
import { TaskPanel } from './task-panel.tsx';

export function Overview({ view, onRunTask }: { view: WorkflowView; onRunTask: (task: string) => void }): ReactNode {
  const { t } = useTranslation('workflow');
  const { definition } = view;
  const [selected, setSelected] = useState<string | null>(null);
  const graph = useMemo(() => graphOf(definition.tasks), [definition.tasks]);
  const task = definition.tasks.find(({ name }) => name === selected);
  return (
    <div className="grid gap-4 xl:grid-cols-[minmax(0,1fr)_24rem]">
      <div className="grid content-start gap-4">
        <Panel className="overflow-hidden">
          <div className="h-96 xl:h-[30rem]">
            <DagGraph
              {...graph}
              selected={selected}
              onSelect={setSelected}
              label={t('graph', { workflow: view.name })}
            />
          </div>
        </Panel>
        {task ? (
          <TaskPanel view={view} task={task} onRun={() => onRunTask(task.name)} onSelect={setSelected} />
        ) : (
          <p className="text-ink-2">{t('chooseTask')}</p>
        )}
      </div>
      <div className="grid content-start gap-4">
        <Panel title={t('settings')}>
          <Facts
            facts={[
              [t('description'), definition.description || t('noDescription')],
              [
                t('labels'),
                Object.keys(definition.labels).length === 0 ? null : (
                  <span className="flex flex-wrap gap-1">
                    <Labels labels={definition.labels} />
                  </span>
                ),
              ],
              [t('scheduleInWords'), <ScheduleWords key="schedule" schedule={definition.schedule} />],
              [t('tasks'), view.taskCount],
              [t('concurrency'), t(`concurrencies.${definition.concurrency}`)],
              [t('failurePolicy'), t(definition.failurePolicy)],
              [t('timeout'), formatDuration(definition.timeout.afterMs)],
              [t('priority'), t(`workflows:priorities.${definition.priority}`)],
              [
                t('notify'),
                definition.notify.on === 'none'
                  ? t('notifyOn.none')
                  : `${t(`notifyOn.${definition.notify.on}`)}: ${definition.notify.to.join(', ')}`,
              ],
              [
                t('files'),
                view.files.length === 0 ? null : (
                  <span className="font-mono text-xs">{view.files.map(({ name }) => name).join(', ')}</span>
                ),
              ],
            ]}
          />
        </Panel>
        <Parameters view={view} />
      </div>
    </div>
  );
}

function Parameters({ view }: { view: WorkflowView }): ReactNode {
  const { t } = useTranslation('workflow');
  const params = Object.entries(view.definition.params);
  return (
    <Panel title={t('parameters')}>
      {params.length === 0 ? (
        <p className="px-4 py-3 text-ink-2">{t('noParameters')}</p>
      ) : (
        <div className="overflow-x-auto">
          <table className="w-full text-start">
            <thead className="text-xs text-ink-2">
              <tr>
                {(['parameter', 'type', 'default'] as const).map((column) => (
                  <th key={column} scope="col" className="px-4 py-1.5 text-start font-medium">
                    {t(column)}
                  </th>
                ))}
              </tr>
            </thead>
            <tbody>
              {params.map(([name, { type, default: byDefault, required, enum: choices }]) => (
                <tr key={name} className="border-t border-line align-baseline">
                  <th scope="row" className="px-4 py-1.5 text-start font-mono text-xs font-medium">
                    {name}
                  </th>
                  <td className="px-4 py-1.5 text-ink-2">{type}</td>
                  <td className="px-4 py-1.5">
                    <span className="font-mono text-xs break-all">
                      {byDefault === undefined ? (required ? t('requiredShort') : '–') : String(byDefault) || '""'}
                    </span>
                    {choices && (
                      <span className="block text-xs text-ink-2">
                        {t('oneOf', { values: choices.map(String).join(', ') })}
                      </span>
                    )}
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
    </Panel>
  );
}
