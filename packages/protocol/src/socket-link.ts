/**
 * A link over a message socket (a WebSocket, by whatever library): each frame is one text message with a JSON array.
 *
 * Owns: nothing but the socket. Invariants: 1. what was sent in one turn of the event loop travels as one frame, in order; 2. no more than
 * `unsentBytesMax` wait to be sent: a peer that does not read is hung up on, for everything unanswered is sent again over the next
 * link; 3. the listener hears null once, and nothing after it.
 */
import type { Link } from './wire.ts';

/** What is needed of a socket; of `ws` and of the WebSocket of browsers there is at least this. */
export interface MessageSocket {
  send(text: string): void;
  close(code?: number, reason?: string): void;
  /** Ends it without waiting for the other side. */
  terminate(): void;
  readonly bufferedAmount: number;
  onText(listener: (text: string) => void): void;
  /** Called once, also when it never opened. */
  onClose(listener: () => void): void;
}

export interface SocketLinkOptions<In> {
  /** Throws for a frame that is not as it must be; the link is closed then. */
  read: (frame: unknown) => In[];
  unsentBytesMax: number;
  /** Told why a link was hung up on by this side. */
  onHangUp: (reason: string) => void;
  /** Runs `flush` when the present turn is over. */
  schedule: (flush: () => void) => void;
}

/** Frame that breaks the rules of the protocol (RFC 6455, 7.4.1). */
const POLICY_VIOLATION = 1008;

/** Subprotocol of the upgrade; a change that older peers cannot follow gets another name. */
export const WORKER_SUBPROTOCOL = 'pelorus.worker.v1';

/** Wraps a socket that is open. */
export function linkOverSocket<Out, In>(socket: MessageSocket, options: SocketLinkOptions<In>): Link<Out, In> {
  let listener: ((messages: In[] | null) => void) | null = null;
  let early: In[][] = [];
  let outbox: Out[] = [];
  let closed = false;
  let closing = false;

  const deliver = (messages: In[]): void => {
    if (listener) listener(messages);
    else early.push(messages);
  };
  const flush = (): void => {
    const frame = outbox;
    outbox = [];
    if (closed || frame.length === 0) return;
    socket.send(JSON.stringify(frame));
    if (socket.bufferedAmount <= options.unsentBytesMax) return;
    options.onHangUp(`the other side does not read: ${socket.bufferedAmount} bytes wait`);
    socket.terminate();
  };
  socket.onText((text) => {
    if (closed || closing) return;
    try {
      deliver(options.read(JSON.parse(text)));
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      options.onHangUp(`a frame could not be read: ${reason}`);
      closing = true;
      socket.close(POLICY_VIOLATION, 'unreadable frame');
    }
  });
  socket.onClose(() => {
    if (closed) return;
    closed = true;
    listener?.(null);
  });
  return {
    send(messages) {
      if (closed || closing || messages.length === 0) return;
      if (outbox.length === 0) options.schedule(flush);
      for (const message of messages) outbox.push(message);
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
      flush();
      closing = true;
      socket.close();
    },
  };
}
