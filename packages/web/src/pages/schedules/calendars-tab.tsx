/** Calendars of holidays: typed day by day, or read from iCalendar and CSV files. */
import type { CalendarSummary } from '@pelorus/protocol';
import { useQuery } from '@tanstack/react-query';
import { useState, type ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { useFreshLists } from '../../api/changes.ts';
import { api, queries } from '../../api/client.ts';
import { useMe } from '../../app/session.tsx';
import type { Column } from '../../ui/data-table.tsx';
import { Field, Input, TextArea } from '../../ui/field.tsx';
import { FormDialog } from '../../ui/form-dialog.tsx';
import { DeleteDialog, ManagedList } from '../../ui/managed-list.tsx';
import { usePaged } from '../../ui/paged.tsx';
import { RowActions } from '../../ui/row-actions.tsx';
import { Spinner } from '../../ui/spinner.tsx';
import { ProblemText } from '../../ui/states.tsx';
import { Time } from '../../ui/time.tsx';
import { toast } from '../../ui/toast.tsx';

const KEY = ['calendars'];

export function CalendarsTab(): ReactNode {
  const { t } = useTranslation('schedules');
  const { t: common } = useTranslation();
  const { administrator } = useMe();
  const [edited, setEdited] = useState<CalendarSummary | 'new' | null>(null);
  const [removed, setRemoved] = useState<CalendarSummary | null>(null);
  useFreshLists('schedules');
  const list = usePaged(['calendars', 'paged'], (_cursor, signal) => api.calendars.list(signal));
  const columns: Column<CalendarSummary>[] = [
    {
      id: 'name',
      name: t('calendar.name'),
      cell: ({ name, description }) => (
        <>
          <b className="font-medium">{name}</b>
          {description && <p className="text-xs text-ink-2">{description}</p>}
        </>
      ),
    },
    {
      id: 'range',
      name: t('calendar.range'),
      cell: ({ dayCount, firstDay, lastDay }) => (
        <>
          {t('calendar.dayCount', { count: dayCount })}
          {firstDay !== null && (
            <p className="text-xs text-ink-2">
              {firstDay} – {lastDay}
            </p>
          )}
        </>
      ),
    },
    { id: 'used', name: t('calendar.used'), end: true, cell: ({ schedules }) => schedules },
    {
      id: 'changed',
      name: t('calendar.changed'),
      cell: ({ updatedAt, updatedBy }) => (
        <>
          <Time at={updatedAt} /> <span className="text-ink-2">{updatedBy}</span>
        </>
      ),
    },
    ...(administrator
      ? [
          {
            id: 'actions',
            name: t('calendar.actions'),
            actions: true,
            cell: (calendar: CalendarSummary) => (
              <RowActions
                edit={{ label: `${common('action.edit')}: ${calendar.name}`, onClick: () => setEdited(calendar) }}
                remove={{
                  label: t('calendar.remove', { name: calendar.name }),
                  onClick: () => setRemoved(calendar),
                }}
              />
            ),
          },
        ]
      : []),
  ];
  return (
    <ManagedList
      list={list}
      label={t('tabs.calendars')}
      columns={columns}
      keyOf={({ name }) => name}
      create={administrator ? { label: t('calendar.create'), onClick: () => setEdited('new') } : null}
      empty={{ title: t('calendar.empty'), hint: t('calendar.emptyHint') }}
    >
      {edited !== null && (
        <CalendarDialog calendar={edited === 'new' ? null : edited} onClose={() => setEdited(null)} />
      )}
      {removed !== null && (
        <DeleteDialog
          onClose={() => setRemoved(null)}
          title={t('calendar.removeTitle', { name: removed.name })}
          onDelete={async () => {
            await api.calendars.delete(removed.name);
            await queries.invalidateQueries({ queryKey: KEY });
          }}
        />
      )}
    </ManagedList>
  );
}

function CalendarDialog({ calendar, onClose }: { calendar: CalendarSummary | null; onClose: () => void }): ReactNode {
  const known = useQuery({
    queryKey: ['calendars', 'one', calendar?.name ?? ''],
    queryFn: ({ signal }) => api.calendars.get(calendar?.name ?? '', signal),
    enabled: calendar !== null,
    gcTime: 0,
  });
  if (calendar === null) return <CalendarForm name="" description="" days={[]} onClose={onClose} />;
  if (known.error) return <ProblemText error={known.error} />;
  if (known.data === undefined) return <Spinner />;
  return <CalendarForm {...known.data} onClose={onClose} />;
}

function CalendarForm({
  name: before,
  description: said,
  days,
  onClose,
}: {
  /** Empty: a new one. */
  name: string;
  description: string;
  days: readonly string[];
  onClose: () => void;
}): ReactNode {
  const { t } = useTranslation('schedules');
  const [name, setName] = useState(before);
  const [description, setDescription] = useState(said);
  const [text, setText] = useState(days.join('\n'));
  const [file, setFile] = useState<File | null>(null);
  const save = async (): Promise<void> => {
    const saved =
      file === null
        ? await api.calendars.put(name.trim(), { description, days: text.split(/[\s,]+/).filter(Boolean) })
        : await api.calendars.import(name.trim(), {
            format: file.name.toLowerCase().endsWith('.csv') ? 'csv' : 'ics',
            source: await file.text(),
            description,
          });
    const title = t('calendar.saved', { name: saved.name, count: saved.days.length });
    toast(saved.warnings.length === 0 ? { title } : { title, detail: saved.warnings.join(' ') });
    await queries.invalidateQueries({ queryKey: KEY });
  };
  return (
    <FormDialog
      title={before === '' ? t('calendar.create') : t('calendar.edit', { name: before })}
      onClose={onClose}
      onSubmit={save}
    >
      {before === '' && (
        <Field label={t('calendar.name')}>
          <Input required autoFocus value={name} onChange={(event) => setName(event.target.value)} />
        </Field>
      )}
      <Field label={t('calendar.description')}>
        <Input value={description} onChange={(event) => setDescription(event.target.value)} />
      </Field>
      <Field label={t('calendar.days')}>
        <TextArea
          rows={8}
          disabled={file !== null}
          value={text}
          placeholder="2026-12-25"
          onChange={(event) => setText(event.target.value)}
        />
      </Field>
      <Field label={t('calendar.file')}>
        <Input
          type="file"
          accept=".ics,.csv,text/calendar,text/csv"
          onChange={(event) => setFile(event.target.files?.[0] ?? null)}
        />
      </Field>
    </FormDialog>
  );
}
