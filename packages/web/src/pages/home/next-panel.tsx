/** Schedules that fire next. */
import { Link } from '@tanstack/react-router';
import type { ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { useMaintenance } from '../../app/maintenance.tsx';
import { buttonClass } from '../../ui/button.tsx';
import { Time } from '../../ui/time.tsx';
import { zoneDate } from '../../ui/zone-dates.ts';
import { useCronWords } from '../workflow/schedule-words.tsx';
import { ListPanel } from './list-panel.tsx';
import { useOnlineSchedules, type Expected } from './online-schedules.ts';

const SHOWN = 8;

export function NextPanel(): ReactNode {
  const { t } = useTranslation('home');
  const asked = useOnlineSchedules();
  const isPaused = useMaintenance().data?.paused === true;
  const due = isPaused ? [] : (asked.data ?? []);
  return (
    <ListPanel
      title={t('next')}
      actions={
        <Link to="/schedules" className={buttonClass('quiet', 'small')}>
          {t('all')}
        </Link>
      }
      asked={asked}
      rows={due.slice(0, SHOWN)}
      hasMore={due.length > SHOWN}
      keyOf={({ project, workflow, name }) => `${project}/${workflow}/${name}`}
      row={(schedule) => <Next schedule={schedule} />}
      empty={
        isPaused ? (
          t('nextPaused')
        ) : (
          <>
            {t('nextNone')}{' '}
            <Link to="/schedules" className="text-accent underline">
              {t('addSchedule')}
            </Link>
          </>
        )
      }
    />
  );
}

function Next({ schedule: { project, workflow, cron, zone, nextFire } }: { schedule: Expected }): ReactNode {
  const words = useCronWords(cron);
  return (
    <div className="flex flex-wrap items-center gap-x-3">
      <div className="min-w-0 grow basis-56">
        <Link
          to="/projects/$project/workflows/$workflow"
          params={{ project, workflow }}
          className="break-words hover:underline"
        >
          <span className="text-ink-2">{project} / </span>
          <span className="font-medium">{workflow}</span>
        </Link>
        <p className="text-xs text-ink-2">{words}</p>
      </div>
      <div className="sm:text-end">
        <Time at={nextFire.dueAt} zone={zone} />
        <p className="text-xs text-ink-2">
          {zoneDate(nextFire.dueAt, zone)} {zone}
        </p>
      </div>
    </div>
  );
}
