/** What happens when an instant has come: a wait is over, something took too long. Stale timers change nothing. */
import { type AttemptEvent, endKilled, failed, isCurrent } from './attempts.ts';
import { makeReady, requestKill, stop } from './cascade.ts';
import type { Draft } from './draft.ts';
import type { Event } from './events.ts';
import { isAtGate } from './gate.ts';
import { taskOf } from './run.ts';

export function timer(draft: Draft, event: Extract<Event, { kind: 'timer' }>): void {
  switch (event.timer) {
    case 'gate':
      if (isAtGate(draft)) draft.effect({ kind: 'check-gate', run: draft.run.spec.id });
      return;
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
    case 'check':
      if (isCurrent(draft, event))
        draft.effect({ kind: 'check-upstream', run: draft.run.spec.id, task: event.task, n: event.n });
      return;
    case 'run-timeout':
      return runTimeout(draft, event.at);
  }
}

function attemptTimeout(draft: Draft, event: AttemptEvent): void {
  if (!isCurrent(draft, event)) return;
  const { timeout, name, action } = taskOf(draft.run, event.task);
  if (!timeout || draft.attempt(event.task)!.kill) return;
  if (timeout.action !== 'fail') {
    draft.effect({ kind: 'notify', run: draft.run.spec.id, subject: 'timeout-warning', task: name, at: event.at });
  }
  if (timeout.action === 'warn') return;
  if (action.type === 'dependent') endKilled(draft, event, { kind: 'timeout', afterMs: timeout.afterMs });
  else requestKill(draft, event.task, { kind: 'timeout', afterMs: timeout.afterMs }, event.at);
}

function runTimeout(draft: Draft, at: number): void {
  const { spec } = draft.run;
  if (draft.status.state === 'stopping' || draft.status.startedAt === null) return;
  if (spec.timeoutAction !== 'fail')
    draft.effect({ kind: 'notify', run: spec.id, subject: 'timeout-warning', task: null, at });
  if (spec.timeoutAction !== 'warn') stop(draft, { kind: 'timeout', afterMs: spec.timeoutMs }, at);
}
