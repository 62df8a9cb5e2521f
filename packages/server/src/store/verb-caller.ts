/** Where verbs are executed: a thread with SQLite, a pool of connections to PostgreSQL. */
import type { Contact } from './contact.ts';
import type { Sql } from './database.ts';
import type { Store } from './port.ts';
import type { ReadVerbs } from './read-verbs.ts';
import type { RequestOf, VerbAnswer } from './thread-channel.ts';
import type { WriteVerbs } from './write-verbs.ts';

export interface VerbCaller<V extends Record<string, (context: never, request: never) => Sql<unknown>>> {
  call<Name extends keyof V & string>(verb: Name, request: RequestOf<V[Name]>): Promise<VerbAnswer<V[Name]>>;
}

/** Everything that a store is made over. People and masters read in places of their own, so that neither delays the other. */
export interface VerbCallers {
  writer: VerbCaller<WriteVerbs>;
  people: VerbCaller<ReadVerbs>;
  master: VerbCaller<ReadVerbs>;
  listen?: NonNullable<Store['listen']>;
  keepLease?: NonNullable<Store['keepLease']>;
  contact: Pick<Contact, 'silentMs'>;
  close: () => Promise<void>;
}
