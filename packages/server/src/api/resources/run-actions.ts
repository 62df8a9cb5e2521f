/** Commands to a run or to a task of it. */
import { z } from 'zod';
import { inProject } from '../access.ts';
import { commandAnswer } from '../answers/runs.ts';
import { accepted, route, type Route } from '../route.ts';
import { commandRun, commandTask } from '../run-commands.ts';
import { runPath, waitQuery } from '../schemas.ts';

const RUN_ACTIONS = {
  stop: 'Stop a run: running tasks get SIGTERM, then SIGKILL',
  pause: 'Pause a run: running tasks finish, nothing new starts',
  resume: 'Go on with a paused run',
} as const;

const TASK_ACTIONS = {
  kill: { id: 'killTask', command: 'kill-task', summary: 'Kill one task of a run' },
  'force-success': {
    id: 'forceTaskSuccess',
    command: 'force-success',
    summary: 'Let a task that failed, or that waits to be executed, count as succeeded',
  },
} as const;

function onRun(action: keyof typeof RUN_ACTIONS): Route {
  return route({
    id: `${action}Run`,
    method: 'POST',
    path: `/runs/:run/${action}`,
    access: inProject('execute'),
    summary: RUN_ACTIONS[action],
    answers: { 202: commandAnswer },
    params: runPath,
    query: waitQuery,
    handle: async ({ params, query, signal }, context) =>
      accepted(await commandRun(context, params.run, action, { waitMs: query.wait, signal })),
  });
}

function onTask(action: keyof typeof TASK_ACTIONS): Route {
  const { id, command, summary } = TASK_ACTIONS[action];
  return route({
    id,
    method: 'POST',
    path: `/runs/:run/tasks/:task/${action}`,
    access: inProject('execute'),
    summary,
    answers: { 202: commandAnswer },
    params: runPath.extend({ task: z.string().min(1).max(255) }),
    query: waitQuery,
    handle: async ({ params, query, signal }, context) =>
      accepted(
        await commandTask(context, params.run, { kind: command, task: params.task }, { waitMs: query.wait, signal }),
      ),
  });
}

export const runActionRoutes: readonly Route[] = [
  onRun('stop'),
  onRun('pause'),
  onRun('resume'),
  onTask('kill'),
  onTask('force-success'),
];
