/** By when a workflow must have succeeded: its deadlines, and a form for another. */
import type { DeadlineView } from '@pelorus/protocol';
import { useMutation, useQuery } from '@tanstack/react-query';
import { Trash2 } from 'lucide-react';
import { useState, type ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { api, queries } from '../../api/client.ts';
import { useMay } from '../../app/session.tsx';
import { Button, IconButton } from '../../ui/button.tsx';
import { Dialog } from '../../ui/dialog.tsx';
import { Field, Input } from '../../ui/field.tsx';
import { Spinner } from '../../ui/spinner.tsx';
import { ErrorState, ProblemText } from '../../ui/states.tsx';
import { relativeTime, useNow } from '../../ui/time.tsx';
import { toastProblem } from '../../ui/toast.tsx';
import { ZoneInput } from '../../ui/zone-input.tsx';
import { useCronWords } from '../workflow/schedule-words.tsx';
import { namesOf } from './schedule-form.ts';

interface Of {
  project: string;
  workflow: string;
}

export function DeadlinesDialog({ project, workflow, onClose }: Of & { onClose: () => void }): ReactNode {
  const { t } = useTranslation('schedules');
  const may = useMay(project);
  const list = useQuery({
    queryKey: ['deadlines', project, workflow],
    queryFn: ({ signal }) => api.deadlines.list(project, workflow, signal),
  });
  return (
    <Dialog open onClose={onClose} title={t('deadline.title', { workflow })} description={t('deadline.hint')}>
      {list.isPending ? (
        <Spinner />
      ) : list.error ? (
        <ErrorState error={list.error} onRetry={() => void list.refetch()} />
      ) : (
        <div className="grid gap-4 pb-3">
          {list.data.items.length === 0 && <p className="text-ink-2">{t('deadline.empty')}</p>}
          <ul className="grid gap-2 empty:hidden">
            {list.data.items.map((deadline) => (
              <Deadline key={deadline.name} deadline={deadline} />
            ))}
          </ul>
          {may.write && <AddForm project={project} workflow={workflow} />}
        </div>
      )}
    </Dialog>
  );
}

function Deadline({ deadline }: { deadline: DeadlineView }): ReactNode {
  const { t } = useTranslation('schedules');
  const { project, workflow, name, task, cron, zone, nextCheckAt, lastMissedAt } = deadline;
  const may = useMay(project);
  const words = useCronWords(cron);
  const now = useNow(30_000);
  const remove = useMutation({
    mutationFn: () => api.deadlines.delete(project, workflow, name),
    onSuccess: () => queries.invalidateQueries({ queryKey: ['deadlines'] }),
    onError: (error) => toastProblem(t('refused'), error),
  });
  return (
    <li className="flex items-start gap-2 rounded-md border border-line px-3 py-2">
      <div className="min-w-0 grow">
        <b className="font-medium">{name}</b> {task !== null && <code>{task}</code>}
        <p>
          {words} <span className="text-ink-2">({zone})</span>
        </p>
        <p className="text-xs text-ink-2">
          {nextCheckAt && t('deadline.next', { when: relativeTime(Date.parse(nextCheckAt), now) })}
          {lastMissedAt && (
            <span className="text-bad">
              {' '}
              · {t('deadline.missed', { when: relativeTime(Date.parse(lastMissedAt), now) })}
            </span>
          )}
        </p>
      </div>
      {may.write && (
        <IconButton
          size="small"
          className="text-bad"
          label={t('deadline.remove', { name })}
          busy={remove.isPending}
          onClick={() => remove.mutate()}
        >
          <Trash2 className="size-4" aria-hidden />
        </IconButton>
      )}
    </li>
  );
}

const EMPTY = { name: '', cron: '', zone: 'UTC', task: '', recipients: '' };

function AddForm({ project, workflow }: Of): ReactNode {
  const { t } = useTranslation('schedules');
  const [form, setForm] = useState(EMPTY);
  const words = useCronWords(form.cron.trim());
  const add = useMutation({
    mutationFn: () =>
      api.deadlines.put(project, workflow, form.name.trim(), {
        cron: form.cron.trim(),
        zone: form.zone,
        task: form.task.trim() === '' ? null : form.task.trim(),
        recipients: namesOf(form.recipients),
      }),
    onSuccess: async () => {
      setForm(EMPTY);
      await queries.invalidateQueries({ queryKey: ['deadlines'] });
    },
  });
  const text = (name: keyof typeof EMPTY) => ({
    value: form[name],
    onChange: (event: { target: { value: string } }) => setForm({ ...form, [name]: event.target.value }),
  });
  return (
    <form
      className="grid items-start gap-3 border-t border-line pt-3 sm:grid-cols-2"
      onSubmit={(event) => {
        event.preventDefault();
        add.mutate();
      }}
    >
      <Field label={t('deadline.name')}>
        <Input required {...text('name')} />
      </Field>
      <Field label={t('form.cron')} {...(words === form.cron.trim() ? {} : { hint: words })}>
        <Input required className="font-mono" placeholder="0 6 * * *" {...text('cron')} />
      </Field>
      <Field label={t('form.zone')}>
        <ZoneInput value={form.zone} onChange={(zone) => setForm({ ...form, zone })} />
      </Field>
      <Field label={t('deadline.task')} hint={t('deadline.taskHint')}>
        <Input {...text('task')} />
      </Field>
      <Field label={t('deadline.recipients')} hint={t('deadline.recipientsHint')} className="sm:col-span-2">
        <Input {...text('recipients')} />
      </Field>
      {add.error && (
        <div className="sm:col-span-2">
          <ProblemText error={add.error} />
        </div>
      )}
      <Button type="submit" className="justify-self-start" busy={add.isPending}>
        {t('deadline.add')}
      </Button>
    </form>
  );
}
