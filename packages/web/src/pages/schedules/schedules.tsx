/** All schedules and calendars, and the switch that holds everything still. */
import './texts.ts';
import { Link, useSearch } from '@tanstack/react-router';
import type { ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { MaintenanceSwitch, useMaintenance } from '../../app/maintenance.tsx';
import { Page } from '../../ui/page.tsx';
import { Tabs } from '../../ui/tabs.tsx';
import { CalendarsTab } from './calendars-tab.tsx';
import { ScheduleList } from './schedule-list.tsx';

export function SchedulesPage(): ReactNode {
  const { t } = useTranslation('schedules');
  const { tab } = useSearch({ from: '/schedules' });
  const shown = tab === 'calendars' ? 'calendars' : 'schedules';
  const maintenance = useMaintenance();
  return (
    <Page title={t('title')} actions={maintenance.data?.paused === false && <MaintenanceSwitch />}>
      <Tabs
        label={t('title')}
        tabs={['schedules', 'calendars']}
        shown={shown}
        link={(id, props) => (
          <Link key={id} to="/schedules" search={id === 'calendars' ? { tab: id } : {}} replace {...props}>
            {t(`tabs.${id}`)}
          </Link>
        )}
      />
      <div role="tabpanel" id={`panel-${shown}`} aria-labelledby={`tab-${shown}`} className="grid gap-4">
        {shown === 'calendars' ? <CalendarsTab /> : <ScheduleList />}
      </div>
    </Page>
  );
}
