/**
 * Server-sent events: how a route's events get to its clients.
 *
 * Owns: the streams that are open, and the one interval that looks after them (heartbeats, stalled readers, rights).
 * Invariants
 * 1. What waits in this process for one client is bounded: the next event is asked for only when the one before has been
 *    taken by the socket, and long ones are written in pieces. A client that takes nothing for `stallMs` is dropped.
 * 2. A stream ends when its client goes, when the session or token that opened it ends, when the right to read what it is about
 *    is withdrawn, and when the API closes; then its signal aborts, whatever its source waits for.
 * 3. Streams are counted, per process and per user; one too many is a 429 before anything was sent.
 */
import type { ServerResponse } from 'node:http';
import type { Caller, OfProject, Right } from './access.ts';
import type { ApiLog } from './context.ts';
import { API_LIMITS } from './limits.ts';
import { ApiFailure } from './problem.ts';
import type { Answer } from './route.ts';

/** One event of a stream; `data` becomes JSON. */
export interface ServerEvent {
  /** What the client sends as `Last-Event-ID` when it comes back; absent: the one before stays. */
  id?: string;
  /** Name; absent: `message`. */
  event?: string;
  data: unknown;
}

/** An event as it goes over the wire. Made once, it may be sent to any number of clients. */
export type EventFrame = Uint8Array;

/** Ids and names must hold no line break. */
export function eventFrame({ id, event, data }: ServerEvent): EventFrame {
  const head = (id === undefined ? '' : `id: ${id}\n`) + (event === undefined ? '' : `event: ${event}\n`);
  return Buffer.from(`${head}data: ${JSON.stringify(data)}\n\n`);
}

/**
 * The events of one client, until `signal` aborts. It is asked for the next frame only when the last one has left, so whoever
 * falls behind should get what is now true rather than everything that was. `sender` is the client with its rights as they
 * were a few seconds ago at most.
 */
export type EventSource = (signal: AbortSignal, sender: () => Caller) => AsyncIterable<EventFrame>;

/**
 * Answers with a stream of events: a handler's `return eventStream((signal) => …)`. Errors of the source before its first
 * frame should be thrown by the handler instead, while an error document can still be sent.
 */
export function eventStream(events: EventSource): Answer {
  return { status: 200, body: { events } };
}

export interface StreamLimits {
  perProcess: number;
  perUser: number;
  heartbeatMs: number;
  recheckMs: number;
  /** A right that cannot be checked, because the store does not answer, holds this long. */
  uncheckedMs: number;
  stallMs: number;
  tickMs: number;
}

/** Whose stream it is, and what it was admitted to. */
export interface StreamOpener {
  caller: Caller & { readonly asked: readonly { right: Right; object: OfProject }[] };
  /** The same sender as its credentials and rights are now; rejects when the credentials have ended. */
  again: () => Promise<Caller>;
}

export interface EventStreams {
  /** Throws TOO_MANY_REQUESTS before anything was sent; else the response is this stream's. */
  open(response: ServerResponse, headers: Record<string, unknown>, source: EventSource, opener: StreamOpener): void;
  /** Ends all streams; whoever does not take the end in time is cut off. */
  close(): void;
  figures(): StreamFigures;
}

export interface StreamFigures {
  streams: number;
  /** Bytes that no socket has taken yet: of all streams, and of the one with the most. */
  unsentBytes: number;
  maxUnsentBytes: number;
}

declare module 'fastify' {
  interface FastifyInstance {
    /** How many event streams are open, and what waits in them. */
    streamFigures(): StreamFigures;
  }
}

type EndReason = 'done' | 'gone' | 'stalled' | 'withdrawn' | 'closing' | 'failed';

interface Stream {
  response: ServerResponse;
  opener: StreamOpener;
  /** As last checked. */
  caller: Caller;
  /** Sessions and tokens are looked up once, however many streams they have open. */
  credential: string;
  controller: AbortController;
  /** Since when the socket takes nothing; null: it does. Milliseconds of the monotonic clock, as below. */
  blockedAt: number | null;
  sentAt: number;
  checkedAt: number;
  release: () => void;
}

export function createEventStreams(log: ApiLog, limits: StreamLimits = DEFAULT_STREAM_LIMITS): EventStreams {
  const streams = new Set<Stream>();
  const perUser = new Map<string, number>();
  let ticker: NodeJS.Timeout | null = null;
  let checking = false;
  let closed = false;

  function open(
    response: ServerResponse,
    headers: Record<string, unknown>,
    source: EventSource,
    opener: StreamOpener,
  ): void {
    const { user, identity } = opener.caller;
    admitOneMore(user);
    const now = performance.now();
    const stream: Stream = {
      response,
      opener,
      caller: opener.caller,
      credential: `${identity?.via ?? ''} ${identity?.credential ?? ''} ${user}`,
      controller: new AbortController(),
      blockedAt: null,
      sentAt: now,
      checkedAt: now,
      release: () => undefined,
    };
    streams.add(stream);
    ticker ??= setInterval(tick, limits.tickMs).unref();
    response.once('close', () => end(stream, 'gone'));
    response.on('error', () => end(stream, 'gone'));
    response.on('drain', () => unblock(stream));
    response.writeHead(200, { ...(headers as Record<string, string>), ...STREAM_HEADERS });
    response.socket?.setNoDelay(true);
    response.write(`retry: ${API_LIMITS.streamRetryMs}\n\n`);
    void run(stream, source);
  }

  function admitOneMore(user: string): void {
    if (closed) throw new ApiFailure('NOT_READY', 'the server is shutting down');
    const own = perUser.get(user) ?? 0;
    const which = streams.size >= limits.perProcess ? 'here' : own >= limits.perUser ? `by ${user}` : null;
    if (which !== null)
      throw new ApiFailure('TOO_MANY_REQUESTS', `there are too many event streams open ${which}; close some of them`, {
        retryAfterSeconds: API_LIMITS.streamRetryAfterSeconds,
      });
    perUser.set(user, own + 1);
  }

  async function run(stream: Stream, source: EventSource): Promise<void> {
    const { signal } = stream.controller;
    try {
      for await (const frame of source(signal, () => stream.caller)) {
        await write(stream, frame);
        if (signal.aborted) return;
      }
      end(stream, 'done');
    } catch (error) {
      if (signal.aborted) return;
      log.warn({ err: error, user: stream.opener.caller.user }, 'an event stream broke off');
      end(stream, 'failed');
    }
  }

  /** Resolves when the socket is ready for more, or the stream has ended. */
  async function write(stream: Stream, frame: EventFrame): Promise<void> {
    for (let at = 0; at < frame.length; at += API_LIMITS.streamPieceBytes) {
      if (stream.controller.signal.aborted) return;
      stream.sentAt = performance.now();
      const taken = stream.response.write(frame.subarray(at, at + API_LIMITS.streamPieceBytes));
      if (taken) continue;
      stream.blockedAt ??= performance.now();
      await new Promise<void>((resolve) => {
        stream.release = resolve;
      });
    }
  }

  function unblock(stream: Stream): void {
    stream.blockedAt = null;
    stream.release();
  }

  function end(stream: Stream, reason: EndReason): void {
    if (!streams.delete(stream)) return;
    const { user } = stream.opener.caller;
    const own = (perUser.get(user) ?? 1) - 1;
    if (own > 0) perUser.set(user, own);
    else perUser.delete(user);
    if (streams.size === 0 && ticker !== null) {
      clearInterval(ticker);
      ticker = null;
    }
    stream.controller.abort();
    unblock(stream);
    finish(stream.response, reason);
  }

  /** An end that the client is told of waits for its socket, but not for long. */
  function finish(response: ServerResponse, reason: EndReason): void {
    if (reason === 'gone' || reason === 'stalled' || reason === 'failed') return void response.destroy();
    if (reason !== 'done') response.write(eventFrame({ event: 'closed', data: { reason } }));
    response.end();
    if (response.writableFinished) return;
    const late = setTimeout(() => response.destroy(), API_LIMITS.streamEndMs).unref();
    response.once('close', () => clearTimeout(late));
  }

  function tick(): void {
    const now = performance.now();
    for (const stream of streams) {
      if (stream.blockedAt !== null) {
        if (now - stream.blockedAt < limits.stallMs) continue;
        log.info({ user: stream.opener.caller.user }, 'a client that reads nothing was dropped from its event stream');
        end(stream, 'stalled');
      } else if (now - stream.sentAt >= limits.heartbeatMs) {
        stream.sentAt = now;
        if (!stream.response.write(HEARTBEAT)) stream.blockedAt ??= now;
      }
    }
    if (!checking) void check(now);
  }

  /** One look at each session or token that has streams which are due. */
  async function check(now: number): Promise<void> {
    checking = true;
    const due = [...streams].filter((stream) => now - stream.checkedAt >= limits.recheckMs);
    for (const group of Map.groupBy(due, (stream) => stream.credential).values()) await checkGroup(group, now);
    checking = false;
  }

  async function checkGroup(group: Stream[], now: number): Promise<void> {
    try {
      const caller = await group[0]!.opener.again();
      for (const stream of group) {
        if (!(await mayStill(caller, stream))) {
          end(stream, 'withdrawn');
          continue;
        }
        stream.checkedAt = now;
        stream.caller = caller;
      }
    } catch (error) {
      const isRefusal = error instanceof ApiFailure && (error.code === 'NOT_SIGNED_IN' || error.code === 'FORBIDDEN');
      if (!isRefusal) log.warn({ err: error }, 'the rights of event streams could not be checked');
      for (const stream of group)
        if (isRefusal || now - stream.checkedAt >= limits.uncheckedMs) end(stream, 'withdrawn');
    }
  }

  return {
    open,
    close: () => {
      closed = true;
      for (const stream of streams) end(stream, 'closing');
    },
    figures: () => {
      const unsent = [...streams].map((stream) => stream.response.writableLength);
      return {
        streams: streams.size,
        unsentBytes: unsent.reduce((sum, bytes) => sum + bytes, 0),
        maxUnsentBytes: Math.max(0, ...unsent),
      };
    },
  };
}

async function mayStill(caller: Caller, stream: Stream): Promise<boolean> {
  for (const { right, object } of stream.opener.caller.asked) if (!(await caller.may(right, object))) return false;
  return true;
}

const HEARTBEAT = ': heartbeat\n\n';

/** A stream is the last thing on its connection; proxies must not gather it. */
const STREAM_HEADERS = {
  'content-type': 'text/event-stream; charset=utf-8',
  'cache-control': 'no-store',
  connection: 'close',
  'x-accel-buffering': 'no',
};

export const DEFAULT_STREAM_LIMITS: StreamLimits = {
  perProcess: API_LIMITS.streamsPerProcess,
  perUser: API_LIMITS.streamsPerUser,
  heartbeatMs: API_LIMITS.streamHeartbeatMs,
  recheckMs: API_LIMITS.streamRecheckMs,
  uncheckedMs: API_LIMITS.streamUncheckedMs,
  stallMs: API_LIMITS.streamStallMs,
  tickMs: 1000,
};
