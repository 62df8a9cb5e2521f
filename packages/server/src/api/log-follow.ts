/**
 * Logs as streams of events, while they are written. Owns: which logs are followed; per log one that looks
 * (`followed-log.ts`), however many follow it.
 *
 * Invariants: 1. what is read for one client is what it has room for; 2. a log that nobody follows is not looked at;
 * 3. the end is told when the attempt has ended and its log is here, or is not waited for any longer, which the end says.
 */
import { setTimeout as pauseFor } from 'node:timers/promises';
import { formatAttemptId, type AttemptId, type AttemptKey, type LogEvent } from '@pelorus/protocol';
import type { Mask } from '../vault/index.ts';
import { FollowedLog, type LookParts, type Seen } from './followed-log.ts';
import { nextBatch } from './log-batches.ts';
import type { Wanted } from './log-search.ts';
import type { LogReader } from './logs.ts';
import { ApiFailure } from './problem.ts';
import { eventFrame, type EventFrame, type EventSource } from './sse.ts';

export interface FollowRequest {
  attempt: AttemptKey;
  /** Offset to begin at. */
  from: number;
  /** Null: every line. */
  wanted: Wanted | null;
  /** Hides secrets in what is told; null: there are none. */
  mask: Mask | null;
}

export interface LogFollowers {
  follow(request: FollowRequest): EventSource;
}

export function createLogFollowers(parts: LookParts): LogFollowers {
  const all = new Map<AttemptId, FollowedLog>();

  function enter(attempt: AttemptKey): FollowedLog {
    const followed = all.get(formatAttemptId(attempt)) ?? new FollowedLog(attempt, parts);
    followed.followers += 1;
    all.set(followed.id, followed);
    return followed;
  }

  function leave(followed: FollowedLog): void {
    followed.followers -= 1;
    if (followed.followers > 0) return;
    all.delete(followed.id);
    followed.stop();
  }

  async function* events(request: FollowRequest, signal: AbortSignal): AsyncGenerator<EventFrame> {
    const followed = enter(request.attempt);
    try {
      yield* eventsOf(followed, request, parts.logs, signal);
    } finally {
      leave(followed);
    }
  }

  return { follow: (request) => (signal) => events(request, signal) };
}

async function* eventsOf(
  followed: FollowedLog,
  { from, wanted, mask }: FollowRequest,
  logs: LogReader,
  signal: AbortSignal,
): AsyncGenerator<EventFrame> {
  const choose = wanted && ((lines: string[]) => chosen(logs, lines, wanted, signal));
  let offset = from;
  while (!signal.aborted) {
    const { seen, batches } = followed;
    const { text, isOver } = seen;
    const batch = text === null ? null : await nextBatch(batches, text, { offset, choose, mask, isOver });
    if (batch !== null) {
      offset = batch.end;
      yield batch.frame;
    } else if (isOver) {
      yield endOf(seen, offset);
      return;
    } else if (seen === followed.seen) {
      await followed.change(signal);
    }
  }
}

/** While all threads that match are taken. */
const CHOOSE_AGAIN_MS = 1_000;
const BUSY: ReadonlySet<string> = new Set(['TOO_MANY_REQUESTS', 'LOG_SEARCH_BUSY']);

/** Whoever follows is not turned away because others search: it gets its lines later. */
async function chosen(logs: LogReader, lines: string[], wanted: Wanted, signal: AbortSignal): Promise<string[]> {
  for (;;) {
    try {
      return await logs.choose(lines, wanted, signal);
    } catch (error) {
      if (!(error instanceof ApiFailure) || !BUSY.has(error.code)) throw error;
      await pauseFor(CHOOSE_AGAIN_MS, undefined, { signal, ref: false });
    }
  }
}

function endOf({ note, stat }: Seen, offset: number): EventFrame {
  const data: Extract<LogEvent, { event: 'end' }>['data'] = {
    complete: note === null,
    sizeBytes: stat?.size ?? offset,
    note,
  };
  return eventFrame({ id: String(offset), event: 'end', data });
}
