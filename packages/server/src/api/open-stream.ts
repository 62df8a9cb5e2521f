/**
 * One stream of events that is open: from its source to its client's socket.
 *
 * Owns: the response from its head on, and the signal that ends the source.
 * Invariant: what waits in this process for the client is bounded: the next event is asked for only when the one before has
 * been taken by the socket, and long ones are written in pieces.
 */
import type { ServerResponse } from 'node:http';
import type { Caller, OfProject, Right } from './access.ts';
import { API_LIMITS } from './limits.ts';
import { eventFrame, type EventFrame, type EventSource } from './sse.ts';

/** Whose stream it is, and what it was admitted to. */
export interface StreamOpener {
  caller: Caller & { readonly asked: readonly { right: Right; object: OfProject }[] };
  /** The same sender as its credentials and rights are now; rejects when the credentials have ended. */
  again: () => Promise<Caller>;
}

export type EndReason = 'done' | 'gone' | 'stalled' | 'withdrawn' | 'closing' | 'failed';

/** Instants are milliseconds of the monotonic clock. */
export class OpenStream {
  readonly opener: StreamOpener;
  /** Sessions and tokens are looked up once, however many streams they have open. */
  readonly credential: string;
  checkedAt: number;
  readonly #response: ServerResponse;
  readonly #controller = new AbortController();
  /** As last checked. */
  #caller: Caller;
  /** Since when the socket takes nothing; null: it does. */
  #blockedAt: number | null = null;
  #sentAt: number;
  #release: () => void = () => undefined;

  constructor(response: ServerResponse, opener: StreamOpener, now: number) {
    const { user, identity } = opener.caller;
    this.opener = opener;
    this.credential = `${identity?.via ?? ''} ${identity?.credential ?? ''} ${user}`;
    this.checkedAt = now;
    this.#response = response;
    this.#caller = opener.caller;
    this.#sentAt = now;
  }

  get user(): string {
    return this.opener.caller.user;
  }

  /** Bytes that the socket has not taken yet. */
  get unsentBytes(): number {
    return this.#response.writableLength;
  }

  get hasEnded(): boolean {
    return this.#controller.signal.aborted;
  }

  /** Sends the head; `onGone` is called when the client goes. */
  begin(headers: Record<string, unknown>, onGone: () => void): void {
    const response = this.#response;
    response.once('close', onGone);
    response.on('error', onGone);
    response.on('drain', () => this.#unblock());
    response.writeHead(200, { ...(headers as Record<string, string>), ...STREAM_HEADERS });
    response.socket?.setNoDelay(true);
    response.write(`retry: ${API_LIMITS.streamRetryMs}\n\n`);
  }

  /** Sends what the source gives, until that or the stream ends; rejects with what the source throws. */
  async send(source: EventSource): Promise<void> {
    for await (const frame of source(this.#controller.signal, () => this.#caller)) {
      await this.#write(frame);
      if (this.hasEnded) return;
    }
  }

  /** Resolves when the socket is ready for more, or the stream has ended. */
  async #write(frame: EventFrame): Promise<void> {
    for (let at = 0; at < frame.length; at += API_LIMITS.streamPieceBytes) {
      if (this.hasEnded) return;
      this.#sentAt = performance.now();
      const taken = this.#response.write(frame.subarray(at, at + API_LIMITS.streamPieceBytes));
      if (taken) continue;
      this.#blockedAt ??= performance.now();
      await new Promise<void>((resolve) => {
        this.#release = resolve;
      });
    }
  }

  #unblock(): void {
    this.#blockedAt = null;
    this.#release();
  }

  /** For how long the client has taken nothing; 0: it does. */
  blockedMs(now: number): number {
    return this.#blockedAt === null ? 0 : now - this.#blockedAt;
  }

  /** Keeps a stream in use on which nothing was sent for so long. */
  beat(now: number, heartbeatMs: number): void {
    if (this.#blockedAt !== null || now - this.#sentAt < heartbeatMs) return;
    this.#sentAt = now;
    if (!this.#response.write(HEARTBEAT)) this.#blockedAt = now;
  }

  /** False: `caller`, the sender as it is now, may no longer read what the stream is about. Else it goes on for it. */
  async readmit(caller: Caller, now: number): Promise<boolean> {
    for (const { right, object } of this.opener.caller.asked) if (!(await caller.may(right, object))) return false;
    this.checkedAt = now;
    this.#caller = caller;
    return true;
  }

  end(reason: EndReason): void {
    this.#controller.abort();
    this.#unblock();
    const response = this.#response;
    if (reason === 'gone' || reason === 'stalled' || reason === 'failed') return void response.destroy();
    if (reason !== 'done') response.write(eventFrame({ event: 'closed', data: { reason } }));
    response.end();
    destroyLater(response);
  }
}

/** An end that the client is told of waits for its socket, but not for long. */
function destroyLater(response: ServerResponse): void {
  if (response.writableFinished) return;
  const late = setTimeout(() => response.destroy(), API_LIMITS.streamEndMs).unref();
  response.once('close', () => clearTimeout(late));
}

const HEARTBEAT = ': heartbeat\n\n';

/** A stream is the last thing on its connection; proxies must not gather it. */
const STREAM_HEADERS = {
  'content-type': 'text/event-stream; charset=utf-8',
  'cache-control': 'no-store',
  connection: 'close',
  'x-accel-buffering': 'no',
};
