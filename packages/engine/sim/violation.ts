/** An invariant that did not hold. Thrown out of the step that broke it, so that the history ends there. */
export type Invariant =
  | 'S1'
  | 'S2'
  | 'S3'
  | 'S4'
  | 'S5'
  | 'S6'
  /** Each tick of a schedule is decided once, with its run, and none is left out. */
  | 'S8'
  | 'S9'
  | 'S10'
  | 'S11'
  /** Execution leases count from the sending of a heartbeat that was heard, and SIGKILL is over before they end. */
  | 'lease'
  /** Nothing is placed on, or taken by, a worker that is over its limits; one that refused is left alone for a while. */
  | 'overload'
  /** A worker is sent only what it said that it can run. */
  | 'features'
  /** A result that comes after its attempt has ended without it is kept with that attempt before it is acknowledged. */
  | 'evidence'
  | 'L3'
  /** Runs of a serial workflow take turns. */
  | 'turns'
  | 'L1'
  | 'L4'
  /** A worker that somebody drained gets nothing new from a master that knows. */
  | 'drain'
  /** The final states do not follow from the recorded outcomes. */
  | 'oracle'
  /** The code under test threw, or asked the store for something that it must never ask for. */
  | 'defect';

export class Violation extends Error {
  readonly invariant: Invariant;

  constructor(invariant: Invariant, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'Violation';
    this.invariant = invariant;
  }
}
