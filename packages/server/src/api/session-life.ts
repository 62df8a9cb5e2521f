import type { SessionRow } from '../store/access-port.ts';
import { API_LIMITS } from './limits.ts';

/** It opens nothing any more: it has lasted, or was not used for, as long as one may. `now` in epoch ms. */
export function isSessionOver({ endsAt, seenAt }: Pick<SessionRow, 'endsAt' | 'seenAt'>, now: number): boolean {
  return now >= endsAt || now - seenAt >= API_LIMITS.sessionIdleMs;
}
