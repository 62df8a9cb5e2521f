/** How the dates of a new backfill follow each other, and what each of its runs is given. */
import type { WorkflowView } from '@pelorus/protocol';
import type { ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { Checkbox, Field, Input, Select } from '../../ui/field.tsx';
import { ParameterFields } from '../workflows/parameter-fields.tsx';
import { RunDefaultFields } from '../workflows/run-defaults.tsx';
import { RunScope } from '../workflows/run-options.tsx';
import type { RunForm } from '../workflows/run-request.ts';
import type { WizardForm } from './wizard-form.ts';

const VERSIONS_OFFERED = 50;

interface Props {
  form: WizardForm;
  onChange: (part: Partial<WizardForm>) => void;
}

export function WizardHow({ form, onChange }: Props): ReactNode {
  const { t } = useTranslation('backfills');
  return (
    <div className="grid gap-3">
      <div className="grid gap-3 sm:grid-cols-3">
        <Field label={t('wizard.order')}>
          <Select
            value={form.order}
            onChange={(event) => onChange({ order: event.target.value as WizardForm['order'] })}
          >
            <option value="ascending">{t('ascending')}</option>
            <option value="descending">{t('descending')}</option>
          </Select>
        </Field>
        <Field label={t('wizard.mode')}>
          <Select value={form.mode} onChange={(event) => onChange({ mode: event.target.value as WizardForm['mode'] })}>
            <option value="serial">{t('serial')}</option>
            <option value="parallel">{t('wizard.parallel')}</option>
          </Select>
        </Field>
        {form.mode === 'parallel' && (
          <Field label={t('wizard.parallelism')}>
            <Input
              type="number"
              min={1}
              max={1000}
              required
              value={form.parallelism}
              onChange={(event) => onChange({ parallelism: event.target.value })}
            />
          </Field>
        )}
      </div>
      <Checkbox
        label={t('wizard.continue')}
        checked={form.continueAfterFailure}
        onChange={(event) => onChange({ continueAfterFailure: event.target.checked })}
      />
      <Checkbox
        label={t('wizard.dependents')}
        checked={form.withDependents}
        onChange={(event) => onChange({ withDependents: event.target.checked })}
      />
    </div>
  );
}

export function WizardRunOptions({ form, onChange, view }: Props & { view: WorkflowView }): ReactNode {
  const { t } = useTranslation('workflows');
  const { t: own } = useTranslation('backfills');
  const { run } = form;
  const change = (part: Partial<RunForm>): void => onChange({ run: { ...run, ...part } });
  const offered = Math.min(VERSIONS_OFFERED, view.latestVersion);
  const versions = Array.from({ length: offered }, (_, index) => view.latestVersion - index);
  return (
    <div className="grid gap-4">
      <ParameterFields declared={view.definition.params} form={run} onChange={change} />
      <RunScope tasks={view.definition.tasks} form={run} onChange={change} />
      <details>
        <summary className="cursor-pointer text-ink-2">{t('runDialog.options')}</summary>
        <div className="mt-3 grid gap-3 sm:grid-cols-2">
          <Field label={t('runDialog.version')}>
            <Select value={run.version} onChange={(event) => change({ version: event.target.value })}>
              <option value="">{own('facts.latest')}</option>
              {versions.map((version) => (
                <option key={version}>{version}</option>
              ))}
            </Select>
          </Field>
          <RunDefaultFields form={run} onChange={change} />
        </div>
      </details>
      <Checkbox
        label={own('wizard.dryRun')}
        checked={run.dryRun}
        onChange={(event) => change({ dryRun: event.target.checked })}
      />
    </div>
  );
}
