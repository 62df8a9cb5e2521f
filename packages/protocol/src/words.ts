/** Causes and durations as people read them, in the terminal and in mails alike. */
import type { Cause } from './states.ts';

/** A clause that continues "task load failed: …". */
export function causeText(cause: Cause | null): string {
  if (cause === null) return '';
  switch (cause.kind) {
    case 'exit':
      return `exit code ${cause.code}`;
    case 'signal':
      return `ended by signal ${cause.name}`;
    case 'oom':
      return 'out of memory';
    case 'timeout':
      return `timed out after ${durationText(cause.afterMs)}`;
    case 'killed_by':
      return `stopped by ${cause.user}`;
    case 'kill_unconfirmed':
      return `killed, but not confirmed: ${cause.detail}`;
    case 'fail_fast':
      return `stopped because ${cause.task} failed`;
    case 'upstream':
      return `${cause.task} did not succeed`;
    case 'worker_lost':
      return `worker ${cause.worker} was lost`;
    case 'dispatch_timeout':
      return `no worker took it within ${durationText(cause.afterMs)}`;
    case 'invalid':
      return `cannot be started: ${cause.detail}`;
    case 'error':
      return cause.detail;
    case 'branch':
      return `branch not taken by ${cause.task}`;
    case 'chose':
      return `chose ${cause.taken.join(', ') || 'nothing'}`;
    case 'child':
      return `its run ${cause.runId} ${cause.state}`;
    case 'dependency':
      return `not fulfilled: ${cause.detail}`;
    case 'not_selected':
      return 'not selected';
    case 'disabled':
      return 'disabled';
    case 'reused':
      return `taken over from run ${cause.runId}`;
    case 'forced_by':
      return `forced by ${cause.user}`;
    case 'discarded':
      return `not started: run ${cause.runId} had not ended`;
    case 'superseded':
      return `stopped for the newer run ${cause.runId}`;
    case 'not_triggered':
      return 'nothing before it failed';
    case 'no_capacity':
      return `refused by the worker: ${cause.detail}`;
  }
}

/** `340 ms`, `4.2 s`, `1:05`, `2:10:07`. */
export function durationText(durationMs: number): string {
  const clamped = Math.max(0, durationMs);
  if (clamped < 1_000) return `${Math.round(clamped)} ms`;
  if (clamped < 59_950) return `${(clamped / 1_000).toFixed(1)} s`;
  const seconds = Math.round(clamped / 1_000);
  const [hours, minutes, rest] = [Math.floor(seconds / 3_600), Math.floor(seconds / 60) % 60, seconds % 60];
  const tail = `${String(minutes).padStart(hours > 0 ? 2 : 1, '0')}:${String(rest).padStart(2, '0')}`;
  return hours > 0 ? `${hours}:${tail}` : tail;
}
