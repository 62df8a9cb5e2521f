/** Every route there is. */
import type { Route } from './route.ts';
import { executorRoutes } from './executors/index.ts';
import { attemptRoutes } from './resources/attempts.ts';
import { connectionRoutes } from './resources/connections.ts';
import { projectRoutes } from './resources/projects.ts';
import { runActionRoutes } from './resources/run-actions.ts';
import { runRoutes } from './resources/runs.ts';
import { systemRoutes } from './resources/system.ts';
import { workerRoutes } from './resources/workers.ts';
import { workflowRoutes } from './resources/workflows.ts';

export const ROUTES: readonly Route[] = [
  ...executorRoutes,
  ...projectRoutes,
  ...workflowRoutes,
  ...runRoutes,
  ...runActionRoutes,
  ...attemptRoutes,
  ...workerRoutes,
  ...connectionRoutes,
  ...systemRoutes,
];
