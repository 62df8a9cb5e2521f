/** When a workflow runs by itself. */
import type { ScheduleSpec, WorkflowView } from '@pelorus/protocol';
import { Link } from '@tanstack/react-router';
import type { ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { buttonClass } from '../../ui/button.tsx';
import { Panel } from '../../ui/page.tsx';
import { EmptyState } from '../../ui/states.tsx';
import { Facts } from './facts.tsx';
import { useCronWords } from './schedule-words.tsx';

export function ScheduleTab({ view }: { view: WorkflowView }): ReactNode {
  const { t } = useTranslation('workflow');
  const { schedule } = view.definition;
  if (schedule === null)
    return (
      <EmptyState
        title={t('schedule.none')}
        action={
          <Link
            to="/projects/$project/workflows/$workflow/edit"
            params={{ project: view.project, workflow: view.name }}
            className={buttonClass('primary')}
          >
            {t('schedule.add')}
          </Link>
        }
      >
        {t('schedule.noneHint')}
      </EmptyState>
    );
  return <Schedule schedule={schedule} project={view.project} />;
}

function Schedule({ schedule, project }: { schedule: ScheduleSpec; project: string }): ReactNode {
  const { t } = useTranslation('workflow');
  const words = useCronWords(schedule.cron);
  const waitsFor = [...(schedule.dependsOnPrevious ? [t('schedule.dependsOnPrevious')] : []), ...schedule.dependsOn];
  return (
    <Panel
      title={words}
      className="max-w-2xl"
      actions={
        <Link to="/schedules" search={{ project }} className={buttonClass('quiet', 'small')}>
          {t('schedule.all')}
        </Link>
      }
    >
      <Facts
        facts={[
          [t('schedule.cron'), <code key="cron">{schedule.cron}</code>],
          [t('schedule.zone'), schedule.timezone],
          [t('schedule.state'), schedule.online ? t('online') : t('offline')],
          [t('schedule.from'), schedule.start],
          [t('schedule.to'), schedule.end],
          [t('schedule.misfire'), t(`schedule.misfires.${schedule.misfire}`)],
          [t('schedule.calendar'), schedule.calendar],
          [t('schedule.dependsOn'), waitsFor.length === 0 ? null : waitsFor.join(', ')],
        ]}
      />
    </Panel>
  );
}
