/**
 * Tasks that need no worker but take time: a `sub_workflow` has a child run, a `dependent` task asks about other runs.
 * Both are attempts that the master holds; nothing is polled but by rows and timers. Rules: execution semantics, section 5.
 */
import { type Cause, type DependentAction, formatAttemptId, LIMITS, type RunState } from '@pelorus/protocol';
import { resolveParameters } from './attempt-spec.ts';
import { type AttemptEvent, endKilled, failed, isCurrent } from './attempts.ts';
import { endInFailure, startLogic } from './cascade.ts';
import type { Draft } from './draft.ts';
import type { Event } from './events.ts';
import type { ChildRun, CommandAction } from './records.ts';
import { isLive, LOGIC_WORKER, taskOf } from './run.ts';

type Found = Extract<Extract<Event, { kind: 'child-resolved' }>['child'], { kind: 'found' }>;

/** Starts the child in the same transaction that says so, or fails the task with the reason. */
export function childResolved(draft: Draft, event: Extract<Event, { kind: 'child-resolved' }>): void {
  const { task, at, child } = event;
  if (draft.state(task) !== 'queued') return;
  const attempt = startLogic(draft, task, at);
  const made = child.kind === 'missing' ? child.detail : childRun(draft, task, attempt.n, child, at);
  if (typeof made !== 'string') {
    draft.changes.push({ kind: 'start-child', parent: { run: attempt.run, task, attempt: attempt.n }, child: made });
    return;
  }
  const cause: Cause = { kind: 'invalid', detail: made };
  draft.setAttempt({ ...draft.attempt(task)!, state: 'failed', cause, endedAt: at });
  endInFailure(draft, task, 'failed', cause, at);
}

/** The child inherits what belongs to the occasion, not to the workflow; a text says why it cannot be made. */
function childRun(draft: Draft, task: number, n: number, found: Found, at: number): ChildRun | string {
  const { spec } = draft.run;
  const depth = (spec.depth ?? 0) + 1;
  if (depth > LIMITS.subWorkflowDepth) return `sub-workflows nest deeper than ${LIMITS.subWorkflowDepth}`;
  const resolved = resolveParameters(draft.run, task, formatAttemptId({ run: spec.id, task, n }), (at) =>
    draft.record(at),
  );
  if (resolved.kind === 'invalid') return resolved.detail;
  const own = resolved.action.type === 'sub_workflow' ? resolved.action.params : {};
  const { definition, projectId, project, workflowId, workflow, version } = found;
  const { id: _id, parent: _parent, gate: _gate, ...inherited } = spec;
  return {
    ...inherited,
    projectId,
    project,
    workflowId,
    workflow,
    workflowVersion: version,
    mode: 'sub-workflow',
    plan: { run: 'all', reuse: [] },
    rerunOf: null,
    depth,
    failurePolicy: definition.failurePolicy,
    timeoutMs: definition.timeout.afterMs,
    timeoutAction: definition.timeout.action,
    params: { ...spec.params, ...own },
    submittedAt: at,
    notifyType: 'NONE',
    notifyMails: [],
    extras: null,
  };
}

/** The durable word of a child that has ended. */
export function childFinished(
  draft: Draft,
  action: Extract<CommandAction, { kind: 'child-finished' }>,
  at: number,
): string | null {
  const { task, attempt: n, child, state } = action;
  if (!isCurrent(draft, { task, n }) || draft.attempt(task)!.worker !== LOGIC_WORKER) return 'the attempt has ended';
  const attempt = draft.attempt(task)!;
  const event: AttemptEvent = { task, n, at, random: 0 };
  const cause: Cause = { kind: 'child', runId: child, state };
  if (state === 'succeeded') {
    draft.setAttempt({ ...attempt, state: 'succeeded', cause, endedAt: at });
    draft.setTask(task, 'succeeded', { cause, endedAt: at });
  } else if (attempt.kill) {
    endKilled(draft, event, attempt.kill.cause);
  } else {
    childFailed(draft, event, cause, state);
  }
  return null;
}

/** A child that a person stopped is not tried again; one that failed is, as the task's retries say. */
function childFailed(draft: Draft, event: AttemptEvent, cause: Cause, state: RunState): void {
  draft.setAttempt({ ...draft.attempt(event.task)!, state: 'failed', cause, endedAt: event.at });
  if (state === 'stopped') endInFailure(draft, event.task, 'failed', cause, event.at);
  else failed(draft, event, cause, null);
}

/** Pause and resume reach the children. */
export function tellChildren(draft: Draft, action: { kind: 'pause' | 'resume' }, user: string, at: number): void {
  if (draft.liveLogic === 0) return;
  for (let task = 0; task < draft.run.graph.tasks.length; task++) {
    if (taskOf(draft.run, task).action.type !== 'sub_workflow' || !isLive(draft.state(task))) continue;
    const { run, n } = draft.attempt(task)!;
    draft.changes.push({ kind: 'child-command', parent: { run, task, attempt: n }, action, user, at });
  }
}

export function upstreamChecked(draft: Draft, event: Extract<Event, { kind: 'upstream-checked' }>): void {
  if (!isCurrent(draft, event)) return;
  const { task, at, verdict } = event;
  const { action } = taskOf(draft.run, task);
  if (action.type !== 'dependent') return;
  const attempt = draft.attempt(task)!;
  if (verdict.kind === 'satisfied') {
    draft.setAttempt({ ...attempt, state: 'succeeded', endedAt: at });
    draft.setTask(task, 'succeeded', { endedAt: at });
  } else if (verdict.kind === 'failed' && action.onFailure === 'fail') {
    const cause: Cause = { kind: 'dependency', detail: verdict.detail };
    draft.setAttempt({ ...attempt, state: 'failed', cause, endedAt: at });
    failed(draft, event, cause, null);
  } else {
    waitOn(draft, event, action, verdict.detail);
  }
}

/** Asks again at the interval, for the last time when the wait has lasted as long as it may. */
function waitOn(draft: Draft, event: AttemptEvent, action: DependentAction, reason: string): void {
  const { task, n, at } = event;
  const attempt = draft.attempt(task)!;
  const until = action.maxWaitMs === null ? Number.POSITIVE_INFINITY : attempt.dispatchedAt + action.maxWaitMs;
  if (action.maxWaitMs !== null && at >= until) {
    const cause: Cause = { kind: 'timeout', afterMs: action.maxWaitMs };
    draft.setAttempt({ ...attempt, state: 'failed', cause, endedAt: at });
    failed(draft, event, cause, null);
    return;
  }
  if (draft.record(task)!.waitReason !== reason) draft.setTask(task, 'running', { waitReason: reason });
  const next = Math.min(at + action.checkIntervalMs, until);
  draft.effect({ kind: 'timer', run: draft.run.spec.id, timer: 'check', task, n, at: next });
}
