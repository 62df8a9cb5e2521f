/** A schedule as a form; beside it, as one types, what the expression means and when it fires next. */
import type { SchedulePreview, ScheduleView } from '@pelorus/protocol';
import { useQuery } from '@tanstack/react-query';
import { useSearch } from '@tanstack/react-router';
import { useMemo, useState, type ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { api, queries } from '../../api/client.ts';
import { Button } from '../../ui/button.tsx';
import { Checkbox, Field, Input, Select, TextArea } from '../../ui/field.tsx';
import { FormDialog } from '../../ui/form-dialog.tsx';
import { useSettled } from '../../ui/settled.ts';
import { toast } from '../../ui/toast.tsx';
import { WorkflowPicker } from '../../ui/workflow-picker.tsx';
import { ZoneInput } from '../../ui/zone-input.tsx';
import { readLines } from '../workflows/run-request.ts';
import { FirePreview } from './fire-preview.tsx';
import { ScheduleAdvanced } from './schedule-advanced.tsx';
import { bodyOf, formOf, timesOf, type ScheduleForm } from './schedule-form.ts';

const EXAMPLES = { hourly: '0 * * * *', daily: '0 2 * * *', weekdays: '0 9 * * 1-5', monthly: '0 0 1 * *' } as const;

interface Part {
  form: ScheduleForm;
  onChange: (part: Partial<ScheduleForm>) => void;
  problemOf: (...fields: string[]) => string | null;
}

export function ScheduleDialog({
  schedule,
  onClose,
}: {
  /** Null: a new one. */
  schedule: ScheduleView | null;
  onClose: () => void;
}): ReactNode {
  const { t } = useTranslation('schedules');
  const search = useSearch({ strict: false });
  const [form, setForm] = useState(() => formOf(schedule, search.project ?? ''));
  const times = useSettled(useMemo(() => timesOf(form), [form]));
  const preview = useQuery<SchedulePreview>({
    queryKey: ['schedule-preview', times],
    queryFn: ({ signal }) => api.schedules.preview({ ...times, n: 10 }, signal),
    placeholderData: (before) => before,
    retry: false,
  });
  const body = bodyOf(form, schedule);
  const problems = preview.data?.problems ?? [];
  const part: Part = {
    form,
    onChange: (changed) => setForm((before) => ({ ...before, ...changed })),
    problemOf: (...fields) => problems.find(({ field }) => fields.includes(field))?.message ?? null,
  };
  return (
    <FormDialog
      size="wide"
      title={schedule === null ? t('form.newTitle') : t('form.editTitle', { workflow: schedule.workflow })}
      onClose={onClose}
      disabled={body === null || problems.length > 0}
      onSubmit={async () => {
        if (body === null) return 'stay';
        const { project, workflow, name } = form;
        await api.schedules.put(
          project,
          workflow,
          name.trim(),
          body,
          schedule === null ? { mustBeNew: true } : { ifRevision: schedule.revision },
        );
        toast({ title: t('form.saved') });
        await queries.invalidateQueries({ queryKey: ['schedules'] });
        return undefined;
      }}
    >
      <div className="grid items-start gap-5 md:grid-cols-[minmax(0,1fr)_17rem]">
        <div className="grid gap-3">
          {schedule?.fromDefinition && <p className="text-warn">{t('form.definition')}</p>}
          {schedule === null && (
            <>
              <WorkflowPicker chosen={form} onChange={part.onChange} />
              <Field label={t('form.name')}>
                <Input required value={form.name} onChange={(event) => part.onChange({ name: event.target.value })} />
              </Field>
            </>
          )}
          <Times {...part} />
          <Holidays {...part} />
          <Rest {...part} />
          <ScheduleAdvanced form={form} onChange={part.onChange} />
        </div>
        <FirePreview cron={times.cron} preview={preview.data} error={preview.error} />
      </div>
    </FormDialog>
  );
}

function Times({ form, onChange, problemOf }: Part): ReactNode {
  const { t } = useTranslation('schedules');
  return (
    <>
      <Field label={t('form.cron')} hint={t('form.cronHint')} problem={problemOf('cron')}>
        <Input
          required
          className="font-mono"
          value={form.cron}
          onChange={(event) => onChange({ cron: event.target.value })}
        />
      </Field>
      <div className="flex flex-wrap gap-1.5">
        {(Object.keys(EXAMPLES) as (keyof typeof EXAMPLES)[]).map((name) => (
          <Button key={name} size="small" onClick={() => onChange({ cron: EXAMPLES[name] })}>
            {t(`form.examples.${name}`)}
          </Button>
        ))}
      </div>
      <Field label={t('form.zone')} problem={problemOf('zone', 'timezone')}>
        <ZoneInput value={form.zone} onChange={(zone) => onChange({ zone })} />
      </Field>
      <div className="grid items-start gap-3 sm:grid-cols-2">
        <Field label={t('form.start')} hint={t('form.bound')} problem={problemOf('start')}>
          <Input value={form.start} onChange={(event) => onChange({ start: event.target.value })} />
        </Field>
        <Field label={t('form.end')} problem={problemOf('end')}>
          <Input value={form.end} onChange={(event) => onChange({ end: event.target.value })} />
        </Field>
      </div>
    </>
  );
}

function Holidays({ form, onChange, problemOf }: Part): ReactNode {
  const { t } = useTranslation('schedules');
  const calendars = useQuery({ queryKey: ['calendars'], queryFn: ({ signal }) => api.calendars.list(signal) });
  const names = calendars.data?.items.map(({ name }) => name) ?? [];
  return (
    <div className="grid items-start gap-3 sm:grid-cols-2">
      <Field label={t('form.calendar')} problem={problemOf('calendar')}>
        <Select value={form.calendar} onChange={(event) => onChange({ calendar: event.target.value })}>
          <option value="">{t('form.noCalendar')}</option>
          {form.calendar !== '' && !names.includes(form.calendar) && <option>{form.calendar}</option>}
          {names.map((name) => (
            <option key={name}>{name}</option>
          ))}
        </Select>
      </Field>
      {form.calendar !== '' && (
        <Field label={t('form.onHoliday')} problem={problemOf('onHoliday')}>
          <Select
            value={form.onHoliday}
            onChange={(event) => onChange({ onHoliday: event.target.value as ScheduleForm['onHoliday'] })}
          >
            {(['skip', 'shift_next', 'shift_previous'] as const).map((rule) => (
              <option key={rule} value={rule}>
                {t(`form.holidays.${rule}`)}
              </option>
            ))}
          </Select>
        </Field>
      )}
    </div>
  );
}

function Rest({ form, onChange }: Part): ReactNode {
  const { t } = useTranslation('schedules');
  const read = readLines(form.params);
  return (
    <>
      <div className="grid items-start gap-3 sm:grid-cols-2">
        <Field label={t('form.misfire')}>
          <Select
            value={form.misfire}
            onChange={(event) => onChange({ misfire: event.target.value as ScheduleForm['misfire'] })}
          >
            {(['fire_last', 'fire_all', 'skip'] as const).map((policy) => (
              <option key={policy} value={policy}>
                {t(`form.misfires.${policy}`)}
              </option>
            ))}
          </Select>
        </Field>
        {form.misfire === 'fire_all' && (
          <Field label={t('form.misfireMax')}>
            <Input
              type="number"
              min={1}
              required
              value={form.misfireMax}
              onChange={(event) => onChange({ misfireMax: event.target.value })}
            />
          </Field>
        )}
      </div>
      <Field label={t('form.params')} problem={typeof read === 'number' ? t('form.paramsWrong', { line: read }) : null}>
        <TextArea
          className="min-h-14"
          rows={2}
          value={form.params}
          onChange={(event) => onChange({ params: event.target.value })}
        />
      </Field>
      <Checkbox
        label={t('form.online')}
        checked={form.online}
        onChange={(event) => onChange({ online: event.target.checked })}
      />
    </>
  );
}
