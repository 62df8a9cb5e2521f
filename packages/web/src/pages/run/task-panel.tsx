/** Everything about one task of the run. */
import type { AttemptView, RunView, TaskDefinition, TaskView } from '@pelorus/protocol';
import { useQuery } from '@tanstack/react-query';
import { FileText, X } from 'lucide-react';
import type { ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { api } from '../../api/client.ts';
import { Button, IconButton } from '../../ui/button.tsx';
import { useCauseText, useWaitText } from '../../ui/cause-words.ts';
import { StateBadge } from '../../ui/state-badge.tsx';
import { span, Time, useNow } from '../../ui/time.tsx';
import { RunLink } from './head.tsx';
import { mayAgain, mayTask, type Order } from './orders.ts';

export function TaskPanel({
  run,
  task,
  attempt,
  onAttempt,
  onSelect,
  onClose,
  onOrder,
}: {
  run: RunView;
  task: TaskView;
  attempt: AttemptView | null;
  onAttempt: (n: number) => void;
  onSelect: (task: string) => void;
  onClose: () => void;
  onOrder: ((order: Order) => void) | null;
}): ReactNode {
  const { t } = useTranslation('run');
  const { t: common } = useTranslation();
  const causeText = useCauseText();
  const waitText = useWaitText();
  const definition = useQuery({
    queryKey: ['version', run.project, run.workflow, run.version],
    queryFn: ({ signal }) => api.workflows.version(run.project, run.workflow, run.version, signal),
    staleTime: Infinity,
    retry: false,
  });
  const defined = definition.data?.definition.tasks[task.index];
  return (
    <aside aria-label={t('panel.label', { task: task.name })} className="grid content-start gap-4 p-4 text-sm">
      <div className="flex items-start gap-2">
        <h2 className="min-w-0 grow font-mono font-semibold break-all">{task.name}</h2>
        <IconButton size="small" label={common('action.close')} onClick={onClose}>
          <X className="size-4" aria-hidden />
        </IconButton>
      </div>
      <div className="-mt-2 flex flex-wrap items-center gap-2">
        <StateBadge state={task.state} />
        <span className="text-xs text-ink-2">{task.type}</span>
        {task.plan !== 'run' && <span className="text-xs text-ink-2">{t(`plan.${task.plan}`)}</span>}
      </div>
      {task.waitReason !== null && (
        <p className="rounded-md bg-warn-soft px-3 py-1.5 text-warn">{waitText(task.waitReason)}</p>
      )}
      {task.cause !== null && (
        <p className={isBad(task) ? 'rounded-md bg-bad-soft px-3 py-1.5 text-bad' : 'text-ink-2'}>
          {causeText(task.cause)}
        </p>
      )}
      {onOrder && <TaskActions run={run} task={task} onOrder={onOrder} />}
      {task.childRun !== null && (
        <p>
          {t('panel.childRun')} <RunLink id={task.childRun} />
        </p>
      )}
      <Attempts task={task} shown={attempt?.n ?? null} onAttempt={onAttempt} />
      {task.outputs !== null && Object.keys(task.outputs).length > 0 && (
        <Values title={t('panel.outputs')} values={task.outputs} />
      )}
      <Neighbours title={t('panel.needs')} names={task.needs} onSelect={onSelect} />
      {Object.keys(run.params).length > 0 && <Values title={t('panel.runParams')} values={run.params} />}
      {defined && <Definition task={defined} />}
      {definition.error && <p className="text-xs text-ink-2">{t('panel.noDefinition')}</p>}
    </aside>
  );
}

function isBad({ state }: TaskView): boolean {
  return state === 'failed' || state === 'upstream_failed';
}

function TaskActions({
  run,
  task,
  onOrder,
}: {
  run: RunView;
  task: TaskView;
  onOrder: (order: Order) => void;
}): ReactNode {
  const { t } = useTranslation('run');
  const { name } = task;
  return (
    <div className="flex flex-wrap gap-2">
      {mayTask('kill', run, task) && (
        <Button size="small" kind="danger" onClick={() => onOrder({ kind: 'kill', task: name })}>
          {t('action.kill')}
        </Button>
      )}
      {mayTask('force', run, task) && (
        <Button size="small" onClick={() => onOrder({ kind: 'force', task: name })}>
          {t('action.force')}
        </Button>
      )}
      {mayAgain('from', run) && (
        <Button size="small" onClick={() => onOrder({ kind: 'again', what: { kind: 'from', task: name } })}>
          {t('action.fromHere')}
        </Button>
      )}
      <Button size="small" onClick={() => onOrder({ kind: 'again', what: { kind: 'selected', tasks: [name] } })}>
        {t('action.onlyThis')}
      </Button>
    </div>
  );
}

function Attempts({
  task,
  shown,
  onAttempt,
}: {
  task: TaskView;
  shown: number | null;
  onAttempt: (n: number) => void;
}): ReactNode {
  const { t } = useTranslation('run');
  const { t: common } = useTranslation();
  const causeText = useCauseText();
  const now = useNow(task.endedAt === null ? 1000 : 60_000);
  return (
    <section>
      <h3 className="mb-1 font-semibold">
        {t('panel.attempts')}
        {task.retries > 0 && (
          <span className="ms-2 text-xs font-normal text-ink-2">{t('panel.retries', { count: task.retries })}</span>
        )}
      </h3>
      {task.attempts.length === 0 && <p className="text-xs text-ink-2">{t('panel.noAttempts')}</p>}
      <ol className="grid gap-1.5">
        {task.attempts.toReversed().map((attempt) => (
          <li key={attempt.id}>
            <button
              type="button"
              aria-pressed={attempt.n === shown}
              onClick={() => onAttempt(attempt.n)}
              className="grid w-full gap-0.5 rounded-md border border-line px-2.5 py-1.5 text-start hover:border-line-strong aria-pressed:border-accent aria-pressed:bg-accent-soft"
            >
              <span className="flex flex-wrap items-center gap-2">
                <b className="tabular-nums">{attempt.n}</b>
                <StateBadge state={attempt.state} />
                <span className="text-xs text-ink-2 tabular-nums">
                  {attempt.startedAt !== null &&
                    span(
                      Math.max(
                        0,
                        (attempt.endedAt === null ? now : Date.parse(attempt.endedAt)) - Date.parse(attempt.startedAt),
                      ),
                    )}
                </span>
                <FileText className="ms-auto size-3.5 text-ink-3" aria-hidden />
              </span>
              {attempt.cause !== null && <span className="text-xs break-words">{causeText(attempt.cause)}</span>}
              {attempt.late && (
                <span className="text-xs break-words">
                  {t('panel.reportedLater', {
                    result: [common(`state.${attempt.late.state}`), attempt.late.cause && causeText(attempt.late.cause)]
                      .filter(Boolean)
                      .join(' · '),
                  })}{' '}
                  <span className="text-ink-2">·</span>{' '}
                  <span className="whitespace-nowrap text-ink-2">
                    <Time at={attempt.late.reportedAt} />
                  </span>
                </span>
              )}
              <span className="text-xs break-all text-ink-2">
                {attempt.worker} · <Time at={attempt.startedAt ?? attempt.dispatchedAt} />
              </span>
            </button>
          </li>
        ))}
      </ol>
    </section>
  );
}

function Neighbours({
  title,
  names,
  onSelect,
}: {
  title: string;
  names: readonly string[];
  onSelect: (task: string) => void;
}): ReactNode {
  if (names.length === 0) return null;
  return (
    <section>
      <h3 className="mb-1 font-semibold">{title}</h3>
      <ul className="flex max-h-32 flex-wrap gap-1 overflow-auto">
        {names.map((name) => (
          <li key={name}>
            <button
              type="button"
              onClick={() => onSelect(name)}
              className="rounded border border-line px-1.5 py-0.5 font-mono text-xs text-accent hover:bg-surface-3"
            >
              {name}
            </button>
          </li>
        ))}
      </ul>
    </section>
  );
}

function Values({ title, values }: { title: string; values: Readonly<Record<string, unknown>> }): ReactNode {
  return (
    <section>
      <h3 className="mb-1 font-semibold">{title}</h3>
      <dl className="grid grid-cols-[minmax(5rem,auto)_1fr] gap-x-3 gap-y-0.5 text-xs">
        {Object.entries(values).map(([name, value]) => (
          <div key={name} className="contents">
            <dt className="font-mono break-all text-ink-2">{name}</dt>
            <dd className="max-h-24 overflow-auto font-mono break-all whitespace-pre-wrap">{valueText(value)}</dd>
          </div>
        ))}
      </dl>
    </section>
  );
}

function valueText(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value);
}

function Definition({ task }: { task: TaskDefinition }): ReactNode {
  const { t } = useTranslation('run');
  const { action } = task;
  const script = 'run' in action ? (action.run ?? action.file) : null;
  const settings: Record<string, unknown> = {
    ...(task.retry.max > 0
      ? { retry: `${task.retry.max} × ${span(task.retry.intervalMs)} ${task.retry.backoff}` }
      : {}),
    ...(task.timeout ? { timeout: `${span(task.timeout.afterMs)} → ${task.timeout.action}` } : {}),
    ...(task.trigger === 'all_success' ? {} : { trigger: task.trigger }),
    ...(task.priority ? { priority: task.priority } : {}),
    ...(task.workerGroup ? { workerGroup: task.workerGroup } : {}),
    ...(task.environment ? { environment: task.environment } : {}),
    ...(task.taskGroup ? { taskGroup: `${task.taskGroup.name} (${task.taskGroup.weight})` } : {}),
    ...(task.delayMs > 0 ? { delay: span(task.delayMs) } : {}),
    ...(task.onWorkerLost === 'rerun' ? {} : { onWorkerLost: task.onWorkerLost }),
    ...(task.executionLeaseMs !== undefined ? { executionLease: span(task.executionLeaseMs) } : {}),
    ...(task.disabled ? { disabled: true } : {}),
  };
  const rest = Object.fromEntries(Object.entries(action).filter(([name]) => !['type', 'run', 'file'].includes(name)));
  return (
    <>
      {task.description !== '' && <p className="text-ink-2">{task.description}</p>}
      {Object.keys(task.params).length > 0 && <Values title={t('panel.params')} values={task.params} />}
      {Object.keys(settings).length > 0 && <Values title={t('panel.settings')} values={settings} />}
      <details>
        <summary className="cursor-pointer font-semibold">{t('panel.definition')}</summary>
        {script !== null && (
          <pre
            tabIndex={0}
            className="mt-2 max-h-64 overflow-auto rounded-md border border-line bg-surface-2 p-2 text-xs whitespace-pre-wrap"
          >
            {script}
          </pre>
        )}
        {Object.keys(rest).length > 0 && (
          <div className="mt-2">
            <Values title={action.type} values={rest} />
          </div>
        )}
      </details>
    </>
  );
}
