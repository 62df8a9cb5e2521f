/**
 * What the server log says of requests that failed. Mistakes of ours are all there, with where they happened. What cannot be had for a while
 * fails every request in that time: of each kind one line a second is enough, which says how many there were before it.
 */
import type { ErrorCode } from '@pelorus/protocol';
import type { ApiLog } from './context.ts';

export interface RequestFailure {
  error: unknown;
  code: ErrorCode;
  method: string;
  path: string;
}

const EVERY_MS = 1_000;

/** `clock` in milliseconds. */
export function createFailureLog(log: ApiLog, clock: () => number): (failure: RequestFailure) => void {
  const told = new Map<ErrorCode, { at: number; untold: number }>();
  return ({ error, ...request }) => {
    if (request.code === 'INTERNAL') return log.error({ err: error, ...request }, 'request failed');
    const now = clock();
    const last = told.get(request.code);
    if (last && now >= last.at && now < last.at + EVERY_MS) {
      last.untold += 1;
      return;
    }
    told.set(request.code, { at: now, untold: 0 });
    const reason = error instanceof Error ? error.message : String(error);
    const others = last && last.untold > 0 ? { othersBefore: last.untold } : {};
    log.warn({ reason, ...request, ...others }, 'request failed');
  };
}
