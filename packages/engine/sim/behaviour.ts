/** What the process of an attempt does, fixed by the seed and the attempt alone, whatever else happens. */
import type { AttemptId, AttemptOutcome } from '@pelorus/protocol';
import { hashText, Random } from './random.ts';

export interface Behaviour {
  spawnMs: number;
  durationMs: number;
  outcome: Pick<AttemptOutcome, 'state' | 'cause'>;
  outputs: Record<string, string>;
  onTerm: 'dies' | 'ignores' | 'exits';
  termMs: number;
  cannotStart: boolean;
  /** It leaves a process of its own session behind, which no signal but SIGKILL ends, and that only when it is looked for. */
  escapes: boolean;
}

export function behaviourOf(attempt: AttemptId, seed: number): Behaviour {
  const random = new Random(hashText(attempt, seed));
  random.next();
  return {
    spawnMs: random.between(1, 20),
    durationMs: durationOf(random),
    outcome: outcomeOf(random),
    outputs: random.chance(0.4) ? { rows: String(random.whole(0, 1000)), by: attempt } : {},
    onTerm: random.pick(['dies', 'dies', 'ignores', 'exits']),
    termMs: random.between(1, 3_000),
    cannotStart: random.chance(0.03),
    escapes: random.chance(0.1),
  };
}

function durationOf(random: Random): number {
  const kind = random.next();
  if (kind < 0.4) return random.between(1, 100);
  if (kind < 0.8) return random.between(500, 15_000);
  return random.between(15_000, 180_000);
}

function outcomeOf(random: Random): Behaviour['outcome'] {
  const kind = random.next();
  if (kind < 0.72) return { state: 'succeeded', cause: null };
  if (kind < 0.94) return { state: 'failed', cause: { kind: 'exit', code: random.whole(1, 255) } };
  if (kind < 0.97) return { state: 'failed', cause: { kind: 'oom' } };
  return { state: 'failed', cause: { kind: 'signal', name: 'SIGSEGV' } };
}
