/** What may be asked of a run in which state, and the asking. The master has the last word; this refuses what is clear already. */
import { setTimeout } from 'node:timers/promises';
import type { CommandAction } from '@pelorus/engine';
import {
  isTerminalRun,
  type CommandAccepted,
  type CommandId,
  type RunId,
  type RunState,
  type TaskRunState,
} from '@pelorus/protocol';
import { StoreError, type RunDetail } from '../store/port.ts';
import type { ApiContext } from './context.ts';
import { API_LIMITS } from './limits.ts';
import { loadRun, loadRunDetail } from './lookup.ts';
import { nearestName } from './nearest.ts';
import { ApiFailure } from './problem.ts';
import { stateOf, taskStates, type TaskState } from './views.ts';

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

/** How long to wait for what becomes of the command; 0: not at all. */
export interface Waiting {
  waitMs: number;
  signal: AbortSignal;
  /** The same key again is the same command. */
  idempotencyKey?: string;
}

/** Whether the command can apply to a run in that state. */
export function suits(kind: 'stop' | 'pause' | 'resume', state: RunState): boolean {
  return RUN_STATES_FOR[kind].has(state);
}

/** Throws `RUN_NOT_FOUND`, or `WRONG_STATE` with the state, also when the run's master refused the command meanwhile. */
export async function commandRun(
  context: ApiContext,
  run: RunId,
  kind: 'stop' | 'pause' | 'resume',
  waiting: Waiting,
): Promise<CommandAccepted> {
  const { state } = (await loadRun(context, run)).status;
  if (!suits(kind, state)) throw wrongState(`run ${run} is ${state}: it cannot ${kind} now`, state);
  const command = await write(context, run, { kind }, waiting.idempotencyKey);
  const reason = await refusalOf(context, command, waiting);
  const now = (await loadRun(context, run)).status.state;
  if (typeof reason === 'string') throw wrongState(`run ${run}: ${reason}`, now);
  return { command, run, outcome: reason === null ? 'applied' : 'pending', state: now };
}

/** As `stop`, but a run that is stopping already is left to it. */
export async function killRun(context: ApiContext, run: RunId, waiting: Waiting): Promise<void> {
  const { state } = (await loadRun(context, run)).status;
  if (isTerminalRun(state)) throw wrongState(`run ${run} has ended: ${state}`, state);
  if (state === 'stopping') return;
  const reason = await refusalOf(context, await write(context, run, { kind: 'stop' }), waiting);
  if (typeof reason !== 'string') return;
  const now = (await loadRun(context, run)).status.state;
  if (isTerminalRun(now)) throw wrongState(`run ${run} has ended: ${now}`, now);
}

/** Throws `RUN_NOT_FOUND`, `TASK_NOT_FOUND`, or `WRONG_STATE` with the state of the run or of the task. */
export async function commandTask(
  context: ApiContext,
  run: RunId,
  action: { kind: 'kill-task' | 'force-success'; task: string },
  waiting: Waiting,
): Promise<CommandAccepted> {
  const { status, task } = await taskOf(context, run, action.task);
  refuseTaskCommand(run, action, status.state, stateOf(task));
  const command = await write(context, run, action);
  const reason = await refusalOf(context, command, waiting);
  if (typeof reason === 'string')
    throw wrongState(`run ${run}: ${reason}`, stateOf((await taskOf(context, run, action.task)).task));
  const { state } = (await loadRun(context, run)).status;
  return { command, run, outcome: reason === null ? 'applied' : 'pending', state };
}

async function taskOf(
  context: ApiContext,
  run: RunId,
  name: string,
): Promise<{ status: RunDetail['status']; task: TaskState }> {
  const detail = await loadRunDetail(context, run);
  const { workflowId, workflowVersion } = detail.spec;
  const states = taskStates(await context.versions.definition(workflowId, workflowVersion), detail);
  const task = states.find((state) => state.task.name === name);
  if (task !== undefined) return { status: detail.status, task };
  const names = (await context.caller.may('read', detail.spec)) ? states.map((state) => state.task.name) : [];
  throw unknownTask(run, name, names);
}

function refuseTaskCommand(
  run: RunId,
  { kind, task }: { kind: 'kill-task' | 'force-success'; task: string },
  runState: RunState,
  state: TaskRunState,
): void {
  if (isTerminalRun(runState)) throw wrongState(`run ${run} has ended: ${runState}`, runState);
  if (kind === 'force-success' && runState === 'stopping') throw wrongState(`run ${run} is stopping`, 'stopping');
  if (TASK_STATES_FOR[kind].has(state)) return;
  const why = kind === 'kill-task' ? 'there is nothing to kill' : 'it cannot be forced to succeed';
  throw wrongState(`task ${task} is ${state}: ${why}`, state);
}

/** The reason why the run's master refused it; null: applied; undefined: not known within the time given. */
async function refusalOf(
  context: ApiContext,
  command: CommandId,
  { waitMs, signal }: Waiting,
): Promise<string | null | undefined> {
  const until = performance.now() + waitMs;
  for (let pauseMs: number = API_LIMITS.commandPollMinMs; performance.now() < until; pauseMs *= 2) {
    await setTimeout(Math.min(pauseMs, API_LIMITS.commandPollMaxMs), undefined, { signal }).catch(() =>
      signal.throwIfAborted(),
    );
    const outcome = (await context.store.getCommand(command))?.outcome ?? null;
    if (outcome !== null) return outcome.kind === 'refused' ? outcome.reason : null;
  }
  return undefined;
}

function unknownTask(run: RunId, task: string, names: string[]): ApiFailure {
  const nearest = nearestName(task, names);
  return new ApiFailure(
    'TASK_NOT_FOUND',
    `run ${run} has no task ${task}${nearest === null ? '' : `; did you mean ${nearest}?`}`,
  );
}

/** The run may have ended since it was looked at: the store has the last word on that. */
async function write(
  context: ApiContext,
  run: RunId,
  action: CommandAction,
  idempotencyKey: string | null = null,
): Promise<CommandId> {
  try {
    const command = await context.store.requestCommand({
      run,
      action,
      user: context.user,
      at: context.clock(),
      idempotencyKey,
    });
    context.hints.commandWritten();
    context.log.info({ runId: run, command, action: action.kind }, 'command written');
    return command;
  } catch (error) {
    if (!(error instanceof StoreError) || error.code !== 'CONFLICT') throw error;
    const { state } = (await loadRun(context, run)).status;
    throw wrongState(`run ${run} is ${state}`, state, error);
  }
}

function wrongState(message: string, state: string, cause?: unknown): ApiFailure {
  return new ApiFailure('WRONG_STATE', message, { state, cause });
}
