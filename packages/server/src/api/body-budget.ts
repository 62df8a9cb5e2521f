/**
 * Bodies are held in memory while their requests are answered: how many bytes of them may be there at once.
 *
 * Owns: the bytes that requests under way have announced. Invariants: 1. the sum stays below the budget, but for a single body that
 * alone is larger; 2. what was taken is given back exactly once.
 */
import { API_LIMITS } from './limits.ts';
import { ApiFailure } from './problem.ts';

export interface BodyBudget {
  /** Takes the bytes until the returned function is called; throws TOO_MANY_REQUESTS when too many are taken already. */
  take(bytes: number): () => void;
}

export function createBodyBudget(limitBytes: number): BodyBudget {
  let taken = 0;
  return {
    take: (bytes) => {
      if (taken > 0 && taken + bytes > limitBytes)
        throw new ApiFailure(
          'TOO_MANY_REQUESTS',
          `bodies of ${taken} bytes are being read; one of ${bytes} has no room beside them now`,
          { retryAfterSeconds: API_LIMITS.retryAfterSeconds },
        );
      taken += bytes;
      let isGiven = false;
      return () => {
        if (isGiven) return;
        isGiven = true;
        taken -= bytes;
      };
    },
  };
}
