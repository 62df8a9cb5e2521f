/**
 * The port over verbs: everything between the callers' records and rows, whatever database executes the verbs. Packs and
 * unpacks, holds no SQL; the methods stand in `verb-store`, by subject.
 */
import { auditing } from './auditing-writer.ts';
import type { AuditStamp, Store } from './port.ts';
import type { VerbCallers } from './verb-caller.ts';
import { ACCESS } from './verb-store/access.ts';
import { ALERTS } from './verb-store/alerts.ts';
import { BACKFILLS } from './verb-store/backfills.ts';
import { FLEET } from './verb-store/fleet.ts';
import { LOGS } from './verb-store/logs.ts';
import { MASTERS } from './verb-store/masters.ts';
import type { StoreMethods } from './verb-store/methods.ts';
import { RUNS } from './verb-store/runs.ts';
import { SCHEDULES } from './verb-store/schedules.ts';
import { VAULT } from './verb-store/vault.ts';
import { WORKFLOWS } from './verb-store/workflows.ts';

const METHODS: StoreMethods = {
  ...WORKFLOWS,
  ...RUNS,
  ...BACKFILLS,
  ...SCHEDULES,
  ...ACCESS,
  ...VAULT,
  ...FLEET,
  ...ALERTS,
  ...LOGS,
  ...MASTERS,
};

/** A store over whatever executes its verbs. */
export function createVerbStore(callers: VerbCallers): Store {
  // The static block gives the class what the ports name.
  return new VerbStore(callers) as VerbStore & Store;
}

class VerbStore {
  readonly #callers: VerbCallers;
  readonly listen?: NonNullable<Store['listen']>;
  readonly keepLease?: NonNullable<Store['keepLease']>;

  static {
    const methods: Record<string, (callers: VerbCallers, ...args: never[]) => unknown> = METHODS;
    for (const [name, method] of Object.entries(methods)) {
      const value = function (this: VerbStore, ...args: never[]): unknown {
        return method(this.#callers, ...args);
      };
      Object.defineProperty(VerbStore.prototype, name, { value, writable: true, configurable: true });
    }
  }

  constructor(callers: VerbCallers) {
    this.#callers = callers;
    if (callers.listen) this.listen = callers.listen;
    if (callers.keepLease) this.keepLease = callers.keepLease;
  }

  get silentMs(): number {
    return this.#callers.contact.silentMs;
  }

  audited(stamp: () => AuditStamp): Store {
    return createVerbStore({ ...this.#callers, writer: auditing(this.#callers.writer, stamp) });
  }

  close(): Promise<void> {
    return this.#callers.close();
  }
}
