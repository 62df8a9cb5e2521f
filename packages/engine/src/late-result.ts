/**
 * Results that come after their attempt has ended without them: the worker was given up, and was not gone. The first one is kept with
 * the attempt as evidence, and moves nothing: neither the attempt, nor its task, nor the run, not even a version.
 */
import { type AttemptId, type AttemptReport, ATTEMPT_RANK, parseAttemptId } from '@pelorus/protocol';
import type { Event } from './events.ts';
import type { AttemptRecord, Change, LateResult } from './records.ts';
import type { Run } from './run.ts';

/** Of an attempt before the latest one only the store knows how it ended, and whether this is news. Null: nothing is to be kept. */
export function lateResult(run: Run, event: Extract<Event, { kind: 'report' }>): Change | null {
  const { task, n, report, at } = event;
  const latest = run.attempts[task];
  const result = resultIn(report, at);
  if (!latest || !result || n > latest.n || (n === latest.n && !isNews(latest, result))) return null;
  return { kind: 'late-result', run: run.spec.id, task, n, result };
}

/** The same of an attempt whose run has ended: what that run was is for the store to say. `at`: when a master was told, epoch ms. */
export function resultOfForgotten(attempt: AttemptId, report: AttemptReport, at: number): Change | null {
  const key = parseAttemptId(attempt);
  const result = resultIn(report, at);
  return key && result && { kind: 'late-result', ...key, result };
}

/** Outputs are no part of it: nobody may use them. Instants are the worker's word, within what an instant may be. */
function resultIn(report: AttemptReport, at: number): LateResult | null {
  if (report.kind !== 'finished') return null;
  const { state, cause, startedAt, endedAt } = report.outcome;
  const instant = (said: number): number => Math.min(at, Math.max(0, Math.trunc(said)));
  return { state, cause, startedAt: instant(startedAt), endedAt: instant(endedAt), reportedAt: at };
}

/** Whether it is the first to say of an attempt what its end does not: no repetition of the word that ended it, nor what a kill was to bring about. */
export function isNews(attempt: AttemptRecord, { state, cause }: LateResult): boolean {
  if (ATTEMPT_RANK[attempt.state] < ATTEMPT_RANK.succeeded || attempt.late) return false;
  const asWanted = state === 'killed' && attempt.kill !== null;
  return attempt.state !== state && !asWanted && JSON.stringify(attempt.cause) !== JSON.stringify(cause);
}
