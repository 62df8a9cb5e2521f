/** Every route there is. */
import { API_BASE } from '@pelorus/protocol';
import { SIGNED_IN } from './access.ts';
import { indexAnswer } from './answers/operations.ts';
import { ok, route, type Route } from './route.ts';
import { executorRoutes } from './executors/index.ts';
import { alertRoutes } from './resources/alerts.ts';
import { attemptRoutes } from './resources/attempts.ts';
import { auditRoutes } from './resources/audit.ts';
import { backfillRoutes } from './resources/backfills.ts';
import { bulkRoutes } from './resources/bulk.ts';
import { calendarRoutes } from './resources/calendars.ts';
import { connectionRoutes } from './resources/connections.ts';
import { deadlineRoutes } from './resources/deadlines.ts';
import { documentationRoutes } from './resources/documentation.ts';
import { eventRoutes } from './resources/events.ts';
import { historyRoutes } from './resources/history.ts';
import { maintenanceRoutes } from './resources/maintenance.ts';
import { memberRoutes } from './resources/members.ts';
import { fileRoutes } from './resources/files.ts';
import { projectRoutes } from './resources/projects.ts';
import { runActionRoutes } from './resources/run-actions.ts';
import { runAgainRoutes } from './resources/run-again.ts';
import { runRoutes } from './resources/runs.ts';
import { scheduleRoutes } from './resources/schedules.ts';
import { sessionRoutes } from './resources/sessions.ts';
import { signInRoutes } from './resources/sign-in.ts';
import { startRoutes } from './resources/start.ts';
import { secretRoutes } from './resources/secrets.ts';
import { statsRoutes } from './resources/stats.ts';
import { systemRoutes } from './resources/system.ts';
import { taskGroupRoutes } from './resources/task-groups.ts';
import { transferRoutes } from './resources/transfer.ts';
import { tokenRoutes } from './resources/tokens.ts';
import { userRoutes } from './resources/users.ts';
import { workerRoutes } from './resources/workers.ts';
import { environmentRoutes } from './resources/environments.ts';
import { workerGroupRoutes } from './resources/worker-groups.ts';
import { workflowRoutes } from './resources/workflows.ts';

/** The full path of a route. */
export function urlOf({ root, path }: Pick<Route, 'root' | 'path'>): string {
  return root ? path : API_BASE + path;
}

const index = route({
  id: 'getIndex',
  method: 'GET',
  path: '',
  access: SIGNED_IN,
  summary: 'What there is',
  answers: { 200: indexAnswer },
  handle: () =>
    ok({
      openapi: `${API_BASE}/openapi.json`,
      docs: `${API_BASE}/docs`,
      routes: ROUTES.map((each) => ({ method: each.method, path: urlOf(each), summary: each.summary })),
    }),
});

export const ROUTES: readonly Route[] = [
  ...executorRoutes,
  ...projectRoutes,
  ...memberRoutes,
  ...workflowRoutes,
  ...transferRoutes,
  ...runRoutes,
  ...historyRoutes,
  ...statsRoutes,
  ...runAgainRoutes,
  ...eventRoutes,
  ...runActionRoutes,
  ...backfillRoutes,
  ...scheduleRoutes,
  ...calendarRoutes,
  ...maintenanceRoutes,
  ...deadlineRoutes,
  ...bulkRoutes,
  ...attemptRoutes,
  ...workerRoutes,
  ...workerGroupRoutes,
  ...environmentRoutes,
  ...taskGroupRoutes,
  ...alertRoutes,
  ...connectionRoutes,
  ...secretRoutes,
  ...fileRoutes,
  ...startRoutes,
  ...signInRoutes,
  ...userRoutes,
  ...sessionRoutes,
  ...tokenRoutes,
  ...auditRoutes,
  ...systemRoutes,
  ...documentationRoutes(() => ROUTES, urlOf),
  index,
];
