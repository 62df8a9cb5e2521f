import type { ScheduleView } from '@pelorus/protocol';
import { useMutation } from '@tanstack/react-query';
import clsx from 'clsx';
import type { ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { api, queries } from '../../api/client.ts';
import { useMay } from '../../app/session.tsx';
import { toast, toastProblem } from '../../ui/toast.tsx';

/** Online or not, as a switch with its word; those who may not change it see it all the same. */
export function OnlineSwitch({ schedule }: { schedule: ScheduleView }): ReactNode {
  const { t } = useTranslation('schedules');
  const { project, workflow, name, online } = schedule;
  const may = useMay(project);
  const whole = `${workflow} / ${name}`;
  const flip = useMutation({
    mutationFn: () => (online ? api.schedules.offline : api.schedules.online)(project, workflow, name),
    onSuccess: async (next) => {
      toast({ title: t(next.online ? 'switched.on' : 'switched.off', { name: whole }) });
      await queries.invalidateQueries({ queryKey: ['schedules'] });
    },
    onError: (error) => toastProblem(t('refused'), error),
  });
  return (
    <button
      type="button"
      role="switch"
      aria-checked={online}
      aria-label={t('switch', { name: whole })}
      disabled={!may.write || flip.isPending}
      onClick={() => flip.mutate()}
      className="inline-flex min-h-7 items-center gap-2 disabled:cursor-not-allowed disabled:opacity-60"
    >
      <span
        aria-hidden
        className={clsx(
          'inline-flex h-5 w-9 shrink-0 items-center rounded-full border px-0.5',
          online ? 'justify-end border-ok bg-ok' : 'justify-start border-line-strong bg-surface-3',
        )}
      >
        <span className={clsx('size-3.5 rounded-full', online ? 'bg-surface' : 'bg-ink-2')} />
      </span>
      <span className={clsx('text-xs whitespace-nowrap', online ? 'font-medium text-ok' : 'text-ink-2')}>
        {t(online ? 'online' : 'offline')}
      </span>
    </button>
  );
}
