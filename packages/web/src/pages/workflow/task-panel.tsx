/** What one task does. */
import { formatDuration, type TaskDefinition, type WorkflowView } from '@pelorus/protocol';
import { Pencil, Play } from 'lucide-react';
import type { ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { useMay } from '../../app/session.tsx';
import { Button, buttonClass } from '../../ui/button.tsx';
import { Panel } from '../../ui/page.tsx';
import { EditTaskLink } from './edit-task-link.tsx';
import { Facts } from './facts.tsx';

export function TaskPanel({
  view,
  task,
  onRun,
  onSelect,
}: {
  view: WorkflowView;
  task: TaskDefinition;
  onRun: () => void;
  onSelect: (task: string) => void;
}): ReactNode {
  const { t } = useTranslation('workflow');
  const may = useMay(view.project);
  const { retry } = task;
  return (
    <Panel
      title={t('task', { task: task.name })}
      actions={
        <>
          {may.execute && (
            <Button size="small" onClick={onRun}>
              <Play className="size-3.5" aria-hidden /> {t('runTask')}
            </Button>
          )}
          {may.write && (
            <EditTaskLink view={view} task={task.name} className={buttonClass('plain', 'small')}>
              <Pencil className="size-3.5" aria-hidden /> {t('editTask')}
            </EditTaskLink>
          )}
        </>
      }
    >
      <Facts
        facts={[
          [t('description'), task.description || null],
          [t('type'), task.action.type],
          [
            t('needs'),
            task.needs.length === 0 ? null : (
              <span className="flex flex-wrap gap-x-2">
                {task.needs.map((name) => (
                  <button
                    key={name}
                    type="button"
                    className="text-accent hover:underline"
                    onClick={() => onSelect(name)}
                  >
                    {name}
                  </button>
                ))}
              </span>
            ),
          ],
          [t('trigger'), task.needs.length === 0 ? null : t(`triggers.${task.trigger}`)],
          [
            t('retries'),
            retry.max === 0 ? null : t('retriesText', { max: retry.max, interval: formatDuration(retry.intervalMs) }),
          ],
          [t('does'), <Action key="action" task={task} />],
        ]}
      />
    </Panel>
  );
}

function Action({ task: { action } }: { task: TaskDefinition }): ReactNode {
  const { type, ...keys } = action;
  const script = 'run' in keys ? keys.run : null;
  const file = 'file' in keys ? keys.file : null;
  if (script === null && file !== null) return <code className="text-xs">{file}</code>;
  const text =
    script ?? (type === 'http' && 'url' in keys ? `${keys.method} ${keys.url}` : JSON.stringify(keys, null, 2));
  if (text === '{}') return <span className="text-ink-2">–</span>;
  return (
    <pre
      className="max-h-64 overflow-auto rounded-md bg-surface-2 p-2 font-mono text-xs whitespace-pre-wrap"
      tabIndex={0}
    >
      {text}
    </pre>
  );
}
