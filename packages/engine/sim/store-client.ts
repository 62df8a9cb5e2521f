/**
 * One process's way to the store. Calls take time, are carried out in the order in which they were made, and may fail in
 * the three ways in which a database can: certainly not done, unknown but done, unknown and not done. What was sent is
 * carried out even when the process that sent it is gone.
 */
import { type StoreFailure, type StoreModel, StoreRefusal } from './store-model.ts';
import type { Actor } from './timeline.ts';
import type { World } from './world.ts';

export type StoreResult<T> = { ok: true; value: T } | { ok: false; code: StoreFailure };

export class StoreClient {
  private readonly world: World;
  private readonly actor: Actor;
  private carriedOutUntil = 0;
  private answeredUntil = 0;

  constructor(world: World, actor: Actor) {
    this.world = world;
    this.actor = actor;
  }

  /** Reads go over a connection of their own: they do not wait for writes that were asked for before them. */
  read<T>(query: (model: StoreModel) => T, done: (result: StoreResult<T>) => void): void {
    const { timeline, random, faults } = this.world;
    const fails = this.fate() !== 'ok';
    timeline.after(random.between(...faults.storeDelayMs), () => {
      const result: StoreResult<T> =
        fails || this.world.storeIsDown() ? { ok: false, code: 'UNAVAILABLE' } : carryOut(this.world.store, query);
      this.actor.after(random.between(...faults.storeDelayMs), () => done(result));
    });
  }

  call<T>(verb: string, transaction: (model: StoreModel) => T, done: (result: StoreResult<T>) => void): void {
    const { timeline, random } = this.world;
    const faults = this.world.faults;
    const delay = (): number =>
      random.between(...faults.storeDelayMs) + (random.chance(faults.storeSlow) ? random.skewed(50, 20_000) : 0);
    const fate = this.fate();
    this.carriedOutUntil = Math.max(this.carriedOutUntil, timeline.now + delay());
    // One connection: answers come in the order of the calls.
    const answer = (result: StoreResult<T>): void => {
      this.answeredUntil = Math.max(this.answeredUntil, timeline.now + random.between(...faults.storeDelayMs));
      this.actor.after(this.answeredUntil - timeline.now, () => done(result));
    };
    // The connection is cut: the caller hears of it before or after the store has done the work, if it ever does.
    if (fate === 'unknown, done' && random.chance(0.5)) {
      this.actor.after(delay(), () => done({ ok: false, code: 'UNKNOWN_OUTCOME' }));
      return timeline.after(this.carriedOutUntil - timeline.now, () => void carryOut(this.world.store, transaction));
    }
    timeline.after(this.carriedOutUntil - timeline.now, () => {
      if (this.world.storeIsDown()) return answer({ ok: false, code: 'UNAVAILABLE' });
      if (fate === 'fails') return answer({ ok: false, code: 'UNAVAILABLE' });
      if (fate === 'unknown, not done') return answer({ ok: false, code: 'UNKNOWN_OUTCOME' });
      const result = carryOut(this.world.store, transaction);
      this.world.trace(() => `store: ${verb}${result.ok ? '' : ` refused ${result.code}`}`);
      answer(fate === 'unknown, done' ? { ok: false, code: 'UNKNOWN_OUTCOME' } : result);
    });
  }

  private fate(): 'ok' | 'fails' | 'unknown, done' | 'unknown, not done' {
    const { random, faults, tally } = this.world;
    const dice = random.next();
    if (dice < faults.storeFails) {
      tally.count('fault: store failed');
      return 'fails';
    }
    if (dice < faults.storeFails + faults.storeUnknownExecuted) {
      tally.count('fault: store outcome unknown, done');
      return 'unknown, done';
    }
    if (dice < faults.storeFails + faults.storeUnknownExecuted + faults.storeUnknownLost) {
      tally.count('fault: store outcome unknown, not done');
      return 'unknown, not done';
    }
    return 'ok';
  }
}

function carryOut<T>(model: StoreModel, transaction: (model: StoreModel) => T): StoreResult<T> {
  try {
    return { ok: true, value: transaction(model) };
  } catch (error) {
    if (error instanceof StoreRefusal) return { ok: false, code: error.code };
    throw error;
  }
}
