/** One workflow: what it is, how it went, who changed it. The view that is open stands in the address. */
import './texts.ts';
import '../workflows/texts.ts';
import type { WorkflowView } from '@pelorus/protocol';
import { useQuery } from '@tanstack/react-query';
import { Link, useNavigate, useParams, useSearch } from '@tanstack/react-router';
import { Ellipsis, Pencil, Play } from 'lucide-react';
import { lazy, Suspense, useState, type ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { api, queries } from '../../api/client.ts';
import { useMay } from '../../app/session.tsx';
import { Button, buttonClass } from '../../ui/button.tsx';
import { ConfirmDialog } from '../../ui/dialog.tsx';
import { Menu, MenuItem, MenuSeparator } from '../../ui/menu.tsx';
import { Page } from '../../ui/page.tsx';
import { Spinner } from '../../ui/spinner.tsx';
import { ErrorState } from '../../ui/states.tsx';
import { relativeTime } from '../../ui/time.tsx';
import { toast, toastProblem } from '../../ui/toast.tsx';
import { RunDialog } from '../workflows/run-dialog.tsx';
import { saveAs } from '../workflows/save-as.ts';
import { Overview } from './overview.tsx';
import { Tabs } from '../../ui/tabs.tsx';

const HistoryGrid = lazy(async () => ({ default: (await import('./history-grid.tsx')).HistoryGrid }));
const RunsTab = lazy(async () => ({ default: (await import('./runs-tab.tsx')).RunsTab }));
const VersionsTab = lazy(async () => ({ default: (await import('./versions-tab.tsx')).VersionsTab }));
const ScheduleTab = lazy(async () => ({ default: (await import('./schedule-tab.tsx')).ScheduleTab }));

const TABS = ['overview', 'history', 'runs', 'versions', 'schedule'] as const;
export type WorkflowTab = (typeof TABS)[number];
const ROUTE = '/projects/$project/workflows/$workflow';

export function WorkflowPage(): ReactNode {
  const { project, workflow } = useParams({ from: ROUTE });
  const view = useQuery({
    queryKey: ['workflow', project, workflow],
    queryFn: ({ signal }) => api.workflows.get(project, workflow, signal),
  });
  if (view.data) return <Loaded view={view.data} />;
  if (view.error) return <ErrorState error={view.error} onRetry={() => void view.refetch()} />;
  return (
    <div className="p-6">
      <Spinner />
    </div>
  );
}

function Loaded({ view }: { view: WorkflowView }): ReactNode {
  const { t } = useTranslation('workflow');
  const { tab = 'overview' } = useSearch({ from: ROUTE });
  const shown = TABS.find((each) => each === tab) ?? 'overview';
  const may = useMay(view.project);
  const [running, setRunning] = useState<{ task?: string } | null>(null);
  const address = { project: view.project, workflow: view.name };
  return (
    <Page
      title={view.name}
      subtitle={
        <>
          <Link to="/workflows" search={{ project: view.project }} className="text-accent underline">
            {view.project}
          </Link>
          {' · '}
          {t('version', {
            version: view.version,
            when: relativeTime(Date.parse(view.createdAt), Date.now()),
            user: view.createdBy,
          })}
        </>
      }
      actions={
        <>
          {may.execute && (
            <Button kind="primary" onClick={() => setRunning({})}>
              <Play className="size-4" aria-hidden /> {t('run')}
            </Button>
          )}
          {may.write && (
            <Link to="/projects/$project/workflows/$workflow/edit" params={address} className={buttonClass()}>
              <Pencil className="size-4" aria-hidden /> {t('edit')}
            </Link>
          )}
          <Actions view={view} />
        </>
      }
    >
      <Tabs
        label={t('tabs.label')}
        tabs={TABS}
        shown={shown}
        link={(each, props) => (
          <Link
            {...props}
            key={each}
            to={ROUTE}
            params={address}
            search={each === 'overview' ? {} : { tab: each }}
            replace
            preload={false}
          >
            {t(`tabs.${each}`)}
          </Link>
        )}
      />
      <div role="tabpanel" id={`panel-${shown}`} aria-labelledby={`tab-${shown}`} className="min-w-0">
        <Suspense fallback={<Spinner />}>
          {shown === 'overview' && <Overview view={view} onRunTask={(task) => setRunning({ task })} />}
          {shown === 'history' && <HistoryGrid view={view} />}
          {shown === 'runs' && <RunsTab {...address} />}
          {shown === 'versions' && <VersionsTab view={view} />}
          {shown === 'schedule' && <ScheduleTab view={view} />}
        </Suspense>
      </div>
      {running && <RunDialog {...address} {...running} onClose={() => setRunning(null)} />}
    </Page>
  );
}

function Actions({ view }: { view: WorkflowView }): ReactNode {
  const { t } = useTranslation('workflow');
  const { t: common } = useTranslation();
  const may = useMay(view.project);
  const navigate = useNavigate();
  const [deleting, setDeleting] = useState(false);
  const download = async (): Promise<void> => {
    try {
      const text = await api.workflows.export(view.project, view.name);
      saveAs(`${view.name}.${view.format}`, `application/${view.format}`, text);
    } catch (error) {
      toastProblem(t('exportFailed'), error);
    }
  };
  const remove = async (): Promise<void> => {
    await api.workflows.delete(view.project, view.name);
    toast({ title: t('deleted', { workflow: view.name }) });
    await navigate({ to: '/workflows', search: { project: view.project } });
    queries.removeQueries({ queryKey: ['workflow', view.project, view.name] });
    void queries.invalidateQueries({ queryKey: ['workflows'] });
  };
  return (
    <>
      <Menu label={t('actions')} icon={<Ellipsis className="size-4" aria-hidden />}>
        {may.execute && (
          <MenuItem
            onClick={() =>
              void navigate({ to: '/backfills/new', search: { project: view.project, workflow: view.name } })
            }
          >
            {t('backfill')}
          </MenuItem>
        )}
        <MenuItem onClick={() => void download()}>{t('export')}</MenuItem>
        {may.write && (
          <>
            <MenuSeparator />
            <MenuItem danger onClick={() => setDeleting(true)}>
              {t('delete')}
            </MenuItem>
          </>
        )}
      </Menu>
      <ConfirmDialog
        open={deleting}
        onClose={() => setDeleting(false)}
        title={t('deleteTitle', { workflow: view.name })}
        confirm={common('action.delete')}
        onConfirm={remove}
      >
        <p>{t('deleteHint')}</p>
      </ConfirmDialog>
    </>
  );
}
