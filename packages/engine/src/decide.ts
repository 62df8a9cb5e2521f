/**
 * The rules by which a run moves. `decide` reads a run and an event and says what is to become true (changes) and
 * what is to be done once that is durable (effects). It is total: nothing that a user, a worker or a network can cause
 * makes it throw. Rules: the execution semantics, sections 2 to 7.
 *
 * Order within one decision: the event's own change, then the cascade over successors, then the fail-fast or stop
 * sweep if one was called for, then the end of the run.
 */
import { type Cause, isTerminalRun, isTerminalTaskRun, phrase } from '@pelorus/protocol';
import { isCurrent, lost, notPlaced, placed, report } from './attempts.ts';
import { endInFailure, hold, makeReady, requestKill, settle, stop } from './cascade.ts';
import { Draft } from './draft.ts';
import type { Decision, Event } from './events.ts';
import { gateChecked, hasGateBefore, isAtGate, waitAtGate } from './gate.ts';
import { childFinished, childResolved, tellChildren, upstreamChecked } from './logic.ts';
import { lateResult } from './late-result.ts';
import type { CommandAction } from './records.ts';
import { isLive, type Run } from './run.ts';
import { timer } from './timers.ts';

export function decide(run: Run, event: Event): Decision {
  const late = event.kind === 'report' ? lateResult(run, event) : null;
  if (late) return { changes: [late], effects: [], refusal: null };
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
      if (isCurrent(draft, event) && draft.attempt(event.task)!.worker === event.worker)
        lost(draft, event, { kind: 'worker_lost', worker: event.worker });
      return null;
    case 'rebound':
      if (isCurrent(draft, event)) draft.setAttempt({ ...draft.attempt(event.task)!, worker: event.worker });
      return null;
    case 'timer':
      timer(draft, event);
      return null;
    case 'child-resolved':
      childResolved(draft, event);
      return null;
    case 'upstream-checked':
      upstreamChecked(draft, event);
      return null;
    case 'gate-checked':
      return gateChecked(draft, event.verdict, event.at) ? begin(draft, event.at) : null;
  }
}

function command(draft: Draft, action: CommandAction, user: string, at: number): string | null {
  const { state } = draft.status;
  switch (action.kind) {
    case 'start':
      return state === 'queued' || state === 'waiting' ? start(draft, at) : `the run is ${state}`;
    case 'stop':
      return state === 'stopping' ? 'the run is stopping' : stop(draft, causeOfStop(action, user), at);
    case 'pause':
      if (isAtGate(draft)) return pauseAtGate(draft);
      return state === 'running' ? pause(draft, user, at) : `the run is ${state}`;
    case 'resume':
      return state === 'paused' || state === 'pausing' ? resume(draft, user, at) : `the run is ${state}`;
    case 'kill-task':
      return killTask(draft, action.task, { kind: 'killed_by', user }, at);
    case 'child-finished':
      return childFinished(draft, action, at);
    case 'force-success':
      return forceSuccess(draft, action.task, { kind: 'forced_by', user }, at);
  }
}

function causeOfStop({ supersededBy }: Extract<CommandAction, { kind: 'stop' }>, user: string): Cause {
  return supersededBy === undefined ? { kind: 'killed_by', user } : { kind: 'superseded', runId: supersededBy };
}

function start(draft: Draft, at: number): null {
  const { gate, dryRun } = draft.run.spec;
  if (dryRun || !hasGateBefore(gate, draft.status.startedAt)) return begin(draft, at);
  if (!isAtGate(draft)) waitAtGate(draft);
  return null;
}

function begin(draft: Draft, at: number): null {
  const { run } = draft;
  draft.setStatus({ state: 'running', waitReason: null, startedAt: at });
  draft.effect({ kind: 'timer', run: run.spec.id, timer: 'run-timeout', task: -1, n: 0, at: at + run.spec.timeoutMs });
  for (const task of run.graph.order) if (draft.counters(task).open === 0) draft.lookAt(task);
  return null;
}

function pause(draft: Draft, user: string, at: number): null {
  draft.setStatus({ state: 'pausing', waitReason: phrase('pausing', {}) });
  for (let task = 0; task < draft.run.graph.tasks.length; task++) if (draft.state(task) === 'queued') hold(draft, task);
  tellChildren(draft, { kind: 'pause' }, user, at);
  return null;
}

/** Nothing of it runs yet. */
function pauseAtGate(draft: Draft): null {
  draft.setStatus({ state: 'paused', waitReason: phrase('paused_by_person', {}) });
  return null;
}

function resume(draft: Draft, user: string, at: number): null {
  if (hasGateBefore(draft.run.spec.gate, draft.status.startedAt)) {
    waitAtGate(draft);
    return null;
  }
  draft.setStatus({ state: 'running', waitReason: null });
  for (const task of draft.run.graph.order) if (draft.state(task) === 'paused') makeReady(draft, task, at);
  tellChildren(draft, { kind: 'resume' }, user, at);
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

/**
 * Lets a task that failed, or that waits, count as succeeded. Waiting successors run; those that could not run any more
 * (`upstream_failed`) have ended and stay so: running them again is a re-run.
 */
function forceSuccess(draft: Draft, name: string, cause: Cause, at: number): string | null {
  const task = draft.run.graph.indexOf.get(name);
  if (task === undefined) return `the run has no task ${name}`;
  const state = draft.state(task);
  if (draft.status.state === 'stopping') return 'the run is stopping';
  const failed = state === 'failed' || state === 'killed' || state === 'upstream_failed';
  if (isTerminalTaskRun(state) && !failed) return `task ${name} has ended: ${state}`;
  if (isLive(state)) return `task ${name} is ${state}: kill it first`;
  if (state === 'pending') return `task ${name} still waits for its predecessors`;
  draft.setTask(task, 'forced_success', { cause, endedAt: at });
  return null;
}
