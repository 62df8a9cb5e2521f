/**
 * JSON messages over a byte stream, one array per line. Messages sent in one turn of the event loop share a line.
 * A line that is not JSON ends the channel: the other side is broken or not ours.
 */
import type { Duplex } from 'node:stream';

export interface LineChannel<Out> {
  send(message: Out): void;
  /** Sends what is queued and ends the stream. */
  end(): void;
  /** Drops the stream at once. */
  destroy(): void;
}

/**
 * Speaks over `stream`. `onMessages` gets each batch; `onClose` is called once, when nothing will come any more.
 * Messages are trusted to have the type that the other end declares: both ends are the same program.
 */
export function openLineChannel<Out, In>(
  stream: Duplex,
  onMessages: (messages: In[]) => void,
  onClose: () => void,
): LineChannel<Out> {
  let queued: Out[] = [];
  let rest = '';
  let closed = false;

  const close = (): void => {
    if (closed) return;
    closed = true;
    stream.destroy();
    onClose();
  };
  const flush = (): void => {
    if (queued.length === 0 || closed) return;
    const line = JSON.stringify(queued);
    queued = [];
    stream.write(`${line}\n`);
  };

  stream.setEncoding('utf8');
  stream.on('data', (chunk: string) => {
    const lines = (rest + chunk).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) {
      if (closed) return;
      const messages = parseLine<In>(line);
      if (!messages) return close();
      onMessages(messages);
    }
  });
  stream.on('end', close);
  stream.on('close', close);
  stream.on('error', close);

  return {
    send(message) {
      if (closed) return;
      if (queued.length === 0) queueMicrotask(flush);
      queued.push(message);
    },
    end() {
      flush();
      stream.end();
    },
    destroy: close,
  };
}

function parseLine<In>(line: string): In[] | null {
  try {
    const parsed: unknown = JSON.parse(line);
    return Array.isArray(parsed) ? (parsed as In[]) : null;
  } catch {
    return null;
  }
}
