/** Which tasks run, for which date, and what else may be said of a run. */
import type { TaskDefinition, WorkflowView } from '@pelorus/protocol';
import { useId, type ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { Field, Input, Select } from '../../ui/field.tsx';
import { ZoneInput } from '../../ui/zone-input.tsx';
import { RunDefaultFields } from './run-defaults.tsx';
import type { RunForm } from './run-request.ts';

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
          <ZoneInput placeholder={form.offeredZone} value={form.zone} onChange={(zone) => onChange({ zone })} />
        </Field>
        <RunDefaultFields form={form} onChange={onChange} />
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
    </details>
  );
}
