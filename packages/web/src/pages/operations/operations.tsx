/** What carries the work: who decides, who runs, and why something does not run yet. Asked again every few seconds while it is looked at. */
import './texts.ts';
import { useQuery } from '@tanstack/react-query';
import { Link, useSearch } from '@tanstack/react-router';
import type { ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { api } from '../../api/client.ts';
import { Page } from '../../ui/page.tsx';
import { Tabs } from '../../ui/tabs.tsx';
import { AlertsTab } from './alerts-tab.tsx';
import { EnvironmentsTab } from './environments-tab.tsx';
import { GroupsTab } from './groups-tab.tsx';
import { MastersTab } from './masters-tab.tsx';
import { SystemTab } from './system-tab.tsx';
import { WaitingTab } from './waiting-tab.tsx';
import { WorkersTab } from './workers-tab.tsx';

const TABS = {
  workers: WorkersTab,
  masters: MastersTab,
  waiting: WaitingTab,
  groups: GroupsTab,
  environments: EnvironmentsTab,
  alerts: AlertsTab,
  system: SystemTab,
};
type Tab = keyof typeof TABS;
const NAMES = Object.keys(TABS) as Tab[];

export function OperationsPage(): ReactNode {
  const { t } = useTranslation('operations');
  const { tab } = useSearch({ from: '/operations' });
  const shown = NAMES.find((name) => name === tab) ?? 'workers';
  const Shown = TABS[shown];
  return (
    <Page title={t('title')} subtitle={<Summary />}>
      <Tabs
        label={t('tabs.label')}
        tabs={NAMES}
        shown={shown}
        link={(id, props) => (
          <Link {...props} key={id} to="/operations" search={id === 'workers' ? {} : { tab: id }} replace>
            {t(`tabs.${id}`)}
          </Link>
        )}
      />
      <div role="tabpanel" id={`panel-${shown}`} aria-labelledby={`tab-${shown}`} className="min-w-0">
        <Shown />
      </div>
    </Page>
  );
}

function Summary(): ReactNode {
  const { t } = useTranslation('operations');
  const { data } = useQuery({
    queryKey: ['system'],
    queryFn: ({ signal }) => api.system(signal),
    refetchInterval: 5000,
  });
  if (data === undefined) return null;
  const { masters, workers } = data;
  const facts = [
    [t('overview.masters'), masters.active],
    [t('overview.workers'), workers.online],
    ...(workers.draining > 0 ? [[t('overview.draining'), workers.draining] as const] : []),
    [t('worker.load'), workers.slots],
  ] as const;
  return (
    <ul className="flex flex-wrap gap-x-4">
      {facts.map(([name, count]) => (
        <li key={name} className={count === 0 ? 'text-bad' : undefined}>
          {name}: <b className="font-medium tabular-nums">{count}</b>
        </li>
      ))}
    </ul>
  );
}
