/** What a history runs instead of the real thing. An empty one is the real thing. */
import type { WorkerCore, WorkerCoreOptions } from '@pelorus/worker/core';
import type { HostClock, MasterCore, MasterCoreOptions, SharedClock } from '../src/index.ts';

export interface Variant {
  masterCore?: (options: MasterCoreOptions) => MasterCore;
  workerCore?: (options: WorkerCoreOptions) => WorkerCore;
  masterClock?: (host: HostClock) => SharedClock;
  /** The loop sends a batch's messages when it asks for the commit. */
  sendBeforeCommit?: boolean;
  /** The store does not look at the master's row. */
  fenceNotChecked?: boolean;
  /** The store writes no command for the parent when a child ends. */
  childEndsNotTold?: boolean;
  /** The store starts nobody when a run ends for whose end others wait, or the newest of them. */
  turns?: 'not passed' | 'newest first';
  /** A child that gets its turn is not told that the run above it has been paused meanwhile. */
  turnsForgetPause?: boolean;
  /** The loop goes on behind commands that it was given and could not carry out, or that were another master's then. */
  commandsOvertake?: boolean;
  /** What the loop makes of a commit whose outcome is unknown, instead of reading. */
  unknownOutcomeIs?: 'executed' | 'lost';
  /** The supervisor starts what it is told to start, known or not. */
  supervisorStartsTwice?: boolean;
  supervisorIgnoresLeases?: boolean;
  /** One that has died comes back with the next agent only. */
  supervisorHasNoGuardian?: boolean;
  /** Kills end what was started, and nothing that it has left behind. */
  killsOnlyDirectChild?: boolean;
  /** Acknowledgements leave when the loop asks for the commit. */
  acksBeforeCommit?: boolean;
  /** A batch that changes nothing leaves without a look at the master's row. */
  unfencedWhenNothingChanges?: boolean;
  /** A master that is asked to end hands its runs back at once and goes on for a while. */
  releasesTooEarly?: boolean;
  /** Runs of a master whose lease is over are taken without fencing it. */
  takesWithoutFencing?: boolean;
  agentNeverHangsUp?: boolean;
  /**
   * How ticks of schedules are decided instead of in one transaction from the stored tick: their rows in a transaction of their own, after
   * that of their runs; from what the master remembers as the next tick; the last one again by a master that has just started.
   */
  ticks?: 'rows apart' | 'from memory' | 'again after a takeover';
}
