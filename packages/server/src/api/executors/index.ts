/** The published `/executors` contract, literally: paths, names, units and status codes are not ours to change. */
import type { Route } from '../route.ts';
import { runDirect } from './direct.ts';
import { queryExecuting } from './executing.ts';
import { killExecution } from './kill.ts';
import { getExecution, getLogs, listExecutions } from './read.ts';
import { runWorkflow } from './run.ts';

export const executorRoutes: readonly Route[] = [
  runWorkflow,
  runDirect,
  listExecutions,
  getExecution,
  getLogs,
  killExecution,
  queryExecuting,
];
