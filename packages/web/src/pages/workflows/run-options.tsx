/** Which tasks run, for which date, and what else may be said of a run. */
import type { Priority, TaskDefinition, WorkflowView } from '@pelorus/protocol';
import { useQuery } from '@tanstack/react-query';
import { useId, type ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { api } from '../../api/client.ts';
import { Field, Input, Select } from '../../ui/field.tsx';
import type { RunForm } from './run-request.ts';

const PRIORITIES = ['highest', 'high', 'medium', 'low', 'lowest'] as const satisfies Priority[];
const NAMES_OFFERED = 1000;

export function RunScope({
  tasks,
  form,
  onChange,
}: {
  tasks: readonly TaskDefinition[];
  form: RunForm;
  onChange: (part: Partial<RunForm>) => void;
}): ReactNode {
  const { t } = useTranslation('workflows');
  const names = useId();
  return (
    <div className="grid gap-3 sm:grid-cols-2">
      <Field label={t('runDialog.what')}>
        <Select value={form.what} onChange={(event) => onChange({ what: event.target.value as RunForm['what'] })}>
          {(['whole', 'task', 'post', 'pre', 'select'] as const).map((what) => (
            <option key={what} value={what}>
              {t(`runDialog.${what}`)}
            </option>
          ))}
        </Select>
      </Field>
      {form.what === 'select' && (
        <Field label={t('runDialog.chooseTasks')} hint={t('runDialog.chooseTasksHint')}>
          <Input value={form.tasks} onChange={(event) => onChange({ tasks: event.target.value })} />
        </Field>
      )}
      {form.what !== 'whole' && form.what !== 'select' && (
        <Field label={t('runDialog.chooseTask')}>
          <Input list={names} value={form.task} onChange={(event) => onChange({ task: event.target.value })} />
        </Field>
      )}
      <datalist id={names}>
        {tasks.slice(0, NAMES_OFFERED).map(({ name }) => (
          <option key={name} value={name} />
        ))}
      </datalist>
    </div>
  );
}

export function RunOptions({
  view,
  form,
  onChange,
}: {
  view: WorkflowView;
  form: RunForm;
  onChange: (part: Partial<RunForm>) => void;
}): ReactNode {
  const { t } = useTranslation('workflows');
  const groups = useQuery({
    queryKey: ['worker-groups'],
    queryFn: ({ signal }) => api.workerGroups.list(signal),
    retry: false,
  });
  const environments = useQuery({
    queryKey: ['environments'],
    queryFn: ({ signal }) => api.environments.list(signal),
    retry: false,
  });
  const ids = useId();
  const earlier = Array.from(
    { length: Math.min(50, view.latestVersion - 1) },
    (_, index) => view.latestVersion - 1 - index,
  );
  return (
    <details>
      <summary className="cursor-pointer text-ink-2">{t('runDialog.options')}</summary>
      <div className="mt-3 grid gap-3 sm:grid-cols-2">
        <Field label={t('runDialog.when')} hint={t('runDialog.whenHint')}>
          <Input type="datetime-local" value={form.date} onChange={(event) => onChange({ date: event.target.value })} />
        </Field>
        <Field label={t('runDialog.zone')}>
          <Input
            list={`${ids}-zones`}
            placeholder={form.offeredZone}
            value={form.zone}
            onChange={(event) => onChange({ zone: event.target.value })}
          />
        </Field>
        <Field label={t('runDialog.priority')}>
          <Select
            value={form.priority}
            onChange={(event) => onChange({ priority: event.target.value as RunForm['priority'] })}
          >
            <option value="">{t('runDialog.asWorkflow')}</option>
            {PRIORITIES.map((priority) => (
              <option key={priority} value={priority}>
                {t(`priorities.${priority}`)}
              </option>
            ))}
          </Select>
        </Field>
        <Field label={t('runDialog.failurePolicy')}>
          <Select
            value={form.failurePolicy}
            onChange={(event) => onChange({ failurePolicy: event.target.value as RunForm['failurePolicy'] })}
          >
            <option value="">{t('runDialog.asWorkflow')}</option>
            <option value="end">{t('runDialog.end')}</option>
            <option value="continue">{t('runDialog.continue')}</option>
          </Select>
        </Field>
        <Field label={t('runDialog.group')}>
          <Input
            list={`${ids}-groups`}
            placeholder={t('runDialog.asWorkflow')}
            value={form.workerGroup}
            onChange={(event) => onChange({ workerGroup: event.target.value })}
          />
        </Field>
        <Field label={t('runDialog.environment')}>
          <Input
            list={`${ids}-environments`}
            placeholder={t('runDialog.asWorkflow')}
            value={form.environment}
            onChange={(event) => onChange({ environment: event.target.value })}
          />
        </Field>
        {earlier.length > 0 && (
          <Field label={t('runDialog.version')}>
            <Select value={form.version} onChange={(event) => onChange({ version: event.target.value })}>
              <option value="">{t('runDialog.latest', { version: view.latestVersion })}</option>
              {earlier.map((version) => (
                <option key={version}>{version}</option>
              ))}
            </Select>
          </Field>
        )}
      </div>
      <Offered id={`${ids}-zones`} values={Intl.supportedValuesOf('timeZone')} />
      <Offered id={`${ids}-groups`} values={groups.data?.items.map(({ name }) => name) ?? []} />
      <Offered id={`${ids}-environments`} values={environments.data?.items.map(({ name }) => name) ?? []} />
    </details>
  );
}

function Offered({ id, values }: { id: string; values: readonly string[] }): ReactNode {
  return (
    <datalist id={id}>
      {values.map((value) => (
        <option key={value} value={value} />
      ))}
    </datalist>
  );
}
