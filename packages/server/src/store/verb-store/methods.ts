/**
 * How the methods of the store are written down: as functions of whatever executes its verbs, so that each is one line and
 * a store for another sender (`audited`) costs nothing but itself.
 */
import type { Store } from '../port.ts';
import type { VerbCallers } from '../verb-caller.ts';

/** What every store does by its verbs; the rest depends on where these are executed. */
type ByVerbs = Omit<Store, 'audited' | 'silentMs' | 'listen' | 'keepLease' | 'close'>;

/** Each method of the port, with the callers before its own parameters. */
export type StoreMethods = {
  [Name in keyof ByVerbs]: (callers: VerbCallers, ...args: Parameters<ByVerbs[Name]>) => ReturnType<ByVerbs[Name]>;
};

/** For verbs whose answer says nothing that the port promises. */
export async function done(answer: Promise<unknown>): Promise<void> {
  await answer;
}
