/**
 * The life of attempts: placement, what workers report, loss, retries, timers. Each function handles one event; what
 * follows from it is the cascade's. Rules: the execution semantics, sections 2 and 4.
 */
import { type AttemptOutcome, ATTEMPT_RANK, type Cause, phrase } from '@pelorus/protocol';
import { resolveAttempt } from './attempt-spec.ts';
import { endInFailure, makeReady, requestKill } from './cascade.ts';
import type { Draft } from './draft.ts';
import type { Event } from './events.ts';
import type { AttemptRecord } from './records.ts';
import { taskOf } from './run.ts';

export function placed(draft: Draft, event: Extract<Event, { kind: 'placed' }>): void {
  const { task, worker, at } = event;
  if (draft.state(task) !== 'queued') return;
  const { run } = draft;
  const n = draft.record(task)!.attempts + 1;
  const attempt: AttemptRecord = {
    run: run.spec.id,
    task,
    n,
    version: 0,
    state: 'dispatched',
    cause: null,
    worker,
    dispatchedAt: at,
    startedAt: null,
    endedAt: null,
    kill: null,
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

export function notPlaced(draft: Draft, task: number, reason: string): void {
  const record = draft.record(task);
  if (record?.state === 'queued' && record.waitReason !== reason) draft.setTask(task, 'queued', { waitReason: reason });
}

export function isCurrent(draft: Draft, event: { task: number; n: number }): boolean {
  const attempt = draft.attempt(event.task);
  return attempt !== undefined && attempt.n === event.n && ATTEMPT_RANK[attempt.state] < ATTEMPT_RANK.succeeded;
}

/** Stale or lower-ranking reports change nothing; whoever sent them is acknowledged all the same. */
export function report(draft: Draft, event: Extract<Event, { kind: 'report' }>): void {
  if (!isCurrent(draft, event)) return;
  const attempt = draft.attempt(event.task)!;
  if (attempt.worker !== event.worker) return;
  switch (event.report.kind) {
    case 'accepted':
      return;
    case 'running':
      return running(draft, attempt, event.report.startedAt, event.at);
    case 'finished':
      return finished(draft, event, event.report.outcome);
    case 'lost':
      return processesGone(draft, event, { kind: 'worker_lost', worker: attempt.worker });
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

function running(draft: Draft, attempt: AttemptRecord, saidAt: number, at: number): void {
  if (attempt.state !== 'dispatched') return;
  const { task, n } = attempt;
  const startedAt = startOf(attempt, saidAt, at);
  draft.setAttempt({ ...attempt, state: 'running', startedAt });
  draft.setTask(task, 'running', { startedAt: draft.record(task)!.startedAt ?? startedAt });
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
}

/** When the worker says it started, within what this master's clock allows. */
function startOf(attempt: AttemptRecord, saidAt: number, at: number): number {
  return Math.min(at, Math.max(attempt.dispatchedAt, saidAt));
}

export type AttemptEvent = { task: number; n: number; at: number; random: number };

function finished(draft: Draft, event: AttemptEvent, outcome: AttemptOutcome): void {
  const { task, at } = event;
  const attempt = draft.attempt(task)!;
  const startedAt = attempt.startedAt ?? startOf(attempt, outcome.startedAt, at);
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
      const cause = outcome.cause ?? { kind: 'error', detail: phrase('no_cause', {}) };
      draft.setAttempt({ ...ended, state: 'failed', cause });
      failed(draft, event, cause, attempt.kill?.cause ?? null);
      return;
    }
    case 'killed':
      if (attempt.kill && outcome.cause?.kind === 'kill_unconfirmed') endUnconfirmed(draft, event, outcome.cause);
      else if (attempt.kill) endKilled(draft, event, attempt.kill.cause);
      else processesGone(draft, event, outcome.cause ?? { kind: 'worker_lost', worker: attempt.worker });
      return;
  }
}

function hasAny(outputs: Record<string, string>): boolean {
  for (const _name in outputs) return true;
  return false;
}

/**
 * A process that a kill has ended, or that never was. A timeout is a failure of the attempt, and so is what could not be sent
 * again, but that is not repeated; anything else ends the task run.
 */
export function endKilled(draft: Draft, event: AttemptEvent, cause: Cause): void {
  const attempt = draft.attempt(event.task)!;
  if (cause.kind === 'timeout' || cause.kind === 'invalid') {
    draft.setAttempt({ ...attempt, state: 'failed', cause, endedAt: event.at });
    failed(draft, event, cause, cause);
    return;
  }
  draft.setAttempt({ ...attempt, state: 'killed', cause, endedAt: event.at });
  endInFailure(draft, event.task, 'killed', cause, event.at);
}

/** What it asked a server to do may go on there: so not even one that timed out is repeated by itself. */
function endUnconfirmed(draft: Draft, event: AttemptEvent, cause: Cause): void {
  const attempt = draft.attempt(event.task)!;
  const state = attempt.kill?.cause.kind === 'timeout' ? 'failed' : 'killed';
  draft.setAttempt({ ...attempt, state, cause, endedAt: event.at });
  endInFailure(draft, event.task, state, cause, event.at);
}

/** `killedFor`: why a kill was under way when the attempt failed by itself; then it is not repeated. */
export function failed(draft: Draft, event: AttemptEvent, cause: Cause, killedFor: Cause | null): void {
  const { task, at } = event;
  const { retry } = taskOf(draft.run, task);
  const record = draft.record(task)!;
  const stopping = draft.status.state === 'stopping' || (killedFor !== null && killedFor.kind !== 'timeout');
  const mayGoOn = cause.kind === 'kill_unconfirmed';
  if (stopping || mayGoOn || record.retries >= retry.max) return endInFailure(draft, task, 'failed', cause, at);
  const wakeAt = at + retryDelayMs(retry, record.retries, event.random);
  draft.setTask(task, 'retry_wait', {
    cause,
    wakeAt,
    retries: record.retries + 1,
    waitReason: phrase('retry', { retry: record.retries + 1, retries: retry.max }),
  });
  draft.effect({ kind: 'timer', run: draft.run.spec.id, timer: 'wake', task, n: record.attempts, at: wakeAt });
}

/** Up to a tenth more than the interval, so that tasks which failed together do not return together. */
export function retryDelayMs(
  retry: { intervalMs: number; backoff: 'fixed' | 'exponential'; maxIntervalMs: number },
  retriesBefore: number,
  random: number,
): number {
  const factor = retry.backoff === 'exponential' ? 2 ** Math.min(retriesBefore, 40) : 1;
  return Math.round(
    Math.min(retry.intervalMs * factor, Math.max(retry.maxIntervalMs, retry.intervalMs)) * (1 + random * 0.1),
  );
}

/**
 * An attempt lost with its worker, or refused by it, uses up no retry; how often that may happen has a bound all the same,
 * far above what an overloaded worker refuses.
 */
const LOST_ATTEMPTS_MAX = 1_000;

/**
 * The worker itself says that the attempt had begun. One that now waits for a decision must not stay `dispatched`:
 * the worker forgets what was acknowledged, and a repeated dispatch would begin it again.
 */
function processesGone(draft: Draft, event: AttemptEvent, cause: Cause): void {
  const attempt = draft.attempt(event.task)!;
  if (taskOf(draft.run, event.task).onWorkerLost === 'wait' && !attempt.kill)
    running(draft, attempt, event.at, event.at);
  lost(draft, event, cause);
}

export function lost(draft: Draft, event: AttemptEvent, cause: Cause): void {
  const { task, at } = event;
  const attempt = draft.attempt(task)!;
  if (attempt.kill) return endKilled(draft, event, attempt.kill.cause);
  const { onWorkerLost } = taskOf(draft.run, task);
  if (onWorkerLost === 'wait') {
    draft.setTask(task, draft.state(task), {
      startedAt: draft.record(task)!.startedAt,
      waitReason: phrase('worker_gone', { worker: attempt.worker }),
    });
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

/**
 * Answer of a worker that was asked: unacknowledged dispatches are sent again, anything further is lost. What cannot be sent
 * any more, for want of a secret for instance, is killed: a copy that is still on its way must not run after the task has failed.
 */
function neverSeen(draft: Draft, event: AttemptEvent, attempt: AttemptRecord): void {
  if (attempt.kill || attempt.state !== 'dispatched')
    return lost(draft, event, { kind: 'worker_lost', worker: attempt.worker });
  const resolved = resolveAttempt(draft.run, attempt.task, attempt.n);
  if (resolved.kind === 'ready') draft.effect({ kind: 'dispatch', worker: attempt.worker, spec: resolved.spec });
  else requestKill(draft, attempt.task, { kind: 'invalid', detail: resolved.detail }, event.at);
}
