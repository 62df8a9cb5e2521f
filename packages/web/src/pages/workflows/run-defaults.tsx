/** What of a run is as its workflow says unless it is said otherwise: of one run, of all runs of a schedule or of a backfill. */
import type { Priority } from '@pelorus/protocol';
import { useQuery } from '@tanstack/react-query';
import { useId, type ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { api } from '../../api/client.ts';
import { Field, Input, Select } from '../../ui/field.tsx';
import './texts.ts';

const PRIORITIES = ['highest', 'high', 'medium', 'low', 'lowest'] as const satisfies Priority[];

/** Empty texts: as the workflow says. */
export interface RunDefaults {
  priority: Priority | '';
  failurePolicy: '' | 'end' | 'continue';
  workerGroup: string;
  environment: string;
}

export function RunDefaultFields({
  form,
  onChange,
}: {
  form: RunDefaults;
  onChange: (part: Partial<RunDefaults>) => void;
}): ReactNode {
  const { t } = useTranslation('workflows');
  const ids = useId();
  const groups = useQuery({
    queryKey: ['worker-groups', 'names'],
    queryFn: ({ signal }) => api.workerGroups.list(signal),
    retry: false,
  });
  const environments = useQuery({
    queryKey: ['environments', 'names'],
    queryFn: ({ signal }) => api.environments.list(signal),
    retry: false,
  });
  return (
    <>
      <Field label={t('runDialog.priority')}>
        <Select
          value={form.priority}
          onChange={(event) => onChange({ priority: event.target.value as RunDefaults['priority'] })}
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
          onChange={(event) => onChange({ failurePolicy: event.target.value as RunDefaults['failurePolicy'] })}
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
      <Offered id={`${ids}-groups`} values={groups.data?.items.map(({ name }) => name) ?? []} />
      <Offered id={`${ids}-environments`} values={environments.data?.items.map(({ name }) => name) ?? []} />
    </>
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
