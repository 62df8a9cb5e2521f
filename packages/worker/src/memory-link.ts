/**
 * A link inside one process. It behaves like a connection: frames arrive later than they are sent, in order, batched
 * per turn of the event loop; when either end closes, both listeners hear null once and nothing after it.
 */
import type { Link, MasterLink, WorkerLink } from '@pelorus/protocol';

/** Two ends of one new in-memory connection. Messages are passed by reference: neither side may change them. */
export function createMemoryLinkPair(): { worker: WorkerLink; master: MasterLink } {
  const toMaster = createPipe<Parameters<WorkerLink['send']>[0][number]>();
  const toWorker = createPipe<Parameters<MasterLink['send']>[0][number]>();
  const close = (): void => {
    toMaster.close();
    toWorker.close();
  };
  return { worker: linkOf(toMaster, toWorker, close), master: linkOf(toWorker, toMaster, close) };
}

interface Pipe<Message> {
  send(messages: Message[]): void;
  listen(listener: (messages: Message[] | null) => void): void;
  close(): void;
}

function createPipe<Message>(): Pipe<Message> {
  let listener: ((messages: Message[] | null) => void) | null = null;
  let waiting: Message[] = [];
  let closed = false;
  let closeHeard = false;
  let flushing = false;

  const flush = (): void => {
    flushing = false;
    if (!listener) return;
    const frame = waiting;
    waiting = [];
    if (frame.length > 0) listener(frame);
    if (!closed || closeHeard) return;
    closeHeard = true;
    listener(null);
  };
  const scheduleFlush = (): void => {
    if (flushing) return;
    flushing = true;
    setImmediate(flush);
  };
  return {
    send(messages) {
      if (closed || messages.length === 0) return;
      for (const message of messages) waiting.push(message);
      scheduleFlush();
    },
    listen(next) {
      listener = next;
      scheduleFlush();
    },
    close() {
      closed = true;
      scheduleFlush();
    },
  };
}

function linkOf<Out, In>(outgoing: Pipe<Out>, incoming: Pipe<In>, close: () => void): Link<Out, In> {
  return { send: (messages) => outgoing.send(messages), onFrame: (listener) => incoming.listen(listener), close };
}
