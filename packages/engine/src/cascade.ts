/**
 * What follows from a change: successors become ready, are skipped or cannot run; a failure takes the rest with it; the
 * run ends. Also how a task is stopped. Rules: the execution semantics, sections 3, 4, 5 and 7.
 */
import { type Cause, formatAttemptId, isTerminalTaskRun, LIMITS, phrase, type TaskRunState } from '@pelorus/protocol';
import { choose } from './choose.ts';
import type { Draft } from './draft.ts';
import type { AttemptRecord } from './records.ts';
import { isAllBranched, isLeftOut, isLive, LOGIC_WORKER, PLAN_DISABLED, PLAN_RUN, taskOf, untakenOf } from './run.ts';

/**
 * Every task that is not live ends now; live ones are killed, and the run ends when the last of them has.
 * Skipped tasks stay barriers until then.
 */
export function stop(draft: Draft, cause: Cause, at: number): null {
  draft.setStatus({ state: 'stopping', cause, waitReason: null });
  sweep(draft, cause, at);
  return null;
}

function sweep(draft: Draft, cause: Cause, at: number): void {
  const { order } = draft.run.graph;
  for (const task of order) {
    const state = draft.state(task);
    if (isTerminalTaskRun(state)) continue;
    if (isLive(state)) requestKill(draft, task, cause, at);
    else if (draft.run.plan[task] !== PLAN_RUN) draft.lookAt(task);
    else draft.setTask(task, 'killed', { cause, endedAt: at });
  }
}

export function requestKill(draft: Draft, task: number, cause: Cause, at: number): void {
  const attempt = draft.attempt(task)!;
  if (attempt.kill) return;
  draft.setAttempt({ ...attempt, state: 'killing', kill: { cause, at } });
  draft.setTask(task, 'killing', { cause, waitReason: null });
  if (attempt.worker === LOGIC_WORKER) return stopLogic(draft, task, cause, at);
  draft.effect({
    kind: 'kill',
    worker: attempt.worker,
    attempt: formatAttemptId(attempt),
    graceMs: LIMITS.killGraceMs,
    cause,
  });
}

export function hold(draft: Draft, task: number): void {
  draft.setTask(task, 'paused', { waitReason: phrase('run_paused', {}) });
}

// ------------------------------------------------------------------------------------------------------ cascade

export function settle(draft: Draft, at: number): void {
  for (let task = draft.nextTask(); task !== -1; task = draft.nextTask()) evaluate(draft, task, at);
  const { state } = draft.status;
  if (draft.unfinished === 0) return endRun(draft, at);
  if (state === 'pausing' && draft.live === draft.liveLogic)
    draft.setStatus({ state: 'paused', waitReason: phrase('paused_by_person', {}) });
}

/** Looks at one pending task whose predecessors changed. */
function evaluate(draft: Draft, task: number, at: number): void {
  if (draft.state(task) !== 'pending') return;
  const seen = draft.counters(task);
  const { open, failed: failedPreds } = seen;
  if (draft.run.plan[task] !== PLAN_RUN) {
    if (open === 0) skipTransparent(draft, task, at);
    return;
  }
  if (draft.status.state === 'stopping') return;
  const definition = taskOf(draft.run, task);
  const { graph } = draft.run;
  // Being left out goes before a failure, whichever of the two came first.
  if (graph.choosers[task]! > 0 && open > 0) return;
  const leftOut = isLeftOut(graph, task, seen);
  const rule = definition.action.type === 'conditions' ? 'all_done' : definition.trigger;
  if (leftOut || (open === 0 && isAllBranched(graph, task, seen))) {
    draft.setTask(task, 'skipped', { cause: { kind: 'branch', task: branchingTask(draft, task) }, endedAt: at });
  } else if (failedPreds > 0 && (rule === 'all_success' || rule === 'none_failed')) {
    draft.setTask(task, 'upstream_failed', { cause: { kind: 'upstream', task: draft.culpritName(task) }, endedAt: at });
  } else if (failedPreds > 0 && rule === 'any_failed') {
    becomeReady(draft, task, at);
  } else if (open === 0 && rule === 'any_failed') {
    draft.setTask(task, 'skipped', { cause: { kind: 'not_triggered' }, endedAt: at });
  } else if (open === 0) {
    becomeReady(draft, task, at);
  }
}

function skipTransparent(draft: Draft, task: number, at: number): void {
  const kind = draft.run.plan[task] === PLAN_DISABLED ? 'disabled' : 'not_selected';
  draft.setTask(task, 'skipped', { cause: { kind }, endedAt: at });
}

/** Disabled tasks on the way back to who chose another way; further off, the last of them is named. */
const BRANCH_STEPS_MAX = 1000;

/** Who did not choose `task`, itself or at the root of its branch. */
function branchingTask(draft: Draft, task: number): string {
  const { graph } = draft.run;
  let at = task;
  for (let step = 0; step < BRANCH_STEPS_MAX; step++) {
    const { name } = graph.tasks[at]!;
    let root: string | null = null;
    let above = -1;
    for (let edge = graph.predStart[at]!; edge < graph.predStart[at + 1]!; edge++) {
      const pred = graph.preds[edge]!;
      const { cause } = draft.record(pred)!;
      if (cause?.kind === 'chose' && untakenOf(cause).has(name)) return graph.tasks[pred]!.name;
      if (cause?.kind === 'branch') root ??= cause.task;
      else if (draft.result(pred) === 'branch') above = pred;
    }
    if (root !== null || above === -1) return root ?? name;
    at = above;
  }
  return graph.tasks[at]!.name;
}

function becomeReady(draft: Draft, task: number, at: number): void {
  const { delayMs } = taskOf(draft.run, task);
  if (delayMs === 0 || draft.run.spec.dryRun) return makeReady(draft, task, at);
  draft.setTask(task, 'delayed', { wakeAt: at + delayMs, waitReason: phrase('delayed', {}) });
  draft.effect({ kind: 'timer', run: draft.run.spec.id, timer: 'wake', task, n: 0, at: at + delayMs });
}

/** Nothing but a slot is missing now. Connectors and dry runs need none. */
export function makeReady(draft: Draft, task: number, at: number): void {
  if (draft.status.state === 'pausing' || draft.status.state === 'paused') return hold(draft, task);
  const definition = taskOf(draft.run, task);
  if (definition.action.type === 'conditions' || definition.action.type === 'switch') return branch(draft, task, at);
  if (definition.action.type === 'virtual' || draft.run.spec.dryRun) {
    draft.setTask(task, 'succeeded', { startedAt: at, endedAt: at });
    return;
  }
  if (definition.action.type === 'dependent') return startWaiting(draft, task, at);
  draft.setTask(task, 'queued', { readyAt: at });
  if (definition.action.type === 'sub_workflow')
    return draft.effect({ kind: 'resolve-child', run: draft.run.spec.id, task });
  draft.effect({ kind: 'ready', run: draft.run.spec.id, task, readyAt: at });
  if (definition.dispatchTimeoutMs === null) return;
  const n = draft.record(task)!.attempts;
  draft.effect({
    kind: 'timer',
    run: draft.run.spec.id,
    timer: 'dispatch-timeout',
    task,
    n,
    at: at + definition.dispatchTimeoutMs,
  });
}

/** `sub_workflow` and `dependent` tasks have attempts like others, but the master itself holds them. */
export function startLogic(draft: Draft, task: number, at: number): AttemptRecord {
  const n = (draft.record(task)?.attempts ?? 0) + 1;
  const attempt: AttemptRecord = {
    run: draft.run.spec.id,
    task,
    n,
    version: 0,
    state: 'running',
    cause: null,
    worker: LOGIC_WORKER,
    dispatchedAt: at,
    startedAt: at,
    endedAt: null,
    kill: null,
  };
  draft.setAttempt(attempt);
  draft.setTask(task, 'running', { attempts: n, startedAt: draft.record(task)?.startedAt ?? at });
  const { timeout } = taskOf(draft.run, task);
  if (timeout)
    draft.effect({
      kind: 'timer',
      run: draft.run.spec.id,
      timer: 'attempt-timeout',
      task,
      n,
      at: at + timeout.afterMs,
    });
  return attempt;
}

function startWaiting(draft: Draft, task: number, at: number): void {
  const { n } = startLogic(draft, task, at);
  draft.effect({ kind: 'check-upstream', run: draft.run.spec.id, task, n });
}

/** A child run is asked to stop and its end is awaited; a wait has nothing to stop and ends at once. */
function stopLogic(draft: Draft, task: number, cause: Cause, at: number): void {
  const attempt = draft.attempt(task)!;
  if (taskOf(draft.run, task).action.type === 'sub_workflow') {
    const user = cause.kind === 'killed_by' ? cause.user : 'system';
    draft.changes.push({
      kind: 'child-command',
      parent: { run: attempt.run, task, attempt: attempt.n },
      action: { kind: 'stop' },
      user,
      at,
    });
    return;
  }
  const failed = cause.kind === 'timeout';
  draft.setAttempt({ ...attempt, state: failed ? 'failed' : 'killed', cause, endedAt: at });
  endInFailure(draft, task, failed ? 'failed' : 'killed', cause, at);
}

function branch(draft: Draft, task: number, at: number): void {
  const choice = choose(draft.run, task, draft);
  if (choice.kind === 'invalid')
    return endInFailure(draft, task, 'failed', { kind: 'invalid', detail: choice.detail }, at);
  draft.setTask(task, 'succeeded', {
    cause: { kind: 'chose', taken: choice.taken, untaken: choice.untaken },
    startedAt: at,
    endedAt: at,
  });
}

/** The last word on a task that failed or was killed; under END an unhandled one takes the rest of the run with it. */
export function endInFailure(
  draft: Draft,
  task: number,
  state: Extract<TaskRunState, 'failed' | 'killed'>,
  cause: Cause,
  at: number,
): void {
  const { run } = draft;
  const unhandled = run.handled[task] === 0 && draft.status.state !== 'stopping';
  if (unhandled) draft.firstFailure(task, cause);
  const failFast = unhandled && run.spec.failurePolicy === 'end';
  const startedAt = draft.record(task)?.startedAt ?? draft.attempt(task)?.startedAt ?? null;
  draft.setTask(task, state, { cause, startedAt, endedAt: at });
  if (!failFast) return;
  for (let next = draft.nextTask(); next !== -1; next = draft.nextTask()) markUpstreamFailed(draft, next, at);
  stop(draft, { kind: 'fail_fast', task: taskOf(run, task).name }, at);
}

/** Before a fail-fast sweep: those that can no longer run because of the failure say so; nothing else moves. */
function markUpstreamFailed(draft: Draft, task: number, at: number): void {
  if (draft.state(task) !== 'pending') return;
  const { open, failed: failedPreds } = draft.counters(task);
  if (draft.run.plan[task] !== PLAN_RUN) {
    if (open === 0) skipTransparent(draft, task, at);
    return;
  }
  const definition = taskOf(draft.run, task);
  const strict =
    definition.action.type !== 'conditions' &&
    (definition.trigger === 'all_success' || definition.trigger === 'none_failed');
  if (!strict || failedPreds === 0) return;
  draft.setTask(task, 'upstream_failed', { cause: { kind: 'upstream', task: draft.culpritName(task) }, endedAt: at });
}

/** The end is computed from all task runs; `stopped` only where a person asked for it, or for a newer run. */
function endRun(draft: Draft, at: number): void {
  const { bad, killed } = draft;
  const { cause, firstFailure } = draft.status;
  const ended = { waitReason: null, endedAt: at, startedAt: draft.status.startedAt };
  if (draft.status.state === 'waiting') {
    draft.setStatus({ ...ended, state: 'dependency_failed' });
  } else if (draft.status.state === 'stopping' && (bad > 0 || killed > 0)) {
    if (cause?.kind === 'killed_by' || cause?.kind === 'superseded') draft.setStatus({ ...ended, state: 'stopped' });
    else
      draft.setStatus({
        ...ended,
        state: 'failed',
        cause: cause?.kind === 'fail_fast' ? (firstFailure?.cause ?? cause) : cause,
      });
  } else if (bad > 0) {
    draft.setStatus({ ...ended, state: 'failed', cause: firstFailure?.cause ?? null });
  } else {
    draft.setStatus({ ...ended, state: 'succeeded', cause: null });
  }
  draft.effect({ kind: 'notify', run: draft.run.spec.id, subject: 'run-ended', task: null, at });
}
