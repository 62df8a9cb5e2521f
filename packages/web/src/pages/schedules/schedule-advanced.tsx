/** What few schedules say: what their runs wait for, how they are run, and who is told. */
import type { NotifyType } from '@pelorus/protocol';
import { useState, type ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { Checkbox, Field, Input, Select } from '../../ui/field.tsx';
import { RunDefaultFields } from '../workflows/run-defaults.tsx';
import { hasAdvanced, timeLimitOf, type ScheduleForm } from './schedule-form.ts';

const NOTIFY = ['NONE', 'SUCCESS', 'FAILURE', 'ALL'] as const satisfies NotifyType[];

interface Props {
  form: ScheduleForm;
  onChange: (part: Partial<ScheduleForm>) => void;
}

export function ScheduleAdvanced({ form, onChange }: Props): ReactNode {
  const { t } = useTranslation('schedules');
  const [isOpen] = useState(() => hasAdvanced(form));
  return (
    <details open={isOpen} className="rounded-md border border-line">
      <summary className="cursor-pointer px-3 py-2 font-medium">{t('form.advanced')}</summary>
      <div className="grid gap-4 p-3 pt-1">
        <Dependencies form={form} onChange={onChange} />
        <div className="grid items-start gap-3 sm:grid-cols-2">
          <RunDefaultFields form={form} onChange={onChange} />
          <Field
            label={t('form.timeLimit')}
            hint={t('form.timeLimitHint')}
            problem={timeLimitOf(form) === undefined ? t('form.timeLimitWrong') : null}
          >
            <Input value={form.timeLimit} onChange={(event) => onChange({ timeLimit: event.target.value })} />
          </Field>
        </div>
        <Notification form={form} onChange={onChange} />
      </div>
    </details>
  );
}

function Dependencies({ form, onChange }: Props): ReactNode {
  const { t } = useTranslation('schedules');
  return (
    <>
      <Checkbox
        label={t('form.dependsOnPrevious')}
        checked={form.dependsOnPrevious}
        onChange={(event) => onChange({ dependsOnPrevious: event.target.checked })}
      />
      <Field label={t('form.dependsOn')} hint={t('form.dependsOnHint')}>
        <Input value={form.dependsOn} onChange={(event) => onChange({ dependsOn: event.target.value })} />
      </Field>
    </>
  );
}

function Notification({ form, onChange }: Props): ReactNode {
  const { t } = useTranslation('schedules');
  const { t: workflows } = useTranslation('workflows');
  return (
    <div className="grid items-start gap-3 sm:grid-cols-2">
      <Field label={t('form.notify')}>
        <Select
          value={form.notifyType}
          onChange={(event) => onChange({ notifyType: event.target.value as ScheduleForm['notifyType'] })}
        >
          <option value="">{workflows('runDialog.asWorkflow')}</option>
          {NOTIFY.map((type) => (
            <option key={type} value={type}>
              {t(`form.notifyTypes.${type}`)}
            </option>
          ))}
        </Select>
      </Field>
      {form.notifyType !== '' && form.notifyType !== 'NONE' && (
        <Field label={t('form.notifyMails')} hint={t('form.notifyMailsHint')}>
          <Input
            required
            value={form.notifyMails}
            onChange={(event) => onChange({ notifyMails: event.target.value })}
          />
        </Field>
      )}
    </div>
  );
}
