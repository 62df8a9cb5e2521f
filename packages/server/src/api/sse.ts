/** Server-sent events: what a route answers with, and what goes over the wire. `event-streams.ts` sends it. */
import type { Caller } from './access.ts';
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
