import { describe, expect, it } from 'vitest';
import { playHistory } from './history.ts';
import { MUTANTS, type Mutant } from './mutants.ts';
import type { Invariant, Violation } from './violation.ts';

const HISTORIES_MAX = 400;

describe('the simulation notices that', () => {
  it.each(MUTANTS)('$name', (mutant) => {
    const { violation, seed, others } = notice(mutant);
    expect(
      violation,
      `not noticed by ${mutant.caughtBy.join(' or ')} in ${HISTORIES_MAX} histories; by others: ${[...others].join(', ')}`,
    ).not.toBeNull();
    console.log(`${mutant.name}: ${violation?.invariant} after ${seed} histories: ${violation?.message}`);
  });
});

/** Plays seeds 1, 2, … until one of the mutant's invariants is broken. */
function notice({ variant, faults = {}, people = {}, masters, schedules, caughtBy }: Mutant): {
  violation: Violation | null;
  seed: number;
  others: Set<Invariant>;
} {
  const others = new Set<Invariant>();
  for (let seed = 1; seed <= HISTORIES_MAX; seed++) {
    const { violation } = playHistory({
      seed,
      variant,
      faults,
      people,
      ...(masters !== undefined && { masters }),
      ...(schedules !== undefined && { schedules }),
    });
    if (violation && caughtBy.includes(violation.invariant)) return { violation, seed, others };
    if (violation) others.add(violation.invariant);
  }
  return { violation: null, seed: HISTORIES_MAX, others };
}
