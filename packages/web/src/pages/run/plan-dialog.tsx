/** Before a run is run again: which tasks will run, which results are reused, which tasks are left out. */
import type { PlanView, RunRequest, RunSubmitted, RunView } from '@pelorus/protocol';
import { useMutation, useQuery } from '@tanstack/react-query';
import { useNavigate } from '@tanstack/react-router';
import { useState, type ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { api } from '../../api/client.ts';
import { newRequestKey } from '../../api/request-key.ts';
import { Button } from '../../ui/button.tsx';
import { Dialog } from '../../ui/dialog.tsx';
import { Field, Select } from '../../ui/field.tsx';
import { Spinner } from '../../ui/spinner.tsx';
import { ProblemText } from '../../ui/states.tsx';
import { toast, toastProblem } from '../../ui/toast.tsx';
import type { Again } from './orders.ts';
import { PlanTable } from './plan-table.tsx';

type Version = 'same' | 'latest';

export function PlanDialog({ what, run, onClose }: { what: Again; run: RunView; onClose: () => void }): ReactNode {
  const { t } = useTranslation('run');
  const { t: common } = useTranslation();
  const navigate = useNavigate();
  const [version, setVersion] = useState<Version>('same');
  const [key] = useState(newRequestKey);
  const plan = useQuery({
    queryKey: ['plan-preview', run.id, what, version],
    queryFn: ({ signal }) => preview(what, run, version, signal),
    retry: false,
    gcTime: 0,
  });
  const submit = useMutation({
    mutationFn: () => start(what, run, version, `${key}-${version}`),
    onSuccess: ({ id }) => {
      onClose();
      toast({
        title: t('again.started', { run: id }),
        action: {
          text: t('again.undo'),
          run: () => void api.runs.stop(id).catch((error: unknown) => toastProblem(t('order.refused'), error)),
        },
      });
      void navigate({ to: '/runs/$run', params: { run: String(id) }, search: {} });
    },
  });
  const canChooseVersion = what.kind === 'failed' || what.kind === 'from';
  return (
    <Dialog
      open
      onClose={onClose}
      size="wide"
      title={t(`again.${what.kind}.title`, { run: run.id, task: what.kind === 'from' ? what.task : '' })}
      description={t(`again.${what.kind}.what`)}
      footer={
        <>
          <Button onClick={onClose}>{common('action.cancel')}</Button>
          <Button
            kind="primary"
            busy={submit.isPending}
            disabled={plan.data === undefined}
            onClick={() => submit.mutate()}
          >
            {t('again.confirm', { count: plan.data?.plan.counts.run ?? 0 })}
          </Button>
        </>
      }
    >
      <div className="grid gap-3">
        {canChooseVersion && (
          <Field label={t('again.version')} className="max-w-sm">
            <Select value={version} onChange={(event) => setVersion(event.target.value as Version)}>
              <option value="same">{t('again.same', { version: run.version })}</option>
              <option value="latest">{t('again.latest')}</option>
            </Select>
          </Field>
        )}
        {plan.isPending && <Spinner label={t('again.planning')} />}
        {plan.error && <ProblemText error={plan.error} />}
        {submit.error && <ProblemText error={submit.error} />}
        {plan.data && <PlanTable plan={plan.data.plan} />}
      </div>
    </Dialog>
  );
}

function preview(what: Again, run: RunView, version: Version, signal: AbortSignal): Promise<{ plan: PlanView }> {
  switch (what.kind) {
    case 'failed':
      return api.runs.previewRerun(run.id, { version }, signal);
    case 'from':
      return api.runs.previewRerun(run.id, { from: what.task, version }, signal);
    case 'all':
      return api.runs.preview(requestLike(run, null), signal);
    case 'selected':
      return api.runs.preview(requestLike(run, what.tasks), signal);
  }
}

function start(what: Again, run: RunView, version: Version, idempotencyKey: string): Promise<RunSubmitted> {
  switch (what.kind) {
    case 'failed':
      return api.runs.rerun(run.id, { version }, { idempotencyKey });
    case 'from':
      return api.runs.rerun(run.id, { from: what.task, version }, { idempotencyKey });
    case 'all':
      return api.runs.repeat(run.id, { idempotencyKey });
    case 'selected':
      return api.runs.submit(requestLike(run, what.tasks), { idempotencyKey });
  }
}

/** With the settings of that run. */
function requestLike(run: RunView, select: string[] | null): RunRequest {
  const { project, workflow, version, params, failurePolicy, priority, dryRun, logicalDate, zone } = run;
  return {
    ...{ project, workflow, version, params, failurePolicy, priority, dryRun, logicalDate, zone },
    ...(run.workerGroup === null ? {} : { workerGroup: run.workerGroup }),
    ...(run.environment === null ? {} : { environment: run.environment }),
    ...(select === null ? {} : { select }),
  };
}
