/**
 * Logs as streams of events, while they are written. Owns: per log that is followed one watcher, however many follow it, and
 * the last events made for them.
 *
 * Every event is made of whole lines and its id is the offset behind them, so that whoever comes back with it misses nothing and
 * gets nothing twice. Lines that are too long are cut into several.
 * Invariants: 1. what is read for one client is what it has room for; 2. a log that nobody follows is not looked at;
 * 3. the end is told when the attempt has ended and its log is here, or is not waited for any longer, which the end says.
 */
import { setTimeout as pauseFor } from 'node:timers/promises';
import { formatAttemptId, LIMITS, type AttemptKey, type LogEvent } from '@pelorus/protocol';
import { LOGIC_WORKER, type AttemptRecord } from '@pelorus/engine';
import { Recent, type LogStat } from '../logs/index.ts';
import type { Mask } from '../vault/index.ts';
import type { ApiLog } from './context.ts';
import { API_LIMITS } from './limits.ts';
import { lineText } from './log-lines.ts';
import { hasEnded, lateNote } from './log-late.ts';
import type { Wanted } from './log-search.ts';
import type { LogReader } from './logs.ts';
import { ApiFailure } from './problem.ts';
import { readText, type LogText } from './log-text.ts';
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

interface Seen {
  text: LogText | null;
  stat: LogStat | null;
  /** Nothing more will come, or is waited for. */
  isOver: boolean;
  /** A last line that is not in the log. */
  note: string | null;
}

interface Followed {
  attempt: AttemptKey;
  seen: Seen;
  followers: number;
  /** Called at the next change. */
  waiters: Set<() => void>;
  /** Events by the offset at which they begin. */
  frames: Recent<number, Batch>;
  stop: () => void;
}

interface Batch {
  frame: EventFrame;
  /** With which it was made. */
  mask: Mask | null;
  end: number;
}

const FRAMES_KEPT = 16;
/** A burst of changes is one look. */
const LOOK_PAUSE_MS = 50;
/** The attempt's state is asked for no more often. */
const STATE_MS = 500;
/** While all threads that match are taken. */
const CHOOSE_AGAIN_MS = 1_000;
const BUSY: ReadonlySet<string> = new Set(['TOO_MANY_REQUESTS', 'LOG_SEARCH_BUSY']);
const UNKNOWN: Seen = { text: null, stat: null, isOver: false, note: null };

export function createLogFollowers(options: {
  logs: LogReader;
  attemptOf: (attempt: AttemptKey) => Promise<AttemptRecord | null>;
  /** Epoch ms. */
  clock: () => number;
  log: ApiLog;
}): LogFollowers {
  const { logs, log } = options;
  const all = new Map<string, Followed>();

  function enter(attempt: AttemptKey): Followed {
    const id = formatAttemptId(attempt);
    const followed = all.get(id) ?? watch(attempt, id);
    followed.followers += 1;
    return followed;
  }

  function leave(followed: Followed): void {
    followed.followers -= 1;
    if (followed.followers > 0) return;
    all.delete(formatAttemptId(followed.attempt));
    followed.stop();
  }

  function watch(attempt: AttemptKey, id: string): Followed {
    const followed: Followed = {
      attempt,
      seen: UNKNOWN,
      followers: 0,
      waiters: new Set(),
      frames: new Recent(FRAMES_KEPT),
      stop: () => undefined,
    };
    all.set(id, followed);
    const stopping = new AbortController();
    let wake: () => void = () => undefined;
    let isNews = false;
    const endWatch = logs.store.watch(formatAttemptId(attempt), () => {
      isNews = true;
      wake();
    });
    followed.stop = () => {
      endWatch();
      stopping.abort();
      wake();
    };
    const pause = (ms: number): Promise<void> =>
      new Promise((resolve) => {
        if (isNews || stopping.signal.aborted) return resolve();
        const timer = setTimeout(resolve, ms);
        timer.unref();
        wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    void (async () => {
      const look = createLook(options);
      while (!stopping.signal.aborted && !followed.seen.isOver) {
        isNews = false;
        try {
          see(followed, await look(followed));
        } catch (error) {
          log.warn({ err: error, attempt: id }, 'a log that is followed cannot be looked at; trying again');
        }
        const pollMs = followed.seen.stat === null ? STATE_MS : logs.store.pollMs;
        await pause(pollMs);
        await new Promise((resolve) => setTimeout(resolve, LOOK_PAUSE_MS).unref());
      }
    })();
    return followed;
  }

  function see(followed: Followed, seen: Seen): void {
    const before = followed.seen;
    followed.seen = seen;
    const isOther = before.text?.identity !== seen.text?.identity;
    if (isOther || (before.text?.length ?? 0) > (seen.text?.length ?? 0)) followed.frames = new Recent(FRAMES_KEPT);
    if (before.text?.length === seen.text?.length && before.isOver === seen.isOver && before !== UNKNOWN) return;
    const waiters = [...followed.waiters];
    followed.waiters.clear();
    for (const waiter of waiters) waiter();
  }

  /** Whoever follows is not turned away because others search: it gets its lines later. */
  async function chosen(lines: string[], wanted: Wanted, signal: AbortSignal): Promise<string[]> {
    for (;;) {
      try {
        return await logs.choose(lines, wanted, signal);
      } catch (error) {
        if (!(error instanceof ApiFailure) || !BUSY.has(error.code)) throw error;
        await pauseFor(CHOOSE_AGAIN_MS, undefined, { signal, ref: false });
      }
    }
  }

  function changed(followed: Followed, signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const done = (): void => {
        followed.waiters.delete(done);
        signal.removeEventListener('abort', done);
        resolve();
      };
      followed.waiters.add(done);
      signal.addEventListener('abort', done, { once: true });
    });
  }

  async function* events(
    { attempt, from, wanted, mask }: FollowRequest,
    signal: AbortSignal,
  ): AsyncGenerator<EventFrame> {
    const followed = enter(attempt);
    const choose = wanted && ((lines: string[]) => chosen(lines, wanted, signal));
    try {
      let offset = from;
      while (!signal.aborted) {
        const { seen } = followed;
        const batch =
          seen.text === null
            ? null
            : await nextBatch(followed, seen.text, { offset, choose, mask, isOver: seen.isOver });
        if (batch !== null) {
          offset = batch.end;
          yield batch.frame;
        } else if (seen.isOver) {
          yield endOf(seen, offset);
          return;
        } else if (seen === followed.seen) {
          await changed(followed, signal);
        }
      }
    } finally {
      leave(followed);
    }
  }

  return { follow: (request) => (signal) => events(request, signal) };
}

/** Gives a function that looks at a log and at its attempt, and remembers since when the rest is awaited. */
function createLook({ logs, attemptOf, clock }: Parameters<typeof createLogFollowers>[0]) {
  let record: AttemptRecord | null = null;
  let askedAt = -Infinity;
  let late: { size: number; since: number } | null = null;
  return async ({ attempt }: Followed): Promise<Seen> => {
    if (!hasEnded(record) && performance.now() - askedAt >= STATE_MS) {
      record = await attemptOf(attempt);
      askedAt = performance.now();
    }
    // After the state: what an attempt wrote before its end is in a log looked at after that.
    const opened = await logs.open(attempt);
    const stat = opened?.stat ?? null;
    const seen = { text: opened?.text ?? null, stat, isOver: false, note: null };
    if (!hasEnded(record)) return seen;
    if (stat?.complete === true || !logs.store.shipped || record.worker === LOGIC_WORKER)
      return { ...seen, isOver: true };
    const now = clock();
    const waitMs = record.state === 'lost' ? API_LIMITS.logLostMs : API_LIMITS.logLateMs;
    // Of one that ended long ago news comes soon, or not at all.
    late ??= { size: stat?.size ?? 0, since: Math.max(record.endedAt ?? now, now - waitMs + API_LIMITS.logLostMs) };
    if (late.size !== (stat?.size ?? 0)) late = { size: stat?.size ?? 0, since: now };
    if (now - late.since < waitMs) return seen;
    return { ...seen, isOver: true, note: lateNote(record) };
  };
}

interface BatchRequest {
  offset: number;
  /** Which lines are told; null: every one. */
  choose: ((lines: string[]) => Promise<string[]>) | null;
  mask: Mask | null;
  isOver: boolean;
}

/** What goes to a client that has everything up to an offset; null: there is nothing yet. */
async function nextBatch(
  followed: Followed,
  text: LogText,
  { offset, choose, mask, isOver }: BatchRequest,
): Promise<Batch | null> {
  const known = choose === null ? followed.frames.get(offset) : undefined;
  if (known?.mask === mask) return known;
  const size = text.offsetAt(text.length);
  if (offset > size) return EMPTIED;
  const position = text.positionAt(offset);
  const wanted = Math.min(API_LIMITS.logEventBytes, text.length - position);
  const bytes = await readText(text, position, position + wanted);
  const isLast = isOver && position + bytes.length >= text.length;
  const { lines, length } = wholeLines(bytes, isLast);
  if (length === 0) return null;
  const end = text.offsetAt(position + length);
  const found = choose === null ? lines : await choose(lines);
  const shown = mask === null ? found : found.map((line) => mask.text(line));
  const batch = { frame: linesFrame({ lines: shown, startByte: offset, endByte: end }), end, mask };
  if (choose === null && !isLast) followed.frames.set(offset, batch);
  return batch;
}

/** Lines that end in these bytes, or fill them, or are the last; and how many bytes they are. */
function wholeLines(bytes: Buffer, isLast: boolean): { lines: string[]; length: number } {
  const lines: string[] = [];
  let at = 0;
  while (at < bytes.length && lines.length < API_LIMITS.logEventLines) {
    const end = bytes.indexOf(LINE_END, at);
    const length = (end === -1 ? bytes.length : end) - at;
    if (length > LIMITS.logLineBytes) {
      const cut = characterEnd(bytes, at, LIMITS.logLineBytes);
      lines.push(lineText(bytes.subarray(at, cut), 0));
      at = cut;
      continue;
    }
    if (end === -1 && !isLast) break;
    lines.push(lineText(bytes.subarray(at, at + length), 0));
    at += length + (end === -1 ? 0 : 1);
  }
  return { lines, length: at };
}

const LINE_END = 10;

/** Not in the middle of a character, if there are characters. */
function characterEnd(bytes: Buffer, from: number, length: number): number {
  for (let end = from + length; end > from + length - 4; end -= 1) if (((bytes[end] ?? 0) & 0xc0) !== 0x80) return end;
  return from + length;
}

function linesFrame(data: Extract<LogEvent, { event: 'lines' }>['data']): EventFrame {
  return eventFrame({ id: String(data.endByte), event: 'lines', data });
}

/** A log written in place that its own task has emptied: whatever is there now is new. */
const EMPTIED: Batch = {
  frame: linesFrame({ lines: ['--- the log was emptied; what is in it now follows ---'], startByte: 0, endByte: 0 }),
  end: 0,
  mask: null,
};

function endOf({ note, stat }: Seen, offset: number): EventFrame {
  const data: Extract<LogEvent, { event: 'end' }>['data'] = {
    complete: note === null,
    sizeBytes: stat?.size ?? offset,
    note,
  };
  return eventFrame({ id: String(offset), event: 'end', data });
}
