/** When a workflow runs by itself: each of its schedules in words, with the next times, and the switch. */
import type { ScheduleDetail, ScheduleView, WorkflowView } from '@pelorus/protocol';
import { useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { useState, type ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { api, queries } from '../../api/client.ts';
import { useMay } from '../../app/session.tsx';
import { Button, buttonClass } from '../../ui/button.tsx';
import { Panel } from '../../ui/page.tsx';
import { Spinner } from '../../ui/spinner.tsx';
import { EmptyState, ErrorState } from '../../ui/states.tsx';
import { Time } from '../../ui/time.tsx';
import { toast, toastProblem } from '../../ui/toast.tsx';
import { zoneDate } from '../../ui/zone-dates.ts';
import { Facts } from './facts.tsx';
import { useCronWords } from './schedule-words.tsx';

const NEXT_SHOWN = 5;

export function ScheduleTab({ view }: { view: WorkflowView }): ReactNode {
  const { t } = useTranslation('workflow');
  const { project, name } = view;
  const list = useQuery({
    queryKey: ['schedules', project, name],
    queryFn: ({ signal }) => api.schedules.list({ project, workflow: name }, signal),
  });
  if (list.isPending) return <Spinner />;
  if (list.error && list.data === undefined)
    return <ErrorState error={list.error} onRetry={() => void list.refetch()} />;
  const items = list.data?.items ?? [];
  if (items.length === 0)
    return (
      <EmptyState
        title={t('schedule.none')}
        action={
          <Link
            to="/projects/$project/workflows/$workflow/edit"
            params={{ project, workflow: name }}
            className={buttonClass('primary')}
          >
            {t('schedule.add')}
          </Link>
        }
      >
        {t('schedule.noneHint')}
      </EmptyState>
    );
  return (
    <div className="grid items-start gap-4 xl:grid-cols-2">
      {items.map((schedule) => (
        <Schedule key={schedule.name} schedule={schedule} />
      ))}
      <Link
        to="/schedules"
        search={{ project }}
        className="justify-self-start text-accent hover:underline xl:col-span-2"
      >
        {t('schedule.all')}
      </Link>
    </div>
  );
}

function Schedule({ schedule }: { schedule: ScheduleView }): ReactNode {
  const { t } = useTranslation('workflow');
  const words = useCronWords(schedule.cron);
  const { project, workflow, name } = schedule;
  const detail = useQuery({
    queryKey: ['schedules', project, workflow, name, schedule.revision, schedule.online],
    queryFn: ({ signal }) => api.schedules.get(project, workflow, name, signal),
  });
  const waitsFor = [...(schedule.dependsOnPrevious ? [t('schedule.dependsOnPrevious')] : []), ...schedule.dependsOn];
  return (
    <Panel title={words} actions={<OnlineSwitch schedule={schedule} />}>
      <Facts
        facts={[
          [t('parameter'), `${name}${schedule.fromDefinition ? ` (${t('schedule.fromDefinition')})` : ''}`],
          [t('schedule.state'), schedule.online ? t('online') : t('offline')],
          [t('schedule.cron'), <code key="cron">{schedule.cron}</code>],
          [t('schedule.zone'), schedule.zone],
          [t('schedule.from'), schedule.start],
          [t('schedule.to'), schedule.end],
          [t('schedule.misfire'), t(`schedule.misfires.${schedule.misfire}`)],
          [t('schedule.calendar'), schedule.calendar],
          [t('schedule.dependsOn'), waitsFor.length === 0 ? null : waitsFor.join(', ')],
          [t('schedule.last'), <LastRun key="last" schedule={schedule} />],
          [t('schedule.next'), detail.data ? <Next key="next" detail={detail.data} /> : null],
        ]}
      />
    </Panel>
  );
}

function LastRun({ schedule }: { schedule: ScheduleView }): ReactNode {
  if (schedule.lastRun === null) return <Time at={schedule.lastFiredAt} />;
  return (
    <Link to="/runs/$run" params={{ run: String(schedule.lastRun) }} className="text-accent hover:underline">
      #{schedule.lastRun} · <Time at={schedule.lastFiredAt} />
    </Link>
  );
}

function Next({ detail }: { detail: ScheduleDetail }): ReactNode {
  const { t } = useTranslation('workflow');
  if (detail.nextFires.length === 0) return t('schedule.noNext');
  return (
    <>
      {!detail.online && <p className="text-ink-2">{t('schedule.offlineNext')}</p>}
      <ol>
        {detail.nextFires.slice(0, NEXT_SHOWN).map(({ dueAt }) => (
          <li key={dueAt}>
            <time dateTime={dueAt}>{zoneDate(dueAt, detail.zone)}</time>
          </li>
        ))}
      </ol>
    </>
  );
}

function OnlineSwitch({ schedule }: { schedule: ScheduleView }): ReactNode {
  const { t } = useTranslation('workflow');
  const { project, workflow, name, online } = schedule;
  const may = useMay(project);
  const [busy, setBusy] = useState(false);
  if (!may.write) return null;
  const flip = async (): Promise<void> => {
    setBusy(true);
    try {
      const next = await (online ? api.schedules.offline : api.schedules.online)(project, workflow, name);
      toast({ title: t('schedule.changed', { name, state: t(next.online ? 'online' : 'offline') }) });
      await queries.invalidateQueries({ queryKey: ['schedules'] });
    } catch (error) {
      toastProblem(t('schedule.refused'), error);
    } finally {
      setBusy(false);
    }
  };
  return (
    <Button size="small" busy={busy} onClick={() => void flip()}>
      {online ? t('schedule.goOffline') : t('schedule.goOnline')}
    </Button>
  );
}
