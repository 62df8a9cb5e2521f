/**
 * Whether this process has so much to do that it should take no more runs: it goes on with those it has, and never gives up its
 * place among the masters, because then others would have to redo what it has in memory.
 */
import { LIMITS } from '@pelorus/protocol';
import { monitorEventLoopDelay } from 'node:perf_hooks';

const RESOLUTION_MS = 20;
/** How late timers are on average in a second; a master that is this late is told of results that late. */
const LAG_MAX_MS = 250;
/** It is over when things are clearly better, so that it does not come and go. */
const LAG_FINE_MS = 100;

export class Overload {
  private readonly delay = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
  private lagging = false;
  private runs = 0;

  constructor() {
    this.delay.enable();
  }

  /** To be called once a second. */
  look(runs: number): void {
    this.runs = runs;
    // Without a sample, the loop stood still for the whole second.
    const lagMs = this.delay.count === 0 ? Infinity : this.delay.mean / 1e6 - RESOLUTION_MS;
    this.delay.reset();
    this.lagging = lagMs > (this.lagging ? LAG_FINE_MS : LAG_MAX_MS);
  }

  isFull(): boolean {
    return this.lagging || this.runs >= LIMITS.activeRunsPerMaster;
  }

  close(): void {
    this.delay.disable();
  }
}
