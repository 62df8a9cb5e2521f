/** Projects and what belongs to them, people and their rights, and what was done with these. */
import './texts.ts';
import { Link, useSearch } from '@tanstack/react-router';
import type { ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { useMe } from '../../app/session.tsx';
import { Page } from '../../ui/page.tsx';
import { Tabs } from '../../ui/tabs.tsx';
import { AuditTab } from './audit-tab.tsx';
import { ChannelsTab } from './channels-tab.tsx';
import { ConnectionsTab } from './connections-tab.tsx';
import { FilesTab } from './files-tab.tsx';
import { MembersTab } from './members-tab.tsx';
import { OfProject } from './of-project.tsx';
import { ProjectsTab } from './projects-tab.tsx';
import { SecretsTab } from './secrets-tab.tsx';
import { TokensTab } from './tokens-tab.tsx';
import { UsersTab } from './users-tab.tsx';

const TABS = {
  projects: () => <ProjectsTab />,
  members: () => <OfProject tab="members" part={MembersTab} />,
  secrets: () => <OfProject tab="secrets" part={SecretsTab} />,
  connections: () => <OfProject tab="connections" part={ConnectionsTab} />,
  files: () => <OfProject tab="files" part={FilesTab} />,
  channels: () => <ChannelsTab />,
  users: () => <UsersTab />,
  tokens: () => <TokensTab />,
  audit: () => <AuditTab />,
};
type Tab = keyof typeof TABS;
const NAMES = Object.keys(TABS) as Tab[];
/** What others may not even see. */
const FOR_ADMINISTRATORS: readonly Tab[] = ['users', 'channels'];
const OF_PROJECT: readonly Tab[] = ['projects', 'members', 'secrets', 'connections', 'files'];

export function AdminPage(): ReactNode {
  const { t } = useTranslation('admin');
  const { tab, project } = useSearch({ from: '/admin' });
  const { administrator, projects } = useMe();
  const mayAudit = projects.some(({ owner }) => owner);
  const offered = NAMES.filter(
    (name) => administrator || (!FOR_ADMINISTRATORS.includes(name) && (name !== 'audit' || mayAudit)),
  );
  const shown = offered.find((name) => name === tab) ?? 'projects';
  return (
    <Page title={t('title')}>
      <Tabs
        label={t('tabs.label')}
        tabs={offered}
        shown={shown}
        link={(id, props) => (
          <Link
            {...props}
            key={id}
            to="/admin"
            search={{
              ...(id === 'projects' ? {} : { tab: id }),
              ...(project !== undefined && OF_PROJECT.includes(id) ? { project } : {}),
            }}
            replace
          >
            {t(`tabs.${id}`)}
          </Link>
        )}
      />
      <div role="tabpanel" id={`panel-${shown}`} aria-labelledby={`tab-${shown}`} className="min-w-0">
        {TABS[shown]()}
      </div>
    </Page>
  );
}
