/**
 * The streams of events that are open.
 *
 * Owns: the one interval that looks after them (heartbeats, stalled readers, rights).
 * Invariants
 * 1. A client that takes nothing for `stallMs` is dropped; what waits for it until then is bounded (`open-stream.ts`).
 * 2. A stream ends when its client goes, when the session or token that opened it ends, when the right to read what it is about
 *    is withdrawn, and when the API closes; then its signal aborts, whatever its source waits for.
 * 3. Streams are counted, per process and per user; one too many is a 429 before anything was sent.
 */
import type { ServerResponse } from 'node:http';
import type { ApiLog } from './context.ts';
import { API_LIMITS } from './limits.ts';
import { OpenStream, type EndReason, type StreamOpener } from './open-stream.ts';
import { ApiFailure } from './problem.ts';
import type { EventSource } from './sse.ts';

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

export class EventStreams {
  readonly #log: ApiLog;
  readonly #limits: StreamLimits;
  readonly #streams = new Set<OpenStream>();
  readonly #perUser = new Map<string, number>();
  #ticker: NodeJS.Timeout | null = null;
  #checking = false;
  #closed = false;

  constructor(log: ApiLog, limits: Partial<StreamLimits> = {}) {
    this.#log = log;
    this.#limits = { ...DEFAULT_LIMITS, ...limits };
  }

  /** Throws TOO_MANY_REQUESTS before anything was sent; else the response is this stream's. */
  open(response: ServerResponse, headers: Record<string, unknown>, source: EventSource, opener: StreamOpener): void {
    this.#admitOneMore(opener.caller.user);
    const stream = new OpenStream(response, opener, performance.now());
    this.#streams.add(stream);
    this.#ticker ??= setInterval(() => this.#tick(), this.#limits.tickMs).unref();
    stream.begin(headers, () => this.#end(stream, 'gone'));
    void this.#send(stream, source);
  }

  /** Ends all streams; whoever does not take the end in time is cut off. */
  close(): void {
    this.#closed = true;
    for (const stream of this.#streams) this.#end(stream, 'closing');
  }

  figures(): StreamFigures {
    const unsent = [...this.#streams].map((stream) => stream.unsentBytes);
    return {
      streams: unsent.length,
      unsentBytes: unsent.reduce((sum, bytes) => sum + bytes, 0),
      maxUnsentBytes: Math.max(0, ...unsent),
    };
  }

  #admitOneMore(user: string): void {
    if (this.#closed) throw new ApiFailure('NOT_READY', 'the server is shutting down');
    const { perProcess, perUser } = this.#limits;
    const own = this.#perUser.get(user) ?? 0;
    const which = this.#streams.size >= perProcess ? 'here' : own >= perUser ? `by ${user}` : null;
    if (which !== null)
      throw new ApiFailure('TOO_MANY_REQUESTS', `there are too many event streams open ${which}; close some of them`, {
        retryAfterSeconds: API_LIMITS.streamRetryAfterSeconds,
      });
    this.#perUser.set(user, own + 1);
  }

  async #send(stream: OpenStream, source: EventSource): Promise<void> {
    try {
      await stream.send(source);
      this.#end(stream, 'done');
    } catch (error) {
      if (stream.hasEnded) return;
      this.#log.warn({ err: error, user: stream.user }, 'an event stream broke off');
      this.#end(stream, 'failed');
    }
  }

  #end(stream: OpenStream, reason: EndReason): void {
    if (!this.#streams.delete(stream)) return;
    const own = (this.#perUser.get(stream.user) ?? 1) - 1;
    if (own > 0) this.#perUser.set(stream.user, own);
    else this.#perUser.delete(stream.user);
    if (this.#streams.size === 0 && this.#ticker !== null) {
      clearInterval(this.#ticker);
      this.#ticker = null;
    }
    stream.end(reason);
  }

  #tick(): void {
    const now = performance.now();
    for (const stream of this.#streams) {
      if (stream.blockedMs(now) >= this.#limits.stallMs) {
        this.#log.info({ user: stream.user }, 'a client that reads nothing was dropped from its event stream');
        this.#end(stream, 'stalled');
      } else stream.beat(now, this.#limits.heartbeatMs);
    }
    if (!this.#checking) void this.#check(now);
  }

  /** One look at each session or token that has streams which are due. */
  async #check(now: number): Promise<void> {
    this.#checking = true;
    const due = [...this.#streams].filter((stream) => now - stream.checkedAt >= this.#limits.recheckMs);
    for (const group of Map.groupBy(due, (stream) => stream.credential).values()) await this.#checkGroup(group, now);
    this.#checking = false;
  }

  async #checkGroup(group: OpenStream[], now: number): Promise<void> {
    try {
      const caller = await group[0]!.opener.again();
      for (const stream of group) if (!(await stream.readmit(caller, now))) this.#end(stream, 'withdrawn');
    } catch (error) {
      const isRefusal = error instanceof ApiFailure && (error.code === 'NOT_SIGNED_IN' || error.code === 'FORBIDDEN');
      if (!isRefusal) this.#log.warn({ err: error }, 'the rights of event streams could not be checked');
      for (const stream of group)
        if (isRefusal || now - stream.checkedAt >= this.#limits.uncheckedMs) this.#end(stream, 'withdrawn');
    }
  }
}

const DEFAULT_LIMITS: StreamLimits = {
  perProcess: API_LIMITS.streamsPerProcess,
  perUser: API_LIMITS.streamsPerUser,
  heartbeatMs: API_LIMITS.streamHeartbeatMs,
  recheckMs: API_LIMITS.streamRecheckMs,
  uncheckedMs: API_LIMITS.streamUncheckedMs,
  stallMs: API_LIMITS.streamStallMs,
  tickMs: 1000,
};
