/** What may be asked of a run in which state, and the asking. The master has the last word; this refuses what is clear already. */
import type { CommandAction } from '@pelorus/engine';
import { isTerminalRun, type CommandId, type RunId, type RunState, type TaskRunState } from '@pelorus/protocol';
import { StoreError } from '../store/port.ts';
import type { ApiContext } from './context.ts';
import { loadRun, loadRunDetail } from './lookup.ts';
import { nearestName } from './nearest.ts';
import { ApiFailure } from './problem.ts';
import { stateOf, taskStates } from './views.ts';

const RUN_STATES_FOR: Record<'stop' | 'pause' | 'resume', ReadonlySet<RunState>> = {
  stop: new Set<RunState>(['queued', 'waiting', 'running', 'pausing', 'paused']),
  pause: new Set<RunState>(['running']),
  resume: new Set<RunState>(['paused', 'pausing']),
};

const TASK_STATES_FOR: Record<'kill-task' | 'force-success', ReadonlySet<TaskRunState>> = {
  'kill-task': new Set<TaskRunState>(['delayed', 'queued', 'dispatched', 'running', 'retry_wait', 'paused']),
  'force-success': new Set<TaskRunState>([
    'delayed',
    'queued',
    'retry_wait',
    'paused',
    'failed',
    'killed',
    'upstream_failed',
  ]),
};

/** Throws `RUN_NOT_FOUND`, or `WRONG_STATE` with the state. */
export async function commandRun(
  context: ApiContext,
  run: RunId,
  kind: 'stop' | 'pause' | 'resume',
): Promise<CommandId> {
  const { state } = (await loadRun(context.store, run)).status;
  if (!RUN_STATES_FOR[kind].has(state)) throw wrongState(`run ${run} is ${state}: it cannot ${kind} now`, state);
  return write(context, run, { kind });
}

/** As `stop`, but a run that is stopping already is left to it. */
export async function killRun(context: ApiContext, run: RunId): Promise<void> {
  const { state } = (await loadRun(context.store, run)).status;
  if (isTerminalRun(state)) throw wrongState(`run ${run} has ended: ${state}`, state);
  if (state !== 'stopping') await write(context, run, { kind: 'stop' });
}

/** Throws `RUN_NOT_FOUND`, `TASK_NOT_FOUND`, or `WRONG_STATE` with the state of the run or of the task. */
export async function commandTask(
  context: ApiContext,
  run: RunId,
  kind: 'kill-task' | 'force-success',
  task: string,
): Promise<CommandId> {
  const detail = await loadRunDetail(context.store, run);
  const states = taskStates(
    await context.versions.definition(detail.spec.workflowId, detail.spec.workflowVersion),
    detail,
  );
  const found = states.find((state) => state.task.name === task);
  if (found === undefined)
    throw unknownTask(
      run,
      task,
      states.map((state) => state.task.name),
    );
  if (isTerminalRun(detail.status.state))
    throw wrongState(`run ${run} has ended: ${detail.status.state}`, detail.status.state);
  if (kind === 'force-success' && detail.status.state === 'stopping')
    throw wrongState(`run ${run} is stopping`, 'stopping');
  const state = stateOf(found);
  if (!TASK_STATES_FOR[kind].has(state))
    throw wrongState(
      `task ${task} is ${state}: ${kind === 'kill-task' ? 'there is nothing to kill' : 'it cannot be forced to succeed'}`,
      state,
    );
  return write(context, run, { kind, task });
}

function unknownTask(run: RunId, task: string, names: string[]): ApiFailure {
  const nearest = nearestName(task, names);
  return new ApiFailure(
    'TASK_NOT_FOUND',
    `run ${run} has no task ${task}${nearest === null ? '' : `; did you mean ${nearest}?`}`,
  );
}

/** The run may have ended since it was looked at: the store has the last word on that. */
async function write(context: ApiContext, run: RunId, action: CommandAction): Promise<CommandId> {
  try {
    const command = await context.store.requestCommand({
      run,
      action,
      user: context.user,
      at: context.clock(),
      idempotencyKey: null,
    });
    context.hints.commandWritten();
    context.log.info({ runId: run, command, action: action.kind }, 'command written');
    return command;
  } catch (error) {
    if (!(error instanceof StoreError) || error.code !== 'CONFLICT') throw error;
    const { state } = (await loadRun(context.store, run)).status;
    throw wrongState(`run ${run} is ${state}`, state, error);
  }
}

function wrongState(message: string, state: string, cause?: unknown): ApiFailure {
  return new ApiFailure('WRONG_STATE', message, { state, cause });
}
