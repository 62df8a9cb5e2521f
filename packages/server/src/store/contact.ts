/** When the database has last answered anything: how old is what this process knows of it. */
import type { Sql } from './database.ts';
import type { VerbCaller } from './verb-caller.ts';

export class Contact {
  /** By `performance.now`; a store is opened by an answer. */
  #heardAt = performance.now();

  /** For how long it has not answered, ms; also while it was asked nothing. */
  get silentMs(): number {
    return performance.now() - this.#heardAt;
  }

  /** The same caller, listened to. */
  over<V extends Record<string, (context: never, request: never) => Sql<unknown>>>(
    caller: VerbCaller<V>,
  ): VerbCaller<V> {
    return {
      call: async (verb, request) => {
        const answer = await caller.call(verb, request);
        this.#heardAt = performance.now();
        return answer;
      },
    };
  }
}
