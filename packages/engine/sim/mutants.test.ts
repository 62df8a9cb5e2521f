import { describe, expect, it } from 'vitest';
import { playHistory } from './history.ts';
import { MUTANTS, type Mutant } from './mutants.ts';

const HISTORIES_MAX = 400;

describe('the simulation notices that', () => {
  it.each(MUTANTS)('$name', (mutant) => {
    const { violation, histories, seed } = firstViolation(mutant);
    expect(violation, `not noticed in ${histories} histories`).not.toBeNull();
    expect(mutant.caughtBy, violation?.message).toContain(violation?.invariant);
    console.log(`${mutant.name}: ${violation?.invariant} after ${histories} histories (seed ${seed}): ${violation?.message}`);
  }, 120_000);
});

function firstViolation({ variant, faults = {}, masters }: Mutant): { violation: ReturnType<typeof playHistory>['violation']; histories: number; seed: number } {
  for (let seed = 1; seed <= HISTORIES_MAX; seed++) {
    const { violation } = playHistory({ seed, variant, faults, ...(masters === undefined ? {} : { masters }) });
    if (violation) return { violation, histories: seed, seed };
  }
  return { violation: null, histories: HISTORIES_MAX, seed: HISTORIES_MAX };
}
