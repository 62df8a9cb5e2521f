/** All addresses of the console. Each page is loaded when it is first opened; what can be chosen on it stands in the address, so that it can be sent to others. */
import { createRootRoute, createRoute, createRouter, lazyRouteComponent } from '@tanstack/react-router';
import { queries } from '../api/client.ts';
import { workflowList } from '../pages/workflows/list-query.ts';
import { ErrorState } from '../ui/states.tsx';
import { Spinner } from '../ui/spinner.tsx';
import { NotFound } from './not-found.tsx';
import { Shell } from './shell.tsx';

type Search = Record<string, unknown>;

/** Of the query of an address, texts; anything else is left out. */
function texts<Name extends string>(...names: Name[]): (search: Search) => Partial<Record<Name, string>> {
  return (search) => {
    const found: Partial<Record<Name, string>> = {};
    for (const name of names) {
      const value = search[name];
      if (typeof value === 'string' || typeof value === 'number') found[name] = String(value);
    }
    return found;
  };
}

const root = createRootRoute({ component: Shell, notFoundComponent: NotFound });
const at = <Path extends string>(path: Path) => ({ getParentRoute: () => root, path }) as const;

const home = createRoute({
  ...at('/'),
  component: lazyRouteComponent(() => import('../pages/home/home.tsx'), 'HomePage'),
});
const workflowsSearch = texts('project', 'q', 'label');
const workflows = createRoute({
  ...at('/workflows'),
  validateSearch: workflowsSearch,
  // What the list shows is asked for while its script is on the way.
  loaderDeps: ({ search }) => search,
  loader: ({ deps }) => void queries.prefetchInfiniteQuery(workflowList(deps)),
  component: lazyRouteComponent(() => import('../pages/workflows/list.tsx'), 'WorkflowsPage'),
});
const newWorkflow = createRoute({
  ...at('/workflows/new'),
  validateSearch: texts('project', 'view', 'task'),
  component: lazyRouteComponent(() => import('../pages/editor/editor.tsx'), 'NewWorkflowPage'),
});
const workflow = createRoute({
  ...at('/projects/$project/workflows/$workflow'),
  validateSearch: texts('tab', 'from', 'to', 'state'),
  component: lazyRouteComponent(() => import('../pages/workflow/workflow.tsx'), 'WorkflowPage'),
});
const editor = createRoute({
  ...at('/projects/$project/workflows/$workflow/edit'),
  validateSearch: texts('view', 'task'),
  component: lazyRouteComponent(() => import('../pages/editor/editor.tsx'), 'EditorPage'),
});
const runs = createRoute({
  ...at('/runs'),
  validateSearch: texts('project', 'workflow', 'state', 'execType', 'user', 'since', 'until', 'view', 'label', 'q'),
  component: lazyRouteComponent(() => import('../pages/runs/runs.tsx'), 'RunsPage'),
});
const run = createRoute({
  ...at('/runs/$run'),
  validateSearch: texts('view', 'task', 'attempt', 'q', 'compare', 'find', 'state', 'sort'),
  component: lazyRouteComponent(() => import('../pages/run/run.tsx'), 'RunPage'),
});
const schedules = createRoute({
  ...at('/schedules'),
  validateSearch: texts('project', 'q', 'online', 'tab', 'schedule'),
  component: lazyRouteComponent(() => import('../pages/schedules/schedules.tsx'), 'SchedulesPage'),
});
const backfills = createRoute({
  ...at('/backfills'),
  validateSearch: texts('project', 'state'),
  component: lazyRouteComponent(() => import('../pages/backfills/backfills.tsx'), 'BackfillsPage'),
});
const newBackfill = createRoute({
  ...at('/backfills/new'),
  validateSearch: texts(
    'project',
    'workflow',
    'kind',
    'start',
    'end',
    'at',
    'zone',
    'cron',
    'list',
    'mode',
    'parallelism',
    'order',
    'continueAfterFailure',
    'withDependents',
    'what',
    'task',
    'tasks',
    'params',
    'more',
    'priority',
    'failurePolicy',
    'workerGroup',
    'environment',
    'version',
    'dryRun',
  ),
  component: lazyRouteComponent(() => import('../pages/backfills/wizard.tsx'), 'BackfillWizardPage'),
});
const backfill = createRoute({
  ...at('/backfills/$backfill'),
  validateSearch: texts('view', 'state'),
  component: lazyRouteComponent(() => import('../pages/backfills/backfill.tsx'), 'BackfillPage'),
});
const operations = createRoute({
  ...at('/operations'),
  validateSearch: texts('tab', 'q', 'worker', 'state'),
  component: lazyRouteComponent(() => import('../pages/operations/operations.tsx'), 'OperationsPage'),
});
const admin = createRoute({
  ...at('/admin'),
  validateSearch: texts('tab', 'project', 'q', 'user', 'action', 'outcome', 'after', 'before'),
  component: lazyRouteComponent(() => import('../pages/admin/admin.tsx'), 'AdminPage'),
});
const account = createRoute({
  ...at('/account'),
  component: lazyRouteComponent(() => import('../pages/account/account.tsx'), 'AccountPage'),
});

export const router = createRouter({
  routeTree: root.addChildren([
    home,
    workflows,
    newWorkflow,
    workflow,
    editor,
    runs,
    run,
    schedules,
    backfills,
    newBackfill,
    backfill,
    operations,
    admin,
    account,
  ]),
  // All that is chosen is text: `?attempt=2`, without the quotes that would tell it from a number.
  parseSearch: (query) => Object.fromEntries(new URLSearchParams(query)),
  stringifySearch: (search: Search) => {
    const chosen = Object.entries(search).flatMap(([name, value]) =>
      typeof value === 'string' || typeof value === 'number' ? [[name, String(value)]] : [],
    );
    return chosen.length === 0 ? '' : `?${new URLSearchParams(chosen).toString()}`;
  },
  defaultPreload: 'intent',
  defaultPendingComponent: () => (
    <div className="p-6">
      <Spinner />
    </div>
  ),
  defaultErrorComponent: ({ error, reset }) => (
    <ErrorState error={error instanceof Error ? error : new Error(String(error))} onRetry={reset} />
  ),
  scrollRestoration: true,
});

declare module '@tanstack/react-router' {
  interface Register {
    router: typeof router;
  }
}
