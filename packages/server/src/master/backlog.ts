/**
 * Where a master stands in what waits, while more waits than one look takes. Owns: of each project the last start that it was shown, and
 * how many starts it asks for. Begins again from the first every second, for others may have died meanwhile.
 */
import { type CommandId, LIMITS } from '@pelorus/protocol';
import type { FairClaim } from '../store/index.ts';

/** Of one project in one look. */
const SHARE_MAX = 64;

export class Backlog {
  private readonly lookedTo = new Map<number, CommandId>();
  /** In which something was found at the last look. */
  private projectCount = 1;

  /** `takesMore` false: only orders, for the master has runs enough. */
  ask(takesMore: boolean): { after: ReadonlyMap<number, CommandId>; share: number; limit: number } {
    return { after: this.lookedTo, share: takesMore ? this.share() : 0, limit: LIMITS.commandsPerClaim };
  }

  /** As many for each that a look brings as many as any other. */
  private share(): number {
    return Math.min(SHARE_MAX, Math.ceil(LIMITS.commandsPerClaim / this.projectCount));
  }

  /** Goes on behind what a look has shown; false: that was all. */
  passes({ looked }: FairClaim): boolean {
    for (const [project, { last }] of looked) this.lookedTo.set(project, last);
    const share = this.share();
    this.projectCount = Math.max(1, looked.size);
    return [...looked.values()].some(({ count }) => count >= share);
  }

  beginAgain(): void {
    this.lookedTo.clear();
  }
}
