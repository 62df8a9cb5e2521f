/**
 * Scenes: a share of the histories is steered to where chance alone comes too seldom, so that a few hundred of them reach every
 * fault path (`paths.ts`). All that a scene does not say is chosen as in any other history.
 */
import type { Habits } from './commander.ts';
import { type Faults, NO_FAULTS } from './faults.ts';
import { hashText, Random } from './random.ts';

/** In place of what the seed chooses. */
export interface Scene {
  faults?: Partial<Faults>;
  people?: Partial<Habits>;
  hosts?: number;
}

const SHARE = 0.2;

const SCENES: readonly Scene[] = [
  // Power fails, comes back and fails again: masters ask for what was acknowledged and is not known any more.
  { hosts: 1, faults: { ...NO_FAULTS, hostRebootMs: 30_000 }, people: { waits: 1, stop: 0 } },
  // Hosts are over their limits so often that work arrives while they are.
  { faults: { hostBusyMs: 4_000, frameDelayMs: [1, 2_000] } },
  // The only worker is silent for so long that it is given up, and comes back with results while their runs go on.
  { hosts: 1, faults: { ...NO_FAULTS, agentCrashMs: 30_000 }, people: { waits: 0 } },
  // People decide what becomes of tasks that wait, in paused runs as well.
  { people: { forceSuccess: 1, pause: 1 } },
];

/** With chance of its own: what the seed makes of all else is as it is without. */
export function sceneOf(seed: number): Scene {
  const random = new Random(hashText('scene', seed));
  return random.chance(SHARE) ? random.pick(SCENES) : {};
}
