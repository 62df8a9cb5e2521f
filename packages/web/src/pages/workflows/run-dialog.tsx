/** Starts a run: with which parameters, of which tasks and for which date; shows before what will happen. */
import './texts.ts';
import type { WorkflowView } from '@pelorus/protocol';
import { keepPreviousData, useQuery } from '@tanstack/react-query';
import { useNavigate } from '@tanstack/react-router';
import { Play } from 'lucide-react';
import { useDeferredValue, useState, type FormEvent, type ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { api } from '../../api/client.ts';
import { newRequestKey } from '../../api/request-key.ts';
import { Button } from '../../ui/button.tsx';
import { Dialog } from '../../ui/dialog.tsx';
import { Checkbox } from '../../ui/field.tsx';
import { Spinner } from '../../ui/spinner.tsx';
import { ErrorState, ProblemText } from '../../ui/states.tsx';
import { toast } from '../../ui/toast.tsx';
import { ParameterFields } from './parameter-fields.tsx';
import { RunOptions, RunScope } from './run-options.tsx';
import { EMPTY_FORM, problemOf, requestOf, type RunForm } from './run-request.ts';

export function RunDialog({
  project,
  workflow,
  task,
  onClose,
}: {
  project: string;
  workflow: string;
  /** Chosen beforehand. */
  task?: string;
  onClose: () => void;
}): ReactNode {
  const { t } = useTranslation('workflows');
  const view = useQuery({
    queryKey: ['workflow', project, workflow],
    queryFn: ({ signal }) => api.workflows.get(project, workflow, signal),
  });
  if (view.data) return <Form view={view.data} task={task} onClose={onClose} />;
  return (
    <Dialog open onClose={onClose} title={t('runDialog.title', { workflow })}>
      {view.error ? <ErrorState error={view.error} onRetry={() => void view.refetch()} /> : <Spinner />}
    </Dialog>
  );
}

function Form({
  view,
  task,
  onClose,
}: {
  view: WorkflowView;
  task: string | undefined;
  onClose: () => void;
}): ReactNode {
  const { t } = useTranslation('workflows');
  const { t: common } = useTranslation();
  const navigate = useNavigate();
  const [form, setForm] = useState<RunForm>(() => ({
    ...EMPTY_FORM,
    offeredZone: view.definition.schedule?.timezone ?? Intl.DateTimeFormat().resolvedOptions().timeZone,
    ...(task === undefined ? {} : { what: 'task', task }),
  }));
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<Error | null>(null);
  // One press of the button makes one run, also when its answer is lost and it is pressed again.
  const [key] = useState(newRequestKey);
  const [sent, setSent] = useState('');
  const version = useQuery({
    queryKey: ['workflow-version', view.project, view.name, form.version],
    queryFn: ({ signal }) => api.workflows.version(view.project, view.name, Number(form.version), signal),
    enabled: form.version !== '',
  });
  const definition = version.data?.definition ?? view.definition;
  const request = requestOf({ project: view.project, workflow: view.name }, form, definition.params);
  const complete = Object.entries(definition.params).every(
    ([name, declaration]) => problemOf(declaration, form.params[name] ?? '') === null,
  );
  const change = (part: Partial<RunForm>): void => {
    setForm((now) => ({ ...now, ...part }));
    setError(null);
  };
  const submit = async (event: FormEvent): Promise<void> => {
    event.preventDefault();
    if (request === null || !complete) return;
    setBusy(true);
    setError(null);
    const text = JSON.stringify(request);
    const idempotencyKey = sent === '' || sent === text ? key : newRequestKey();
    setSent(text);
    try {
      const { id, warnings } = await api.runs.submit(request, { idempotencyKey });
      const open = (): void => void navigate({ to: '/runs/$run', params: { run: String(id) } });
      toast({
        title: t('runDialog.started', { run: id }),
        ...(warnings.length > 0 ? { detail: warnings.join(' ') } : {}),
      });
      onClose();
      open();
    } catch (cause) {
      setError(cause instanceof Error ? cause : new Error(String(cause)));
    } finally {
      setBusy(false);
    }
  };
  return (
    <Dialog
      open
      onClose={onClose}
      size="wide"
      title={t('runDialog.title', { workflow: view.name })}
      footer={
        <>
          <Button onClick={onClose}>{common('action.cancel')}</Button>
          <Button kind="primary" type="submit" form="run-form" busy={busy} disabled={request === null || !complete}>
            <Play className="size-4" aria-hidden /> {t(form.dryRun ? 'runDialog.startDry' : 'runDialog.start')}
          </Button>
        </>
      }
    >
      <form id="run-form" onSubmit={(event) => void submit(event)} className="grid gap-5 md:grid-cols-[3fr_2fr]">
        <div className="grid content-start gap-4">
          <ParameterFields declared={definition.params} form={form} onChange={change} />
          <RunScope tasks={definition.tasks} form={form} onChange={change} />
          <RunOptions view={view} form={form} onChange={change} />
          <Checkbox
            label={t('runDialog.dryRun')}
            checked={form.dryRun}
            onChange={(event) => change({ dryRun: event.target.checked })}
          />
        </div>
        <div className="grid content-start gap-2">
          <h3 className="font-semibold">{t('runDialog.plan')}</h3>
          {request !== null && complete && <Plan request={request} />}
          {error && <ProblemText error={error} />}
        </div>
      </form>
    </Dialog>
  );
}

function Plan({ request }: { request: NonNullable<ReturnType<typeof requestOf>> }): ReactNode {
  const { t } = useTranslation('workflows');
  const asked = useDeferredValue(JSON.stringify(request));
  const plan = useQuery({
    queryKey: ['plan', asked],
    queryFn: ({ signal }) => api.runs.preview(JSON.parse(asked) as typeof request, signal),
    placeholderData: keepPreviousData,
    retry: false,
  });
  if (plan.error) return <ProblemText error={plan.error} />;
  if (plan.data === undefined) return <Spinner label={t('runDialog.planning')} />;
  const { tasks, counts, warnings } = plan.data.plan;
  return (
    <div className="grid gap-2 rounded-md border border-line bg-surface-2 p-3" aria-busy={plan.isFetching}>
      <p aria-live="polite">
        <b>{t('runDialog.willRun', { count: counts.run })}</b>
        {counts.skip > 0 && <span className="text-ink-2"> · {t('runDialog.willSkip', { count: counts.skip })}</span>}
      </p>
      {warnings.map((warning) => (
        <p key={warning} className="text-xs text-warn">
          {warning}
        </p>
      ))}
      <details open={tasks.length <= 12}>
        <summary className="cursor-pointer text-xs text-ink-2">{t('runDialog.showTasks')}</summary>
        <ul className="mt-1 max-h-64 overflow-auto text-xs">
          {tasks.slice(0, 500).map((task) => (
            <li key={task.name} className="flex gap-2 py-0.5">
              <span className={task.plan === 'skip' ? 'grow truncate text-ink-3' : 'grow truncate'}>{task.name}</span>
              <span className={task.plan === 'run' ? 'text-run' : 'text-ink-3'}>
                {task.reason === 'disabled' ? t('runDialog.disabled') : t(`runDialog.planned.${task.plan}`)}
              </span>
            </li>
          ))}
        </ul>
      </details>
    </div>
  );
}
