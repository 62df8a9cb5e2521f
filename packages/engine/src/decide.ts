/**
 * The rules by which a run moves. `decide` reads a run and an event and says what is to become true (changes) and
 * what is to be done once that is durable (effects). It is total: nothing that a user, a worker or a network can cause
 * makes it throw. Rules: the execution semantics, sections 2 to 7.
 *
 * Order within one decision: the event's own change, then the cascade over successors, then the fail-fast or stop
 * sweep if one was called for, then the end of the run.
 */
import {
  type AttemptOutcome, ATTEMPT_RANK, type Cause, formatAttemptId, isTerminalRun, isTerminalTaskRun, LIMITS, type TaskRunState,
} from '@pelorus/protocol';
import { resolveAttempt } from './attempt-spec.ts';
import { choose } from './choose.ts';
import { Draft } from './draft.ts';
import type { Decision, Event } from './events.ts';
import type { AttemptRecord, CommandAction } from './records.ts';
import { isLive, PLAN_DISABLED, PLAN_RUN, type Run, taskOf } from './run.ts';

export function decide(run: Run, event: Event): Decision {
  const draft = new Draft(run);
  const refusal = isTerminalRun(run.status.state) ? refusalOfEnded(run, event) : handle(draft, event);
  if (refusal !== null) return { changes: [], effects: [], refusal };
  if (draft.changes.length > 0) settle(draft, atOf(event, run));
  return { changes: draft.changes, effects: draft.effects, refusal: null };
}

function refusalOfEnded(run: Run, event: Event): string | null {
  return event.kind === 'command' ? `the run has ended: ${run.status.state}` : null;
}

function atOf(event: Event, run: Run): number {
  return 'at' in event ? event.at : run.spec.submittedAt;
}

function handle(draft: Draft, event: Event): string | null {
  switch (event.kind) {
    case 'command':
      return command(draft, event.action, event.user, event.at);
    case 'placed':
      placed(draft, event);
      return null;
    case 'not-placed':
      notPlaced(draft, event.task, event.reason);
      return null;
    case 'report':
      report(draft, event);
      return null;
    case 'worker-lost':
      if (isCurrent(draft, event) && draft.attempt(event.task)!.worker === event.worker) lost(draft, event, { kind: 'worker_lost', worker: event.worker });
      return null;
    case 'rebound':
      if (isCurrent(draft, event)) draft.setAttempt({ ...draft.attempt(event.task)!, worker: event.worker });
      return null;
    case 'timer':
      timer(draft, event);
      return null;
  }
}

// ---------------------------------------------------------------------------------------------------- commands

function command(draft: Draft, action: CommandAction, user: string, at: number): string | null {
  const { state } = draft.status;
  switch (action.kind) {
    case 'start':
      return state === 'queued' || state === 'waiting' ? start(draft, at) : `the run is ${state}`;
    case 'stop':
      return state === 'stopping' ? 'the run is stopping' : stop(draft, { kind: 'killed_by', user }, at);
    case 'pause':
      return state === 'running' ? pause(draft) : `the run is ${state}`;
    case 'resume':
      return state === 'paused' || state === 'pausing' ? resume(draft, at) : `the run is ${state}`;
    case 'kill-task':
      return killTask(draft, action.task, { kind: 'killed_by', user }, at);
    case 'force-success':
      return forceSuccess(draft, action.task, { kind: 'forced_by', user }, at);
  }
}

function start(draft: Draft, at: number): null {
  const { run } = draft;
  draft.setStatus({ state: 'running', waitReason: null, startedAt: at });
  draft.effect({ kind: 'timer', run: run.spec.id, timer: 'run-timeout', task: -1, n: 0, at: at + run.spec.timeoutMs });
  for (const task of run.graph.order) if (draft.counters(task).open === 0) draft.lookAt(task);
  return null;
}

/**
 * Every task that is not live ends now; live ones are killed, and the run ends when the last of them has.
 * Skipped tasks stay barriers until then.
 */
function stop(draft: Draft, cause: Cause, at: number): null {
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

function requestKill(draft: Draft, task: number, cause: Cause, at: number): void {
  const attempt = draft.attempt(task)!;
  if (attempt.kill) return;
  draft.setAttempt({ ...attempt, state: 'killing', kill: { cause, at } });
  draft.setTask(task, 'killing', { cause, waitReason: null });
  draft.effect({
    kind: 'kill',
    worker: attempt.worker,
    attempt: formatAttemptId(attempt),
    graceMs: LIMITS.killGraceMs,
    cause,
  });
}

function pause(draft: Draft): null {
  draft.setStatus({ state: 'pausing', waitReason: 'waiting for running tasks to finish' });
  for (let task = 0; task < draft.run.graph.tasks.length; task++) if (draft.state(task) === 'queued') hold(draft, task);
  return null;
}

function hold(draft: Draft, task: number): void {
  draft.setTask(task, 'paused', { waitReason: 'the run is paused' });
}

function resume(draft: Draft, at: number): null {
  draft.setStatus({ state: 'running', waitReason: null });
  for (const task of draft.run.graph.order) if (draft.state(task) === 'paused') makeReady(draft, task, at);
  return null;
}

function killTask(draft: Draft, name: string, cause: Cause, at: number): string | null {
  const task = draft.run.graph.indexOf.get(name);
  if (task === undefined) return `the run has no task ${name}`;
  const state = draft.state(task);
  if (isTerminalTaskRun(state)) return `task ${name} has ended: ${state}`;
  if (state === 'pending') return `task ${name} has not started: pending`;
  if (state === 'killing') return `task ${name} is being killed`;
  if (isLive(state)) requestKill(draft, task, cause, at);
  else endInFailure(draft, task, 'killed', cause, at);
  return null;
}

/** Lets a task that failed, or that waits, count as succeeded. Successors that this unblocks run. */
function forceSuccess(draft: Draft, name: string, cause: Cause, at: number): string | null {
  const task = draft.run.graph.indexOf.get(name);
  if (task === undefined) return `the run has no task ${name}`;
  const state = draft.state(task);
  if (draft.status.state === 'stopping') return 'the run is stopping';
  if (isTerminalTaskRun(state)) return `task ${name} has ended: ${state}`;
  if (isLive(state)) return `task ${name} is ${state}: kill it first`;
  draft.setTask(task, 'forced_success', { cause, endedAt: at });
  return null;
}

// ------------------------------------------------------------------------------------------ placement and reports

function placed(draft: Draft, event: Extract<Event, { kind: 'placed' }>): void {
  const { task, worker, at } = event;
  if (draft.state(task) !== 'queued') return;
  const { run } = draft;
  const n = draft.record(task)!.attempts + 1;
  const attempt: AttemptRecord = {
    run: run.spec.id, task, n, version: 0, state: 'dispatched', cause: null, worker,
    dispatchedAt: at, startedAt: null, endedAt: null, kill: null,
  };
  const resolved = resolveAttempt(run, task, n);
  if (resolved.kind === 'invalid') {
    const cause: Cause = { kind: 'invalid', detail: resolved.detail };
    draft.setAttempt({ ...attempt, state: 'failed', cause, endedAt: at });
    draft.setTask(task, 'queued', { attempts: n });
    endInFailure(draft, task, 'failed', cause, at);
    return;
  }
  draft.setAttempt(attempt);
  draft.setTask(task, 'dispatched', { attempts: n });
  draft.effect({ kind: 'dispatch', worker, spec: resolved.spec });
}

function notPlaced(draft: Draft, task: number, reason: string): void {
  const record = draft.record(task);
  if (record?.state === 'queued' && record.waitReason !== reason) draft.setTask(task, 'queued', { waitReason: reason });
}

function isCurrent(draft: Draft, event: { task: number; n: number }): boolean {
  const attempt = draft.attempt(event.task);
  return attempt !== undefined && attempt.n === event.n && ATTEMPT_RANK[attempt.state] < ATTEMPT_RANK.succeeded;
}

/** Stale or lower-ranking reports change nothing; whoever sent them is acknowledged all the same. */
function report(draft: Draft, event: Extract<Event, { kind: 'report' }>): void {
  if (!isCurrent(draft, event)) return;
  const attempt = draft.attempt(event.task)!;
  if (attempt.worker !== event.worker) return;
  switch (event.report.kind) {
    case 'accepted':
      return;
    case 'running':
      return running(draft, attempt, event.at);
    case 'finished':
      return finished(draft, event, event.report.outcome);
    case 'lost':
      return lost(draft, event, { kind: 'worker_lost', worker: attempt.worker });
    case 'no_capacity':
      return notTaken(draft, attempt, { kind: 'no_capacity', detail: event.report.reason }, event.at);
    case 'tombstoned':
      return attempt.kill
        ? endKilled(draft, event, attempt.kill.cause)
        : notTaken(draft, attempt, { kind: 'no_capacity', detail: 'the worker had a tombstone for it' }, event.at);
    case 'never_seen':
      return neverSeen(draft, event, attempt);
  }
}

function running(draft: Draft, attempt: AttemptRecord, at: number): void {
  if (attempt.state !== 'dispatched') return;
  const { task, n } = attempt;
  draft.setAttempt({ ...attempt, state: 'running', startedAt: at });
  draft.setTask(task, 'running', { startedAt: draft.record(task)!.startedAt ?? at });
  const { timeout } = taskOf(draft.run, task);
  if (timeout) draft.effect({ kind: 'timer', run: draft.run.spec.id, timer: 'attempt-timeout', task, n, at: at + timeout.afterMs });
}

type AttemptEvent = { task: number; n: number; at: number; random: number };

function finished(draft: Draft, event: AttemptEvent, outcome: AttemptOutcome): void {
  const { task, at } = event;
  const attempt = draft.attempt(task)!;
  const startedAt = attempt.startedAt ?? Math.min(at, Math.max(attempt.dispatchedAt, outcome.startedAt));
  const ended = { ...attempt, startedAt, endedAt: at };
  const started = draft.record(task)!.startedAt ?? startedAt;
  switch (outcome.state) {
    case 'succeeded': {
      draft.setAttempt({ ...ended, state: 'succeeded', cause: outcome.cause });
      const outputs = hasAny(outcome.outputs) ? outcome.outputs : null;
      draft.setTask(task, 'succeeded', { cause: outcome.cause, startedAt: started, endedAt: at, outputs });
      return;
    }
    case 'failed': {
      const cause = outcome.cause ?? { kind: 'error', detail: 'the worker gave no cause' };
      draft.setAttempt({ ...ended, state: 'failed', cause });
      failed(draft, event, cause, attempt.kill?.cause ?? null);
      return;
    }
    case 'killed':
      if (attempt.kill) endKilled(draft, event, attempt.kill.cause);
      else lost(draft, event, outcome.cause ?? { kind: 'worker_lost', worker: attempt.worker });
      return;
  }
}

function hasAny(outputs: Record<string, string>): boolean {
  for (const _name in outputs) return true;
  return false;
}

/** A process that a kill has ended. A timeout is a failure of the attempt; anything else ends the task run. */
function endKilled(draft: Draft, event: AttemptEvent, cause: Cause): void {
  const attempt = draft.attempt(event.task)!;
  if (cause.kind === 'timeout') {
    draft.setAttempt({ ...attempt, state: 'failed', cause, endedAt: event.at });
    failed(draft, event, cause, null);
    return;
  }
  draft.setAttempt({ ...attempt, state: 'killed', cause, endedAt: event.at });
  endInFailure(draft, event.task, 'killed', cause, event.at);
}

/** `killedFor`: why a kill was under way when the attempt failed by itself; then it is not repeated. */
function failed(draft: Draft, event: AttemptEvent, cause: Cause, killedFor: Cause | null): void {
  const { task, at } = event;
  const { retry } = taskOf(draft.run, task);
  const record = draft.record(task)!;
  const stopping = draft.status.state === 'stopping' || (killedFor !== null && killedFor.kind !== 'timeout');
  if (stopping || record.retries >= retry.max) return endInFailure(draft, task, 'failed', cause, at);
  const wakeAt = at + retryDelayMs(retry, record.retries, event.random);
  draft.setTask(task, 'retry_wait', { cause, wakeAt, retries: record.retries + 1, waitReason: `retry ${record.retries + 1} of ${retry.max}` });
  draft.effect({ kind: 'timer', run: draft.run.spec.id, timer: 'wake', task, n: record.attempts, at: wakeAt });
}

/** Up to a tenth more than the interval, so that tasks which failed together do not return together. */
export function retryDelayMs(
  retry: { intervalMs: number; backoff: 'fixed' | 'exponential'; maxIntervalMs: number },
  retriesBefore: number,
  random: number,
): number {
  const factor = retry.backoff === 'exponential' ? 2 ** Math.min(retriesBefore, 40) : 1;
  return Math.round(Math.min(retry.intervalMs * factor, Math.max(retry.maxIntervalMs, retry.intervalMs)) * (1 + random * 0.1));
}

/** An attempt lost with its worker uses up no retry; how often that may happen has a bound all the same. */
const LOST_ATTEMPTS_MAX = 20;

function lost(draft: Draft, event: AttemptEvent, cause: Cause): void {
  const { task, at } = event;
  const attempt = draft.attempt(task)!;
  if (attempt.kill) return endKilled(draft, event, attempt.kill.cause);
  const { onWorkerLost } = taskOf(draft.run, task);
  if (onWorkerLost === 'wait') {
    draft.setTask(task, draft.state(task), { startedAt: draft.record(task)!.startedAt, waitReason: `worker ${attempt.worker} is gone: waiting for its return or for a decision` });
    return;
  }
  draft.setAttempt({ ...attempt, state: 'lost', cause, endedAt: at });
  const tooOften = attempt.n - draft.record(task)!.retries > LOST_ATTEMPTS_MAX;
  if (onWorkerLost === 'fail' || tooOften) return endInFailure(draft, task, 'failed', cause, at);
  makeReady(draft, task, at);
}

/** The worker refused before anything started: back to the queue at once. */
function notTaken(draft: Draft, attempt: AttemptRecord, cause: Cause, at: number): void {
  if (attempt.kill) return endKilled(draft, { task: attempt.task, n: attempt.n, at, random: 0 }, attempt.kill.cause);
  draft.setAttempt({ ...attempt, state: 'lost', cause, endedAt: at });
  makeReady(draft, attempt.task, at);
}

/** Answer of a worker that was asked: unacknowledged dispatches are sent again, anything further is lost. */
function neverSeen(draft: Draft, event: AttemptEvent, attempt: AttemptRecord): void {
  if (attempt.kill || attempt.state !== 'dispatched') return lost(draft, event, { kind: 'worker_lost', worker: attempt.worker });
  const resolved = resolveAttempt(draft.run, attempt.task, attempt.n);
  if (resolved.kind === 'ready') draft.effect({ kind: 'dispatch', worker: attempt.worker, spec: resolved.spec });
}

// ------------------------------------------------------------------------------------------------------- timers

function timer(draft: Draft, event: Extract<Event, { kind: 'timer' }>): void {
  switch (event.timer) {
    case 'wake': {
      const record = draft.record(event.task);
      const waits = record?.state === 'retry_wait' || record?.state === 'delayed';
      if (waits && record.wakeAt !== null && record.wakeAt <= event.at) makeReady(draft, event.task, event.at);
      return;
    }
    case 'attempt-timeout':
      return attemptTimeout(draft, event);
    case 'dispatch-timeout': {
      const { dispatchTimeoutMs } = taskOf(draft.run, event.task);
      const record = draft.record(event.task);
      if (dispatchTimeoutMs === null || record?.state !== 'queued' || record.attempts !== event.n) return;
      failed(draft, event, { kind: 'dispatch_timeout', afterMs: dispatchTimeoutMs }, null);
      return;
    }
    case 'run-timeout':
      return runTimeout(draft, event.at);
  }
}

function attemptTimeout(draft: Draft, event: AttemptEvent): void {
  if (!isCurrent(draft, event)) return;
  const { timeout, name } = taskOf(draft.run, event.task);
  if (!timeout || draft.attempt(event.task)!.kill) return;
  if (timeout.action !== 'fail') {
    draft.effect({ kind: 'notify', run: draft.run.spec.id, subject: 'timeout-warning', task: name, at: event.at });
  }
  if (timeout.action !== 'warn') requestKill(draft, event.task, { kind: 'timeout', afterMs: timeout.afterMs }, event.at);
}

function runTimeout(draft: Draft, at: number): void {
  const { spec } = draft.run;
  if (draft.status.state === 'stopping' || draft.status.startedAt === null) return;
  if (spec.timeoutAction !== 'fail') draft.effect({ kind: 'notify', run: spec.id, subject: 'timeout-warning', task: null, at });
  if (spec.timeoutAction !== 'warn') stop(draft, { kind: 'timeout', afterMs: spec.timeoutMs }, at);
}

// ------------------------------------------------------------------------------------------------------ cascade

function settle(draft: Draft, at: number): void {
  for (let task = draft.nextTask(); task !== -1; task = draft.nextTask()) evaluate(draft, task, at);
  const { state } = draft.status;
  if (draft.unfinished === 0) return endRun(draft, at);
  if (state === 'pausing' && draft.live === 0) draft.setStatus({ state: 'paused', waitReason: 'paused by a person' });
}

/** Looks at one pending task whose predecessors changed. */
function evaluate(draft: Draft, task: number, at: number): void {
  if (draft.state(task) !== 'pending') return;
  const { open, failed: failedPreds, branched, unchosen } = draft.counters(task);
  if (draft.run.plan[task] !== PLAN_RUN) {
    if (open === 0) skipTransparent(draft, task, at);
    return;
  }
  if (draft.status.state === 'stopping') return;
  const definition = taskOf(draft.run, task);
  const { graph } = draft.run;
  const predCount = graph.predStart[task + 1]! - graph.predStart[task]!;
  const choosers = graph.choosers[task]!;
  const notChosen = choosers > 0 && unchosen === choosers;
  const allBranched = predCount > 0 && branched === predCount;
  const rule = definition.action.type === 'conditions' ? 'all_done' : definition.trigger;
  if (failedPreds > 0 && (rule === 'all_success' || rule === 'none_failed')) {
    draft.setTask(task, 'upstream_failed', { cause: { kind: 'upstream', task: draft.culpritName(task) }, endedAt: at });
  } else if (failedPreds > 0 && rule === 'any_failed') {
    becomeReady(draft, task, at);
  } else if (notChosen || (open === 0 && allBranched)) {
    draft.setTask(task, 'skipped', { cause: { kind: 'branch', task: branchingTask(draft, task) }, endedAt: at });
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

/** Who did not choose `task`, itself or at the root of its branch. */
function branchingTask(draft: Draft, task: number): string {
  const { graph } = draft.run;
  const { name } = graph.tasks[task]!;
  let root = name;
  for (let edge = graph.predStart[task]!; edge < graph.predStart[task + 1]!; edge++) {
    const pred = graph.preds[edge]!;
    const cause = draft.record(pred)?.cause;
    if (cause?.kind === 'chose' && cause.untaken.includes(name)) return graph.tasks[pred]!.name;
    if (cause?.kind === 'branch') root = cause.task;
  }
  return root;
}

function becomeReady(draft: Draft, task: number, at: number): void {
  const { delayMs } = taskOf(draft.run, task);
  if (delayMs === 0 || draft.run.spec.dryRun) return makeReady(draft, task, at);
  draft.setTask(task, 'delayed', { wakeAt: at + delayMs, waitReason: 'delayed by its definition' });
  draft.effect({ kind: 'timer', run: draft.run.spec.id, timer: 'wake', task, n: 0, at: at + delayMs });
}

/** Nothing but a slot is missing now. Connectors and dry runs need none. */
function makeReady(draft: Draft, task: number, at: number): void {
  if (draft.status.state === 'pausing' || draft.status.state === 'paused') return hold(draft, task);
  const definition = taskOf(draft.run, task);
  if (definition.action.type === 'conditions' || definition.action.type === 'switch') return branch(draft, task, at);
  if (definition.action.type === 'virtual' || draft.run.spec.dryRun) {
    draft.setTask(task, 'succeeded', { startedAt: at, endedAt: at });
    return;
  }
  if (definition.action.type === 'sub_workflow' || definition.action.type === 'dependent') {
    endInFailure(draft, task, 'failed', { kind: 'invalid', detail: `tasks of type ${definition.action.type} cannot run yet` }, at);
    return;
  }
  draft.setTask(task, 'queued', { readyAt: at });
  draft.effect({ kind: 'ready', run: draft.run.spec.id, task, readyAt: at });
  if (definition.dispatchTimeoutMs === null) return;
  const n = draft.record(task)!.attempts;
  draft.effect({ kind: 'timer', run: draft.run.spec.id, timer: 'dispatch-timeout', task, n, at: at + definition.dispatchTimeoutMs });
}

function branch(draft: Draft, task: number, at: number): void {
  const choice = choose(draft.run, task, (pred) => draft.record(pred));
  if (choice.kind === 'invalid') return endInFailure(draft, task, 'failed', { kind: 'invalid', detail: choice.detail }, at);
  draft.setTask(task, 'succeeded', { cause: { kind: 'chose', taken: choice.taken, untaken: choice.untaken }, startedAt: at, endedAt: at });
}

/** The last word on a task that failed or was killed; under END an unhandled one takes the rest of the run with it. */
function endInFailure(draft: Draft, task: number, state: Extract<TaskRunState, 'failed' | 'killed'>, cause: Cause, at: number): void {
  const { run } = draft;
  const unhandled = run.handled[task] === 0 && draft.status.state !== 'stopping';
  if (unhandled) draft.firstFailure(task, cause);
  const failFast = unhandled && run.spec.failurePolicy === 'end';
  draft.setTask(task, state, { cause, startedAt: draft.record(task)?.startedAt ?? null, endedAt: at });
  if (!failFast) return;
  for (let next = draft.nextTask(); next !== -1; next = draft.nextTask()) markUpstreamFailed(draft, next, at);
  stop(draft, { kind: 'fail_fast', task: taskOf(run, task).name }, at);
}

/** Before a fail-fast sweep: those that can no longer run because of the failure say so; nothing else moves. */
function markUpstreamFailed(draft: Draft, task: number, at: number): void {
  if (draft.state(task) !== 'pending' || draft.run.plan[task] !== PLAN_RUN) return;
  const definition = taskOf(draft.run, task);
  const strict = definition.action.type !== 'conditions' && (definition.trigger === 'all_success' || definition.trigger === 'none_failed');
  if (!strict || draft.counters(task).failed === 0) return;
  draft.setTask(task, 'upstream_failed', { cause: { kind: 'upstream', task: draft.culpritName(task) }, endedAt: at });
}

/** The end is computed from all task runs; `stopped` only where a person asked for it. */
function endRun(draft: Draft, at: number): void {
  const { bad, killed } = draft;
  const { cause, firstFailure } = draft.status;
  const ended = { waitReason: null, endedAt: at, startedAt: draft.status.startedAt };
  if (draft.status.state === 'stopping' && (bad > 0 || killed > 0)) {
    if (cause?.kind === 'killed_by') draft.setStatus({ ...ended, state: 'stopped' });
    else draft.setStatus({ ...ended, state: 'failed', cause: cause?.kind === 'fail_fast' ? (firstFailure?.cause ?? cause) : cause });
  } else if (bad > 0) {
    draft.setStatus({ ...ended, state: 'failed', cause: firstFailure?.cause ?? null });
  } else {
    draft.setStatus({ ...ended, state: 'succeeded', cause: null });
  }
  draft.effect({ kind: 'notify', run: draft.run.spec.id, subject: 'run-ended', task: null, at });
}
