/**
 * Which of several links carries the logs: one at a time, because a log is one row of bytes. Any master takes them, whoever owns
 * the run; one that is connected but does not answer (it has no log store, or hangs) loses its turn to the next.
 */
import type { LogAcknowledged, WorkerToMaster } from '@pelorus/protocol';

type Send = (messages: WorkerToMaster[]) => void;

/** What is routed; a `LogShipper`. */
interface Routed {
  linkUp(send: Send): void;
  linkDown(): void;
  onAcknowledged(message: LogAcknowledged): void;
}

/** Longer than a shipper waits before it sends again for the first time, so that every link is tried twice. */
export const LOG_ANSWER_MS = 15_000;

export class LogRoute<Link> {
  readonly #shipper: Routed;
  /** Ms on a clock that never steps. */
  readonly #now: () => number;
  /** In the order of their turns. */
  readonly #links = new Map<Link, Send>();
  #current: Link | null = null;
  /** Since when something sent over the current link has had no answer; null: nothing has. */
  #unansweredSince: number | null = null;

  constructor(shipper: Routed, now: () => number) {
    this.#shipper = shipper;
    this.#now = now;
  }

  linkUp(link: Link, send: Send): void {
    this.#links.set(link, send);
    if (this.#current === null) this.#useFirst();
  }

  linkDown(link: Link): void {
    this.#links.delete(link);
    if (this.#current === link) this.#useFirst();
  }

  /** Answers to what an earlier link carried say nothing of what is on its way now. */
  onAcknowledged(link: Link, message: LogAcknowledged): void {
    if (this.#current !== link) return;
    this.#unansweredSince = null;
    this.#shipper.onAcknowledged(message);
  }

  #useFirst(): void {
    this.#unansweredSince = null;
    const [first] = this.#links;
    this.#current = first === undefined ? null : first[0];
    if (first === undefined) return this.#shipper.linkDown();
    const [link, send] = first;
    this.#shipper.linkUp((messages) => {
      if (this.#current === link) this.#send(link, send, messages);
    });
  }

  #send(link: Link, send: Send, messages: WorkerToMaster[]): void {
    this.#unansweredSince ??= this.#now();
    if (this.#links.size === 1 || this.#now() - this.#unansweredSince < LOG_ANSWER_MS) return send(messages);
    // What is dropped here is sent again, for the next link is asked for everything that was not acknowledged.
    this.#current = null;
    queueMicrotask(() => {
      if (this.#links.delete(link)) this.#links.set(link, send);
      if (this.#current === null) this.#useFirst();
    });
  }
}
