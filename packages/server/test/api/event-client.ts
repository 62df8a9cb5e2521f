/** A client of event streams over a socket of its own, which can be cut, and can stop reading. */
import { request, type ClientRequest, type IncomingMessage } from 'node:http';
import type { RunSnapshot, RunView, TaskView } from '@pelorus/protocol';

/** The fields of all kinds of events; which of them are there, `event` says. */
type EventData = Omit<RunView & TaskView, 'state'> & RunSnapshot & { state: string };

export interface HeardEvent {
  id: string | null;
  event: string;
  data: EventData;
}

export interface EventClient {
  status: number;
  headers: IncomingMessage['headers'];
  /** All that was heard so far; half an event is none. */
  events: HeardEvent[];
  /** Comments: heartbeats. */
  comments: string[];
  /** Of the last complete event. */
  lastId: () => string | null;
  /** Resolves with the event once one is heard for which it holds; also of those heard already. */
  heard(holds: (event: HeardEvent) => boolean): Promise<HeardEvent>;
  /** Resolves when the connection is over: true when the server ended it, false when it broke off. */
  ended: Promise<boolean>;
  /** Reads no more; the socket's buffers fill up. */
  stall(): void;
  cut(): void;
}

/** `path` below `/api/v1`. */
export function listen(baseUrl: string, path: string, headers: Record<string, string> = {}): Promise<EventClient> {
  return new Promise((resolve, reject) => {
    const sent: ClientRequest = request(`${baseUrl}/api/v1${path}`, { headers, agent: false }, (response) => {
      resolve(clientOf(response));
    });
    sent.on('error', reject);
    sent.end();
  });
}

function clientOf(response: IncomingMessage): EventClient {
  const events: HeardEvent[] = [];
  const comments: string[] = [];
  const waiting = new Set<(event: HeardEvent) => void>();
  let rest = '';
  let lastId: string | null = null;
  response.setEncoding('utf8');
  response.on('data', (text: string) => {
    const blocks = (rest + text).split('\n\n');
    rest = blocks.pop()!;
    for (const block of blocks) {
      const fields = block.split('\n').map((line) => /^([^:]*): ?(.*)$/s.exec(line)!);
      const value = (name: string) => fields.find((field) => field[1] === name)?.[2];
      lastId = value('id') ?? lastId;
      if (value('') !== undefined) comments.push(value('')!);
      const data = value('data');
      if (data === undefined) continue;
      const event = {
        id: value('id') ?? null,
        event: value('event') ?? 'message',
        data: JSON.parse(data) as EventData,
      };
      events.push(event);
      for (const hear of [...waiting]) hear(event);
    }
  });
  response.on('error', () => undefined);
  const ended = new Promise<boolean>((resolve) => {
    response.on('close', () => resolve(response.complete));
  });
  return {
    status: response.statusCode!,
    headers: response.headers,
    events,
    comments,
    lastId: () => lastId,
    heard: (holds) => {
      const known = events.find(holds);
      if (known !== undefined) return Promise.resolve(known);
      return new Promise((resolve, reject) => {
        const hear = (event: HeardEvent): void => {
          if (!holds(event)) return;
          waiting.delete(hear);
          resolve(event);
        };
        waiting.add(hear);
        void ended.then(() =>
          reject(new Error(`the stream ended after ${JSON.stringify(events.at(-1))?.slice(0, 200)}`)),
        );
      });
    },
    ended,
    stall: () => void response.pause(),
    cut: () => void response.destroy(),
  };
}
