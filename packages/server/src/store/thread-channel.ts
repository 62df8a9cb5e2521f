/**
 * Calls into a worker thread. Requests made in one turn of the event loop travel as one message, and so do
 * the answers to whatever the thread had finished when it answers.
 *
 * Owns: the thread and the promises of unanswered calls. Invariant: each call's promise settles exactly once,
 * also when the thread dies.
 */
import { Worker } from 'node:worker_threads';
import type { Sql } from './database.ts';
import { StoreError } from './port.ts';
import type { StoreErrorCode } from './port.ts';

/** [sequence, verb, request] of each call, flat. */
export type Requests = unknown[];
/** [sequence, failed, answer] of each call, flat; the answer of a failed call is a `Failure`. */
export type Replies = unknown[];

export interface Failure {
  code: StoreErrorCode | 'BUG';
  message: string;
  stack: string | undefined;
}

/** The error that a thread's failure stands for, with the thread's stack as its cause. */
function toError(failure: Failure): Error {
  const cause = new Error(failure.message);
  if (failure.stack !== undefined) cause.stack = failure.stack;
  return failure.code === 'BUG' ? cause : new StoreError(failure.code, failure.message, { cause });
}

/** What a thread sends for an error that a verb threw. */
export function toFailure(error: unknown): Failure {
  if (error instanceof StoreError) return { code: error.code, message: error.message, stack: error.stack };
  if (error instanceof Error) return { code: 'BUG', message: error.message, stack: error.stack };
  return { code: 'BUG', message: String(error), stack: undefined };
}

interface Waiting {
  resolve: (answer: never) => void;
  reject: (error: Error) => void;
}

type Verb = (context: never, request: never) => Sql<unknown>;
type Verbs = Record<string, Verb>;
export type VerbAnswer<V extends Verb> = ReturnType<V> extends Sql<infer Answer> ? Answer : never;
export type RequestOf<V extends Verb> = V extends (context: never, request: infer R) => unknown ? R : undefined;

export class ThreadChannel<V extends Verbs> {
  readonly #script: URL;
  readonly #workerData: unknown;
  #thread: Worker | null = null;
  readonly #waiting = new Map<number, Waiting>();
  /** What a call gets once the thread is gone. */
  #gone: StoreError | null = null;
  /** What calls get that were on their way when the thread died. */
  readonly #lostCode: StoreErrorCode;
  #ended: Promise<void> = Promise.resolve();
  #closing = false;
  #outbox: Requests = [];
  #sequence = 0;

  /**
   * The thread starts with `start` or the first call. `lostCode`: what an unanswered call means when it dies, `UNKNOWN_OUTCOME` for a
   * thread that writes.
   */
  constructor(script: URL, workerData: unknown, lostCode: StoreErrorCode) {
    this.#script = script;
    this.#workerData = workerData;
    this.#lostCode = lostCode;
  }

  /** Starts the thread, unless it runs. */
  start(): Worker {
    return (this.#thread ??= this.#started());
  }

  #started(): Worker {
    const name = this.#script.pathname.slice(this.#script.pathname.lastIndexOf('/') + 1);
    const thread = new Worker(this.#script, { workerData: this.#workerData, name });
    thread.on('message', (replies: Replies) => this.#settle(replies));
    thread.on('error', (error) => this.#fail(error instanceof Error ? error : new Error(String(error))));
    this.#ended = new Promise((resolve) => {
      thread.on('exit', (code) => {
        this.#fail(new Error(`its thread ended with code ${code}`));
        resolve();
      });
    });
    return thread;
  }

  /** Sends a call; settles with the verb's answer or a `StoreError`. */
  call<Name extends keyof V & string>(verb: Name, request: RequestOf<V[Name]>): Promise<VerbAnswer<V[Name]>> {
    return new Promise<VerbAnswer<V[Name]>>((resolve, reject) => {
      if (this.#gone) return reject(this.#gone);
      const sequence = this.#sequence++;
      this.#waiting.set(sequence, { resolve, reject });
      if (this.#outbox.length === 0) queueMicrotask(() => this.#flush());
      this.#outbox.push(sequence, verb, request);
    });
  }

  #flush(): void {
    if (this.#outbox.length === 0) return;
    const requests = this.#outbox;
    this.#outbox = [];
    try {
      this.start().postMessage(requests);
    } catch {
      // Something in it cannot be sent; that must not take the others along.
      for (let i = 0; i < requests.length; i += 3) this.#sendAlone(requests.slice(i, i + 3));
    }
  }

  #sendAlone(request: Requests): void {
    try {
      this.start().postMessage(request);
    } catch (error) {
      this.#settle([request[0], true, toFailure(error)]);
    }
  }

  #settle(replies: Replies): void {
    for (let i = 0; i < replies.length; i += 3) {
      const sequence = replies[i] as number;
      const waiting = this.#waiting.get(sequence);
      this.#waiting.delete(sequence);
      if (replies[i + 1] === true) waiting?.reject(toError(replies[i + 2] as Failure));
      else waiting?.resolve(replies[i + 2] as never);
    }
  }

  #fail(cause: Error): void {
    this.#gone ??= new StoreError('UNAVAILABLE', `The store is closed: ${cause.message}.`, { cause });
    for (const { reject } of this.#waiting.values()) {
      reject(
        new StoreError(this.#lostCode, `The store's thread ended before it answered: ${cause.message}.`, { cause }),
      );
    }
    this.#waiting.clear();
  }

  /** From now on calls fail as `UNAVAILABLE`; those made before are still answered. */
  refuse(): void {
    this.#gone ??= new StoreError('UNAVAILABLE', 'The store is closed.');
  }

  /** Refuses further calls and ends the thread after everything sent before; resolves when it is gone. */
  close(): Promise<void> {
    if (!this.#closing) {
      this.#closing = true;
      this.refuse();
      this.#flush();
      this.#thread?.postMessage(null);
    }
    return this.#ended;
  }
}
