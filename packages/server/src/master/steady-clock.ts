/**
 * The master's clock: epoch ms that no change of the wall clock moves. A host whose clock is set an hour ahead has not
 * waited an hour: leases, delays and timeouts must not notice. Time that a host slept does count, once `look` was called.
 */
import { readFileSync } from 'node:fs';

export interface ClockSources {
  /** Wall clock, epoch ms; read once. */
  wall: () => number;
  /** Ms that stand still while the host sleeps. */
  monotonic: () => number;
  /** Ms that go on while the host sleeps, or null where there is no such clock. */
  boot: () => number | null;
}

const HOST: ClockSources = { wall: () => Date.now(), monotonic: () => performance.now(), boot: bootMs };

export interface SteadyClock {
  now(): number;
  /** Notices how long the host has slept. Cheap, but not for every call. */
  look(): void;
}

export function steadyClock(sources: ClockSources = HOST): SteadyClock {
  const origin = sources.wall() - sources.monotonic();
  const boot = sources.boot();
  const bootAhead = boot === null ? 0 : boot - sources.monotonic();
  let slept = 0;
  return {
    now: () => Math.round(origin + sources.monotonic() + slept),
    look() {
      const at = sources.boot();
      // The boot clock counts in steps of 10 ms; what is less than a second is not sleep.
      const ahead = at === null ? 0 : at - sources.monotonic() - bootAhead - slept;
      if (ahead > 1_000) slept += ahead;
    },
  };
}

function bootMs(): number | null {
  try {
    return Number.parseFloat(readFileSync('/proc/uptime', 'latin1')) * 1000;
  } catch {
    return null;
  }
}
