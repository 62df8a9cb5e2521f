/**
 * The arithmetic of execution leases, used by the core and, independently of it, by the supervisor. All instants on one clock.
 */
import { phrase, type Cause } from '@pelorus/protocol/vocabulary';

/** Part of a granted lease that the worker uses; the rest allows for clocks that run at different speeds. */
export const LEASE_FRACTION = 0.9;

export interface LeaseTerms {
  killGraceMs: number;
  executionLeaseMs: number;
}

/**
 * When an attempt must be asked to end (`termAt`) and when SIGKILL must go out (`killAt`) if the execution lease, last
 * renewed at `renewedAt`, is not renewed again. Between `killAt` and the master's own deadline lies a tenth of the lease.
 */
export function executionDeadline(renewedAt: number, terms: LeaseTerms): { termAt: number; killAt: number } {
  const killAt = renewedAt + terms.executionLeaseMs * LEASE_FRACTION;
  return { termAt: killAt - leaseGraceMs(terms), killAt };
}

/** The kill that an execution lease that ran out calls for. */
export function leaseKill(terms: LeaseTerms): { graceMs: number; cause: Cause } {
  return {
    graceMs: leaseGraceMs(terms),
    cause: { kind: 'error', detail: phrase('lease_ended', { leaseMs: terms.executionLeaseMs }) },
  };
}

/** A short lease leaves less than the usual grace, so that the attempt has some time to work. */
function leaseGraceMs(terms: LeaseTerms): number {
  return Math.min(terms.killGraceMs, terms.executionLeaseMs * 0.3);
}
