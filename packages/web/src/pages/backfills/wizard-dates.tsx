/** The dates of a new backfill: every day, by cron, or a list. */
import type { ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { Button } from '../../ui/button.tsx';
import { Field, Input, TextArea } from '../../ui/field.tsx';
import { isZone, ZoneInput } from '../../ui/zone-input.tsx';
import { useCronWords } from '../workflow/schedule-words.tsx';
import { lastDays, lastMonth, readDates, type WizardForm } from './wizard-form.ts';

const KINDS = ['daily', 'cron', 'list'] as const;

export function WizardDates({
  form,
  scheduleCron,
  onChange,
}: {
  form: WizardForm;
  /** Of the workflow's own schedule. */
  scheduleCron: string | null;
  onChange: (part: Partial<WizardForm>) => void;
}): ReactNode {
  const { t } = useTranslation('backfills');
  const words = useCronWords(form.cron.trim());
  const wrongLine = readDates(form.list);
  return (
    <div className="grid gap-3">
      <div role="radiogroup" aria-label={t('wizard.kind')} className="flex flex-wrap gap-x-4">
        {KINDS.map((kind) => (
          <label key={kind} className="inline-flex min-h-7 items-center gap-2">
            <input
              type="radio"
              name="kind"
              className="size-4 accent-accent"
              checked={form.kind === kind}
              onChange={() => onChange({ kind })}
            />
            {t(`wizard.kinds.${kind}`)}
          </label>
        ))}
      </div>
      <Field
        label={t('wizard.zone')}
        problem={isZone(form.zone) ? null : t('wizard.zoneUnknown')}
        className="sm:max-w-80"
      >
        <ZoneInput value={form.zone} onChange={(zone) => onChange({ zone })} />
      </Field>
      {form.kind === 'list' ? (
        <Field
          label={t('wizard.list')}
          hint={t('wizard.listHint')}
          problem={typeof wrongLine === 'number' ? t('wizard.listWrong', { line: wrongLine }) : null}
        >
          <TextArea rows={5} value={form.list} onChange={(event) => onChange({ list: event.target.value })} />
        </Field>
      ) : (
        <Range form={form} onChange={onChange} />
      )}
      {form.kind === 'cron' && (
        <div className="grid justify-items-start gap-1.5">
          <Field
            className="w-full sm:max-w-80"
            label={t('wizard.cron')}
            hint={words !== '' && words !== form.cron.trim() ? words : t('wizard.cronHint')}
          >
            <Input
              className="font-mono"
              value={form.cron}
              placeholder="0 2 * * *"
              onChange={(event) => onChange({ cron: event.target.value })}
            />
          </Field>
          {scheduleCron !== null && form.cron !== scheduleCron && (
            <Button size="small" onClick={() => onChange({ cron: scheduleCron })}>
              {t('wizard.useSchedule', { cron: scheduleCron })}
            </Button>
          )}
        </div>
      )}
    </div>
  );
}

function Range({ form, onChange }: { form: WizardForm; onChange: (part: Partial<WizardForm>) => void }): ReactNode {
  const { t } = useTranslation('backfills');
  const zone = isZone(form.zone) ? form.zone : 'UTC';
  return (
    <>
      <div role="group" aria-label={t('wizard.quick')} className="flex flex-wrap gap-1.5">
        {[3, 7, 30].map((count) => (
          <Button key={count} size="small" onClick={() => onChange(lastDays(count, zone, Date.now()))}>
            {t('wizard.last', { count })}
          </Button>
        ))}
        <Button size="small" onClick={() => onChange(lastMonth(zone, Date.now()))}>
          {t('wizard.lastMonth')}
        </Button>
      </div>
      <div className="grid gap-3 sm:grid-cols-3">
        <Field label={t('wizard.start')}>
          <Input type="date" value={form.start} onChange={(event) => onChange({ start: event.target.value })} />
        </Field>
        <Field label={t('wizard.end')}>
          <Input
            type="date"
            min={form.start}
            value={form.end}
            onChange={(event) => onChange({ end: event.target.value })}
          />
        </Field>
        {form.kind === 'daily' && (
          <Field label={t('wizard.at')}>
            <Input type="time" value={form.at} onChange={(event) => onChange({ at: event.target.value })} />
          </Field>
        )}
      </div>
    </>
  );
}
