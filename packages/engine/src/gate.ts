/**
 * A run that waits at its gate (`RunSpec.gate`): it has been started, is `waiting`, and asks the store again and again whether it may
 * go on. Rules: execution semantics, section 9.
 */
import { type Cause, phrase } from '@pelorus/protocol';
import type { Draft } from './draft.ts';
import type { UpstreamVerdict } from './events.ts';
import type { RunStatus } from './records.ts';
import { PLAN_RUN, type Run } from './run.ts';
import { GATE_CHECK_MS } from './schedules/gate.ts';

/**
 * Whether it waits there, and not for its turn: no master has written a run that waits for its turn, and one that was given it is `queued`
 * until its start.
 */
export function isAtGate({ run, status }: { run: Pick<Run, 'spec'>; status: RunStatus }): boolean {
  return status.state === 'waiting' && status.version > 0 && hasGateBefore(run.spec.gate, status.startedAt);
}

/** Whether starting it means to ask first. */
export function hasGateBefore(gate: Run['spec']['gate'], startedAt: number | null): boolean {
  return gate !== undefined && startedAt === null;
}

/** It has a start, or is resumed, and asks. */
export function waitAtGate(draft: Draft): void {
  draft.setStatus({ state: 'waiting', waitReason: phrase('asking', {}) });
  draft.effect({ kind: 'check-gate', run: draft.run.spec.id });
}

/** True: it may start. */
export function gateChecked(draft: Draft, verdict: UpstreamVerdict, at: number): boolean {
  const { spec } = draft.run;
  if (!isAtGate(draft)) return false;
  if (verdict.kind === 'satisfied') return true;
  const until = spec.submittedAt + spec.timeoutMs;
  if (verdict.kind === 'failed') endAtGate(draft, verdict.detail, at);
  else if (at >= until)
    endAtGate(draft, phrase('not_within', { timeoutMs: spec.timeoutMs, detail: verdict.detail }), at);
  else {
    if (draft.status.waitReason !== verdict.detail) draft.setStatus({ waitReason: verdict.detail });
    const next = Math.min(at + GATE_CHECK_MS, until);
    draft.effect({ kind: 'timer', run: spec.id, timer: 'gate', task: -1, n: 0, at: next });
  }
  return false;
}

/** Nothing of it runs: what it would have run counts as behind a failure; the end of the run follows from that. */
function endAtGate(draft: Draft, detail: string, at: number): void {
  const cause: Cause = { kind: 'dependency', detail };
  draft.setStatus({ cause, waitReason: null });
  const { order } = draft.run.graph;
  for (const task of order) {
    if (draft.state(task) !== 'pending') continue;
    if (draft.run.plan[task] === PLAN_RUN) draft.setTask(task, 'upstream_failed', { cause, endedAt: at });
    else draft.lookAt(task);
  }
}
