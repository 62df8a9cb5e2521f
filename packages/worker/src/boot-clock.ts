/**
 * A clock for leases: milliseconds since the host booted. It never steps when somebody sets the wall clock, and on Linux
 * it goes on while the machine is suspended (`/proc/uptime`); elsewhere it is the process's monotonic clock, anchored once.
 */
import { readFileSync } from 'node:fs';
import { uptime } from 'node:os';

/** Reading the host's clock costs a file read, so it is read again only after this much time awake. */
const REFRESH_MS = 100;

let read = { uptimeMs: uptime() * 1000, monotonicMs: performance.now() };

/** Milliseconds since boot; equal in all processes of one host to within {@link REFRESH_MS}. */
export function bootClockMs(): number {
  const sinceRead = performance.now() - read.monotonicMs;
  if (process.platform !== 'linux' || sinceRead < REFRESH_MS) return read.uptimeMs + sinceRead;
  // In this order: a pause of this process between the two would otherwise look like a suspend, and never be put right.
  const uptimeMs = uptime() * 1000;
  const monotonicMs = performance.now();
  const before = read.uptimeMs + monotonicMs - read.monotonicMs;
  // The file has a resolution of 10 ms: only a real jump (a suspend) moves the reading ahead of the monotonic clock.
  read = { uptimeMs: uptimeMs > before + REFRESH_MS ? uptimeMs : before, monotonicMs };
  return read.uptimeMs;
}

/** An id that changes with each boot of the host; process ids mean something only together with it. */
export function hostBootId(): string {
  try {
    return readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
  } catch {
    // Without the kernel's own id the minute of the boot tells two boots apart.
    return `boot-${Math.round((Date.now() / 1000 - uptime()) / 60)}`;
  }
}
