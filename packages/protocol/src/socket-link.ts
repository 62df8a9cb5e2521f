/**
 * A link over a message socket (a WebSocket, by whatever library): each frame is one text message with a JSON array.
 *
 * Owns: nothing but the socket, and what waits to be sent over it. Invariants:
 * 1. What was sent in one turn of the event loop travels in as few frames as it fits in, in order.
 * 2. Messages become bytes only as the other side takes them in: no more than a window and one frame wait as text.
 * 3. A peer that does not read is hung up on, after a number of messages or a time, for everything unanswered is sent
 *    again over the next link.
 * 4. The listener hears null once, and nothing after it.
 */
import type { Link } from './wire.ts';

/** What is needed of a socket; of `ws` and of the WebSocket of browsers there is at least this. */
export interface MessageSocket {
  /** `taken` is called when nothing of the text waits here any more. */
  send(text: string, taken: () => void): void;
  close(code?: number, reason?: string): void;
  /** Ends it without waiting for the other side. */
  terminate(): void;
  readonly bufferedAmount: number;
  onText(listener: (text: string) => void): void;
  /** Called once, also when it never opened. */
  onClose(listener: () => void): void;
}

export interface SocketLinkOptions<In> {
  /**
   * The messages of a frame that can be read, and what is wrong with the others. Throws when the other side does not speak
   * this protocol; the link is closed then.
   */
  read: (frame: unknown) => { messages: In[]; refused: string[] };
  /** Messages that may wait to be sent. */
  unsentMessagesMax: number;
  /** Told of a message that was passed over because it could not be read. */
  onRefused: (reason: string) => void;
  /** Told why a link was hung up on by this side. */
  onHangUp: (reason: string) => void;
  /** Runs `flush` when the present turn is over. */
  schedule: (flush: () => void) => void;
  /** Milliseconds on a clock that never steps. */
  now: () => number;
}

/** Frame that breaks the rules of the protocol (RFC 6455, 7.4.1). */
const POLICY_VIOLATION = 1008;
/** Reasons of a close are at most 123 bytes (RFC 6455, 5.5). */
const REASON_CHARS = 120;

/** Subprotocol of the upgrade; a change that older peers cannot follow gets another name. */
export const WORKER_SUBPROTOCOL = 'pelorus.worker.v1';

export const SOCKET_LINK_LIMITS = {
  /** A frame is sent once it is this long; only one message that is longer makes a longer frame. */
  frameChars: 1024 * 1024,
  /** While this much waits in the socket, nothing more becomes text. */
  windowBytes: 4 * 1024 * 1024,
  /** A peer that takes nothing in for so long, while something waits for it, is not reading. */
  stalledMs: 60_000,
  /** Messages of one link that may be unreadable. */
  refusedMax: 100,
} as const;

/** Wraps a socket that is open. */
export function linkOverSocket<Out, In>(socket: MessageSocket, options: SocketLinkOptions<In>): Link<Out, In> {
  const outbox = new Outbox<Out>(socket, options);
  let listener: ((messages: In[] | null) => void) | null = null;
  let early: In[][] = [];
  let refused = 0;
  let closed = false;
  let closing = false;

  const deliver = (messages: In[]): void => {
    if (listener) listener(messages);
    else early.push(messages);
  };
  const hangUp = (reason: string): void => {
    options.onHangUp(reason);
    closing = true;
    socket.close(POLICY_VIOLATION, reason.replace(/[^ -~]/g, '?').slice(0, REASON_CHARS));
  };
  socket.onText((text) => {
    if (closed || closing) return;
    try {
      const frame = options.read(JSON.parse(text));
      for (const reason of frame.refused) options.onRefused(reason);
      refused += frame.refused.length;
      if (frame.messages.length > 0) deliver(frame.messages);
    } catch (error) {
      return hangUp(`a frame could not be read: ${error instanceof Error ? error.message : String(error)}`);
    }
    if (refused > SOCKET_LINK_LIMITS.refusedMax) hangUp(`${refused} messages could not be read`);
  });
  socket.onClose(() => {
    if (closed) return;
    closed = true;
    outbox.drop();
    listener?.(null);
  });
  return {
    send(messages) {
      if (!closed && !closing) outbox.add(messages);
    },
    onFrame(next) {
      listener = next;
      const missed = early;
      early = [];
      for (const messages of missed) next(messages);
      if (closed) next(null);
    },
    close() {
      if (closed || closing) return;
      closing = true;
      outbox.finish();
    },
  };
}

type OutboxOptions = Pick<SocketLinkOptions<never>, 'unsentMessagesMax' | 'onHangUp' | 'schedule' | 'now'>;

/** What waits to be sent over one socket (invariants 1 to 3). */
class Outbox<Out> {
  readonly #socket: MessageSocket;
  readonly #options: OutboxOptions;
  #waiting: Out[] = [];
  #scheduled = false;
  #over = false;
  /** Frames that the socket has and the other side has not taken in. */
  #flying = 0;
  /** When the other side last took something in, or had nothing to take. */
  #progressAt = 0;

  constructor(socket: MessageSocket, options: OutboxOptions) {
    this.#socket = socket;
    this.#options = options;
  }

  add(messages: readonly Out[]): void {
    if (this.#over || messages.length === 0) return;
    const { schedule, now, unsentMessagesMax } = this.#options;
    for (const message of messages) this.#waiting.push(message);
    if (this.#waiting.length > unsentMessagesMax) return this.#giveUp(`${this.#waiting.length} messages wait`);
    const stalledMs = this.#flying > 0 ? now() - this.#progressAt : 0;
    if (stalledMs > SOCKET_LINK_LIMITS.stalledMs) return this.#giveUp(`for ${Math.round(stalledMs)} ms`);
    if (this.#scheduled) return;
    this.#scheduled = true;
    schedule(() => {
      this.#scheduled = false;
      this.#pump(SOCKET_LINK_LIMITS.windowBytes);
    });
  }

  /** Sends all that waits, then closes; a peer that is not reading now is not waited for. */
  finish(): void {
    if (this.#over) return;
    if (this.#socket.bufferedAmount >= SOCKET_LINK_LIMITS.windowBytes) {
      this.drop();
      return this.#socket.terminate();
    }
    this.#pump(Infinity);
    this.drop();
    this.#socket.close();
  }

  drop(): void {
    this.#over = true;
    this.#waiting = [];
  }

  #pump(windowBytes: number): void {
    let at = 0;
    while (!this.#over && at < this.#waiting.length && this.#socket.bufferedAmount < windowBytes) {
      const texts: string[] = [];
      for (let chars = 0; at < this.#waiting.length && chars < SOCKET_LINK_LIMITS.frameChars; at++) {
        const text = JSON.stringify(this.#waiting[at]);
        texts.push(text);
        chars += text.length;
      }
      this.#post(`[${texts.join(',')}]`);
    }
    this.#waiting.splice(0, at);
  }

  #post(frame: string): void {
    if (this.#flying === 0) this.#progressAt = this.#options.now();
    this.#flying += 1;
    this.#socket.send(frame, () => {
      this.#flying -= 1;
      this.#progressAt = this.#options.now();
      if (this.#waiting.length > 0 && !this.#scheduled) this.#pump(SOCKET_LINK_LIMITS.windowBytes);
    });
  }

  #giveUp(reason: string): void {
    this.drop();
    this.#options.onHangUp(`the other side does not read: ${reason}`);
    this.#socket.terminate();
  }
}
