/**
 * From which command on a master looks when it looks from the first: what was carried out before lies dead in the index that it walks, for
 * as long as anybody reads the database as it was then, and each look would pass over all of it.
 *
 * Invariant: below the floor lies nothing that a look would bring, but for a command that took longer than `SETTLED_MS` from getting its
 * number to its commit; a full look now and then finds that one.
 */
import type { CommandId } from '@pelorus/protocol';

const SETTLED_MS = 30_000;
const FULL_LOOK_MS = 60_000;

/** Instants are of a clock that never goes back, ms. */
export class ClaimFloor {
  private floor: CommandId | null = null;
  private reached: { id: CommandId; at: number }[] = [];
  private fullLookAt = -Infinity;

  /** Where a look from the first begins: behind this one; null: with whatever there is. */
  from(at: number): CommandId | null {
    if (at >= this.fullLookAt + FULL_LOOK_MS) {
      this.fullLookAt = at;
      return null;
    }
    const settled = this.reached.findLastIndex((each) => at >= each.at + SETTLED_MS);
    if (settled >= 0) this.floor = this.reached.splice(0, settled + 1).at(-1)!.id;
    return this.floor;
  }

  /** Looks up to now have brought everything up to that command. */
  complete(id: CommandId, at: number): void {
    this.reached.push({ id, at });
  }

  /** Runs have come from others: any of their commands may be unread. */
  forget(): void {
    this.floor = null;
    this.reached = [];
    this.fullLookAt = -Infinity;
  }
}
