/** How many of one kind of work are under way. Invariant: what was taken is given back exactly once. */
import { API_LIMITS } from '../limits.ts';
import { ApiFailure } from '../problem.ts';

export interface Slots {
  /** Throws `TOO_MANY_REQUESTS` when there is none; the function gives it back. */
  take(): () => void;
}

/** `what` in the plural, for the refusal. */
export function createSlots(most: number, what: string): Slots {
  let taken = 0;
  return {
    take: () => {
      if (taken >= most)
        throw new ApiFailure('TOO_MANY_REQUESTS', `${taken} ${what} are under way, and no more at once`, {
          retryAfterSeconds: API_LIMITS.retryAfterSeconds,
        });
      taken += 1;
      let isGiven = false;
      return () => {
        if (!isGiven) taken -= 1;
        isGiven = true;
      };
    },
  };
}
